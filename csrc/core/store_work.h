/* store_work.h: the blocking half of store.c: what its thread does with SQLite. */
#ifndef NEAP_CORE_STORE_WORK_H
#define NEAP_CORE_STORE_WORK_H

#include "store.h"

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;

#define NEAP_STORE_STATEMENTS 36

/* The file, as the thread sees it. */
typedef struct neap_store_file {
    char *path;     /* owned by store.c */
    int64_t owner;  /* this store among all: random */
    bool (*pause)(void *ud, int ms, int waited_ms); /* sleeps; false: waited long enough */
    void *ud;
    sqlite3 *db;    /* NULL: not open; err says why */
    sqlite3_stmt *statements[NEAP_STORE_STATEMENTS];
    neap_err err;
    int busy_ms;    /* how long a lock is waited for, per batch */
    int waited_ms;  /* in this batch */
    bool leased;    /* has got a lease, so there may be one to give back */
} neap_store_file;

/* One op in the thread's hands. */
typedef struct neap_store_work {
    neap_store_req req;        /* with copies of what it points to */
    neap_store_result *result;
    struct neap_store_work *next;
} neap_store_work;

/* All block, and only one thread at a time may call them. */

/* Opens; else err says why not. */
void neap_store_file_open(neap_store_file *);
/* Puts what SQLite reported into words. Returns the code. */
int neap_store_file_set_error(const neap_store_file *, neap_err *, int sqlite_code);
/* Completes the results of a list, all in one transaction. */
void neap_store_file_run(neap_store_file *, neap_store_work *list);
/* Gives leases back. Only while it is open. */
void neap_store_file_release(neap_store_file *);
void neap_store_file_close(neap_store_file *);

#endif
