/* exchange.c: binding of neap/exchange.h for handlers written in Lua (lua/neap/serve.lua, and for simulators
 * lua/neap/sandbox/router.lua). */
#include "handler.h"

#include <stddef.h>
#include <string.h>

#include "meter.h"

#define EXCHANGE_MT "neap.Exchange"

/* Header fields of one answer. */
enum { MAX_FIELDS = 64 };

static const char exchange_tag;

/* As in flow_call.c: cheaper than luaL_checkudata, and as safe. */
static l_exchange *check_any(lua_State *L) {
    l_exchange *u = lua_touserdata(L, 1);
    if (u != NULL && lua_rawlen(L, 1) == sizeof *u && u->tag == &exchange_tag) return u;
    return luaL_checkudata(L, 1, EXCHANGE_MT);
}

l_exchange *l_exchange_check(lua_State *L) {
    l_exchange *u = check_any(L);
    if (u->ex == NULL) luaL_error(L, "the exchange is over");
    return u;
}

/* For what reads the request, which ends with the client. */
static const neap_exchange *check_request(lua_State *L) {
    const l_exchange *u = l_exchange_check(L);
    if (u->gone) luaL_error(L, "the client has gone");
    return u->ex;
}

static void on_drain(neap_exchange *ex) {
    l_exchange *u = ex->ud;
    l_op_complete(&u->op);
}

/* The carrier may still call on_drain, which then finds nobody waiting. */
static void write_cancel(l_op *op) {
    (void)op;
}

static int fail_gone(lua_State *L, int rc) {
    if (rc == NEAP_ECANCELLED) return l_failf(L, rc, "the client has gone");
    return l_failf(L, rc, "the answer cannot be sent");
}

static int write_push(lua_State *L, l_op *op) {
    const l_exchange *u = (const l_exchange *)((const char *)op - offsetof(l_exchange, op));
    if (u->gone) return fail_gone(L, NEAP_ECANCELLED);
    if (u->ex == NULL) return l_failf(L, NEAP_ECANCELLED, "the answer was ended meanwhile");
    lua_pushboolean(L, 1);
    return 1;
}

neap_exchange *l_exchange_take(l_exchange *u) {
    neap_exchange *ex = u->ex;
    u->ex = NULL;
    l_op_complete(&u->op);
    return ex;
}

l_exchange *l_exchange_push(lua_State *L, neap_exchange *ex) {
    l_exchange *u = lua_newuserdatauv(L, sizeof *u, 0);
    *u = (l_exchange){.tag = &exchange_tag, .op = {.cancel = write_cancel, .push = write_push}};
    luaL_setmetatable(L, EXCHANGE_MT);
    u->ex = ex;
    ex->ud = u;
    ex->on_drain = on_drain;
    return u;
}

void l_exchange_release(neap_exchange *ex) {
    l_exchange *u = ex->ud;
    if (u == NULL) return;
    u->ex = NULL;
    ex->ud = NULL;
    ex->on_drain = NULL;
}

/* Text i of the flat list at idx: { name, value, name, value, ... }; anchored by the list. */
static const char *get_text(lua_State *L, int idx, lua_Integer i, size_t *len) {
    const char *text;
    if (lua_rawgeti(L, idx, i) != LUA_TSTRING) luaL_argerror(L, idx, "strings expected in the list");
    text = lua_tolstring(L, -1, len);
    lua_pop(L, 1);
    return text;
}

/* RFC 9110 5.6.2. */
static bool is_token(const char *text, size_t len) {
    static const char marks[] = "!#$%&'*+-.^_`|~";
    size_t i;
    for (i = 0; i < len; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || strchr(marks, c) == NULL)) return false;
    }
    return len > 0;
}

