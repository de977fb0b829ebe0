/* meter.c: binding of core/meter.h. Lua: neap.native.meter. See spec/lua/metrics_spec.lua. */
#include "meter.h"

#include <string.h>

#include "box.h"

#define SCRIPT_MT "neap.MeterScript"

/* A script's series as Lua holds it. */
typedef struct l_script {
    const void *tag; /* &script_tag; the collector runs nothing of it */
    neap_meter_script *series;
} l_script;

static const char script_tag;

neap_meter *l_meter(lua_State *L) {
    l_runtime *rt = l_runtime_get(L);
    if (rt->meter == NULL && neap_meter_new(&rt->meter) < 0) luaL_error(L, "not enough memory");
    return rt->meter;
}

static neap_meter_state state_of(const l_runtime *rt) {
    size_t memory = (size_t)lua_gc(rt->L, LUA_GCCOUNT) * 1024 + (size_t)lua_gc(rt->L, LUA_GCCOUNTB);
    neap_loop_update(rt->loop); /* a host may ask between two turns */
    return (neap_meter_state){.now = neap_loop_now_ns(rt->loop),
                              .tasks_live = rt->task_count,
                              .tasks_started = rt->tasks_started,
                              .memory = memory};
}

void l_meter_totals(const l_runtime *rt, neap_metrics *out) {
    neap_meter_state state = state_of(rt);
    neap_meter_totals(rt->meter, &state, out);
}

void l_meter_write(const l_runtime *rt, neap_write_fn write, void *ud) {
    neap_meter_state state = state_of(rt);
    neap_meter_write(rt->meter, &state, write, ud);
}

/* --- Lua ------------------------------------------------------------------------------------------- */

typedef struct text {
    neap_buf *box;
    bool failed;
} text;

static void add_text(void *ud, const char *piece, size_t len) {
    text *t = ud;
    if (!t->failed) t->failed = neap_buf_add(t->box, piece, len) < 0;
}

/* meter.text() -> all metrics in the text format of Prometheus                       [-0, +1, m] */
static int l_meter_text(lua_State *L) {
    text t = {.box = l_box_push(L)};
    l_meter_write(l_runtime_get(L), add_text, &t);
    if (t.failed) return luaL_error(L, "not enough memory");
    return l_box_take(L, t.box);
}

int l_meter_check_kind(lua_State *L, int idx) {
    static const struct {
        int code;
        const char *kind;
    } kinds[] = {
#define X(sym, value, kind) {value, kind},
        NEAP_ERR_LIST(X)
#undef X
    };
    const char *kind = lua_isnoneornil(L, idx) ? NULL : luaL_checkstring(L, idx);
    if (kind == NULL) return 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].kind, kind) == 0) return kinds[i].code;
    return NEAP_EBUG;
}

/* meter.refused(vendor, endpoint, kind): a call failed before it could wait or be sent [-3, +0, e] */
static int l_meter_refused(lua_State *L) {
    const char *vendor = luaL_checkstring(L, 1), *endpoint = luaL_checkstring(L, 2);
    int code = l_meter_check_kind(L, 3);
    neap_meter_endpoint *e = neap_meter_get_endpoint(l_meter(L), vendor, endpoint, false);
    if (e == NULL) return luaL_error(L, "not enough memory");
    neap_meter_add_call(e, code, -1);
    return 0;
}

/* meter.script(name) -> script, for exchange:measure                                  [-1, +1, e] */
static int l_meter_script_new(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    l_script *u = lua_newuserdatauv(L, sizeof *u, 0);
    *u = (l_script){.series = neap_meter_get_script(l_meter(L), name)};
    if (u->series == NULL) return luaL_error(L, "not enough memory");
    u->tag = &script_tag;
    luaL_setmetatable(L, SCRIPT_MT);
    return 1;
}

/* Once per request: cheaper than luaL_checkudata, and as safe; see flow_call.c. */
neap_meter_script *l_meter_check_script(lua_State *L, int idx) {
    const l_script *u = lua_touserdata(L, idx);
    if (u != NULL && lua_rawlen(L, idx) == sizeof *u && u->tag == &script_tag) return u->series;
    luaL_checkudata(L, idx, SCRIPT_MT);
    return NULL;
}

int luaopen_neap_meter(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg funcs[] = {
        {"text", l_meter_text}, {"refused", l_meter_refused}, {"script", l_meter_script_new}, {NULL, NULL}};
    l_new_class(L, SCRIPT_MT, none, none);
    luaL_newlib(L, funcs);
    return 1;
}
