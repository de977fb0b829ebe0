/* l_sink.c: see l_sink.h. */
#include "l_sink.h"

/* Key in the metatables of sinks. */
static const char sink_key;

void l_sink_mark(lua_State *L) {
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &sink_key);
}

l_sink *l_sink_check(lua_State *L, int idx) {
    l_sink *sink = lua_touserdata(L, idx);
    bool is_sink = false;
    if (sink != NULL && lua_getmetatable(L, idx)) {
        is_sink = lua_rawgetp(L, -1, &sink_key) == LUA_TBOOLEAN;
        lua_pop(L, 2);
    }
    luaL_argcheck(L, is_sink, idx, "a reader of records expected");
    return sink;
}