/* Reads field i; refuses what would be another field, or a second answer, to whoever reads it. */
static void get_field(lua_State *L, int idx, lua_Integer i, neap_field *f) {
    f->name = get_text(L, idx, 2 * i + 1, &f->name_len);
    f->value = get_text(L, idx, 2 * i + 2, &f->value_len);
    if (!is_token(f->name, f->name_len)) luaL_error(L, "headers: \"%s\" is no name of a header", f->name);
    if (strcspn(f->value, "\r\n") != f->value_len) luaL_error(L, "headers: %s: a line break in it", f->name);
}

/* Reads the fields at 3 (a table, or nil for none). Returns how many. */
static size_t get_fields(lua_State *L, neap_field fields[MAX_FIELDS]) {
    lua_Integer i, count;
    if (lua_isnil(L, 3)) return 0;
    luaL_checktype(L, 3, LUA_TTABLE);
    count = (lua_Integer)lua_rawlen(L, 3) / 2;
    luaL_argcheck(L, count <= MAX_FIELDS, 3, "too many header fields");
    for (i = 0; i < count; i++) get_field(L, 3, i, &fields[i]);
    return (size_t)count;
}

/* The status at 2 of a head that can still be sent. */
static int check_status(lua_State *L, const l_exchange *u) {
    lua_Integer status = luaL_checkinteger(L, 2);
    if (u->headed) luaL_error(L, "the head of the answer is out");
    luaL_argcheck(L, status >= 100 && status <= 999, 2, "three digits expected");
    return (int)status;
}

/* 0 or negative. */
static int send_head(l_exchange *u, int status, const neap_field *fields, size_t count, long long length) {
    int rc = u->ex->ops->head(u->ex, status, fields, count, length);
    u->headed = rc == 0;
    if (u->headed) u->status = status;
    return rc;
}

/* ex:head(status, { name, value, ... }, length | -1) -> true | nil, err           [-4, +1|2, e] */
static int l_exchange_head(lua_State *L) {
    l_exchange *u = l_exchange_check(L);
    lua_Integer length = luaL_checkinteger(L, 4);
    int status = check_status(L, u), rc;
    neap_field fields[MAX_FIELDS];
    rc = send_head(u, status, fields, get_fields(L, fields), length);
    if (rc < 0) return fail_gone(L, rc);
    lua_pushboolean(L, 1);
    return 1;
}

/* Has the answer of this status a body (RFC 9110 6.4.1)? */
static bool has_content(int status) {
    return status != 204 && status != 205 && status != 304;
}

/* And does its client take it? */
static bool takes_body(const l_exchange *u, int status) {
    if (!has_content(status)) return false;
    return u->gone || strcmp(u->ex->method, "HEAD") != 0;
}

/* ex:takes_body(status) -> boolean */
static int l_exchange_takes_body(lua_State *L) {
    lua_pushboolean(L, takes_body(l_exchange_check(L), (int)luaL_checkinteger(L, 2)));
    return 1;
}

/* Sends a whole answer, and ends it; the body is left away where none may be. 0 or negative: then it is not ended. */
static int reply(l_exchange *u, int status, const neap_field *fields, size_t count, const char *body, size_t len) {
    neap_exchange *ex = u->ex;
    int rc = send_head(u, status, fields, count, has_content(status) ? (long long)len : 0);
    if (rc == 0 && len > 0 && takes_body(u, status)) rc = ex->ops->write(ex, body, len);
    if (rc < 0) return rc;
    (void)l_exchange_take(u);
    ex->ops->end(ex);
    return 0;
}

bool l_exchange_reply_text(l_exchange *u, const neap_field *type, const char *text, size_t len) {
    if (u->ex == NULL || u->headed) return false;
    (void)reply(u, 200, type, 1, text, len); /* to a client that has gone nobody can answer */
    return true;
}

/* ex:reply(status, { name, value, ... } | nil, body | nil) -> true | nil, err: a whole answer, and its end; the body
 * is left away where none may be. Never yields                                          [-4, +1|2, e] */
