/* flow.c: binding of core/limit.h, ledger.h, gate.h and queue.h; policies, places and calls are in flow_policy.c,
 * flow_places.c and flow_call.c. Lua: neap.native.flow. See spec/lua/flow_spec.lua. Times are seconds. */
#include "flow.h"

#include <string.h>

#include "../core/ledger.h"
#include "meter.h"
#include "store.h"

#define FLOW_MT "neap.Flow"

/* --- fields --------------------------------------------------------------------------------- */

int64_t l_flow_field_ns(lua_State *L, const char *name, int64_t absent) {
    int64_t ns = absent;
    if (lua_getfield(L, 1, name) != LUA_TNIL) {
        double s = lua_tonumber(L, -1);
        if (lua_type(L, -1) != LUA_TNUMBER || !(s >= 0 && s <= 1e9))
            luaL_argerror(L, 1, lua_pushfstring(L, "%s: seconds expected, from 0 to 1e9", name));
        ns = l_check_seconds_ns(L, lua_gettop(L));
    }
    lua_pop(L, 1);
    return ns;
}

void l_flow_push_seconds(lua_State *L, int64_t ns) {
    if (ns % NEAP_SECOND == 0) lua_pushinteger(L, ns / NEAP_SECOND);
    else lua_pushnumber(L, (double)ns / 1e9);
}

/* Pushes the seconds from now until `at`; nil for never. */
static void push_time_left(lua_State *L, int64_t at, int64_t now) {
    if (at == NEAP_NEVER) lua_pushnil(L);
    else l_flow_push_seconds(L, at > now ? at - now : 0);
}

/* Sets field `name` of the table on top to the seconds from now until `at`; leaves never out. */
static void set_time_left(lua_State *L, const char *name, int64_t at, int64_t now) {
    if (at == NEAP_NEVER) return;
    push_time_left(L, at, now);
    lua_setfield(L, -2, name);
}

/* Gets field `name` of the table at 1, "" without it; the table keeps the string. THROWS. */
static const char *get_name(lua_State *L, const char *name) {
    const char *text = "";
    if (lua_getfield(L, 1, name) == LUA_TSTRING) text = lua_tostring(L, -1);
    else if (!lua_isnil(L, -1)) luaL_argerror(L, 1, lua_pushfstring(L, "%s: string expected", name));
    lua_pop(L, 1);
    return text;
}

static void set_count(lua_State *L, const char *name, size_t n) {
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, name);
}

/* --- limit ---------------------------------------------------------------------------------- */

static neap_limit_shape check_shape(lua_State *L) {
    const char *shape;
    lua_getfield(L, 1, "shape");
    shape = lua_tostring(L, -1);
    if (shape == NULL || (strcmp(shape, "pace") != 0 && strcmp(shape, "window") != 0))
        luaL_argerror(L, 1, "shape: \"pace\" or \"window\" expected");
    lua_pop(L, 1);
    return shape[0] == 'p' ? NEAP_LIMIT_PACE : NEAP_LIMIT_WINDOW;
}

/* Reads field `name`, least to 1e7; absent it is the least, where that is 0. */
static size_t check_number(lua_State *L, const char *name, lua_Integer least) {
    int is_integer;
    lua_Integer n;
    bool absent = lua_getfield(L, 1, name) == LUA_TNIL && least == 0;
    n = lua_tointegerx(L, -1, &is_integer);
    if (!absent && (!is_integer || n < least || n > (lua_Integer)NEAP_LIMIT_COUNT_MAX))
        luaL_argerror(L, 1, lua_pushfstring(L, "%s: integer expected, from %I to 1e7", name, least));
    lua_pop(L, 1);
    return (size_t)n;
}

/* Reads store and name of the table at 1, if the limit is to be kept in the state store: both are left
 * on the stack, as nothing but they keeps them.                                      [-0, +2, e] */
