/* store_inbox.h: the inbox of the state file, on the store's thread; store.h says what the ops do.
 *
 * An entry waits until due_ms; taken, until its lease ends. So one that nobody has finished comes back
 * by itself, and goes by the order of arrival (id) again. Done, it stays without its body until
 * forget_ms, so that a repeat is known; what is over goes little by little with every put. */
#ifndef NEAP_CORE_STORE_INBOX_H
#define NEAP_CORE_STORE_INBOX_H

#include "store_work.h"

/* Each carries out one op. SQLite's codes. */
int neap_inbox_put(neap_store_file *, neap_store_work *);
int neap_inbox_seen(neap_store_file *, neap_store_work *);
int neap_inbox_keep(neap_store_file *, neap_store_work *);
int neap_inbox_forget(neap_store_file *, neap_store_work *);
int neap_inbox_take(neap_store_file *, neap_store_work *);
int neap_inbox_renew(neap_store_file *, neap_store_work *);
int neap_inbox_release(neap_store_file *, neap_store_work *);
int neap_inbox_done(neap_store_file *, neap_store_work *);

#endif
