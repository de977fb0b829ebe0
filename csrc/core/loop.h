/* loop.h: the inner loop: libuv for descriptors and threads, one clock, one timer heap, one queue
 * of jobs. Everything of one runtime runs on the thread that dispatches its loop.
 *
 * Clock. `now` is read once per turn. A real loop reads CLOCK_MONOTONIC; a virtual one stands still
 * until nothing is left to do at the present instant: no job queued, no real operation held. Then it
 * jumps to the next deadline and fires exactly that one timer. Equal deadlines fire in order of
 * arming, so a run with the same inputs is the same run.
 *
 * Jobs. Callbacks of libcurl and libuv only record what happened and post a job; jobs run from
 * dispatch, never inside such a callback. */
#ifndef NEAP_CORE_LOOP_H
#define NEAP_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "timer.h"

typedef struct neap_loop neap_loop;

/* Nanoseconds in a second, for arithmetic on the loop's clock. */
#define NEAP_SECOND INT64_C(1000000000)

/* One queued call. The owner embeds it, zero-initialised; posting it twice before it ran is once. */
typedef struct neap_job {
    void (*run)(struct neap_job *);
    void *ud;
    struct neap_job *next, *prev; /* the queue's; NULL while not queued */
} neap_job;

/* Opens a loop on the real clock. 0 or NEAP_ENOMEM / NEAP_ENETWORK (no descriptors left). */
int neap_loop_open(neap_loop **out);
/* Closes; every timer, job and libuv handle must be gone, an assertion says so in debug builds. */
void neap_loop_close(neap_loop *);

/* Makes the clock virtual: it starts at `wall_ms` (Unix time) and monotonic 0. Only while no timer
 * is armed. neap_loop_set_real undoes it, under the same condition. */
void neap_loop_set_virtual(neap_loop *, int64_t wall_ms);
void neap_loop_set_real(neap_loop *);
bool neap_loop_is_virtual(const neap_loop *);

/* The clock, of this turn: monotonic nanoseconds, and Unix time in milliseconds. */
int64_t neap_loop_now_ns(const neap_loop *);
int64_t neap_loop_wall_ms(const neap_loop *);
/* Reads the clock anew within a turn (real only; virtual: unchanged). */
void neap_loop_update(neap_loop *);

/* Arms (or moves) a timer to fire at due_ns on the monotonic clock. 0 or NEAP_ENOMEM. */
int neap_timer_start(neap_loop *, neap_timer *, int64_t due_ns);
void neap_timer_stop(neap_loop *, neap_timer *);

/* Queues a job behind those queued; takes it out again. */
void neap_loop_post(neap_loop *, neap_job *);
void neap_loop_unpost(neap_loop *, neap_job *);

/* A real operation (file, thread, process, socket) is under way: a virtual clock waits for it. */
void neap_loop_hold(neap_loop *);
void neap_loop_release(neap_loop *);

/* libuv's loop, for watchers and thread-pool requests of other core files. */
uv_loop_t *neap_loop_uv(neap_loop *);

/* The host's side (DESIGN.md 7): a descriptor that turns readable when there is work; milliseconds
 * until there is (-1 none, rounded up); do what is due, never blocks, never re-enters. */
int neap_loop_fd(const neap_loop *);
int neap_loop_timeout_ms(const neap_loop *);
void neap_loop_dispatch(neap_loop *);
/* Is a turn under way: does the caller run in a job or a callback of this loop? */
bool neap_loop_is_dispatching(const neap_loop *);
/* For hosts that own the thread: dispatches, and blocks until there is work, while *running. False if
 * nothing can happen any more: every task waits for another. */
bool neap_loop_run(neap_loop *, const bool *running);

/* What is still alive: armed timers, queued jobs, held operations. For tests and graceful stop. */
typedef struct neap_loop_stats {
    unsigned timers, jobs, holds, handles;
} neap_loop_stats;
void neap_loop_get_stats(neap_loop *, neap_loop_stats *);

#endif
