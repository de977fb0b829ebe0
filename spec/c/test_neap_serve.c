/* test_neap_serve.c: include/neap/exchange.h: a host that hands exchanges to scripts. */
#include "host.h"

/* A client of the test: what it asks, and what it gets. */
typedef struct client {
    neap_exchange ex; /* first: ops get the client back from it */
    neap *n;
    int status;
    char fields[512], body[1024];
    int ended, aborted;
    bool gone;
    int narrow;                    /* so many pieces are taken with a 1 */
    void (*on_write)(struct client *); /* what the host does in the middle of an op; NULL: nothing */
} client;

static int client_head(neap_exchange *ex, int status, const neap_field *fields, size_t count, long long length) {
    client *c = (client *)ex;
    CHECK_EQ_INT(c->status + c->ended + c->aborted, 0);
    CHECK(length >= -1);
    if (c->gone) return NEAP_ECANCELLED;
    c->status = status;
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(c->fields);
        snprintf(c->fields + used, sizeof c->fields - used, "%.*s: %.*s\n", (int)fields[i].name_len, fields[i].name,
                 (int)fields[i].value_len, fields[i].value);
    }
    return 0;
}

static int client_write(neap_exchange *ex, const char *data, size_t len) {
    client *c = (client *)ex;
    size_t used = strlen(c->body);
    CHECK(c->status > 0 && c->ended == 0);
    if (c->gone) return NEAP_ECANCELLED;
    snprintf(c->body + used, sizeof c->body - used, "%.*s", (int)len, data);
    if (c->on_write != NULL) c->on_write(c);
    return c->narrow-- > 0;
}

static void client_end(neap_exchange *ex) {
    client *c = (client *)ex;
    CHECK_EQ_INT(c->ended + c->aborted, 0);
    c->ended++;
}

static void client_abort(neap_exchange *ex) {
    client *c = (client *)ex;
    CHECK_EQ_INT(c->ended + c->aborted, 0);
    c->aborted++;
}

static const neap_exchange_ops ops = {client_head, client_write, client_end, client_abort};

static client ask(neap *n, const char *method, const char *target, const char *body) {
    static const neap_field fields[] = {{"Content-Type", "application/json", 12, 16}, {"X-Id", "7", 4, 1}};
    return (client){.n = n, .ex = {.ops = &ops, .method = method, .target = target, .fields = fields, .field_count = 2,
                                   .body = body, .body_len = body != NULL ? strlen(body) : 0}};
}

static void serve(neap *n, int script, client *c) {
    if (!CHECK_EQ_INT(neap_serve(n, script, &c->ex), 0)) CHECK_STR(neap_message(n), "");
}

/* Asks once and waits for the answer. */
static void check_answer(neap *n, int script, const char *target, int status, const char *body) {
    client c = ask(n, "POST", target, "{\"a\":[1]}");
    serve(n, script, &c);
    CHECK_EQ_INT(c.status, 0); /* not before a dispatch */
    run_host(n);
    CHECK_EQ_INT(c.status, status);
    if (body != NULL) CHECK_STR(c.body, body);
    CHECK_EQ_INT(c.ended, 1);
    CHECK_EQ_INT(c.aborted, 0);
}

/* --- answers ---------------------------------------------------------------------------------- */

static const char echo[] =
    "opened = (opened or 0) + 1\n"
    "return function(req)\n"
    "  if req.path == '/fail' then error 'on purpose' end\n"
    "  if req.path == '/none' then return nil end\n"
    "  if req.path == '/table' then return { status = 201, headers = { ['X-A'] = '1' }, body = { list = { 1, 2 } } } end\n"
    "  if req.path == '/stream' then\n"
    "    return { body = function(write) for i = 1, 3 do write(tostring(i)) neap.sleep(0.001) end end }\n"
    "  end\n"
    "  neap.sleep(0.001)\n"
    "  return req.method .. ' ' .. req.path .. ' ' .. (req.args.x or '-') .. ' ' .. req:header 'x-id' ..\n"
    "    ' ' .. req:json().a[1] .. ' ' .. opened\n"
    "end\n";

