/* flow_call.c: binding of core/call.h, one logical call and its sends. Lua: neap.native.flow. */
#include <string.h>
#include <time.h>

#include "flow.h"
#include "meter.h"

static const char call_tag;

/* Half a dozen checks per call: the tag costs a tenth of luaL_checkudata. Size and tag together are
 * proof, since a light userdata has no size and the tag is wiped before its memory is freed. */
static l_call *check_call(lua_State *L, int idx) {
    l_call *u = lua_touserdata(L, idx);
    if (u != NULL && lua_rawlen(L, idx) >= sizeof *u && u->tag == &call_tag) return u;
    luaL_checkudata(L, idx, L_CALL_MT);
    luaL_argerror(L, idx, "the call is over"); /* finalised, at lua_close */
    return NULL;
}

neap_call *l_flow_check_call(lua_State *L, int idx) {
    return &check_call(L, idx)->call;
}

static void on_wait_over(neap_ticket *t, int rc) {
    l_call *u = t->ud;
    u->rc = rc;
    l_op_complete(&u->op);
}

/* --- attempts ------------------------------------------------------------------------------- */

/* RFC 3339 with milliseconds, UTC. */
static void push_time(lua_State *L, int64_t ms) {
    time_t seconds = (time_t)(ms / 1000);
    int rest = (int)(ms % 1000);
    struct tm tm = {0};
    char date[40];
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    lua_pushfstring(L, "%s.%d%d%dZ", date, rest / 100, rest / 10 % 10, rest % 10);
}

static int64_t round_to_ms(int64_t ns) {
    const int64_t ms = NEAP_SECOND / 1000;
    return (ns + ms / 2) / ms * ms;
}

static void push_attempt(lua_State *L, const neap_attempt *a) {
    lua_createtable(L, 0, 4);
    push_time(L, a->at_ms);
    lua_setfield(L, -2, "at");
    l_flow_push_seconds(L, round_to_ms(a->wait_ns));
    lua_setfield(L, -2, "wait");
    if (a->status > 0) {
        lua_pushinteger(L, a->status);
        lua_setfield(L, -2, "status");
    }
    if (a->failure != NEAP_FAILURE_NONE) {
        lua_pushstring(L, neap_failure_name(a->failure));
        lua_setfield(L, -2, "error");
    }
}

