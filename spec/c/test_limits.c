/* test_limits.c: the limit of computing time (neap_options.time_limit_ms), csrc/lua/stroke.h. After each stop other
 * tasks finish, and another script runs. */
#include "limits.h"

enum { LIMIT_MS = 50 };

/* What each script finds besides: */
#define SPIN "local function spin() while true do end end\n"

/* One script that does not end. */
typedef struct endless {
    const char *name, *source;
} endless;

static const endless endless_scripts[] = {
    {"loop", "while true do end"},
    {"goto", "::again:: goto again"},
    {"for", "for i = 1, math.huge do end"},
    {"recursion", "local function f() return f() end f()"},
    {"pcall", SPIN "while true do pcall(spin) end"},
    {"pcall, returned", SPIN "return pcall(spin)"},
    {"pcall of pcall", SPIN "while true do pcall(pcall, pcall, spin) end"},
    {"deep pcall", SPIN "local function f(n) if n == 0 then spin() end pcall(f, n - 1) return f(n - 1) end f(20)"},
    {"xpcall", SPIN "while true do xpcall(spin, function() end) end"},
    {"xpcall, handler", SPIN "while true do xpcall(error, spin) end"},
    {"xpcall, spinning handler", SPIN "while true do xpcall(spin, spin) end"},
    {"xpcall of sort, spinning handler", SPIN "while true do xpcall(table.sort, spin, { 1, 2 }, spin) end"},
    {"wrap", SPIN "coroutine.wrap(spin)()"},
    {"wrap in pcall", SPIN "while true do pcall(coroutine.wrap(spin)) end"},
    {"iterator in pcall", SPIN "while true do pcall(function() for _ in coroutine.wrap(spin) do end end) end"},
    {"resume", SPIN "while true do coroutine.resume(coroutine.create(spin)) end"},
    {"resume within resume",
     SPIN "local function f(n) while true do\n"
          "coroutine.resume(coroutine.create(n > 0 and f or spin), n - 1) end end f(20)"},
    {"many short coroutines",
     "local function f(n)\n"
     "for _ = 1, 50 do pcall(coroutine.wrap(f), n - 1) end\n"
     "end\n"
     "f(100)"},
    {"coroutine with pcall", SPIN "coroutine.wrap(function() while true do pcall(spin) end end)()"},
    {"coroutines of Lua's own",
     SPIN "local raw = debug.getregistry()._LOADED._G\n"
          "local co = debug.getregistry()._LOADED['coroutine']\n"
          "while true do pcall(co.wrap(spin)) end"},
    {"sort", SPIN "table.sort({ 1, 2, 3 }, spin)"},
    {"sort in pcall", SPIN "while true do pcall(table.sort, { 1, 2, 3 }, spin) end"},
    {"pcall in sort", SPIN "table.sort({ 1, 2, 3 }, function() while true do pcall(spin) end end)"},
    {"pcall as sort's", SPIN "while true do table.sort({ spin, spin, spin }, pcall) end"},
    {"coroutine in sort", SPIN "table.sort({ 1, 2, 3 }, function() coroutine.wrap(spin)() end)"},
    {"pcall of coroutine in sort",
     SPIN "table.sort({ 1, 2, 3 }, function() while true do pcall(coroutine.wrap(spin)) end end)"},
    {"gsub", SPIN "(('x'):rep(3)):gsub('x', spin)"},
    {"gsub in pcall", SPIN "while true do pcall(string.gsub, 'xxx', 'x', spin) end"},
    {"__index", SPIN "local t = setmetatable({}, { __index = spin }) while true do pcall(function() return t.x end) end"},
    {"__index chain", "local t = setmetatable({}, { __index = function(t, k) return t[k .. ''] end })\n"
                      "while true do pcall(function() return t.x end) end"},
    {"__tostring", SPIN "while true do pcall(tostring, setmetatable({}, { __tostring = spin })) end"},
    {"__lt of sort", SPIN "local m = { __lt = spin } local function o() return setmetatable({}, m) end\n"
                          "while true do pcall(table.sort, { o(), o(), o() }) end"},
    {"close", SPIN "local x <close> = setmetatable({}, { __close = spin })"},
    {"close of the stopped", SPIN "local x <close> = setmetatable({}, { __close = spin }) spin()"},
    {"close of the stopped in sort",
     SPIN "local x <close> = setmetatable({}, { __close = spin }) table.sort({ 1, 2 }, spin)"},
    {"close in pcall of the stopped",
     SPIN "local m = { __close = function() while true do pcall(spin) end end }\n"
          "while true do pcall(function()\n"
          "local a <close>, b = setmetatable({}, m)\n"
          "local c <close> = setmetatable({}, m)\n"
          "table.sort({ 1, 2 }, spin) end) end"},
    {"close in coroutine",
     SPIN "coroutine.wrap(function() local x <close> = setmetatable({}, { __close = spin }) spin() end)()"},
    {"close in coroutine in sort",
     SPIN "local function f() local x <close> = setmetatable({}, { __close = spin }) table.sort({ 1, 2 }, spin) end\n"
          "while true do pcall(coroutine.wrap(f)) end"},
    {"coroutine.close", SPIN "local co = coroutine.create(function()\n"
                             "local x <close> = setmetatable({}, { __close = spin }) coroutine.yield() end)\n"
                             "coroutine.resume(co) while true do coroutine.close(co) end"},
    {"error in close", SPIN "local x <close> = setmetatable({}, { __close = function() error('no') end }) spin()"},
    {"require", SPIN "package.preload.endless = spin require 'endless'"},
    {"require in pcall", SPIN "package.preload.endless = spin while true do pcall(require, 'endless') end"},
    {"load", SPIN "while true do pcall(load, spin) end"},
    {"loaded", "while true do pcall(load 'while true do end') end"},
    {"child", SPIN "neap.spawn(spin):await()"},
    {"child in pcall", SPIN "neap.spawn(function() while true do pcall(spin) end end) neap.sleep(0.2)"},
    {"close of children",
     SPIN "for i = 1, 3 do neap.spawn(function()\n"
          "local x <close> = setmetatable({}, { __close = spin }) neap.sleep(10) end) end\n"
          "neap.sleep(0) spin()"},
    {"result", SPIN "error(setmetatable({}, { __tostring = spin }))"},
    {"dear calls", "local s = ('x'):rep(100000) while true do s:reverse() end"},
    {"stack", "local function f() f() end while true do pcall(f) end"},
    {"waits swallowed",
     SPIN "while true do pcall(table.sort, { 1, 2 }, spin) pcall(neap.sleep, 0.001) end"},
    {"left", /* its wait goes on without a coroutine */
     SPIN "local flow = require 'neap.native.flow'\n"
          "local policy = flow.policy { { status = { 503 }, backoff = 'constant', base = 0.001, retries = 1 } }\n"
          "local call = flow.call(flow.queue { gate = flow.gate {} }, policy, true)\n"
          "assert(call:admit())\n"
          "call:settle { status = 503 }\n"
          "local closed = 0\n"
          "local left = setmetatable({}, { __close = function() closed = closed + 1 call:finish() end,\n"
          "    __call = function(x) pcall(table.sort, { 1, 2 }, spin) return call:wait(nil, x) end })\n"
          "local ok, err = pcall(function() neap.spawn(function() return left() end):await() end)\n"
          "if ok or closed ~= 1 then error('closed ' .. closed) end\n"
          "error(err, 0)"},
};

