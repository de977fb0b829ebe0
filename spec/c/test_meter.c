/* test_meter.c: core/meter.h: what is counted, its text, sums of texts, memory that ends. */
#include "../../csrc/core/meter.h"

#include "../../csrc/core/buf.h"
#include "alloc.h"

void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size) {
    return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return alloc_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size) {
    return alloc_fails() ? NULL : __real_realloc(p, size);
}

#define SEC INT64_C(1000000000)
#define MS INT64_C(1000000)

static void add_piece(void *ud, const char *text, size_t len) {
    CHECK_EQ_INT(neap_buf_add(ud, text, len), 0);
}

/* The text at `now`, NUL-terminated. The caller frees. */
static char *text_at(const neap_meter *m, int64_t now) {
    neap_meter_state state = {.now = now, .tasks_live = 2, .tasks_started = 7, .memory = 4096};
    neap_buf b = {0};
    neap_meter_write(m, &state, add_piece, &b);
    CHECK_EQ_INT(neap_buf_add(&b, "", 1), 0);
    return b.data;
}

static bool has_line(const char *text, const char *line) {
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at += len)
        if ((at == text || at[-1] == '\n') && at[len] == '\n') return true;
    return false;
}

static void check_lines(const char *text, const char *const *lines) {
    for (; *lines != NULL; lines++)
        if (!check_that(has_line(text, *lines), __FILE__, __LINE__, *lines)) fprintf(stderr, "%s\n", text);
}

static neap_meter *new_meter(void) {
    neap_meter *m = NULL;
    CHECK_EQ_INT(neap_meter_new(&m), 0);
    return m;
}

/* Two calls of three sends and a refused one, a login, a wait of two, an exchange. */
static neap_meter *sample_meter(void) {
    neap_meter *m = new_meter();
    neap_meter_endpoint *put = neap_meter_get_endpoint(m, "acme", "put", false);
    neap_meter_endpoint *login = neap_meter_get_endpoint(m, "acme", "login", true);
    neap_meter_wait *limit = neap_meter_get_wait(m, "acme", "10/1s");
    neap_meter_script *script = neap_meter_get_script(m, "hook.lua");
    neap_meter_add_send(put, false, 0, NEAP_FAILURE_NONE);
    neap_meter_add_send_time(put, 5 * MS);
    neap_meter_add_send(put, true, 503, NEAP_FAILURE_NONE);
    neap_meter_add_send_time(put, 5 * MS + 1);
    neap_meter_add_send(put, true, 0, NEAP_FAILURE_NETWORK);
    neap_meter_add_send_time(put, 61 * SEC);
    neap_meter_add_call(put, 0, 300 * MS);
    neap_meter_add_call(put, NEAP_EOUTAGE, 61 * SEC);
    neap_meter_add_call(put, NEAP_EINVAL, -1);
    neap_meter_add_send(login, false, 0, NEAP_FAILURE_NONE);
    neap_meter_enter(limit, 2, 1 * SEC);
    neap_meter_add_waits(limit, 2);
    neap_meter_leave(limit, 1, 2 * SEC);
    neap_meter_begin_exchange(script);
    neap_meter_begin_exchange(script);
    neap_meter_end_exchange(script, 204, 20 * MS);
    return m;
}

