/* server.c: binding of server/server.h. Lua: neap.native.server, in the CLI and the test module only.
 * See spec/lua/sandbox_spec.lua and spec/cli/serve_spec.lua. */
#include "../server/server.h"

#include "handler.h"
#include "log.h"

#define SERVER_MT "neap.Server"

/* User value 1: who answers. */
typedef struct l_server {
    l_op op;             /* waits for the end of the last request */
    neap_server *server; /* owned; NULL once closed */
} l_server;

static l_server *check_server(lua_State *L) {
    l_server *u = luaL_checkudata(L, 1, SERVER_MT);
    luaL_argcheck(L, u->server != NULL, 1, "the server is closed");
    return u;
}

/* --- waiting for its end ------------------------------------------------------------------------ */

static void on_idle(void *ud) {
    l_server *u = ud;
    l_op_complete(&u->op);
}

/* The server goes on ending, and tells nobody. */
static void wait_cancel(l_op *op) {
    const l_server *u = (l_server *)op; /* op is its first member */
    if (u->server != NULL) neap_server_stop(u->server, NULL, NULL);
}

static int wait_push(lua_State *L, l_op *op) {
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

/* server:stop() : stops listening; requests under way are answered, then their connections closed. Idempotent. */
static int l_server_stop(lua_State *L) {
    const l_server *u = check_server(L);
    if (u->op.task == NULL) neap_server_stop(u->server, NULL, NULL);
    return 0;
}

/* server:wait() -> true: stops, and waits until the last request is answered, or the server closed; yields */
static int l_server_wait(lua_State *L) {
    l_server *u = check_server(L);
    l_check_can_wait(L);
    if (u->op.task != NULL) return luaL_error(L, "another task waits for this server");
    l_op_reset(&u->op);
    neap_server_stop(u->server, on_idle, u);
    return l_await(L, 1, &u->op);
}

/* --- its life ----------------------------------------------------------------------------------- */

/* A field of the options at 2; stays on the stack. */
static int get_option(lua_State *L, const char *name) {
    lua_getfield(L, 2, name);
    return lua_gettop(L);
}

static void read_options(lua_State *L, neap_server_options *options) {
    lua_Integer port, limit;
    luaL_checktype(L, 2, LUA_TTABLE);
    port = luaL_optinteger(L, get_option(L, "port"), 0);
    luaL_argcheck(L, port >= 0 && port <= 65535, 2, "port out of range");
    limit = luaL_optinteger(L, get_option(L, "body_limit"), 0);
    luaL_argcheck(L, limit >= 0, 2, "body_limit out of range");
    options->address = luaL_optstring(L, get_option(L, "address"), NULL);
    options->port = (uint16_t)port;
    options->body_limit = (size_t)limit;
}

/* server.listen(handler, { port =, address =, body_limit = }) -> server | nil, err         [-2, +1|2, m]
 *
 * The handler is a sandbox, or one of neap.native.handler; see server.h for the defaults. */
static int l_server_listen(lua_State *L) {
    neap_handler *handler = l_handler_check(L, 1);
    neap_server_options options;
    neap_err err = {0};
    l_server *u;
    lua_settop(L, 2);
    read_options(L, &options);
    options.log = l_log_get(L); /* before u, so that it is collected after it */
    u = lua_newuserdatauv(L, sizeof *u, 1);
    *u = (l_server){.op = {.cancel = wait_cancel, .push = wait_push}};
    luaL_setmetatable(L, SERVER_MT);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    if (neap_server_open(&u->server, l_loop(L), handler, &options, &err) < 0) return l_fail(L, &err);
    return 1;
}

/* server:port() -> integer */
static int l_server_port(lua_State *L) {
    lua_pushinteger(L, neap_server_port(check_server(L)->server));
    return 1;
}

/* server:requests() -> integer: those that have begun and are not completely answered */
static int l_server_requests(lua_State *L) {
    lua_pushinteger(L, neap_server_requests(check_server(L)->server));
    return 1;
}

/* server:close() : stops listening and drops every connection. Idempotent; also __close. */
static int l_server_close(lua_State *L) {
    l_server *u = luaL_checkudata(L, 1, SERVER_MT);
    neap_server_close(u->server);
    u->server = NULL;
    if (u->op.task != NULL) l_op_complete(&u->op);
    return 0;
}

static int l_server_gc(lua_State *L) {
    l_server *u = luaL_checkudata(L, 1, SERVER_MT);
    l_op_forget(&u->op);
    return l_server_close(L);
}

int luaopen_neap_server(lua_State *L) {
    static const luaL_Reg methods[] = {{"port", l_server_port}, {"requests", l_server_requests},
                                       {"stop", l_server_stop}, {"wait", l_server_wait},
                                       {"close", l_server_close}, {NULL, NULL}};
    static const luaL_Reg metas[] = {
        {"__gc", l_server_gc}, {"__close", l_server_close}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"listen", l_server_listen}, {NULL, NULL}};
    l_new_class(L, SERVER_MT, methods, metas);
    luaL_newlib(L, funcs);
    return 1;
}
