/* store_work.c: what the store's thread does with the open file; see store_work.h. Steps return SQLite's
 * codes. */
#include "store_work.h"

#include <sqlite3.h>
#include <stdarg.h>

/* An end that is later than any could be by this was set by a clock that has been put back since. */
enum { CLOCK_SLACK_MS = 120000 };

#define DAY_MS INT64_C(86400000)
#define WINDOW_KEPT_MS DAY_MS         /* a window is, after its last slot's end */
#define SESSION_KEPT_MS (90 * DAY_MS) /* a session is, after its last use */

/* --- statements ------------------------------------------------------------------------------- */

#define SESSION_COLUMNS "token, generation, obtained_ms, slid_ms, lease_owner, lease_until_ms"

/* X(name, text) */
#define STATEMENTS(X)                                                                              \
    X(BEGIN_READ, "BEGIN")                                                                         \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                              \
    X(COMMIT, "COMMIT")                                                                            \
    X(SESSION_READ, "SELECT " SESSION_COLUMNS " FROM session WHERE key = ?1")                      \
    X(SESSION_LEASE, "INSERT INTO session(key, generation, lease_owner, lease_until_ms) "          \
                     "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(key) DO UPDATE SET "                      \
                     "generation = max(generation, ?2), lease_owner = ?3, lease_until_ms = ?4")    \
    X(SESSION_PUT, "UPDATE session SET token = ?3, generation = generation + 1, obtained_ms = ?4, " \
                   "slid_ms = ?4, lease_owner = NULL WHERE key = ?1 AND lease_owner = ?2")         \
    X(SESSION_RELEASE, "UPDATE session SET lease_owner = NULL WHERE key = ?1 AND lease_owner = ?2") \
    X(SESSION_RELEASE_ALL, "UPDATE session SET lease_owner = NULL WHERE lease_owner = ?1")         \
    X(SESSION_SLIDE, "UPDATE session SET slid_ms = max(slid_ms, ?3) "                              \
                     "WHERE key = ?1 AND generation = ?2 AND token IS NOT NULL")                   \
    X(SESSION_DROP, "UPDATE session SET token = NULL "                                             \
                    "WHERE key = ?1 AND generation = ?2 AND token IS NOT NULL")                    \
    X(SESSION_EXPIRE, "DELETE FROM session "                                                       \
                      "WHERE max(obtained_ms, slid_ms, lease_until_ms) <= ?1")                     \
    X(WINDOW_FIND, "SELECT id FROM limits WHERE key = ?1 AND period_ms = ?2")                      \
    X(WINDOW_ADD, "INSERT INTO limits(key, period_ms) VALUES(?1, ?2)")                             \
    X(WINDOW_EXPIRE, "DELETE FROM limits "                                                         \
                     "WHERE NOT EXISTS (SELECT 1 FROM slot WHERE limit_id = limits.id)")           \
    X(SLOT_COUNT, "SELECT count(*), min(until_ms), max(until_ms) FROM slot WHERE limit_id = ?1")   \
    X(SLOT_EXPIRE, "DELETE FROM slot WHERE limit_id = ?1 AND until_ms <= ?2")                      \
    X(SLOT_EXPIRE_ALL, "DELETE FROM slot WHERE until_ms <= ?1")                                    \
    X(SLOT_CLAMP, "UPDATE slot SET until_ms = ?2 WHERE limit_id = ?1 AND until_ms > ?3")           \
    X(SLOT_SET, "INSERT INTO slot(limit_id, owner, number, until_ms) VALUES(?1, ?2, ?3, ?4) "      \
                "ON CONFLICT(limit_id, owner, number) DO UPDATE SET until_ms = ?4")                \
    X(SLOT_DEL, "DELETE FROM slot WHERE limit_id = ?1 AND owner = ?2 AND number = ?3")

enum statement {
#define X(name, text) name,
    STATEMENTS(X)
#undef X
    STATEMENT_COUNT
};
_Static_assert((int)STATEMENT_COUNT == NEAP_STORE_STATEMENTS, "store_work.h has room for all");

