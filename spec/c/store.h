/* store.h: what the tests of core/store.h and core/ledger.h share: a folder of their own, a loop, and
 * ops that are waited for. */
#ifndef NEAP_SPEC_STORE_H
#define NEAP_SPEC_STORE_H

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../csrc/core/store.h"
#include "check.h"

#define NOW INT64_C(1790000000000) /* Unix ms */
#define HOUR_MS 3600000
#define SESSION "optimove|https://api4.optimove.net|me"

static char store_dir[64];

/* Makes the folder; tests work in it. In memory where there is such a place: what is tested here is not
 * the disk. */
static bool store_enter(void) {
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(store_dir, sizeof store_dir, "%s/neap-store-XXXXXX", base);
    return mkdtemp(store_dir) != NULL && chdir(store_dir) == 0;
}

static void store_leave(void) {
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", store_dir);
    CHECK_EQ_INT(system(command), 0); /* NOLINT(bugprone-command-processor) */
}

static neap_loop *store_loop(void) {
    neap_loop *loop = NULL;
    if (neap_loop_open(&loop) < 0) abort();
    return loop;
}

/* Dispatches until the flag is down. */
static void store_wait(neap_loop *loop, const bool *running) {
    if (!neap_loop_run(loop, running)) abort();
}

static void store_on_done(neap_store_op *op) {
    *(bool *)op->ud = false;
}

/* Carries out an op; the caller drops the result's token. */
static neap_store_result store_run(neap_loop *loop, neap_store *s, const neap_store_req *req) {
    neap_store_op *op;
    neap_store_result r = {.err = {.code = NEAP_EBUG}};
    bool running = true;
    int rc = neap_store_start(s, &op, req, store_on_done, &running);
    if (rc < 0) {
        r.err.code = rc;
        return r;
    }
    store_wait(loop, &running);
    r = op->result;
    if (r.token != NULL) neap_secret_ref(r.token);
    neap_store_op_free(op);
    return r;
}

static neap_store_result store_try(neap_loop *loop, neap_store *s) {
    return store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_OPEN});
}

/* Opens a store that does work. */
static neap_store *store_at(neap_loop *loop, const char *path) {
    neap_store *s = NULL;
    neap_store_cfg cfg = {.path = path, .busy_ms = 30000, .virtual_clock = true};
    if (neap_store_open(&s, loop, &cfg) < 0) abort();
    CHECK_STR(store_try(loop, s).err.message, "");
    return s;
}

/* Asks for slots of an hour's window. */
static inline neap_store_result store_ask(neap_loop *loop, neap_store *s, const char *key, size_t limit,
                                          size_t want, int64_t now, int64_t until) {
    return store_run(loop, s, &(neap_store_req){.kind = NEAP_STORE_SLOTS_ASK, .key = key,
                                                .period_ms = HOUR_MS, .limit = limit, .want = want,
                                                .number = neap_store_numbers(s, want),
                                                .now_ms = now, .until_ms = until});
}

static inline void store_check_granted(neap_store_result r, size_t granted, size_t used) {
    CHECK_STR(r.err.message, "");
    CHECK_EQ_INT(r.granted, granted);
    CHECK_EQ_INT(r.used, used);
}

#endif
