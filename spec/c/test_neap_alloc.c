/* test_neap_alloc.c: include/neap/neap.h when memory ends: the n-th allocation fails, for n = 1, 2 and so on, until
 * none does; then memory limits, from one that the library does not fit into to one that nobody meets. Whatever
 * happens, who is refused is told so, each task ends once, each exchange too, and the runtime goes on. */
#include "alloc_wrap.h"
#include "host.h"

/* --- an exchange ------------------------------------------------------------------------------ */

static int exchange_ends;

static int take_head(neap_exchange *ex, int status, const neap_field *fields, size_t count, long long length) {
    (void)ex;
    (void)fields;
    (void)count;
    (void)length;
    CHECK(status == 200 || status == 500);
    return 0;
}

static int take_body(neap_exchange *ex, const char *data, size_t len) {
    (void)ex;
    (void)data;
    (void)len;
    return 0;
}

static void take_end(neap_exchange *ex) {
    (void)ex;
    exchange_ends++;
}

static const neap_exchange_ops ops = {take_head, take_body, take_end, take_end};

/* --- a run ------------------------------------------------------------------------------------ */

static bool refused; /* somebody was refused for lack of memory */

/* Fine, or refused for lack of memory. */
static bool good(neap *n, int rc) {
    if (rc == 0) return true;
    refused = true;
    if (CHECK_EQ_INT(rc, NEAP_ENOMEM)) CHECK(strstr(neap_message(n), "memory") != NULL);
    else fprintf(stderr, "    %s\n", neap_message(n));
    return false;
}

static void check_outcome(const outcome *o, bool started, bool cancelled) {
    CHECK_EQ_INT(o->count, started);
    if (o->code == NEAP_ENOMEM) refused = true;
    else if (!cancelled) CHECK_STR(o->code == 0 ? "" : o->text, "");
    else if (started) CHECK_EQ_INT(o->code, NEAP_ECANCELLED);
}

static const char work[] = "local a = ...\n"
                           "local t = neap.spawn(function() neap.sleep(0) return { a.list[1] } end)\n"
                           "neap.log.info('working', { on = 'it' })\n"
                           "return { t:await()[1], tostring(neap.secret 'key'), neap.setting 'mode' }";
static const char answer[] = "return function(req) return { body = { req.path } } end";

static neap_task *start_value(neap *n, int script, outcome *o) {
    neap_value *list = neap_array(), *args = neap_object();
    neap_task *task;
    neap_value_add(list, neap_integer(1));
    neap_value_set(args, "list", list);
    task = neap_start_value(n, script, args, keep_outcome, o);
    neap_value_free(args);
    if (task == NULL) refused = true;
    return task;
}

/* Everything once. */
static void use(neap *n) {
    neap_exchange ex = {.ops = &ops, .method = "GET", .target = "/x"};
    outcome o[3] = {{0}};
    int script = 0, handler = 0;
    bool started[3] = {false}, served = false;
    exchange_ends = 0;
    good(n, neap_set(n, "mode", "fast"));
    good(n, neap_set_secret(n, "key", "hush-hush", 9));
    if (good(n, neap_load(n, "work", work, sizeof work - 1, &script))) {
        neap_task *task = neap_start(n, script, "{\"list\":[1]}", keep_outcome, &o[0]);
        started[0] = task != NULL;
        if (task == NULL) refused = true;
        started[1] = start_value(n, script, &o[1]) != NULL;
        task = start_value(n, script, &o[2]);
        started[2] = task != NULL;
        neap_cancel(task);
    }
    if (good(n, neap_load(n, "answer", answer, sizeof answer - 1, &handler)))
        served = good(n, neap_serve(n, handler, &ex));
    run_host(n);
    for (int i = 0; i < 3; i++) check_outcome(&o[i], started[i], i == 2);
    CHECK_EQ_INT(exchange_ends, served);
}

