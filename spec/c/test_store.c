/* test_store.c: core/store.h: sessions and slots; faults are in test_store_fault.c. Stores contend as
 * those of two processes do: each has a connection and a thread of its own. */
#include <signal.h>
#include <sys/wait.h>

#include "store.h"

static neap_loop *loop;

static void drop(neap_store_result *r) {
    neap_secret_unref(r->token);
    r->token = NULL;
}

static mode_t mode_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

/* --- opening ------------------------------------------------------------------------------------- */

static void check_opens(void) {
    neap_store *s = store_at(loop, "new/folder/state.db"), *t;
    CHECK_EQ_INT(mode_of("new"), 0700);
    CHECK_EQ_INT(mode_of("new/folder"), 0700);
    CHECK_EQ_INT(mode_of("new/folder/state.db"), 0600);
    CHECK_EQ_INT(mode_of("new/folder/state.db-wal"), 0600);
    neap_store_unref(s);
    CHECK_EQ_INT(chmod("new/folder/state.db", 0644), 0);
    t = store_at(loop, "new/folder/state.db");
    CHECK_EQ_INT(mode_of("new/folder/state.db"), 0600);
    neap_store_close(t);
    neap_store_close(t);
    CHECK_EQ_INT(store_try(loop, t).err.code, NEAP_ECANCELLED);
    neap_store_unref(t);
}

static void check_names(void) {
    neap_store *s = store_at(loop, "file:odd?mode=memory");
    neap_store_unref(s);
    CHECK_EQ_INT(mode_of("file:odd?mode=memory"), 0600);
    CHECK_EQ_INT(neap_store_open(&s, loop, &(neap_store_cfg){.path = ""}), NEAP_EINVAL);
}

static void check_refuses_virtual_clock(void) {
    neap_store *s = NULL;
    neap_store_cfg cfg = {.path = "virtual.db"};
    neap_loop *other = store_loop();
    CHECK_EQ_INT(neap_store_open(&s, other, &cfg), 0);
    CHECK_EQ_INT(store_try(other, s).err.code, 0);
    neap_loop_set_virtual(other, NOW);
    CHECK_EQ_INT(store_try(other, s).err.code, NEAP_EBUG);
    neap_store_unref(s);
    CHECK_EQ_INT(neap_store_open(&s, other, &cfg), NEAP_EBUG);
    neap_loop_close(other);
}

/* Many at once make one file. */
static void check_opens_together(void) {
    neap_store *stores[8];
    neap_store_op *ops[8];
    bool waits[8];
    neap_store_req req = {.kind = NEAP_STORE_OPEN};
    for (int i = 0; i < 8; i++) {
        waits[i] = true;
        CHECK_EQ_INT(neap_store_open(&stores[i], loop, &(neap_store_cfg){.path = "race.db", .busy_ms = 30000}), 0);
        CHECK_EQ_INT(neap_store_start(stores[i], &ops[i], &req, store_on_done, &waits[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        store_wait(loop, &waits[i]);
        CHECK_STR(ops[i]->result.err.message, "");
        neap_store_op_free(ops[i]);
    }
    for (int i = 0; i < 8; i++) neap_store_unref(stores[i]);
}

/* --- sessions ------------------------------------------------------------------------------------ */

static neap_store_result get(neap_store *s) {
    return store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SESSION_GET, .key = SESSION});
}

static neap_store_result lease(neap_store *s, int64_t seen, int64_t now) {
    return store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SESSION_LEASE, .key = SESSION,
                                                .generation = seen, .ttl_ms = 60000, .now_ms = now});
}

static neap_store_result put(neap_store *s, const char *text, int64_t now) {
    neap_secret *token = NULL;
    neap_store_result r;
    CHECK_EQ_INT(neap_secret_new(&token, text, strlen(text)), 0);
    r = store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SESSION_PUT, .key = SESSION,
                                             .token = token, .now_ms = now});
    neap_secret_unref(token);
    drop(&r);
    return r;
}

static neap_store_verdict change(neap_store *s, neap_store_kind kind, int64_t generation, int64_t at) {
    return store_run(loop, s, &(neap_store_req){.kind = kind, .key = SESSION,
                                                .generation = generation, .at_ms = at}).verdict;
}

