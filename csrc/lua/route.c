/* route.c: what the calls of one endpoint of one client share, and calls that are sent by it. Lua:
 * neap.native.route. See spec/lua/route_spec.lua.
 *
 * The common call at three strokes: made, admitted at once, sent and answered with a 2xx in JSON. So one
 * userdata is call, transfer and wait, and nothing is read from tables. Whatever is less common comes
 * back to Lua: a call that has to wait is admitted by `admit`, and any other answer is handed over as a
 * response (http_response.c), not settled. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "l_http.h"
#include "l_json.h"
#include "meter.h"
#include "secret.h"

#define ROUTE_MT "neap.Route"
#define TRIP_MT "neap.RouteCall"
#define FIELDS_MAX 16

/* User value 1: the table it was made of, which keeps what is borrowed; 2: a retired response, for the next call
 * that needs one. */
enum { ROUTE_SPEC = 1, ROUTE_SPARE, ROUTE_VALUES = ROUTE_SPARE };

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
    l_response *answer; /* owned: the last send, which needs no userdata of its own; NULL: none, as while the call waits,
                         * or it is a response of its own now, user value TRIP_ANSWER */
    neap_use uses[];    /* of the policy's rules */
} l_trip;

/* The answer takes the place of the body, which has left; the last only where the policy is not the route's. */
enum { TRIP_ROUTE = 1, TRIP_URL = L_CALL_PLACES, TRIP_BODY, TRIP_ANSWER = TRIP_BODY, TRIP_POLICY };

static const char route_tag;

static l_route *check_route(lua_State *L) {
    l_route *r = lua_touserdata(L, 1);
    if (r != NULL && lua_rawlen(L, 1) == sizeof *r && r->tag == &route_tag) return r;
    return luaL_checkudata(L, 1, ROUTE_MT);
}

static l_trip *check_trip(lua_State *L) {
    l_trip *t = lua_touserdata(L, 1);
    (void)l_flow_check_call(L, 1);
    if (!t->call.is_trip) luaL_checkudata(L, 1, TRIP_MT);
    return t;
}

/* --- a send -------------------------------------------------------------------------------------- */

/* Is a send under way, or its end still to be told? */
static bool is_sending(const l_trip *t) {
    return t->answer != NULL && (t->answer->client != NULL || t->answer->op.task != NULL);
}

/* Frees the answer unless a task has yet to hear of its end. */
static void drop_answer(l_trip *t) {
    if (t->answer == NULL) return;
    l_response_drop(t->answer);
    if (t->answer->op.task != NULL) return;
    free(t->answer);
    t->answer = NULL;
}

/* Pushes a retired response: the one that the route has kept, if any. The call is at 1.  [-0, +1, m] */
static l_response *push_retired(lua_State *L) {
    lua_getiuservalue(L, 1, TRIP_ROUTE);
    if (lua_getiuservalue(L, -1, ROUTE_SPARE) == LUA_TNIL) {
        lua_pop(L, 2);
        return l_response_push_retired(L);
    }
    lua_pushnil(L);
    lua_setiuservalue(L, -3, ROUTE_SPARE);
    lua_remove(L, -2);
    return lua_touserdata(L, -1);
}

/* Pushes the answer as a response, the same for each send; nil: there is none.       [-0, +1, m] */
static void push_response(lua_State *L, l_trip *t) {
    if (t->answer == NULL) {
        if (lua_getiuservalue(L, 1, TRIP_ANSWER) == LUA_TUSERDATA) return;
        lua_pop(L, 1);
        lua_pushnil(L);
        return;
    }
    l_response_take(push_retired(L), t->answer);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, TRIP_ANSWER);
    drop_answer(t);
}

/* Retires the response on top and pops it: the next call that is refused may have it. */
static void keep_spare(lua_State *L) {
    l_response_retire(L);
    lua_getiuservalue(L, 1, TRIP_ROUTE);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, ROUTE_SPARE);
    lua_pop(L, 1);
}

/* Lets go of what the last send has brought; a response of its own is whoever's has it. The call is at 1. */
static void let_go(lua_State *L, l_trip *t) {
    drop_answer(t);
    lua_pushnil(L);
    lua_setiuservalue(L, 1, TRIP_ANSWER);
}

/* Pushes what a good answer holds. False: it has to be looked at, and nothing is pushed. */
static bool push_decoded(lua_State *L, const l_trip *t) {
    const l_response *u = t->answer;
    const neap_buf *body;
    if (t->call.is_raw || u->err.code != 0 || u->status < 200 || u->status >= 300) return false;
    body = neap_transfer_body(u->t);
    return body->len > 0 && l_json_push(L, body->data, body->len, t->route->ordered);
}

