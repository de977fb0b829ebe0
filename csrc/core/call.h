/* call.h: one logical call: up to some tens of sends, each admitted by its queue, each judged by
 * the retry policy, all of them logged.
 *
 *     admit -> depart -> answer -> settle -> { admit again | finish }
 *
 * depart and answer may be missing (the send failed early). Settle ends the admission: slots of a
 * send that never left are given back. */
#ifndef NEAP_CORE_CALL_H
#define NEAP_CORE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"
#include "retry.h"

typedef struct neap_call {
    neap_ticket ticket;
    const neap_policy *policy; /* borrowed */
    neap_use *uses;            /* of the policy's rules; borrowed */
    neap_attempts attempts; /* every send, and every try that failed before it could leave */
    bool repeatable;        /* the endpoint's write class lets an ambiguous send be repeated */
    bool logged;            /* the present admission has its entry in attempts */
    bool finished;
    bool good;             /* the last send was answered with a 2xx */
    bool judged;           /* `outcome` was told */
    int outcome;           /* 0 or a code of error.h */
    unsigned departures;   /* sends that really left */
    neap_meter_endpoint *meter; /* counts it and its sends; borrowed, set after init, NULL: nobody does */
    int64_t begun_ns;      /* when it was made */
    int64_t departed_ns;   /* when the present send left */
    int64_t settled_ns;    /* when the last send was judged */
    int64_t gate_wait_ns;  /* last wait granted for an outage */
} neap_call;

/* Queue, policy and `uses`, for each of the policy's rules, are borrowed. `done` as in neap_ticket: the end of an admit
 * that had to wait. */
void neap_call_init(neap_call *, neap_queue *, const neap_policy *, neap_use *uses, bool repeatable,
                    void (*done)(neap_ticket *, int rc), void *ud);
/* Finishes and frees; idempotent. */
void neap_call_deinit(neap_call *);

/* Asks for the next send. 1 at once, 0 waits (`done` will come), NEAP_EOUTAGE (the cause is in the
 * gate), NEAP_ENOMEM, NEAP_EINVAL (finished, admitted or waiting already). */
int neap_call_admit(neap_call *);
/* The same if it need not wait: true when it was admitted, else nothing has changed and admit says why. */
bool neap_call_try_admit(neap_call *);
/* Waits until it is blocked neither by its own wait nor by pause or gate, and for a place; see
 * neap_ticket_await_unblocked. Returns as admit does. */
int neap_call_await_unblocked(neap_call *, neap_places *);
/* The request leaves: its first byte is about to be sent. `now` read in this moment: a stale clock
 * would count it too early. */
void neap_call_depart(neap_call *, int64_t now);
/* The first byte of its answer is in. */
void neap_call_answer(neap_call *, int64_t now);
/* Judges the send that was admitted; the decision's wait begins now. NEAP_VERDICT_NO_RULE without
 * effect if nothing was admitted. */
neap_decision neap_call_settle(neap_call *, const neap_reply *, double random);
/* The answer that was settled last, a good one, turned out to break off while its body was read. Judged like any
 * such failure, on the same budgets, but the vendor did answer: neither gate nor group hears of it. */
neap_decision neap_call_broke(neap_call *, neap_failure, double random);
/* Says for the metrics what came of it: 0 or the code of its error. Unsaid it is well after a 2xx, else cancelled. */
void neap_call_judge(neap_call *, int outcome);
/* Takes part in nothing any more: leaves line and gate, gives an unsent admission back. Its log
 * stays. Idempotent. */
void neap_call_finish(neap_call *);

#endif
