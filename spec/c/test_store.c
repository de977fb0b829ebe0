/* test_store.c: core/store.h: sessions, slots and their faults. Stores contend as those of two processes
 * do: each has a connection and a thread of its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "store.h"

#define HOUR 3600000

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
    CHECK_EQ_INT(lease(b, 0, NOW - HOUR).verdict, NEAP_STORE_DONE); /* b's clock was put back */
    CHECK_EQ_INT(change(b, NEAP_STORE_SESSION_RELEASE, 0, 0), NEAP_STORE_DONE);
    CHECK_EQ_INT(lease(a, 0, NOW + 70000).verdict, NEAP_STORE_DONE);
    neap_store_close(a); /* gives its lease back */
    CHECK_EQ_INT(lease(b, 0, NOW + 70001).verdict, NEAP_STORE_DONE);
    neap_store_unref(a);
    neap_store_unref(b);
}

/* --- slots --------------------------------------------------------------------------------------- */

static neap_store_result ask_for(neap_store *s, const char *key, size_t limit, size_t want,
                                 int64_t now, int64_t until) {
    return store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SLOTS_ASK, .key = key,
                                                .period_ms = HOUR, .limit = limit, .want = want,
                                                .number = neap_store_numbers(s, want),
                                                .now_ms = now, .until_ms = until});
}

static neap_store_result set(neap_store *s, int64_t number, int64_t until) {
    neap_store_slot slot = {number, until};
    return store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SLOTS_SET, .key = "w",
                                                .period_ms = HOUR, .slots = &slot, .slot_count = 1});
}

static void check_granted(neap_store_result r, size_t granted, size_t used) {
    CHECK_STR(r.err.message, "");
    CHECK_EQ_INT(r.granted, granted);
    CHECK_EQ_INT(r.used, used);
}

static void check_slots(void) {
    neap_store *a = store_at(loop, "slots.db"), *b = store_at(loop, "slots.db");
    neap_store_result r;
    check_granted(ask_for(a, "w", 100, 60, NOW, NOW + HOUR), 60, 60);
    check_granted(ask_for(b, "w", 100, 60, NOW, NOW + HOUR + 1), 40, 100);
    check_granted(ask_for(b, "other", 100, 60, NOW, NOW + HOUR), 60, 60);
    r = ask_for(a, "w", 100, 1, NOW + HOUR - 1, 2 * NOW);
    check_granted(r, 0, 100);
    CHECK_EQ_INT(r.until_ms, NOW + HOUR);
    check_granted(ask_for(a, "w", 100, 64, NOW + HOUR, NOW + 2 * HOUR), 60, 100);
    set(b, 1, NOW + HOUR + 7); /* numbers are each store's own */
    set(b, 2, 0);
    check_granted(ask_for(a, "w", 100, 9, NOW + HOUR, NOW + 2 * HOUR), 1, 100);
    check_granted(ask_for(a, "w", 100, 99, NOW + HOUR + 1, NOW + 2 * HOUR), 38, 100);
    check_granted(ask_for(a, "w", 100, 9, NOW + HOUR + 6, NOW + 2 * HOUR), 0, 100);
    check_granted(ask_for(a, "w", 100, 9, NOW + HOUR + 7, NOW + 2 * HOUR), 1, 100);
    check_granted(ask_for(a, "w", 50, 9, NOW + HOUR + 7, NOW + 2 * HOUR), 0, 100); /* N was lowered */
    neap_store_unref(a);
    neap_store_unref(b);
}

/* Rows of a time when the clock was ahead do not last for ever, those of another period stay. */
static void check_clock_put_back(void) {
    neap_store *a = store_at(loop, "clock.db");
    neap_store_result r;
    check_granted(ask_for(a, "w", 10, 10, NOW + 50 * HOUR, NOW + 51 * HOUR), 10, 10);
    r = ask_for(a, "w", 10, 1, NOW, NOW + HOUR);
    check_granted(r, 0, 10);
    CHECK_EQ_INT(r.until_ms, NOW + HOUR);
    check_granted(ask_for(a, "w", 10, 1, NOW + HOUR, NOW + 2 * HOUR), 1, 1);
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
            neap_store_req req = {.kind = NEAP_STORE_SLOTS_ASK, .key = "w", .period_ms = HOUR,
                                  .limit = 1000, .want = 7, .now_ms = NOW, .until_ms = NOW + HOUR};
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
    check_granted(ask_for(stores[0], "w", 1000, 1, NOW, NOW + HOUR), 0, 1000);
    for (int i = 0; i < STORES; i++) neap_store_unref(stores[i]);
}

