/* queue_wait.h: what the tickets of a queue wait for, told to the meter. For queue.c. Whoever is in the line waits
 * for what its head waits for; whoever is not in it for something of its own. */
#ifndef NEAP_CORE_QUEUE_WAIT_H
#define NEAP_CORE_QUEUE_WAIT_H

#include "queue.h"

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
