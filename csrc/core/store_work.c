/* store_work.c: what the store's thread does with the open file; see store_work.h. Steps return SQLite's
 * codes. */
#include "store_inbox.h"
#include "store_sql.h"

#include <sqlite3.h>
#include <stdlib.h>

/* An end that is later than any could be by this was set by a clock that has been put back since. */
enum { CLOCK_SLACK_MS = 120000 };

#define DAY_MS INT64_C(86400000)
#define WINDOW_KEPT_MS DAY_MS         /* a window is, after its last slot's end */
#define SESSION_KEPT_MS (90 * DAY_MS) /* a session is, after its last use */

/* Drops what nobody has used for long. Comes before each new key: what else would end the file's
 * growth? */
static int expire(neap_store_file *f, int64_t now_ms) {
    int rc = neap_sql_run(f, SQL_SLOT_EXPIRE_ALL, "i", now_ms - WINDOW_KEPT_MS);
    if (rc == SQLITE_OK) rc = neap_sql_run(f, SQL_WINDOW_EXPIRE, "");
    return rc == SQLITE_OK ? neap_sql_run(f, SQL_SESSION_EXPIRE, "i", now_ms - SESSION_KEPT_MS) : rc;
}

/* --- sessions --------------------------------------------------------------------------------- */

/* A lease as it is in the file. */
typedef struct lease {
    bool known; /* the session has a row */
    bool held;
    int64_t owner, until_ms;
} lease;

static int take_token(sqlite3_stmt *st, neap_store_result *r) {
    const void *bytes = sqlite3_column_blob(st, 0);
    int rc = bytes == NULL ? NEAP_EINVAL
                           : neap_secret_new(&r->token, bytes, (size_t)sqlite3_column_bytes(st, 0));
    if (rc == 0) r->verdict = NEAP_STORE_DONE;
    return rc == NEAP_ENOMEM ? SQLITE_NOMEM : SQLITE_OK; /* what is no secret is no token */
}

/* Reads a session; verdict DONE with its token, else NOTHING. l may be NULL. */
static int read_session(neap_store_file *f, const neap_store_work *w, lease *l) {
    neap_store_result *r = w->result;
    sqlite3_stmt *st = neap_sql_prepare(f, SQL_SESSION_READ, "t", w->req.key);
    int rc = neap_sql_step(f, st);
    r->verdict = NEAP_STORE_NOTHING;
    if (rc == SQLITE_ROW) {
        r->generation = sqlite3_column_int64(st, 1);
        r->obtained_ms = sqlite3_column_int64(st, 2);
        r->slid_ms = sqlite3_column_int64(st, 3);
        if (l != NULL)
            *l = (lease){.known = true,
                         .held = sqlite3_column_type(st, 4) != SQLITE_NULL,
                         .owner = sqlite3_column_int64(st, 4),
                         .until_ms = sqlite3_column_int64(st, 5)};
        rc = take_token(st, r);
    }
    return neap_sql_done(st, rc);
}

static int session_get(neap_store_file *f, neap_store_work *w) {
    return read_session(f, w, NULL);
}

/* A lease that could not be as long as it says is of a clock that has been put back. */
static bool is_held(const neap_store_file *f, const lease *l, const neap_store_req *q) {
    if (!l->held || l->owner == f->owner || l->until_ms <= q->now_ms) return false;
    return l->until_ms - q->now_ms <= q->ttl_ms + CLOCK_SLACK_MS;
}

/* The generation is at least the last one seen, should the row have been dropped since. */
static int grant(neap_store_file *f, const neap_store_req *q, bool known) {
    int rc = known ? SQLITE_OK : expire(f, q->now_ms);
    f->leased = true;
    return rc == SQLITE_OK ? neap_sql_run(f, SQL_SESSION_LEASE, "tiii", q->key, q->generation,
                                                f->owner, q->now_ms + q->ttl_ms)
                           : rc;
}

static int session_lease(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    neap_store_result *r = w->result;
    lease l = {0};
    int rc = read_session(f, w, &l);
    if (rc != SQLITE_OK) return rc;
    if (r->token != NULL && r->generation > q->generation) {
        r->verdict = NEAP_STORE_NEWER;
        return SQLITE_OK;
    }
    neap_secret_unref(r->token);
    r->token = NULL;
    if (is_held(f, &l, q)) {
        r->verdict = NEAP_STORE_HELD;
        r->until_ms = l.until_ms;
        return SQLITE_OK;
    }
    r->verdict = NEAP_STORE_DONE;
    return grant(f, q, l.known);
}

