/* ledger.h: the slots of a `window` limit in the state store (store.h), so that all processes of a
 * user keep the limit together, and none forgets it when it ends.
 *
 * Credits. A slot is reserved in the file before its request may leave; the store takes a while for
 * that, so the ledger reserves ahead: as many as calls wait for, or twice as many as last time while
 * these go quickly, at most CREDITS_MAX. What nobody takes for a second is given back.
 *
 * Ends. A slot's row says until when it is occupied. While its request has not left, that is a
 * minute and T from the reservation, renewed in time; after the departure it is exact, and
 * written a little later, which errs on the safe side. So a process that dies occupies its slots too
 * long rather than too short. A credit that has become too old meanwhile (the machine slept) is
 * not used. An end that could not be written (the file was locked, say) is not written again: the row
 * then lasts as long as it was reserved for, at most a minute too long, or where a credit was to be
 * given back, for a minute and T.
 *
 * The file counts by the wall clock. What this process has sent counts by the monotonic one as well,
 * and a slot is free when both say so: a clock that is put forward does not let it send more. */
#ifndef NEAP_CORE_LEDGER_H
#define NEAP_CORE_LEDGER_H

#include "queue.h"
#include "store.h"

/* Keeps the slots of l in the store, under `name` (copied): vendor, base URL, account and limit. l has
 * just been initialised, must not move, and borrows the flow, whose queues alone use it; it keeps a
 * reference to the store. Ends with neap_limit_deinit.
 *
 * A reservation that fails lets those who wait go with its code (neap_flow_fail): nothing is granted
 * then. The next call tries again. 0, NEAP_EINVAL (not a window) or NEAP_ENOMEM. */
int neap_ledger_share(neap_limit *l, neap_flow *, neap_store *, const char *name);

#endif
