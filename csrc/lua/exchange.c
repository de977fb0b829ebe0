/* exchange.c: binding of core/exchange.h for handlers written in Lua (lua/neap/sandbox/router.lua). */
#include "sandbox.h"

#include <string.h>

#define EXCHANGE_MT "neap.Exchange"

/* Header fields of one answer. */
enum { MAX_FIELDS = 64 };

typedef struct l_exchange {
    l_op op;           /* waits for room */
    neap_exchange *ex; /* NULL once ended */
} l_exchange;

static l_exchange *check_exchange(lua_State *L) {
    l_exchange *u = luaL_checkudata(L, 1, EXCHANGE_MT);
    if (u->ex == NULL) luaL_error(L, "the exchange is over");
    return u;
}

static void on_drain(neap_exchange *ex) {
    l_exchange *u = ex->ud;
    l_op_complete(&u->op);
}

/* The carrier may still call on_drain, which then finds nobody waiting. */
static void write_cancel(l_op *op) {
    (void)op;
}

static int write_push(lua_State *L, l_op *op) {
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

void l_exchange_push(lua_State *L, neap_exchange *ex) {
    l_exchange *u = lua_newuserdatauv(L, sizeof *u, 0);
    *u = (l_exchange){.op = {.cancel = write_cancel, .push = write_push}};
    luaL_setmetatable(L, EXCHANGE_MT);
    u->ex = ex;
    ex->ud = u;
    ex->on_drain = on_drain;
}

void l_exchange_drop(neap_exchange *ex) {
    l_exchange *u = ex->ud;
    if (u != NULL) u->ex = NULL;
    ex->ops->abort(ex);
}

static int fail_gone(lua_State *L, int rc) {
    if (rc == NEAP_ECANCELLED) return l_failf(L, rc, "the client has gone");
    return l_failf(L, rc, "the answer cannot be sent");
}

/* Field i of the flat list at idx: { name, value, name, value, ... }; anchored by the list. */
static const char *get_text(lua_State *L, int idx, lua_Integer i, size_t *len) {
    const char *text;
    if (lua_rawgeti(L, idx, i) != LUA_TSTRING) luaL_argerror(L, idx, "strings expected in the list");
    text = lua_tolstring(L, -1, len);
    lua_pop(L, 1);
    if (strpbrk(text, "\r\n") != NULL) luaL_argerror(L, idx, "line break in a header field");
    return text;
}

/* ex:head(status, { name, value, ... }, length | -1) -> true | nil, err           [-4, +1|2, e] */
static int l_exchange_head(lua_State *L) {
    l_exchange *u = check_exchange(L);
    lua_Integer status = luaL_checkinteger(L, 2);
    lua_Integer length = luaL_checkinteger(L, 4);
    neap_field fields[MAX_FIELDS];
    lua_Integer i, count;
    int rc;
    luaL_checktype(L, 3, LUA_TTABLE);
    count = (lua_Integer)lua_rawlen(L, 3) / 2;
    luaL_argcheck(L, status >= 100 && status <= 999, 2, "three digits expected");
    luaL_argcheck(L, count <= MAX_FIELDS, 3, "too many header fields");
    for (i = 0; i < count; i++) {
        fields[i].name = get_text(L, 3, 2 * i + 1, &fields[i].name_len);
        fields[i].value = get_text(L, 3, 2 * i + 2, &fields[i].value_len);
    }
    rc = u->ex->ops->head(u->ex, (int)status, fields, (size_t)count, length);
    if (rc < 0) return fail_gone(L, rc);
    lua_pushboolean(L, 1);
    return 1;
}

/* ex:write(text) -> true | nil, err when the client has gone; yields while the client is slow */
static int l_exchange_write(lua_State *L) {
    l_exchange *u = check_exchange(L);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    int rc;
    l_check_can_wait(L);
    if (u->op.task != NULL) return luaL_error(L, "another task is writing to this exchange");
    l_op_reset(&u->op);
    rc = u->ex->ops->write(u->ex, text, len);
    if (rc < 0) return fail_gone(L, rc);
    if (rc > 0) return l_await(L, 1, &u->op);
    lua_pushboolean(L, 1);
    return 1;
}

/* ex:finish() : ends the answer */
static int l_exchange_finish(lua_State *L) {
    l_exchange *u = check_exchange(L);
    neap_exchange *ex = u->ex;
    u->ex = NULL;
    ex->ops->end(ex);
    return 0;
}

/* ex:abort() : drops the connection. Idempotent, also after finish; also __gc and __close. */
static int l_exchange_abort(lua_State *L) {
    l_exchange *u = luaL_checkudata(L, 1, EXCHANGE_MT);
    neap_exchange *ex = u->ex;
    u->ex = NULL;
    if (ex != NULL) ex->ops->abort(ex);
    return 0;
}

/* ex:method() -> string */
static int l_exchange_method(lua_State *L) {
    lua_pushstring(L, check_exchange(L)->ex->method);
    return 1;
}

/* ex:target() -> string, path and query as sent */
static int l_exchange_target(lua_State *L) {
    lua_pushstring(L, check_exchange(L)->ex->target);
    return 1;
}

/* ex:header(name) -> string | nil, the first of that name */
static int l_exchange_header(lua_State *L) {
    const neap_exchange *ex = check_exchange(L)->ex;
    size_t i, len;
    const char *name = luaL_checklstring(L, 2, &len);
    for (i = 0; i < ex->field_count; i++) {
        const neap_field *f = &ex->fields[i];
        if (f->name_len != len || strncasecmp(f->name, name, len) != 0) continue;
        lua_pushlstring(L, f->value, f->value_len);
        return 1;
    }
    lua_pushnil(L);
    return 1;
}

/* ex:headers() -> { name, value, ... } in order, names as sent */
static int l_exchange_headers(lua_State *L) {
    const neap_exchange *ex = check_exchange(L)->ex;
    lua_Integer n = 0;
    size_t i;
    lua_createtable(L, (int)ex->field_count * 2, 0);
    for (i = 0; i < ex->field_count; i++) {
        lua_pushlstring(L, ex->fields[i].name, ex->fields[i].name_len);
        lua_rawseti(L, -2, ++n);
        lua_pushlstring(L, ex->fields[i].value, ex->fields[i].value_len);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* ex:body() -> string | nil */
static int l_exchange_body(lua_State *L) {
    const neap_exchange *ex = check_exchange(L)->ex;
    if (ex->body == NULL) lua_pushnil(L);
    else lua_pushlstring(L, ex->body, ex->body_len);
    return 1;
}

void l_exchange_open(lua_State *L) {
    static const luaL_Reg methods[] = {{"head", l_exchange_head},
                                       {"write", l_exchange_write},
                                       {"finish", l_exchange_finish},
                                       {"abort", l_exchange_abort},
                                       {"method", l_exchange_method},
                                       {"target", l_exchange_target},
                                       {"header", l_exchange_header},
                                       {"headers", l_exchange_headers},
                                       {"body", l_exchange_body},
                                       {NULL, NULL}};
    static const luaL_Reg metas[] = {
        {"__gc", l_exchange_abort}, {"__close", l_exchange_abort}, {NULL, NULL}};
    l_new_class(L, EXCHANGE_MT, methods, metas);
}