/* Gets a statement with its arguments bound: t text, i int64_t, s secret. NULL: cannot be made. */
static sqlite3_stmt *prepare(neap_store_file *f, enum statement which, const char *types, ...) {
    static const char *const texts[] = {
#define X(name, text) [name] = (text),
        STATEMENTS(X)
#undef X
    };
    sqlite3_stmt **st = &f->statements[which];
    va_list args;
    if (*st == NULL &&
        sqlite3_prepare_v3(f->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK)
        return NULL;
    va_start(args, types);
    for (int i = 0; types[i] != '\0'; i++) {
        if (types[i] == 't') {
            sqlite3_bind_text(*st, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        } else if (types[i] == 'i') {
            sqlite3_bind_int64(*st, i + 1, va_arg(args, int64_t));
        } else {
            const neap_secret *s = va_arg(args, const neap_secret *);
            sqlite3_bind_blob64(*st, i + 1, neap_secret_bytes(s), neap_secret_len(s), SQLITE_STATIC);
        }
    }
    va_end(args);
    return *st;
}

/* SQLITE_ROW, SQLITE_DONE or a failure; after a row comes done(). */
static int step(neap_store_file *f, sqlite3_stmt *st) {
    return st != NULL ? sqlite3_step(st) : sqlite3_extended_errcode(f->db);
}

/* Ends a statement; keeps no copy of what was bound. */
static int done(sqlite3_stmt *st, int rc) {
    if (st == NULL) return rc;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* Carries out a statement that has no rows. */
static int perform(neap_store_file *f, sqlite3_stmt *st) {
    return done(st, step(f, st));
}

/* Drops what nobody has used for long. Comes before each new key: what else would end the file's
 * growth? */
static int expire(neap_store_file *f, int64_t now_ms) {
    int rc = perform(f, prepare(f, SLOT_EXPIRE_ALL, "i", now_ms - WINDOW_KEPT_MS));
    if (rc == SQLITE_OK) rc = perform(f, prepare(f, WINDOW_EXPIRE, ""));
    return rc == SQLITE_OK ? perform(f, prepare(f, SESSION_EXPIRE, "i", now_ms - SESSION_KEPT_MS)) : rc;
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
    sqlite3_stmt *st = prepare(f, SESSION_READ, "t", w->req.key);
    int rc = step(f, st);
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
    return done(st, rc);
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
    return rc == SQLITE_OK ? perform(f, prepare(f, SESSION_LEASE, "tiii", q->key, q->generation,
                                                f->owner, q->now_ms + q->ttl_ms))
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

/* Carries out a change that may find nothing to change. */
static int change(neap_store_file *f, neap_store_work *w, sqlite3_stmt *st) {
    int rc = perform(f, st);
    bool found = rc == SQLITE_OK && sqlite3_changes(f->db) > 0;
    w->result->verdict = found ? NEAP_STORE_DONE : NEAP_STORE_NOTHING;
    return rc;
}

static int session_put(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    neap_store_result *r = w->result;
    int rc = change(f, w, prepare(f, SESSION_PUT, "tisi", q->key, f->owner, q->token, q->now_ms));
    if (rc != SQLITE_OK || r->verdict != NEAP_STORE_DONE) return rc;
    return read_session(f, w, NULL); /* for its generation */
}

static int session_release(neap_store_file *f, neap_store_work *w) {
    return change(f, w, prepare(f, SESSION_RELEASE, "ti", w->req.key, f->owner));
}

static int session_slide(neap_store_file *f, neap_store_work *w) {
    const neap_store_req *q = &w->req;
    return change(f, w, prepare(f, SESSION_SLIDE, "tii", q->key, q->generation, q->at_ms));
}

static int session_drop(neap_store_file *f, neap_store_work *w) {
    return change(f, w, prepare(f, SESSION_DROP, "ti", w->req.key, w->req.generation));
}

/* --- slots ------------------------------------------------------------------------------------ */

static int add_window(neap_store_file *f, const neap_store_req *q, int64_t *id) {
    int rc = expire(f, q->now_ms);
    if (rc == SQLITE_OK) rc = perform(f, prepare(f, WINDOW_ADD, "ti", q->key, q->period_ms));
    *id = sqlite3_last_insert_rowid(f->db);
    return rc;
}

/* Gets the id of a window, which is made if need be. */
static int find_window(neap_store_file *f, const neap_store_req *q, int64_t *id) {
    sqlite3_stmt *st = prepare(f, WINDOW_FIND, "ti", q->key, q->period_ms);
    int rc = step(f, st);
    if (rc == SQLITE_ROW) *id = sqlite3_column_int64(st, 0);
    if (rc != SQLITE_DONE) return done(st, rc);
    done(st, rc);
    return add_window(f, q, id);
}

/* The rows of a window: how many, and their first and last end. */
typedef struct rows {
    size_t count;
    int64_t first_ms, last_ms;
} rows;

static int read_rows(neap_store_file *f, int64_t id, rows *w) {
    sqlite3_stmt *st = prepare(f, SLOT_COUNT, "i", id);
    int rc = step(f, st);
    if (rc == SQLITE_ROW)
        *w = (rows){(size_t)sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                    sqlite3_column_int64(st, 2)};
    return done(st, rc);
}

/* Drops the rows that are over, and shortens those that end too late. */
static int tidy(neap_store_file *f, const neap_store_req *q, int64_t id, const rows *w) {
    int64_t full = q->now_ms + q->period_ms, latest = full + CLOCK_SLACK_MS;
    int rc = SQLITE_OK;
    if (w->first_ms <= q->now_ms) rc = perform(f, prepare(f, SLOT_EXPIRE, "ii", id, q->now_ms));
    if (rc == SQLITE_OK && w->last_ms > latest)
        rc = perform(f, prepare(f, SLOT_CLAMP, "iii", id, full, latest));
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
        rc = perform(f, prepare(f, SLOT_SET, "iiii", id, f->owner, number, q->until_ms));
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
                 ? perform(f, prepare(f, SLOT_DEL, "iii", id, f->owner, s->number))
                 : perform(f, prepare(f, SLOT_SET, "iiii", id, f->owner, s->number, s->until_ms));
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
    int rc = perform(f, prepare(f, is_read(list) ? BEGIN_READ : BEGIN_WRITE, ""));
    if (rc == SQLITE_OK) rc = check_place(f);
    for (neap_store_work *w = list; w != NULL && rc == SQLITE_OK; w = w->next) rc = run_op(f, w);
    return rc == SQLITE_OK ? perform(f, prepare(f, COMMIT, "")) : rc;
}

static void fail_all(neap_store_work *w, const neap_err *err) {
    for (; w != NULL; w = w->next) {
        neap_secret_unref(w->result->token);
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
    if (f->leased) perform(f, prepare(f, SESSION_RELEASE_ALL, "i", f->owner));
}
