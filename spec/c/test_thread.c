/* test_thread.c: coroutines of tasks that are over run others (csrc/lua/thread.h), and nobody can tell. */
#include "../../csrc/lua/neap_own.h"
#include "limits.h"

/* Runs one script and gives its result. */
static void check_result(neap *n, const char *source, const char *result) {
    outcome o;
    start(n, "script.lua", source, &o);
    run(n);
    CHECK_EQ_INT(o.count, 1);
    CHECK_EQ_INT(o.code, 0);
    CHECK_STR(o.text, result);
}

/* What each script finds besides: the coroutine of a task that goes on, and of one that is over before it is told. */
#define HELPERS                                                                                                      \
    "local function of(task) return tostring(debug.getuservalue(task, 1)) end\n"                                     \
    "local function over(fn) local t = neap.spawn(fn) local name = of(t) t:await() return name end\n"                \
    "local function nothing() end\n"

static void test_used_again(void) {
    neap *n = open_runtime(0, 0);
    check_result(n, HELPERS "return over(nothing) == over(nothing)", "true");
    check_result(n, HELPERS "return over(function() neap.sleep(0.001) end) == over(nothing)", "true");
    neap_free(n);
}

/* What is still there of a task stays its own. */
static void test_left(void) {
    neap *n = open_runtime(0, 0);
    check_result(n, HELPERS
                 "local t = neap.spawn(function() return 7, 'x' end)\n"
                 "local name = of(t)\n"
                 "t:await()\n"
                 "return { name ~= over(nothing), t:await() }",
                 "[true,7,\"x\"]");
    check_result(n, HELPERS
                 "local t = neap.spawn(function() error('no', 0) end)\n"
                 "local name = of(t)\n"
                 "pcall(t.await, t)\n"
                 "return { name ~= over(nothing), pcall(t.await, t) }",
                 "[true,false,\"no\"]");
    check_result(n, HELPERS
                 "local t = neap.spawn(neap.sleep, 100)\n"
                 "neap.sleep(0)\n"
                 "local name = of(t)\n"
                 "t:cancel()\n"
                 "return { name ~= over(nothing), (select(2, t:await())).kind }",
                 "[true,\"cancelled\"]");
    neap_free(n);
}

/* A task that is over has no coroutine, and says so like any other. */
static void test_asked_later(void) {
    neap *n = open_runtime(0, 0);
    check_result(n,
                 "local t = neap.spawn(function() end)\n"
                 "t:await()\n"
                 "local other = neap.spawn(function() neap.sleep(0.001) return 'other' end)\n"
                 "t:cancel()\n"
                 "return { select('#', t:await()), t:status(), t:traceback() == nil, other:await() }",
                 "[0,\"done\",true,\"other\"]");
    neap_free(n);
}

/* A script that has got its coroutine keeps it. */
static void test_shown(void) {
    neap *n = open_runtime(0, 0);
    check_result(n, HELPERS
                 "local mine, is_main\n"
                 "local name = over(function() mine, is_main = coroutine.running() end)\n"
                 "return { name == tostring(mine), is_main, coroutine.status(mine), name ~= over(nothing) }",
                 "[true,false,\"dead\",true]");
    check_result(n, HELPERS
                 "local mine\n"
                 "local name = over(function() mine = require('coroutine').running() end)\n"
                 "return { name == tostring(mine), name ~= over(nothing) }",
                 "[true,true]");
    check_result(n, "return coroutine.wrap(function() return select(2, coroutine.running()) end)()", "false");
    neap_free(n);
}

/* A hook that a script has set ends with its task. */
static void test_hook(void) {
    neap *n = open_runtime(0, 0);
    check_result(n,
                 "local calls = 0\n"
                 "local function count() calls = calls + 1 end\n"
                 "neap.spawn(function() debug.sethook(count, 'l')\n"
                 "local a = 1 end):await()\n"
                 "local before = calls\n"
                 "local hook = neap.spawn(function() local a = 1 return debug.gethook() == nil end):await()\n"
                 "return { before > 0, hook, calls == before }",
                 "[true,true,true]");
    neap_free(n);
}

/* More at a time than are kept, some of them deep in their stacks, in turn with others that fail. */
static void test_many(void) {
    static const char source[] =
        "local done = 0\n"
        "local function deep(n) if n > 0 then return 1 + deep(n - 1) end neap.sleep(0.001) return 0 end\n"
        "for round = 1, 3 do\n"
        "local tasks = {}\n"
        "for i = 1, 300 do tasks[i] = neap.spawn(function()\n"
        "local x <close> = setmetatable({}, { __close = function() done = done + 1 end })\n"
        "if i % 3 == 0 then error 'no' end\n"
        "if deep(i) ~= i then error 'wrong' end end) end\n"
        "for i = 1, 300 do\n"
        "local ok = pcall(tasks[i].await, tasks[i])\n"
        "if ok ~= (i % 3 > 0) then return i end end\n"
        "collectgarbage() end\n"
        "return done";
    neap *n = open_runtime(0, 0);
    check_result(n, source, "900");
    neap_free(n);
}

/* The limit of computing time holds in one that has run before. */
static void test_limited(void) {
    neap *n = open_runtime(0, 50);
    outcome o;
    run_short(n, "for i = 1, 10 do neap.spawn(function() end):await() end", &o);
    CHECK_EQ_INT(o.code, 0);
    start(n, "script.lua", "while true do end", &o);
    run(n);
    CHECK_EQ_INT(o.code, NEAP_ETIMEOUT);
    check_works(n);
    neap_free(n);
}

/* What a refusal of memory needs more than they do. */
static void test_dropped(void) {
    neap *n = open_runtime(32 * 1024 * 1024, 0);
    outcome o;
    check_result(n, "neap.spawn(function() end):await() return 1", "1");
    CHECK(n->rt->idle_count > 0);
    start(n, "script.lua", "return #(('x'):rep(64 * 1024 * 1024))", &o);
    run(n);
    CHECK_EQ_INT(o.code, NEAP_ENOMEM);
    while (neap_timeout_ms(n) == 0) neap_dispatch(n);
    CHECK_EQ_INT(n->rt->idle_count, 0);
    check_works(n);
    neap_free(n);
}

int main(void) {
    test_used_again();
    test_left();
    test_asked_later();
    test_shown();
    test_hook();
    test_many();
    test_limited();
    test_dropped();
    return check_report();
}
