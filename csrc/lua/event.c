/* event.c: a place where tasks wait for each other, first come first served. Lua: neap.native.event.
 * See spec/lua/event_spec.lua. The library builds places, locks and queues on it. */
#include "l_common.h"

#define EVENT_MT "neap.Event"

typedef struct event_waiter event_waiter;

typedef struct l_event {
    const void *tag;            /* &event_tag */
    event_waiter *first, *last; /* in order of arrival */
} l_event;

/* One wait: a userdata. User value 1: the event. */
struct event_waiter {
    l_op op;
    l_event *event; /* NULL once signalled */
    event_waiter *next, *prev;
};

static const char event_tag;

/* As in flow_call.c: cheaper than luaL_checkudata, and as safe. */
static l_event *check_event(lua_State *L) {
    l_event *e = lua_touserdata(L, 1);
    if (e != NULL && lua_rawlen(L, 1) == sizeof *e && e->tag == &event_tag) return e;
    return luaL_checkudata(L, 1, EVENT_MT);
}

static void take_out(event_waiter *w) {
    l_event *e = w->event;
    if (e == NULL) return;
    if (w->prev != NULL) w->prev->next = w->next;
    else e->first = w->next;
    if (w->next != NULL) w->next->prev = w->prev;
    else e->last = w->prev;
    w->event = NULL;
}

static void waiter_cancel(l_op *op) {
    take_out((event_waiter *)op); /* op is its first member */
}

static int waiter_push(lua_State *L, l_op *op) {
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

/* event.new() -> event */
static int l_event_new(lua_State *L) {
    l_event *e = lua_newuserdatauv(L, sizeof *e, 0);
    *e = (l_event){.tag = &event_tag};
    luaL_setmetatable(L, EVENT_MT);
    return 1;
}

/* event:wait() -> true, once a signal picks this task; yields                    [-1, +1, e] */
static int l_event_wait(lua_State *L) {
    l_event *e = check_event(L);
    event_waiter *w;
    l_check_can_wait(L);
    w = lua_newuserdatauv(L, sizeof *w, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    *w = (event_waiter){.op = {.cancel = waiter_cancel, .push = waiter_push}, .event = e, .prev = e->last};
    if (e->last != NULL) e->last->next = w;
    else e->first = w;
    e->last = w;
    return l_await(L, -1, &w->op);
}

static bool signal_one(l_event *e) {
    event_waiter *w = e->first;
    if (w == NULL) return false;
    take_out(w);
    l_op_complete(&w->op);
    return true;
}

/* event:signal() -> boolean: wakes the task that waits longest, if any */
static int l_event_signal(lua_State *L) {
    lua_pushboolean(L, signal_one(check_event(L)));
    return 1;
}

/* event:broadcast(): wakes all that wait */
static int l_event_broadcast(lua_State *L) {
    l_event *e = check_event(L);
    while (signal_one(e)) continue;
    return 0;
}

int luaopen_neap_event(lua_State *L) {
    static const luaL_Reg methods[] = {{"wait", l_event_wait},
                                       {"signal", l_event_signal},
                                       {"broadcast", l_event_broadcast},
                                       {NULL, NULL}};
    static const luaL_Reg metas[] = {{NULL, NULL}};
    static const luaL_Reg funcs[] = {{"new", l_event_new}, {NULL, NULL}};
    l_new_class(L, EVENT_MT, methods, metas);
    luaL_newlib(L, funcs);
    return 1;
}
