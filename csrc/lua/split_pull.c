/* split_pull.c: an iterator that takes records from a reader while it has some, without Lua on the way; part of
 * split.c's binding. A loop over millions of records spends its time in the calls between them. */
#include "l_split.h"

#define PULL_MT "neap.SplitPull"

enum { USER_READER = 1, USER_OTHERWISE = 2 }; /* user values */

#define PULL lua_upvalueindex(3) /* behind those of l_json.h */

typedef struct l_pull {
    l_reader *reader;  /* kept by the user value; NULL: none */
    lua_Integer taken; /* records, since they were asked for */
} l_pull;

static l_pull *check_pull(lua_State *L) {
    return luaL_checkudata(L, 1, PULL_MT);
}

static int end_next(lua_State *L, int status, lua_KContext ctx) {
    (void)L;
    (void)status;
    (void)ctx;
    return 1;
}

/* next() -> the reader's next record, if it has one at hand; else what otherwise() returns, which may wait.
 *                                                                                        [-n, +1, e] */
static int l_pull_next(lua_State *L) {
    l_pull *pull = lua_touserdata(L, PULL);
    if (pull->reader != NULL && l_split_push_easy(L, pull->reader)) {
        pull->taken++;
        return 1;
    }
    lua_getiuservalue(L, PULL, USER_OTHERWISE);
    lua_callk(L, 0, 1, 0, end_next);
    return end_next(L, LUA_OK, 0);
}

/* pull:use(reader?): from now on records come from that one; nil: from `otherwise` alone.   [-2, +0, e] */
static int l_pull_use(lua_State *L) {
    l_pull *pull = check_pull(L);
    pull->reader = NULL;
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) pull->reader = l_split_check(L, 2);
    lua_setiuservalue(L, 1, USER_READER);
    return 0;
}

/* pull:taken() -> how many records next has taken from readers since the last call          [-1, +1, e] */
static int l_pull_taken(lua_State *L) {
    l_pull *pull = check_pull(L);
    lua_pushinteger(L, pull->taken);
    pull->taken = 0;
    return 1;
}

int l_split_pull(lua_State *L) {
    l_pull *pull;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    pull = lua_newuserdatauv(L, sizeof *pull, 2);
    *pull = (l_pull){0};
    luaL_setmetatable(L, PULL_MT);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, USER_OTHERWISE);
    l_json_push_upvalues(L);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, l_pull_next, 3);
    lua_insert(L, 2);
    return 2;
}

void l_split_pull_init(lua_State *L) {
    static const luaL_Reg methods[] = {{"use", l_pull_use}, {"taken", l_pull_taken}, {NULL, NULL}};
    static const luaL_Reg none[] = {{NULL, NULL}};
    l_new_class(L, PULL_MT, methods, none);
}
