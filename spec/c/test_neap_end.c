/* test_neap_end.c: include/neap/neap.h: tasks that are cancelled, hosts that stop. */
#include "host.h"

/* --- cancelling ------------------------------------------------------------------------------- */

/* Cancels now; the end is told by a dispatch, not in here. */
static void cancel(neap_task *task, const outcome *o) {
    int before = o->count;
    neap_cancel(task);
    CHECK_EQ_INT(o->count, before);
}

static void check_cancelled(neap *n, const outcome *o) {
    run_host(n);
    CHECK_EQ_INT(o->count, 1);
    CHECK_EQ_INT(o->code, NEAP_ECANCELLED);
    CHECK_STR(o->text, "cancelled: the task was cancelled");
}

/* It has not begun, and never does. */
static void test_cancel_ready(neap *n) {
    outcome o;
    cancel(start_text(n, "ran = true", &o), &o);
    CHECK_EQ_INT(neap_live(n), 1);
    check_cancelled(n, &o);
    check_run(n, "return ran == nil", 0, "true");
}

static void test_cancel_waiting(neap *n) {
    outcome o;
    neap_task *task = start_text(n, "local _ <close> = setmetatable({}, { __close = function() closed = 1 end })\n"
                                    "neap.sleep(60)\n"
                                    "closed = 2", &o);
    neap_dispatch(n);
    cancel(task, &o);
    cancel(task, &o);
    check_cancelled(n, &o);
    check_run(n, "return closed", 0, "1");
}

/* Its <close> variables may fail: the text says so. */
static void test_cancel_failing(neap *n) {
    outcome o;
    neap_task *task = start_text(n, "local _ <close> = setmetatable({}, { __close = function() error 'x' end })\n"
                                    "neap.sleep(60)", &o);
    neap_dispatch(n);
    neap_cancel(task);
    run_host(n);
    CHECK_EQ_INT(o.count, 1);
    CHECK_EQ_INT(o.code, NEAP_ECANCELLED);
    CHECK_STR(o.text, "test.lua:1: x");
}

/* Its function is over, a task of its own is not. */
static void test_cancel_ending(neap *n) {
    outcome o;
    neap_task *task = start_text(n, "neap.spawn(neap.sleep, 60) return 1", &o);
    neap_dispatch(n);
    CHECK_EQ_INT(neap_live(n), 2);
    cancel(task, &o);
    check_cancelled(n, &o);
}

typedef struct pair {
    neap *n;
    neap_task *self, *other;
    outcome o;
} pair;

static void cancel_both(void *ud, const neap_result *r) {
    pair *p = ud;
    keep_outcome(&p->o, r);
    neap_cancel(p->self); /* it has ended */
    neap_background(p->self);
    neap_cancel(p->other);
}

/* Woken in the same turn in which it is cancelled, by another one's callback. */
static void test_cancel_woken(neap *n) {
    pair p = {.n = n};
    outcome o;
    p.self = neap_start(n, load_text(n, "neap.sleep(0.01)"), NULL, cancel_both, &p);
    p.other = start_text(n, "neap.sleep(0.01) woken = true", &o);
    run_host(n);
    CHECK_EQ_INT(p.o.count, 1);
    CHECK_EQ_INT(p.o.code, 0);
    CHECK_EQ_INT(o.count, 1);
    if (o.code == NEAP_ECANCELLED) check_run(n, "return woken == nil", 0, "true");
    else CHECK_EQ_INT(o.code, 0);
}

/* It goes on after every failure; a cancelled wait is none. */
static void test_cancel_catching(neap *n) {
    outcome o;
    neap_task *task = start_text(n, "while true do pcall(neap.sleep, 60) end", &o);
    neap_dispatch(n);
    cancel(task, &o);
    check_cancelled(n, &o);
}

static void test_cancel_nothing(void) {
    neap_cancel(NULL);
    neap_background(NULL);
}

/* --- draining --------------------------------------------------------------------------------- */

#define QUICK "neap.sleep(0.01) return 'quick'"
#define SLOW "neap.sleep(60) return 'slow'"

typedef struct stopping {
    neap *n;
    neap_task *slow;
    outcome slow_end, quick_end, background_end;
} stopping;

static void open_stopping(stopping *s) {
    s->n = open_host();
    s->slow = start_text(s->n, SLOW, &s->slow_end);
    start_text(s->n, QUICK, &s->quick_end);
    neap_background(start_text(s->n, SLOW, &s->background_end));
    neap_dispatch(s->n);
}

static void close_stopping(stopping *s) {
    run_host(s->n);
    CHECK_EQ_INT(s->slow_end.count + s->quick_end.count + s->background_end.count, 3);
    CHECK_EQ_INT(s->background_end.code, NEAP_ECANCELLED);
    neap_free(s->n);
}

static void test_drain_now(void) {
    stopping s;
    open_stopping(&s);
    neap_drain(s.n, 0);
    CHECK_EQ_INT(s.slow_end.count, 0);
    close_stopping(&s);
    CHECK_EQ_INT(s.slow_end.code, NEAP_ECANCELLED);
    CHECK_EQ_INT(s.quick_end.code, NEAP_ECANCELLED);
}

static void test_drain_later(void) {
    stopping s;
    open_stopping(&s);
    neap_drain(s.n, 100);
    turn_host(s.n);
    CHECK_EQ_INT(s.background_end.count, 1);
    close_stopping(&s);
    CHECK_EQ_INT(s.quick_end.code, 0);
    CHECK_EQ_INT(s.slow_end.code, NEAP_ECANCELLED);
}