static void check_stopped(neap *n, const endless *e) {
    unsigned failed_before = check_failed;
    outcome o, other;
    int64_t begin;
    start(n, "other", "neap.sleep(0.001) neap.sleep(0.001) return 'fine'", &other);
    neap_dispatch(n);
    start(n, "script.lua", e->source, &o);
    begin = now_ms();
    run(n);
    CHECK(now_ms() - begin < 3000);
    CHECK_EQ_INT(o.count, 1);
    CHECK_EQ_INT(o.code, NEAP_ETIMEOUT);
    CHECK(strstr(o.text, "s without waiting (limit 0.05 s)") != NULL);
    CHECK_STR(other.text, "\"fine\"");
    check_works(n);
    if (check_failed > failed_before) fprintf(stderr, "    script: %s; %s\n", e->name, o.text);
}

static void test_endless(void) {
    neap *n = open_runtime(0, LIMIT_MS);
    for (size_t i = 0; i < sizeof endless_scripts / sizeof *endless_scripts; i++) check_stopped(n, &endless_scripts[i]);
    neap_free(n);
}

/* Runs one script, which does not fail, and gives its result. */
static void check_result(neap *n, const char *source, const char *result) {
    outcome o;
    run_short(n, source, &o);
    CHECK_EQ_INT(o.count, 1);
    CHECK_STR(o.text, result);
}

