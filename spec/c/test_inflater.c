/* test_inflater.c: core/inflater.h: every split of a body, every allocation, what is no such body. */
#include "core/inflater.h"

#include <stdlib.h>

#include "check.h"

extern void *__real_malloc(size_t size);
extern void *__real_calloc(size_t count, size_t size);
extern void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static long spared = -1; /* allocations until one fails; negative: none does */

static bool fails(void) {
    return spared >= 0 && spared-- == 0;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size) {
    return fails() ? NULL : __real_realloc(block, size);
}

typedef struct sample {
    const char *coding, *bytes;
    size_t len;
    const char *text;
} sample;

#define GZIP_HELLO "\x1f\x8b\x08\0\0\0\0\0\0\xff\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0"
#define GZIP_EMPTY "\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0"
#define ZLIB_HELLO "\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\0\x06\x2c\x02\x15"
#define BARE_HELLO "\xcb\x48\xcd\xc9\xc9\x07\0"
#define S(coding, bytes, text) {coding, bytes, sizeof(bytes) - 1, text}

static const sample good[] = {
    S("gzip", GZIP_HELLO, "hello"),
    S("X-Gzip", GZIP_HELLO, "hello"),
    S("gzip", GZIP_EMPTY, ""),
    S("gzip", GZIP_HELLO GZIP_EMPTY GZIP_HELLO, "hellohello"),
    S("deflate", ZLIB_HELLO, "hello"),
    S("DEFLATE", BARE_HELLO, "hello"),
};

static const sample bad[] = {
    S("gzip", "no gzip", "reply cannot be decompressed: incorrect header check"),
    S("gzip", GZIP_HELLO "x", "reply has bytes behind the end of its compressed body"),
    S("deflate", ZLIB_HELLO "\x78", "reply has bytes behind the end of its compressed body"),
    S("deflate", "\xff\xff", "reply cannot be decompressed: invalid block type"),
    S("gzip", "\x1f\x8b\x08\0\0\0\0\0\0\xff\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x37\x05\0\0\0",
      "reply cannot be decompressed: incorrect data check"),
};

static neap_inflater *open_for(const char *coding) {
    neap_inflater *u = NULL;
    neap_err err = {0};
    CHECK_EQ_INT(neap_inflater_open(&u, coding, strlen(coding), &err), 0);
    CHECK_STR(err.message, "");
    return u;
}

/* Feeds it `step` bytes at a time, with so much room each time. */
static int run(neap_inflater *u, const sample *s, size_t step, size_t room, neap_buf *out, neap_err *err) {
    size_t at = 0, end, used;
    int rc = 0;
    while (rc == 0 && (at < s->len || neap_inflater_is_full(u))) {
        end = s->len - at < step ? s->len : at + step;
        rc = neap_inflater_run(u, s->bytes + at, end - at, out, room, &used, err);
        at += used;
        CHECK(used <= end);
    }
    return rc;
}

static void check_good(const sample *s, size_t step, size_t room) {
    neap_inflater *u = open_for(s->coding);
    neap_buf out = {0};
    neap_err err;
    CHECK_EQ_INT(run(u, s, step, room, &out, &err), 0);
    CHECK(neap_inflater_is_complete(u));
    CHECK_MEM(out.data, out.len, s->text, strlen(s->text));
    neap_inflater_close(u);
    neap_buf_free(&out);
}

static void test_good(void) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        for (size_t step = 1; step <= good[i].len; step++) {
            for (size_t room = 1; room <= 12; room++) check_good(&good[i], step, room);
        }
    }
}

static void test_bad(void) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t step = 1; step <= bad[i].len; step++) {
            neap_inflater *u = open_for(bad[i].coding);
            neap_buf out = {0};
            neap_err err = {0};
            CHECK_EQ_INT(run(u, &bad[i], step, 4, &out, &err), NEAP_EDECODE);
            CHECK_STR(err.message, bad[i].text);
            neap_inflater_close(u);
            neap_buf_free(&out);
        }
    }
}

/* Without its last byte, or more of them, none is whole, and none fails. */
static void test_cut(void) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t member = sizeof GZIP_HELLO - 1;
        for (size_t len = 0; len < good[i].len && len < member; len++) {
            sample s = {good[i].coding, good[i].bytes, len, NULL};
            neap_inflater *u = open_for(s.coding);
            neap_buf out = {0};
            neap_err err;
            CHECK_EQ_INT(run(u, &s, 3, 3, &out, &err), 0);
            CHECK(!neap_inflater_is_complete(u));
            neap_inflater_close(u);
            neap_buf_free(&out);
        }
    }
}

static void test_codings(void) {
    static const char *const none[] = {"", "identity", "None"}, *const unknown[] = {"br", "zstd", "gzip, gzip"};
    neap_inflater *u;
    neap_err err;
    for (size_t i = 0; i < 3; i++) {
        CHECK(open_for(none[i]) == NULL);
        CHECK_EQ_INT(neap_inflater_open(&u, unknown[i], strlen(unknown[i]), &err), NEAP_EDECODE);
        CHECK(u == NULL && strstr(err.message, unknown[i]) != NULL);
    }
    neap_inflater_close(NULL);
}

static void test_memory(void) {
    for (long n = 0;; n++) {
        neap_inflater *u = NULL;
        neap_buf out = {0};
        neap_err err = {0};
        int rc;
        spared = n;
        rc = neap_inflater_open(&u, "gzip", 4, &err);
        if (rc == 0) rc = run(u, &good[3], 10, 4, &out, &err);
        if (rc == 0) CHECK_EQ_INT(out.len, 10);
        else CHECK_EQ_INT(rc, NEAP_ENOMEM);
        neap_inflater_close(u);
        neap_buf_free(&out);
        if (spared >= 0) break; /* none was left to fail */
        CHECK(rc != 0);
    }
    spared = -1;
}

int main(void) {
    test_good();
    test_bad();
    test_cut();
    test_codings();
    test_memory();
    return check_report();
}
