/* loop.c: the host's side of the loop, for hosts that are Lua programs. Lua: neap.native.loop; scripts see it as
 * neap.loop (lua/neap/loop.lua). See spec/stock/. */
#include "task_own.h"

/* Calls on_done, outside of the task that may have cancelled this one, with true and the results or false and the
 * error. Nothing throws once it was called. */
static void start_done(void *ud, lua_State *L, bool failed, int count) {
    l_task *t = ud, *current = t->rt->current;
    int i;
    if (L == NULL) return;
    luaL_checkstack(L, count + 3, "too many results");
    l_task_push(L, t);
    lua_getiuservalue(L, -1, USER_KEPT);
    lua_pushboolean(L, !failed);
    for (i = 0; i < count; i++) lua_pushvalue(L, -3 - count);
    t->rt->current = NULL;
    if (lua_pcall(L, count + 1, 0, 0) != LUA_OK) lua_pop(L, 1);
    t->rt->current = current;
}

/* loop.start(fn, on_done) -> task, a root that first runs in the next dispatch. on_done(ok, ...), outside of tasks,
 * gets what pcall would have returned; what it raises is lost.                                   [-2, +1, m] */
static int l_loop_start(lua_State *L) {
    l_task *t;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    t = l_task_start(L, 0, NULL, start_done, NULL);
    t->ud = t;
    lua_pushvalue(L, 2);
    l_task_keep(L, t);
    l_task_push(L, t);
    return 1;
}

/* loop.fd() -> descriptor, readable when there is work */
static int l_loop_fd(lua_State *L) {
    lua_pushinteger(L, neap_loop_fd(l_loop(L)));
    return 1;
}

/* loop.timeout_ms() -> milliseconds until there is work, rounded up; -1: none */
static int l_loop_timeout_ms(lua_State *L) {
    lua_pushinteger(L, neap_loop_timeout_ms(l_loop(L)));
    return 1;
}

/* loop.dispatch() : does what is due. Not from within itself.                                    [-0, +0, e] */
static int l_loop_dispatch(lua_State *L) {
    neap_loop *loop = l_loop(L);
    if (neap_loop_is_dispatching(loop)) return luaL_error(L, "the loop is dispatching");
    neap_loop_dispatch(loop);
    return 0;
}

/* loop.is_dispatching() -> boolean: is the caller in a task, or in the on_done of one? */
static int l_loop_is_dispatching(lua_State *L) {
    lua_pushboolean(L, neap_loop_is_dispatching(l_loop(L)));
    return 1;
}

/* loop.live() -> number of tasks that have not ended */
static int l_loop_live(lua_State *L) {
    lua_pushinteger(L, l_runtime_get(L)->task_count);
    return 1;
}

int luaopen_neap_loop(lua_State *L) {
    static const luaL_Reg funcs[] = {{"start", l_loop_start},
                                     {"fd", l_loop_fd},
                                     {"timeout_ms", l_loop_timeout_ms},
                                     {"dispatch", l_loop_dispatch},
                                     {"is_dispatching", l_loop_is_dispatching},
                                     {"live", l_loop_live},
                                     {NULL, NULL}};
    luaL_newlib(L, funcs);
    return 1;
}
