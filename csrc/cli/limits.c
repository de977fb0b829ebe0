/* limits.c: see limits.h. See spec/cli/serve_limits_spec.lua. */
#include "limits.h"

#include <lauxlib.h>

#include "lua/runtime.h"

/* limits.set(bytes, seconds): what scripts may hold, all together, and how long each may compute between two waits;
 * 0: no limit. Both count from now on                                                       [-2, +0, e] */
static int l_limits_set(lua_State *L) {
    neap *n = lua_touserdata(L, lua_upvalueindex(1));
    lua_Integer bytes = luaL_checkinteger(L, 1);
    lua_Number seconds = luaL_checknumber(L, 2);
    luaL_argcheck(L, bytes >= 0, 1, "out of range");
    luaL_argcheck(L, seconds >= 0 && seconds <= 1e9, 2, "out of range");
    l_runtime_set_time_limit(l_runtime_get(L), (int64_t)(seconds * NEAP_SECOND));
    neap__set_memory_limit(n, (size_t)bytes);
    return 0;
}

static int open_limits(lua_State *L) {
    lua_newtable(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, l_limits_set, 1);
    lua_setfield(L, -2, "set");
    return 1;
}

void limits_preload(lua_State *L, neap *n) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushlightuserdata(L, n);
    lua_pushcclosure(L, open_limits, 1);
    lua_setfield(L, -2, "neap.native.limits");
    lua_pop(L, 1);
}
