/* route.c: what the calls of one endpoint of one client share, and calls that are sent by it. Lua:
 * neap.native.route. See spec/lua/route_spec.lua.
 *
 * The common call at three strokes: made, admitted at once, sent and answered with a 2xx in JSON. So one
 * userdata is call, transfer and wait, and nothing is read from tables. Whatever is less common comes
 * back to Lua: a call that has to wait is admitted by `admit`, and any other answer is handed over as a
 * response (http_response.c), not settled. */
#include <stddef.h>
#include <string.h>

#include "l_http.h"
#include "l_json.h"
#include "meter.h"
#include "secret.h"

#define ROUTE_MT "neap.Route"
#define TRIP_MT "neap.RouteCall"
#define FIELDS_MAX 16

/* User value 1: the table it was made of, which keeps what is borrowed. */
typedef struct l_route {
    const void *tag; /* &route_tag; the collector runs nothing of it */
    l_client *client;
    neap_queue *queue;
    const neap_policy *policy;
    bool repeatable;
    bool ordered;    /* objects of the answers remember the order of their keys */
    neap_meter_endpoint *meter; /* counts its calls; NULL: nobody does */
    neap_request req; /* without URL and body */
    char method[L_METHOD_MAX];
    neap_field fields[FIELDS_MAX];
} l_route;

/* A call on its route. User values: see below. */
typedef struct l_trip {
    l_call call;       /* first: it is a call for flow_call.c */
    l_route *route;
    l_response answer; /* the last send; no userdata of its own */
    bool is_handed;    /* the answer is a response of its own now, user value TRIP_ANSWER */
    bool is_raw;       /* the present send: its answer is not to be decoded */
} l_trip;

enum { TRIP_ROUTE = 1, TRIP_URL, TRIP_BODY, TRIP_ANSWER, TRIP_POLICY, TRIP_VALUES = TRIP_POLICY };

static const char route_tag;

static l_route *check_route(lua_State *L) {
    l_route *r = lua_touserdata(L, 1);
    if (r != NULL && lua_rawlen(L, 1) == sizeof *r && r->tag == &route_tag) return r;
    return luaL_checkudata(L, 1, ROUTE_MT);
}

/* As in flow_call.c: the call's tag and a size that no other call has. */
static l_trip *check_trip(lua_State *L) {
    l_trip *t = lua_touserdata(L, 1);
    if (t == NULL || lua_rawlen(L, 1) != sizeof *t) luaL_checkudata(L, 1, TRIP_MT);
    (void)l_flow_check_call(L, 1);
    return t;
}

/* --- a send -------------------------------------------------------------------------------------- */

/* Pushes the answer as a response, the same for each send. */
static void push_response(lua_State *L, l_trip *t) {
    if (t->is_handed) {
        lua_getiuservalue(L, 1, TRIP_ANSWER);
        return;
    }
    l_response_push_from(L, &t->answer);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, TRIP_ANSWER);
    t->is_handed = true;
}

/* Pushes what a good answer holds. False: it has to be looked at, and nothing is pushed. */
static bool push_decoded(lua_State *L, l_trip *t) {
    const l_response *u = &t->answer;
    const neap_buf *body;
    if (t->is_raw || u->err.code != 0 || u->status < 200 || u->status >= 300) return false;
    body = neap_transfer_body(u->t);
    return body->len > 0 && l_json_push(L, body->data, body->len, t->route->ordered);
}

/* The call is at 1. */
static int push_answer(lua_State *L, l_op *op) {
    l_response *u = (l_response *)(void *)((char *)op - offsetof(l_response, op));
    l_trip *t = (l_trip *)(void *)((char *)u - offsetof(l_trip, answer));
    neap_reply good = {.status = u->status, .retry_after_ns = -1};
    if (u->err.code != 0 && !l_response_is_refusal(u)) return l_response_fail(L, u);
    lua_settop(L, 1);
    lua_pushnil(L);
    lua_pushnil(L);
    if (push_decoded(L, t)) {
        (void)neap_call_settle(&t->call.call, &good, 0);
        return 3;
    }
    push_response(L, t);
    return 1;
}

/* Makes room for an answer; without one nothing is under way. */
static void reset_answer(l_trip *t) {
    l_response_init(&t->answer, false, push_answer);
    t->answer.done = true;
    t->is_handed = false;
}

/* call:send(url, body, credential?, raw?) -> response | nil, err | nil, nil, value: a whole 2xx answer in
 * JSON, decoded, and the send is settled. Without a credential the route's is taken;
 * raw: every answer comes as a response. Yields.                                [-3|5, +1|2|3, e] */
