/* answer.c: the function that answers exchanges by a script's own, as lua/neap/serve.lua puts it together. Part of
 * neap.native.handler. See spec/lua/serve_spec.lua.
 *
 * It runs once per request, so what nearly every request needs is done here; what is longer, or goes wrong, stays in
 * Lua. */
#include "handler.h"
#include "meter.h"

/* Upvalues, and the fields that they come from. */
enum { HANDLE = 1, METER, REQUEST, TRACE, SEND, FAIL, TYPE, PARTS = TYPE };
static const char *const part_names[PARTS] = {"handle", "meter", "request", "trace", "send", "fail", "type"};

/* Places on the stack of one call. */
enum { AT_EXCHANGE = 1, AT_REQUEST, AT_TRACE, AT_RESULT };

/* Fields of a request that handlers ask for, room for which costs less than growing. */
enum { REQUEST_ROOM = 4 };

static void push_request(lua_State *L) {
    lua_createtable(L, 0, REQUEST_ROOM);
    lua_pushliteral(L, "exchange");
    lua_pushvalue(L, AT_EXCHANGE);
    lua_rawset(L, -3);
    lua_pushvalue(L, lua_upvalueindex(REQUEST));
    lua_setmetatable(L, -2);
}

static int told(lua_State *L, int status, lua_KContext ctx) {
    (void)L, (void)status, (void)ctx;
    return 0;
}

/* [exchange, request, trace, ..., problem] */
static int tell(lua_State *L) {
    lua_pushvalue(L, lua_upvalueindex(FAIL));
    lua_pushvalue(L, AT_EXCHANGE);
    lua_pushvalue(L, AT_REQUEST);
    lua_pushvalue(L, -4);
    lua_callk(L, 3, 0, 0, told);
    return told(L, LUA_OK, 0);
}

static bool is_ok(int status) {
    return status == LUA_OK || status == LUA_YIELD;
}

static int sent(lua_State *L, int status, lua_KContext ctx) {
    (void)ctx;
    return is_ok(status) ? 0 : tell(L);
}

/* Answers with the result if that is a text. */
static bool reply_text(lua_State *L) {
    neap_field type = {.name = "Content-Type", .name_len = 12};
    const char *text;
    size_t len;
    if (lua_type(L, AT_RESULT) != LUA_TSTRING) return false;
    text = lua_tolstring(L, AT_RESULT, &len);
    type.value = lua_tolstring(L, lua_upvalueindex(TYPE), &type.value_len);
    return l_exchange_reply_text(lua_touserdata(L, AT_EXCHANGE), &type, text, len);
}

/* The script's function has returned or raised: [exchange, request, trace, result, error] or [.., problem] */
static int handled(lua_State *L, int status, lua_KContext ctx) {
    (void)ctx;
    if (!is_ok(status)) return tell(L);
    if (reply_text(L)) return 0;
    lua_pushvalue(L, lua_upvalueindex(SEND));
    lua_insert(L, AT_RESULT);
    lua_pushvalue(L, AT_EXCHANGE);
    lua_insert(L, AT_RESULT + 1);
    return sent(L, lua_pcallk(L, 3, 0, AT_TRACE, 0, sent), 0);
}

/* answer(exchange) : yields                                                              [-1, +0, e] */
static int answer(lua_State *L) {
    l_exchange *u = l_exchange_check(L);
    l_exchange_measure(u, l_meter_check_script(L, lua_upvalueindex(METER)));
    lua_settop(L, AT_EXCHANGE);
    push_request(L);
    lua_pushvalue(L, lua_upvalueindex(TRACE));
    lua_pushvalue(L, lua_upvalueindex(HANDLE));
    lua_pushvalue(L, AT_REQUEST);
    return handled(L, lua_pcallk(L, 1, 2, AT_TRACE, 0, handled), 0);
}

/* handler.answering { handle =, meter =, request =, trace =, send =, fail =, type = } -> function(exchange):
 * calls handle(request), a request being a table { exchange = } with the metatable `request`. A text is the answer,
 * of content type `type`; of anything else send(exchange, result, err) makes one. Of what is raised, as `trace`, a
 * message handler, has left it, fail(exchange, request, problem) makes one. `meter` is a value of meter.script, which
 * counts it.                                                                               [-1, +1, e] */
int l_answer_new(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    for (int i = 0; i < PARTS; i++) lua_getfield(L, 1, part_names[i]);
    (void)l_meter_check_script(L, 1 + METER);
    luaL_checkstring(L, 1 + TYPE);
    lua_pushcclosure(L, answer, PARTS);
    return 1;
}

/* handler.set_handle(answer, fn): it is to call fn from now on                              [-2, +0, e] */
int l_answer_set_handle(lua_State *L) {
    luaL_argcheck(L, lua_tocfunction(L, 1) == answer, 1, "a function of handler.answering expected");
    lua_settop(L, 2);
    lua_setupvalue(L, 1, HANDLE);
    return 0;
}
