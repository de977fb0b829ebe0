/* flow_places.c: binding of core/places.h: how many records of a delivery may be under way at once. Lua:
 * neap.native.flow. See spec/lua/places_spec.lua. */
#include "flow.h"

#define PLACES_MT "neap.Places"
#define WAITER_MT "neap.PlaceWaiter"

typedef struct l_places {
    const void *tag; /* &places_tag */
    neap_places places;
} l_places;

static const char places_tag;

/* One that waits for a place: a userdata. User value 1: the places. */
typedef struct l_waiter {
    neap_place_waiter waiter;
    l_op op;
    bool granted; /* it has got the place */
} l_waiter;

/* As in flow_call.c: cheaper than luaL_checkudata, and as safe. */
neap_places *l_places_check(lua_State *L, int idx) {
    l_places *u = lua_touserdata(L, idx);
    if (u == NULL || lua_rawlen(L, idx) != sizeof *u || u->tag != &places_tag) u = luaL_checkudata(L, idx, PLACES_MT);
    return &u->places;
}

/* flow.places(size) -> places                                                        [-1, +1, e] */
static int l_places_new(lua_State *L) {
    lua_Integer size = luaL_checkinteger(L, 1);
    l_places *u;
    luaL_argcheck(L, size >= 1, 1, "integer expected, from 1");
    u = lua_newuserdatauv(L, sizeof *u, 0);
    *u = (l_places){.tag = &places_tag, .places = {.size = (size_t)size}};
    luaL_setmetatable(L, PLACES_MT);
    return 1;
}

/* places:has_room() -> boolean: would `take` get one? */
static int l_places_has_room(lua_State *L) {
    const neap_places *p = l_places_check(L, 1);
    lua_pushboolean(L, p->held < p->size && p->first == NULL);
    return 1;
}

/* places:take() -> boolean: it took a place, as one was free                         [-1, +1, e] */
static int l_places_take(lua_State *L) {
    lua_pushboolean(L, neap_places_take(l_places_check(L, 1)));
    return 1;
}

/* places:release() -> boolean: gives a place back to those who wait; is there room now?    [-1, +1, e] */
static int l_places_release(lua_State *L) {
    neap_places *p = l_places_check(L, 1);
    luaL_argcheck(L, p->held > 0, 1, "no place is taken");
    neap_places_release(p);
    return l_places_has_room(L);
}

static l_waiter *of_waiter(neap_place_waiter *w) {
    return (l_waiter *)(void *)w; /* its first member */
}

static bool on_offer(neap_place_waiter *w) {
    l_waiter *u = of_waiter(w);
    u->granted = true;
    l_op_complete(&u->op);
    return true;
}

static l_waiter *of_op(l_op *op) {
    return (l_waiter *)(void *)((char *)op - offsetof(l_waiter, op));
}

static void cancel_wait(l_op *op) {
    neap_places_leave(&of_op(op)->waiter);
}

static int push_granted(lua_State *L, l_op *op) {
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

/* places:ask() -> waiter in the line for a place; nil: it took one at once                    [-1, +1, e] */
static int l_places_ask(lua_State *L) {
    neap_places *p = l_places_check(L, 1);
    l_waiter *u;
    if (neap_places_take(p)) return 0;
    u = lua_newuserdatauv(L, sizeof *u, 1);
    *u = (l_waiter){.waiter = {.offer = on_offer}, .op = {.cancel = cancel_wait, .push = push_granted}};
    luaL_setmetatable(L, WAITER_MT);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    neap_places_wait(p, &u->waiter);
    return 1;
}

/* waiter:wait() -> true, once it has a place. Yields.                                  [-1, +1, e] */
static int l_waiter_wait(lua_State *L) {
    l_waiter *u = luaL_checkudata(L, 1, WAITER_MT);
    return l_await(L, 1, &u->op);
}

/* waiter:is_granted() -> boolean: it has a place, whoever waits knows of it or not      [-1, +1, e] */
static int l_waiter_is_granted(lua_State *L) {
    const l_waiter *u = luaL_checkudata(L, 1, WAITER_MT);
    lua_pushboolean(L, u->granted);
    return 1;
}

static int l_waiter_gc(lua_State *L) {
    l_waiter *u = lua_touserdata(L, 1);
    l_op_forget(&u->op);
    neap_places_leave(&u->waiter);
    return 0;
}

void l_flow_open_places(lua_State *L) {
    static const luaL_Reg places[] = {{"has_room", l_places_has_room},
                                      {"take", l_places_take},
                                      {"release", l_places_release},
                                      {"ask", l_places_ask},
                                      {NULL, NULL}};
    static const luaL_Reg waiter[] = {{"wait", l_waiter_wait}, {"is_granted", l_waiter_is_granted}, {NULL, NULL}};
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_waiter_gc}, {NULL, NULL}};
    l_new_class(L, PLACES_MT, places, none);
    l_new_class(L, WAITER_MT, waiter, metas);
    lua_pushcfunction(L, l_places_new);
    lua_setfield(L, -2, "places");
}