static int l_trip_send(lua_State *L) {
    l_trip *t = check_trip(L);
    const l_route *r = t->route;
    neap_request req = r->req;
    luaL_checktype(L, 2, LUA_TSTRING);
    req.url = lua_tostring(L, 2);
    luaL_argcheck(L, strlen(req.url) == lua_rawlen(L, 2), 2, "NUL in a URL");
    lua_settop(L, 5);
    if (!lua_isnil(L, 3)) luaL_checktype(L, 3, LUA_TSTRING);
    if (!lua_isnil(L, 4)) req.credential = l_secret_check_credential(L, 4);
    req.body = lua_tolstring(L, 3, &req.body_len);
    luaL_argcheck(L, r->client->http != NULL, 1, "the client is closed");
    l_check_can_wait(L);
    if (t->answer.client != NULL || t->answer.op.task != NULL)
        return luaL_error(L, "the call is being sent already");
    l_response_drop(&t->answer);
    reset_answer(t);
    t->is_raw = lua_toboolean(L, 5);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 1, TRIP_URL);
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, 1, TRIP_BODY);
    t->answer.done = false;
    t->answer.call = &t->call.call;
    if (l_response_start(&t->answer, r->client, &req) < 0) return l_response_fail(L, &t->answer);
    return l_await(L, 1, &t->answer.op);
}

/* call:answer() -> response | nil: that of the last send, until the call is finished  [-1, +1, m] */
static int l_trip_answer(lua_State *L) {
    l_trip *t = check_trip(L);
    if (t->is_handed || (t->answer.t != NULL && t->answer.done)) push_response(L, t);
    else lua_pushnil(L);
    return 1;
}

/* call:try_admit() -> boolean: admitted, as nobody has to be waited for; else `admit` says why not. The answer of
 * the last send goes: nobody asks for it any more, and the wait may be long.              [-1, +1, e] */
static int l_trip_try_admit(lua_State *L) {
    l_trip *t = check_trip(L);
    if (t->answer.client == NULL && t->answer.op.task == NULL) {
        l_response_drop(&t->answer);
        reset_answer(t);
        lua_pushnil(L);
        lua_setiuservalue(L, 1, TRIP_ANSWER);
    }
    lua_pushboolean(L, neap_call_try_admit(&t->call.call));
    return 1;
}

/* call:finish() and __close: as of any call; a send under way ends. Closed by an error that nobody has judged it is
 * one of ours. */
static int l_trip_finish(lua_State *L) {
    l_trip *t = check_trip(L);
    if (!lua_isnoneornil(L, 2) && !t->call.call.judged) neap_call_judge(&t->call.call, NEAP_EBUG);
    l_response_drop(&t->answer);
    l_flow_finish_call(&t->call);
    return 0;
}

static int l_trip_gc(lua_State *L) {
    l_trip *t = lua_touserdata(L, 1);
    if (t->call.tag == NULL) return 0;
    l_op_forget(&t->answer.op);
    l_response_drop(&t->answer);
    l_flow_drop_call(&t->call);
    return 0;
}

/* --- the route ------------------------------------------------------------------------------------ */

/* route:call(policy?, repeatable?) -> call; without them the route's. Upvalue 1: its metatable.
 *                                                                                  [-1|3, +1, e] */
static int l_route_call(lua_State *L) {
    l_route *r = check_route(L);
    const neap_policy *policy = lua_isnoneornil(L, 2) ? r->policy : luaL_checkudata(L, 2, L_POLICY_MT);
    bool repeatable = lua_isnoneornil(L, 3) ? r->repeatable : (bool)lua_toboolean(L, 3);
    l_trip *t;
    luaL_argcheck(L, r->queue->flow != NULL, 1, "the queue is gone"); /* finalised, at lua_close */
    t = lua_newuserdatauv(L, sizeof *t, TRIP_VALUES);
    t->call.tag = NULL;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, TRIP_ROUTE);
    if (policy != r->policy) {
        lua_pushvalue(L, 2);
        lua_setiuservalue(L, -2, TRIP_POLICY);
    }
    t->route = r;
    reset_answer(t);
    l_flow_init_call(&t->call, r->queue, policy, repeatable);
    t->call.call.meter = r->meter;
    return 1;
}

static const char *check_text(lua_State *L, size_t *len) {
    if (lua_type(L, -1) != LUA_TSTRING) luaL_argerror(L, 1, "method, headers: strings expected");
    return lua_tolstring(L, -1, len);
}

