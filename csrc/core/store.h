/* store.h: state that all processes of a user share and that outlives them: session tokens, the slots
 * of `window` limits (DESIGN.md 8), and inboxes. One SQLite file; the only thread that touches it is
 * the store's own, so the loop never waits for a disk. Ops that queue up meanwhile share the next
 * transaction (group commit); what an op reports is durable, unless it says otherwise.
 *
 * Times are Unix milliseconds of the caller: the store reads no clock. It works on a real clock only,
 * for a virtual one has nothing to say to other processes.
 *
 * A fault of the file (locked, full, damaged, not writable, moved or removed while in use) fails the
 * ops that met it, kind `limit`, with one line that names the file and says what to do. Nothing is
 * granted then; nothing is deleted or repaired, and a file that is not Neap's keeps its content.
 *
 * Where a key is new, what nobody has used for long goes: a window a day after its last slot's end, a
 * session 90 days after its last login, slide or lease. An entry of an inbox goes when it is done and
 * its time is over. */
#ifndef NEAP_CORE_STORE_H
#define NEAP_CORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "loop.h"
#include "secret.h"

#define NEAP_STORE_SCHEMA 2     /* user_version of the file; an older one rises, a newer is refused */
#define NEAP_STORE_BUSY_MS 5000 /* how long another process's lock is waited for */
#define NEAP_STORE_AWAY_MAX_MS 3600000 /* longest lease or delay of an entry of an inbox */

typedef struct neap_store neap_store;

typedef struct neap_store_cfg {
    const char *path;   /* of the file; missing directories are made, mode 0700; the file 0600 */
    int busy_ms;        /* 0: NEAP_STORE_BUSY_MS */
    bool virtual_clock; /* for tests with a file of their own: a virtual clock is fine */
} neap_store_cfg;

/* Starts the thread, which opens the file; NEAP_STORE_OPEN tells how that went. One reference, the
 * caller's. 0, NEAP_EINVAL (empty path), NEAP_EBUG (virtual clock) or NEAP_ENOMEM. */
int neap_store_open(neap_store **out, neap_loop *, const neap_store_cfg *);
/* Ends the thread and waits for that: as long as a last transaction takes, at most a second more
 * where another process has the lock. Ops that only write are carried out, the others complete with
 * NEAP_ECANCELLED. Gives its leases back. Idempotent. */
void neap_store_close(neap_store *);
neap_store *neap_store_ref(neap_store *);
/* The last one closes. NULL is fine. On the loop's thread. */
void neap_store_unref(neap_store *);

/* --- ops ------------------------------------------------------------------------------------ */

typedef enum neap_store_kind {
    NEAP_STORE_OPEN,            /* is the file open and usable? */
    NEAP_STORE_SESSION_GET,     /* reads the session of `key` */
    NEAP_STORE_SESSION_LEASE,   /* asks for the right to log in, or renews it: a store's own lease never
                                   stands in its way, so those who share a store and a key have to take
                                   turns by themselves */
    NEAP_STORE_SESSION_PUT,     /* ends a lease with a new token */
    NEAP_STORE_SESSION_RELEASE, /* ends a lease without one */
    NEAP_STORE_SESSION_SLIDE,   /* the token was good at `at_ms`; never moves back */
    NEAP_STORE_SESSION_DROP,    /* the token of `generation` has expired; a newer one stays */
    NEAP_STORE_SLOTS_ASK,       /* reserves up to `want` slots of a window */
    NEAP_STORE_SLOTS_SET,       /* moves the ends of reserved slots, or gives them back */
    NEAP_STORE_INBOX_PUT,       /* an entry to be handled once; a key that is there is a repeat, unless
                                   `again`: then one that is done or being handled is so once more */
    NEAP_STORE_INBOX_SEEN,      /* notes a key for ttl_ms, without an entry to be handled */
    NEAP_STORE_INBOX_KEEP,      /* what was seen is done now; its key is kept for ttl_ms */
    NEAP_STORE_INBOX_FORGET,    /* takes a key out; one still to be handled stays */
    NEAP_STORE_INBOX_TAKE,      /* leases the oldest entry that waits; `entry` is in the result */
    NEAP_STORE_INBOX_RENEW,     /* the lease of `number` goes on */
    NEAP_STORE_INBOX_RELEASE,   /* `number` was not handled: in ttl_ms it waits again */
    NEAP_STORE_INBOX_DONE       /* `number` was handled; its key is kept for ttl_ms */
} neap_store_kind;

/* One reserved slot, and until when it is occupied; 0: no longer. */
typedef struct neap_store_slot {
    int64_t number;
    int64_t until_ms;
} neap_store_slot;

