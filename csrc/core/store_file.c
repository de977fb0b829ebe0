/* store_file.c: opening the state file, and what to say when it fails; see store_work.h. Steps return
 * SQLite's codes. */
#include "store_work.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x4e656170 }; /* "Neap" */

/* A slot's row is its occupation of one place of one window; it is gone when that ends. There is no
 * index by the end: a look at all rows of a window costs less than an index does with every change. */
static const char first_schema[] =
    "CREATE TABLE session(key TEXT PRIMARY KEY NOT NULL, token BLOB,"
    " generation INTEGER NOT NULL DEFAULT 0, obtained_ms INTEGER NOT NULL DEFAULT 0,"
    " slid_ms INTEGER NOT NULL DEFAULT 0, lease_owner INTEGER,"
    " lease_until_ms INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE TABLE limits(id INTEGER PRIMARY KEY, key TEXT NOT NULL, period_ms INTEGER NOT NULL,"
    " UNIQUE(key, period_ms));"
    "CREATE TABLE slot(limit_id INTEGER NOT NULL, owner INTEGER NOT NULL, number INTEGER NOT NULL,"
    " until_ms INTEGER NOT NULL, PRIMARY KEY(limit_id, owner, number)) WITHOUT ROWID;";

/* Numbers are not used again: one that was taken means one entry. Entries that are open are found by
 * inbox_open alone; the others by their key, or when they are over. */
static const char inbox_schema[] =
    "CREATE TABLE inbox(id INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL, key TEXT NOT NULL,"
    " body BLOB, received_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, owner INTEGER,"
    " due_ms INTEGER NOT NULL DEFAULT 0, again INTEGER NOT NULL DEFAULT 0, forget_ms INTEGER,"
    " UNIQUE(scope, key));"
    "CREATE INDEX inbox_open ON inbox(scope, id, due_ms) WHERE forget_ms IS NULL;"
    "CREATE INDEX inbox_over ON inbox(forget_ms) WHERE forget_ms IS NOT NULL;";

/* What leads from one schema to the next, and what fails where one of its tables is missing. */
static const struct {
    const char *make, *probe;
} schemas[NEAP_STORE_SCHEMA] = {
    {first_schema,
     "SELECT session.token, limits.period_ms, slot.until_ms FROM session, limits, slot LIMIT 0"},
    {inbox_schema, "SELECT id, due_ms, again, forget_ms FROM inbox LIMIT 0"},
};

const char *neap_store_version(void) {
    return sqlite3_libversion();
}

/* --- failures --------------------------------------------------------------------------------- */

/* The end of a long path says more than its beginning. */
static const char *path_end(const neap_store_file *f) {
    size_t len = strlen(f->path);
    return len > 120 ? f->path + len - 120 : f->path;
}

static int set_fault(const neap_store_file *f, neap_err *err, const char *fault) {
    return neap_err_set(err, NEAP_ELIMIT, "state file %s %s, or use --no-state", path_end(f), fault);
}

static int set_unwritable(const neap_store_file *f, neap_err *err, int sys) {
    char why[128];
    if (sys == 0) return set_fault(f, err, "cannot be written: check its place and its mode");
    return neap_err_set(err, NEAP_ELIMIT,
                        "state file %s cannot be opened: %s: make it writable, or use --no-state",
                        path_end(f), strerror_r(sys, why, sizeof why));
}

/* Somebody has moved or removed the file, or only it and not those beside it: then the index that
 * other processes still use is of another log. */
static const char *moved_fault(int rc) {
    if (rc == SQLITE_READONLY_DBMOVED) return "was moved or removed while in use; start again";
    if (rc == SQLITE_IOERR_SHORT_READ)
        return "does not fit the files beside it (-wal, -shm): end other runs and start again";
    return NULL;
}

/* Puts what SQLite reports into words. */
int neap_store_file_set_error(const neap_store_file *f, neap_err *err, int rc) {
    if (moved_fault(rc) != NULL) return set_fault(f, err, moved_fault(rc));
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return set_fault(f, err, "has been locked by another process for too long: end that one");
    case SQLITE_FULL: return set_fault(f, err, "has no room to grow: free space on its disk");
    case SQLITE_ERROR: /* our statements are right: a table is not as it should be */
    case SQLITE_CORRUPT: return set_fault(f, err, "is damaged: move it away");
    case SQLITE_NOTADB: return set_fault(f, err, "is not a state file of Neap: move it away");
    case SQLITE_READONLY: return set_unwritable(f, err, 0);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return set_unwritable(f, err, f->db ? sqlite3_system_errno(f->db) : 0);
    case SQLITE_NOMEM: return neap_err_set(err, NEAP_ENOMEM, "out of memory");
    default:
        return neap_err_set(err, NEAP_ELIMIT,
                            "state file %s failed: %s: check its disk, or use --no-state",
                            path_end(f), sqlite3_errstr(rc));
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

/* SQLite's busy handler, and ours where it does not ask for one. Rises to 20 ms a time. */
static int wait_for_lock(void *ud, int tries) {
    neap_store_file *f = ud;
    int ms = tries < 5 ? 1 : tries < 20 ? 5 : 20;
    if (f->waited_ms >= f->busy_ms || !f->pause(f->ud, ms, f->waited_ms)) return 0;
    f->waited_ms += ms;
    return 1;
}

/* Is there a directory now? 0 or an errno. */
static int make_directory(const char *path) {
    int sys;
    if (mkdir(path, 0700) == 0 || errno == EEXIST) return 0;
    sys = errno;
    return access(path, F_OK) == 0 ? 0 : sys;
}

/* Makes the directories of a path. 0 or an errno. */
static int make_directories(char *path) {
    int sys = 0;
    for (char *slash = strchr(path + 1, '/'); slash != NULL && sys == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        sys = make_directory(path);
        *slash = '/';
    }
    return sys;
}

/* Sees to mode 0600, which the files beside it inherit. An existing file is not opened here: closing
 * it would drop the locks that another connection of this process has on it. 0 or an errno. */
static int make_private(const char *path) {
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) return close(fd) < 0 ? errno : 0;
    if (errno != EEXIST) return errno;
    if (stat(path, &st) < 0) return errno;
    if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0 && chmod(path, 0600) < 0) return errno;
    return 0;
}

