/* poll.c: Neap in a loop of poll(2): runs the scripts that it is given, all at the same time, and prints what they
 * return.
 *
 *     gcc -std=c11 poll.c -o poll $(pkg-config --cflags --libs neap)
 *     ./poll FILE...
 *
 * SIGTERM and SIGINT stop it: what runs gets five seconds to end. */
#define _POSIX_C_SOURCE 200809L /* sigaction */
#include <neap/neap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { GRACE_MS = 5000 };

static int stop_pipe[2]; /* what a signal handler may do: write a byte, which poll sees */
static int failures;

static void on_signal(int number) {
    ssize_t written = write(stop_pipe[1], "", 1);
    (void)number;
    (void)written;
}

static int watch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    if (pipe(stop_pipe) < 0) return -1;
    return sigaction(SIGTERM, &action, NULL) < 0 ? -1 : sigaction(SIGINT, &action, NULL);
}

/* A script has ended: from neap_dispatch. */
static void on_done(void *name, const neap_result *result) {
    if (result->code == 0) {
        printf("%s: %s\n", (const char *)name, result->text);
        return;
    }
    failures++;
    fprintf(stderr, "%s: %s\n", (const char *)name, result->text);
    if (result->trace != NULL) fprintf(stderr, "%s\n", result->trace);
}

static void start(neap *n, char *path) {
    int script;
    if (neap_load_file(n, path, &script) == 0 && neap_start(n, script, NULL, on_done, path) != NULL) return;
    failures++;
    fprintf(stderr, "%s\n", neap_message(n));
}

/* Until no script is left. */
static void run(neap *n) {
    struct pollfd fds[] = {{neap_poll_fd(n), POLLIN, 0}, {stop_pipe[0], POLLIN, 0}};
    while (neap_live(n) > 0) {
        char byte;
        if (poll(fds, 2, neap_timeout_ms(n)) < 0) continue; /* a signal: the pipe says so, too */
        if (fds[1].revents != 0 && read(stop_pipe[0], &byte, 1) == 1) neap_drain(n, GRACE_MS);
        neap_dispatch(n);
    }
}

int main(int argc, char **argv) {
    neap *n;
    int i;
    if (watch_signals() < 0 || neap_new(&n, NULL) < 0) return 1;
    for (i = 1; i < argc; i++) start(n, argv[i]);
    run(n);
    neap_free(n);
    return failures > 0;
}
