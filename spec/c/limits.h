/* limits.h: a host for the tests of a runtime's limits (neap_options). */
#ifndef NEAP_SPEC_LIMITS_H
#define NEAP_SPEC_LIMITS_H

#include <neap/neap.h>
#include <poll.h>
#include <time.h>

#include "check.h"

/* How a task has ended. */
typedef struct outcome {
    int count; /* of calls */
    int code;
    char text[300];
} outcome;

static void on_done(void *ud, const neap_result *r) {
    outcome *o = ud;
    o->count++;
    o->code = r->code;
    snprintf(o->text, sizeof o->text, "%.*s", (int)r->len, r->text);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void ignore_line(void *ud, neap_level level, const char *line, size_t len) {
    (void)ud, (void)level, (void)line, (void)len;
}

static neap *open_runtime(size_t memory_limit, int time_limit_ms) {
    neap_options options = {
        .memory_limit = memory_limit, .time_limit_ms = time_limit_ms, .state = "", .log = ignore_line};
    neap *n = NULL;
    CHECK_EQ_INT(neap_new(&n, &options), 0);
    return n;
}

static void start(neap *n, const char *name, const char *source, outcome *o) {
    int script;
    *o = (outcome){0};
    if (!CHECK(neap_load(n, name, source, strlen(source), &script) == 0)) fprintf(stderr, "%s\n", neap_message(n));
    else CHECK(neap_start(n, script, NULL, on_done, o) != NULL);
}

/* Dispatches until every task has ended. */
static void run(neap *n) {
    int64_t end = now_ms() + 20000;
    while (neap_live(n) > 0 && now_ms() < end) {
        struct pollfd p = {neap_poll_fd(n), POLLIN, 0};
        poll(&p, 1, neap_timeout_ms(n));
        neap_dispatch(n);
    }
    CHECK_EQ_INT(neap_live(n), 0);
}

/* The limit is one of time, which passes also while a busy machine does something else: what needs a hundredth of it
 * must get through one of these times. */
static void run_short(neap *n, const char *source, outcome *o) {
    for (int i = 0; i < 10; i++) {
        start(n, "script.lua", source, o);
        run(n);
        if (o->code != NEAP_ETIMEOUT) return;
    }
}

/* The runtime is as good as new. */
static void check_works(neap *n) {
    static const char source[] =
        "local squares = {}\n"
        "for i = 1, 1000 do squares[i] = i * i end\n"
        "local values = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(squares[i]) end end)\n"
        "neap.sleep(0.001)\n"
        "return { values(), values(), values() }";
    outcome o;
    run_short(n, source, &o);
    CHECK_EQ_INT(o.count, 1);
    CHECK_STR(o.text, "[1,4,9]");
}

#endif