/* Tells whether a statement has found something to change. */
static int change(neap_store_file *f, neap_store_work *w, int rc) {
    bool found = rc == SQLITE_OK && neap_sql_changed(f);
    w->result->verdict = found ? NEAP_STORE_DONE : NEAP_STORE_NOTHING;
    return rc;
}

static int session_put(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    neap_store_result *r = w->result;
    int rc = neap_sql_run(f, SQL_SESSION_PUT, "tisi", q->key, f->owner, q->token, q->now_ms);
    change(f, w, rc);
    if (rc != SQLITE_OK || r->verdict != NEAP_STORE_DONE) return rc;
    return read_session(f, w, NULL); /* for its generation */
}

static int session_release(neap_store_file *f, neap_store_work *w) {
    return change(f, w, neap_sql_run(f, SQL_SESSION_RELEASE, "ti", w->req.key, f->owner));
}

static int session_slide(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    return change(f, w, neap_sql_run(f, SQL_SESSION_SLIDE, "tii", q->key, q->generation, q->at_ms));
}

static int session_drop(neap_store_file *f, neap_store_work *w) {
    return change(f, w, neap_sql_run(f, SQL_SESSION_DROP, "ti", w->req.key, w->req.generation));
}

/* --- slots ------------------------------------------------------------------------------------ */

static int add_window(neap_store_file *f, const neap_store_req *q, int64_t *id) {
    int rc = expire(f, q->now_ms);
    if (rc == SQLITE_OK) rc = neap_sql_run(f, SQL_WINDOW_ADD, "ti", q->key, q->period_ms);
    *id = sqlite3_last_insert_rowid(f->db);
    return rc;
}

/* Gets the id of a window, which is made if need be. */
static int find_window(neap_store_file *f, const neap_store_req *q, int64_t *id) {
    sqlite3_stmt *st = neap_sql_prepare(f, SQL_WINDOW_FIND, "ti", q->key, q->period_ms);
    int rc = neap_sql_step(f, st);
    if (rc == SQLITE_ROW) *id = sqlite3_column_int64(st, 0);
    if (rc != SQLITE_DONE) return neap_sql_done(st, rc);
    neap_sql_done(st, rc);
    return add_window(f, q, id);
}

/* The rows of a window: how many, and their first and last end. */
typedef struct rows {
    size_t count;
    int64_t first_ms, last_ms;
} rows;

static int read_rows(neap_store_file *f, int64_t id, rows *w) {
    sqlite3_stmt *st = neap_sql_prepare(f, SQL_SLOT_COUNT, "i", id);
    int rc = neap_sql_step(f, st);
    if (rc == SQLITE_ROW)
        *w = (rows){(size_t)sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                    sqlite3_column_int64(st, 2)};
    return neap_sql_done(st, rc);
}

/* Drops the rows that are over, and shortens those that end too late. */
static int tidy(neap_store_file *f, const neap_store_req *q, int64_t id, const rows *w) {
    int64_t full = q->now_ms + q->period_ms, latest = full + CLOCK_SLACK_MS;
    int rc = SQLITE_OK;
    if (w->first_ms <= q->now_ms) rc = neap_sql_run(f, SQL_SLOT_EXPIRE, "ii", id, q->now_ms);
    if (rc == SQLITE_OK && w->last_ms > latest)
        rc = neap_sql_run(f, SQL_SLOT_CLAMP, "iii", id, full, latest);
    return rc;
}

static int count_slots(neap_store_file *f, const neap_store_req *q, int64_t id,
                       neap_store_result *r) {
    rows w = {0};
    int rc = read_rows(f, id, &w);
    bool untidy = w.first_ms <= q->now_ms || w.last_ms > q->now_ms + q->period_ms + CLOCK_SLACK_MS;
    if (rc == SQLITE_OK && w.count > 0 && untidy) {
        rc = tidy(f, q, id, &w);
        if (rc == SQLITE_OK) rc = read_rows(f, id, &w);
    }
    r->used = w.count;
    r->until_ms = w.first_ms;
    return rc;
}

static int slots_ask(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    neap_store_result *r = w->result;
    int64_t id = 0;
    size_t left;
    int rc = find_window(f, q, &id);
    if (rc == SQLITE_OK) rc = count_slots(f, q, id, r);
    left = r->used < q->limit ? q->limit - r->used : 0;
    if (left > q->want) left = q->want;
    for (; rc == SQLITE_OK && r->granted < left; r->granted++) {
        int64_t number = q->number + (int64_t)r->granted;
        rc = neap_sql_run(f, SQL_SLOT_SET, "iiii", id, f->owner, number, q->until_ms);
    }
    r->used += r->granted;
    return rc;
}

