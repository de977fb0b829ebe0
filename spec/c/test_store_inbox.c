/* test_store_inbox.c: core/store.h: inboxes. What was put is handled once, whoever dies and whatever fails
 * meanwhile. Stores contend as those of two processes do. */
#include <signal.h>
#include <sys/wait.h>

#include "store.h"

#define LEASE_MS 15000
#define KEEP_MS 60000

static neap_loop *loop;

/* --- ops ----------------------------------------------------------------------------------------- */

static neap_store_result run(neap_store *s, neap_store_req req) {
    neap_store_result r;
    req.scope = req.scope != NULL ? req.scope : "box";
    r = store_run(loop, s, &req);
    CHECK_STR(r.err.message, "");
    return r;
}

static bool put(neap_store *s, const char *key, int64_t now) {
    return run(s, (neap_store_req){.kind = NEAP_STORE_INBOX_PUT, .key = key, .body = key,
                                   .body_len = strlen(key), .now_ms = now}).verdict == NEAP_STORE_DONE;
}

static bool put_again(neap_store *s, const char *key, const char *body, int64_t now) {
    return run(s, (neap_store_req){.kind = NEAP_STORE_INBOX_PUT, .key = key, .body = body, .again = true,
                                   .body_len = strlen(body), .now_ms = now}).verdict == NEAP_STORE_DONE;
}

static bool see(neap_store *s, const char *key, int64_t now) {
    return run(s, (neap_store_req){.kind = NEAP_STORE_INBOX_SEEN, .key = key, .now_ms = now,
                                   .ttl_ms = KEEP_MS}).verdict == NEAP_STORE_DONE;
}

static bool keep(neap_store *s, const char *key, int64_t now, int64_t ttl) {
    return run(s, (neap_store_req){.kind = NEAP_STORE_INBOX_KEEP, .key = key, .now_ms = now,
                                   .ttl_ms = ttl}).verdict == NEAP_STORE_DONE;
}

/* Is the repeat of a key that of something done? */
static bool is_done(neap_store *s, const char *key, int64_t now) {
    neap_store_result r = run(s, (neap_store_req){.kind = NEAP_STORE_INBOX_SEEN, .key = key, .now_ms = now,
                                                  .ttl_ms = KEEP_MS});
    CHECK_EQ_INT(r.verdict, NEAP_STORE_NOTHING);
    return r.generation > 0;
}

static bool forget(neap_store *s, const char *key) {
    return run(s, (neap_store_req){.kind = NEAP_STORE_INBOX_FORGET, .key = key}).verdict == NEAP_STORE_DONE;
}

/* An entry as it was taken; an empty key: there was none. */
typedef struct taken {
    int64_t number, attempt, received_ms, until_ms;
    size_t body_len;
    char key[64], body[64];
} taken;

static taken take_from(neap_loop *own, neap_store *s, int64_t now) {
    neap_store_req req = {.kind = NEAP_STORE_INBOX_TAKE, .scope = "box", .now_ms = now, .ttl_ms = LEASE_MS};
    neap_store_op *op;
    taken t = {0};
    bool running = true;
    if (!CHECK_EQ_INT(neap_store_start(s, &op, &req, store_on_done, &running), 0)) return t;
    store_wait(own, &running);
    CHECK_STR(op->result.err.message, "");
    t.until_ms = op->result.until_ms;
    CHECK_EQ_INT(op->result.verdict, op->result.entry != NULL ? NEAP_STORE_DONE : NEAP_STORE_NOTHING);
    if (op->result.entry != NULL) {
        const neap_store_entry *e = op->result.entry;
        t.number = e->number;
        t.attempt = e->attempt;
        t.received_ms = e->received_ms;
        t.body_len = e->body_len;
        snprintf(t.key, sizeof t.key, "%s", e->key);
        memcpy(t.body, e->body, e->body_len < sizeof t.body ? e->body_len : sizeof t.body - 1);
    }
    neap_store_op_free(op);
    return t;
}

static taken take(neap_store *s, int64_t now) {
    return take_from(loop, s, now);
}