static void push_attempts(lua_State *L, const neap_attempts *a) {
    lua_createtable(L, (int)a->len, 0);
    for (size_t i = 0; i < a->len; i++) {
        push_attempt(L, &a->items[i]);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
}

/* --- waiting -------------------------------------------------------------------------------- */

static int push_outage(lua_State *L, const neap_queue *q) {
    const neap_attempts *cause = &q->gate->cause;
    const l_gate *g = (const l_gate *)q->gate; /* its first member */
    const neap_attempt *last = cause->len > 0 ? &cause->items[cause->len - 1] : NULL;
    neap_err err = {0};
    if (last != NULL && last->status > 0)
        neap_err_set(&err, NEAP_EOUTAGE, "%s%sdown after %zu sends, the last answered HTTP %d",
                     g->name, *g->name ? " " : "", cause->len, last->status);
    else
        neap_err_set(&err, NEAP_EOUTAGE, "%s%sdown after %zu sends, the last without an answer",
                     g->name, *g->name ? " " : "", cause->len);
    l_fail(L, &err);
    push_attempts(L, cause);
    lua_setfield(L, -2, "cause");
    return 2;
}

static int push_wait_result(lua_State *L, const l_call *u, int rc) {
    const neap_err *failure = rc < 0 ? neap_queue_get_failure(u->call.ticket.queue, rc) : NULL;
    if (rc == NEAP_EOUTAGE) return push_outage(L, u->call.ticket.queue);
    if (failure != NULL) return l_fail(L, failure);
    if (rc == NEAP_ENOMEM) return luaL_error(L, "not enough memory");
    if (rc < 0) return l_failf(L, rc, "the call was finished while it waited");
    lua_pushboolean(L, 1);
    return 1;
}

static int wait_push(lua_State *L, l_op *op) {
    const l_call *u = (const l_call *)((char *)op - offsetof(l_call, op));
    return push_wait_result(L, u, u->rc);
}

static void wait_cancel(l_op *op) {
    l_call *u = (l_call *)((char *)op - offsetof(l_call, op));
    neap_ticket_release(&u->call.ticket);
}

/* A wait that nobody resumes would keep its slots. THROWS */
static l_call *check_idle(lua_State *L) {
    l_call *u = check_call(L, 1);
    l_check_can_wait(L);
    if (u->call.finished || u->call.ticket.state != NEAP_TICKET_IDLE || u->op.task != NULL)
        luaL_error(L, "the call is finished, admitted or waiting already");
    l_op_reset(&u->op);
    return u;
}

/* Waits for what a call of neap_call_admit or the like has come to, without a coroutine if the object at idx may go on
 * with the task. */
static int await(lua_State *L, l_call *u, int rc, int object) {
    bool may_leave = !lua_isnoneornil(L, object) && l_may_leave(L);
    u->rc = rc;
    if (rc != 0) return push_wait_result(L, u, rc);
    return may_leave ? l_leave(L, 1, object, &u->op) : l_await(L, 1, &u->op);
}

/* call:admit(object?) -> true | nil, err (kind "outage", with `cause`; "limit": the state store failed); waits
 * until it may be sent. With an object it may return a light userdata, which the function that called has to
 * return at once: then it waits without a coroutine (l_leave), and the object asks `waited`.
 * Yields.                                                                        [-1|2, +1|2, e] */
static int l_call_admit(lua_State *L) {
    l_call *u = check_idle(L);
    return await(L, u, neap_call_admit(&u->call), 2);
}

/* call:wait(places?, object?) -> as admit; waits until it is no longer blocked, then for one of the places, unless it
 * probes a closed gate; reserves no limits. Yields.
 *                                                                                 [-1|3, +1|2, e] */
static int l_call_wait(lua_State *L) {
    neap_places *places = lua_isnoneornil(L, 2) ? NULL : l_places_check(L, 2);
    l_call *u = check_idle(L);
    lua_settop(L, 3);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 1, L_CALL_PLACES);
    return await(L, u, neap_call_await_unblocked(&u->call, places), 3);
}

/* call:take_place() -> boolean: has the wait got it a place? It is the caller's to give back now; one that is not taken
 * goes back when the call is finished. */
static int l_call_take_place(lua_State *L) {
    lua_pushboolean(L, neap_ticket_take_place(&check_call(L, 1)->call.ticket));
    return 1;
}

/* call:waited() -> as wait: how its last wait has ended, true before the first                  [-1, +1|2, e] */
static int l_call_waited(lua_State *L) {
    const l_call *u = check_call(L, 1);
    return push_wait_result(L, u, u->rc);
}

/* call:admitted() -> boolean: it may be sent now */
static int l_call_admitted(lua_State *L) {
    lua_pushboolean(L, check_call(L, 1)->call.ticket.state == NEAP_TICKET_HELD);
    return 1;
}

/* call:blocked() -> boolean: admit would wait for more than a limit: for its retry wait, a pause or
 * a closed gate */
static int l_call_blocked(lua_State *L) {
    lua_pushboolean(L, neap_ticket_is_blocked(&check_call(L, 1)->call.ticket));
    return 1;
}

/* call:probing() -> boolean: the gate is closed, and this call alone may be sent to try it */
static int l_call_probing(lua_State *L) {
    const neap_ticket *t = &check_call(L, 1)->call.ticket;
    lua_pushboolean(L, t->queue->gate->probe == &t->record);
    return 1;
}

/* --- settling ------------------------------------------------------------------------------- */

static void unpack_table(lua_State *L) {
    static const char *const names[] = {"status", "failure", "ambiguous", "retry_after"};
    lua_settop(L, 2);
    for (int i = 0; i < 4; i++) lua_getfield(L, 2, names[i]);
    lua_remove(L, 2);
}