static neap_store *check_store(lua_State *L, const neap_limit_cfg *cfg, const char **name) {
    neap_store *store = NULL;
    if (lua_getfield(L, 1, "store") != LUA_TNIL) store = l_store_check(L, lua_gettop(L));
    lua_getfield(L, 1, "name");
    *name = lua_tostring(L, -1);
    if (store == NULL) return NULL;
    if (*name == NULL) luaL_argerror(L, 1, "name: string expected, as there is a store");
    if (cfg->shape != NEAP_LIMIT_WINDOW) luaL_argerror(L, 1, "store: only a window can be kept there");
    return store;
}

static void measure_limit(lua_State *L, neap_limit *l) {
    const char *vendor = get_name(L, "vendor"), *label = get_name(L, "label");
    if (*vendor == '\0') return;
    l->meter = neap_meter_get_wait(l_meter(L), vendor, label);
    if (l->meter == NULL) luaL_error(L, "not enough memory");
}

/* flow.limit{ shape = "pace"|"window", count =, period = seconds, burst = 0, jitter = 0.02, store =, name =,
 * vendor =, label = } -> limit. Burst (a pace only): see limit.h. Waits for one of a vendor count in its
 * metrics, under the label. With store (a window only): all processes of the user keep it together, as the
 * one of that name, which says vendor, base URL, account and limit, and of that period. A reservation that
 * fails ends the waits of call:admit with nil, err of kind "limit". Upvalue 1: the flow, which is user
 * value 1 of the limit.                                                             [-1, +1, e] */
static int l_flow_limit(lua_State *L) {
    neap_flow *flow = lua_touserdata(L, lua_upvalueindex(1));
    neap_limit_cfg cfg;
    neap_store *store;
    const char *name;
    neap_limit *l;
    luaL_checktype(L, 1, LUA_TTABLE);
    cfg.shape = check_shape(L);
    cfg.count = check_number(L, "count", 1);
    cfg.burst = check_number(L, "burst", 0);
    cfg.period_ns = l_flow_field_ns(L, "period", 0);
    cfg.jitter_ns = l_flow_field_ns(L, "jitter", NEAP_SECOND / 50);
    luaL_argcheck(L, cfg.period_ns > 0, 1, "period: seconds expected, more than 0");
    luaL_argcheck(L, cfg.burst == 0 || cfg.shape == NEAP_LIMIT_PACE, 1, "burst: only a pace has one");
    store = check_store(L, &cfg, &name);
    if (store != NULL && flow->loop == NULL) return luaL_error(L, "the state is being closed");
    l = lua_newuserdatauv(L, sizeof *l, 1);
    *l = (neap_limit){0};
    luaL_setmetatable(L, L_LIMIT_MT);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setiuservalue(L, -2, 1);
    if (neap_limit_init(l, &cfg) < 0) return luaL_error(L, "not enough memory");
    if (store != NULL && neap_ledger_share(l, flow, store, name) < 0)
        return luaL_error(L, "not enough memory");
    measure_limit(L, l);
    return 1;
}

static int l_limit_gc(lua_State *L) {
    neap_limit_deinit(lua_touserdata(L, 1));
    return 0;
}

/* --- gate ----------------------------------------------------------------------------------- */

static l_gate *check_gate(lua_State *L, int idx) {
    return luaL_checkudata(L, idx, L_GATE_MT);
}

/* flow.gate{ name =, vendor = } -> gate of one limit group; one of a vendor, and the waits of its queues, count in
 * the vendor's metrics                                                             [-1, +1, e] */
static int l_flow_gate(lua_State *L) {
    const char *vendor;
    l_gate *g;
    luaL_checktype(L, 1, LUA_TTABLE);
    vendor = get_name(L, "vendor");
    g = lua_newuserdatauv(L, sizeof *g, 1);
    *g = (l_gate){.name = ""};
    luaL_setmetatable(L, L_GATE_MT);
    if (*vendor != '\0' && neap_meter_open_gate(l_meter(L), &g->gate.meter, vendor) < 0)
        return luaL_error(L, "not enough memory");
    if (lua_getfield(L, 1, "name") == LUA_TSTRING) {
        g->name = lua_tostring(L, -1);
        lua_setiuservalue(L, -2, 1);
        return 1;
    }
    luaL_argcheck(L, lua_isnil(L, -1), 1, "name: string expected");
    lua_pop(L, 1);
    return 1;
}

