/* signals.c: see signals.h. */
#include "signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int listened[2] = {SIGINT, SIGTERM};

static void leave(int signum) {
    fflush(NULL);
    _exit(128 + signum);
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

static void first_signal(neap_job *job) {
    signals *s = job->ud;
    bool ending;
    lua_pushcfunction(s->L, tell);
    lua_pushstring(s->L, s->signum == SIGINT ? "SIGINT" : "SIGTERM");
    ending = lua_pcall(s->L, 1, 1, 0) == LUA_OK && lua_toboolean(s->L, -1);
    lua_pop(s->L, 1);
    if (!ending) leave(s->signum);
}

static void on_signal(uv_signal_t *handle, int signum) {
    signals *s = handle->data;
    if (s->signum != 0) leave(signum);
    s->signum = signum;
    neap_loop_post(l_loop(s->L), &s->job);
}

void signals_open(signals *s, lua_State *L) {
    int i;
    memset(s, 0, sizeof *s);
    s->L = L;
    s->job.run = first_signal;
    s->job.ud = s;
    for (i = 0; i < 2; i++) {
        uv_signal_init(neap_loop_uv(l_loop(L)), &s->handles[i]);
        s->handles[i].data = s;
        uv_signal_start(&s->handles[i], on_signal, listened[i]);
        uv_unref((uv_handle_t *)&s->handles[i]); /* a signal is nothing to wait for */
    }
}

void signals_close(signals *s) {
    neap_loop *loop = l_loop(s->L);
    neap_loop_unpost(loop, &s->job);
    uv_close((uv_handle_t *)&s->handles[0], NULL);
    uv_close((uv_handle_t *)&s->handles[1], NULL);
    uv_run(neap_loop_uv(loop), UV_RUN_NOWAIT); /* the handles live on our caller's stack */
}