/* RENEW, RELEASE or DONE. */
static bool change(neap_store *s, neap_store_kind kind, const taken *t, int64_t now, int64_t ttl) {
    return run(s, (neap_store_req){.kind = kind, .number = t->number, .generation = t->attempt,
                                   .now_ms = now, .ttl_ms = ttl}).verdict == NEAP_STORE_DONE;
}

static bool finish(neap_store *s, const taken *t, int64_t now) {
    return change(s, NEAP_STORE_INBOX_DONE, t, now, KEEP_MS);
}

/* --- once ---------------------------------------------------------------------------------------- */

static void check_order(void) {
    neap_store *a = store_at(loop, "order.db"), *b = store_at(loop, "order.db");
    taken t, u;
    CHECK_EQ_INT(take(a, NOW).until_ms, 0);
    CHECK(put(a, "first", NOW));
    CHECK(put(b, "second", NOW - 5)); /* the order is that of arrival, not of clocks */
    CHECK(!put(b, "first", NOW + 1));
    t = take(b, NOW + 2);
    CHECK_STR(t.key, "first");
    CHECK_STR(t.body, "first");
    CHECK_EQ_INT(t.attempt, 1);
    CHECK_EQ_INT(t.received_ms, NOW);
    u = take(a, NOW + 3);
    CHECK_STR(u.key, "second");
    CHECK_EQ_INT(take(a, NOW + 4).until_ms, NOW + 2 + LEASE_MS);
    CHECK(!put(a, "first", NOW + 5)); /* being handled */
    CHECK(finish(b, &t, NOW + 6));
    CHECK(!finish(b, &t, NOW + 6));
    CHECK(finish(a, &u, NOW + 6));
    CHECK(!put(a, "first", NOW + 7)); /* done */
    CHECK_EQ_INT(take(a, NOW + 8).until_ms, 0);
    CHECK(put(a, "first", NOW + 6 + KEEP_MS)); /* forgotten */
    CHECK_STR(take(a, NOW + 6 + KEEP_MS).key, "first");
    neap_store_unref(a);
    neap_store_unref(b);
}

static void check_scopes(void) {
    neap_store *s = store_at(loop, "scopes.db");
    neap_store_req req = {.kind = NEAP_STORE_INBOX_PUT, .scope = "other", .key = "k", .now_ms = NOW};
    taken t;
    CHECK_EQ_INT(run(s, req).verdict, NEAP_STORE_DONE); /* no body at all */
    CHECK_EQ_INT(take(s, NOW).until_ms, 0);
    CHECK(put(s, "k", NOW));
    req = (neap_store_req){.kind = NEAP_STORE_INBOX_PUT, .key = "bytes", .body = "a\0b", .body_len = 3, .now_ms = NOW};
    CHECK_EQ_INT(run(s, req).verdict, NEAP_STORE_DONE);
    CHECK_STR(take(s, NOW).body, "k");
    t = take(s, NOW);
    CHECK(t.body_len == 3 && memcmp(t.body, "a\0b", 3) == 0);
    neap_store_unref(s);
}

/* Who holds a lease for too long has lost the entry to who took it next, and changes nothing. */
static void check_leases(void) {
    neap_store *a = store_at(loop, "leases.db"), *b = store_at(loop, "leases.db");
    taken t, u;
    CHECK(put(a, "k", NOW));
    t = take(a, NOW);
    CHECK(change(a, NEAP_STORE_INBOX_RENEW, &t, NOW + 5000, LEASE_MS));
    CHECK_STR(take(b, NOW + LEASE_MS).key, "");
    u = take(b, NOW + 5000 + LEASE_MS);
    CHECK_STR(u.key, "k");
    CHECK_EQ_INT(u.attempt, 2);
    CHECK(!change(a, NEAP_STORE_INBOX_RENEW, &t, NOW + 6000 + LEASE_MS, LEASE_MS));
    CHECK(!change(a, NEAP_STORE_INBOX_RELEASE, &t, NOW + 6000 + LEASE_MS, 0));
    CHECK(!finish(a, &t, NOW + 6000 + LEASE_MS));
    CHECK(change(b, NEAP_STORE_INBOX_RELEASE, &u, NOW + 21000, 3000));
    CHECK(!finish(b, &u, NOW + 21000));
    CHECK_EQ_INT(take(a, NOW + 23999).until_ms, NOW + 24000);
    t = take(a, NOW + 24000);
    CHECK_EQ_INT(t.attempt, 3);
    neap_store_close(a); /* gives it back */
    u = take(b, NOW + 24001);
    CHECK_EQ_INT(u.attempt, 4);
    CHECK(finish(b, &u, NOW + 24002));
    neap_store_unref(a);
    neap_store_unref(b);
}

