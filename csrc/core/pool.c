/* pool.c: see pool.h. */
#include "pool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Chunks grow with the pool, so that what is long-lived does not lie between other blocks of malloc's all over the
 * memory. The largest are huge pages, where the system has them: the collector goes through hundreds of megabytes. */
#define CHUNK_MIN ((size_t)32 * 1024)
#define CHUNK_MAX ((size_t)2 * 1024 * 1024)
#define CHUNK_PART 8 /* of all chunks: a new one is no more */

/* Blocks of fewer bytes are cut from chunks; under AddressSanitizer none is, so that it sees wild
 * accesses. */
#if defined(__SANITIZE_ADDRESS__)
#define SMALL_END 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SMALL_END 1
#endif
#endif
#ifndef SMALL_END
#define SMALL_END (NEAP_POOL_BLOCK_MAX + 1)
#endif

/* A free block, or a chunk: its first bytes. */
typedef struct link {
    struct link *next;
} link;

static size_t class_of(size_t size) {
    return (size - 1) / NEAP_POOL_STEP;
}

static void put(neap_pool *p, void *block, size_t class) {
    link *l = block;
    l->next = p->free[class];
    p->free[class] = l;
}

static void *new_chunk(size_t size) {
    void *chunk;
    if (size < CHUNK_MAX) return malloc(size);
    chunk = aligned_alloc(CHUNK_MAX, size);
#ifdef MADV_HUGEPAGE
    if (chunk != NULL) (void)madvise(chunk, size, MADV_HUGEPAGE);
#endif
    return chunk;
}

/* Begins a chunk; what the last one had left becomes one free block. */
static int add_chunk(neap_pool *p) {
    size_t size = CHUNK_MIN;
    link *chunk;
    while (size < CHUNK_MAX && size * 2 <= p->total / CHUNK_PART) size *= 2;
    chunk = new_chunk(size);
    if (chunk == NULL) return -1;
    p->total += size;
    if (p->left > 0) put(p, p->at, class_of(p->left));
    chunk->next = p->chunks;
    p->chunks = chunk;
    p->at = (char *)chunk + NEAP_POOL_STEP;
    p->left = size - NEAP_POOL_STEP;
    return 0;
}

static void *cut(neap_pool *p, size_t class) {
    size_t size = (class + 1) * NEAP_POOL_STEP;
    void *block;
    if (p->left < size && add_chunk(p) < 0) return NULL;
    block = p->at;
    p->at += size;
    p->left -= size;
    return block;
}

/* What seldom happens stays out of neap_pool_realloc, or its few instructions would begin with saving registers. */
#define SELDOM __attribute__((noinline))

static SELDOM void *refuse(const neap_pool *p) {
    if (p->on_refusal != NULL) p->on_refusal(p->ud);
    return NULL;
}

/* Would it take the pool beyond its limit? */
static bool exceeds(const neap_pool *p, size_t more) {
    return p->limit > 0 && more > (p->limit > p->used ? p->limit - p->used : 0);
}

static SELDOM void *take_new(neap_pool *p, size_t size) {
    void *block = size >= SMALL_END ? malloc(size) : cut(p, class_of(size));
    if (block != NULL) p->used += size;
    return block;
}

/* A block of size > 0 that the limit allows. */
static void *take(neap_pool *p, size_t size) {
    link *l = size < SMALL_END ? p->free[class_of(size)] : NULL;
    if (l == NULL) return take_new(p, size);
    p->free[class_of(size)] = l->next;
    p->used += size;
    return l;
}

static void drop(neap_pool *p, void *block, size_t size) {
    p->used -= size;
    if (size >= SMALL_END) free(block);
    else put(p, block, class_of(size));
}

static SELDOM void *move_far(neap_pool *p, void *block, size_t old, size_t size) {
    void *to = take(p, size);
    if (to == NULL) return NULL;
    memcpy(to, block, old < size ? old : size);
    drop(p, block, old);
    return to;
}

static void *move(neap_pool *p, void *block, size_t old, size_t size) {
    if (size > old && exceeds(p, size - old)) return refuse(p);
    if (old >= SMALL_END && size >= SMALL_END) block = realloc(block, size);
    else if (old >= SMALL_END || size >= SMALL_END || class_of(old) != class_of(size))
        return move_far(p, block, old, size);
    if (block != NULL) p->used += size - old;
    return block;
}

void *neap_pool_realloc(neap_pool *p, void *block, size_t old, size_t size) {
    if (block != NULL) {
        if (size > 0) return move(p, block, old, size);
        drop(p, block, old);
        return NULL;
    }
    if (size == 0) return NULL;
    return exceeds(p, size) ? refuse(p) : take(p, size);
}

void neap_pool_deinit(neap_pool *p) {
    link *chunk = p->chunks, *next;
    for (; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *p = (neap_pool){0};
}