/* A slot that is not there any more, as after a long sleep of the machine, is put back: the request it
 * was for has left. */
static int slots_set(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    int64_t id = 0;
    int rc = find_window(f, q, &id);
    for (size_t i = 0; i < q->slot_count && rc == SQLITE_OK; i++) {
        const neap_store_slot *s = &q->slots[i];
        rc = s->until_ms == 0
                 ? neap_sql_run(f, SQL_SLOT_DEL, "iii", id, f->owner, s->number)
                 : neap_sql_run(f, SQL_SLOT_SET, "iiii", id, f->owner, s->number, s->until_ms);
    }
    return rc;
}

/* --- batches ---------------------------------------------------------------------------------- */

static int is_open(neap_store_file *f, neap_store_work *w) {
    (void)f;
    (void)w;
    return SQLITE_OK;
}

static int run_op(neap_store_file *f, neap_store_work *w) {
    static int (*const run[])(neap_store_file *, neap_store_work *) = {
        [NEAP_STORE_OPEN] = is_open,
        [NEAP_STORE_SESSION_GET] = session_get,
        [NEAP_STORE_SESSION_LEASE] = session_lease,
        [NEAP_STORE_SESSION_PUT] = session_put,
        [NEAP_STORE_SESSION_RELEASE] = session_release,
        [NEAP_STORE_SESSION_SLIDE] = session_slide,
        [NEAP_STORE_SESSION_DROP] = session_drop,
        [NEAP_STORE_SLOTS_ASK] = slots_ask,
        [NEAP_STORE_SLOTS_SET] = slots_set,
        [NEAP_STORE_INBOX_PUT] = neap_inbox_put,
        [NEAP_STORE_INBOX_SEEN] = neap_inbox_seen,
        [NEAP_STORE_INBOX_KEEP] = neap_inbox_keep,
        [NEAP_STORE_INBOX_FORGET] = neap_inbox_forget,
        [NEAP_STORE_INBOX_TAKE] = neap_inbox_take,
        [NEAP_STORE_INBOX_RENEW] = neap_inbox_renew,
        [NEAP_STORE_INBOX_RELEASE] = neap_inbox_release,
        [NEAP_STORE_INBOX_DONE] = neap_inbox_done,
    };
    return run[w->req.kind](f, w);
}

static bool is_read(const neap_store_work *w) {
    for (; w != NULL; w = w->next)
        if (w->req.kind != NEAP_STORE_OPEN && w->req.kind != NEAP_STORE_SESSION_GET) return false;
    return true;
}

/* Is it still the file that other processes find? */
static int check_place(neap_store_file *f) {
    int moved = 0;
    sqlite3_file_control(f->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved ? SQLITE_READONLY_DBMOVED : SQLITE_OK;
}

/* The place comes after the lock, which may have to be waited for. */
static int run_batch(neap_store_file *f, neap_store_work *list) {
    int rc = neap_sql_run(f, is_read(list) ? SQL_BEGIN_READ : SQL_BEGIN_WRITE, "");
    if (rc == SQLITE_OK) rc = check_place(f);
    for (neap_store_work *w = list; w != NULL && rc == SQLITE_OK; w = w->next) rc = run_op(f, w);
    return rc == SQLITE_OK ? neap_sql_run(f, SQL_COMMIT, "") : rc;
}

static void fail_all(neap_store_work *w, const neap_err *err) {
    for (; w != NULL; w = w->next) {
        neap_secret_unref(w->result->token);
        free(w->result->entry);
        *w->result = (neap_store_result){.err = *err, .verdict = NEAP_STORE_NOTHING};
    }
}

void neap_store_file_run(neap_store_file *f, neap_store_work *list) {
    neap_err err = {0};
    int rc;
    if (f->db == NULL) {
        fail_all(list, &f->err);
        return;
    }
    f->waited_ms = 0;
    rc = run_batch(f, list);
    if (rc == SQLITE_OK) return;
    if (check_place(f) != SQLITE_OK) rc = check_place(f); /* that explains all else */
    neap_store_file_set_error(f, &err, rc);
    if (!sqlite3_get_autocommit(f->db)) sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
    fail_all(list, &err);
}

void neap_store_file_release(neap_store_file *f) {
    f->waited_ms = 0;
    if (!f->leased) return;
    neap_sql_run(f, SQL_SESSION_RELEASE_ALL, "i", f->owner);
    neap_sql_run(f, SQL_INBOX_RELEASE_ALL, "i", f->owner);
}
