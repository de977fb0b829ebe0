/* limit.h: one declared limit, judged at the vendor's side. Pure: time is an argument, in
 * nanoseconds of one monotonic clock.
 *
 * Model. A request arrives at the vendor somewhere between its departure and its answer, and no
 * later than departure + jitter. So it is counted at
 *
 *     c = min(answer if it is in, departure + jitter)
 *
 * and not at all before it departs. The limit owns N slots. A request occupies one from the moment
 * it is taken until c + T. Requests that arrive within one half-open [t, t+T) all occupy a slot
 * when the last of them arrives, so there are never more than N of them, whatever the order in
 * which they depart or are answered.
 *
 * A paced limit adds spacing S = T/N: a request leaves S after the previous one left, or S after
 * its answer if that came within the jitter bound; and not while the previous one has yet to depart.
 * Anchoring to later answers too would make nothing safer (the window above is what is promised) and
 * cost up to half of the rate where answers take nearly S.
 *
 * So each interval is longer than S by what the loop and the way to the vendor take, and that is lost:
 * a vendor that counts by spacing refuses whatever comes early. One that lets a burst of B come ahead
 * of its time (a leaky bucket) refuses nothing while any k requests in a row take (k - 1 - B) S or
 * more. Then a request that is late moves the next ones only by as much as it is later than B S / 2:
 *
 *     anchor = max(anchor + S, departure, or answer in time, - B S / 2)
 *
 * so any k of them take (k - 1) S - B S / 2 or more. The other half of the burst is left for the way
 * (jitter) and for clocks that do not agree. The limit owns N + B slots then. */
#ifndef NEAP_CORE_LIMIT_H
#define NEAP_CORE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "meter.h"

/* A time that does not come by itself: some event has to happen first. */
#define NEAP_NEVER INT64_MAX

typedef enum neap_limit_shape {
    NEAP_LIMIT_WINDOW, /* never more than count in any period */
    NEAP_LIMIT_PACE    /* the same, evenly spaced */
} neap_limit_shape;

/* A limit as declared. */
typedef struct neap_limit_cfg {
    neap_limit_shape shape;
    size_t count;      /* N, 1 to NEAP_LIMIT_COUNT_MAX */
    int64_t period_ns; /* T, > 0 */
    int64_t jitter_ns; /* longest way from departure to the vendor's door, >= 0 */
    size_t burst;      /* B, paced only: requests the vendor takes ahead of their time; up to as many */
} neap_limit_cfg;

#define NEAP_LIMIT_COUNT_MAX ((size_t)10000000)

/* Where the slots are kept. limit.c counts them in memory; ledger.h keeps them in the state store,
 * too, for all processes together. */
typedef struct neap_ledger_ops {
    int64_t (*ready_at)(void *ledger, int64_t now); /* when a slot is free: now, later or never */
    void (*take)(void *ledger);                     /* occupies a free slot */
    uint64_t (*depart)(void *ledger, int64_t t);    /* a taken slot departs; its place, > 0 */
    void (*answer)(void *ledger, uint64_t place, int64_t t);
    void (*give_back)(void *ledger); /* a taken slot is free again, as if never taken */
    size_t (*used)(void *ledger, int64_t now);
    void (*free)(void *ledger);
    /* For a ledger that has to get its slots from elsewhere, else NULL: `count` calls wait for one,
     * and for nothing that ready_at knows to last longer. May be said again and again. */
    void (*want)(void *ledger, int64_t now, size_t count);
    const neap_err *(*failure)(void *ledger); /* why the last of that failed; code 0: it did not */
} neap_ledger_ops;

/* One request's part in one limit. Zero-initialised: none. Plain memory of the caller. */
typedef struct neap_hold {
    uint64_t place; /* 0 none, NEAP_HOLD_TAKEN before the departure, then the ledger's */
} neap_hold;

#define NEAP_HOLD_TAKEN UINT64_MAX

typedef struct neap_limit {
    neap_limit_cfg cfg;
    const neap_ledger_ops *ops;
    void *ledger;        /* owned */
    size_t taken;        /* reserved, not departed */
    int64_t spacing_ns;  /* S rounded up; 0: no pacing */
    int64_t late_ns;     /* paced: a request this late moves no other one */
    int64_t anchor_ns;   /* paced: the next one leaves S after this */
    int64_t departed_ns; /* paced: departure of the last one */
    uint64_t last;       /* paced: its place; 0 before the first */
    bool answered;       /* paced: its answer is in */
    neap_meter_wait *meter; /* counts the waits for it; borrowed, NULL: nobody does */
} neap_limit;

/* What there is to know about a limit. */
typedef struct neap_limit_state {
    size_t used, count; /* slots occupied, of how many */
    int64_t next_ns;    /* when one more could leave: now, later, or NEAP_NEVER */
} neap_limit_state;

/* 0, NEAP_EINVAL (count, period, jitter or burst out of range) or NEAP_ENOMEM. */
int neap_limit_init(neap_limit *, const neap_limit_cfg *);
void neap_limit_deinit(neap_limit *);

/* Gets when one more may leave: `now` if at once, NEAP_NEVER while only a departure can tell. */
int64_t neap_limit_ready_at(neap_limit *, int64_t now);
/* `count` calls wait for it; see neap_ledger_ops. */
void neap_limit_want(neap_limit *, int64_t now, size_t count);
/* Why slots could not be had last time; code 0: they could. Borrowed from the limit. */
const neap_err *neap_limit_get_failure(const neap_limit *);
/* Reserves for a request that leaves now or a little later; only when ready_at says now. */
void neap_limit_take(neap_limit *, neap_hold *, int64_t now);
/* The request departs; must be a fresh reading of the clock, an old one would count it too early.
 * Nothing happens unless it is taken and has not departed. */
void neap_limit_depart(neap_limit *, neap_hold *, int64_t now);
/* Its answer begins; once. May be left out (no answer) and may come when nobody cares any more. */
void neap_limit_answer(neap_limit *, neap_hold *, int64_t now);
/* Ends the hold: not departed, it is as if never taken; departed, it stays counted. */
void neap_limit_release(neap_limit *, neap_hold *);
/* Looks; spends nothing. */
neap_limit_state neap_limit_peek(neap_limit *, int64_t now);

#endif
