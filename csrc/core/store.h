/* store.h: state that all processes of a user share and that outlives them: session tokens, and the
 * slots of `window` limits (DESIGN.md 8). One SQLite file; the only thread that touches it is the
 * store's own, so the loop never waits for a disk. Ops that queue up meanwhile share the next
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
 * session 90 days after its last login, slide or lease. */
#ifndef NEAP_CORE_STORE_H
#define NEAP_CORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "loop.h"
#include "secret.h"

#define NEAP_STORE_SCHEMA 1     /* user_version of the file; a newer one is refused */
#define NEAP_STORE_BUSY_MS 5000 /* how long another process's lock is waited for */

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
    NEAP_STORE_SLOTS_SET        /* moves the ends of reserved slots, or gives them back */
} neap_store_kind;

/* One reserved slot, and until when it is occupied; 0: no longer. */
typedef struct neap_store_slot {
    int64_t number;
    int64_t until_ms;
} neap_store_slot;

/* What is asked. Borrowed for the call of neap_store_start only. */
typedef struct neap_store_req {
    neap_store_kind kind;
    const char *key;    /* SESSION: vendor, base URL and account; SLOTS: these and the limit's name */
    int64_t now_ms;     /* LEASE, PUT, ASK */
    neap_secret *token; /* PUT */
    int64_t generation; /* LEASE: the last one seen, 0: none; SLIDE, DROP */
    int64_t ttl_ms;     /* LEASE: when it ends by itself, for the case that this process dies */
    int64_t at_ms;      /* SLIDE */
    int64_t period_ms;  /* SLOTS: T; windows of one key with different T are different ones */
    size_t limit;       /* ASK: N */
    size_t want;        /* ASK: at least 1 */
    int64_t number;     /* ASK: of the first one granted, from neap_store_numbers; then ascending */
    int64_t until_ms;   /* ASK: until when they are occupied */
    const neap_store_slot *slots; /* SET */
    size_t slot_count;
} neap_store_req;

typedef enum neap_store_verdict {
    NEAP_STORE_DONE,    /* LEASE: granted; PUT: stored; SLIDE, DROP, RELEASE: it was still so */
    NEAP_STORE_HELD,    /* LEASE: another process has it, until until_ms at most */
    NEAP_STORE_NEWER,   /* LEASE: somebody has logged in since; the session is in the result */
    NEAP_STORE_NOTHING  /* GET: no token; PUT, RELEASE: the lease is no longer this store's; SLIDE,
                           DROP: another generation is there by now */
} neap_store_verdict;

typedef struct neap_store_result {
    neap_err err;               /* code 0: the rest counts */
    neap_store_verdict verdict;
    neap_secret *token;         /* GET, NEWER: the op's; take a reference to keep it */
    int64_t generation;         /* of the session: grows with every PUT */
    int64_t obtained_ms, slid_ms;
    int64_t until_ms;           /* HELD; ASK with nothing granted: when the next slot is free */
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