static void test_answers(neap *n) {
    int script = load_text(n, echo);
    neap_metrics m;
    host_lines[0] = '\0';
    check_answer(n, script, "/a%20b?x=y", 200, "POST /a b y 7 1 1");
    check_answer(n, script, "/", 200, "POST / - 7 1 1");
    check_answer(n, script, "/none", 204, "");
    check_answer(n, script, "/table", 201, "{\"list\":[1,2]}");
    check_answer(n, script, "/stream", 200, "123");
    CHECK_STR(host_lines, "");
    check_answer(n, script, "/fail", 500, NULL);
    CHECK(strstr(host_lines, "1 request failed ") != NULL);
    CHECK(strstr(host_lines, "on purpose") != NULL);
    neap_get_metrics(n, &m);
    CHECK_EQ_INT(m.exchanges, 6);
}

/* Many at once: each waits for itself. */
static void test_many(neap *n) {
    enum { MANY = 200 };
    static client clients[MANY];
    int script = load_text(n, "return function(req) neap.sleep(0.02) return req.args.i end");
    char targets[MANY][16], want[8];
    for (int i = 0; i < MANY; i++) {
        snprintf(targets[i], sizeof targets[i], "/?i=%d", i);
        clients[i] = ask(n, "GET", targets[i], NULL);
        serve(n, script, &clients[i]);
    }
    run_host(n);
    for (int i = 0; i < MANY; i++) {
        snprintf(want, sizeof want, "%d", i);
        CHECK_STR(clients[i].body, want);
    }
}

static void test_not_a_handler(neap *n) {
    host_lines[0] = '\0';
    check_answer(n, load_text(n, "return 7"), "/", 500, NULL);
    check_answer(n, load_text(n, "error 'x'"), "/", 500, NULL);
    CHECK(strstr(host_lines, "neap.handler") != NULL);
}

/* Before the first exchange, and once for all. */
static void test_open(neap *n) {
    int script = load_text(n, "opened_here = (opened_here or 0) + 1 neap.sleep(0.001)\n"
                              "return function() return tostring(opened_here) end");
    int wrong = load_text(n, "return 7");
    host_lines[0] = '\0';
    CHECK_EQ_INT(neap_open(n, script), 0);
    CHECK_EQ_INT(neap_open(n, script), 0);
    check_answer(n, script, "/", 200, "1");
    CHECK_STR(host_lines, "");
    CHECK_EQ_INT(neap_open(n, wrong), 0);
    run_host(n);
    CHECK(strstr(host_lines, "neap.handler") != NULL);
    CHECK_EQ_INT(neap_open(n, 1000), NEAP_EINVAL);
}

static void test_refused(void) {
    neap *n = open_host();
    int script = load_text(n, "return function() return 'x' end");
    client c = ask(n, "GET", "/", NULL);
    CHECK_EQ_INT(neap_serve(n, script + 1, &c.ex), NEAP_EINVAL);
    CHECK_EQ_INT(neap_init(n, script + 1), NEAP_EINVAL);
    neap_drain(n, 0);
    CHECK_EQ_INT(neap_serve(n, script, &c.ex), NEAP_ECANCELLED);
    CHECK_EQ_INT(c.status + c.ended + c.aborted, 0); /* still ours */
    neap_free(n);
    CHECK_EQ_INT(c.status + c.ended + c.aborted, 0);
}

/* --- a script that is run first --------------------------------------------------------------- */

static void test_init(void) {
    neap *n = open_host();
    int script = load_text(n, "return function() return prepared end");
    CHECK_EQ_INT(neap_init(n, load_text(n, "neap.sleep(0.01) prepared = 'yes'")), 0);
    check_answer(n, script, "/", 200, "yes");
    neap_free(n);
    n = open_host();
    script = load_text(n, "return function() return 'x' end");
    CHECK_EQ_INT(neap_init(n, load_text(n, "error 'not today'")), 0);
    check_answer(n, script, "/", 500, NULL);
    CHECK(strstr(host_lines, "not today") != NULL);
    neap_free(n);
}

/* --- ends before their time ------------------------------------------------------------------- */

static void leave(client *c) {
    c->gone = true;
    if (c->ex.on_gone != NULL) c->ex.on_gone(&c->ex);
}

/* Its task is cancelled, and lets go of the exchange. */
static void test_gone(neap *n) {
    client c = ask(n, "GET", "/", NULL);
    int script = load_text(n, "return function()\n"
                              "  local _ <close> = setmetatable({}, { __close = function() closed = true end })\n"
                              "  neap.sleep(60)\n"
                              "end");
    serve(n, script, &c);
    neap_dispatch(n);
    leave(&c);
    CHECK_EQ_INT(c.aborted, 0);
    run_host(n);
    CHECK_EQ_INT(c.aborted, 1);
    check_run(n, "return closed", 0, "true");
}

