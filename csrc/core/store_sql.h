/* store_sql.h: the prepared statements of the state file, for those who carry out ops on the store's
 * thread. All return SQLite's codes. */
#ifndef NEAP_CORE_STORE_SQL_H
#define NEAP_CORE_STORE_SQL_H

#include "store_work.h"

#define NEAP_SQL_SESSION "token, generation, obtained_ms, slid_ms, lease_owner, lease_until_ms"

/* An entry of the inbox that waits, or is being handled. */
#define NEAP_SQL_OPEN "forget_ms IS NULL"
/* The same, and ?1 to ?3 are its number, who has taken it, and which time. */
#define NEAP_SQL_TAKEN "id = ?1 AND owner = ?2 AND attempts = ?3 AND " NEAP_SQL_OPEN

/* X(name, text) */
#define NEAP_SQL_STATEMENTS(X)                                                                     \
    X(BEGIN_READ, "BEGIN")                                                                         \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                              \
    X(COMMIT, "COMMIT")                                                                            \
    X(SESSION_READ, "SELECT " NEAP_SQL_SESSION " FROM session WHERE key = ?1")                     \
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
    X(SLOT_DEL, "DELETE FROM slot WHERE limit_id = ?1 AND owner = ?2 AND number = ?3")             \
    X(INBOX_EXPIRE, "DELETE FROM inbox WHERE id IN "                                               \
                    "(SELECT id FROM inbox WHERE forget_ms <= ?1 ORDER BY forget_ms LIMIT 100)")   \
    X(INBOX_OVER, "DELETE FROM inbox WHERE scope = ?1 AND key = ?2 AND forget_ms <= ?3")           \
    X(INBOX_FORGET, "DELETE FROM inbox WHERE scope = ?1 AND key = ?2 AND forget_ms IS NOT NULL")   \
    X(INBOX_PUT, "INSERT INTO inbox(scope, key, received_ms, body, forget_ms) "                    \
                 "VALUES(?1, ?2, ?3, ?4, NULL) ON CONFLICT(scope, key) DO NOTHING")                \
    X(INBOX_SEEN, "INSERT INTO inbox(scope, key, received_ms, forget_ms) "                         \
                  "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(scope, key) DO NOTHING")                     \
    X(INBOX_STATE, "SELECT attempts > 0 AND forget_ms IS NOT NULL FROM inbox "                      \
                   "WHERE scope = ?1 AND key = ?2")                                                \
    X(INBOX_KEEP, "INSERT INTO inbox(scope, key, received_ms, forget_ms, attempts) "               \
                  "VALUES(?1, ?2, ?3, ?4, 1) ON CONFLICT(scope, key) DO UPDATE SET "               \
                  "forget_ms = ?4, attempts = max(attempts, 1) WHERE forget_ms IS NOT NULL")       \
    X(INBOX_AGAIN, "UPDATE inbox SET again = 1, body = ?3 WHERE scope = ?1 AND key = ?2 "          \
                   "AND owner IS NOT NULL AND again = 0 AND " NEAP_SQL_OPEN)                       \
    X(INBOX_FIND, "SELECT id, attempts, received_ms, key, body FROM inbox INDEXED BY inbox_open "  \
                  "WHERE scope = ?1 AND (due_ms <= ?2 OR due_ms > ?3) AND " NEAP_SQL_OPEN          \
                  " ORDER BY id LIMIT 1")                                                          \
    X(INBOX_NEXT, "SELECT min(due_ms) FROM inbox INDEXED BY inbox_open "                           \
                  "WHERE scope = ?1 AND " NEAP_SQL_OPEN)                                           \
    X(INBOX_TAKE, "UPDATE inbox SET owner = ?2, due_ms = ?3, attempts = attempts + 1, again = 0 "  \
                  "WHERE id = ?1")                                                                 \
    X(INBOX_RENEW, "UPDATE inbox SET due_ms = ?4 WHERE " NEAP_SQL_TAKEN)                           \
    X(INBOX_RELEASE, "UPDATE inbox SET due_ms = ?4, owner = NULL WHERE " NEAP_SQL_TAKEN)           \
    X(INBOX_REDO, "UPDATE inbox SET due_ms = 0, owner = NULL, again = 0, attempts = 0, "           \
                  "received_ms = ?4 WHERE again = 1 AND " NEAP_SQL_TAKEN)                          \
    X(INBOX_DONE, "UPDATE inbox SET forget_ms = ?4, owner = NULL, body = NULL "                    \
                  "WHERE " NEAP_SQL_TAKEN)                                                         \
    X(INBOX_RELEASE_ALL, "UPDATE inbox SET due_ms = 0, owner = NULL "                              \
                         "WHERE owner = ?1 AND " NEAP_SQL_OPEN)

typedef enum neap_sql {
#define X(name, text) SQL_##name,
    NEAP_SQL_STATEMENTS(X)
#undef X
    SQL_COUNT
} neap_sql;
_Static_assert((int)SQL_COUNT == NEAP_STORE_STATEMENTS, "store_work.h has room for all");

/* Gets a statement with its arguments bound: t text, i int64_t, s secret, b bytes (two arguments:
 * pointer and size_t); they must live until neap_sql_done. NULL: cannot be made. */
sqlite3_stmt *neap_sql_prepare(neap_store_file *, neap_sql, const char *types, ...);
/* SQLITE_ROW, SQLITE_DONE or a failure; after a row comes done(). NULL is fine. */
int neap_sql_step(neap_store_file *, sqlite3_stmt *);
/* Ends a statement; keeps no copy of what was bound. */
int neap_sql_done(sqlite3_stmt *, int rc);
/* Carries out a statement that has no rows: step and done. */
int neap_sql_perform(neap_store_file *, sqlite3_stmt *);
/* The same from the arguments of neap_sql_prepare. */
#define neap_sql_run(f, ...) neap_sql_perform(f, neap_sql_prepare(f, __VA_ARGS__))
/* Did the last one that was run change something? */
bool neap_sql_changed(const neap_store_file *);

#endif
