/* thread.c: coroutines of tasks that are over, for tasks to come: half of what a short task costs is a coroutine's
 * stack. See spec/c/test_thread.c. */
#include "thread.h"

/* Idle ones: what a busy moment has needed is let go. */
enum { KEPT = 64 };

void l_thread_open(lua_State *L, l_runtime *rt) {
    if (rt->idle_list != 0) return;
    lua_createtable(L, KEPT, 0);
    rt->idle_list = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* A hook is a coroutine's own, and a new one has that of whoever makes it. */
static bool has_hook_of(lua_State *co, lua_State *L) {
    return lua_gethook(co) == lua_gethook(L) && lua_gethookmask(co) == lua_gethookmask(L);
}

/* [-0, +1, -] */
static lua_State *push_idle(lua_State *L, l_runtime *rt) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->idle_list);
    lua_rawgeti(L, -1, rt->idle_count);
    lua_pushnil(L);
    lua_rawseti(L, -3, rt->idle_count);
    lua_replace(L, -2);
    rt->idle_count--;
    return lua_tothread(L, -1);
}

lua_State *l_thread_push(lua_State *L, l_runtime *rt) {
    lua_State *co = rt->idle_count > 0 ? push_idle(L, rt) : NULL;
    if (co != NULL && has_hook_of(co, rt->L)) return co;
    if (co != NULL) lua_pop(L, 1);
    return lua_newthread(L);
}

void l_thread_keep(lua_State *L, l_runtime *rt) {
    const lua_State *co = lua_tothread(L, -1);
    if (co == NULL || rt->idle_list == 0 || rt->idle_count == KEPT) {
        lua_pop(L, 1);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->idle_list);
    lua_insert(L, -2);
    lua_rawseti(L, -2, ++rt->idle_count);
    lua_pop(L, 1);
}

void l_thread_drop(lua_State *L, l_runtime *rt) {
    if (rt->idle_count == 0) return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, rt->idle_list);
    for (; rt->idle_count > 0; rt->idle_count--) {
        lua_pushnil(L);
        lua_rawseti(L, -2, rt->idle_count);
    }
    lua_pop(L, 1);
}