/* An entry that seems to be away for longer than any could be was put away by a clock that has been put
 * back since. */
static void check_clock_put_back(void) {
    neap_store *s = store_at(loop, "clock.db");
    taken t;
    CHECK(put(s, "k", NOW));
    t = take(s, NOW);
    CHECK_STR(take(s, NOW - HOUR_MS).key, "");
    t = take(s, NOW - 2 * (int64_t)HOUR_MS);
    CHECK_STR(t.key, "k");
    CHECK(finish(s, &t, NOW - 2 * (int64_t)HOUR_MS));
    neap_store_unref(s);
}

static void check_again(void) {
    neap_store *s = store_at(loop, "again.db");
    taken t;
    CHECK(put_again(s, "day", "1", NOW));
    CHECK(!put_again(s, "day", "2", NOW)); /* waits already */
    t = take(s, NOW);
    CHECK_STR(t.body, "1");
    CHECK(put_again(s, "day", "3", NOW)); /* is being handled */
    CHECK(!put_again(s, "day", "4", NOW));
    CHECK_STR(take(s, NOW).key, ""); /* not twice at a time */
    CHECK(finish(s, &t, NOW + 1));
    t = take(s, NOW + 2);
    CHECK_STR(t.body, "3");
    CHECK_EQ_INT(t.attempt, 1);
    CHECK(finish(s, &t, NOW + 3));
    CHECK_EQ_INT(take(s, NOW + 4).until_ms, 0);
    CHECK(!put(s, "day", NOW + 5));
    CHECK(put_again(s, "day", "5", NOW + 5)); /* is done */
    t = take(s, NOW + 6);
    CHECK(put_again(s, "day", "6", NOW + 6));
    CHECK(change(s, NEAP_STORE_INBOX_RELEASE, &t, NOW + 6, 0));
    t = take(s, NOW + 7); /* the try that failed and the one that was asked for are one */
    CHECK_STR(t.body, "6");
    CHECK(finish(s, &t, NOW + 8));
    CHECK_EQ_INT(take(s, NOW + 9).until_ms, 0);
    neap_store_unref(s);
}

static void check_seen(void) {
    neap_store *a = store_at(loop, "seen.db"), *b = store_at(loop, "seen.db");
    taken t;
    CHECK(see(a, "id", NOW));
    CHECK(!see(b, "id", NOW + KEEP_MS - 1));
    CHECK(!put(b, "id", NOW + 1));
    CHECK_EQ_INT(take(a, NOW + 1).until_ms, 0); /* nothing to handle */
    CHECK(forget(b, "id"));
    CHECK(!forget(b, "id"));
    CHECK(see(a, "id", NOW + 2));
    CHECK(see(b, "id", NOW + 2 + KEEP_MS));
    CHECK(put(a, "entry", NOW));
    CHECK(!forget(a, "entry")); /* is still to be handled */
    CHECK(!see(a, "entry", NOW));
    t = take(a, NOW);
    CHECK(!forget(a, "entry"));
    CHECK(finish(a, &t, NOW));
    CHECK(forget(a, "entry"));
    CHECK(put(a, "entry", NOW));
    neap_store_unref(a);
    neap_store_unref(b);
}

