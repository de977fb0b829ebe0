/* gate.h: the outage gate of one limit group (DESIGN.md 5, "Outages are shared"). Pure: time is an
 * argument.
 *
 * OPEN    everything passes. Two outage answers in a row from different records, no other answer
 *         between, close the gate; the first of the two becomes the probe.
 * CLOSED  only the probe passes, on its own program. Any other answer, whoever asked, opens the
 *         gate and frees the records that had failed. A network failure is no answer.
 * DOWN    the probe's last send has failed: nothing passes, everybody is told why. One last wait
 *         later the gate is open again, with nothing remembered.
 *
 * The gate also carries the group's pause after a 429. */
#ifndef NEAP_CORE_GATE_H
#define NEAP_CORE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "meter.h"
#include "retry.h"

typedef enum neap_gate_state { NEAP_GATE_OPEN, NEAP_GATE_CLOSED, NEAP_GATE_DOWN } neap_gate_state;

/* What an event did; the queues act on it. */
typedef enum neap_gate_change {
    NEAP_GATE_SAME,
    NEAP_GATE_SHUT,   /* closed now, or another record is the probe */
    NEAP_GATE_OPENED, /* take the freed records with neap_gate_pop until it returns NULL */
    NEAP_GATE_FELL    /* down now: everybody who waits has to go */
} neap_gate_change;

typedef struct neap_gate neap_gate;

/* One record (logical call) as the gate sees it; zero-initialised, embedded in the owner's. */
typedef struct neap_gate_record {
    uint64_t id;                          /* set at its first outage; unique; 0: none yet */
    bool parked;                          /* failed with an outage and waiting: it is in the list */
    struct neap_gate_record *prev, *next; /* the gate's list of parked records, oldest first */
} neap_gate_record;

/* A zero-initialised gate is open and valid. */
struct neap_gate {
    neap_gate_state state;
    uint64_t ids;              /* last id given out */
    uint64_t row_id;           /* whose outage answer came last; 0: another answer came since */
    neap_gate_record *row;     /* the same record; NULL once it has gone */
    neap_gate_record *probe;   /* CLOSED: who may pass */
    neap_gate_record *first, *last; /* parked records */
    int64_t down_until_ns;     /* DOWN: when it ends */
    int64_t pause_until_ns;    /* nothing leaves before */
    neap_attempts cause;       /* the probe's sends, of the last time it went down */
    neap_meter_gate meter;     /* whose metrics it counts in, with all queues that it has */
};

/* Also takes it out of its meter. */
void neap_gate_deinit(neap_gate *);

/* The state at `now`. */
neap_gate_state neap_gate_get_state(neap_gate *, int64_t now);
/* Holds the group until `until`; never shortens a pause. */
void neap_gate_pause(neap_gate *, int64_t until);
/* The record is being sent: it waits no longer. */
void neap_gate_send(neap_gate *, neap_gate_record *);

/* The record's send was answered with an outage status, and it will be sent again. */
neap_gate_change neap_gate_outage(neap_gate *, neap_gate_record *, int64_t now);
/* The same, and it was its last send. `sends` is copied if the group goes down for it, until
 * `down_until`. */
neap_gate_change neap_gate_outage_last(neap_gate *, neap_gate_record *, const neap_attempts *sends,
                                       int64_t now, int64_t down_until);
/* The record's budget for failures without an answer is used up: matters if it is the probe. */
neap_gate_change neap_gate_give_up(neap_gate *, neap_gate_record *, const neap_attempts *sends,
                                   int64_t now, int64_t down_until);
/* Any other answer. */
neap_gate_change neap_gate_answer(neap_gate *, neap_gate_record *, int64_t now);
/* The record will not be sent again: ended or cancelled. */
neap_gate_change neap_gate_leave(neap_gate *, neap_gate_record *);
/* After OPENED: takes the oldest record that had failed; NULL: no more. */
neap_gate_record *neap_gate_pop(neap_gate *);

#endif