static void test_text(void) {
    static const char *const lines[] = {
        "# HELP neap_tasks_live Tasks that have not ended.",
        "# TYPE neap_tasks_live gauge",
        "neap_tasks_live 2",
        "# TYPE neap_tasks_started_total counter",
        "neap_tasks_started_total 7",
        "neap_memory_bytes 4096",
        "neap_calls_total{vendor=\"acme\",endpoint=\"put\",outcome=\"ok\"} 1",
        "neap_calls_total{vendor=\"acme\",endpoint=\"put\",outcome=\"invalid\"} 1",
        "neap_calls_total{vendor=\"acme\",endpoint=\"put\",outcome=\"outage\"} 1",
        "neap_calls_total{vendor=\"acme\",endpoint=\"login\",outcome=\"ok\"} 0",
        "# TYPE neap_call_duration_seconds histogram",
        "neap_call_duration_seconds_bucket{vendor=\"acme\",endpoint=\"put\",le=\"0.25\"} 0",
        "neap_call_duration_seconds_bucket{vendor=\"acme\",endpoint=\"put\",le=\"0.5\"} 1",
        "neap_call_duration_seconds_bucket{vendor=\"acme\",endpoint=\"put\",le=\"+Inf\"} 2",
        "neap_call_duration_seconds_sum{vendor=\"acme\",endpoint=\"put\"} 61.3",
        "neap_call_duration_seconds_count{vendor=\"acme\",endpoint=\"put\"} 2",
        "neap_sends_total{vendor=\"acme\",endpoint=\"put\"} 3",
        "neap_send_duration_seconds_bucket{vendor=\"acme\",endpoint=\"put\",le=\"0.005\"} 1",
        "neap_send_duration_seconds_bucket{vendor=\"acme\",endpoint=\"put\",le=\"0.01\"} 2",
        "neap_send_duration_seconds_bucket{vendor=\"acme\",endpoint=\"put\",le=\"60\"} 2",
        "neap_send_duration_seconds_bucket{vendor=\"acme\",endpoint=\"put\",le=\"+Inf\"} 3",
        "neap_send_duration_seconds_sum{vendor=\"acme\",endpoint=\"put\"} 61.010000001",
        "neap_login_sends_total{vendor=\"acme\",endpoint=\"login\"} 1",
        "neap_retries_total{vendor=\"acme\",endpoint=\"put\",reason=\"503\"} 1",
        "neap_retries_total{vendor=\"acme\",endpoint=\"put\",reason=\"network\"} 1",
        "neap_waits_total{vendor=\"acme\",limit=\"10/1s\"} 2",
        "neap_wait_seconds_total{vendor=\"acme\",limit=\"10/1s\"} 4.5",
        "neap_calls_waiting{vendor=\"acme\",limit=\"10/1s\"} 1",
        "neap_exchanges_total{script=\"hook.lua\",status=\"2xx\"} 1",
        "neap_exchange_duration_seconds_bucket{script=\"hook.lua\",status=\"2xx\",le=\"0.025\"} 1",
        "neap_exchange_duration_seconds_sum{script=\"hook.lua\",status=\"2xx\"} 0.02",
        "neap_exchanges_live{script=\"hook.lua\"} 1",
        NULL};
    neap_meter *m = sample_meter();
    char *text = text_at(m, 4 * SEC + SEC / 2);
    check_lines(text, lines);
    CHECK(strstr(text, "neap_login_sends_total{vendor=\"acme\",endpoint=\"put\"}") == NULL);
    free(text);
    neap_meter_free(m);
}

static void test_nothing_yet(void) {
    char *text = text_at(NULL, 0);
    neap_metrics sums;
    CHECK(has_line(text, "# TYPE neap_calls_total counter"));
    CHECK(strchr(text, '{') == NULL);
    neap_meter_totals(NULL, &(neap_meter_state){.tasks_started = 3, .memory = 9}, &sums);
    CHECK(sums.tasks_started == 3 && sums.memory == 9 && sums.calls == 0);
    neap_meter_free(NULL);
    free(text);
}

static void test_totals(void) {
    neap_meter *m = sample_meter();
    neap_meter_state state = {.now = 3 * SEC, .tasks_live = 1, .tasks_started = 5, .memory = 100};
    neap_metrics sums;
    neap_meter_totals(m, &state, &sums);
    CHECK_EQ_INT(sums.tasks_live, 1);
    CHECK_EQ_INT(sums.tasks_started, 5);
    CHECK_EQ_INT(sums.memory, 100);
    CHECK_EQ_INT(sums.exchanges, 2);
    CHECK_EQ_INT(sums.calls, 3);
    CHECK_EQ_INT(sums.calls_failed, 2);
    CHECK_EQ_INT(sums.sends, 4);
    CHECK_EQ_INT(sums.retries, 2);
    CHECK_EQ_INT(sums.waits, 2);
    CHECK(sums.wait_seconds == 3.0);
    neap_meter_free(m);
}

