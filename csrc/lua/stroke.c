/* stroke.c: see stroke.h. See spec/c/test_limits.c.
 *
 * The clock is read here directly, not by the loop: this measures computing, which takes its time on a virtual
 * clock, too.
 *
 * A hook that is only set when a stroke has lasted long would cost nothing before. But a thread that sets it races with
 * the coroutine that runs: lua_sethook goes through its calls, which come and go meanwhile, and writes into them. And
 * signals, in whose handlers Lua allows it, are the host's, may be blocked, and do not find the innermost coroutine
 * where Lua's own functions have resumed it. */
#include "stroke.h"

#include <lualib.h>
#include <stddef.h>
#include <stdio.h>
#include <uv.h>

/* Instructions between two looks at the clock: that there is a hook costs more than the looks do (FEASIBILITY.md 6).
 * Each may call a C function that takes long: then it looks more often, and so it does at first. */
#define STEP 1000
#define CAREFUL_STEP 100
#define LONG_PART 16 /* of the limit: what takes long */
#define SHORTEST_NS 1000000 /* of what a stop leaves: then there is nothing left */

static void on_count(lua_State *L, lua_Debug *ar);

static void watch(lua_State *co, int step) {
    if (lua_gethook(co) == on_count && lua_gethookcount(co) == step) return;
    lua_sethook(co, on_count, LUA_MASKCOUNT, step);
}

static int64_t now_ns(void) {
    return (int64_t)uv_hrtime();
}

static void arm(const l_runtime *rt, l_stroke *s) {
    s->begin_ns = s->looked_ns = now_ns();
    s->left_ns = rt->time_limit_ns;
    s->end_ns = s->begin_ns + s->left_ns;
}

void l_stroke_begin(l_runtime *rt, l_stroke *s, lua_State *co) {
    s->outer = rt->stroke;
    s->end_ns = 0;
    s->suspended = NULL;
    s->stopped = false;
    s->running = co;
    rt->stroke = s;
    if (rt->time_limit_ns == 0) return;
    arm(rt, s);
    watch(co, CAREFUL_STEP);
}

void l_stroke_end(l_runtime *rt, l_stroke *s) {
    l_stroke *outer = s->outer;
    int64_t took;
    rt->stroke = outer;
    if (s->end_ns == 0 || outer == NULL || outer->end_ns == 0) return;
    took = now_ns() - s->begin_ns;
    outer->begin_ns += took;
    outer->end_ns += took;
}

bool l_stroke_close(l_runtime *rt, lua_State *co) {
    l_stroke s;
    int status;
    l_stroke_begin(rt, &s, co);
#if LUA_VERSION_RELEASE_NUM >= 50406
    status = lua_closethread(co, NULL);
#else
    status = lua_resetthread(co);
#endif
    l_stroke_end(rt, &s);
    return status == LUA_OK;
}

/* --- stopping ------------------------------------------------------------------------------ */

/* Says where L is: in the Lua function that runs, or has called the C function that does. Allocates nothing. */
static void note_where(lua_State *L, l_stroke *s) {
    lua_Debug ar;
    int level;
    s->where[0] = '\0';
    for (level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline <= 0) continue;
        snprintf(s->where, sizeof s->where, "%s:%d", ar.short_src, ar.currentline);
        return;
    }
}

int l_stroke_error(lua_State *L) {
    const l_stroke *s = lua_touserdata(L, 1);
    neap_err err;
    neap_err_set(&err, NEAP_ETIMEOUT, "the script computed for %.3g s without waiting (limit %.3g s)",
                 (double)s->took_ns / 1e9, (double)l_runtime_get(L)->time_limit_ns / 1e9);
    l_push_error(L, &err);
    if (s->where[0] == '\0') return 1;
    lua_pushstring(L, s->where);
    lua_setfield(L, -2, "where");
    return 1;
}

/* The first members of Lua 5.4's lua_State. */
struct state_head {
    void *next;
    unsigned char type, marked, status, allow_hook;
};

/* An error that leaves a hook finds hooks switched off, until a pcall catches it: message handlers, and the <close>
 * variables of a coroutine in which nobody does, would run for ever if they wanted. Lua has no function that switches
 * them on. Where a state looks otherwise than in all of Lua 5.4, it is left as it is. */
static void switch_hooks_on(lua_State *L) {
    unsigned char *head = (unsigned char *)L, *allow_hook = head + offsetof(struct state_head, allow_hook);
    bool known = lua_version(L) == 504 && head[offsetof(struct state_head, type)] == LUA_TTHREAD &&
                 head[offsetof(struct state_head, status)] == lua_status(L);
    if (known && *allow_hook == 0) *allow_hook = 1;
}

