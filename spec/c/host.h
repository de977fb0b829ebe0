/* host.h: a host of the public C API, for test_neap*.c: runs runtimes by their descriptors only, and keeps what it is
 * told. */
#ifndef NEAP_SPEC_HOST_H
#define NEAP_SPEC_HOST_H

#include <neap/neap.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

#define PATIENCE_MS 10000 /* nothing takes as long */

/* How a task has ended. */
typedef struct outcome {
    int count; /* of calls */
    int code;
    char text[2048], trace[4096]; /* trace "": none */
} outcome;

static inline void keep_outcome(void *ud, const neap_result *r) {
    outcome *o = ud;
    o->count++;
    o->code = r->code;
    CHECK(r->len < sizeof o->text);
    CHECK_EQ_INT(strlen(r->text), r->len);
    snprintf(o->text, sizeof o->text, "%s", r->text);
    snprintf(o->trace, sizeof o->trace, "%s", r->trace != NULL ? r->trace : "");
}

static char host_lines[65536]; /* of the log, "level message\n" */

static inline void keep_line(void *ud, neap_level level, const char *line, size_t len) {
    size_t used = strlen(host_lines);
    CHECK_STR(ud, "log");
    CHECK(memchr(line, '\n', len) == NULL);
    snprintf(host_lines + used, sizeof host_lines - used, "%d %.*s\n", (int)level, (int)len, line);
}

/* Opens a runtime that shares nothing and logs to host_lines. */
static inline neap *open_host(void) {
    static char tag[] = "log";
    neap_options options = {.state = "", .log = keep_line, .log_ud = tag, .log_level = NEAP_DEBUG};
    neap *n = NULL;
    host_lines[0] = '\0';
    if (!CHECK_EQ_INT(neap_new(&n, &options), 0)) exit(1);
    return n;
}

/* Waits for the descriptor alone, then dispatches. False: nothing came. */
static inline bool turn_host(neap *n) {
    struct pollfd p = {neap_poll_fd(n), POLLIN, 0};
    if (!CHECK_EQ_INT(poll(&p, 1, PATIENCE_MS), 1)) return false;
    neap_dispatch(n);
    return true;
}

/* Until no task is left. */
static inline void run_host(neap *n) {
    while (neap_live(n) > 0 && turn_host(n)) continue;
}

static inline int load_text(neap *n, const char *text) {
    int script = 0;
    if (!CHECK_EQ_INT(neap_load(n, "test.lua", text, strlen(text), &script), 0)) CHECK_STR(neap_message(n), "");
    return script;
}

/* Starts a text whose end goes to *o. */
static inline neap_task *start_text(neap *n, const char *text, outcome *o) {
    neap_task *task;
    *o = (outcome){0};
    task = neap_start(n, load_text(n, text), NULL, keep_outcome, o);
    if (!CHECK(task != NULL)) CHECK_STR(neap_message(n), "");
    return task;
}

/* Runs a text to its end: this code, and this result. */
static inline void check_run(neap *n, const char *text, int code, const char *want) {
    outcome o;
    start_text(n, text, &o);
    run_host(n);
    CHECK_EQ_INT(o.count, 1);
    CHECK_EQ_INT(o.code, code);
    CHECK_STR(o.text, want);
}

#endif
