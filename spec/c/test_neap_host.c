/* test_neap_host.c: include/neap/neap.h: settings, secrets, folders, the log, metrics, limits. */
#include <sys/stat.h>

#include "host.h"

#define SECRET "hush-0123456789"

/* --- settings --------------------------------------------------------------------------------- */

static void check_refused(neap *n, int got, int code, const char *words) {
    CHECK_EQ_INT(got, code);
    if (!CHECK(strstr(neap_message(n), words) != NULL)) fprintf(stderr, "    %s\n", neap_message(n));
    CHECK(strchr(neap_message(n), '\n') == NULL);
}

static void test_settings(neap *n) {
    CHECK_EQ_INT(neap_set(n, "mode", "slow"), 0);
    CHECK_EQ_INT(neap_set(n, "mode", "fast"), 0);
    check_run(n, "return neap.setting 'mode'", 0, "\"fast\"");
    check_run(n, "return neap.setting 'none'", 0, "");
    setenv("NEAP_TEST_MODE", "from the environment", 1);
    CHECK_EQ_INT(neap_set(n, "mode", "env:NEAP_TEST_MODE"), 0);
    check_run(n, "return neap.setting 'mode'", 0, "\"from the environment\"");
    CHECK_EQ_INT(neap_set(n, "opm.base_url", "http://127.0.0.1:1"), 0);
    check_refused(n, neap_set(n, "opm.base_urk", "http://127.0.0.1:1"), NEAP_ESETTINGS, "base_url");
    check_refused(n, neap_set(n, "opn.base_url", "http://127.0.0.1:1"), NEAP_ESETTINGS, "opm");
    check_refused(n, neap_set(n, "a b", "x"), NEAP_ESETTINGS, "a b");
    check_refused(n, neap_set(n, "", "x"), NEAP_ESETTINGS, "VENDOR.SETTING");
    check_refused(n, neap_set(n, NULL, "x"), NEAP_EINVAL, "expected");
    check_refused(n, neap_set(n, "mode", NULL), NEAP_EINVAL, "expected");
    check_refused(n, neap_load_file(n, NULL, &(int){0}), NEAP_EINVAL, "expected");
    check_refused(n, neap_load(n, NULL, "", 0, &(int){0}), NEAP_EINVAL, "expected");
    check_refused(n, neap_set(n, "opm.api_key", SECRET), NEAP_ESETTINGS, "neap_set_secret \"opm.api_key\"");
    CHECK(strstr(neap_message(n), SECRET) == NULL);
}

/* --- secrets ---------------------------------------------------------------------------------- */

static void test_secrets(neap *n) {
    char bytes[] = SECRET;
    CHECK_EQ_INT(neap_set_secret(n, "key", bytes, sizeof bytes - 1), 0);
    memset(bytes, 'x', sizeof bytes); /* ours is a copy */
    check_run(n, "return tostring(neap.secret 'key')", 0, "\"***\"");
    check_run(n, "return neap.secret 'key'", NEAP_EINVAL, "invalid: $: a value of type userdata has no JSON form");
    check_run(n, "return neap.secret 'key' == nil", 0, "false");
    check_run(n, "return neap.secret 'none'", 0, "");
    check_run(n, "return neap.setting 'key'", NEAP_ESETTINGS,
              "settings: the host: key is a secret: neap.secret(\"key\") gets it");
    CHECK_EQ_INT(neap_set_secret(n, "opm.api_key", SECRET, sizeof SECRET - 1), 0);
    check_refused(n, neap_set_secret(n, "opm.base_url", SECRET, sizeof SECRET - 1), NEAP_ESETTINGS, "no secret");
    check_refused(n, neap_set_secret(n, "opm.api_kei", SECRET, sizeof SECRET - 1), NEAP_ESETTINGS, "api_key");
    check_refused(n, neap_set_secret(n, "key", "", 0), NEAP_ESETTINGS, "empty");
    check_refused(n, neap_set_secret(n, "key", "a\nb", 3), NEAP_ESETTINGS, "control");
    check_refused(n, neap_set_secret(n, NULL, "a", 1), NEAP_EINVAL, "expected");
    check_refused(n, neap_set_secret(n, "key", NULL, 1), NEAP_EINVAL, "expected");
}

/* A script that knows it from elsewhere, and tells: not in the log, nor in an error. */
static void test_masks(neap *n) {
    outcome o;
    start_text(n, "neap.log.info('the key is " SECRET "', { key = '" SECRET "', n = 1 })\n"
                  "local function f() error('lost: " SECRET "', 0) end\n"
                  "f()", &o);
    run_host(n);
    CHECK_STR(o.text, "lost: ***");
    CHECK(strstr(host_lines, "3 the key is *** key=*** n=1\n") != NULL);
    start_text(n, "error(neap.error.new { kind = 'auth', message = 'two\\nlines " SECRET "' })", &o);
    run_host(n);
    CHECK_STR(o.text, "auth: two lines ***");
    check_refused(n, neap_load(n, SECRET, "(", 1, &o.count), NEAP_EINVAL, "***:1:");
    neap_start(n, load_text(n, "error '" SECRET "'"), NULL, NULL, NULL);
    run_host(n);
    CHECK(strstr(host_lines, SECRET) == NULL);
}