static neap_reply check_reply(lua_State *L, const neap_call *c) {
    neap_reply r = {.retry_after_ns = -1};
    if (lua_istable(L, 2)) unpack_table(L);
    else lua_settop(L, 5);
    if (!lua_isnil(L, 2)) {
        lua_Integer status = luaL_checkinteger(L, 2);
        luaL_argcheck(L, status >= 100 && status <= 599, 2, "HTTP status expected");
        r.status = (int)status;
    }
    if (!lua_isnil(L, 3)) r.failure = neap_failure_parse(luaL_checkstring(L, 3));
    else if (r.status == 0) r.failure = NEAP_FAILURE_OTHER;
    /* Not said: a failure after the departure is ambiguous, before it is not. */
    r.ambiguous = lua_isnil(L, 4) ? r.failure != NEAP_FAILURE_NONE && c->ticket.departed
                                  : lua_toboolean(L, 4);
    if (!lua_isnil(L, 5)) r.retry_after_ns = l_check_seconds_ns(L, 5);
    return r;
}

static int push_verdict(lua_State *L, neap_decision d, neap_failure failure) {
    switch (d.verdict) {
    case NEAP_VERDICT_RETRY:
        lua_pushliteral(L, "retry");
        l_flow_push_seconds(L, d.wait_ns);
        return 2;
    case NEAP_VERDICT_UNKNOWN: lua_pushliteral(L, "unknown"); return 1;
    case NEAP_VERDICT_GIVE_UP: lua_pushliteral(L, "fail"); return 1;
    case NEAP_VERDICT_NO_RULE: break;
    }
    lua_pushstring(L, failure == NEAP_FAILURE_NONE ? "ok" : "fail");
    return 1;
}

/* call:settle{ status =, failure =, ambiguous =, retry_after = } or the same by position
 * -> "retry", seconds to wait | "ok" (no rule: the caller judges the status) | "fail" | "unknown"
 *                                                                              [-n, +1|2, e] */
static int l_call_settle(lua_State *L) {
    l_call *u = check_call(L, 1);
    neap_reply r = check_reply(L, &u->call);
    double random = 0;
    if (u->call.ticket.state != NEAP_TICKET_HELD)
        return luaL_error(L, "nothing to settle: the call is not admitted");
    if (r.failure != NEAP_FAILURE_NONE || r.status >= 400) random = neap_random_real(l_random(L));
    return push_verdict(L, neap_call_settle(&u->call, &r, random), r.failure);
}

/* call:broke(failure) -> as settle: the body of an answer that was settled as a good one broke off    [-2, +1|2, e] */
static int l_call_broke(lua_State *L) {
    l_call *u = check_call(L, 1);
    neap_failure failure = neap_failure_parse(luaL_checkstring(L, 2));
    if (u->call.ticket.state != NEAP_TICKET_IDLE || u->call.attempts.len == 0)
        return luaL_error(L, "nothing broke: no send of the call is settled");
    return push_verdict(L, neap_call_broke(&u->call, failure, neap_random_real(l_random(L))), failure);
}

/* call:judge(kind?): says for the metrics what came of the call: ok, or an error's kind; see neap_call_judge
 *                                                                                  [-1|2, +0, e] */
static int l_call_judge(lua_State *L) {
    neap_call_judge(&check_call(L, 1)->call, l_meter_check_kind(L, 2));
    return 0;
}

/* call:withdraw(): gives an admission back before anything was sent; it may be admitted again, in its old
 * place in the line.                                                                      [-1, +0, e] */
static int l_call_withdraw(lua_State *L) {
    l_call *u = check_call(L, 1);
    if (u->call.ticket.state != NEAP_TICKET_HELD || u->call.ticket.departed)
        return luaL_error(L, "nothing to withdraw: the call is not admitted, or has left");
    neap_ticket_release(&u->call.ticket);
    return 0;
}

/* call:finish(): takes part in nothing any more; idempotent, also __close. A task that waits in
 * admit or wait gets nil, err. */
static int l_call_finish(lua_State *L) {
    l_flow_finish_call(check_call(L, 1));
    return 0;
}

