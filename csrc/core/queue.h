/* queue.h: who may send next. A queue is the waiting calls under one set of limits and one gate;
 * queues may share limits and gates (an endpoint exempt from a limit has a queue of its own). All
 * queues of a runtime belong to one neap_flow, with one timer.
 *
 * A call leaves when all limits of its queue are ready, the group's pause is over and the gate lets
 * it pass; it then holds a slot in every limit, taken at one stroke. Only the heads of queues are
 * looked at; among heads that could leave the earliest arrival goes first, and a head that cannot
 * leave holds up nobody but its own queue. A call keeps its arrival over all its sends, so a resend
 * goes before calls that came later. One that sits out its own retry wait is not in the line. */
#ifndef NEAP_CORE_QUEUE_H
#define NEAP_CORE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate.h"
#include "limit.h"
#include "loop.h"
#include "places.h"

#define NEAP_QUEUE_LIMITS_MAX 8

typedef struct neap_queue neap_queue;

/* What all queues of one loop share. */
typedef struct neap_flow {
    neap_loop *loop;
    neap_timer timer;   /* when the next head may leave */
    neap_job job;       /* something changed: look at the heads again */
    neap_queue *queues; /* all of them */
    neap_queue *active; /* those with somebody in line */
    uint64_t arrivals;  /* last number given out */
} neap_flow;

struct neap_queue {
    neap_flow *flow;
    neap_gate *gate; /* borrowed, as the limits are; must outlive the queue */
    neap_limit *limits[NEAP_QUEUE_LIMITS_MAX];
    size_t limit_count;
    neap_timer_heap line;         /* tickets that want to leave now; by arrival */
    struct neap_ticket *waiting, *waiting_last; /* everybody who waits, in line or not */
    size_t waiting_len;
    neap_meter_wait *cause;       /* what the line waits for, as its head does; NULL: not known yet */
    bool is_active;               /* in flow->active */
    neap_queue *prev, *next;      /* in flow->queues */
    neap_queue *a_prev, *a_next;  /* in flow->active */
};

typedef enum neap_ticket_state {
    NEAP_TICKET_IDLE,   /* no part in anything */
    NEAP_TICKET_PARKED, /* sits out its own wait: node is a timer of the loop */
    NEAP_TICKET_GATED,  /* only looks on: waits for the gate to open */
    NEAP_TICKET_PLACELESS, /* only looks on: nothing blocks it any more, it waits for a place */
    NEAP_TICKET_LINED,  /* in the queue's line: node is an item of it, keyed by arrival */
    NEAP_TICKET_HELD    /* admitted: has its slots, sent or about to be */
} neap_ticket_state;

/* One call's place, over all its sends. Owned by the call; must not move. */
typedef struct neap_ticket {
    neap_queue *queue;
    neap_ticket_state state;
    bool departed;         /* HELD: the request has left */
    bool answered;         /* HELD: its answer is in */
    bool told;             /* waiting: enter has returned 0, so `done` is owed */
    bool looks_on;         /* waiting: wants no slots, only to be no longer blocked */
    bool has_place;        /* idle: one of `places`, which its owner has yet to take over */
    neap_meter_wait *cause; /* what it waits for, outside of the line */
    uint64_t arrival;      /* order of first entering; 0: not yet */
    int64_t not_before_ns; /* its own wait */
    int64_t asked_ns;      /* the part of it that the vendor asked for; outlives the gate */
    neap_places *places;   /* looks on: where it wants a place, too; borrowed, NULL: nowhere */
    neap_gate_record record;
    union { /* nobody waits who is HELD */
        neap_hold holds[NEAP_QUEUE_LIMITS_MAX];
        struct {
            union { /* no time is what a PLACELESS one waits for */
                neap_timer node;
                neap_place_waiter waiter;
            };
            struct neap_ticket *prev, *next; /* in queue->waiting */
        };
    };
    /* The wait is over: rc 0 admitted, NEAP_EOUTAGE the group is down, NEAP_ENOMEM, or what a limit
     * failed with. Only records; must not call back into the queue. */
    void (*done)(struct neap_ticket *, int rc);
    void *ud; /* the owner's */
} neap_ticket;

void neap_flow_init(neap_flow *, neap_loop *);
/* Stops timer and job. Its queues must be gone. */
void neap_flow_deinit(neap_flow *);
/* A limit may be ready that was not: looks at the heads again, from a job. */
void neap_flow_kick(neap_flow *);
/* The limit cannot get slots: whoever waits for it is let go with rc, neap_queue_get_failure says
 * why. */
void neap_flow_fail(neap_flow *, const neap_limit *, int rc);

/* Limits and gate are borrowed. 0 or NEAP_EINVAL (too many, one twice). */
int neap_queue_init(neap_queue *, neap_flow *, neap_gate *, neap_limit *const *limits,
                    size_t count);
/* Whoever still waits is let go without a word. */
void neap_queue_deinit(neap_queue *);
/* When a call that came now could leave as far as pause and limits go: now, later or NEAP_NEVER. */
int64_t neap_queue_ready_at(neap_queue *, int64_t now);
/* Why a wait ended with rc, if that was a limit's; else NULL. Borrowed from the limit. */
const neap_err *neap_queue_get_failure(const neap_queue *, int rc);

void neap_ticket_init(neap_ticket *, neap_queue *, void (*done)(neap_ticket *, int rc), void *ud);
/* Asks to be admitted; the ticket is idle. 1: admitted at once; 0: waits, `done` will come; else
 * NEAP_EOUTAGE or NEAP_ENOMEM, and it is idle. */
int neap_ticket_enter(neap_ticket *);
/* The same where nobody has to be waited for: true when it was admitted, else it is idle as before. */
bool neap_ticket_try_enter(neap_ticket *);
/* Whether enter would wait for something other than a limit: own wait, pause, closed gate. */
bool neap_ticket_is_blocked(const neap_ticket *);
/* Waits until it is not blocked, then for one of the places, if that is not NULL, unless it probes a closed gate; takes
 * no slots: waiting for a place with slots in hand would hold up everybody who waits for the slots, perhaps the very
 * ones that hold the places. One that gets a place is not blocked. Returns as enter does; after 1 or rc 0 the ticket
 * is idle, and take_place says whether it has got one. */
int neap_ticket_await_unblocked(neap_ticket *, neap_places *);
/* Its owner takes over the place it has got; false: it has none. One that nobody takes over goes back at release. */
bool neap_ticket_take_place(neap_ticket *);
/* The request departs, its answer begins; `now` freshly read. Only while HELD. */
void neap_ticket_depart(neap_ticket *, int64_t now);
void neap_ticket_answer(neap_ticket *, int64_t now);
/* Ends the waiting or the admission; slots of a request that never departed are given back. */
void neap_ticket_release(neap_ticket *);
/* Carries out what an event did to the gate of this queue. */
void neap_queue_gate_changed(neap_queue *, neap_gate_change);

#endif