static void check_session(neap_store *s, const char *text, int64_t generation, int64_t slid_ms) {
    neap_store_result r = get(s);
    CHECK_EQ_INT(r.verdict, text != NULL ? NEAP_STORE_DONE : NEAP_STORE_NOTHING);
    CHECK_STR(r.token != NULL ? neap_secret_bytes(r.token) : NULL, text);
    CHECK_EQ_INT(r.generation, generation);
    CHECK_EQ_INT(r.slid_ms, slid_ms);
    drop(&r);
}

static void check_sessions(void) {
    neap_store *a = store_at(loop, "session.db"), *b = store_at(loop, "session.db");
    neap_store_result r;
    check_session(a, NULL, 0, 0);
    CHECK_EQ_INT(lease(a, 0, NOW).verdict, NEAP_STORE_DONE);
    CHECK_EQ_INT(lease(a, 0, NOW + 1).verdict, NEAP_STORE_DONE); /* its own */
    r = lease(b, 0, NOW + 2);
    CHECK_EQ_INT(r.verdict, NEAP_STORE_HELD);
    CHECK_EQ_INT(r.until_ms, NOW + 60001);
    CHECK_EQ_INT(put(b, "token-of-b", NOW + 3).verdict, NEAP_STORE_NOTHING);
    CHECK_EQ_INT(change(b, NEAP_STORE_SESSION_RELEASE, 0, 0), NEAP_STORE_NOTHING);
    r = put(a, "token-of-a", NOW + 4);
    CHECK_EQ_INT(r.verdict, NEAP_STORE_DONE);
    CHECK_EQ_INT(r.generation, 1);
    CHECK_EQ_INT(put(a, "token-again", NOW + 5).verdict, NEAP_STORE_NOTHING); /* the lease is over */
    check_session(b, "token-of-a", 1, NOW + 4);
    r = lease(b, 0, NOW + 6);
    CHECK_EQ_INT(r.verdict, NEAP_STORE_NEWER);
    CHECK_STR(neap_secret_bytes(r.token), "token-of-a");
    drop(&r);
    CHECK_EQ_INT(change(b, NEAP_STORE_SESSION_SLIDE, 1, NOW + 900), NEAP_STORE_DONE);
    CHECK_EQ_INT(change(a, NEAP_STORE_SESSION_SLIDE, 1, NOW + 800), NEAP_STORE_DONE);
    CHECK_EQ_INT(change(a, NEAP_STORE_SESSION_SLIDE, 2, NOW + 999), NEAP_STORE_NOTHING);
    check_session(a, "token-of-a", 1, NOW + 900);
    neap_store_unref(a);
    neap_store_unref(b);
}

/* A late loser neither drops nor overwrites what came after. */
static void check_late_losers(void) {
    neap_store *a = store_at(loop, "session.db"), *b = store_at(loop, "session.db");
    CHECK_EQ_INT(lease(a, 1, NOW).verdict, NEAP_STORE_DONE);
    CHECK_EQ_INT(lease(b, 1, NOW + 60000).verdict, NEAP_STORE_DONE); /* a's has run out */
    CHECK_EQ_INT(put(a, "late-loser", NOW + 60001).verdict, NEAP_STORE_NOTHING);
    CHECK_EQ_INT(put(b, "token-of-b", NOW + 60002).generation, 2);
    CHECK_EQ_INT(change(a, NEAP_STORE_SESSION_DROP, 1, 0), NEAP_STORE_NOTHING);
    check_session(a, "token-of-b", 2, NOW + 60002);
    CHECK_EQ_INT(change(a, NEAP_STORE_SESSION_DROP, 2, 0), NEAP_STORE_DONE);
    CHECK_EQ_INT(change(b, NEAP_STORE_SESSION_DROP, 2, 0), NEAP_STORE_NOTHING);
    check_session(b, NULL, 2, NOW + 60002);
    CHECK_EQ_INT(change(b, NEAP_STORE_SESSION_SLIDE, 2, NOW + 70000), NEAP_STORE_NOTHING);
    CHECK_EQ_INT(lease(a, 0, NOW + 70000).verdict, NEAP_STORE_DONE);
    CHECK_EQ_INT(lease(b, 0, NOW - HOUR_MS).verdict, NEAP_STORE_DONE); /* b's clock was put back */
    CHECK_EQ_INT(change(b, NEAP_STORE_SESSION_RELEASE, 0, 0), NEAP_STORE_DONE);
    CHECK_EQ_INT(lease(a, 0, NOW + 70000).verdict, NEAP_STORE_DONE);
    neap_store_close(a); /* gives its lease back */
    CHECK_EQ_INT(lease(b, 0, NOW + 70001).verdict, NEAP_STORE_DONE);
    neap_store_unref(a);
    neap_store_unref(b);
}

