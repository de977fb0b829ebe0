/* store_sql.c: see store_sql.h. */
#include "store_sql.h"

#include <sqlite3.h>
#include <stdarg.h>

static sqlite3_stmt *get(neap_store_file *f, neap_sql which) {
    static const char *const texts[] = {
#define X(name, text) [SQL_##name] = (text),
        NEAP_SQL_STATEMENTS(X)
#undef X
    };
    sqlite3_stmt **st = &f->statements[which];
    if (*st == NULL &&
        sqlite3_prepare_v3(f->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK)
        return NULL;
    return *st;
}

static void bind_secret(sqlite3_stmt *st, int at, const neap_secret *s) {
    sqlite3_bind_blob64(st, at, neap_secret_bytes(s), neap_secret_len(s), SQLITE_STATIC);
}

/* No bytes are no NULL, which a pointer to none would bind. */
static void bind_bytes(sqlite3_stmt *st, int at, const char *bytes, size_t len) {
    sqlite3_bind_blob64(st, at, len > 0 ? bytes : "", len, SQLITE_STATIC);
}

sqlite3_stmt *neap_sql_prepare(neap_store_file *f, neap_sql which, const char *types, ...) {
    sqlite3_stmt *st = get(f, which);
    va_list args;
    if (st == NULL) return NULL;
    va_start(args, types);
    for (int i = 0; types[i] != '\0'; i++) {
        if (types[i] == 't') {
            sqlite3_bind_text(st, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        } else if (types[i] == 'i') {
            sqlite3_bind_int64(st, i + 1, va_arg(args, int64_t));
        } else if (types[i] == 's') {
            bind_secret(st, i + 1, va_arg(args, const neap_secret *));
        } else {
            const char *bytes = va_arg(args, const char *);
            bind_bytes(st, i + 1, bytes, va_arg(args, size_t));
        }
    }
    va_end(args);
    return st;
}

int neap_sql_step(neap_store_file *f, sqlite3_stmt *st) {
    return st != NULL ? sqlite3_step(st) : sqlite3_extended_errcode(f->db);
}

int neap_sql_done(sqlite3_stmt *st, int rc) {
    if (st == NULL) return rc;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int neap_sql_perform(neap_store_file *f, sqlite3_stmt *st) {
    return neap_sql_done(st, neap_sql_step(f, st));
}

bool neap_sql_changed(const neap_store_file *f) {
    return sqlite3_changes(f->db) > 0;
}