static void push_state(lua_State *L, neap_gate *g) {
    static const char *const names[] = {"open", "closed", "down"};
    lua_pushstring(L, names[neap_gate_get_state(g, neap_loop_now_ns(l_loop(L)))]);
}

/* gate:state() -> "open" | "closed" | "down" */
static int l_gate_state(lua_State *L) {
    push_state(L, &check_gate(L, 1)->gate);
    return 1;
}

/* gate:pause(seconds): nothing of the group leaves before; never shortens a pause. [-2, +0, e] */
static int l_gate_pause(lua_State *L) {
    l_gate *g = check_gate(L, 1);
    int64_t ns = l_check_seconds_ns(L, 2);
    neap_loop *loop = l_loop(L);
    neap_loop_update(loop);
    neap_gate_pause(&g->gate, neap_loop_now_ns(loop) + ns);
    return 0;
}

static int l_gate_gc(lua_State *L) {
    l_gate *g = lua_touserdata(L, 1);
    neap_gate_deinit(&g->gate);
    return 0;
}

/* --- queue ---------------------------------------------------------------------------------- */

/* Reads the limits of the table at 1; keeps each in the table at `anchors`. */
static size_t check_limits(lua_State *L, neap_limit **limits, int anchors) {
    lua_Integer n = 0;
    if (lua_getfield(L, 1, "limits") != LUA_TNIL) {
        if (!lua_istable(L, -1)) luaL_argerror(L, 1, "limits: list expected");
        n = luaL_len(L, -1);
        if (n > NEAP_QUEUE_LIMITS_MAX) luaL_argerror(L, 1, "limits: too many of them");
        for (lua_Integer i = 1; i <= n; i++) {
            lua_geti(L, -1, i);
            limits[i - 1] = luaL_testudata(L, -1, L_LIMIT_MT);
            if (limits[i - 1] == NULL || limits[i - 1]->ledger == NULL)
                luaL_argerror(L, 1, "limits: neap.Limit expected");
            lua_seti(L, anchors, i);
        }
    }
    lua_pop(L, 1);
    return (size_t)n;
}

/* flow.queue{ limits = { limit, ... }, gate = gate } -> queue. User value 1 of the queue anchors
 * what it borrows. Upvalue 1: the flow.                                            [-1, +1, e] */
static int l_flow_queue(lua_State *L) {
    neap_flow *flow = lua_touserdata(L, lua_upvalueindex(1));
    neap_limit *limits[NEAP_QUEUE_LIMITS_MAX];
    size_t count;
    l_gate *g;
    neap_queue *q;
    luaL_checktype(L, 1, LUA_TTABLE);
    if (flow->loop == NULL) return luaL_error(L, "the state is being closed");
    lua_newtable(L);
    count = check_limits(L, limits, lua_gettop(L));
    lua_getfield(L, 1, "gate");
    g = luaL_testudata(L, -1, L_GATE_MT);
    if (g == NULL) return luaL_argerror(L, 1, "gate: neap.Gate expected");
    lua_setfield(L, -2, "gate");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setfield(L, -2, "flow");
    q = lua_newuserdatauv(L, sizeof *q, 1);
    *q = (neap_queue){0};
    luaL_setmetatable(L, L_QUEUE_MT);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, 1);
    if (neap_queue_init(q, flow, &g->gate, limits, count) < 0)
        return luaL_argerror(L, 1, "limits: one is named twice");
    return 1;
}

static void push_limit_state(lua_State *L, neap_limit *l, int64_t now) {
    neap_limit_state s = neap_limit_peek(l, now);
    lua_createtable(L, 0, 4);
    set_count(L, "used", s.used);
    set_count(L, "count", s.count);
    l_flow_push_seconds(L, l->cfg.period_ns);
    lua_setfield(L, -2, "period");
    set_time_left(L, "next_in", s.next_ns, now);
}

/* queue:peek() -> { waiting =, next_in =, paused_in =, gate =, limits = { { used =, count =,
 * period =, next_in = }, ... } }; next_in is absent while only a departure can tell, or the
 * state store, whose `used` is of the last reservation. Spends nothing.
 *                                                                                  [-1, +1, m] */
