/* handler.h: exchanges as tasks see them, and who answers them: a function of this state (handler.c) or the
 * simulators of another one (sandbox.c). */
#ifndef NEAP_LUA_HANDLER_H
#define NEAP_LUA_HANDLER_H

#include "../core/exchange.h"
#include "../core/meter.h"
#include "runtime.h"

/* An exchange in a state: a userdata. */
typedef struct l_exchange {
    const void *tag;   /* exchange.c's */
    l_op op;           /* waits for room */
    neap_exchange *ex; /* NULL once ended */
    bool gone;         /* the client has left: nothing of the request may be read */
    bool headed;       /* the head is out */
    l_task *task;      /* answers it, and ends when the client leaves; NULL: none does */
    neap_job job;      /* ends that task */
    l_runtime *rt;     /* of the state; with `task` */
    int status;        /* of the answer; 0: none, or it was broken off */
    neap_meter_script *meter; /* counts it; borrowed, NULL: nobody does */
    int64_t begun_ns;  /* when it was given to the script; with `meter` */
} l_exchange;

/* Makes the class of exchanges in a state (exchange.c); again: nothing. May throw. */
void l_exchange_open(lua_State *L);
/* Pushes a userdata that owns the exchange: collected or closed unended, it aborts it. May throw,
 * and has then not taken the exchange. */
l_exchange *l_exchange_push(lua_State *L, neap_exchange *ex);
/* Takes the exchange out of its userdata, if it has one: it is the caller's again. Never throws. */
void l_exchange_release(neap_exchange *ex);
/* Takes the exchange to end it, NULL: it was; whoever waits for room is woken. Never throws. */
neap_exchange *l_exchange_take(l_exchange *u);
/* The exchange at index 1, not yet ended. THROWS otherwise. */
l_exchange *l_exchange_check(lua_State *L);
/* Counts it, once, in the metrics of the script that answers it. Never throws. */
void l_exchange_measure(l_exchange *u, neap_meter_script *script);
/* Answers 200 with a text and ends the exchange; `type` is the header field of its type. False: something of another
 * answer is out, or the end. Never throws. */
bool l_exchange_reply_text(l_exchange *u, const neap_field *type, const char *text, size_t len);

/* Functions of neap.native.handler, see answer.c. */
int l_answer_new(lua_State *L);
int l_answer_set_handle(lua_State *L);

/* Starts a task of the function at the registry's reference `ref`, fn(exchange); it is cancelled when the client
 * leaves, and if it ends without an answer, the answer is 500, or 503 where the host has cancelled it. 0, or
 * NEAP_ENOMEM: the exchange is still the caller's. Never throws. */
int l_handler_start(lua_State *L, int ref, neap_exchange *ex);

/* Who answers for the userdata at idx, a sandbox or a handler; lives as long as that userdata. THROWS on another
 * type. */
neap_handler *l_handler_check(lua_State *L, int idx);

#endif
