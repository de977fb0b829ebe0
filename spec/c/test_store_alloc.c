/* test_store_alloc.c: the store and the ledger when memory ends: the n-th allocation fails, for n = 0, 1
 * and so on, until none does: on the loop's thread through the linker's --wrap, on the store's through
 * SQLite's own allocator. Whatever happens, what was granted is in the file, and what was not is not. */
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../../csrc/core/ledger.h"
#include "alloc_wrap.h"
#include "store.h"

/* --- SQLite's memory ------------------------------------------------------------------------------ */

static atomic_long sqlite_spared = -1; /* negative: none fails */
static atomic_bool sqlite_failed;
static sqlite3_mem_methods usual;

static bool sqlite_fails(void) {
    long left = atomic_load(&sqlite_spared);
    if (left < 0) return false;
    atomic_store(&sqlite_spared, left - 1);
    if (left == 0) atomic_store(&sqlite_failed, true);
    return left == 0;
}

static void *sqlite_malloc(int size) {
    return sqlite_fails() ? NULL : usual.xMalloc(size);
}

static void *sqlite_realloc(void *p, int size) {
    return sqlite_fails() ? NULL : usual.xRealloc(p, size);
}

static void replace_sqlite_memory(void) {
    sqlite3_mem_methods ours;
    CHECK_EQ_INT(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual), SQLITE_OK);
    ours = usual;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    CHECK_EQ_INT(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

/* --- runs ------------------------------------------------------------------------------------------ */

typedef struct caller {
    neap_ticket ticket;
    bool waits;
    int rc;
} caller;

static void on_done(neap_ticket *t, int rc) {
    caller *c = t->ud;
    c->rc = rc;
    c->waits = false;
}

/* Waits until it is let go; then sends. Has it sent? */
static bool send_one(neap_loop *loop, neap_queue *q) {
    caller c = {.waits = true};
    neap_ticket_init(&c.ticket, q, on_done, &c);
    c.rc = neap_ticket_enter(&c.ticket);
    if (c.rc == 0) store_wait(loop, &c.waits);
    else c.rc = c.rc == 1 ? 0 : c.rc;
    if (c.rc == 0) neap_ticket_depart(&c.ticket, neap_loop_now_ns(loop));
    else CHECK_EQ_INT(c.rc, NEAP_ENOMEM);
    neap_ticket_release(&c.ticket);
    return c.rc == 0;
}

static size_t send_some(neap_loop *loop, neap_store *s) {
    neap_limit_cfg cfg = {NEAP_LIMIT_WINDOW, 100, INT64_C(3600) * NEAP_SECOND, 0, 0};
    neap_limit limit, *limits = &limit;
    neap_queue queue;
    neap_gate gate = {0};
    neap_flow flow;
    size_t sent = 0;
    int rc = neap_limit_init(&limit, &cfg);
    neap_flow_init(&flow, loop);
    if (rc == 0) rc = neap_ledger_share(&limit, &flow, s, "w");
    if (rc == 0) {
        CHECK_EQ_INT(neap_queue_init(&queue, &flow, &gate, &limits, 1), 0);
        for (int i = 0; i < 5; i++) sent += send_one(loop, &queue);
        neap_queue_deinit(&queue);
    } else {
        CHECK_EQ_INT(rc, NEAP_ENOMEM);
    }
    neap_flow_deinit(&flow);
    neap_limit_deinit(&limit);
    return sent;
}

static bool check_code(int code) {
    if (code != 0) CHECK_EQ_INT(code, NEAP_ENOMEM);
    return code == 0;
}

/* Logs in, reads the session. */
static void use_session(neap_loop *loop, neap_store *s, neap_secret *token) {
    neap_store_req req = {.kind = NEAP_STORE_SESSION_LEASE, .key = SESSION, .ttl_ms = 1000, .now_ms = NOW};
    neap_store_result r = store_run(loop, s, &req);
    check_code(r.err.code);
    neap_secret_unref(r.token);
    req.kind = NEAP_STORE_SESSION_PUT;
    req.token = token;
    r = store_run(loop, s, &req);
    check_code(r.err.code);
    neap_secret_unref(r.token);
    req.kind = NEAP_STORE_SESSION_GET;
    r = store_run(loop, s, &req);
    if (check_code(r.err.code) && r.verdict == NEAP_STORE_DONE)
        CHECK_STR(neap_secret_bytes(r.token), "token-of-a-session");
    neap_secret_unref(r.token);
}

/* Takes what is there, and says that it is done. */
static void use_entry(neap_loop *loop, neap_store *s, neap_store_req req) {
    neap_store_op *op;
    bool running = true;
    req.kind = NEAP_STORE_INBOX_TAKE;
    if (!check_code(neap_store_start(s, &op, &req, store_on_done, &running))) return;
    store_wait(loop, &running);
    if (check_code(op->result.err.code) && op->result.entry != NULL) {
        const neap_store_entry *e = op->result.entry;
        CHECK(strcmp(e->key, "key") == 0 && e->body_len == 4 && memcmp(e->body, "body", 4) == 0);
        req = (neap_store_req){.kind = NEAP_STORE_INBOX_DONE, .number = e->number,
                               .generation = e->attempt, .now_ms = NOW, .ttl_ms = 1000};
        check_code(store_run(loop, s, &req).err.code);
    }
    neap_store_op_free(op);
}

/* -> has it been told that an entry is new? */
static bool use_inbox(neap_loop *loop, neap_store *s) {
    neap_store_req req = {.kind = NEAP_STORE_INBOX_PUT, .scope = "box", .key = "key", .body = "body",
                          .body_len = 4, .now_ms = NOW, .ttl_ms = 1000};
    neap_store_result r = store_run(loop, s, &req);
    bool is_new = check_code(r.err.code) && r.verdict == NEAP_STORE_DONE;
    use_entry(loop, s, req);
    return is_new;
}

static bool is_put; /* an entry was reported as new */

static size_t use_store(neap_loop *loop, neap_secret *token) {
    neap_store_cfg cfg = {.path = "alloc.db", .virtual_clock = true};
    neap_store *s = NULL;
    size_t sent = 0;
    is_put = false;
    if (!check_code(neap_store_open(&s, loop, &cfg))) return 0;
    if (check_code(store_try(loop, s).err.code)) {
        use_session(loop, s, token);
        is_put = use_inbox(loop, s);
        sent = send_some(loop, s);
    }
    neap_store_unref(s);
    return sent;
}

/* What is in the file: how many slots are occupied, by who was told so or not; is the key of the inbox known? */
static void look(neap_loop *loop, size_t *used, bool *known) {
    neap_store *s = store_at(loop, "alloc.db");
    neap_store_result r =
        store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SLOTS_ASK, .key = "w", .want = 1,
                                             .period_ms = 3600000, .number = 1,
                                             .now_ms = neap_loop_wall_ms(loop)});
    CHECK_STR(r.err.message, "");
    *used = r.used;
    r = store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_INBOX_PUT, .scope = "box", .key = "key",
                                             .now_ms = NOW});
    CHECK_STR(r.err.message, "");
    *known = r.verdict == NEAP_STORE_NOTHING;
    neap_store_unref(s);
}

