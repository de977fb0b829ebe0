/* places.h: how many may be under way at once, for whoever bounds that, as a delivery does. Who finds no place free
 * waits in a line, first come first served. Plain memory of the caller; nothing fails. */
#ifndef NEAP_CORE_PLACES_H
#define NEAP_CORE_PLACES_H

#include <stdbool.h>
#include <stddef.h>

/* One that waits. Zero-initialised: it does not. */
typedef struct neap_place_waiter {
    struct neap_places *places; /* in whose line it is; NULL: in none */
    struct neap_place_waiter *prev, *next;
    /* A place is free, and it is out of the line. True: it has the place now. False: it does not want it any more.
     * Must not call back. */
    bool (*offer)(struct neap_place_waiter *);
} neap_place_waiter;

typedef struct neap_places {
    size_t size, held;
    neap_place_waiter *first, *last; /* in order of arrival */
} neap_places;

/* Takes a place if one is free: then nobody waits. */
bool neap_places_take(neap_places *);
/* Waits for a place, when none was free. */
void neap_places_wait(neap_places *, neap_place_waiter *);
/* Waits no more, if it does. */
void neap_places_leave(neap_place_waiter *);
/* Gives a place back, or one that was taken for somebody: it is offered to those who wait. */
void neap_places_release(neap_places *);

#endif