static int l_exchange_reply(lua_State *L) {
    l_exchange *u = l_exchange_check(L);
    size_t len = 0;
    const char *body = luaL_optlstring(L, 4, NULL, &len);
    int status = check_status(L, u), rc;
    neap_field fields[MAX_FIELDS];
    rc = reply(u, status, fields, get_fields(L, fields), body, len);
    if (rc < 0) return fail_gone(L, rc);
    lua_pushboolean(L, 1);
    return 1;
}

/* ex:write(text) -> true | nil, err when the client has gone, or another task has ended the answer; yields while
 * the client is slow */
static int l_exchange_write(lua_State *L) {
    l_exchange *u = l_exchange_check(L);
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
    neap_exchange *ex = l_exchange_take(l_exchange_check(L));
    ex->ops->end(ex);
    return 0;
}

/* ex:abort() : drops the connection. Idempotent, also after finish; also __gc and __close. */
static int l_exchange_abort(lua_State *L) {
    l_exchange *u = check_any(L);
    neap_exchange *ex = l_exchange_take(u);
    if (u->task != NULL) neap_loop_unpost(u->rt->loop, &u->job); /* the state is closing, or asks again */
    if (ex == NULL) return 0;
    u->status = 0;
    ex->ops->abort(ex);
    return 0;
}

void l_exchange_measure(l_exchange *u, neap_meter_script *script) {
    if (u->meter != NULL || u->task == NULL) return; /* whose end nobody would tell */
    u->meter = script;
    u->begun_ns = neap_loop_now_ns(u->rt->loop);
    neap_meter_begin_exchange(script);
}

/* ex:method() -> string */
static int l_exchange_method(lua_State *L) {
    lua_pushstring(L, check_request(L)->method);
    return 1;
}

/* ex:target() -> string, path and query as sent */
static int l_exchange_target(lua_State *L) {
    lua_pushstring(L, check_request(L)->target);
    return 1;
}

/* ex:header(name) -> string | nil, the first of that name */
static int l_exchange_header(lua_State *L) {
    const neap_exchange *ex = check_request(L);
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
    const neap_exchange *ex = check_request(L);
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
    const neap_exchange *ex = check_request(L);
    if (ex->body == NULL) lua_pushnil(L);
    else lua_pushlstring(L, ex->body, ex->body_len);
    return 1;
}

/* ex:body_path() -> string | nil, the file with the body where that is not in memory */
static int l_exchange_body_path(lua_State *L) {
    lua_pushstring(L, check_request(L)->body_path);
    return 1;
}

/* ex:client() -> string | nil, the peer's address */
static int l_exchange_client(lua_State *L) {
    lua_pushstring(L, check_request(L)->client);
    return 1;
}

/* ex:scheme() -> "http" | "https" */
static int l_exchange_scheme(lua_State *L) {
    const char *scheme = check_request(L)->scheme;
    lua_pushstring(L, scheme != NULL ? scheme : "http");
    return 1;
}

void l_exchange_open(lua_State *L) {
    static const luaL_Reg methods[] = {{"head", l_exchange_head},
                                       {"takes_body", l_exchange_takes_body},
                                       {"reply", l_exchange_reply},
                                       {"write", l_exchange_write},
                                       {"finish", l_exchange_finish},
                                       {"abort", l_exchange_abort},
                                       {"method", l_exchange_method},
                                       {"target", l_exchange_target},
                                       {"header", l_exchange_header},
                                       {"headers", l_exchange_headers},
                                       {"body", l_exchange_body},
                                       {"body_path", l_exchange_body_path},
                                       {"client", l_exchange_client},
                                       {"scheme", l_exchange_scheme},
                                       {NULL, NULL}};
    static const luaL_Reg metas[] = {
        {"__gc", l_exchange_abort}, {"__close", l_exchange_abort}, {NULL, NULL}};
    l_new_class(L, EXCHANGE_MT, methods, metas);
}