/* No shell for it: it happens a thousand times. */
static void remove_database(void) {
    static const char *const files[] = {"alloc.db", "alloc.db-wal", "alloc.db-shm", "alloc.db-journal"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) CHECK(unlink(files[i]) == 0 || errno == ENOENT);
}

/* Does it all while memory ends; counts what is left. */
static void run_store(void *ud, alloc_fault fault, long n) {
    neap_secret *token = NULL;
    neap_loop *loop = store_loop();
    size_t sent, used;
    bool known;
    (void)ud;
    neap_loop_set_virtual(loop, NOW);
    CHECK_EQ_INT(neap_secret_new(&token, "token-of-a-session", 18), 0);
    alloc_fail(fault, n);
    sent = use_store(loop, token);
    alloc_succeed();
    atomic_store(&sqlite_spared, -1);
    look(loop, &used, &known);
    CHECK(used >= sent);
    CHECK(known || !is_put);
    if (!alloc_failed && !sqlite_failed) CHECK(sent == 5 && is_put);
    neap_secret_unref(token);
    neap_loop_close(loop);
    remove_database();
}

/* The same while SQLite's memory ends; every third allocation is enough. */
static void run_sqlite(void *ud, alloc_fault fault, long n) {
    (void)fault;
    atomic_store(&sqlite_failed, false);
    atomic_store(&sqlite_spared, 3 * n);
    run_store(ud, ALLOC_FAIL_NONE, 0);
    alloc_failed = atomic_load(&sqlite_failed);
}

int main(void) {
    if (!store_enter()) return 1;
    alloc_only_here();
    replace_sqlite_memory();
    alloc_try("the loop's side", 0, run_store, NULL);
    alloc_try_fault("SQLite", 0, ALLOC_FAIL_ONE, run_sqlite, NULL);
    store_leave();
    return check_report();
}
