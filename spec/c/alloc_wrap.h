/* alloc_wrap.h: malloc, calloc, realloc and strdup, wrapped by the linker (spec/CMakeLists.txt), fail as alloc.h says:
 * on all threads, or on the one that asked for it. */
#ifndef NEAP_SPEC_ALLOC_WRAP_H
#define NEAP_SPEC_ALLOC_WRAP_H

#include <pthread.h>

#include "alloc.h"

extern void *__real_calloc(size_t count, size_t size);
extern void *__real_realloc(void *p, size_t size);
extern char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);

static pthread_t alloc_thread;
static bool alloc_has_thread;

/* Only this thread's allocations are to fail. */
static inline void alloc_only_here(void) {
    alloc_thread = pthread_self();
    alloc_has_thread = true;
}

static bool alloc_fails_here(void) {
    return (!alloc_has_thread || pthread_equal(pthread_self(), alloc_thread)) && alloc_fails();
}

void *__wrap_malloc(size_t size) {
    return alloc_fails_here() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return alloc_fails_here() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size) {
    return alloc_fails_here() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s) {
    return alloc_fails_here() ? NULL : __real_strdup(s);
}

#endif
