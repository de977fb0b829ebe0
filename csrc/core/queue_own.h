/* queue_own.h: what queue.c (who leaves next), ticket.c (what one waits for) and queue_wait.c (what the meter hears of
 * that) have of each other. */
#ifndef NEAP_CORE_QUEUE_OWN_H
#define NEAP_CORE_QUEUE_OWN_H

#include "queue.h"

/* queue.c */

/* Has the flow look at the queue, or no more: it has somebody in its line. */
void neap_queue__set_active(neap_queue *, bool active);
/* Gets who of the line would leave next; NULL: the gate is closed, and its probe is not in this line. */
neap_ticket *neap_queue__head(neap_queue *, int64_t now);
/* Admits whoever may leave now, earliest arrival first, and arms the timer for the next. */
void neap_queue__pump(neap_flow *);

/* ticket.c */

/* Takes a waiting ticket out of everything; it is idle then. */
void neap_ticket__remove(neap_ticket *);
/* Ends a wait without admission. */
void neap_ticket__dismiss(neap_ticket *, int rc);
/* Gives an idle ticket its slots. */
void neap_ticket__hold(neap_ticket *, int64_t now);
/* Sends one that only looks on back to its caller, or finds out what it waits for next. */
void neap_ticket__look_again(neap_ticket *);
/* The gate has opened: a record that had failed is sent again at once, but never sooner than its
 * vendor asked. */
void neap_ticket__free(neap_ticket *);

/* queue_wait.c. Whoever is in the line waits for what its head waits for; whoever is not in it for something of its
 * own. */

/* A ticket outside of the line waits for something else than before; NULL: for nothing. */
void neap_ticket__wait_for(neap_ticket *, neap_meter_wait *cause);

/* What keeps the head of the line from leaving; NULL: nothing that is counted. */
neap_meter_wait *neap_queue__cause(neap_queue *, int64_t now);
/* The head waits for that; NULL: as before. A wait counts where it begins, and again where it becomes one for the
 * gate or for a pause. */
void neap_queue__wait_for(neap_queue *, neap_meter_wait *cause, int64_t now);
/* One more is in the line; one less. */
void neap_queue__lined(neap_queue *);
void neap_queue__unlined(neap_queue *);

#endif