static void run_host_of(const neap_options *options, alloc_fault fault, long spared) {
    neap *n = NULL;
    int rc;
    refused = false;
    host_lines[0] = '\0';
    alloc_fail(fault, spared);
    rc = neap_new(&n, options);
    if (rc == 0) {
        use(n);
        neap_drain(n, 0);
        run_host(n);
    }
    alloc_succeed();
    CHECK(rc == 0 || rc == NEAP_ENOMEM);
    if (rc < 0) refused = true;
    neap_free(n);
}

static char tag[] = "log";
static neap_options options = {.state = "", .log = keep_line, .log_ud = tag, .log_level = NEAP_INFO};

static void run_failing(void *ud, alloc_fault fault, long n) {
    (void)ud;
    run_host_of(&options, fault, n);
}

/* The same with everything alive at the end, and after the fault the runtime works. */
static void run_alive(void *ud, alloc_fault fault, long n) {
    neap *host = NULL;
    int script = 0;
    (void)ud;
    CHECK_EQ_INT(neap_new(&host, &options), 0);
    CHECK_EQ_INT(neap_load(host, "sleep", "neap.sleep(60)", 14, &script), 0);
    alloc_fail(fault, n);
    for (int i = 0; i < 3; i++) neap_start(host, script, NULL, NULL, NULL);
    neap_background(neap_start(host, script, NULL, NULL, NULL));
    neap_dispatch(host);
    neap_cancel(neap_start(host, script, "1", NULL, NULL));
    neap_drain(host, 1000);
    neap_dispatch(host);
    alloc_succeed();
    neap_free(host);
}

/* Where there is no memory for the time of grace, it is over at once, for exchanges, too. */
static void run_without_grace(void *ud, alloc_fault fault, long n) {
    neap *host = NULL;
    neap_exchange ex = {.ops = &ops, .method = "GET", .target = "/x"};
    int script = 0;
    bool ended;
    (void)ud;
    CHECK_EQ_INT(neap_new(&host, &options), 0);
    CHECK_EQ_INT(neap_load(host, "wait", "require('neap.native.event').new():wait()", 41, &script), 0);
    CHECK(neap_start(host, script, NULL, NULL, NULL) != NULL);
    neap_dispatch(host);
    alloc_fail(fault, n);
    for (int i = 0; i < 8; i++) neap_background(neap_start(host, script, NULL, NULL, NULL));
    neap_drain(host, 100000);
    neap_dispatch(host);
    alloc_succeed();
    ended = neap_live(host) == 0;
    exchange_ends = 0;
    CHECK_EQ_INT(neap_serve(host, script, &ex), ended ? NEAP_ECANCELLED : 0);
    neap_free(host);
    CHECK_EQ_INT(exchange_ends, !ended);
}

static void run_afterwards(void *ud, alloc_fault fault, long n) {
    neap *host = NULL;
    (void)ud;
    CHECK_EQ_INT(neap_new(&host, &options), 0);
    alloc_fail(fault, n);
    use(host);
    alloc_succeed();
    refused = false;
    use(host);
    CHECK(!refused);
    neap_free(host);
}

/* Finer than the failures above: Lua's memory comes in chunks, a limit counts bytes. */
static void test_limits(void) {
    size_t limit = 16 << 10;
    unsigned refusals = 0;
    do {
        options.memory_limit = limit;
        run_host_of(&options, ALLOC_FAIL_NONE, 0);
        refusals += refused;
        limit += 509;
    } while (refused && limit < 8 << 20);
    options.memory_limit = 0;
    CHECK(!refused && refusals > 100);
}

int main(void) {
    alloc_try("all of it", 20, run_failing, NULL);
    alloc_try("alive", 40, run_alive, NULL);
    alloc_try("without grace", 40, run_without_grace, NULL);
    alloc_try("afterwards", 40, run_afterwards, NULL);
    test_limits();
    return check_report();
}