/* --- slots --------------------------------------------------------------------------------------- */

static neap_store_result set(neap_store *s, int64_t number, int64_t until) {
    neap_store_slot slot = {number, until};
    return store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SLOTS_SET, .key = "w",
                                                .period_ms = HOUR_MS, .slots = &slot, .slot_count = 1});
}

static void check_slots(void) {
    neap_store *a = store_at(loop, "slots.db"), *b = store_at(loop, "slots.db");
    neap_store_result r;
    store_check_granted(store_ask(loop, a, "w", 100, 60, NOW, NOW + HOUR_MS), 60, 60);
    store_check_granted(store_ask(loop, b, "w", 100, 60, NOW, NOW + HOUR_MS + 1), 40, 100);
    store_check_granted(store_ask(loop, b, "other", 100, 60, NOW, NOW + HOUR_MS), 60, 60);
    r = store_ask(loop, a, "w", 100, 1, NOW + HOUR_MS - 1, 2 * NOW);
    store_check_granted(r, 0, 100);
    CHECK_EQ_INT(r.until_ms, NOW + HOUR_MS);
    store_check_granted(store_ask(loop, a, "w", 100, 64, NOW + HOUR_MS, NOW + 2 * HOUR_MS), 60, 100);
    set(b, 1, NOW + HOUR_MS + 7); /* numbers are each store's own */
    set(b, 2, 0);
    store_check_granted(store_ask(loop, a, "w", 100, 9, NOW + HOUR_MS, NOW + 2 * HOUR_MS), 1, 100);
    store_check_granted(store_ask(loop, a, "w", 100, 99, NOW + HOUR_MS + 1, NOW + 2 * HOUR_MS), 38, 100);
    store_check_granted(store_ask(loop, a, "w", 100, 9, NOW + HOUR_MS + 6, NOW + 2 * HOUR_MS), 0, 100);
    store_check_granted(store_ask(loop, a, "w", 100, 9, NOW + HOUR_MS + 7, NOW + 2 * HOUR_MS), 1, 100);
    store_check_granted(store_ask(loop, a, "w", 50, 9, NOW + HOUR_MS + 7, NOW + 2 * HOUR_MS), 0, 100); /* N was lowered */
    neap_store_unref(a);
    neap_store_unref(b);
}

/* Rows of a time when the clock was ahead do not last for ever, those of another period stay. */
static void check_clock_put_back(void) {
    neap_store *a = store_at(loop, "clock.db");
    neap_store_result r;
    store_check_granted(store_ask(loop, a, "w", 10, 10, NOW + 50 * HOUR_MS, NOW + 51 * HOUR_MS), 10, 10);
    r = store_ask(loop, a, "w", 10, 1, NOW, NOW + HOUR_MS);
    store_check_granted(r, 0, 10);
    CHECK_EQ_INT(r.until_ms, NOW + HOUR_MS);
    store_check_granted(store_ask(loop, a, "w", 10, 1, NOW + HOUR_MS, NOW + 2 * HOUR_MS), 1, 1);
    neap_store_unref(a);
}

/* Two stores take what there is, at the same time, in pieces; together never more. */
static void check_contention(void) {
    enum { STORES = 3, ASKS = 60 };
    neap_store *stores[STORES];
    neap_store_op *ops[STORES][ASKS];
    bool waits[STORES][ASKS];
    size_t granted = 0;
    for (int i = 0; i < STORES; i++) stores[i] = store_at(loop, "contention.db");
    for (int k = 0; k < ASKS; k++)
        for (int i = 0; i < STORES; i++) {
            neap_store_req req = {.kind = NEAP_STORE_SLOTS_ASK, .key = "w", .period_ms = HOUR_MS,
                                  .limit = 1000, .want = 7, .now_ms = NOW, .until_ms = NOW + HOUR_MS};
            req.number = neap_store_numbers(stores[i], 7);
            waits[i][k] = true;
            CHECK_EQ_INT(neap_store_start(stores[i], &ops[i][k], &req, store_on_done, &waits[i][k]), 0);
        }
    for (int i = 0; i < STORES; i++)
        for (int k = 0; k < ASKS; k++) {
            store_wait(loop, &waits[i][k]);
            CHECK_STR(ops[i][k]->result.err.message, "");
            granted += ops[i][k]->result.granted;
            neap_store_op_free(ops[i][k]);
        }
    CHECK_EQ_INT(granted, 1000);
    store_check_granted(store_ask(loop, stores[0], "w", 1000, 1, NOW, NOW + HOUR_MS), 0, 1000);
    for (int i = 0; i < STORES; i++) neap_store_unref(stores[i]);
}