static void test_waits_of_many(void) {
    neap_meter *m = new_meter();
    neap_meter_wait *w = neap_meter_get_wait(m, "v", "retry");
    char *text;
    neap_meter_enter(w, 10000, 0);
    neap_meter_leave(w, 9999, 3 * SEC);
    neap_meter_leave(w, 5, 2 * SEC); /* another clock began: no time has passed; and more than there are */
    text = text_at(m, 100 * SEC);
    CHECK(has_line(text, "neap_wait_seconds_total{vendor=\"v\",limit=\"retry\"} 30000"));
    CHECK(has_line(text, "neap_calls_waiting{vendor=\"v\",limit=\"retry\"} 0"));
    free(text);
    neap_meter_enter(NULL, 1, 0);
    neap_meter_leave(NULL, 1, 0);
    neap_meter_add_waits(NULL, 1);
    neap_meter_add_call(NULL, 0, 0);
    neap_meter_add_send(NULL, true, 0, NEAP_FAILURE_NONE);
    neap_meter_add_send_time(NULL, 0);
    neap_meter_begin_exchange(NULL);
    neap_meter_end_exchange(NULL, 200, 0);
    neap_meter_free(m);
}

static void check_shut(const neap_meter *m, int64_t now, const char *line) {
    char *text = text_at(m, now);
    CHECK(has_line(text, line));
    free(text);
}

static void test_gates(void) {
    neap_meter *m = new_meter();
    neap_meter_gate a = {0}, b = {0}, other = {0}, none = {0};
    CHECK_EQ_INT(neap_meter_open_gate(m, &a, "v"), 0);
    CHECK_EQ_INT(neap_meter_open_gate(m, &b, "v"), 0);
    CHECK_EQ_INT(neap_meter_open_gate(m, &other, "w"), 0);
    CHECK(a.vendor == b.vendor && a.vendor != other.vendor);
    CHECK(a.vendor->gate == neap_meter_get_wait(m, "v", "gate"));
    check_shut(m, 0, "neap_gates_shut{vendor=\"v\"} 0");
    neap_meter_set_gate(&a, INT64_MAX);
    neap_meter_set_gate(&b, 5 * SEC);
    check_shut(m, 5 * SEC - 1, "neap_gates_shut{vendor=\"v\"} 2");
    check_shut(m, 5 * SEC, "neap_gates_shut{vendor=\"v\"} 1");
    check_shut(m, 0, "neap_gates_shut{vendor=\"w\"} 0");
    neap_meter_set_gate(&a, 0);
    check_shut(m, 0, "neap_gates_shut{vendor=\"v\"} 1");
    neap_meter_close_gate(&b);
    neap_meter_close_gate(&b);
    neap_meter_close_gate(&none);
    check_shut(m, 0, "neap_gates_shut{vendor=\"v\"} 0");
    neap_meter_free(m);
    neap_meter_close_gate(&a); /* after its meter */
    CHECK(other.link == NULL && other.vendor == NULL);
}

static void test_names(void) {
    char long_name[1000];
    neap_meter *m = new_meter();
    char *text;
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    neap_meter_get_script(m, "a\"b\\c\nd\te\x7f");
    neap_meter_get_script(m, "caf\xc3\xa9 \xff\xc3");
    CHECK(neap_meter_get_script(m, long_name) == neap_meter_get_script(m, long_name));
    CHECK(neap_meter_get_script(m, "a") != neap_meter_get_script(m, "b"));
    CHECK(neap_meter_get_endpoint(m, "v", "e", false) == neap_meter_get_endpoint(m, "v", "e", true));
    text = text_at(m, 0);
    CHECK(has_line(text, "neap_exchanges_live{script=\"a\\\"b\\\\c\\nd?e?\"} 0"));
    CHECK(has_line(text, "neap_exchanges_live{script=\"caf\xc3\xa9 ??\"} 0"));
    CHECK(has_line(text, "neap_login_sends_total{vendor=\"v\",endpoint=\"e\"} 0"));
    CHECK(strstr(text, "xxxxxxxxxx\"} 0\n") != NULL && strlen(text) < 6000);
    free(text);
    neap_meter_free(m);
}

static void test_too_many(void) {
    neap_meter *m = new_meter();
    neap_meter_endpoint *other = NULL;
    for (int i = 0; i < NEAP_METER_SERIES_MAX + 100; i++) {
        char name[20];
        snprintf(name, sizeof name, "e%d", i);
        neap_meter_endpoint *e = neap_meter_get_endpoint(m, "v", name, false);
        if (i == NEAP_METER_SERIES_MAX) other = e;
        if (i > NEAP_METER_SERIES_MAX) CHECK(e == other);
    }
    CHECK(neap_meter_get_endpoint(m, "v", "e5", false) != other);
    CHECK(neap_meter_get_endpoint(m, "other", "other", false) == other);
    neap_meter_free(m);
}

