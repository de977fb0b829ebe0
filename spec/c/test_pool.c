/* test_pool.c: core/pool.h, against blocks that know what is in them. */
#include "../../csrc/core/pool.h"

#include <stdlib.h>

#include "check.h"

static bool no_memory; /* malloc and realloc fail */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size) {
    return no_memory ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *p, size_t size) { /* under AddressSanitizer */
    return no_memory ? NULL : __real_realloc(p, size);
}

enum { BLOCKS = 500 };

/* One block of the caller, filled with one byte. */
typedef struct block {
    unsigned char *data;
    size_t size;
    unsigned char byte;
} block;

static bool is_whole(const block *b, size_t len) {
    if (b->data == NULL) return len == 0;
    for (size_t i = 0; i < len; i++) {
        if (b->data[i] != b->byte) return false;
    }
    return true;
}

static size_t random_size(unsigned *seed) {
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % (NEAP_POOL_BLOCK_MAX + 200);
}

/* Blocks of all sizes come, grow, shrink and go; each keeps what was written, to its last byte. */
static void test_blocks(void) {
    static block blocks[BLOCKS];
    neap_pool pool = {0};
    size_t used = 0;
    unsigned seed = 7;
    for (int i = 0; i < 100000; i++) {
        block *b = &blocks[i % BLOCKS];
        size_t size = random_size(&seed), old = b->size, kept = old < size ? old : size;
        unsigned char *data = neap_pool_realloc(&pool, b->data, b->size, size);
        if ((data == NULL) != (size == 0) || (uintptr_t)data % NEAP_POOL_STEP != 0) CHECK(false);
        *b = (block){data, size, b->byte};
        if (!is_whole(b, kept)) CHECK(false);
        used += size - old;
        if (pool.used != used) CHECK(false);
        b->byte = (unsigned char)(i % 251);
        if (data != NULL) memset(data, b->byte, size);
    }
    for (int i = 0; i < BLOCKS; i++) {
        CHECK(is_whole(&blocks[i], blocks[i].size));
        neap_pool_realloc(&pool, blocks[i].data, blocks[i].size, 0);
    }
    CHECK_EQ_INT(pool.used, 0);
    neap_pool_deinit(&pool);
    CHECK(pool.chunks == NULL && pool.left == 0);
}

/* So many that the chunks are of all sizes: each keeps what was written. */
static void test_many(void) {
    enum { MANY = 300000, SIZE = 100 };
    static block many[MANY];
    neap_pool pool = {0};
    for (size_t i = 0; i < MANY; i++) {
        many[i] = (block){neap_pool_realloc(&pool, NULL, 4, SIZE), SIZE, (unsigned char)(i % 251)};
        if (many[i].data != NULL) memset(many[i].data, many[i].byte, SIZE);
    }
    for (size_t i = 0; i < MANY; i++) {
        if (!is_whole(&many[i], SIZE)) CHECK(false);
        neap_pool_realloc(&pool, many[i].data, SIZE, 0);
    }
    CHECK_EQ_INT(pool.used, 0);
    neap_pool_deinit(&pool);
    CHECK(pool.chunks == NULL && pool.total == 0);
}

/* Lua gives the kind of a new block where its old size would be. */
static void test_new(void) {
    neap_pool pool = {0};
    void *p = neap_pool_realloc(&pool, NULL, 5, 20);
    CHECK(p != NULL);
    CHECK_EQ_INT(pool.used, 20);
    CHECK(neap_pool_realloc(&pool, NULL, 5, 0) == NULL);
    CHECK_EQ_INT(pool.used, 20);
    CHECK(neap_pool_realloc(&pool, p, 20, 0) == NULL);
    CHECK_EQ_INT(pool.used, 0);
    neap_pool_deinit(&pool);
}

static void test_no_memory(void) {
    neap_pool pool = {0};
    char *p, *large;
    no_memory = true;
    CHECK(neap_pool_realloc(&pool, NULL, 0, 100) == NULL);
    no_memory = false;
    p = neap_pool_realloc(&pool, NULL, 0, 100);
    large = neap_pool_realloc(&pool, NULL, 0, NEAP_POOL_BLOCK_MAX + 1);
    CHECK(p != NULL && large != NULL);
    memset(p, 'p', 100);
    no_memory = true;
    CHECK(neap_pool_realloc(&pool, p, 100, NEAP_POOL_BLOCK_MAX + 1) == NULL);
    no_memory = false;
    CHECK(p[0] == 'p' && p[99] == 'p');
    CHECK_EQ_INT(pool.used, 100 + NEAP_POOL_BLOCK_MAX + 1);
    neap_pool_realloc(&pool, p, 100, 0);
    neap_pool_realloc(&pool, large, NEAP_POOL_BLOCK_MAX + 1, 0);
    neap_pool_deinit(&pool);
}

/* Up to the limit, to the byte; what does not grow is never refused. */
static void test_limit(void) {
    enum { LARGE = NEAP_POOL_BLOCK_MAX + 1 };
    neap_pool pool = {.limit = LARGE + 100};
    char *large = neap_pool_realloc(&pool, NULL, 0, LARGE), *small;
    CHECK(large != NULL && neap_pool_realloc(&pool, NULL, 4, 101) == NULL);
    small = neap_pool_realloc(&pool, NULL, 4, 100);
    CHECK(small != NULL && neap_pool_realloc(&pool, NULL, 4, 1) == NULL);
    CHECK_EQ_INT(pool.used, pool.limit);
    memset(large, 'l', LARGE);
    CHECK(neap_pool_realloc(&pool, large, LARGE, LARGE + 1) == NULL);
    CHECK(neap_pool_realloc(&pool, large, LARGE, SIZE_MAX) == NULL);
    CHECK(large[0] == 'l' && large[LARGE - 1] == 'l');
    large = neap_pool_realloc(&pool, large, LARGE, 50);
    CHECK(large != NULL && large[49] == 'l');
    CHECK_EQ_INT(pool.used, 150);
    pool.limit = 10; /* less than is used */
    CHECK(neap_pool_realloc(&pool, small, 100, 101) == NULL);
    small = neap_pool_realloc(&pool, small, 100, 99);
    CHECK(small != NULL);
    CHECK(neap_pool_realloc(&pool, large, 50, 0) == NULL);
    CHECK_EQ_INT(pool.used, 99);
    neap_pool_realloc(&pool, small, 99, 0);
    CHECK((small = neap_pool_realloc(&pool, NULL, 4, 10)) != NULL);
    neap_pool_realloc(&pool, small, 10, 0);
    neap_pool_deinit(&pool);
}

int main(void) {
    test_blocks();
    test_many();
    test_new();
    test_no_memory();
    test_limit();
    return check_report();
}
