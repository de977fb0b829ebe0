/* finaliser.c: __gc functions of scripts under a limit of computing time. Lua runs them with hooks switched off, in
 * whichever coroutine collects: under a limit each gets a coroutine and a stroke of its own. See stroke.h. */
#include "stroke.h"

static const char stopped_key; /* registry key: function -> true, weak, of those that were stopped */

static void push_stopped(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &stopped_key) == LUA_TTABLE) return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &stopped_key);
}

/* A class may have very many objects: one is enough to know its finaliser. */
static bool was_stopped(lua_State *L, int fn) {
    bool stopped;
    push_stopped(L);
    lua_pushvalue(L, fn);
    stopped = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return stopped;
}

static void note_stopped(lua_State *L, int fn) {
    push_stopped(L);
    lua_pushvalue(L, fn);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* Runs what is on co's stack and closes it, where an error is left; tells whether it was stopped. */
static bool run(l_runtime *rt, lua_State *L, lua_State *co, bool *failed) {
    l_task *current = rt->current;
    l_stroke stroke;
    int count;
    rt->current = NULL; /* it cannot wait */
    l_stroke_begin(rt, &stroke, co);
    (void)lua_resume(co, L, 1, &count);
    l_stroke_end(rt, &stroke);
    *failed = !l_stroke_close(rt, co);
    rt->current = current;
    return stroke.stopped;
}

/* The __gc that takes the place of the script's, which is its upvalue: [object] -> */
static int finalise(lua_State *L) {
    int fn = lua_upvalueindex(1);
    lua_State *co;
    bool failed;
    if (was_stopped(L, fn)) return 0;
    lua_settop(L, 1);
    co = lua_newthread(L);
    lua_pushvalue(L, fn);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 2);
    if (run(l_runtime_get(L), L, co, &failed)) note_stopped(L, fn);
    if (!failed) return 0;
    lua_xmove(co, L, 1);
    return lua_error(L); /* Lua makes a warning of it */
}

/* [object, metatable] */
static void guard(lua_State *L) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) == LUA_TFUNCTION && !lua_iscfunction(L, -1)) {
        lua_pushcclosure(L, finalise, 1);
        lua_pushliteral(L, "__gc");
        lua_insert(L, -2);
        lua_rawset(L, 2);
    } else {
        lua_pop(L, 1);
    }
}

/* setmetatable(table, metatable | nil) -> table: as Lua's own                                  [-2, +1, e] */
static int set_metatable(lua_State *L) {
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) return luaL_error(L, "cannot change a protected metatable");
    if (type == LUA_TTABLE) guard(L);
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

void l_finaliser_guard(lua_State *L) {
    lua_pushcfunction(L, set_metatable);
    lua_setglobal(L, "setmetatable");
}