static void test_reasons(void) {
    neap_meter *m = new_meter();
    neap_meter_endpoint *e = neap_meter_get_endpoint(m, "v", "e", false);
    neap_metrics sums;
    char *text;
    for (int status = 500; status < 520; status++) neap_meter_add_send(e, true, status, NEAP_FAILURE_NONE);
    neap_meter_add_send(e, true, 500, NEAP_FAILURE_NONE);
    neap_meter_add_call(e, -1000, 0);
    neap_meter_add_call(e, 5, 0);
    text = text_at(m, 0);
    CHECK(has_line(text, "neap_retries_total{vendor=\"v\",endpoint=\"e\",reason=\"500\"} 2"));
    CHECK(has_line(text, "neap_retries_total{vendor=\"v\",endpoint=\"e\",reason=\"other status\"} 9"));
    CHECK(has_line(text, "neap_calls_total{vendor=\"v\",endpoint=\"e\",outcome=\"bug\"} 2"));
    neap_meter_totals(m, &(neap_meter_state){0}, &sums);
    CHECK_EQ_INT(sums.retries, 21);
    free(text);
    neap_meter_free(m);
}

/* --- sums of texts ---------------------------------------------------------------------------------- */

/* The sum of up to three texts, NUL-terminated. The caller frees. */
static char *sum_of(const char *a, const char *b, const char *c) {
    const char *texts[] = {a, b, c};
    size_t lens[] = {strlen(a), strlen(b), strlen(c)};
    neap_buf out = {0};
    CHECK_EQ_INT(neap_meter_sum(texts, lens, 3, add_piece, &out), 0);
    CHECK_EQ_INT(neap_buf_add(&out, "", 1), 0);
    return out.data;
}

static void check_sum(const char *a, const char *b, const char *c, const char *want) {
    char *got = sum_of(a, b, c);
    CHECK_STR(got, want);
    free(got);
}

static void test_sum(void) {
    check_sum("", "", "", "");
    check_sum("a 1\n", "a 2\n", "a 0.5\n", "a 3.5\n");
    check_sum("# HELP a x\n# TYPE a counter\na{l=\"1\"} 1\na{l=\"2\"} 2\nb 1\n",
              "# HELP a x\n# TYPE a counter\na{l=\"3\"} 5\na{l=\"1\"} 1\n# TYPE c gauge\n", "b 0.75\nb 0.25\n",
              "# HELP a x\n# TYPE a counter\na{l=\"1\"} 2\na{l=\"2\"} 2\na{l=\"3\"} 5\nb 2\n# TYPE c gauge\n");
    check_sum("a{l=\"} 9\\\" \"} 1\n", "a{l=\"} 9\\\" \"} 2\n", "a{l=\"} 9\"} 4\n",
              "a{l=\"} 9\\\" \"} 3\na{l=\"} 9\"} 4\n");
    check_sum("a 0.999999999\n", "a 0.000000001\n", "", "a 1\n");
    check_sum("a 9999999999999999999\n", "a 9999999999999999999.5\n", "a 1\n", "a 18446744073709551615.5\n");
}

static void test_sum_of_nonsense(void) {
    static const char *const lines[] = {
        "a", "a ", " 1", "1a 1", "a 1 2", "a NaN", "a -1", "a 1e3", "a 1.", "a .5", "a 1.0000000001", "a{ 1",
        "a{l=\"x} 1", "a{l=\"x\"}1", "a{l=\"x\"}", "a 10000000000000000000000", "# HELP", "# HELP  x", "# x", "{} 1",
        "a\t1", "\xff 1", "a 1\r", "", NULL};
    for (int i = 0; lines[i] != NULL; i++) {
        char text[100];
        snprintf(text, sizeof text, "b 1\n%s\nb 2\n", lines[i]);
        check_sum(text, "", "", "b 3\n");
    }
}