/* It comes and goes before anything has run. */
static void test_gone_at_once(neap *n) {
    client c = ask(n, "GET", "/", NULL);
    serve(n, load_text(n, "ran = true return function() end"), &c);
    leave(&c);
    run_host(n);
    CHECK_EQ_INT(c.aborted, 1);
}

/* A client that reads slowly, and leaves while the handler waits for it. */
static void test_slow(neap *n) {
    client c = ask(n, "GET", "/", NULL);
    int script = load_text(n, "return function() return { body = function(write)\n"
                              "  for i = 1, 3 do if not write(tostring(i)) then return end end\n"
                              "end } end");
    c.narrow = 1;
    serve(n, script, &c);
    while (c.body[0] == '\0' && turn_host(n)) continue;
    CHECK_STR(c.body, "1");
    CHECK_EQ_INT(neap_live(n), 1);
    c.ex.on_drain(&c.ex);
    run_host(n);
    CHECK_STR(c.body, "123");
    c = ask(n, "GET", "/", NULL);
    c.narrow = 1;
    serve(n, script, &c);
    while (c.body[0] == '\0' && turn_host(n)) continue;
    leave(&c);
    run_host(n);
    CHECK_STR(c.body, "1");
    CHECK_EQ_INT(c.aborted, 1);
}

/* A task that waits for room while another one ends the answer. */
static void test_ended_meanwhile(neap *n) {
    client c = ask(n, "GET", "/", NULL);
    int script = load_text(n, "return function() return { body = function(write)\n"
                              "  neap.spawn(function() local ok, err = write 'x' told = tostring(ok or err) end)\n"
                              "  neap.sleep(0.01)\n"
                              "end } end");
    c.narrow = 1;
    serve(n, script, &c);
    run_host(n);
    CHECK_STR(c.body, "x");
    CHECK_EQ_INT(c.ended, 1);
    check_run(n, "return told", 0, "\"cancelled: the answer was ended meanwhile\"");
}

/* As above, and the client leaves: the one that waits learns of that. */
static void test_gone_to_another(neap *n) {
    client c = ask(n, "GET", "/", NULL);
    int script = load_text(n, "return function() return { body = function(write)\n"
                              "  neap.background(function() local ok, err = write 'x' left = tostring(err) end)\n"
                              "  neap.sleep(60)\n"
                              "end } end");
    c.narrow = 1;
    serve(n, script, &c);
    while (c.body[0] == '\0' && turn_host(n)) continue;
    leave(&c);
    run_host(n);
    CHECK_EQ_INT(c.aborted, 1);
    check_run(n, "return left", 0, "\"cancelled: the client has gone\"");
}

/* A limit ends the task, of which only the log learns why; what is behind the path is not told, it may be secret. */
static void test_limit_is_told(void) {
    static char tag[] = "log";
    neap_options options = {.time_limit_ms = 20, .state = "", .log = keep_line, .log_ud = tag};
    neap *n = NULL;
    client c;
    int script;
    if (!CHECK_EQ_INT(neap_new(&n, &options), 0)) return;
    host_lines[0] = '\0';
    script = load_text(n, "return function() while true do end end");
    check_answer(n, script, "/slow?key=sesame", 500, NULL);
    c = ask(n, "HEAD", "/", NULL);
    serve(n, script, &c);
    run_host(n);
    CHECK_EQ_INT(c.status, 500);
    CHECK_STR(c.body, "");
    CHECK(strstr(host_lines, "path=/slow ") != NULL);
    CHECK(strstr(host_lines, "timeout: ") != NULL);
    CHECK(strstr(host_lines, "sesame") == NULL);
    neap_free(n);
}

static outcome inner;

/* Everything that a host may do while a script runs, in the middle of an op. */
static void use_runtime(client *c) {
    static bool busy;
    neap_task *task;
    int script;
    if (busy) return;
    busy = true;
    neap_dispatch(c->n);
    CHECK_EQ_INT(neap_load(c->n, "bad.lua", "(", 1, &script), NEAP_EINVAL);
    CHECK_EQ_INT(neap_set(c->n, "from_an_op", "x"), 0);
    task = start_text(c->n, "return neap.setting 'from_an_op'", &inner);
    CHECK_EQ_INT(neap_wait(c->n, task), NEAP_EBUG);
    neap_cancel(start_text(c->n, "return 1", &inner));
    start_text(c->n, "collectgarbage() return neap.setting 'from_an_op'", &inner);
    busy = false;
}