/* Raises the error in L, which cannot yield. */
static int raise_stop(lua_State *L, l_stroke *s) {
    switch_hooks_on(L);
    s->left_ns /= 2;
    if (s->left_ns < SHORTEST_NS) watch(L, 1);
    else s->end_ns = now_ns() + s->left_ns;
    lua_pushcfunction(L, l_stroke_error);
    lua_pushlightuserdata(L, s);
    lua_call(L, 1, 1);
    return lua_error(L);
}

/* Ends what L runs. In its hook, or the end of a C function that it has called. */
static int stop(lua_State *L, l_stroke *s) {
    if (!s->stopped) {
        s->stopped = true;
        s->took_ns = now_ns() - s->begin_ns;
        note_where(L, s);
    }
    if (!lua_isyieldable(L)) return raise_stop(L, s);
    s->suspended = L;
    return lua_yield(L, 0);
}

/* Looks at the clock; sets L's next look. False: the time is over. */
static bool look(const l_runtime *rt, l_stroke *s, lua_State *L) {
    int64_t now, took;
    if (s->end_ns == 0) arm(rt, s); /* it has got its limit while it runs */
    now = now_ns();
    if (now >= s->end_ns) return false;
    took = now - s->looked_ns;
    s->looked_ns = now;
    watch(L, took < rt->time_limit_ns / LONG_PART ? STEP : CAREFUL_STEP);
    return true;
}

/* The hook of every coroutine. */
static void on_count(lua_State *L, lua_Debug *ar) {
    const l_runtime *rt = l_runtime_get(L);
    (void)ar;
    if (rt->time_limit_ns == 0) lua_sethook(L, NULL, 0, 0);
    else if (rt->stroke != NULL && !look(rt, rt->stroke, L)) stop(L, rt->stroke);
}

void l_stroke_hurry(void *runtime) {
    const l_runtime *rt = runtime;
    if (rt->time_limit_ns > 0 && rt->stroke != NULL) watch(rt->stroke->running, 1);
}

/* --- resuming ------------------------------------------------------------------------------ */

/* [...] -> [..., true, values] of a coroutine that has yielded or returned `count` of them. */
static int give_values(lua_State *L, lua_State *co, int count) {
    if (!lua_checkstack(L, count + 1)) {
        lua_pop(co, count);
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "too many results to resume");
        return 2;
    }
    lua_pushboolean(L, 1);
    lua_xmove(co, L, count);
    return count + 1;
}

static int give_error(lua_State *L, lua_State *co) {
    lua_pushboolean(L, 0);
    lua_xmove(co, L, 1);
    return 2;
}

/* [arguments] -> results of coroutine.resume. */
static int resume(l_runtime *rt, lua_State *L, lua_State *co, int nargs) {
    l_stroke *s = rt->stroke;
    int status, count = 0;
    if (!lua_checkstack(co, nargs)) {
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "too many arguments to resume");
        return 2;
    }
    lua_xmove(L, co, nargs);
    if (s != NULL) s->running = co;
    status = lua_resume(co, L, nargs, &count);
    if (s != NULL) s->running = L;
    if (s != NULL && s->suspended == co) {
        s->suspended = NULL;
        l_stroke_close(rt, co);
        lua_settop(co, 0);
        return stop(L, s);
    }
    if (status == LUA_OK || status == LUA_YIELD) return give_values(L, co, count);
    return give_error(L, co);
}

int l_stroke_resume(lua_State *L) {
    l_runtime *rt = l_runtime_get(L);
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co != NULL, 1, "coroutine");
    if (rt->time_limit_ns > 0 && rt->stroke != NULL) {
        if (!look(rt, rt->stroke, L)) return stop(L, rt->stroke);
        if (lua_gethook(co) != on_count || lua_gethookcount(co) == 1) watch(co, STEP);
    }
    return resume(rt, L, co, lua_gettop(L) - 1);
}

/* --- the limit ----------------------------------------------------------------------------- */

static int refuse_hook(lua_State *L) {
    return luaL_error(L, "debug.sethook is not for scripts where their computing time is limited");
}

/* Keeps what would take a coroutine out of the limit from scripts. */
static void close_ways_out(lua_State *L) {
    if (lua_getglobal(L, LUA_DBLIBNAME) == LUA_TTABLE) {
        lua_pushcfunction(L, refuse_hook);
        lua_setfield(L, -2, "sethook");
    }
    lua_pop(L, 1);
    l_finaliser_guard(L);
}

void l_runtime_set_time_limit(l_runtime *rt, int64_t ns) {
    if (ns > 0) close_ways_out(rt->L);
    rt->time_limit_ns = ns;
    if (ns > 0) watch(rt->L, STEP);
    else lua_sethook(rt->L, NULL, 0, 0);
}
