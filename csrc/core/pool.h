/* pool.h: memory for very many small blocks of one owner on one thread, as Lua's collector makes and
 * drops them: a list of free blocks per size, cut from chunks that go back to the system when the
 * pool ends. Blocks beyond NEAP_POOL_BLOCK_MAX are malloc's.
 *
 * A limit bounds what the owner holds, not what the system gave: sizes are rounded up, and chunks stay until the
 * end.
 *
 * Costs a dozen instructions where malloc costs a hundred, as what Lua frees in one sweep overflows
 * the short lists that malloc is quick with. */
#ifndef NEAP_CORE_POOL_H
#define NEAP_CORE_POOL_H

#include <stddef.h>

#define NEAP_POOL_STEP 16 /* sizes are rounded up to it; also the alignment */
#define NEAP_POOL_BLOCK_MAX 1536

/* Zero-initialised is empty, valid and without a limit. The owner may set the limit at any time, to less than is
 * used, too: then nothing grows until enough was freed. */
typedef struct neap_pool {
    size_t used;  /* bytes of live blocks, by the sizes that were asked for */
    size_t limit; /* of them; 0: none */
    void (*on_refusal)(void *ud); /* called where the limit refuses a block; must not use the pool; NULL: nobody */
    void *ud;
    void *free[NEAP_POOL_BLOCK_MAX / NEAP_POOL_STEP]; /* lists of blocks, by size */
    void *chunks; /* owned: a list */
    size_t total; /* bytes of them */
    char *at;     /* what the last chunk still has */
    size_t left;  /* bytes there */
} neap_pool;

/* As realloc, for a block of `old` bytes (NULL: none); size 0 frees. NULL without memory, or where a block that
 * is new or grows would lead beyond the limit: then the old block is as it was. */
void *neap_pool_realloc(neap_pool *, void *block, size_t old, size_t size);
/* Gives the chunks back, with all small blocks; larger ones must have been freed. */
void neap_pool_deinit(neap_pool *);

#endif
