/* test_store_fault.c: core/store.h where the file cannot be used: it is somebody else's, damaged, locked,
 * full, not writable, or moved or removed while in use. Nothing is granted then. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "store.h"

static neap_loop *loop;

static neap_store_result get(neap_store *s) {
    return store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SESSION_GET, .key = SESSION});
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
    CHECK_EQ_INT(store_ask(loop, s, "w", 1, 1, NOW, NOW).granted, 0);
    CHECK_EQ_INT(get(s).err.code, NEAP_ELIMIT);
    neap_store_unref(s);
}

static void write_file(const char *path, const char *text, size_t len, long at) {
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && pwrite(fd, text, len, at) == (ssize_t)len);
    close(fd);
}

static void read_file(const char *path, char *bytes, size_t size) {
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && read(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

static void run_sql(const char *path, const char *text) {
    sqlite3 *db;
    CHECK_EQ_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_close(db), SQLITE_OK);
}

static void check_strangers(void) {
    char text[2000], before[8192], after[8192];
    memset(text, 'x', sizeof text);
    write_file("text.db", text, sizeof text, 0);
    check_unusable("text.db", "is not a state file of Neap");
    CHECK_EQ_INT(chmod("text.db", 0600), 0);
    run_sql("other.db", "CREATE TABLE session(x)");
    read_file("other.db", before, sizeof before);
    check_unusable("other.db", "is not a state file of Neap");
    read_file("other.db", after, sizeof after);
    CHECK(memcmp(before, after, sizeof after) == 0);
    run_sql("other.db", "PRAGMA application_id = 7; PRAGMA user_version = 1");
    check_unusable("other.db", "is not a state file of Neap: move it away, or use --no-state");
    CHECK_EQ_INT(mkdir("folder.db", 0700), 0);
    check_unusable("folder.db", "cannot be opened");
    check_unusable("text.db/state.db", "cannot be opened: Not a directory");
}

static void check_versions(void) {
    neap_store_unref(store_at(loop, "version.db"));
    run_sql("version.db", "PRAGMA user_version = 3");
    check_unusable("version.db", "is of a newer Neap (schema 3, known: 2)");
    run_sql("version.db", "PRAGMA user_version = 0");
    check_unusable("version.db", "is not a state file of Neap: move it away, or use --no-state");
    run_sql("version.db", "PRAGMA user_version = -3");
    check_unusable("version.db", "is not a state file of Neap: move it away, or use --no-state");
    run_sql("version.db", "PRAGMA user_version = 2");
    neap_store_unref(store_at(loop, "version.db"));
}

/* Tables that are missing, or not as they should be. */
static void check_tables(void) {
    static const char *const names[] = {"session", "limits", "slot", "inbox"};
    char path[32], text[64];
    neap_store *s;
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "no-%s.db", names[i]);
        snprintf(text, sizeof text, "DROP TABLE %s", names[i]);
        neap_store_unref(store_at(loop, path));
        run_sql(path, text);
        check_unusable(path, "is damaged: move it away, or use --no-state");
    }
    s = store_at(loop, "columns.db");
    run_sql("columns.db", "ALTER TABLE slot RENAME COLUMN number TO other");
    CHECK_STR(store_ask(loop, s, "w", 1, 1, NOW, NOW + HOUR_MS).err.message,
              "state file ./columns.db is damaged: move it away, or use --no-state");
    neap_store_unref(s);
}

