/* loop.c: see loop.h.
 *
 * One turn: let libuv report what its descriptors have, fire due timers, run jobs until none is left.
 * A timerfd in libuv's loop makes the host's descriptor readable at the next deadline; it is only
 * set again when an earlier deadline comes up, and a late one simply finds nothing due. */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "err.h"

/* Jobs and timers of one dispatch: a busy loop gives its host the thread back between batches. */
enum { BATCH = 256 };

struct neap_loop {
    uv_loop_t uv;
    uv_poll_t alarm_watch;   /* on alarm_fd */
    int alarm_fd;            /* timerfd, monotonic, absolute */
    int64_t alarm_ns;        /* what alarm_fd is set to; 0: not set */
    neap_timer_heap timers;
    neap_job jobs;           /* head of the ring of queued jobs */
    unsigned job_count;
    unsigned holds;
    int64_t now_ns;
    int64_t virtual_wall_ms; /* Unix time at virtual 0 */
    bool is_virtual;
    bool dispatching;
};

static int64_t read_clock(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * NEAP_SECOND + ts.tv_nsec;
}

void neap_loop_update(neap_loop *l) {
    if (!l->is_virtual) l->now_ns = read_clock(CLOCK_MONOTONIC);
}

static void set_alarm(neap_loop *l, int64_t due_ns) {
    struct itimerspec spec = {{0, 0}, {due_ns / NEAP_SECOND, (long)(due_ns % NEAP_SECOND)}};
    timerfd_settime(l->alarm_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    l->alarm_ns = due_ns;
}

/* Makes the descriptor readable when the host has to call again. A virtual deadline is due as soon
 * as no real operation is held. */
static void arm(neap_loop *l) {
    const neap_timer *first = neap_timer_heap_first(&l->timers);
    int64_t due = INT64_MAX;
    if (l->dispatching) return;
    if (l->job_count > 0 || (l->is_virtual && first != NULL && l->holds == 0)) due = 1;
    else if (!l->is_virtual && first != NULL) due = first->due_ns > 0 ? first->due_ns : 1;
    if (due != INT64_MAX && (l->alarm_ns == 0 || due < l->alarm_ns)) set_alarm(l, due);
}

static void on_alarm(uv_poll_t *watch, int status, int events) {
    neap_loop *l = watch->data;
    uint64_t expirations;
    (void)status;
    (void)events;
    if (read(l->alarm_fd, &expirations, sizeof expirations) < 0) assert(errno == EAGAIN);
    l->alarm_ns = 0;
}

static int open_alarm(neap_loop *l) {
    l->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->alarm_fd < 0) return NEAP_ENETWORK;
    if (uv_poll_init(&l->uv, &l->alarm_watch, l->alarm_fd) < 0) {
        close(l->alarm_fd);
        return NEAP_ENETWORK;
    }
    l->alarm_watch.data = l;
    uv_poll_start(&l->alarm_watch, UV_READABLE, on_alarm);
    return 0;
}

int neap_loop_open(neap_loop **out) {
    neap_loop *l = calloc(1, sizeof *l);
    if (l == NULL) return NEAP_ENOMEM;
    if (uv_loop_init(&l->uv) < 0) {
        free(l);
        return NEAP_ENETWORK;
    }
    if (open_alarm(l) < 0) {
        uv_loop_close(&l->uv);
        free(l);
        return NEAP_ENETWORK;
    }
    l->jobs.next = l->jobs.prev = &l->jobs;
    neap_loop_update(l);
    uv_run(&l->uv, UV_RUN_NOWAIT); /* registers the alarm: a host may poll before any dispatch */
    *out = l;
    return 0;
}

void neap_loop_close(neap_loop *l) {
    int rc;
    if (l == NULL) return;
    assert(l->timers.len == 0 && l->job_count == 0);
    uv_close((uv_handle_t *)&l->alarm_watch, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT); /* last close callbacks and thread-pool requests */
    rc = uv_loop_close(&l->uv);
    assert(rc == 0);
    (void)rc;
    close(l->alarm_fd);
    neap_timer_heap_deinit(&l->timers);
    free(l);
}

void neap_loop_set_virtual(neap_loop *l, int64_t wall_ms) {
    assert(l->timers.len == 0);
    l->is_virtual = true;
    l->virtual_wall_ms = wall_ms;
    l->now_ns = 0;
}

void neap_loop_set_real(neap_loop *l) {
    assert(l->timers.len == 0);
    l->is_virtual = false;
    neap_loop_update(l);
}

bool neap_loop_is_virtual(const neap_loop *l) {
    return l->is_virtual;
}

int64_t neap_loop_now_ns(const neap_loop *l) {
    return l->now_ns;
}

int64_t neap_loop_wall_ms(const neap_loop *l) {
    if (l->is_virtual) return l->virtual_wall_ms + l->now_ns / (NEAP_SECOND / 1000);
    return read_clock(CLOCK_REALTIME) / (NEAP_SECOND / 1000);
}