static void test_inside(neap *n) {
    client c = ask(n, "GET", "/", NULL);
    c.on_write = use_runtime;
    serve(n, load_text(n, "return function() return 'x' end"), &c);
    run_host(n);
    CHECK_STR(c.body, "x");
    CHECK_EQ_INT(inner.code, 0);
    CHECK_STR(inner.text, "\"x\"");
}

/* Those that are under way have the time of grace, and who comes in it; then they are answered with a failure. */
static void test_drain(void) {
    neap *n = open_host();
    client quick = ask(n, "GET", "/?s=0.01", NULL), slow = ask(n, "GET", "/?s=60", NULL),
           late = ask(n, "GET", "/?s=0.01", NULL);
    int script = load_text(n, "return function(req) neap.sleep(tonumber(req.args.s)) return 'done' end");
    serve(n, script, &quick);
    serve(n, script, &slow);
    neap_dispatch(n);
    neap_drain(n, 100);
    serve(n, script, &late);
    run_host(n);
    CHECK_STR(late.body, "done");
    CHECK_STR(quick.body, "done");
    CHECK_EQ_INT(quick.ended, 1);
    CHECK_EQ_INT(slow.status, 503);
    CHECK_EQ_INT(slow.ended, 1);
    neap_free(n);
}

/* With exchanges in every state: each is given back. */
static void test_free(void) {
    neap *n = open_host();
    client waiting = ask(n, "GET", "/", NULL), slow = ask(n, "GET", "/stream", NULL), fresh = ask(n, "GET", "/", NULL),
           lost = ask(n, "GET", "/", NULL);
    int script = load_text(n, "return function(req)\n"
                              "  if req.path == '/stream' then\n"
                              "    return { body = function(write) write 'x' write 'y' end }\n"
                              "  end\n"
                              "  neap.sleep(60)\n"
                              "end");
    slow.narrow = 1;
    serve(n, script, &waiting);
    serve(n, script, &slow);
    serve(n, script, &lost);
    while (slow.body[0] == '\0' && turn_host(n)) continue;
    leave(&lost);
    serve(n, script, &fresh);
    neap_free(n);
    CHECK_EQ_INT(waiting.ended + waiting.aborted, 1);
    CHECK_EQ_INT(slow.aborted, 1);
    CHECK_EQ_INT(fresh.ended + fresh.aborted, 1);
    CHECK_EQ_INT(lost.aborted, 1);
}

static client other;
static int other_script;

/* The host's own ends are the last thing to come from an exchange: it calls what it may call at any other time. */
static void abort_and_go_on(neap_exchange *ex) {
    client *c = (client *)ex;
    client_abort(ex);
    leave(c);
    CHECK_EQ_INT(neap_serve(c->n, other_script, &other.ex), NEAP_ECANCELLED);
    CHECK(neap_start(c->n, other_script, NULL, NULL, NULL) == NULL);
    neap_dispatch(c->n);
}

static void test_free_calls_back(void) {
    static const neap_exchange_ops talking = {client_head, client_write, client_end, abort_and_go_on};
    neap *n = open_host();
    client c = ask(n, "GET", "/", NULL);
    other = ask(n, "GET", "/", NULL);
    other_script = load_text(n, "return function() neap.sleep(60) end");
    c.ex.ops = &talking;
    serve(n, other_script, &c);
    neap_dispatch(n);
    neap_free(n);
    CHECK_EQ_INT(c.aborted, 1);
    CHECK_EQ_INT(other.status + other.ended + other.aborted, 0); /* still the host's */
}

int main(void) {
    neap *n = open_host();
    test_answers(n);
    test_many(n);
    test_not_a_handler(n);
    test_open(n);
    test_gone(n);
    test_gone_at_once(n);
    test_slow(n);
    test_ended_meanwhile(n);
    test_gone_to_another(n);
    test_inside(n);
    neap_free(n);
    test_refused();
    test_init();
    test_drain();
    test_limit_is_told();
    test_free();
    test_free_calls_back();
    return check_report();
}
