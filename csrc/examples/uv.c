/* uv.c: Neap in the loop of libuv, beside a timer and a signal of the host's own: runs a script, and says meanwhile
 * how it goes.
 *
 *     gcc -std=c11 uv.c -o uv $(pkg-config --cflags --libs neap libuv)
 *     ./uv FILE
 *
 * SIGTERM stops it: the script gets five seconds to end. */
#define _POSIX_C_SOURCE 200809L /* what uv.h needs of pthread.h */
#include <neap/neap.h>
#include <stdio.h>
#include <uv.h>

enum { GRACE_MS = 5000, TICK_MS = 20 };

typedef struct host {
    neap *n;
    uv_poll_t work; /* on Neap's descriptor */
    uv_timer_t tick;
    uv_signal_t stop;
    int ticks;
    int code; /* how the script has ended */
} host;

/* The script has ended: from neap_dispatch. Without open handles uv_run returns. */
static void on_done(void *ud, const neap_result *result) {
    host *h = ud;
    h->code = result->code;
    fprintf(result->code == 0 ? stdout : stderr, "%s\n", result->text);
    printf("%d ticks\n", h->ticks);
    uv_close((uv_handle_t *)&h->work, NULL);
    uv_close((uv_handle_t *)&h->tick, NULL);
    uv_close((uv_handle_t *)&h->stop, NULL);
}

static void on_work(uv_poll_t *work, int status, int events) {
    const host *h = work->data;
    (void)status;
    (void)events;
    neap_dispatch(h->n);
}

static void on_tick(uv_timer_t *tick) {
    host *h = tick->data;
    h->ticks++;
}

static void on_signal(uv_signal_t *stop, int number) {
    const host *h = stop->data;
    (void)number;
    neap_drain(h->n, GRACE_MS);
}

static void watch(host *h, uv_loop_t *loop) {
    uv_poll_init(loop, &h->work, neap_poll_fd(h->n));
    uv_timer_init(loop, &h->tick);
    uv_signal_init(loop, &h->stop);
    h->work.data = h->tick.data = h->stop.data = h;
    uv_poll_start(&h->work, UV_READABLE, on_work);
    uv_timer_start(&h->tick, on_tick, TICK_MS, TICK_MS);
    uv_signal_start(&h->stop, on_signal, SIGTERM);
}

int main(int argc, char **argv) {
    uv_loop_t *loop = uv_default_loop();
    host h = {.code = -1};
    int script;
    if (argc != 2 || neap_new(&h.n, NULL) < 0) return 1;
    if (neap_load_file(h.n, argv[1], &script) == 0 && neap_start(h.n, script, NULL, on_done, &h) != NULL) {
        watch(&h, loop);
        uv_run(loop, UV_RUN_DEFAULT);
    } else {
        fprintf(stderr, "%s\n", neap_message(h.n));
    }
    neap_free(h.n);
    uv_loop_close(loop);
    return h.code != 0;
}