/* What is asked. Borrowed for the call of neap_store_start only. */
typedef struct neap_store_req {
    neap_store_kind kind;
    const char *scope;  /* INBOX: the name of the inbox */
    const char *key;    /* SESSION: vendor, base URL and account; SLOTS: these and the limit's name;
                           INBOX: what tells an entry from others */
    const char *body;   /* INBOX_PUT */
    size_t body_len;
    bool again;         /* INBOX_PUT */
    int64_t now_ms;     /* LEASE, PUT, ASK, INBOX */
    neap_secret *token; /* PUT */
    int64_t generation; /* LEASE: the last one seen, 0: none; SLIDE, DROP; INBOX_RENEW, RELEASE, DONE:
                           the entry's attempt */
    int64_t ttl_ms;     /* LEASE, INBOX_TAKE, RENEW: when it ends by itself, for the case that this
                           process dies; INBOX: see there */
    int64_t at_ms;      /* SLIDE */
    int64_t period_ms;  /* SLOTS: T; windows of one key with different T are different ones */
    size_t limit;       /* ASK: N */
    size_t want;        /* ASK: at least 1 */
    int64_t number;     /* ASK: of the first one granted, from neap_store_numbers; then ascending;
                           INBOX: of an entry that was taken */
    int64_t until_ms;   /* ASK: until when they are occupied */
    const neap_store_slot *slots; /* SET */
    size_t slot_count;
} neap_store_req;

typedef enum neap_store_verdict {
    NEAP_STORE_DONE,    /* LEASE: granted; PUT: stored; SLIDE, DROP, RELEASE: it was still so;
                           INBOX_PUT, SEEN: new; TAKE: there is one; others: it was still so */
    NEAP_STORE_HELD,    /* LEASE: another process has it, until until_ms at most */
    NEAP_STORE_NEWER,   /* LEASE: somebody has logged in since; the session is in the result */
    NEAP_STORE_NOTHING  /* GET: no token; PUT, RELEASE: the lease is no longer this store's; SLIDE,
                           DROP: another generation is there by now; INBOX_PUT, SEEN: a repeat; TAKE:
                           none waits; others: the entry is no longer this store's */
} neap_store_verdict;

/* An entry of an inbox that was taken. One block of memory. */
typedef struct neap_store_entry {
    int64_t number;      /* for RENEW, RELEASE and DONE */
    int64_t attempt;     /* how often it has been taken, from 1 */
    int64_t received_ms; /* when it was put */
    const char *body;    /* behind the key */
    size_t body_len;
    char key[];          /* NUL-terminated */
} neap_store_entry;

typedef struct neap_store_result {
    neap_err err;               /* code 0: the rest counts */
    neap_store_verdict verdict;
    neap_secret *token;         /* GET, NEWER: the op's; take a reference to keep it */
    int64_t generation;         /* of the session: grows with every PUT; INBOX_SEEN, a repeat: 1 where it
                                   is done, 0 where it is seen, waits or is being handled */
    int64_t obtained_ms, slid_ms;
    int64_t until_ms;           /* HELD; ASK with nothing granted: when the next slot is free; TAKE with
                                   none: when the next one is due, 0: there is none */
    neap_store_entry *entry;    /* TAKE: the op's */
    size_t granted, used;       /* ASK; used counts those granted */
} neap_store_result;

/* An op under way, and its result once it is done. */
typedef struct neap_store_op {
    neap_store_result result;
    void *ud;                         /* the caller's */
    struct neap_store_private *rest;  /* store.c's */
} neap_store_op;

/* Called once, from libuv or neap_store_close; must only record. The op is still the caller's. */
typedef void neap_store_done(neap_store_op *);

/* Queues an op; ops of one store are carried out in order. out NULL: nobody wants to know how it
 * went. The loop is held until it is done. 0, NEAP_ENOMEM, NEAP_ECANCELLED (closed) or NEAP_EBUG
 * (virtual clock): then done never comes. */
int neap_store_start(neap_store *, neap_store_op **out, const neap_store_req *,
                     neap_store_done *done, void *ud);
/* Ends the caller's part in it, before or after done. What is under way is still carried out. NULL is
 * fine. */
void neap_store_op_free(neap_store_op *);

/* SQLite's version ("3.40.1"). Static storage. */
const char *neap_store_version(void);

/* One line for a code that neap_store_open or neap_store_start returned. */
const char *neap_store_strerror(int code);

/* Numbers for count slots: the first; they are this store's alone. */
int64_t neap_store_numbers(neap_store *, size_t count);

/* --- for those who keep something here --------------------------------------------------------- */

/* Is told, before a store closes, that this is the last moment to start something. */
typedef struct neap_store_client {
    void (*closing)(struct neap_store_client *);
    struct neap_store_client *next, *prev;
} neap_store_client;

void neap_store_add_client(neap_store *, neap_store_client *);
void neap_store_del_client(neap_store *, neap_store_client *); /* of this store */

#endif