/* Pages that hold rubbish are noticed when they are needed, and then nothing is granted. */
static void check_damage(void) {
    neap_store *s = store_at(loop, "damaged.db");
    char rubbish[4096];
    neap_store_result r;
    struct stat before, after;
    store_check_granted(store_ask(loop, s, "w", 1000, 900, NOW, NOW + HOUR_MS), 900, 900);
    neap_store_unref(s);
    memset(rubbish, 0xa5, sizeof rubbish);
    CHECK_EQ_INT(stat("damaged.db", &before), 0);
    for (long at = 4096; at < before.st_size; at += 4096)
        write_file("damaged.db", rubbish, sizeof rubbish, at);
    CHECK_EQ_INT(neap_store_open(&s, loop, &(neap_store_cfg){.path = "damaged.db"}), 0);
    r = store_ask(loop, s, "w", 1000, 10, NOW, NOW + HOUR_MS);
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
    store_check_granted(store_ask(loop, s, "w", 10, 1, NOW, NOW + HOUR_MS), 1, 1);
    CHECK_EQ_INT(sqlite3_open("locked.db", &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    r = store_ask(loop, s, "w", 10, 1, NOW, NOW + HOUR_MS);
    CHECK_EQ_INT(r.granted, 0);
    CHECK_EQ_INT(r.err.code, NEAP_ELIMIT);
    CHECK(strstr(r.err.message, "locked by another process") != NULL);
    CHECK_EQ_INT(get(s).err.code, 0); /* reading needs no lock */
    CHECK_EQ_INT(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    store_check_granted(store_ask(loop, s, "w", 10, 9, NOW, NOW + HOUR_MS), 9, 10); /* the failed one has left nothing */
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
        r = store_ask(loop, s, "w", 100000, 50, NOW, NOW + HOUR_MS);
        granted += r.granted;
        if (r.err.code < 0) break;
    }
    CHECK_EQ_INT(r.err.code, NEAP_ELIMIT);
    CHECK(strstr(r.err.message, "has no room to grow: free space on its disk") != NULL);
    CHECK_EQ_INT(r.granted, 0);
    sqlite3_cancel_auto_extension((void (*)(void))limit_pages);
    neap_store_unref(s);
    s = store_at(loop, "full.db"); /* there is room again: what was granted is there, and no more */
    store_check_granted(store_ask(loop, s, "w", 100000, 1, NOW, NOW + HOUR_MS), 1, granted + 1);
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

/* --- moved or removed ---------------------------------------------------------------------------- */

static void check_gone(neap_store *s) {
    neap_store_slot slot = {1, 0};
    neap_store_req req = {.kind = NEAP_STORE_SLOTS_SET, .key = "w", .period_ms = HOUR_MS,
                          .slots = &slot, .slot_count = 1};
    neap_store_result r = store_ask(loop, s, "w", 10, 1, NOW, NOW + HOUR_MS);
    CHECK_EQ_INT(r.granted, 0);
    CHECK_EQ_INT(r.err.code, NEAP_ELIMIT);
    CHECK_STR(r.err.message, "state file ./gone/state.db was moved or removed while in use; start "
                             "again, or use --no-state");
    CHECK_EQ_INT(get(s).err.code, NEAP_ELIMIT);
    CHECK_EQ_INT(store_run(loop, s, &req).err.code, NEAP_ELIMIT);
    CHECK_EQ_INT(store_try(loop, s).err.code, NEAP_ELIMIT);
}

/* The old store grants nothing, whatever takes the file's place, and leaves that alone when it closes. */
static void check_moved(void) {
    neap_store *s = store_at(loop, "gone/state.db"), *t;
    store_check_granted(store_ask(loop, s, "w", 10, 4, NOW, NOW + HOUR_MS), 4, 4);
    CHECK_EQ_INT(rename("gone", "kept"), 0);
    check_gone(s);
    t = store_at(loop, "gone/state.db");
    store_check_granted(store_ask(loop, t, "w", 10, 3, NOW, NOW + HOUR_MS), 3, 3);
    check_gone(s);
    neap_store_unref(s);
    CHECK_EQ_INT(access("gone/state.db-wal", F_OK), 0);
    store_check_granted(store_ask(loop, t, "w", 10, 1, NOW, NOW + HOUR_MS), 1, 4);
    neap_store_unref(t);
    t = store_at(loop, "gone/state.db");
    store_check_granted(store_ask(loop, t, "w", 10, 1, NOW, NOW + HOUR_MS), 1, 5);
    neap_store_unref(t);
    s = store_at(loop, "kept/state.db"); /* what was granted before is there */
    store_check_granted(store_ask(loop, s, "w", 10, 1, NOW, NOW + HOUR_MS), 1, 5);
    neap_store_unref(s);
}

static void check_moved_back(void) {
    neap_store *s = store_at(loop, "gone/state.db");
    CHECK_EQ_INT(rename("gone", "aside"), 0);
    check_gone(s);
    CHECK_EQ_INT(rename("aside", "gone"), 0);
    store_check_granted(store_ask(loop, s, "w", 10, 1, NOW, NOW + HOUR_MS), 1, 6);
    neap_store_unref(s);
}

/* Another process: says when it has its slots, and when it has looked again. */
static void use_until_gone(int from, int to) {
    char byte;
    neap_store *s;
    loop = store_loop();
    s = store_at(loop, "gone/state.db");
    store_check_granted(store_ask(loop, s, "w", 10, 4, NOW, NOW + HOUR_MS), 4, 4);
    if (write(to, "x", 1) != 1 || read(from, &byte, 1) != 1) _exit(1);
    check_gone(s);
    neap_store_unref(s);
    neap_loop_close(loop);
    _exit(check_report());
}

/* Only the file itself is removed; those beside it stay, and are the other process's. */
static void check_removed(void) {
    int here[2] = {-1, -1}, there[2] = {-1, -1}, status;
    char byte;
    pid_t child;
    neap_store *s = NULL;
    neap_store_result r;
    CHECK(pipe(here) == 0 && pipe(there) == 0);
    child = fork();
    if (child == 0) use_until_gone(there[0], here[1]);
    CHECK_EQ_INT(read(here[0], &byte, 1), 1);
    CHECK_EQ_INT(unlink("gone/state.db"), 0);
    loop = store_loop();
    CHECK_EQ_INT(neap_store_open(&s, loop, &(neap_store_cfg){.path = "gone/state.db"}), 0);
    r = store_ask(loop, s, "w", 10, 10, NOW, NOW + HOUR_MS);
    CHECK_EQ_INT(r.granted, 0);
    CHECK_EQ_INT(r.err.code, NEAP_ELIMIT);
    CHECK(strstr(r.err.message, "end other runs and start again, or use --no-state") != NULL);
    CHECK_EQ_INT(write(there[1], "x", 1), 1);
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_EQ_INT(status, 0);
    neap_store_unref(s);
    for (int i = 0; i < 2; i++) {
        close(here[i]);
        close(there[i]);
    }
    s = store_at(loop, "gone/state.db");
    store_check_granted(store_ask(loop, s, "w", 10, 10, NOW, NOW + HOUR_MS), 10, 10);
    neap_store_unref(s);
    neap_loop_close(loop);
    CHECK_EQ_INT(system("rm -r gone"), 0); /* NOLINT(bugprone-command-processor) */
}

int main(void) {
    if (!store_enter()) return 1;
    check_removed(); /* first: it forks */
    loop = store_loop();
    check_moved();
    check_moved_back();
    check_strangers();
    check_versions();
    check_tables();
    check_damage();
    check_locked();
    check_full();
    check_unwritable();
    neap_loop_close(loop);
    store_leave();
    return check_report();
}
