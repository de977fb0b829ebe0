/* flow.h: what the files of the flow binding share, and what http.c needs of it. */
#ifndef NEAP_LUA_FLOW_H
#define NEAP_LUA_FLOW_H

#include "../core/call.h"
#include "l_common.h"

/* User value of a call: the places that it waits for, or has got one of. It is not sent meanwhile, so route.c has what a
 * send needs in the same place. */
enum { L_CALL_PLACES = 2 };

/* A call's userdata, or the beginning of it (route.c). User value 1 anchors the queue. */
typedef struct l_call {
    const void *tag; /* the tag of calls from making to collection; see flow_call.c */
    neap_call call;
    l_op op;         /* the wait of admit or wait */
    int rc;          /* how it ended */
    bool is_trip;    /* it is the beginning of one of route.c */
    bool is_raw;     /* for route.c: the answer to the present send is not to be decoded */
} l_call;

/* Gets the call at idx; borrowed, lives as long as the value. THROWS unless it is one. */
neap_call *l_flow_check_call(lua_State *L, int idx);
/* Makes a call of a userdata that has its metatable already; `uses`: part of it, for each rule of the policy. */
void l_flow_init_call(l_call *, neap_queue *, const neap_policy *, neap_use *uses, bool repeatable);
/* Takes part in nothing any more; a wait for admission ends. Idempotent. */
void l_flow_finish_call(l_call *);
/* Frees; for __gc. */
void l_flow_drop_call(l_call *);
/* Adds the methods of calls to the table on top.                                     [-0, +0, m] */
void l_flow_add_call_methods(lua_State *L);

/* The userdata's names. neap_limit, neap_queue and neap_policy are the userdata themselves. */
#define L_LIMIT_MT "neap.Limit"
#define L_GATE_MT "neap.Gate"
#define L_QUEUE_MT "neap.Queue"
#define L_POLICY_MT "neap.Policy"
#define L_CALL_MT "neap.Call"

/* A gate's userdata. User value 1: its name, if it has one. */
typedef struct l_gate {
    neap_gate gate;   /* first: a queue's gate is this userdata */
    const char *name; /* of the user value; "" without */
} l_gate;

/* Make the class and add its constructor to the module's table, on top: flow.policy
 * (flow_policy.c), flow.places (flow_places.c), then flow.call (flow_call.c), which needs the other classes. */
void l_flow_open_policy(lua_State *L);
void l_flow_open_places(lua_State *L);
void l_flow_open_call(lua_State *L);

/* Gets the places at idx; borrowed, live as long as the value. THROWS unless it is some. */
neap_places *l_places_check(lua_State *L, int idx);

/* Reads seconds from field `name` of the table at 1, as ns; `absent` without it. THROWS. */
int64_t l_flow_field_ns(lua_State *L, const char *name, int64_t absent);
/* Pushes nanoseconds as seconds: an integer where they are whole. */
void l_flow_push_seconds(lua_State *L, int64_t ns);

#endif