static void test_sum_of_many_families(void) {
    neap_buf text = {0};
    char *sum;
    for (int i = 0; i < 2000; i++) CHECK_EQ_INT(neap_buf_printf(&text, "a%d 1\n", i), 0);
    CHECK_EQ_INT(neap_buf_add(&text, "", 1), 0);
    sum = sum_of(text.data, text.data, "");
    CHECK(has_line(sum, "a0 2") && has_line(sum, "a255 2") && strstr(sum, "a256 ") == NULL);
    free(sum);
    neap_buf_free(&text);
}

#define PUT_SENDS "neap_send_duration_seconds_bucket{vendor=\"acme\",endpoint=\"put\""
#define LOGIN_SENDS "neap_send_duration_seconds_bucket{vendor=\"acme\",endpoint=\"login\""

/* The lines of one histogram are the same in both. */
static bool same_histogram(const char *a, const char *b) {
    const char *in_a = strstr(a, PUT_SENDS), *in_b = strstr(b, PUT_SENDS), *end = strstr(in_b, LOGIN_SENDS);
    return strncmp(in_a, in_b, (size_t)(end - in_b)) == 0;
}

/* Wherever a text is cut off, a histogram counts whole or not at all. */
static void test_cut_off(void) {
    neap_meter *m = sample_meter();
    char *text = text_at(m, 2 * SEC), *twice = sum_of(text, text, "");
    size_t end = (size_t)(strstr(text, LOGIN_SENDS) - text);
    check_sum(text, "", "", text);
    CHECK(has_line(twice, "neap_send_duration_seconds_sum{vendor=\"acme\",endpoint=\"put\"} 122.020000002"));
    for (size_t len = 0; len <= strlen(text); len++) {
        char *cut = strndup(text, len), *sum = sum_of(text, cut, "");
        CHECK(same_histogram(sum, len >= end ? twice : text));
        free(cut);
        free(sum);
    }
    free(text);
    free(twice);
    neap_meter_free(m);
}

/* --- memory that ends ------------------------------------------------------------------------------- */

static void count_something(void *ud, alloc_fault fault, long n) {
    neap_meter_gate gate = {0};
    neap_meter *m = NULL;
    bool done;
    (void)ud;
    alloc_fail(fault, n);
    done = neap_meter_new(&m) == 0 && neap_meter_get_endpoint(m, "vendor", "endpoint", true) != NULL &&
           neap_meter_get_wait(m, "vendor", "limit") != NULL && neap_meter_get_script(m, "script") != NULL &&
           neap_meter_open_gate(m, &gate, "vendor") == 0;
    alloc_succeed();
    CHECK(done == !alloc_failed);
    CHECK((gate.link != NULL) == done);
    if (m != NULL) { /* a series that could not be made is made now */
        CHECK(neap_meter_get_endpoint(m, "vendor", "endpoint", true) != NULL);
        CHECK_EQ_INT(neap_meter_open_gate(m, &gate, "vendor2"), 0);
        free(text_at(m, 0));
    }
    neap_meter_free(m);
}

static void count_pieces(void *ud, const char *text, size_t len) {
    (void)text;
    *(size_t *)ud += len;
}

static void sum_something(void *ud, alloc_fault fault, long n) {
    static const char text[] = "# HELP a x\na 1\na{l=\"1\"} 2\nb 3\nc 4\nd 5\n";
    const char *texts[] = {text, ud};
    size_t lens[] = {sizeof text - 1, strlen(ud)}, written = 0;
    int rc;
    alloc_fail(fault, n);
    rc = neap_meter_sum(texts, lens, 2, count_pieces, &written);
    alloc_succeed();
    CHECK_EQ_INT(rc, alloc_failed ? NEAP_ENOMEM : 0);
    CHECK((written > 0) == (rc == 0));
}

int main(void) {
    neap_meter *m = sample_meter();
    char *text = text_at(m, 0);
    test_text();
    test_nothing_yet();
    test_totals();
    test_waits_of_many();
    test_gates();
    test_names();
    test_too_many();
    test_reasons();
    test_sum();
    test_sum_of_nonsense();
    test_sum_of_many_families();
    test_cut_off();
    alloc_try("a meter", 0, count_something, NULL);
    alloc_try("a sum", 0, sum_something, text);
    free(text);
    neap_meter_free(m);
    return check_report();
}