static int l_queue_peek(lua_State *L) {
    neap_queue *q = luaL_checkudata(L, 1, L_QUEUE_MT);
    int64_t now;
    luaL_argcheck(L, q->flow != NULL, 1, "the queue is gone"); /* finalised, at lua_close */
    neap_loop_update(q->flow->loop);
    now = neap_loop_now_ns(q->flow->loop);
    lua_createtable(L, 0, 5);
    set_count(L, "waiting", q->waiting_len);
    set_time_left(L, "next_in", neap_queue_ready_at(q, now), now);
    set_time_left(L, "paused_in", q->gate->pause_until_ns, now);
    push_state(L, q->gate);
    lua_setfield(L, -2, "gate");
    lua_createtable(L, (int)q->limit_count, 0);
    for (size_t i = 0; i < q->limit_count; i++) {
        push_limit_state(L, q->limits[i], now);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "limits");
    return 1;
}

/* queue:ready_in() -> seconds until a call that came now could leave, as far as pause and limits go, nil: only a
 * departure can tell, or the state store; seconds that its group is paused. Makes no table, spends nothing.
 *                                                                                  [-1, +2, e] */
static int l_queue_ready_in(lua_State *L) {
    neap_queue *q = luaL_checkudata(L, 1, L_QUEUE_MT);
    int64_t now;
    luaL_argcheck(L, q->flow != NULL, 1, "the queue is gone"); /* finalised, at lua_close */
    neap_loop_update(q->flow->loop);
    now = neap_loop_now_ns(q->flow->loop);
    push_time_left(L, neap_queue_ready_at(q, now), now);
    push_time_left(L, q->gate->pause_until_ns, now);
    return 2;
}

static int l_queue_gc(lua_State *L) {
    neap_queue_deinit(lua_touserdata(L, 1));
    return 0;
}

/* --- module --------------------------------------------------------------------------------- */

static int l_flow_gc(lua_State *L) {
    neap_flow *flow = lua_touserdata(L, 1);
    while (flow->queues != NULL) neap_queue_deinit(flow->queues); /* made by a finaliser: see below */
    neap_flow_deinit(flow);
    flow->loop = NULL; /* at lua_close; what is made from now on is never finalised */
    return 0;
}

static void open_classes(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg gate[] = {{"state", l_gate_state}, {"pause", l_gate_pause}, {NULL, NULL}};
    static const luaL_Reg queue[] = {{"peek", l_queue_peek}, {"ready_in", l_queue_ready_in}, {NULL, NULL}};
    static const luaL_Reg flow_metas[] = {{"__gc", l_flow_gc}, {NULL, NULL}};
    static const luaL_Reg limit_metas[] = {{"__gc", l_limit_gc}, {NULL, NULL}};
    static const luaL_Reg gate_metas[] = {{"__gc", l_gate_gc}, {NULL, NULL}};
    static const luaL_Reg queue_metas[] = {{"__gc", l_queue_gc}, {NULL, NULL}};
    l_new_class(L, FLOW_MT, none, flow_metas);
    l_new_class(L, L_LIMIT_MT, none, limit_metas);
    l_new_class(L, L_GATE_MT, gate, gate_metas);
    l_new_class(L, L_QUEUE_MT, queue, queue_metas);
}

int luaopen_neap_flow(lua_State *L) {
    static const luaL_Reg funcs[] = {
        {"limit", l_flow_limit}, {"gate", l_flow_gate}, {"queue", l_flow_queue}, {NULL, NULL}};
    neap_loop *loop = l_loop(L);
    neap_flow *flow;
    open_classes(L);
    lua_createtable(L, 0, 6);
    flow = lua_newuserdatauv(L, sizeof *flow, 0);
    neap_flow_init(flow, loop);
    luaL_setmetatable(L, FLOW_MT);
    luaL_setfuncs(L, funcs, 1);
    l_flow_open_policy(L);
    l_flow_open_places(L);
    l_flow_open_call(L);
    return 1;
}