int neap_timer_start(neap_loop *l, neap_timer *t, int64_t due_ns) {
    int rc = neap_timer_heap_put(&l->timers, t, due_ns);
    arm(l);
    return rc;
}

void neap_timer_stop(neap_loop *l, neap_timer *t) {
    neap_timer_heap_drop(&l->timers, t);
}

void neap_loop_post(neap_loop *l, neap_job *job) {
    if (job->next != NULL) return;
    job->prev = l->jobs.prev;
    job->next = &l->jobs;
    job->prev->next = job;
    l->jobs.prev = job;
    l->job_count++;
    arm(l);
}

void neap_loop_unpost(neap_loop *l, neap_job *job) {
    if (job->next == NULL) return;
    job->prev->next = job->next;
    job->next->prev = job->prev;
    job->next = job->prev = NULL;
    l->job_count--;
}

void neap_loop_hold(neap_loop *l) {
    l->holds++;
}

void neap_loop_release(neap_loop *l) {
    assert(l->holds > 0);
    l->holds--;
}

uv_loop_t *neap_loop_uv(neap_loop *l) {
    return &l->uv;
}

static bool run_job(neap_loop *l) {
    neap_job *job = l->jobs.next;
    if (job == &l->jobs) return false;
    neap_loop_unpost(l, job);
    job->run(job);
    return true;
}

static bool fire_due(neap_loop *l) {
    neap_timer *first = neap_timer_heap_first(&l->timers);
    if (first == NULL || first->due_ns > l->now_ns) return false;
    neap_timer_heap_drop(&l->timers, first);
    first->cb(first);
    return true;
}

/* Jobs first; then, on a virtual clock with nothing under way, the next instant. */
static bool step_virtual(neap_loop *l) {
    const neap_timer *first = neap_timer_heap_first(&l->timers);
    if (run_job(l)) return true;
    if (first == NULL || l->holds > 0) return false;
    if (first->due_ns > l->now_ns) l->now_ns = first->due_ns;
    return fire_due(l);
}

static bool step_real(neap_loop *l) {
    return fire_due(l) || run_job(l);
}

/* Does up to one batch. Is more left? */
static bool run_batch(neap_loop *l) {
    int i;
    for (i = 0; i < BATCH; i++) {
        if (!(l->is_virtual ? step_virtual(l) : step_real(l))) return false;
    }
    return true;
}

/* Lets libuv report, in `mode`, then does a batch. Is more left? */
static bool turn(neap_loop *l, uv_run_mode mode) {
    bool more;
    l->dispatching = true; /* nothing needs the alarm meanwhile */
    uv_run(&l->uv, mode);
    neap_loop_update(l);
    more = run_batch(l);
    l->dispatching = false;
    return more;
}

int neap_loop_fd(const neap_loop *l) {
    return uv_backend_fd(&l->uv);
}

int neap_loop_timeout_ms(const neap_loop *l) {
    const neap_timer *first = neap_timer_heap_first(&l->timers);
    int64_t left_ns;
    if (l->job_count > 0 || uv_backend_timeout(&l->uv) == 0) return 0;
    if (first == NULL || (l->is_virtual && l->holds > 0)) return -1;
    if (l->is_virtual) return 0;
    left_ns = first->due_ns - read_clock(CLOCK_MONOTONIC);
    if (left_ns <= 0) return 0;
    left_ns = (left_ns + 999999) / 1000000;
    return left_ns > 86400000 ? 86400000 : (int)left_ns;
}

bool neap_loop_is_dispatching(const neap_loop *l) {
    return l->dispatching;
}

void neap_loop_dispatch(neap_loop *l) {
    if (l->dispatching) return;
    /* A watcher added in a callback is invisible to the host's poll until libuv runs again, and
     * says so by a zero time-out (FEASIBILITY.md 3). */
    while (!turn(l, UV_RUN_NOWAIT) && uv_backend_timeout(&l->uv) == 0) continue;
    if (uv_backend_timeout(&l->uv) == 0) uv_run(&l->uv, UV_RUN_NOWAIT);
    arm(l);
}

static void count_handle(uv_handle_t *handle, void *count) {
    if (!uv_is_closing(handle) && uv_has_ref(handle)) ++*(unsigned *)count;
}

/* Can nothing happen any more but a signal? On a virtual clock everything outside is held. */
static bool is_stuck(neap_loop *l) {
    unsigned handles = 0;
    if (l->job_count > 0 || l->timers.len > 0 || l->holds > 0) return false;
    if (!l->is_virtual) uv_walk(&l->uv, count_handle, &handles);
    return handles <= 1; /* the alarm */
}

bool neap_loop_run(neap_loop *l, const bool *running) {
    bool more = true;
    while (*running) {
        if (!more && is_stuck(l)) return false;
        if (!more) arm(l);
        more = turn(l, more ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
    return true;
}

void neap_loop_get_stats(neap_loop *l, neap_loop_stats *s) {
    *s = (neap_loop_stats){(unsigned)l->timers.len, l->job_count, l->holds, 0};
    uv_walk(&l->uv, count_handle, &s->handles);
    s->handles--; /* the alarm */
}
