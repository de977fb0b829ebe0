/* l_common.c: see l_common.h. Waiting lives in task.c. */
#include "l_common.h"

#include <stdio.h>

void l_push_error(lua_State *L, const neap_err *err) {
    if (err->code == NEAP_ENOMEM) luaL_error(L, "not enough memory");
    lua_createtable(L, 0, 2);
    lua_pushstring(L, neap_err_kind(err->code));
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, err->message);
    lua_setfield(L, -2, "message");
    luaL_newmetatable(L, L_ERROR_MT);
    lua_setmetatable(L, -2);
}

int l_fail(lua_State *L, const neap_err *err) {
    lua_pushnil(L);
    l_push_error(L, err);
    return 2;
}

int l_failf(lua_State *L, int code, const char *fmt, ...) {
    neap_err err;
    char text[NEAP_ERR_MESSAGE_LEN];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    neap_err_set(&err, code, "%s", text);
    return l_fail(L, &err);
}

static double check_seconds(lua_State *L, int idx) {
    double s = luaL_checknumber(L, idx);
    luaL_argcheck(L, s >= 0 && s <= 1e9, idx, "seconds expected, from 0 to 1e9");
    return s;
}

/* Rounds up, but not for what only the conversion to double added. */
static int64_t round_up(double value, double slack) {
    int64_t whole = (int64_t)(value - slack);
    return (double)whole < value - slack ? whole + 1 : whole;
}

int64_t l_check_seconds_ns(lua_State *L, int idx) {
    return round_up(check_seconds(L, idx) * 1e9, 1e-3);
}

int64_t l_check_seconds_ms(lua_State *L, int idx) {
    return round_up(check_seconds(L, idx) * 1e3, 1e-9);
}

void l_new_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *metas) {
    if (luaL_newmetatable(L, name)) {
        luaL_setfuncs(L, metas, 0);
        lua_newtable(L);
        luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
        lua_pushboolean(L, 0); /* scripts must not reach the functions that take a bare userdata */
        lua_setfield(L, -2, "__metatable");
    }
    lua_pop(L, 1);
}
