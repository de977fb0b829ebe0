/* http.c: binding of core/transfer.h. Lua: neap.native.http. See spec/lua/http_spec.lua.
 *
 * Here: clients, and requests as tables. Strings of a request are not copied: what the core needs
 * beyond the start is anchored by the response (http_response.c). A client keeps a list of its
 * transfers under way, so closing it ends their waits. */
#include <string.h>

#include "handler.h"
#include "l_http.h"
#include "secret.h"

/* Fields of one request that need no memory of their own. */
#define FIELDS_FEW 16

static const char client_tag;

/* As in flow_call.c: cheaper than luaL_checkudata, and as safe. */
static l_client *to_client(lua_State *L, int idx) {
    l_client *u = lua_touserdata(L, idx);
    if (u != NULL && lua_rawlen(L, idx) == sizeof *u && u->tag == &client_tag) return u;
    return luaL_checkudata(L, idx, L_CLIENT_MT);
}

l_client *l_http_check_client(lua_State *L, int idx) {
    l_client *c = to_client(L, idx);
    luaL_argcheck(L, c->http != NULL, idx, "the client is closed");
    return c;
}

/* --- reading a request ---------------------------------------------------------------------------- */

/* The request as C sees it, with room for the usual number of fields. */
typedef struct request {
    neap_request req;
    neap_field few[FIELDS_FEW];
} request;

/* Pushes field `name` of the request (at 2); a string or nil. */
static const char *push_text(lua_State *L, const char *name, size_t *len, bool needed) {
    int type = lua_getfield(L, 2, name);
    if (type != LUA_TSTRING && (type != LUA_TNIL || needed)) {
        luaL_error(L, "request: %s is a %s, string expected", name, luaL_typename(L, -1));
    }
    return lua_tolstring(L, -1, len);
}

static const char *no_nul(lua_State *L, const char *s, size_t len, const char *name) {
    if (strlen(s) != len) luaL_error(L, "request: NUL in %s", name);
    return s;
}

static int64_t get_ms(lua_State *L, const char *name) {
    int64_t ms = 0;
    if (lua_getfield(L, 2, name) != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TNUMBER) luaL_error(L, "request: %s is no number", name);
        ms = l_check_seconds_ms(L, -1);
    }
    lua_pop(L, 1);
    return ms;
}

static size_t get_size(lua_State *L, const char *name) {
    lua_Integer n = 0;
    int whole = 1;
    if (lua_getfield(L, 2, name) != LUA_TNIL) n = lua_tointegerx(L, -1, &whole);
    if (!whole || n < 0) luaL_error(L, "request: %s is no size", name);
    lua_pop(L, 1);
    return (size_t)n;
}

static bool get_flag(lua_State *L, const char *name) {
    bool is_set;
    lua_getfield(L, 2, name);
    is_set = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is_set;
}

static const char *get_item(lua_State *L, int table, lua_Integer i, size_t *len) {
    const char *s;
    lua_rawgeti(L, table, i);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "request: header no. %d is no string", (int)i);
    s = lua_tolstring(L, -1, len);
    lua_pop(L, 1); /* the table keeps it, and nothing of Lua runs before the core has copied it */
    return s;
}

/* Leaves the table of headers and, if there are many, a userdata on the stack. */
static void get_fields(lua_State *L, request *r) {
    neap_field *fields = r->few;
    lua_Integer i, n;
    int table;
    if (lua_getfield(L, 2, "headers") == LUA_TNIL) return;
    table = lua_gettop(L);
    if (lua_type(L, table) != LUA_TTABLE) luaL_error(L, "request: headers is no table");
    n = (lua_Integer)lua_rawlen(L, table);
    if (n % 2 != 0) luaL_error(L, "request: headers lacks a value");
    if (n / 2 > FIELDS_FEW) fields = lua_newuserdatauv(L, (size_t)(n / 2) * sizeof *fields, 0);
    for (i = 0; i < n / 2; i++) {
        fields[i].name = get_item(L, table, 2 * i + 1, &fields[i].name_len);
        fields[i].value = get_item(L, table, 2 * i + 2, &fields[i].value_len);
    }
    r->req.fields = fields;
    r->req.field_count = (size_t)(n / 2);
}

static void get_method(lua_State *L, l_response *u, neap_request *req) {
    size_t len;
    const char *method = push_text(L, "method", &len, true);
    if (len >= L_METHOD_MAX) luaL_error(L, "request: method too long");
    memcpy(u->method, no_nul(L, method, len, "method"), len + 1);
    req->method = u->method;
    lua_pop(L, 1);
}

/* Where the values of send and open are. */
enum { CLIENT = 1, REQUEST, CALL, RESPONSE, CREDENTIAL, TIMEOUT };

static void get_times(lua_State *L, neap_request *req) {
    if (!lua_isnil(L, TIMEOUT)) {
        req->timeouts.total_ms = l_check_seconds_ms(L, TIMEOUT);
        return;
    }
    req->timeouts.total_ms = get_ms(L, "timeout");
    req->timeouts.connect_ms = get_ms(L, "connect_timeout");
    req->timeouts.first_byte_ms = get_ms(L, "first_byte_timeout");
    req->timeouts.low_speed_ms = get_ms(L, "low_speed_time");
    req->max_body = get_size(L, "max_body");
}