/* call:attempts() -> { { at = "2026-11-21T10:00:00.000Z", wait = 300, status = 503 }, ... };
 * `error` is the failure class of a send without a usable answer */
static int l_call_attempts(lua_State *L) {
    push_attempts(L, &check_call(L, 1)->call.attempts);
    return 1;
}

/* call:sends() -> sends, counting those that failed before they left; how many of them left */
static int l_call_sends(lua_State *L) {
    const neap_call *c = &check_call(L, 1)->call;
    lua_pushinteger(L, (lua_Integer)c->attempts.len);
    lua_pushinteger(L, c->departures);
    return 2;
}

void l_flow_init_call(l_call *u, neap_queue *q, const neap_policy *policy, neap_use *uses, bool repeatable) {
    u->op = (l_op){.cancel = wait_cancel, .push = wait_push};
    u->rc = 0;
    u->is_trip = u->is_raw = false;
    neap_call_init(&u->call, q, policy, uses, repeatable, on_wait_over, u);
    u->tag = &call_tag;
}

void l_flow_finish_call(l_call *u) {
    neap_call_finish(&u->call);
    if (u->op.task != NULL && !u->op.done) on_wait_over(&u->call.ticket, NEAP_ECANCELLED);
}

void l_flow_drop_call(l_call *u) {
    if (u->tag != &call_tag) return;
    neap_call_deinit(&u->call);
    u->tag = NULL;
    l_op_forget(&u->op);
}

static int l_call_gc(lua_State *L) {
    l_flow_drop_call(lua_touserdata(L, 1));
    return 0;
}

/* luaL_checkudata by the metatable at an upvalue: without looking up its name. */
static void *check_class(lua_State *L, int idx, int upvalue, const char *name) {
    bool same = lua_getmetatable(L, idx) && lua_rawequal(L, -1, lua_upvalueindex(upvalue));
    if (!same) luaL_checkudata(L, idx, name); /* raises */
    lua_pop(L, 1);
    return lua_touserdata(L, idx);
}

/* flow.call(queue, policy, repeatable) -> call. Upvalues: the metatables of call, queue and policy.
 *                                                                                  [-3, +1, e] */
static int l_flow_call(lua_State *L) {
    neap_queue *q = check_class(L, 1, 2, L_QUEUE_MT);
    const neap_policy *policy = check_class(L, 2, 3, L_POLICY_MT);
    bool repeatable = lua_toboolean(L, 3);
    l_call *u;
    luaL_argcheck(L, q->flow != NULL, 1, "the queue is gone"); /* finalised, at lua_close */
    u = lua_newuserdatauv(L, sizeof *u + policy->len * sizeof(neap_use), 3);
    u->tag = NULL;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 3);
    l_flow_init_call(u, q, policy, (neap_use *)(u + 1), repeatable);
    return 1;
}

static const luaL_Reg methods[] = {{"admit", l_call_admit},       {"wait", l_call_wait},
                                   {"blocked", l_call_blocked},   {"probing", l_call_probing},
                                   {"settle", l_call_settle},     {"finish", l_call_finish},
                                   {"attempts", l_call_attempts}, {"sends", l_call_sends},
                                   {"withdraw", l_call_withdraw}, {"broke", l_call_broke},
                                   {"judge", l_call_judge},         {"waited", l_call_waited},
                                   {"admitted", l_call_admitted},   {"take_place", l_call_take_place},
                                   {NULL, NULL}};

void l_flow_add_call_methods(lua_State *L) {
    luaL_setfuncs(L, methods, 0);
}

void l_flow_open_call(lua_State *L) {
    static const luaL_Reg metas[] = {{"__gc", l_call_gc}, {"__close", l_call_finish}, {NULL, NULL}};
    l_new_class(L, L_CALL_MT, methods, metas);
    luaL_getmetatable(L, L_CALL_MT);
    luaL_getmetatable(L, L_QUEUE_MT);
    luaL_getmetatable(L, L_POLICY_MT);
    lua_pushcclosure(L, l_flow_call, 3);
    lua_setfield(L, -2, "call");
}