/* What a script sees of one that was stopped, and that it was where it says. */
static void test_error(void) {
    neap *n = open_runtime(0, LIMIT_MS);
    check_result(n,
                 "local child = neap.spawn(function()\n"
                 "while true do end\n"
                 "end)\n"
                 "local ok, err = pcall(child.await, child)\n"
                 "return { ok, err.kind, err.where, err.message:match 'computed for %d[%d.]* s' and 'took' }",
                 "[false,\"timeout\",\"script.lua:2\",\"took\"]");
    neap_free(n);
}

/* <close> variables run wherever the stop finds them, once; no statement does after it. */
static void test_cleaning_up(void) {
    static const char source[] =
        SPIN "local closed, went_on = {}, false\n"
             "local function note(name)\n"
             "return setmetatable({}, { __close = function() closed[#closed + 1] = name end }) end\n"
             "local function inner() local c <close> = note 'coroutine' pcall(spin) went_on = true end\n"
             "local child = neap.spawn(function()\n"
             "local a <close> = note 'task'\n"
             "pcall(function() local b <close> = note 'pcall' pcall(coroutine.wrap(inner)) went_on = true end)\n"
             "went_on = true end)\n"
             "pcall(child.await, child)\n"
             "local sorting = neap.spawn(function()\n"
             "local a <close> = note 'outside'\n"
             "table.sort({ 1, 2 }, function() local b <close> = note 'callback' spin() end) went_on = true end)\n"
             "pcall(sorting.await, sorting)\n"
             "closed[#closed + 1] = went_on return closed";
    neap *n = open_runtime(0, LIMIT_MS);
    check_result(n, source, "[\"coroutine\",\"pcall\",\"task\",\"callback\",\"outside\",false]");
    neap_free(n);
}

/* The next <close> variable still has time after one that has used its own up. */
static void test_close_after_stop(void) {
    static const char source[] =
        SPIN "local closed = 0\n"
             "local child = neap.spawn(function()\n"
             "local a <close> = setmetatable({}, { __close = function() for _ = 1, 1e4 do closed = closed + 1 end end })\n"
             "local b <close> = setmetatable({}, { __close = spin })\n"
             "spin() end)\n"
             "pcall(child.await, child)\n"
             "return closed";
    neap *n = open_runtime(0, LIMIT_MS);
    check_result(n, source, "10000");
    neap_free(n);
}

/* A finaliser is stopped once for all objects, and nobody else is for it. */
static void test_finaliser(void) {
    static const char source[] =
        SPIN "local m, count = { __gc = spin }, 0\n"
             "for i = 1, 1000 do setmetatable({}, m) end\n"
             "for i = 1, 10 do setmetatable({}, { __gc = function(o) count = count + o.n end }).n = i end\n"
             "collectgarbage() collectgarbage()\n"
             "return count";
    neap *n = open_runtime(0, LIMIT_MS);
    check_result(n, source, "55");
    check_result(n, "kept = setmetatable({}, { __gc = function() while true do end end })", "");
    check_works(n);
    neap_free(n); /* runs the last one */
}

