/* check.h: the whole test framework of the C tests: checks that count, print where they fail, and
 * go on. A test is one file with a plain main() that ends with `return check_report();`. */
#ifndef NEAP_SPEC_CHECK_H
#define NEAP_SPEC_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned check_passed, check_failed;

/* Counts one check; prints where and what when it failed. Returns ok. */
static inline bool check_that(bool ok, const char *file, int line, const char *what) {
    if (ok) {
        check_passed++;
    } else {
        check_failed++;
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    }
    return ok;
}

static inline bool check_int(intmax_t got, intmax_t want, const char *file, int line,
                             const char *what) {
    if (check_that(got == want, file, line, what)) return true;
    fprintf(stderr, "    got %jd, wanted %jd\n", got, want);
    return false;
}

static inline bool check_str(const char *got, const char *want, const char *file, int line,
                             const char *what) {
    bool same = got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);
    if (check_that(same, file, line, what)) return true;
    fprintf(stderr, "    got    [%s]\n    wanted [%s]\n", got ? got : "(null)",
            want ? want : "(null)");
    return false;
}

static inline void check_dump(const char *label, const void *mem, size_t len) {
    const unsigned char *bytes = mem;
    fprintf(stderr, "    %s %zu bytes:", label, len);
    for (size_t i = 0; i < len && i < 64; i++) fprintf(stderr, " %02x", bytes[i]);
    fprintf(stderr, "%s\n", len > 64 ? " ..." : "");
}

static inline bool check_mem(const void *got, size_t got_len, const void *want, size_t want_len,
                             const char *file, int line, const char *what) {
    bool same = got_len == want_len && (want_len == 0 || memcmp(got, want, want_len) == 0);
    if (check_that(same, file, line, what)) return true;
    check_dump("got   ", got, got_len);
    check_dump("wanted", want, want_len);
    return false;
}

/* Prints the count; the exit code of main. */
static inline int check_report(void) {
    printf("%u passed, %u failed\n", check_passed, check_failed);
    return check_failed > 0;
}

#define CHECK(cond) check_that((cond), __FILE__, __LINE__, #cond)
/* Signed integers of any width. */
#define CHECK_EQ_INT(got, want)                                                                    \
    check_int((intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__, #got " == " #want)
/* C strings; NULL equals only NULL. */
#define CHECK_STR(got, want) check_str((got), (want), __FILE__, __LINE__, #got " == " #want)
/* Bytes with their lengths. */
#define CHECK_MEM(got, got_len, want, want_len)                                                    \
    check_mem((got), (got_len), (want), (want_len), __FILE__, __LINE__, #got " == " #want)

#endif
