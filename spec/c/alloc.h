/* alloc.h: memory that ends when a test says so. alloc_lua is the allocator of its Lua states; it
 * counts what they hold. The C functions that a test wants to fail as well it wraps itself or by alloc_wrap.h (see
 * spec/CMakeLists.txt), asking alloc_fails. alloc_try fails one allocation after the other. Leaks and
 * wild accesses of C are ASan's to see. */
#ifndef NEAP_SPEC_ALLOC_H
#define NEAP_SPEC_ALLOC_H

#include <stdlib.h>

#include "../../csrc/lua/l_common.h"
#include "check.h"

/* Which allocations fail, once those that were spared are over. */
typedef enum alloc_fault {
    ALLOC_FAIL_NONE,
    ALLOC_FAIL_ONE,  /* one; Lua collects and tries it again */
    ALLOC_FAIL_REST, /* all */
    ALLOC_FAIL_EACH, /* each of Lua's once: it collects and tries again, then it succeeds */
} alloc_fault;

static alloc_fault alloc_mode;
static long alloc_spared;       /* allocations that still succeed */
static bool alloc_failed;       /* one has failed since alloc_fail */
static size_t alloc_lua_memory; /* bytes that the states hold */

/* malloc itself in a test that wraps malloc; NULL in others. */
extern void *__real_malloc(size_t size) __attribute__((weak));

/* From now on allocations fail so, after n that succeed. */
static void alloc_fail(alloc_fault fault, long n) {
    alloc_mode = fault;
    alloc_spared = n;
    alloc_failed = false;
}

/* From now on none fails; alloc_failed still says whether one did. */
static void alloc_succeed(void) {
    alloc_mode = ALLOC_FAIL_NONE;
}

/* Does the allocation that is asked for now fail? */
static bool alloc_fails(void) {
    if (alloc_mode == ALLOC_FAIL_NONE) return false;
    if (alloc_spared > 0) {
        alloc_spared--;
        return false;
    }
    if (alloc_mode == ALLOC_FAIL_ONE) alloc_mode = ALLOC_FAIL_NONE;
    if (alloc_mode == ALLOC_FAIL_EACH) alloc_spared = 1;
    return alloc_failed = true;
}

/* The lua_Alloc: moves a block whenever its size changes. */
static inline void *alloc_lua(void *ud, void *p, size_t old, size_t size) {
    void *block;
    (void)ud;
    if (p == NULL) old = 0; /* then it is a type, see lua_Alloc */
    if (size == 0) {
        free(p);
        alloc_lua_memory -= old;
        return NULL;
    }
    if (size > old && alloc_fails()) return NULL;
    block = __real_malloc != NULL ? __real_malloc(size) : malloc(size);
    if (block == NULL) abort();
    if (p != NULL) memcpy(block, p, old < size ? old : size);
    free(p);
    alloc_lua_memory += size - old;
    return block;
}

/* Closes the only state, of which nothing may be left. */
static inline void alloc_close(lua_State *L) {
    alloc_succeed();
    lua_close(L);
    CHECK_EQ_INT(alloc_lua_memory, 0);
}

#define ALLOC_MOST 20000 /* allocations of one run: more are one that never gets through */

/* Does something while memory ends: calls alloc_fail(fault, n) where that begins, alloc_succeed where it
 * ends, and judges what came of it. */
typedef void alloc_run(void *ud, alloc_fault fault, long n);

/* Runs with n = 0, 1, ... allocations that succeed, until none fails any more. Where they are many, pace
 * is a number by whose part of n the steps grow; 0: they do not. Some have to fail. */
static inline void alloc_try_fault(const char *name, long pace, alloc_fault fault, alloc_run *run,
                                   void *ud) {
    long n = 0;
    do {
        unsigned failed_before = check_failed;
        run(ud, fault, n);
        if (check_failed > failed_before)
            fprintf(stderr, "    allocation %ld%s of: %.60s\n", n,
                    fault == ALLOC_FAIL_REST ? " and all after" : "", name);
        n += 1 + (pace > 0 ? n / pace : 0);
    } while (alloc_failed && n < ALLOC_MOST);
    CHECK(n > 5 && !alloc_failed);
}

/* The same with one failure at a time, then with all from one on. */
static inline void alloc_try(const char *name, long pace, alloc_run *run, void *ud) {
    alloc_try_fault(name, pace, ALLOC_FAIL_ONE, run, ud);
    alloc_try_fault(name, pace, ALLOC_FAIL_REST, run, ud);
}

/* A chunk of Lua that returns true unless memory ends. */
typedef struct alloc_chunk {
    const char *source;
    void (*open)(lua_State *L);  /* gives a new state what the chunk needs */
    void (*after)(lua_State *L); /* looks at the state when it is over; NULL: nothing to see */
} alloc_chunk;

static inline void alloc_run_chunk(void *ud, alloc_fault fault, long n) {
    const alloc_chunk *chunk = ud;
    lua_State *L = lua_newstate(alloc_lua, NULL);
    int status;
    chunk->open(L);
    lua_settop(L, 0);
    CHECK_EQ_INT(luaL_loadstring(L, chunk->source), LUA_OK);
    alloc_fail(fault, n);
    status = lua_pcall(L, 0, 1, 0);
    alloc_succeed();
    if (status == LUA_OK) CHECK(lua_toboolean(L, -1));
    if (!alloc_failed) CHECK_EQ_INT(status, LUA_OK);
    else if (fault == ALLOC_FAIL_REST) CHECK(status == LUA_ERRMEM || status == LUA_ERRRUN);
    lua_settop(L, 0);
    if (chunk->after != NULL) chunk->after(L);
    alloc_close(L);
}

#endif