/* --- hints ------------------------------------------------------------------------------------ */

static void check_hint(neap *n, const char *text, int code, const char *words) {
    outcome o;
    start_text(n, text, &o);
    run_host(n);
    CHECK_EQ_INT(o.code, code);
    if (!CHECK(strstr(o.text, words) != NULL)) fprintf(stderr, "    %s\n", o.text);
    CHECK(strstr(o.text, "--") == NULL);
}

/* Options of the command are no way of a host. */
static void test_hints(void) {
    neap_options options = {.state = "/proc/none/state.db"};
    neap *n;
    if (!CHECK_EQ_INT(neap_new(&n, &options), 0)) return;
    check_hint(n, "return neap.vendor('opm'):ping {}", NEAP_ESETTINGS,
               "by neap_secret opm.api_key file:PATH, in C by neap_set_secret \"opm.api_key\"");
    check_hint(n, "return neap.inbox('a'):put('1', {})", NEAP_ELIMIT, "in C neap_options.state");
    CHECK_EQ_INT(neap_set(n, "opm.api_key", SECRET), NEAP_ESETTINGS);
    CHECK(strstr(neap_message(n), "in C by neap_set_secret \"opm.api_key\"") != NULL);
    neap_free(n);
}

/* --- folders ---------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    if (!CHECK(f != NULL)) return;
    fputs(text, f);
    fclose(f);
}

#define VENDOR                                                                                                       \
    "return vendor.define 'mini' { title = 'Mini', settings = { { 'base_url', type = 'string' } },\n"              \
    "  base_url = 'https://mini.test', endpoints = { list = { get = '/list' } } }\n"

/* A folder with a module and a vendor in it. */
static void make_folder(const char *dir) {
    char path[128];
    snprintf(path, sizeof path, "%s/greeting.lua", dir);
    write_text(path, "return { text = 'hello' }");
    snprintf(path, sizeof path, "%s/flow.lua", dir);
    write_text(path, "return neap.vendor('mini') ~= nil");
    snprintf(path, sizeof path, "%s/vendors", dir);
    CHECK_EQ_INT(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/vendors/mini.lua", dir);
    write_text(path, VENDOR);
}

static void remove_folder(const char *dir) {
    static const char *const files[] = {"greeting.lua", "flow.lua", "vendors/mini.lua"};
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/vendors", dir);
    rmdir(path);
    rmdir(dir);
}

static void test_folders(void) {
    char dir[] = "/tmp/neap-host-XXXXXX", path[64];
    neap *n = open_host();
    outcome o = {0};
    int script = 0;
    if (!CHECK(mkdtemp(dir) != NULL)) return;
    make_folder(dir);
    CHECK_EQ_INT(neap_add_path(n, dir), 0);
    CHECK_EQ_INT(neap_add_path(n, dir), 0);
    check_run(n, "return require('greeting').text", 0, "\"hello\"");
    check_run(n, "return neap.vendor('mini') ~= nil", 0, "true");
    check_refused(n, neap_add_path(n, ""), NEAP_EINVAL, "expected");
    check_refused(n, neap_add_path(n, NULL), NEAP_EINVAL, "expected");
    neap_free(n);
    n = open_host();
    snprintf(path, sizeof path, "%s/flow.lua", dir);
    CHECK_EQ_INT(neap_load_file(n, path, &script), 0);
    CHECK(neap_start(n, script, NULL, keep_outcome, &o) != NULL);
    run_host(n);
    CHECK_STR(o.text, "true");
    neap_free(n);
    remove_folder(dir);
}

/* --- the log ---------------------------------------------------------------------------------- */

static void test_log(neap *n) {
    host_lines[0] = '\0';
    check_run(n, "local log = neap.log\n"
                 "log.error('a') log.warn('b', { z = 1, a = 'with blanks' }) log.info 'c' log.debug 'two\\nlines'\n"
                 "log.trace 'too much'", 0, "");
    CHECK_STR(host_lines, "1 a\n2 b a=\"with blanks\" z=1\n3 c\n4 two\\nlines\n");
}

/* An end that nobody listens to is logged; one that was asked for is none. */
static void test_log_of_failures(neap *n) {
    host_lines[0] = '\0';
    CHECK(neap_start(n, load_text(n, "return 1"), NULL, NULL, NULL) != NULL);
    neap_cancel(neap_start(n, load_text(n, "return 1"), NULL, NULL, NULL));
    run_host(n);
    CHECK_STR(host_lines, "");
    CHECK(neap_start(n, load_text(n, "error 'x'"), NULL, NULL, NULL) != NULL);
    run_host(n);
    CHECK(strncmp(host_lines, "1 task failed error=\"test.lua:1: x\" traceback=", 46) == 0);
}

/* What a runtime with these options writes to standard error: by a copy of the descriptor. */
static void check_stderr(const neap_options *options, const char *words, const char *absent) {
    char got[4096] = "";
    int fds[2], saved = dup(STDERR_FILENO);
    neap *n = NULL;
    CHECK_EQ_INT(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    if (neap_new(&n, options) == 0)
        check_run(n, "neap.log.debug 'too much' neap.log.info 'told' neap.log.error 'failed'", 0, "");
    neap_free(n);
    dup2(saved, STDERR_FILENO);
    close(fds[1]);
    CHECK(read(fds[0], got, sizeof got - 1) > 0);
    CHECK(strstr(got, words) != NULL);
    CHECK(absent == NULL || strstr(got, absent) == NULL);
    close(fds[0]);
    close(saved);
}

static void test_stderr(void) {
    static const neap_options zeros, silent = {.state = "", .log_level = NEAP_ERROR};
    static const neap_options wild = {.state = "", .log_level = 99}, wrong = {.state = "", .log_level = -1};
    check_stderr(NULL, "Z info  told\n", "too much");
    check_stderr(&zeros, "Z info  told\n", "too much");
    check_stderr(&silent, "Z error failed\n", "told");
    check_stderr(&wild, "Z debug too much\n", NULL);
    check_stderr(&wrong, "Z error failed\n", "told");
}

/* --- limits and metrics ----------------------------------------------------------------------- */

static void test_memory_limit(void) {
    neap_options options = {.state = "", .memory_limit = 4 << 20};
    neap_metrics m;
    neap *n;
    outcome o;
    if (!CHECK_EQ_INT(neap_new(&n, &options), 0)) return;
    for (int i = 0; i < 3; i++) {
        start_text(n, "local t = {} for i = 1, 1e9 do t[i] = { i } end", &o);
        run_host(n);
        CHECK_EQ_INT(o.code, NEAP_ENOMEM);
        check_run(n, "collectgarbage() return 'alive'", 0, "\"alive\"");
    }
    neap_get_metrics(n, &m);
    CHECK(m.memory > 10000 && m.memory < 4 << 20);
    neap_free(n);
}

/* Too little for the library itself: there is no runtime whose message could say so. */
static void test_memory_too_small(void) {
    static char tag[] = "log";
    const neap_options options = {.memory_limit = 50000, .log = keep_line, .log_ud = tag};
    neap *n = NULL;
    host_lines[0] = '\0';
    CHECK_EQ_INT(neap_new(&n, &options), NEAP_ENOMEM);
    CHECK(n == NULL);
    CHECK_STR(host_lines, "1 no runtime: memory: not enough memory (memory_limit)\n");
}

static void test_time_limit(void) {
    neap_options options = {.state = "", .time_limit_ms = 50};
    neap *n;
    outcome o;
    if (!CHECK_EQ_INT(neap_new(&n, &options), 0)) return;
    start_text(n, "while true do pcall(function() while true do end end) end", &o);
    run_host(n);
    CHECK_EQ_INT(o.code, NEAP_ETIMEOUT);
    check_run(n, "neap.sleep(0.1) return 'waits do not count'", 0, "\"waits do not count\"");
    neap_free(n);
}

typedef struct text {
    char bytes[8192];
    size_t len;
} text;

static void add_text(void *ud, const char *bytes, size_t len) {
    text *t = ud;
    if (!CHECK(t->len + len < sizeof t->bytes)) return;
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

static void test_metrics(void) {
    neap *n = open_host();
    neap_metrics m;
    text one = {"", 0}, sum = {"", 0};
    const char *texts[2] = {one.bytes, one.bytes};
    size_t lens[2];
    outcome o;
    start_text(n, "neap.spawn(neap.sleep, 60) neap.sleep(60)", &o);
    neap_dispatch(n);
    neap_get_metrics(n, &m);
    CHECK_EQ_INT(m.tasks_started, 2);
    CHECK_EQ_INT(m.tasks_live, 2);
    CHECK_EQ_INT(m.calls + m.exchanges + m.sends, 0);
    CHECK(m.memory > 0);
    CHECK_EQ_INT(neap_write_metrics(n, add_text, &one), 0);
    CHECK(strstr(one.bytes, "neap_tasks_live 2\n") != NULL);
    lens[0] = lens[1] = one.len;
    CHECK_EQ_INT(neap_sum_metrics(texts, lens, 2, add_text, &sum), 0);
    CHECK(strstr(sum.bytes, "neap_tasks_live 4\n") != NULL);
    neap_free(n);
}

int main(void) {
    neap *n = open_host();
    test_settings(n);
    test_secrets(n);
    test_masks(n);
    test_log(n);
    test_log_of_failures(n);
    neap_free(n);
    test_hints();
    test_folders();
    test_stderr();
    test_memory_limit();
    test_memory_too_small();
    test_time_limit();
    test_metrics();
    return check_report();
}