/* Reads the request; the response anchors what the core borrows. THROWS. */
static void get_request(lua_State *L, l_response *u, request *r) {
    neap_request *req = &r->req;
    size_t len = 0;
    *req = (neap_request){0};
    get_method(L, u, req);
    req->url = push_text(L, "url", &len, true);
    no_nul(L, req->url, len, "url");
    lua_setiuservalue(L, RESPONSE, 2);
    req->body = push_text(L, "body", &req->body_len, false);
    lua_setiuservalue(L, RESPONSE, 3);
    if (lua_isnil(L, TIMEOUT)) lua_getfield(L, REQUEST, "credential");
    else lua_pushvalue(L, CREDENTIAL);
    if (!lua_isnil(L, -1)) req->credential = l_secret_check_credential(L, -1);
    req->holds_token = get_flag(L, "holds_token");
    get_times(L, req);
    get_fields(L, r);
}

/* send and open: [client, request, call?, credential?, timeout?] -> waits. */
static int start(lua_State *L, bool streamed) {
    l_client *c = l_http_check_client(L, CLIENT);
    l_response *u;
    request r;
    luaL_checktype(L, REQUEST, LUA_TTABLE);
    lua_settop(L, TIMEOUT - 1);
    l_check_can_wait(L);
    u = l_response_push(L, CLIENT, streamed);
    lua_insert(L, RESPONSE);
    if (!lua_isnil(L, CALL)) u->call = l_flow_check_call(L, CALL);
    lua_pushvalue(L, CALL);
    lua_setiuservalue(L, RESPONSE, 4);
    get_request(L, u, &r);
    if (l_response_start(u, c, &r.req) < 0) return l_response_fail(L, u);
    lua_settop(L, RESPONSE);
    return l_await(L, RESPONSE, &u->op);
}

/* client:send(request, call?, credential?, timeout?) -> response | nil, err; yields [-2|5, +1|2, e]
 * request = { method=, url=, headers={ name, value, ... }, body=, credential=, timeout=,
 * connect_timeout=, first_byte_timeout=, low_speed_time=, max_body=, holds_token= }, times in seconds. With a
 * timeout by position only the first four and holds_token are read of it. */
static int l_client_send(lua_State *L) {
    return start(L, false);
}

/* client:open(request, call?, credential?, timeout?) -> response, to be read piece by piece | nil, err; yields */
static int l_client_open(lua_State *L) {
    return start(L, true);
}

/* --- the client --------------------------------------------------------------------------------- */

/* client:close() : what is under way fails with kind "cancelled". Idempotent. */
static int l_client_close(lua_State *L) {
    l_client *c = to_client(L, 1);
    neap_http *http = c->http;
    c->http = NULL;
    while (c->first != NULL) l_response_abort(c->first, "the client was closed");
    neap_http_close(http);
    return 0;
}

static int l_client_gc(lua_State *L) {
    l_client *c = to_client(L, 1);
    l_client_close(L);
    c->tag = NULL;
    return 0;
}

static int l_client_str(lua_State *L) {
    const l_client *c = to_client(L, 1);
    lua_pushfstring(L, "%s%s: %p", L_CLIENT_MT, c->http != NULL ? "" : " (closed)", (const void *)c);
    return 1;
}

static const char *push_cfg_text(lua_State *L, const char *name) {
    if (lua_getfield(L, 1, name) == LUA_TNIL) return NULL;
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s is no string", name);
    return lua_tostring(L, -1);
}

/* Reads the table at 1; its strings stay on the stack. THROWS. */
static void get_cfg(lua_State *L, neap_http_cfg *cfg) {
    if (lua_getfield(L, 1, "connections") != LUA_TNIL) {
        cfg->connections_per_host = (long)lua_tointeger(L, -1);
        if (cfg->connections_per_host < 1) luaL_error(L, "connections: at least 1");
    }
    cfg->ca_file = push_cfg_text(L, "ca_file");
    cfg->client_cert = push_cfg_text(L, "client_cert");
    cfg->client_key = push_cfg_text(L, "client_key");
    if (lua_getfield(L, 1, "handler") != LUA_TNIL) {
        cfg->inproc = l_handler_check(L, -1);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 2, 1);
    }
}

/* http.open{ connections=, ca_file=, client_cert=, client_key=, handler=sandbox|handler } -> client
 * With a handler no transfer touches the network.                                     [-1, +1, e] */
static int l_http_open(lua_State *L) {
    neap_http_cfg cfg = {0};
    l_client *c;
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    c = lua_newuserdatauv(L, sizeof *c, 1);
    *c = (l_client){.tag = &client_tag};
    luaL_setmetatable(L, L_CLIENT_MT);
    get_cfg(L, &cfg);
    if (neap_http_open(&c->http, l_loop(L), &cfg) < 0) return luaL_error(L, "not enough memory");
    lua_settop(L, 2);
    return 1;
}

int luaopen_neap_http(lua_State *L) {
    static const luaL_Reg methods[] = {{"send", l_client_send},
                                       {"open", l_client_open},
                                       {"close", l_client_close},
                                       {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_client_gc},
                                     {"__close", l_client_close},
                                     {"__tostring", l_client_str},
                                     {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"open", l_http_open}, {NULL, NULL}};
    l_new_class(L, L_CLIENT_MT, methods, metas);
    l_response_open_class(L);
    luaL_newlib(L, funcs);
    return 1;
}
