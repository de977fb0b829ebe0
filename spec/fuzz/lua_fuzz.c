/* lua_fuzz.c: see lua_fuzz.h. Lua itself is not instrumented: without the counters here libFuzzer
 * would see nothing of a parser but the C functions that it calls. */
#include "lua_fuzz.h"

#include <stdio.h>
#include <string.h>

#include "lua/runtime.h"
#include "neap/neap.h"

#define COUNTERS 16384 /* a power of two */
#define BUDGET 500000  /* lines */

/* libFuzzer reads this section as counters of its own; elsewhere nobody does. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t counters[COUNTERS];
static unsigned last; /* line before the present one: pairs of lines count */
static long budget;   /* lines that an input may still run; an input may be a program */

#ifdef NEAP_LIBFUZZER
/* libFuzzer looks for leaks behind every input that leaves memory allocated, as a collector does:
 * the search takes ten times as long as the input. The corpus is replayed with it. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) {
    return 1;
}
#endif

static unsigned hash(const char *text, unsigned line) {
    unsigned h = 2166136261u ^ line;
    for (; *text != '\0'; text++) h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

/* Counts the line if it is the library's; raises when an input goes on forever. */
static void on_line(lua_State *L, lua_Debug *ar) {
    unsigned line;
    if (budget-- == 0) {
        budget = BUDGET; /* for who catches it */
        luaL_error(L, "too many steps");
    }
    if (ar->event != LUA_HOOKLINE) return;
    lua_getinfo(L, "S", ar);
    if (strncmp(ar->source, "=neap.", 6) != 0) return;
    line = hash(ar->source + 6, (unsigned)ar->currentline);
    counters[(line ^ last) & (COUNTERS - 1)]++;
    last = line >> 1;
}

/* What was raised, with a traceback. */
static int trace(lua_State *L) {
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

static void call(lua_State *L, int args, int results) {
    if (lua_pcall(L, args, results, 1) == LUA_OK) return;
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
}

static lua_State *open_state(const char *name) {
    static neap *n; /* for the life of the process */
    char path[4096];
    lua_State *L;
    HOLDS(neap_new(&n, NULL) == 0);
    L = neap__state(n);
    lua_pushcfunction(L, trace);
    snprintf(path, sizeof path, "%s/%s.lua", FUZZ_DIR, name);
    if (luaL_loadfile(L, path) != LUA_OK) fprintf(stderr, "%s\n", lua_tostring(L, -1));
    call(L, 0, 1);
    lua_sethook(L, on_line, LUA_MASKLINE | LUA_MASKCOUNT, 1000);
    return L;
}

int lua_fuzz(const char *name, const uint8_t *data, size_t size) {
    static lua_State *L;
    if (L == NULL) L = open_state(name);
    last = 0;
    budget = BUDGET;
    lua_pushvalue(L, 2); /* [trace, function] */
    lua_pushlstring(L, (const char *)data, size);
    call(L, 1, 0);
    return 0;
}
