/* signals.c: see signals.h. A handler of our own instead of libuv's: that one only speaks when the loop
 * runs, and a script in an endless loop must end at the second signal all the same. */
#include "signals.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    int signum;
    const char *name;
} listened[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}};
enum { LISTENED = sizeof listened / sizeof listened[0] };

static volatile sig_atomic_t first_signum; /* 0: none yet */
static volatile sig_atomic_t write_fd = -1;

static void leave(int signum) {
    fflush(NULL);
    _exit(128 + signum);
}

/* Async-signal-safe. */
static void on_signal(int signum) {
    ssize_t written;
    if (first_signum != 0) _exit(128 + signum);
    first_signum = signum;
    written = write(write_fd, "", 1);
    (void)written; /* the pipe is empty: there is room */
}

/* neap.cli.on_signal(name) -> true when something is ending now */
static int tell(lua_State *L) {
    lua_getglobal(L, "require");
    lua_pushliteral(L, "neap.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "on_signal");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static const char *name_of(int signum) {
    int i = 0;
    while (i < LISTENED - 1 && listened[i].signum != signum) i++;
    return listened[i].name;
}

static void first_signal(neap_job *job) {
    signals *s = job->ud;
    bool ending;
    lua_pushcfunction(s->L, tell);
    lua_pushstring(s->L, name_of(first_signum));
    ending = lua_pcall(s->L, 1, 1, 0) == LUA_OK && lua_toboolean(s->L, -1);
    lua_pop(s->L, 1);
    if (!ending) leave(first_signum);
}

static void on_readable(uv_poll_t *watch, int status, int events) {
    signals *s = watch->data;
    (void)status;
    (void)events;
    uv_poll_stop(watch);
    neap_loop_post(l_loop(s->L), &s->job);
}

/* Under nohup the end of the terminal is ignored, and stays so. */
static bool is_ignored(int signum) {
    struct sigaction present;
    return signum == SIGHUP && sigaction(signum, NULL, &present) == 0 && present.sa_handler == SIG_IGN;
}

static void install(void (*handler)(int)) {
    struct sigaction action;
    int i;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < LISTENED; i++) {
        if (!is_ignored(listened[i].signum)) sigaction(listened[i].signum, &action, NULL);
    }
}

void signals_open(signals *s, lua_State *L) {
    uv_loop_t *uv = neap_loop_uv(l_loop(L));
    int fds[2];
    *s = (signals){.L = L, .read_fd = -1};
    s->job.run = first_signal;
    s->job.ud = s;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) return;
    if (uv_poll_init(uv, &s->watch, fds[0]) < 0) {
        close(fds[0]);
        close(fds[1]);
        return;
    }
    s->read_fd = fds[0];
    write_fd = fds[1];
    s->watch.data = s;
    uv_poll_start(&s->watch, UV_READABLE, on_readable);
    uv_unref((uv_handle_t *)&s->watch); /* a signal is nothing to wait for */
    install(on_signal);
}

void signals_close(signals *s) {
    neap_loop *loop = l_loop(s->L);
    if (s->read_fd < 0) return;
    install(SIG_DFL);
    neap_loop_unpost(loop, &s->job);
    uv_close((uv_handle_t *)&s->watch, NULL);
    uv_run(neap_loop_uv(loop), UV_RUN_NOWAIT); /* the handle lives on our caller's stack */
    close(s->read_fd);
    close(write_fd);
    write_fd = -1;
}