/* The call is at 1. */
static int push_answer(lua_State *L, l_op *op) {
    const l_response *u = (const l_response *)(void *)((char *)op - offsetof(l_response, op));
    l_trip *t = lua_touserdata(L, 1);
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

/* Makes room for an answer. THROWS */
static l_response *new_answer(lua_State *L, l_trip *t) {
    let_go(L, t);
    t->answer = malloc(sizeof *t->answer);
    if (t->answer == NULL) luaL_error(L, "not enough memory");
    l_response_init(t->answer, false, push_answer);
    return t->answer;
}

/* call:send(url, body, credential?, raw?) -> response | nil, err | nil, nil, value: a whole 2xx answer in
 * JSON, decoded, and the send is settled. Without a credential the route's is taken;
 * raw: every answer comes as a response. Yields.                                [-3|5, +1|2|3, e] */
static int l_trip_send(lua_State *L) {
    l_trip *t = check_trip(L);
    const l_route *r = t->route;
    neap_request req = r->req;
    l_response *u;
    luaL_checktype(L, 2, LUA_TSTRING);
    req.url = lua_tostring(L, 2);
    luaL_argcheck(L, strlen(req.url) == lua_rawlen(L, 2), 2, "NUL in a URL");
    lua_settop(L, 5);
    if (!lua_isnil(L, 3)) luaL_checktype(L, 3, LUA_TSTRING);
    if (!lua_isnil(L, 4)) req.credential = l_secret_check_credential(L, 4);
    req.body = lua_tolstring(L, 3, &req.body_len);
    luaL_argcheck(L, r->client->http != NULL, 1, "the client is closed");
    l_check_can_wait(L);
    if (is_sending(t)) return luaL_error(L, "the call is being sent already");
    u = new_answer(L, t);
    t->call.is_raw = lua_toboolean(L, 5);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 1, TRIP_URL);
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, 1, TRIP_BODY);
    u->call = &t->call.call;
    if (l_response_start(u, r->client, &req) < 0) return l_response_fail(L, u);
    return l_await(L, 1, &u->op);
}

/* call:answer() -> response | nil: that of the last send, until the call is finished  [-1, +1, m] */
static int l_trip_answer(lua_State *L) {
    l_trip *t = check_trip(L);
    if (t->answer == NULL || (t->answer->t != NULL && t->answer->done)) push_response(L, t);
    else lua_pushnil(L);
    return 1;
}

/* call:try_admit() -> boolean: admitted, as nobody has to be waited for; else `admit` says why not. The answer of
 * the last send goes.                                                                   [-1, +1, e] */
static int l_trip_try_admit(lua_State *L) {
    l_trip *t = check_trip(L);
    if (!is_sending(t)) let_go(L, t);
    lua_pushboolean(L, neap_call_try_admit(&t->call.call));
    return 1;
}

/* call:forget(): nobody needs the answer of the last send any more, before a wait that may be long. It frees that, and
 * retires the response, if there is one: whoever still has it gets an error.              [-1, +0, e] */
static int l_trip_forget(lua_State *L) {
    l_trip *t = check_trip(L);
    lua_settop(L, 1);
    if (is_sending(t)) return luaL_error(L, "the call is being sent");
    if (lua_getiuservalue(L, 1, TRIP_ANSWER) == LUA_TUSERDATA) keep_spare(L);
    let_go(L, t);
    return 0;
}

/* call:finish() and __close: as of any call; a send under way ends. Closed by an error that nobody has judged it is
 * one of ours. */
static int l_trip_finish(lua_State *L) {
    l_trip *t = check_trip(L);
    if (!lua_isnoneornil(L, 2) && !t->call.call.judged) neap_call_judge(&t->call.call, NEAP_EBUG);
    drop_answer(t);
    l_flow_finish_call(&t->call);
    return 0;
}

static int l_trip_gc(lua_State *L) {
    l_trip *t = lua_touserdata(L, 1);
    if (t->call.tag == NULL) return 0;
    if (t->answer != NULL) l_op_forget(&t->answer->op);
    drop_answer(t);
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
    t = lua_newuserdatauv(L, sizeof *t + policy->len * sizeof *t->uses,
                          policy == r->policy ? TRIP_ANSWER : TRIP_POLICY);
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
    t->answer = NULL;
    l_flow_init_call(&t->call, r->queue, policy, t->uses, repeatable);
    t->call.is_trip = true;
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
    r = lua_newuserdatauv(L, sizeof *r, ROUTE_VALUES);
    *r = (l_route){.tag = NULL};
    luaL_setmetatable(L, ROUTE_MT);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, ROUTE_SPEC);
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
                                       {"forget", l_trip_forget},
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