/* One statement that is needed once; its first column goes to *value if it has one. Waits for locks
 * that SQLite gives up on at once. */
static int query(neap_store_file *f, const char *text, int *value) {
    for (int tries = 0;; tries++) {
        sqlite3_stmt *st = NULL;
        int rc = sqlite3_prepare_v2(f->db, text, -1, &st, NULL);
        if (rc == SQLITE_OK) rc = sqlite3_step(st);
        if (rc == SQLITE_ROW && value != NULL) *value = sqlite3_column_int(st, 0);
        if (rc == SQLITE_ROW || rc == SQLITE_DONE) rc = SQLITE_OK;
        sqlite3_finalize(st);
        if ((rc & 0xff) != SQLITE_BUSY || !wait_for_lock(f, tries)) return rc;
    }
}

/* Brings an empty file (0), or one of an older Neap, to the schema of this one. */
static int create_schema(neap_store_file *f, int version) {
    char numbers[96];
    int rc = SQLITE_OK;
    for (; version < NEAP_STORE_SCHEMA && rc == SQLITE_OK; version++)
        rc = sqlite3_exec(f->db, schemas[version].make, NULL, NULL, NULL);
    snprintf(numbers, sizeof numbers, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, NEAP_STORE_SCHEMA);
    return rc == SQLITE_OK ? sqlite3_exec(f->db, numbers, NULL, NULL, NULL) : rc;
}

static int check_tables(neap_store_file *f, int version) {
    int rc = SQLITE_OK;
    for (int i = 0; i < version && rc == SQLITE_OK; i++) rc = query(f, schemas[i].probe, NULL);
    return rc;
}

/* Is it ours, and does this Neap know its schema? 0: there is nothing in it yet. */
static int check_schema(neap_store_file *f, int *known) {
    int id = 0, version = 0, tables = 0;
    int rc = query(f, "PRAGMA application_id", &id);
    if (rc == SQLITE_OK) rc = query(f, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK) rc = query(f, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc != SQLITE_OK) return rc;
    *known = version;
    if (id == 0 && version == 0 && tables == 0) return SQLITE_OK;
    if (id != APPLICATION_ID || version < 1) return SQLITE_NOTADB;
    if (version <= NEAP_STORE_SCHEMA) return check_tables(f, version);
    neap_err_set(&f->err, NEAP_ELIMIT,
                 "state file %s is of a newer Neap (schema %d, known: %d): update this one, or use "
                 "--no-state",
                 path_end(f), version, NEAP_STORE_SCHEMA);
    return SQLITE_MISMATCH;
}

/* One look at the file. `claim`: an empty one becomes ours, an older one of this schema; the lock comes
 * first, since two processes may find one. Those who have an older one open go on: what they know is
 * still there. */
static int prepare_schema(neap_store_file *f, bool claim) {
    int version = 0;
    int rc = query(f, claim ? "BEGIN IMMEDIATE" : "BEGIN", NULL);
    if (rc != SQLITE_OK) return rc;
    rc = check_schema(f, &version);
    if (rc == SQLITE_OK && version < NEAP_STORE_SCHEMA && claim) rc = create_schema(f, version);
    if (rc == SQLITE_OK) rc = query(f, "COMMIT", NULL);
    if (rc != SQLITE_OK) sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* The first look is before anything is written: a stranger's file stays as it is. */
static int open_database(neap_store_file *f) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(f->path, &f->db, flags, NULL);
    if (rc == SQLITE_OK && sqlite3_db_readonly(f->db, "main") != 0) return SQLITE_READONLY;
    if (rc == SQLITE_OK) rc = sqlite3_busy_handler(f->db, wait_for_lock, f);
    if (rc == SQLITE_OK) rc = prepare_schema(f, false);
    if (rc == SQLITE_OK) rc = query(f, "PRAGMA journal_mode = WAL", NULL);
    if (rc == SQLITE_OK) rc = query(f, "PRAGMA synchronous = FULL", NULL);
    return rc == SQLITE_OK ? prepare_schema(f, true) : rc;
}

void neap_store_file_close(neap_store_file *f) {
    for (int i = 0; i < NEAP_STORE_STATEMENTS; i++) {
        sqlite3_finalize(f->statements[i]);
        f->statements[i] = NULL;
    }
    sqlite3_close(f->db);
    f->db = NULL;
}

void neap_store_file_open(neap_store_file *f) {
    int sys = make_directories(f->path), rc;
    if (sys == 0) sys = make_private(f->path);
    if (sys != 0) {
        set_unwritable(f, &f->err, sys);
        return;
    }
    rc = open_database(f);
    if (rc == SQLITE_OK) return;
    if (f->err.code == 0) neap_store_file_set_error(f, &f->err, rc);
    neap_store_file_close(f);
}
