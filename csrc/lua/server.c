/* server.c: binding of server/server.h. Lua: neap.native.server, in the CLI and the test module only.
 * See spec/lua/sandbox_spec.lua. */
#include "../server/server.h"

#include "sandbox.h"

#define SERVER_MT "neap.Server"

/* User value 1: the sandbox that answers. */
typedef struct l_server {
    neap_server *server; /* owned; NULL once closed */
} l_server;

/* server.listen(sandbox, port) -> server | nil, err; port 0: any free one         [-2, +1|2, m] */
static int l_server_listen(lua_State *L) {
    neap_handler *handler = l_sandbox_check_handler(L, 1);
    lua_Integer port = luaL_optinteger(L, 2, 0);
    neap_err err = {0};
    l_server *u;
    luaL_argcheck(L, port >= 0 && port <= 65535, 2, "port out of range");
    u = lua_newuserdatauv(L, sizeof *u, 1);
    *u = (l_server){0};
    luaL_setmetatable(L, SERVER_MT);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    if (neap_server_open(&u->server, l_loop(L), handler, (uint16_t)port, &err) < 0)
        return l_fail(L, &err);
    return 1;
}

/* server:port() -> integer */
static int l_server_port(lua_State *L) {
    const l_server *u = luaL_checkudata(L, 1, SERVER_MT);
    luaL_argcheck(L, u->server != NULL, 1, "the server is closed");
    lua_pushinteger(L, neap_server_port(u->server));
    return 1;
}

/* server:close() : stops listening and drops every connection. Idempotent; also __gc and __close. */
static int l_server_close(lua_State *L) {
    l_server *u = luaL_checkudata(L, 1, SERVER_MT);
    neap_server_close(u->server);
    u->server = NULL;
    return 0;
}

int luaopen_neap_server(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"port", l_server_port}, {"close", l_server_close}, {NULL, NULL}};
    static const luaL_Reg metas[] = {
        {"__gc", l_server_close}, {"__close", l_server_close}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"listen", l_server_listen}, {NULL, NULL}};
    l_new_class(L, SERVER_MT, methods, metas);
    luaL_newlib(L, funcs);
    return 1;
}