static void test_drain_never(void) {
    stopping s;
    open_stopping(&s);
    neap_drain(s.n, -1);
    while (s.quick_end.count + s.background_end.count < 2 && turn_host(s.n)) continue;
    CHECK_EQ_INT(s.quick_end.code, 0);
    CHECK_EQ_INT(neap_live(s.n), 1);
    CHECK(neap_timeout_ms(s.n) > 10000);
    neap_drain(s.n, -1); /* again: nothing new */
    neap_drain(s.n, INT64_MAX);
    CHECK(neap_timeout_ms(s.n) > 10000);
    neap_drain(s.n, 20); /* but less time is */
    close_stopping(&s);
    CHECK_EQ_INT(s.slow_end.code, NEAP_ECANCELLED);
}

/* A later call gives no more time than the one before. */
static void test_drain_longer(void) {
    stopping s;
    open_stopping(&s);
    neap_drain(s.n, 20);
    turn_host(s.n);
    neap_drain(s.n, 600000);
    neap_drain(s.n, -1);
    close_stopping(&s);
    CHECK_EQ_INT(s.slow_end.code, NEAP_ECANCELLED);
}

static void test_drain_refuses(void) {
    neap *n = open_host();
    int script = load_text(n, "return 1");
    neap_drain(n, 1000);
    CHECK(neap_start(n, script, NULL, NULL, NULL) == NULL);
    CHECK_STR(neap_message(n), "cancelled: the runtime is stopping");
    CHECK_EQ_INT(neap_wait(n, neap_start(n, script, NULL, NULL, NULL)), NEAP_ECANCELLED);
    CHECK_EQ_INT(neap_init(n, script), NEAP_ECANCELLED);
    CHECK_EQ_INT(neap_load(n, "late.lua", "", 0, &script), 0);
    CHECK_EQ_INT(neap_live(n), 0);
    CHECK(turn_host(n));
    neap_free(n);
}

/* Those that scripts have started, too; and what is marked afterwards. */
static void test_drain_background(void) {
    neap *n = open_host();
    outcome o;
    neap_task *late;
    start_text(n, "neap.background(neap.sleep, 60) return 1", &o);
    while (o.count == 0 && turn_host(n)) continue;
    CHECK_EQ_INT(neap_live(n), 1);
    late = start_text(n, SLOW, &o);
    neap_drain(n, -1);
    neap_background(late);
    run_host(n);
    CHECK_EQ_INT(o.code, NEAP_ECANCELLED);
    neap_free(n);
}

/* A script that has spoilt the globals is ended like any other. */
static void test_drain_spoilt(void) {
    neap *n = open_host();
    outcome o;
    start_text(n, "neap.background(neap.sleep, 60) require, package, pairs = nil return 1", &o);
    while (o.count == 0 && turn_host(n)) continue;
    neap_drain(n, -1);
    neap_dispatch(n);
    CHECK_EQ_INT(neap_live(n), 0);
    neap_free(n);
}

static void drain_there(void *ud, const neap_result *r) {
    pair *p = ud;
    keep_outcome(&p->o, r);
    neap_drain(p->n, 0);
    CHECK(neap_start(p->n, 1, NULL, NULL, NULL) == NULL);
}

/* From callbacks: of a task that has ended, and of those that it ends. */
static void test_drain_in_callback(void) {
    neap *n = open_host();
    pair first = {.n = n}, second = {.n = n};
    CHECK(neap_start(n, load_text(n, QUICK), NULL, drain_there, &first) != NULL);
    CHECK(neap_start(n, load_text(n, SLOW), NULL, drain_there, &second) != NULL);
    run_host(n);
    CHECK_EQ_INT(first.o.code, 0);
    CHECK_EQ_INT(second.o.code, NEAP_ECANCELLED);
    neap_free(n);
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* With everything alive: tasks ready, waiting, ending, cancelled, in the middle of a drain. Nobody is told. */
static void test_free(void) {
    neap *n = open_host();
    outcome o[5];
    start_text(n, "neap.spawn(neap.sleep, 60) return 1", &o[0]);
    start_text(n, "local _ <close> = setmetatable({}, { __close = function() neap.spawn(neap.sleep, 1) error 'x' end })"
                  "neap.sleep(60)", &o[1]);
    start_text(n, "neap.http.open {}:send { method = 'GET', url = 'http://127.0.0.1:1/' } neap.sleep(60)", &o[2]);
    neap_dispatch(n);
    neap_cancel(start_text(n, SLOW, &o[3]));
    start_text(n, SLOW, &o[4]);
    neap_drain(n, 1000);
    neap_drain(n, 500);
    neap_free(n);
    CHECK_EQ_INT(o[0].count + o[1].count + o[3].count + o[4].count, 0);
}

int main(void) {
    neap *n = open_host();
    test_cancel_nothing();
    test_cancel_ready(n);
    neap_free(n);
    n = open_host();
    test_cancel_failing(n);
    test_cancel_ending(n);
    test_cancel_woken(n);
    test_cancel_catching(n);
    neap_free(n);
    n = open_host();
    test_cancel_waiting(n);
    neap_free(n);
    test_drain_now();
    test_drain_later();
    test_drain_never();
    test_drain_longer();
    test_drain_refuses();
    test_drain_background();
    test_drain_spoilt();
    test_drain_in_callback();
    test_free();
    return check_report();
}