/* --- faults -------------------------------------------------------------------------------------- */

/* The file at path cannot be used, as the message says, and stays as it is. */
static void check_unusable(const char *path, const char *why) {
    neap_store *s = NULL;
    neap_store_result r;
    CHECK_EQ_INT(neap_store_open(&s, loop, &(neap_store_cfg){.path = path, .busy_ms = 20}), 0);
    r = store_try(loop, s);
    CHECK_EQ_INT(r.err.code, NEAP_ELIMIT);
    if (!CHECK(strstr(r.err.message, why) != NULL)) fprintf(stderr, "    %s\n", r.err.message);
    CHECK(strstr(r.err.message, path) != NULL && strstr(r.err.message, "--no-state") != NULL);
    CHECK_EQ_INT(ask_for(s, "w", 1, 1, NOW, NOW).granted, 0);
    CHECK_EQ_INT(get(s).err.code, NEAP_ELIMIT);
    neap_store_unref(s);
}

static void write_file(const char *path, const char *text, size_t len, long at) {
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && pwrite(fd, text, len, at) == (ssize_t)len);
    close(fd);
}

static void run_sql(const char *path, const char *text) {
    sqlite3 *db;
    CHECK_EQ_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_close(db), SQLITE_OK);
}

static void check_strangers(void) {
    char text[2000];
    memset(text, 'x', sizeof text);
    write_file("text.db", text, sizeof text, 0);
    check_unusable("text.db", "is not a state file of Neap");
    CHECK_EQ_INT(chmod("text.db", 0600), 0);
    run_sql("other.db", "CREATE TABLE session(x)");
    check_unusable("other.db", "is not a state file of Neap");
    neap_store_unref(store_at(loop, "newer.db"));
    run_sql("newer.db", "PRAGMA user_version = 2");
    check_unusable("newer.db", "is of a newer Neap (schema 2, known: 1)");
    CHECK_EQ_INT(mkdir("folder.db", 0700), 0);
    check_unusable("folder.db", "cannot be opened");
    check_unusable("text.db/state.db", "cannot be opened: Not a directory");
}

/* Pages that hold rubbish are noticed when they are needed, and then nothing is granted. */
static void check_damage(void) {
    neap_store *s = store_at(loop, "damaged.db");
    char rubbish[4096];
    neap_store_result r;
    struct stat before, after;
    check_granted(ask_for(s, "w", 1000, 900, NOW, NOW + HOUR), 900, 900);
    neap_store_unref(s);
    memset(rubbish, 0xa5, sizeof rubbish);
    CHECK_EQ_INT(stat("damaged.db", &before), 0);
    for (long at = 4096; at < before.st_size; at += 4096)
        write_file("damaged.db", rubbish, sizeof rubbish, at);
    CHECK_EQ_INT(neap_store_open(&s, loop, &(neap_store_cfg){.path = "damaged.db"}), 0);
    r = ask_for(s, "w", 1000, 10, NOW, NOW + HOUR);
    CHECK_EQ_INT(r.granted, 0);
    CHECK_EQ_INT(r.err.code, NEAP_ELIMIT);
    CHECK_STR(r.err.message, "state file ./damaged.db is damaged: move it away, or use --no-state");
    neap_store_unref(s);
    CHECK_EQ_INT(stat("damaged.db", &after), 0);
    CHECK_EQ_INT(after.st_size, before.st_size);
}

