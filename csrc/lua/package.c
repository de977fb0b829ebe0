/* package.c: see package.h. See spec/build/private_spec.sh. */
#include "package.h"

#include <dlfcn.h>
#include <lualib.h>
#include <string.h>

#include "thread.h"

#define REFUSAL "C modules cannot be loaded in this host: it keeps libneap's Lua private, and they would find another"

/* Is the Lua that a module finds by its symbols the one that runs this state? RTLD_DEFAULT would also look where
 * only this library does. */
static bool is_global(void) {
    void *everybody = dlopen(NULL, RTLD_NOW);
    void *found = everybody != NULL ? dlsym(everybody, "lua_gettop") : NULL;
    int (*ours)(lua_State *) = lua_gettop;
    if (everybody != NULL) dlclose(everybody);
    return memcmp(&found, &ours, sizeof found) == 0; /* C has no cast between them */
}

/* package.loadlib(...) -> nil, reason, "absent" */
static int refuse_library(lua_State *L) {
    lua_pushnil(L);
    lua_pushliteral(L, REFUSAL);
    lua_pushliteral(L, "absent");
    return 3;
}

/* searcher(name) -> the reason, if there is such a module                                     [-1, +1, e] */
static int refuse_module(lua_State *L) {
    luaL_checkstring(L, 1);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchpath");
    lua_pushvalue(L, 1);
    lua_getfield(L, -3, "cpath");
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2)) return 1; /* where it was looked for */
    lua_pushfstring(L, "%s (%s)", REFUSAL, lua_tostring(L, -2));
    return 1;
}

void l_package_restrict(lua_State *L) {
    lua_Integer last;
    if (is_global()) return;
    lua_getglobal(L, "package");
    lua_pushcfunction(L, refuse_library);
    lua_setfield(L, -2, "loadlib");
    lua_getfield(L, -1, "searchers");
    last = luaL_len(L, -1); /* those for C modules and for C modules in others are the last */
    lua_pushcfunction(L, refuse_module);
    lua_rawseti(L, -2, last - 1);
    lua_pushnil(L);
    lua_rawseti(L, -2, last);
    lua_pop(L, 2);
}

void l_package_use_coroutines(lua_State *L) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "neap.coroutine");
    lua_pushvalue(L, -1);
    lua_setglobal(L, LUA_COLIBNAME);
    lua_setfield(L, -2, LUA_COLIBNAME);
    lua_pop(L, 1);
    l_thread_open(L, l_runtime_get(L));
}