/* What was seen is open, as what waits or is being handled, until it is kept. */
static void check_kept(void) {
    neap_store *s = store_at(loop, "kept.db");
    taken t;
    CHECK(see(s, "id", NOW));
    CHECK(!is_done(s, "id", NOW));
    CHECK(keep(s, "id", NOW + 10, 3 * KEEP_MS));
    CHECK(is_done(s, "id", NOW + 2 * KEEP_MS));
    CHECK(keep(s, "unseen", NOW, KEEP_MS)); /* its time was over meanwhile */
    CHECK(is_done(s, "unseen", NOW));
    CHECK(put(s, "entry", NOW));
    CHECK(!keep(s, "entry", NOW, KEEP_MS)); /* that would lose it */
    CHECK(!is_done(s, "entry", NOW));
    t = take(s, NOW);
    CHECK(!is_done(s, "entry", NOW));
    CHECK(finish(s, &t, NOW));
    CHECK(is_done(s, "entry", NOW));
    neap_store_unref(s);
}

/* --- growth -------------------------------------------------------------------------------------- */

static int ask_file(const char *path, const char *text) {
    sqlite3 *db;
    sqlite3_stmt *st;
    int value = -1;
    CHECK_EQ_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
    if (CHECK_EQ_INT(sqlite3_step(st), SQLITE_ROW)) value = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    CHECK_EQ_INT(sqlite3_close(db), SQLITE_OK);
    return value;
}

/* Old keys go while new ones come; bodies go at once; what is still to be handled stays for ever. */
static void check_growth(void) {
    enum { KEYS = 500 };
    neap_store *s = store_at(loop, "growth.db");
    char key[32];
    taken t;
    CHECK(put(s, "kept", NOW));
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "id-%d", i);
        CHECK(see(s, key, NOW));
    }
    CHECK(put(s, "done", NOW));
    t = take(s, NOW);
    CHECK_STR(t.key, "kept");
    t = take(s, NOW);
    CHECK(finish(s, &t, NOW));
    CHECK_EQ_INT(ask_file("growth.db", "SELECT count(*) FROM inbox"), KEYS + 2);
    CHECK_EQ_INT(ask_file("growth.db", "SELECT count(*) FROM inbox WHERE body IS NOT NULL"), 1);
    for (int i = 0; i < 8; i++) {
        snprintf(key, sizeof key, "new-%d", i);
        CHECK(see(s, key, NOW + KEEP_MS));
    }
    CHECK_EQ_INT(ask_file("growth.db", "SELECT count(*) FROM inbox"), 9);
    CHECK_STR(take(s, NOW + LEASE_MS).key, "kept");
    neap_store_unref(s);
}

/* --- an older file ------------------------------------------------------------------------------- */

static void run_sql(const char *path, const char *text) {
    sqlite3 *db;
    CHECK_EQ_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_close(db), SQLITE_OK);
}

/* A file of the first schema rises to this one and keeps what it has; by many at once, too. */
static void check_rises(void) {
    neap_store *stores[4];
    for (int i = 0; i < 4; i++) stores[i] = store_at(loop, "older.db");
    store_check_granted(store_ask(loop, stores[0], "w", 10, 7, NOW, NOW + HOUR_MS), 7, 7);
    for (int i = 0; i < 4; i++) neap_store_unref(stores[i]);
    run_sql("older.db", "DROP TABLE inbox; PRAGMA user_version = 1");
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(neap_store_open(&stores[i], loop, &(neap_store_cfg){.path = "older.db"}), 0);
    for (int i = 0; i < 4; i++) CHECK_STR(store_try(loop, stores[i]).err.message, "");
    CHECK_EQ_INT(ask_file("older.db", "PRAGMA user_version"), NEAP_STORE_SCHEMA);
    store_check_granted(store_ask(loop, stores[1], "w", 10, 9, NOW, NOW + HOUR_MS), 3, 10);
    CHECK(put(stores[2], "k", NOW));
    CHECK_STR(take(stores[3], NOW).key, "k");
    for (int i = 0; i < 4; i++) neap_store_unref(stores[i]);
}

/* --- faults -------------------------------------------------------------------------------------- */

