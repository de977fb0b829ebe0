/* pool.h: memory for very many small blocks of one owner on one thread, as Lua's collector makes and
 * drops them: a list of free blocks per size, cut from chunks that go back to the system when the
 * pool ends. Blocks beyond NEAP_POOL_BLOCK_MAX are malloc's.
 *
 * Costs a dozen instructions where malloc costs a hundred, as what Lua frees in one sweep overflows
 * the short lists that malloc is quick with. */
#ifndef NEAP_CORE_POOL_H
#define NEAP_CORE_POOL_H

#include <stddef.h>

#define NEAP_POOL_STEP 16 /* sizes are rounded up to it; also the alignment */
#define NEAP_POOL_BLOCK_MAX 1536

/* Zero-initialised is empty and valid. */
typedef struct neap_pool {
    void *free[NEAP_POOL_BLOCK_MAX / NEAP_POOL_STEP]; /* lists of blocks, by size */
    void *chunks; /* owned: a list */
    char *at;     /* what the last chunk still has */
    size_t left;  /* bytes there */
} neap_pool;

/* As realloc, for a block of `old` bytes (NULL: none); size 0 frees. NULL without memory: then the
 * old block is as it was. */
void *neap_pool_realloc(neap_pool *, void *block, size_t old, size_t size);
/* Gives the chunks back, with all small blocks; larger ones must have been freed. */
void neap_pool_deinit(neap_pool *);

#endif