static void check_locked(void) {
    sqlite3 *db;
    neap_store *s = NULL;
    neap_store_cfg cfg = {.path = "locked.db", .busy_ms = 20};
    neap_store_result r;
    CHECK_EQ_INT(neap_store_open(&s, loop, &cfg), 0);
    check_granted(ask_for(s, "w", 10, 1, NOW, NOW + HOUR), 1, 1);
    CHECK_EQ_INT(sqlite3_open("locked.db", &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    r = ask_for(s, "w", 10, 1, NOW, NOW + HOUR);
    CHECK_EQ_INT(r.granted, 0);
    CHECK_EQ_INT(r.err.code, NEAP_ELIMIT);
    CHECK(strstr(r.err.message, "locked by another process") != NULL);
    CHECK_EQ_INT(get(s).err.code, 0); /* reading needs no lock */
    CHECK_EQ_INT(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    check_granted(ask_for(s, "w", 10, 9, NOW, NOW + HOUR), 9, 10); /* the failed one has left nothing */
    sqlite3_close(db);
    neap_store_unref(s);
}

/* Keeps the files of new connections as small as a full disk would. */
static int limit_pages(sqlite3 *db, char **message, const void *api) {
    (void)message;
    (void)api;
    return sqlite3_exec(db, "PRAGMA max_page_count = 12", NULL, NULL, NULL);
}

static void check_full(void) {
    neap_store *s;
    neap_store_result r;
    size_t granted = 0;
    sqlite3_auto_extension((void (*)(void))limit_pages);
    s = store_at(loop, "full.db");
    for (int i = 0; i < 100; i++) {
        r = ask_for(s, "w", 100000, 50, NOW, NOW + HOUR);
        granted += r.granted;
        if (r.err.code < 0) break;
    }
    CHECK_EQ_INT(r.err.code, NEAP_ELIMIT);
    CHECK(strstr(r.err.message, "has no room to grow: free space on its disk") != NULL);
    CHECK_EQ_INT(r.granted, 0);
    sqlite3_cancel_auto_extension((void (*)(void))limit_pages);
    neap_store_unref(s);
    s = store_at(loop, "full.db"); /* there is room again: what was granted is there, and no more */
    check_granted(ask_for(s, "w", 100000, 1, NOW, NOW + HOUR), 1, granted + 1);
    neap_store_unref(s);
}

/* As somebody without the right; root has every right. */
static void check_unwritable(void) {
    uid_t me = geteuid();
    neap_store_unref(store_at(loop, "readonly.db"));
    CHECK_EQ_INT(mkdir("closed", 0500), 0);
    CHECK_EQ_INT(chmod("readonly.db", 0400), 0);
    CHECK_EQ_INT(chmod(".", 0755), 0);
    if (me == 0) CHECK_EQ_INT(seteuid(65534), 0);
    check_unusable("closed/state.db", "cannot be opened: Permission denied");
    check_unusable("closed/folder/state.db", "cannot be opened: Permission denied");
    check_unusable("readonly.db", "cannot be ");
    if (me == 0) CHECK_EQ_INT(seteuid(0), 0);
}

/* --- ends ---------------------------------------------------------------------------------------- */

/* Closed with ops under way: writes are made, claims are cancelled, and nobody is forgotten. */
static void check_closing(void) {
    neap_store *s = store_at(loop, "closing.db");
    neap_store_op *ops[200], *nobody;
    neap_store_slot slot = {7, NOW + HOUR};
    bool waits[200];
    size_t done = 0, cancelled = 0;
    for (int i = 0; i < 200; i++) {
        neap_store_req req = {.kind = NEAP_STORE_SESSION_GET, .key = SESSION};
        neap_store_req write = {.kind = NEAP_STORE_SLOTS_SET, .key = "w", .period_ms = HOUR,
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
    check_granted(ask_for(s, "w", 9, 1, NOW, NOW + HOUR), 1, 2);
    neap_store_unref(s);
}

/* The child asks for slots one by one and says so after each; it never gets to the end. */
static void reserve_for_ever(int to) {
    neap_loop *own = store_loop();
    neap_store *s = store_at(own, "killed.db");
    neap_store_result r = {0};
    loop = own;
    while (r.err.code == 0) {
        r = ask_for(s, "w", 100000, 1, NOW, NOW + HOUR);
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
    r = ask_for(s, "w", 100000, 1, NOW, NOW + HOUR);
    CHECK(said >= 50 && r.used >= said + 1 && r.used <= said + 2); /* one may not have been told */
    check_granted(ask_for(s, "w", 100000, 1, NOW + HOUR, NOW + 2 * HOUR), 1, 1); /* they age */
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
    check_strangers();
    check_damage();
    check_locked();
    check_full();
    check_unwritable();
    check_closing();
    neap_loop_close(loop);
    store_leave();
    return check_report();
}
