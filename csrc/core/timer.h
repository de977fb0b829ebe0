/* timer.h: deadlines in a binary heap; intrusive, so arming never allocates a node of its own. */
#ifndef NEAP_CORE_TIMER_H
#define NEAP_CORE_TIMER_H

#include <stddef.h>
#include <stdint.h>

typedef struct neap_timer neap_timer;
typedef void (*neap_timer_cb)(neap_timer *);

/* One deadline. The owner embeds it, zero-initialised, and stops it before freeing it. */
struct neap_timer {
    int64_t due_ns;   /* on the loop's monotonic clock */
    uint64_t seq;     /* order of arming: breaks ties */
    size_t place;     /* 1 + index in the heap; 0: not armed */
    neap_timer_cb cb; /* called once, from the loop, never early; may start or stop any timer */
    void *ud;         /* the owner's */
};

/* The heap; embedded in the loop. */
typedef struct neap_timer_heap {
    neap_timer **items;
    size_t len, cap;
    uint64_t seq; /* of the last arming */
} neap_timer_heap;

/* Inserts or moves a timer. 0 or NEAP_ENOMEM (the timer is then not armed). */
int neap_timer_heap_put(neap_timer_heap *, neap_timer *, int64_t due_ns);
/* Takes a timer out; nothing happens if it is not armed. */
void neap_timer_heap_drop(neap_timer_heap *, neap_timer *);
/* Gets the earliest timer, NULL when empty. Borrowed. */
neap_timer *neap_timer_heap_first(const neap_timer_heap *);
void neap_timer_heap_deinit(neap_timer_heap *);

#endif
