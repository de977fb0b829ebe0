/* task_run.c: the module neap.native.task: what a script sees of a task, and running a root task with
 * the loop, for the CLI and a stock interpreter. */
#include "stroke.h"
#include "task_own.h"

/* task:cancel() : ends it at its present wait; its <close> variables run, its children end first. */
static int l_task_cancel_method(lua_State *L) {
    l_task_cancel(l_task_check(L, 1));
    return 0;
}

static const char *state_name(const l_task *t) {
    static const char *const live[] = {"ready", "running", "waiting", "ending"};
    static const char *const ended[] = {"done", "failed", "cancelled"};
    return t->state == TASK_ENDED ? ended[t->outcome] : live[t->state];
}

/* task:status() -> "ready" | "running" | "waiting" | "ending" | "done" | "failed" | "cancelled" */
static int l_task_status(lua_State *L) {
    lua_pushstring(L, state_name(l_task_check(L, 1)));
    return 1;
}

/* task:traceback() -> string | nil, kept when it failed */
static int l_task_traceback(lua_State *L) {
    l_task_check(L, 1);
    if (lua_getiuservalue(L, 1, USER_TRACEBACK) != LUA_TSTRING) lua_pushnil(L);
    return 1;
}

static int l_task_str(lua_State *L) {
    const l_task *t = l_task_check(L, 1);
    lua_pushfstring(L, "%s (%s): %p", TASK_MT, state_name(t), (const void *)t);
    return 1;
}

/* task.current() -> task | nil */
static int l_task_current(lua_State *L) {
    l_task *t = l_runtime_get(L)->current;
    if (t == NULL) lua_pushnil(L);
    else l_task_push(L, t);
    return 1;
}

/* task.running() -> coroutine, is it the main one: as Lua's own; see thread.h */
static int l_task_running(lua_State *L) {
    l_task *t = l_runtime_get(L)->current;
    bool is_main = lua_pushthread(L);
    if (t != NULL && t->co == L) t->shown = true;
    lua_pushboolean(L, is_main);
    return 2;
}

/* task.attached() -> the value that was attached to the running task, nil: none, or outside of tasks */
static int l_task_attached(lua_State *L) {
    l_task *t = l_runtime_get(L)->current;
    if (t == NULL) {
        lua_pushnil(L);
        return 1;
    }
    l_task_push(L, t);
    lua_getiuservalue(L, -1, USER_ATTACHED);
    return 1;
}

/* task.attach(task, value) : lets the library know a task again, by a value that lives as long as it */
static int l_task_attach(lua_State *L) {
    l_task_check(L, 1);
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, USER_ATTACHED);
    return 0;
}

/* task.stats() -> { tasks, timers, jobs, holds, handles }: what is still alive */
static int l_task_stats(lua_State *L) {
    l_runtime *rt = l_runtime_get(L);
    neap_loop_stats s;
    neap_loop_get_stats(rt->loop, &s);
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, rt->task_count);
    lua_setfield(L, -2, "tasks");
    lua_pushinteger(L, s.timers);
    lua_setfield(L, -2, "timers");
    lua_pushinteger(L, s.jobs);
    lua_setfield(L, -2, "jobs");
    lua_pushinteger(L, s.holds);
    lua_setfield(L, -2, "holds");
    lua_pushinteger(L, s.handles);
    lua_setfield(L, -2, "handles");
    return 1;
}

/* --- run: a root task and the loop, for the CLI and a stock interpreter --------------------------- */

typedef struct run_state {
    bool running;
    bool failed;
    int results; /* registry reference of a table with the results, n in field "n" */
} run_state;

static void run_done(void *ud, lua_State *L, bool failed, int count) {
    run_state *r = ud;
    int i;
    r->running = false;
    r->failed = failed;
    if (L == NULL) return; /* no results: no memory */
    lua_createtable(L, count, 1);
    for (i = count; i >= 1; i--) {
        lua_pushvalue(L, -1 - count + i - 1);
        lua_rawseti(L, -2, i);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, -2, "n");
    r->results = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int push_results(lua_State *L, const run_state *r) {
    int i, count;
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->results);
    luaL_unref(L, LUA_REGISTRYINDEX, r->results);
    lua_getfield(L, -1, "n");
    count = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    luaL_checkstack(L, count, "too many results");
    for (i = 1; i <= count; i++) lua_rawgeti(L, -i, i);
    return r->failed ? lua_error(L) : count;
}

/* task.run(fn, ...) -> its results: starts a root task and dispatches until it has ended. Raises what
 * fn raised. Not from inside a task. */
static int l_task_run(lua_State *L) {
    l_runtime *rt = l_runtime_get(L);
    run_state r = {.running = true, .results = LUA_NOREF};
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (rt->current != NULL || neap_loop_is_dispatching(rt->loop)) {
        return luaL_error(L, "neap.run inside a task: call the function itself");
    }
    l_task_start(L, lua_gettop(L) - 1, NULL, run_done, &r);
    if (!neap_loop_run(rt->loop, &r.running)) {
        l_runtime_cancel_all(rt);
        return luaL_error(L, "deadlock: every task waits for another");
    }
    if (r.results == LUA_NOREF) return luaL_error(L, "not enough memory");
    return push_results(L, &r);
}

/* task.check_can_wait() : raises where nothing can wait, with the reason */
static int l_task_check_can_wait(lua_State *L) {
    l_check_can_wait(L);
    return 0;
}

/* Pushes the table of the coroutines that neap.coroutine is running. */
static void push_passing(lua_State *L) {
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &l_task_passing_key);
}

/* For coroutine.lua: task.sentinel, what a waiting native yields, and task.passing, a table in which
 * it marks the coroutines whose waits it passes up. */
int luaopen_neap_task(lua_State *L) {
    static const luaL_Reg methods[] = {{"await", l_task_await},
                                       {"cancel", l_task_cancel_method},
                                       {"status", l_task_status},
                                       {"traceback", l_task_traceback},
                                       {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__tostring", l_task_str}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"spawn", l_task_spawn},
                                     {"spawn_work", l_task_spawn_work},
                                     {"detach", l_task_detach},
                                     {"check_can_wait", l_task_check_can_wait},
                                     {"current", l_task_current},
                                     {"running", l_task_running},
                                     {"attached", l_task_attached},
                                     {"attach", l_task_attach},
                                     {"first", l_task_first},
                                     {"resume", l_stroke_resume},
                                     {"stats", l_task_stats},
                                     {"run", l_task_run},
                                     {NULL, NULL}};
    l_new_class(L, TASK_MT, methods, metas);
    l_task_open_waits(L);
    luaL_newlib(L, funcs);
    lua_pushlightuserdata(L, (void *)&l_task_sentinel);
    lua_setfield(L, -2, "sentinel");
    push_passing(L);
    lua_setfield(L, -2, "passing");
    lua_pushliteral(L, "coroutine.yield outside a coroutine");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &l_task_stray_yield_key);
    return 1;
}