static void get_fields(lua_State *L, l_route *r) {
    lua_Integer count;
    lua_getfield(L, 1, "headers");
    count = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : 1;
    luaL_argcheck(L, count % 2 == 0 && count / 2 <= FIELDS_MAX, 1, "headers: names and values expected");
    for (lua_Integer i = 1; i <= count; i += 2) {
        neap_field *f = &r->fields[i / 2];
        lua_rawgeti(L, -1, i);
        f->name = check_text(L, &f->name_len);
        lua_rawgeti(L, -2, i + 1);
        f->value = check_text(L, &f->value_len);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    r->req.fields = r->fields;
    r->req.field_count = (size_t)(count / 2);
}

static void get_method(lua_State *L, l_route *r) {
    size_t len;
    const char *method;
    lua_getfield(L, 1, "method");
    method = check_text(L, &len);
    luaL_argcheck(L, len < sizeof r->method && strlen(method) == len, 1, "method: too long");
    memcpy(r->method, method, len + 1);
    r->req.method = r->method;
    lua_pop(L, 1);
}

/* Finds the endpoint's metrics, if it is one of a vendor. */
static neap_meter_endpoint *get_meter(lua_State *L, bool is_login) {
    neap_meter_endpoint *e = NULL;
    size_t len;
    if (lua_getfield(L, 1, "vendor") != LUA_TNIL) {
        const char *vendor = check_text(L, &len);
        lua_getfield(L, 1, "endpoint");
        e = neap_meter_get_endpoint(l_meter(L), vendor, check_text(L, &len), is_login);
        if (e == NULL) luaL_error(L, "not enough memory");
    }
    lua_settop(L, 2);
    return e;
}

static bool get_bool(lua_State *L, const char *name) {
    bool value;
    lua_getfield(L, 1, name);
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/* route.open{ http = client, queue =, policy =, repeatable =, credential =, timeout = seconds, method =,
 * headers = { name, value, ... }, ordered =, vendor =, endpoint =, login = } -> route, which has the table from now
 * on: nobody changes it. With a vendor its calls count in the metrics of that endpoint.  [-1, +1, e] */
static int l_route_open(lua_State *L) {
    l_route *r;
    neap_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    r = lua_newuserdatauv(L, sizeof *r, 1);
    *r = (l_route){.tag = NULL};
    luaL_setmetatable(L, ROUTE_MT);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 1);
    lua_getfield(L, 1, "http");
    r->client = l_http_check_client(L, 3);
    lua_getfield(L, 1, "queue");
    r->queue = luaL_checkudata(L, 4, L_QUEUE_MT);
    lua_getfield(L, 1, "policy");
    r->policy = luaL_checkudata(L, 5, L_POLICY_MT);
    if (lua_getfield(L, 1, "credential") != LUA_TNIL)
        r->req.credential = l_secret_check_credential(L, 6);
    if (lua_getfield(L, 1, "timeout") != LUA_TNIL) r->req.timeouts.total_ms = l_check_seconds_ms(L, 7);
    lua_settop(L, 2);
    get_method(L, r);
    get_fields(L, r);
    r->repeatable = get_bool(L, "repeatable");
    r->ordered = get_bool(L, "ordered");
    r->meter = get_meter(L, get_bool(L, "login"));
    if (neap_request_check(&r->req, &err) < 0) return luaL_error(L, "route: %s", err.message);
    r->req.is_checked = true;
    r->tag = &route_tag;
    return 1;
}

/* Makes the class of calls and leaves its metatable. */
static void push_trip_class(lua_State *L) {
    static const luaL_Reg methods[] = {{"try_admit", l_trip_try_admit},
                                       {"answer", l_trip_answer},
                                       {"finish", l_trip_finish},
                                       {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_trip_gc}, {"__close", l_trip_finish}, {NULL, NULL}};
    static const luaL_Reg none[] = {{NULL, NULL}};
    l_new_class(L, TRIP_MT, none, metas);
    luaL_getmetatable(L, TRIP_MT);
    lua_getfield(L, -1, "__index");
    l_flow_add_call_methods(L);
    luaL_setfuncs(L, methods, 0);
    l_json_push_upvalues(L);
    lua_pushcclosure(L, l_trip_send, 2);
    lua_setfield(L, -2, "send");
    lua_pop(L, 1);
}

int luaopen_neap_route(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg funcs[] = {{"open", l_route_open}, {NULL, NULL}};
    l_new_class(L, ROUTE_MT, none, none);
    luaL_getmetatable(L, ROUTE_MT);
    lua_getfield(L, -1, "__index");
    push_trip_class(L);
    lua_pushcclosure(L, l_route_call, 1);
    lua_setfield(L, -2, "call");
    luaL_newlib(L, funcs);
    return 1;
}
