/* alloc.h: memory that ends when a test says so. alloc_lua is the allocator of its Lua states; it
 * counts what they hold. The C functions that a test wants to fail as well it wraps itself (see
 * spec/CMakeLists.txt), asking alloc_fails. Leaks and wild accesses of C are ASan's to see. */
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
static void *alloc_lua(void *ud, void *p, size_t old, size_t size) {
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
static void alloc_close(lua_State *L) {
    alloc_succeed();
    lua_close(L);
    CHECK_EQ_INT(alloc_lua_memory, 0);
}

#endif
