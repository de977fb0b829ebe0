/* store_inbox.c: see store_inbox.h. */
#include "store_inbox.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "store_sql.h"

/* A wait that is longer than any could be was set by a clock that has been put back since. */
#define AWAY_MAX_MS (NEAP_STORE_AWAY_MAX_MS + INT64_C(120000))

/* Was something changed? That is the verdict. */
static int tell(neap_store_file *f, neap_store_work *w, int rc) {
    bool changed = rc == SQLITE_OK && neap_sql_changed(f);
    w->result->verdict = changed ? NEAP_STORE_DONE : NEAP_STORE_NOTHING;
    return rc;
}

/* --- what arrives ----------------------------------------------------------------------------- */

/* Drops what is over: some of all, and this key if it is. */
static int expire(neap_store_file *f, const neap_store_req *q) {
    int rc = neap_sql_run(f, SQL_INBOX_EXPIRE, "i", q->now_ms);
    return rc == SQLITE_OK ? neap_sql_run(f, SQL_INBOX_OVER, "tti", q->scope, q->key, q->now_ms) : rc;
}

int neap_inbox_put(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    int rc = expire(f, q);
    if (rc == SQLITE_OK && q->again) rc = neap_sql_run(f, SQL_INBOX_FORGET, "tt", q->scope, q->key);
    if (rc == SQLITE_OK)
        rc = neap_sql_run(f, SQL_INBOX_PUT, "ttib", q->scope, q->key, q->now_ms, q->body, q->body_len);
    if (rc == SQLITE_OK && q->again && !neap_sql_changed(f))
        rc = neap_sql_run(f, SQL_INBOX_AGAIN, "ttb", q->scope, q->key, q->body, q->body_len);
    return tell(f, w, rc);
}

/* Is a repeat that of something done? */
static int read_state(neap_store_file *f, neap_store_work *w) {
    sqlite3_stmt *st = neap_sql_prepare(f, SQL_INBOX_STATE, "tt", w->req.scope, w->req.key);
    int rc = neap_sql_step(f, st);
    if (rc == SQLITE_ROW) w->result->generation = sqlite3_column_int64(st, 0);
    return neap_sql_done(st, rc);
}

int neap_inbox_seen(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    int rc = expire(f, q);
    if (rc == SQLITE_OK)
        rc = neap_sql_run(f, SQL_INBOX_SEEN, "ttii", q->scope, q->key, q->now_ms,
                          q->now_ms + q->ttl_ms);
    tell(f, w, rc);
    return rc == SQLITE_OK && w->result->verdict == NEAP_STORE_NOTHING ? read_state(f, w) : rc;
}

int neap_inbox_keep(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    return tell(f, w, neap_sql_run(f, SQL_INBOX_KEEP, "ttii", q->scope, q->key, q->now_ms,
                                   q->now_ms + q->ttl_ms));
}

int neap_inbox_forget(neap_store_file *f, neap_store_work *w) {
    return tell(f, w, neap_sql_run(f, SQL_INBOX_FORGET, "tt", w->req.scope, w->req.key));
}

/* --- what is handled -------------------------------------------------------------------------- */

/* Copies the row that INBOX_FIND stands on. NULL without memory. */
static neap_store_entry *copy_entry(sqlite3_stmt *st) {
    const char *key = (const char *)sqlite3_column_text(st, 3);
    const void *body = sqlite3_column_blob(st, 4);
    size_t key_len = (size_t)sqlite3_column_bytes(st, 3);
    size_t body_len = (size_t)sqlite3_column_bytes(st, 4);
    neap_store_entry *e = key != NULL ? malloc(sizeof *e + key_len + 1 + body_len) : NULL;
    if (e == NULL) return NULL;
    memcpy(e->key, key, key_len);
    e->key[key_len] = '\0';
    e->body = e->key + key_len + 1;
    e->body_len = body_len;
    if (body_len > 0) memcpy(e->key + key_len + 1, body, body_len);
    e->number = sqlite3_column_int64(st, 0);
    e->attempt = sqlite3_column_int64(st, 1) + 1;
    e->received_ms = sqlite3_column_int64(st, 2);
    return e;
}

/* Finds the oldest that waits no more. */
static int find(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    sqlite3_stmt *st = neap_sql_prepare(f, SQL_INBOX_FIND, "tii", q->scope, q->now_ms,
                                        q->now_ms + AWAY_MAX_MS);
    int rc = neap_sql_step(f, st);
    if (rc == SQLITE_ROW) {
        w->result->entry = copy_entry(st);
        if (w->result->entry == NULL) rc = SQLITE_NOMEM;
    }
    return neap_sql_done(st, rc);
}

/* When the next one is due; 0: there is none. */
static int find_next(neap_store_file *f, neap_store_work *w) {
    sqlite3_stmt *st = neap_sql_prepare(f, SQL_INBOX_NEXT, "t", w->req.scope);
    int rc = neap_sql_step(f, st);
    if (rc == SQLITE_ROW) w->result->until_ms = sqlite3_column_int64(st, 0);
    w->result->verdict = NEAP_STORE_NOTHING;
    return neap_sql_done(st, rc);
}

int neap_inbox_take(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    int rc = find(f, w);
    if (rc != SQLITE_OK) return rc;
    if (w->result->entry == NULL) return find_next(f, w);
    f->leased = true;
    rc = neap_sql_run(f, SQL_INBOX_TAKE, "iii", w->result->entry->number, f->owner,
                      q->now_ms + q->ttl_ms);
    return tell(f, w, rc);
}

/* A change of an entry by who has taken it, and still has. */
static int change(neap_store_file *f, neap_store_work *w, neap_sql which, int64_t at_ms) {
    const neap_store_req *q = &w->req;
    return tell(f, w, neap_sql_run(f, which, "iiii", q->number, f->owner, q->generation, at_ms));
}

int neap_inbox_renew(neap_store_file *f, neap_store_work *w) {
    return change(f, w, SQL_INBOX_RENEW, w->req.now_ms + w->req.ttl_ms);
}

int neap_inbox_release(neap_store_file *f, neap_store_work *w) {
    return change(f, w, SQL_INBOX_RELEASE, w->req.now_ms + w->req.ttl_ms);
}

/* What was put again meanwhile waits again. */
int neap_inbox_done(neap_store_file *f, neap_store_work *w) {
    int rc = change(f, w, SQL_INBOX_REDO, w->req.now_ms);
    if (rc != SQLITE_OK || w->result->verdict == NEAP_STORE_DONE) return rc;
    return change(f, w, SQL_INBOX_DONE, w->req.now_ms + w->req.ttl_ms);
}
