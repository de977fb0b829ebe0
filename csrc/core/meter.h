/* meter.h: what one runtime counts: calls, sends and retries by endpoint, waits by what was waited for, exchanges
 * by script, and how long they take. Pure: time is an argument, in nanoseconds of the loop's clock.
 *
 * A series is found once, by its names, and updated through the pointer: a few dozen instructions, no memory, no
 * failure. Names come from definitions and file names, never from answers, and there are at most
 * NEAP_METER_SERIES_MAX series of a sort: whatever is beyond is counted as "other". A series lives as long as its
 * meter; everything that takes one takes NULL as well: not counted. */
#ifndef NEAP_CORE_METER_H
#define NEAP_CORE_METER_H

#include <neap/neap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "retry.h"

#define NEAP_METER_SERIES_MAX 1024

typedef struct neap_meter neap_meter;
typedef struct neap_meter_endpoint neap_meter_endpoint; /* one endpoint of one vendor */
typedef struct neap_meter_wait neap_meter_wait;         /* what calls of a vendor wait for */
typedef struct neap_meter_script neap_meter_script;     /* what answers exchanges */

/* What the calls of one vendor wait for besides its limits. */
typedef struct neap_meter_vendor {
    neap_meter_wait *retry; /* their own wait after a failure */
    neap_meter_wait *pause; /* the end of a pause that a 429 gave the group */
    neap_meter_wait *gate;  /* an answer that opens the gate */
} neap_meter_vendor;

/* One gate, embedded zero-initialised in its owner. */
typedef struct neap_meter_gate {
    const neap_meter_vendor *vendor;      /* whose; NULL: not counted */
    int64_t shut_until_ns;                /* INT64_MAX: until it is opened; 0: open */
    struct neap_meter_gate *next, **link; /* the meter's list of all gates; link NULL: not in it */
} neap_meter_gate;

/* 0 or NEAP_ENOMEM. The caller frees; then no series may be used any more, but gates may still be closed. */
int neap_meter_new(neap_meter **out);
void neap_meter_free(neap_meter *); /* NULL is fine */

/* Finding a series, made if it is new. NULL: out of memory. Borrowed from the meter. */
neap_meter_endpoint *neap_meter_get_endpoint(neap_meter *, const char *vendor, const char *endpoint, bool is_login);
neap_meter_wait *neap_meter_get_wait(neap_meter *, const char *vendor, const char *limit);
neap_meter_script *neap_meter_get_script(neap_meter *, const char *name);
/* Has a gate counted as one of the vendor's. 0 or NEAP_ENOMEM. */
int neap_meter_open_gate(neap_meter *, neap_meter_gate *, const char *vendor);
/* Idempotent. */
void neap_meter_close_gate(neap_meter_gate *);

/* A send begins; `is_repeat`: after one that was answered so (status, 0: none) or failed so. */
void neap_meter_add_send(neap_meter_endpoint *, bool is_repeat, int status, neap_failure failure);
/* A send is over: ns after its first byte left. */
void neap_meter_add_send_time(neap_meter_endpoint *, int64_t ns);
/* A call is over: 0 or the code of its error, ns after it was made; -1: it was refused before it could wait or be
 * sent, and has no duration. */
void neap_meter_add_call(neap_meter_endpoint *, int code, int64_t ns);

/* `count` calls go on to wait for it, or cease to. */
void neap_meter_enter(neap_meter_wait *, size_t count, int64_t now);
void neap_meter_leave(neap_meter_wait *, size_t count, int64_t now);
/* So many waits began. */
void neap_meter_add_waits(neap_meter_wait *, size_t count);

/* A gate shuts, or opens. */
void neap_meter_set_gate(neap_meter_gate *, int64_t shut_until_ns);

/* A script is given an exchange; it was answered with a status, or dropped (0), ns later. */
void neap_meter_begin_exchange(neap_meter_script *);
void neap_meter_end_exchange(neap_meter_script *, int status, int64_t ns);

/* What a runtime knows of itself. */
typedef struct neap_meter_state {
    int64_t now;
    uint64_t tasks_live, tasks_started;
    size_t memory; /* bytes that scripts hold */
} neap_meter_state;

/* The sums; meter NULL: nothing was counted yet. */
void neap_meter_totals(const neap_meter *, const neap_meter_state *, neap_metrics *out);
/* Writes all in the text format of Prometheus, version 0.0.4: families in a constant order, series in the order of
 * their making. */
void neap_meter_write(const neap_meter *, const neap_meter_state *, neap_write_fn, void *ud);
/* Writes the sum of such texts: the samples of a series are added, what is in some texts only is taken as it is;
 * order as in the first text that has it. Lines that are none of ours are left out, so is what a text was cut
 * off in. 0 or NEAP_ENOMEM (nothing was written). */
int neap_meter_sum(const char *const *texts, const size_t *lens, size_t count, neap_write_fn, void *ud);

#endif