/* --- what nobody uses any more -------------------------------------------------------------------- */

#define DAY_MS (24 * INT64_C(3600000))

static int count_rows(const char *path, const char *text) {
    sqlite3 *db;
    sqlite3_stmt *st;
    int count = -1;
    CHECK_EQ_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
    if (CHECK_EQ_INT(sqlite3_step(st), SQLITE_ROW)) count = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    CHECK_EQ_INT(sqlite3_close(db), SQLITE_OK);
    return count;
}

static void use_window(neap_store *s, const char *key, int64_t now) {
    store_check_granted(store_ask(loop, s, key, 10, 3, now, now + HOUR_MS), 3, 3);
}

/* A window goes a day after its last slot's end, when another one comes; those in use stay. */
static void check_drops_windows(void) {
    neap_store *s = store_at(loop, "windows.db");
    int64_t over = NOW + HOUR_MS + DAY_MS;
    use_window(s, "w", NOW);
    set(s, 1, 0);
    use_window(s, "used", NOW + 1);
    CHECK_EQ_INT(count_rows("windows.db", "SELECT count(*) FROM limits"), 2);
    use_window(s, "new", over - 1);
    CHECK_EQ_INT(count_rows("windows.db", "SELECT count(*) FROM limits"), 3);
    use_window(s, "newer", over);
    CHECK_EQ_INT(count_rows("windows.db", "SELECT count(*) FROM limits"), 3);
    CHECK_EQ_INT(count_rows("windows.db", "SELECT count(*) FROM limits WHERE key = 'w'"), 0);
    CHECK_EQ_INT(count_rows("windows.db", "SELECT count(*) FROM slot"), 9);
    store_check_granted(store_ask(loop, s, "new", 10, 1, over, over + HOUR_MS), 1, 4);
    use_window(s, "w", over + 1); /* drops `used`, and counts from nothing */
    CHECK_EQ_INT(count_rows("windows.db", "SELECT count(*) FROM limits"), 3);
    neap_store_unref(s);
}

static neap_store_result lease_of(neap_store *s, const char *key, int64_t now) {
    return store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SESSION_LEASE, .key = key,
                                                .ttl_ms = 60000, .now_ms = now});
}

/* A session goes 90 days after its last use, when another one or a window comes. Who had it in mind
 * is not told of a generation that it knows. */
static void check_drops_sessions(void) {
    neap_store *s = store_at(loop, "sessions.db"), *t = store_at(loop, "sessions.db");
    int64_t used = NOW + HOUR_MS, over = used + 90 * DAY_MS;
    CHECK_EQ_INT(lease(s, 0, NOW).verdict, NEAP_STORE_DONE);
    CHECK_EQ_INT(put(s, "a-token", NOW).generation, 1);
    CHECK_EQ_INT(change(s, NEAP_STORE_SESSION_SLIDE, 1, used), NEAP_STORE_DONE);
    CHECK_EQ_INT(lease_of(s, "leased", used - 60000 + 1).verdict, NEAP_STORE_DONE);
    CHECK_EQ_INT(lease_of(s, "another", over - 1).verdict, NEAP_STORE_DONE);
    check_session(s, "a-token", 1, used);
    CHECK_EQ_INT(lease_of(s, "another", over).verdict, NEAP_STORE_DONE); /* not new */
    check_session(s, "a-token", 1, used);
    CHECK_EQ_INT(lease_of(s, "one-more", over).verdict, NEAP_STORE_DONE);
    check_session(s, NULL, 0, 0);
    CHECK_EQ_INT(count_rows("sessions.db", "SELECT count(*) FROM session"), 3);
    use_window(s, "w", over + 1);
    CHECK_EQ_INT(count_rows("sessions.db", "SELECT count(*) FROM session"), 2);
    CHECK_EQ_INT(lease(s, 0, over).verdict, NEAP_STORE_DONE);
    CHECK_EQ_INT(put(s, "new-token", over).generation, 1);
    CHECK_EQ_INT(lease(t, 7, over).verdict, NEAP_STORE_DONE);
    CHECK_EQ_INT(put(t, "newer-token", over).generation, 8);
    check_session(s, "newer-token", 8, over);
    neap_store_unref(s);
    neap_store_unref(t);
}