/* Only what is computed at one stroke counts. */
static void test_waits_do_not_count(void) {
    static const char source[] =
        "local function rounds()\n"
        "local begin = os.clock()\n"
        "while os.clock() - begin < 0.1 do for _ = 1, 1e4 do end neap.sleep(0.0001) end\n"
        "return 'fine' end\n"
        "local co = coroutine.create(rounds)\n"
        "return select(2, coroutine.resume(co))";
    neap *n = open_runtime(0, LIMIT_MS);
    check_result(n, source, "\"fine\"");
    neap_free(n);
}

static const char settings_source[] = "return 1";

/* Goes on computing in the callback, and then uses the runtime. */
static void compute_and_set(void *ud, const neap_result *r) {
    neap *n = ud;
    int64_t end = now_ms() + 3 * LIMIT_MS;
    int script;
    CHECK_EQ_INT(r->code, 0);
    while (now_ms() < end) continue;
    for (int i = 0; i < 20; i++) CHECK_EQ_INT(neap_set(n, "mode", "fast"), 0);
    CHECK_EQ_INT(neap_load(n, "next.lua", settings_source, sizeof settings_source - 1, &script), 0);
}

/* The host's own computing is not the script's. */
static void test_callback_does_not_count(void) {
    neap *n = open_runtime(0, LIMIT_MS);
    int script;
    CHECK_EQ_INT(neap_load(n, "first.lua", settings_source, sizeof settings_source - 1, &script), 0);
    CHECK(neap_start(n, script, NULL, compute_and_set, n) != NULL);
    run(n);
    neap_free(n);
}

/* A coroutine that one task has left is not spoilt by another's stop, and has its hook as before. */
static void test_shared_coroutine(void) {
    static const char source[] =
        SPIN "local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end spin() end)\n"
             "local child = neap.spawn(function() co() pcall(table.sort, { 1, 2 }, spin) co() spin() end)\n"
             "pcall(child.await, child)\n"
             "local _, mask, step = debug.gethook()\n"
             "return { co(), mask, step >= 100 }";
    neap *n = open_runtime(0, LIMIT_MS);
    check_result(n, source, "[3,\"\",true]");
    neap_free(n);
}

static void test_hook_is_kept(void) {
    neap *n = open_runtime(0, LIMIT_MS);
    check_result(n, "local ok, err = pcall(debug.sethook) return { ok, err }",
                 "[false,\"debug.sethook is not for scripts where their computing time is limited\"]");
    neap_free(n);
}

/* Without a limit nothing has a hook. */
static void test_no_limit(void) {
    static const char source[] =
        "local inner = coroutine.wrap(function() return debug.gethook() end)()\n"
        "local child = neap.spawn(debug.gethook)\n"
        "return { debug.gethook() == nil, inner == nil, child:await() == nil }";
    neap *n = open_runtime(0, 0);
    check_result(n, source, "[true,true,true]");
    neap_free(n);
}

/* Freed while <close> variables of waiting tasks would not end. */
static void test_free(void) {
    neap *n = open_runtime(0, LIMIT_MS);
    outcome o[3];
    int64_t begin = now_ms();
    for (int i = 0; i < 3; i++) {
        start(n, "script.lua",
              SPIN "local x <close> = setmetatable({}, { __close = function() while true do pcall(spin) end end })\n"
                   "neap.sleep(100)",
              &o[i]);
    }
    neap_dispatch(n);
    CHECK_EQ_INT(neap_live(n), 3);
    neap_free(n);
    CHECK(now_ms() - begin < 3000);
    CHECK_EQ_INT(o[0].count, 0);
}

int main(void) {
    test_endless();
    test_error();
    test_cleaning_up();
    test_close_after_stop();
    test_finaliser();
    test_waits_do_not_count();
    test_callback_does_not_count();
    test_shared_coroutine();
    test_hook_is_kept();
    test_no_limit();
    test_free();
    return check_report();
}
