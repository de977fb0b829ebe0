/* json.c: binding of core/json.h: marks and options; json_decode.c decodes, json_encode.c encodes. Lua:
 * neap.native.json. See spec/lua/json_spec.lua. */
#include <string.h>

#include "../core/json_sort.h"
#include "box.h"
#include "l_json.h"

/* ---- options ---- */

void l_json_check_opts(lua_State *L, int idx, const char *const names[]) {
    if (lua_isnoneornil(L, idx)) return;
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        int i = 0;
        while (name != NULL && names[i] != NULL && strcmp(name, names[i]) != 0) i++;
        if (name == NULL) luaL_argerror(L, idx, "option names are strings");
        if (names[i] == NULL)
            luaL_argerror(L, idx, lua_pushfstring(L, "unknown option '%s'", name));
        lua_pop(L, 1);
    }
}

/* Pushes an option, if it is given. Returns its type. */
static int push_opt(lua_State *L, int idx, const char *name) {
    if (lua_isnoneornil(L, idx)) return LUA_TNIL;
    lua_pushstring(L, name);
    if (lua_rawget(L, idx) != LUA_TNIL) return lua_type(L, -1);
    lua_pop(L, 1);
    return LUA_TNIL;
}

static void bad_opt(lua_State *L, int idx, const char *name, const char *wanted) {
    luaL_argerror(L, idx, lua_pushfstring(L, "option '%s': %s expected", name, wanted));
}

bool l_json_opt_bool(lua_State *L, int idx, const char *name) {
    bool value;
    int type = push_opt(L, idx, name);
    if (type == LUA_TNIL) return false;
    if (type != LUA_TBOOLEAN) bad_opt(L, idx, name, "boolean");
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

lua_Integer l_json_opt_int(lua_State *L, int idx, const char *name, lua_Integer otherwise,
                           lua_Integer min, lua_Integer max) {
    lua_Integer value;
    int is_int = 0, type = push_opt(L, idx, name);
    if (type == LUA_TNIL) return otherwise;
    value = type == LUA_TNUMBER ? lua_tointegerx(L, -1, &is_int) : 0;
    if (!is_int || value < min || value > max)
        bad_opt(L, idx, name, lua_pushfstring(L, "integer from %I to %I", (LUAI_UACINT)min,
                                              (LUAI_UACINT)max));
    lua_pop(L, 1);
    return value;
}

bool l_json_opt_either(lua_State *L, int idx, const char *name, const char *first,
                       const char *second) {
    const char *given;
    bool is_second;
    int type = push_opt(L, idx, name);
    if (type == LUA_TNIL) return false;
    given = type == LUA_TSTRING ? lua_tostring(L, -1) : "";
    is_second = strcmp(given, second) == 0;
    if (!is_second && strcmp(given, first) != 0)
        bad_opt(L, idx, name, lua_pushfstring(L, "'%s' or '%s'", first, second));
    lua_pop(L, 1);
    return is_second;
}

/* ---- marks ---- */

/* THROWS if the table at 1 has a metatable that is not one of ours. */
static void check_unmarked(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!lua_getmetatable(L, 1)) return;
    if (!lua_rawequal(L, -1, JSON_ARRAYS)) {
        lua_pushliteral(L, "__name");
        lua_rawget(L, -2);
        lua_pushliteral(L, JSON_OBJECT_MT);
        luaL_argcheck(L, lua_rawequal(L, -1, -2), 1, "the table has a metatable of its own");
    }
    lua_settop(L, 2);
}

/* json.array(t?) -> t                                                       [-0, +1, e] */
static int l_json_array(lua_State *L) {
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    check_unmarked(L);
    lua_pushvalue(L, JSON_ARRAYS);
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

/* json.is_array(v) -> boolean                                               [-0, +1, -] */
static int l_json_is_array(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, lua_type(L, 1) == LUA_TTABLE && lua_getmetatable(L, 1) &&
                           lua_rawequal(L, -1, JSON_ARRAYS));
    return 1;
}

/* Pushes a copy of the list of keys at 2, each key once. */
static void copy_keys(lua_State *L) {
    lua_Integer count = luaL_len(L, 2), kept = 0;
    lua_newtable(L); /* the copy */
    lua_newtable(L); /* key -> true */
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_geti(L, 2, i) != LUA_TSTRING) luaL_argerror(L, 2, "list of strings expected");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TNIL) {
            lua_pushvalue(L, -2);
            lua_pushboolean(L, 1);
            lua_rawset(L, -5);
            lua_pushvalue(L, -2);
            lua_rawseti(L, -5, ++kept);
        }
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

/* json.object(t?, keys?) -> t                                               [-0, +1, e] */
static int l_json_object(lua_State *L) {
    lua_settop(L, 2);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    check_unmarked(L);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_pushvalue(L, 1);
    copy_keys(L);
    l_json_set_order(L);
    return 1;
}

/* json.sort(s) -> s with all keys sorted, in its own tokens | nil, err; see core/json_sort.h [-0, +1|2, m] */
static int l_json_sort(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    neap_buf *out = l_box_push(L);
    neap_err err;
    return neap_json_sort(out, text, len, &err) < 0 ? l_fail(L, &err) : l_box_take(L, out);
}

/* ---- module ---- */

static const luaL_Reg funcs[] = {{"encode", l_json_encode},
                                 {"decode", l_json_decode},
                                 {"array", l_json_array},
                                 {"is_array", l_json_is_array},
                                 {"object", l_json_object},
                                 {"sort", l_json_sort},
                                 {NULL, NULL}};

int luaopen_neap_json(lua_State *L) {
    l_json_decode_init(L);
    l_json_encode_init(L);
    luaL_newlibtable(L, funcs);
    luaL_newmetatable(L, JSON_ARRAY_MT);
    lua_pushnil(L);
    luaL_setfuncs(L, funcs, 2);
    lua_pushlightuserdata(L, NULL); /* what cjson.null is */
    lua_setfield(L, -2, "null");
    return 1;
}
