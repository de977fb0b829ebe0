/* test_neap.c: include/neap/neap.h: runtimes, scripts, tasks and their results. Ends before their time are in
 * test_neap_end.c, settings, log and metrics in test_neap_host.c, exchanges in test_neap_serve.c. */
#include <sys/resource.h>
#include <sys/stat.h>

#include "host.h"

static void test_version(void) {
    int major = 0, minor = 0, patch = 0;
    CHECK_STR(neap_version(), NEAP_VERSION);
    CHECK_EQ_INT(sscanf(neap_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    CHECK_EQ_INT(neap_version_number(), (major * 100 + minor) * 100 + patch);
    CHECK_EQ_INT(neap_version_number(), NEAP_VERSION_NUMBER);
}

static void test_results(neap *n) {
    check_run(n, "return { answer = 6 * 7 }", 0, "{\"answer\":42}");
    check_run(n, "return 1, 2", 0, "1");
    check_run(n, "return false", 0, "false");
    check_run(n, "return nil", 0, "");
    check_run(n, "", 0, "");
    check_run(n, "return nil, nil", 0, "");
    check_run(n, "neap.sleep(0.001) return 'x'", 0, "\"x\"");
}

static void test_failures(neap *n) {
    check_run(n, "error 'x'", NEAP_EBUG, "test.lua:1: x");
    check_run(n, "error('a\\nb\\r\\nc', 0)", NEAP_EBUG, "a b  c");
    check_run(n, "return nil, 'no such thing'", NEAP_EBUG, "no such thing");
    check_run(n, "return neap.error.fail('outage', 'down for %d s', 3)", NEAP_EOUTAGE, "outage: down for 3 s");
    check_run(n, "neap.error.raise('limit', 'full')", NEAP_ELIMIT, "limit: full");
    check_run(n, "error(setmetatable({ kind = 'tls' }, { __tostring = function() error 'y' end }))", NEAP_EBUG,
              "test.lua:1: y");
    check_run(n, "return { f = print }", NEAP_EINVAL, "invalid: $.f: a value of type function has no JSON form");
    check_run(n, "error()", NEAP_EBUG, "nil");
    check_run(n, "coroutine.yield()", NEAP_EBUG, "coroutine.yield outside a coroutine");
    check_run(n, "error('not enough memory', 0)", NEAP_ENOMEM, "not enough memory");
}

static void test_trace(neap *n) {
    outcome o;
    start_text(n, "local function inner() error 'x' end\nlocal function outer() inner() return 1 end\nouter()", &o);
    run_host(n);
    CHECK(strstr(o.trace, "test.lua:1") != NULL);
    CHECK(strstr(o.trace, "test.lua:3") != NULL);
    start_text(n, "return 1", &o);
    run_host(n);
    CHECK_STR(o.trace, "");
}

/* A task of the script itself fails: so does the script. */
static void test_children(neap *n) {
    check_run(n, "neap.spawn(function() neap.sleep(0.001) error('x', 0) end)", NEAP_EBUG, "x");
    check_run(n, "neap.spawn(function() neap.sleep(0.001) end) return 1", 0, "1");
}

static void test_load(neap *n) {
    static const char bytecode[] = "\x1bLua", nul[] = "return '\0'";
    int script = -7;
    outcome o = {0};
    CHECK_EQ_INT(neap_load(n, "bad.lua", "return (", 8, &script), NEAP_EINVAL);
    CHECK(strncmp(neap_message(n), "invalid: bad.lua:1: ", 20) == 0);
    CHECK_EQ_INT(neap_load(n, "bad.lua", bytecode, 4, &script), NEAP_EINVAL);
    CHECK_EQ_INT(script, -7);
    CHECK_EQ_INT(neap_load(n, "nul.lua", nul, sizeof nul - 1, &script), 0);
    CHECK(script > 0);
    CHECK(neap_start(n, script, NULL, keep_outcome, &o) != NULL);
    run_host(n);
    CHECK_STR(o.text, "\"\\u0000\"");
    CHECK_EQ_INT(neap_load(n, "none.lua", NULL, 0, &script), 0);
}

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    if (!CHECK(f != NULL)) return;
    fputs(text, f);
    fclose(f);
}

static void test_load_file(neap *n) {
    char dir[] = "/tmp/neap-host-XXXXXX", path[64];
    int script = 0;
    outcome o = {0};
    if (!CHECK(mkdtemp(dir) != NULL)) return;
    snprintf(path, sizeof path, "%s/flow.lua", dir);
    CHECK_EQ_INT(neap_load_file(n, path, &script), NEAP_ESETTINGS);
    CHECK(strstr(neap_message(n), path) != NULL);
    CHECK_EQ_INT(neap_load_file(n, dir, &script), NEAP_ESETTINGS);
    write_text(path, "#!/usr/bin/env -S neap run\nreturn (");
    CHECK_EQ_INT(neap_load_file(n, path, &script), NEAP_EINVAL);
    write_text(path, "#!/usr/bin/env -S neap run\nlocal a = ... return a");
    CHECK_EQ_INT(neap_load_file(n, path, &script), 0);
    CHECK(neap_start(n, script, "[1]", keep_outcome, &o) != NULL);
    run_host(n);
    CHECK_STR(o.text, "[1]");
    unlink(path);
    rmdir(dir);
}

/* A workflow runs with the arguments, checked as on the command line. */
static void test_workflow(neap *n) {
    int flow = load_text(n, "return neap.workflow { args = { { 'day', type = 'date', required = true } },\n"
                            "  run = function(ctx, args) return { day = args.day } end }");
    outcome o = {0};
    CHECK(neap_start(n, flow, "{\"day\":\"2026-11-21\"}", keep_outcome, &o) != NULL);
    run_host(n);
    CHECK_STR(o.text, "{\"day\":\"2026-11-21\"}");
    CHECK(neap_start(n, flow, "{\"dya\":1}", keep_outcome, &o) != NULL);
    run_host(n);
    CHECK_EQ_INT(o.code, NEAP_EINVAL);
    CHECK(strstr(o.text, "did you mean \"day\"?") != NULL);
    CHECK(neap_start(n, load_text(n, "return function(req) end"), NULL, keep_outcome, &o) != NULL);
    run_host(n);
    CHECK_EQ_INT(o.code, NEAP_EINVAL);
    CHECK(strstr(o.text, "neap_serve") != NULL);
}

static void check_args(neap *n, int script, const char *args, const char *want) {
    outcome o = {0};
    if (!CHECK(neap_start(n, script, args, keep_outcome, &o) != NULL)) return;
    run_host(n);
    CHECK_EQ_INT(o.code, 0);
    CHECK_STR(o.text, want);
}

static void test_arguments(neap *n) {
    int echo = load_text(n, "return { select('#', ...), (...) }");
    outcome o = {0};
    check_args(n, echo, NULL, "[0]");
    check_args(n, echo, "null", "[1,null]");
    check_args(n, echo, "9007199254740993", "[1,9007199254740993]");
    check_args(n, echo, "{\"b\":[1.0,{}],\"c\":0,\"a\":1}", "[1,{\"a\":1,\"b\":[1.0,{}],\"c\":0}]");
    CHECK(neap_start(n, echo, "", keep_outcome, &o) == NULL);
    CHECK(neap_start(n, echo, "{\"a\":}", keep_outcome, &o) == NULL);
    CHECK(strncmp(neap_message(n), "decode: the argument is no JSON: line 1, column 6", 49) == 0);
    CHECK(neap_start(n, echo + 1, NULL, keep_outcome, &o) == NULL);
    CHECK(strncmp(neap_message(n), "invalid: there is no script ", 28) == 0);
    CHECK(neap_start(n, 0, NULL, keep_outcome, &o) == NULL);
    CHECK(neap_start(n, -1, NULL, keep_outcome, &o) == NULL);
    CHECK_EQ_INT(o.count, 0);
    CHECK_EQ_INT(neap_live(n), 0);
}

static void test_values(neap *n) {
    int echo = load_text(n, "return ...");
    neap_value *v = neap_object();
    outcome o = {0};
    neap_value_set(v, "day", neap_string("2026-11-21"));
    CHECK(neap_start_value(n, echo, v, keep_outcome, &o) != NULL);
    neap_value_free(v); /* the task has its own */
    run_host(n);
    CHECK_STR(o.text, "{\"day\":\"2026-11-21\"}");
    CHECK(neap_start_value(n, echo, NULL, keep_outcome, &o) == NULL);
    CHECK(strstr(neap_message(n), "NULL") != NULL);
    v = neap_array();
    neap_value_add(v, NULL);
    CHECK(neap_start_value(n, echo, v, keep_outcome, &o) == NULL);
    CHECK(strstr(neap_message(n), "incomplete") != NULL);
    neap_value_free(v);
}

/* Nothing runs before the next dispatch; a script is started often, and nobody has to listen. */
static void test_start(neap *n) {
    outcome o[3] = {{0}};
    int count = load_text(n, "counted = (counted or 0) + 1 return counted");
    for (int i = 0; i < 3; i++) CHECK(neap_start(n, count, NULL, keep_outcome, &o[i]) != NULL);
    CHECK(neap_start(n, count, NULL, NULL, NULL) != NULL);
    CHECK_EQ_INT(neap_live(n), 4);
    CHECK_EQ_INT(neap_timeout_ms(n), 0);
    CHECK_EQ_INT(o[0].count, 0);
    run_host(n);
    CHECK_STR(o[0].text, "1");
    CHECK_STR(o[2].text, "3");
    check_run(n, "return counted", 0, "4");
}

static void test_timeout(neap *n) {
    outcome o;
    int left;
    CHECK_EQ_INT(neap_timeout_ms(n), -1);
    start_text(n, "neap.sleep(60)", &o);
    neap_dispatch(n);
    left = neap_timeout_ms(n);
    CHECK(left > 50000 && left <= 60000);
}

static void test_wait(neap *n) {
    outcome o, other;
    neap_task *slow;
    slow = start_text(n, "neap.sleep(60)", &other);
    CHECK_EQ_INT(neap_wait(n, start_text(n, "neap.sleep(0.002) return 1", &o)), 0);
    CHECK_STR(o.text, "1");
    CHECK_EQ_INT(other.count, 0);
    neap_cancel(slow);
    CHECK_EQ_INT(neap_wait(n, slow), 0);
    CHECK_EQ_INT(other.code, NEAP_ECANCELLED);
    CHECK_EQ_INT(neap_wait(n, neap_start(n, 4711, NULL, NULL, NULL)), NEAP_EINVAL);
}

static void test_wait_for_nothing(void) {
    neap *n = open_host();
    outcome o;
    neap_task *task = start_text(n, "require('neap.native.event').new():wait()", &o);
    CHECK_EQ_INT(neap_wait(n, task), NEAP_EBUG);
    CHECK(strstr(neap_message(n), "deadlock") != NULL);
    CHECK_EQ_INT(o.count, 0);
    neap_cancel(task);
    run_host(n);
    CHECK_EQ_INT(o.code, NEAP_ECANCELLED);
    neap_free(n);
}

/* Each of the two has its own globals, its own loop, its own messages. */
static void test_several(void) {
    neap *a = open_host(), *b = open_host();
    outcome of_a, of_b;
    start_text(a, "who = 'a' for _ = 1, 20 do neap.sleep(0.001) end return who", &of_a);
    start_text(b, "who = 'b' for _ = 1, 20 do neap.sleep(0.001) end return who", &of_b);
    CHECK(neap_start(a, 99, NULL, NULL, NULL) == NULL);
    CHECK_STR(neap_message(b), "");
    while (neap_live(a) + neap_live(b) > 0) {
        struct pollfd p[] = {{neap_poll_fd(a), POLLIN, 0}, {neap_poll_fd(b), POLLIN, 0}};
        if (!CHECK(poll(p, 2, PATIENCE_MS) > 0)) break;
        if (p[0].revents != 0) neap_dispatch(a);
        if (p[1].revents != 0) neap_dispatch(b);
    }
    CHECK_STR(of_a.text, "\"a\"");
    CHECK_STR(of_b.text, "\"b\"");
    neap_free(a);
    check_run(b, "return who", 0, "\"b\"");
    neap_free(b);
}

/* What a callback does with the runtime that calls it. */
typedef struct busy {
    neap *n;
    int script, left;
    outcome last;
} busy;

static void start_again(void *ud, const neap_result *r) {
    busy *b = ud;
    char before[64];
    snprintf(before, sizeof before, "%s", r->text);
    neap_dispatch(b->n); /* at once */
    CHECK_EQ_INT(neap_wait(b->n, NULL) < 0, 1);
    CHECK_EQ_INT(neap_load(b->n, "bad.lua", "(", 1, &b->script), NEAP_EINVAL);
    b->script = load_text(b->n, "collectgarbage() return { 'another' }");
    if (b->left-- > 0) CHECK(neap_start(b->n, b->script, NULL, start_again, b) != NULL);
    CHECK_STR(r->text, before); /* still there */
}

static void test_callbacks(neap *n) {
    busy b = {.n = n, .left = 30};
    b.script = load_text(n, "collectgarbage() return ('x'):rep(50)");
    CHECK(neap_start(n, b.script, NULL, start_again, &b) != NULL);
    run_host(n);
    CHECK_EQ_INT(b.left, -1);
}

static void wait_inside(void *ud, const neap_result *r) {
    busy *b = ud;
    (void)r;
    CHECK_EQ_INT(neap_wait(b->n, start_text(b->n, "return 1", &b->last)), NEAP_EBUG);
}

static void test_wait_in_callback(neap *n) {
    busy b = {.n = n};
    CHECK(neap_start(n, load_text(n, "return 1"), NULL, wait_inside, &b) != NULL);
    run_host(n);
    CHECK_STR(b.last.text, "1");
}

static void test_new(void) {
    neap_options tight = {.memory_limit = 50000};
    neap *n = (neap *)1;
    neap_free(NULL);
    CHECK_EQ_INT(neap_new(&n, &tight), NEAP_ENOMEM); /* the library itself needs more */
    CHECK_EQ_INT(neap_new(&n, NULL), 0);
    CHECK_STR(neap_message(n), "");
    CHECK_EQ_INT(neap_live(n), 0);
    neap_free(n);
}

/* What neap_new says in the meantime, on standard error: nothing. */
static int new_in_silence(void) {
    int fds[2], saved = dup(STDERR_FILENO), rc;
    char byte;
    neap *n;
    CHECK_EQ_INT(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    rc = neap_new(&n, NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fds[1]);
    CHECK_EQ_INT(read(fds[0], &byte, 1), 0);
    close(fds[0]);
    return rc;
}

/* A library that does not load is told by the code, and by nothing else. */
static void test_broken_library(void) {
    char dir[] = "/tmp/neap-host-XXXXXX", folder[64], path[80];
    if (!CHECK(mkdtemp(dir) != NULL)) return;
    snprintf(folder, sizeof folder, "%s/neap", dir);
    snprintf(path, sizeof path, "%s/init.lua", folder);
    CHECK_EQ_INT(mkdir(folder, 0700), 0);
    write_text(path, "error 'broken'");
    setenv("NEAP_LUA_DIR", dir, 1);
    CHECK_EQ_INT(new_in_silence(), NEAP_EBUG);
    unsetenv("NEAP_LUA_DIR");
    unlink(path);
    rmdir(folder);
    rmdir(dir);
}

/* Descriptors are short: told as memory is. */
static void test_no_descriptors(void) {
    struct rlimit before, none;
    neap *n;
    CHECK_EQ_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    CHECK_EQ_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK_EQ_INT(neap_new(&n, NULL), NEAP_ENOMEM);
    CHECK_EQ_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void) {
    neap *n;
    test_version();
    test_new();
    n = open_host();
    test_results(n);
    test_failures(n);
    test_trace(n);
    test_children(n);
    test_load(n);
    test_load_file(n);
    test_arguments(n);
    test_workflow(n);
    test_values(n);
    test_start(n);
    test_callbacks(n);
    test_wait_in_callback(n);
    test_timeout(n);
    test_wait(n);
    neap_free(n); /* one task sleeps */
    test_wait_for_nothing();
    test_several();
    test_broken_library();
    test_no_descriptors();
    return check_report();
}
