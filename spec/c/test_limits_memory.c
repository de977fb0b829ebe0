/* test_limits_memory.c: the limit of memory (neap_options.memory_limit). Whoever takes too much fails, and what it
 * had is there for others. */
#include "limits.h"

enum { MEMORY = 12 * 1024 * 1024 };

/* One script that takes all there is. */
typedef struct greedy {
    const char *name, *source;
} greedy;

static const greedy greedy_scripts[] = {
    {"table", "local t = {} for i = 1, math.huge do t[i] = i end"},
    {"table of tables", "local t for i = 1, math.huge do t = { t } end"},
    {"fields", "local t = {} for i = 1, math.huge do t['k' .. i] = i end"},
    {"string", "local s = 'x' while true do s = s .. s end"},
    {"rep", "return ('x'):rep(1 << 30)"},
    {"concat", "local t = {} for i = 1, 2000 do t[i] = ('x'):rep(1e5) end return #table.concat(t)"},
    {"gsub", "local s = ('x'):rep(2e6) return #s:gsub('x', ('y'):rep(100))"},
    {"coroutines", "local t for i = 1, math.huge do t = { t, coroutine.create(print) } end"},
    {"in a coroutine", "coroutine.wrap(function() local t = {} for i = 1, math.huge do t[i] = {} end end)()"},
    {"closures", "local f for i = 1, math.huge do local g = f f = function() return g end end"},
    {"close", "local x <close> = setmetatable({}, { __close = function()\n"
              "local t = {} for i = 1, math.huge do t[i] = {} end end }) error 'first'"},
    {"child", "neap.spawn(function() local t = {} for i = 1, math.huge do t[i] = i end end):await()"},
    {"tasks", "for i = 1, math.huge do neap.spawn(neap.sleep, 100) end"},
    {"swallowed", "local t = {} while true do pcall(function() for i = #t, math.huge do t[i] = {} end end)\n"
                  "error(select(2, pcall(string.rep, 'x', 1 << 28)), 0) end"},
    {"load", "local n = 0 load(function() n = n + 1 return ('local a%d = \"%s\"\\n'):format(n, ('x'):rep(1e5)) end)\n"
             "error('not enough memory', 0)"},
    {"json", "local t = {} for i = 1, 1e5 do t[i] = ('x'):rep(100) end return #neap.json.encode { t, t, t }"},
};

static size_t memory(neap *n) {
    neap_metrics m;
    neap_get_metrics(n, &m);
    return m.memory;
}

static void check_refused(neap *n, const greedy *g) {
    unsigned failed_before = check_failed;
    outcome o, other;
    start(n, "other", "neap.sleep(0.001) neap.sleep(0.001) return 'fine'", &other);
    neap_dispatch(n);
    start(n, "script.lua", g->source, &o);
    run(n);
    CHECK_EQ_INT(o.count, 1);
    CHECK_EQ_INT(o.code, NEAP_ENOMEM);
    CHECK_STR(o.text, "not enough memory");
    CHECK_STR(other.text, "\"fine\"");
    CHECK(memory(n) <= MEMORY);
    check_works(n);
    if (check_failed > failed_before) fprintf(stderr, "    script: %s\n", g->name);
}

static void test_greedy(void) {
    neap *n = open_runtime(MEMORY, 0);
    for (size_t i = 0; i < sizeof greedy_scripts / sizeof *greedy_scripts; i++) check_refused(n, &greedy_scripts[i]);
    neap_free(n);
}

static void check_result(neap *n, const char *source, const char *result) {
    outcome o;
    start(n, "script.lua", source, &o);
    run(n);
    CHECK_EQ_INT(o.count, 1);
    CHECK_STR(o.text, result);
}

/* A script may catch it and go on; what it had kept is free when it lets go. */
static void test_caught(void) {
    neap *n = open_runtime(MEMORY, 0);
    check_result(n,
                 "kept = {}\n"
                 "local ok, err = pcall(function() for i = 1, math.huge do kept[i] = { i } end end)\n"
                 "return { ok, err }",
                 "[false,\"not enough memory\"]");
    CHECK(memory(n) > MEMORY / 4);
    check_result(n, "kept = nil collectgarbage() return 'gone'", "\"gone\"");
    CHECK(memory(n) < MEMORY / 4);
    check_works(n);
    neap_free(n);
}

/* Nothing is refused that fits: strings that are dropped again count once. */
static void test_garbage_is_free(void) {
    neap *n = open_runtime(MEMORY, 0);
    check_result(n, "local n = 0 for i = 1, 100 do n = n + #(('x'):rep(1e6) .. i) end return n > 1e8", "true");
    neap_free(n);
}

/* What only waits for its finaliser holds memory, too, and comes back once the limit was met. */
static void test_finalisers(void) {
    neap *n = open_runtime(MEMORY, 0);
    outcome sleeper, hoarder;
    start(n, "sleeper.lua", "for _ = 1, 2000 do neap.sleep(0) end", &sleeper);
    start(n, "hoarder.lua",
          "local finalised, kept = { __gc = function() end }, {}\n"
          "for i = 1, math.huge do kept[i] = setmetatable({ ('x'):rep(200) .. i }, finalised) end", &hoarder);
    for (int i = 0; i < 3000; i++) neap_dispatch(n);
    CHECK_EQ_INT(hoarder.code, NEAP_ENOMEM);
    check_works(n);
    neap_free(n);
}

/* Both limits: who only just fits, and collects again and again, is stopped by the other. */
static void test_both(void) {
    neap *n = open_runtime(MEMORY, 100);
    outcome o;
    start(n, "script.lua", "local t = {} while true do pcall(function() while true do t = { t } end end) end", &o);
    run(n);
    CHECK_EQ_INT(o.code, NEAP_ETIMEOUT);
    check_works(n);
    neap_free(n);
}

/* Too little for the library itself. */
static void test_too_little(void) {
    for (size_t limit = 1; limit < (size_t)4 << 20; limit += limit / 4 + 1) {
        neap_options options = {.memory_limit = limit, .state = "", .log = ignore_line};
        neap *n = NULL;
        int rc = neap_new(&n, &options);
        CHECK(rc == 0 || rc == NEAP_ENOMEM);
        if (rc == 0) neap_free(n);
        else CHECK(n == NULL);
    }
}

int main(void) {
    test_greedy();
    test_caught();
    test_garbage_is_free();
    test_finalisers();
    test_both();
    test_too_little();
    return check_report();
}