/* --- ends ---------------------------------------------------------------------------------------- */

/* Closed with ops under way: writes are made, claims are cancelled, and nobody is forgotten. */
static void check_closing(void) {
    neap_store *s = store_at(loop, "closing.db");
    neap_store_op *ops[200], *nobody;
    neap_store_slot slot = {7, NOW + HOUR_MS};
    bool waits[200];
    size_t done = 0, cancelled = 0;
    for (int i = 0; i < 200; i++) {
        neap_store_req req = {.kind = NEAP_STORE_SESSION_GET, .key = SESSION};
        neap_store_req write = {.kind = NEAP_STORE_SLOTS_SET, .key = "w", .period_ms = HOUR_MS,
                                .slots = &slot, .slot_count = 1};
        waits[i] = true;
        CHECK_EQ_INT(neap_store_start(s, &ops[i], i == 100 ? &write : &req, store_on_done, &waits[i]), 0);
    }
    CHECK_EQ_INT(neap_store_start(s, &nobody, &(neap_store_req){.kind = NEAP_STORE_OPEN}, NULL, NULL), 0);
    neap_store_op_free(nobody); /* its done would crash */
    neap_store_close(s);
    for (int i = 0; i < 200; i++) {
        CHECK(!waits[i]);
        done += ops[i]->result.err.code == 0;
        cancelled += ops[i]->result.err.code == NEAP_ECANCELLED;
        if (i == 100) CHECK_EQ_INT(ops[i]->result.err.code, 0);
        neap_store_op_free(ops[i]);
    }
    CHECK_EQ_INT(done + cancelled, 200);
    neap_store_unref(s);
    s = store_at(loop, "closing.db");
    store_check_granted(store_ask(loop, s, "w", 9, 1, NOW, NOW + HOUR_MS), 1, 2);
    neap_store_unref(s);
}

/* The child asks for slots one by one and says so after each; it never gets to the end. */
static void reserve_for_ever(int to) {
    neap_loop *own = store_loop();
    neap_store *s = store_at(own, "killed.db");
    neap_store_result r = {0};
    loop = own;
    while (r.err.code == 0) {
        r = store_ask(loop, s, "w", 100000, 1, NOW, NOW + HOUR_MS);
        if (r.granted != 1 || write(to, "x", 1) != 1) break;
    }
    _exit(1);
}

static void check_killed(void) {
    int ends[2], status;
    char byte;
    size_t said = 0;
    ssize_t n;
    neap_store *s;
    neap_store_result r;
    pid_t child;
    CHECK_EQ_INT(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        reserve_for_ever(ends[1]);
    }
    close(ends[1]);
    while (said < 50 && read(ends[0], &byte, 1) == 1) said++;
    CHECK_EQ_INT(kill(child, SIGKILL), 0);
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    while ((n = read(ends[0], &byte, 1)) == 1) said++;
    CHECK_EQ_INT(n, 0);
    close(ends[0]);
    s = store_at(loop, "killed.db");
    r = store_ask(loop, s, "w", 100000, 1, NOW, NOW + HOUR_MS);
    CHECK(said >= 50 && r.used >= said + 1 && r.used <= said + 2); /* one may not have been told */
    store_check_granted(store_ask(loop, s, "w", 100000, 1, NOW + HOUR_MS, NOW + 2 * HOUR_MS), 1, 1); /* they age */
    neap_store_unref(s);
}

int main(void) {
    if (!store_enter()) return 1;
    loop = store_loop();
    check_killed(); /* first: it forks */
    check_opens();
    check_names();
    check_refuses_virtual_clock();
    check_opens_together();
    check_sessions();
    check_late_losers();
    check_slots();
    check_clock_put_back();
    check_contention();
    check_drops_windows();
    check_drops_sessions();
    check_closing();
    neap_loop_close(loop);
    store_leave();
    return check_report();
}