/* An op that cannot be carried out says so, and has changed nothing. */
static void check_locked(void) {
    sqlite3 *db;
    neap_store *s = NULL;
    neap_store_req req = {.kind = NEAP_STORE_INBOX_PUT, .scope = "box", .key = "k", .now_ms = NOW};
    neap_store_result r;
    CHECK_EQ_INT(neap_store_open(&s, loop, &(neap_store_cfg){.path = "locked.db", .busy_ms = 20}), 0);
    CHECK_STR(store_try(loop, s).err.message, "");
    CHECK_EQ_INT(sqlite3_open("locked.db", &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    r = store_run(loop, s, &req);
    CHECK_EQ_INT(r.err.code, NEAP_ELIMIT);
    CHECK(strstr(r.err.message, "locked by another process") != NULL);
    req.kind = NEAP_STORE_INBOX_SEEN;
    CHECK_EQ_INT(store_run(loop, s, &req).err.code, NEAP_ELIMIT);
    CHECK_EQ_INT(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    CHECK(put(s, "k", NOW));
    neap_store_unref(s);
}

/* A full disk: what was reported as new is there, and no more. */
static int limit_pages(sqlite3 *db, char **message, const void *api) {
    (void)message;
    (void)api;
    return sqlite3_exec(db, "PRAGMA max_page_count = 24", NULL, NULL, NULL);
}

static void check_full(void) {
    enum { MANY = 2000 };
    neap_store *s;
    char key[32], body[400];
    int stored = 0;
    neap_store_result r = {0};
    memset(body, 'x', sizeof body);
    sqlite3_auto_extension((void (*)(void))limit_pages);
    s = store_at(loop, "full.db");
    for (int i = 0; i < MANY && r.err.code == 0; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        r = store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_INBOX_PUT, .scope = "box", .key = key,
                                                 .body = body, .body_len = sizeof body, .now_ms = NOW});
        stored += r.err.code == 0;
    }
    CHECK(strstr(r.err.message, "has no room to grow") != NULL);
    sqlite3_cancel_auto_extension((void (*)(void))limit_pages);
    neap_store_unref(s);
    CHECK_EQ_INT(ask_file("full.db", "SELECT count(*) FROM inbox"), stored);
}

/* --- several at once ----------------------------------------------------------------------------- */

/* Three stores put the same keys at the same time: each is new once. */
static void check_contention(void) {
    enum { STORES = 3, KEYS = 60 };
    neap_store *stores[STORES];
    neap_store_op *ops[STORES][KEYS];
    bool waits[STORES][KEYS];
    char key[32];
    int fresh = 0, handled = 0;
    for (int i = 0; i < STORES; i++) stores[i] = store_at(loop, "contention.db");
    for (int k = 0; k < KEYS; k++)
        for (int i = 0; i < STORES; i++) {
            neap_store_req req = {.kind = NEAP_STORE_INBOX_PUT, .scope = "box", .key = key, .now_ms = NOW};
            snprintf(key, sizeof key, "key-%d", k);
            waits[i][k] = true;
            CHECK_EQ_INT(neap_store_start(stores[i], &ops[i][k], &req, store_on_done, &waits[i][k]), 0);
        }
    for (int i = 0; i < STORES; i++)
        for (int k = 0; k < KEYS; k++) {
            store_wait(loop, &waits[i][k]);
            CHECK_STR(ops[i][k]->result.err.message, "");
            fresh += ops[i][k]->result.verdict == NEAP_STORE_DONE;
            neap_store_op_free(ops[i][k]);
        }
    CHECK_EQ_INT(fresh, KEYS);
    for (int i = 0; take(stores[i % STORES], NOW).key[0] != '\0'; i++) handled++;
    CHECK_EQ_INT(handled, KEYS);
    for (int i = 0; i < STORES; i++) neap_store_unref(stores[i]);
}

/* The child puts entries, takes some and finishes some, and says so after each; it never gets to the
 * end. P: put; T: taken; D: finished. */
static void work_for_ever(int to) {
    neap_store *s;
    char key[32];
    loop = store_loop();
    s = store_at(loop, "killed.db");
    for (int i = 0;; i++) {
        taken t;
        snprintf(key, sizeof key, "key-%d", i);
        if (!put(s, key, NOW) || write(to, "P", 1) != 1) break;
        if (i % 2 == 1) continue;
        t = take(s, NOW);
        if (t.key[0] == '\0' || write(to, "T", 1) != 1) break;
        if (i % 4 == 0 && (!finish(s, &t, NOW) || write(to, "D", 1) != 1)) break;
    }
    _exit(1);
}

/* Takes and finishes all that waits. How many? */
static int drain(neap_store *s, int64_t now) {
    int count = 0;
    for (;; count++) {
        taken t = take(s, now);
        if (t.key[0] == '\0') return count;
        CHECK(finish(s, &t, now));
    }
}

/* After a kill nothing that was put is lost, and what was finished does not come back. One may not have
 * been told. */
static void check_killed(void) {
    int ends[2], status, puts = 0, finished = 0, rows, done, leased, at_once;
    char byte;
    neap_store *s;
    pid_t child;
    CHECK_EQ_INT(pipe(ends), 0);
    child = fork();
    if (child == 0) work_for_ever(ends[1]);
    close(ends[1]);
    while (read(ends[0], &byte, 1) == 1) {
        puts += byte == 'P';
        finished += byte == 'D';
        if (puts == 40) CHECK_EQ_INT(kill(child, SIGKILL), 0);
    }
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    close(ends[0]);
    loop = store_loop();
    s = store_at(loop, "killed.db");
    rows = ask_file("killed.db", "SELECT count(*) FROM inbox");
    done = ask_file("killed.db", "SELECT count(*) FROM inbox WHERE forget_ms IS NOT NULL");
    leased = ask_file("killed.db", "SELECT count(*) FROM inbox WHERE owner IS NOT NULL");
    CHECK(puts >= 40 && rows >= puts && rows <= puts + 1);
    CHECK(finished >= 5 && done >= finished && done <= finished + 1 && leased >= 5);
    at_once = drain(s, NOW + LEASE_MS - 1);
    CHECK_EQ_INT(at_once, rows - done - leased);
    CHECK_EQ_INT(drain(s, NOW + LEASE_MS), leased); /* what the dead one had taken comes back */
    neap_store_unref(s);
    neap_loop_close(loop);
}

/* --- ends ---------------------------------------------------------------------------------------- */

/* Closed with ops under way: what was put is there, what was to be taken or seen is not. */
static void check_closing(void) {
    neap_store *s = store_at(loop, "closing.db");
    neap_store_kind kinds[] = {NEAP_STORE_INBOX_PUT, NEAP_STORE_INBOX_TAKE, NEAP_STORE_INBOX_SEEN};
    neap_store_op *ops[60];
    bool waits[60];
    char key[32];
    int seen = 0;
    for (int i = 0; i < 60; i++) {
        neap_store_req req = {.kind = kinds[i % 3], .scope = "box", .key = key, .now_ms = NOW, .ttl_ms = LEASE_MS};
        snprintf(key, sizeof key, "key-%d", i);
        waits[i] = true;
        CHECK_EQ_INT(neap_store_start(s, &ops[i], &req, store_on_done, &waits[i]), 0);
    }
    neap_store_close(s);
    for (int i = 0; i < 60; i++) {
        int code = ops[i]->result.err.code;
        CHECK(!waits[i] && (code == 0 || (code == NEAP_ECANCELLED && i % 3 != 0)));
        seen += i % 3 == 2 && code == 0;
        neap_store_op_free(ops[i]);
    }
    neap_store_unref(s);
    CHECK_EQ_INT(ask_file("closing.db", "SELECT count(*) FROM inbox"), 20 + seen);
    CHECK_EQ_INT(ask_file("closing.db", "SELECT count(*) FROM inbox WHERE owner IS NOT NULL"), 0);
}

int main(void) {
    if (!store_enter()) return 1;
    check_killed(); /* first: it forks */
    loop = store_loop();
    check_order();
    check_scopes();
    check_leases();
    check_clock_put_back();
    check_again();
    check_seen();
    check_kept();
    check_growth();
    check_rises();
    check_locked();
    check_full();
    check_contention();
    check_closing();
    neap_loop_close(loop);
    store_leave();
    return check_report();
}
