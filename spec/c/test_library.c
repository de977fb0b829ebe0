/* test_library.c: core/library.h with a library that is everywhere; spec/cli/library_spec.lua is the
 * command without those that it opens. */
#include "core/library.h"

#include <string.h>

#include "check.h"
#include "core/libcurl.h"

enum { THREADS = 8 };

typedef struct functions {
    double (*cos)(double);
    double (*sin)(double);
} functions;

static const char *const names[] = {"cos", "sin"}, *const wrong[] = {"cos", "cosinus"};

static neap_library make(const char *file, const char *const *wanted, functions *out) {
    return (neap_library){.file = file, .package = "libc6", .names = wanted, .functions = out,
                          .count = 2, .lock = PTHREAD_MUTEX_INITIALIZER};
}

static void *open_one(void *lib) {
    neap_err err;
    return neap_library_open(lib, &err) == 0 ? lib : NULL;
}

static void test_opens_once_for_all_threads(void) {
    functions f = {NULL, NULL};
    neap_library lib = make("libm.so.6", names, &f);
    pthread_t threads[THREADS];
    int i;
    for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, open_one, &lib) == 0);
    for (i = 0; i < THREADS; i++) {
        void *opened = NULL;
        pthread_join(threads[i], &opened);
        CHECK(opened == &lib);
    }
    CHECK(f.cos(0) == 1 && f.sin(0) == 0);
    neap_library_trim(&lib);
    CHECK(f.cos(0) == 1 && f.sin(0) == 0);
}

static void test_says_what_is_missing(void) {
    functions f = {NULL, NULL};
    neap_library none = make("libnone.so.1", names, &f), other = make("libm.so.6", wrong, &f);
    neap_err err;
    CHECK_EQ_INT(neap_library_open(&none, &err), NEAP_ESETTINGS);
    CHECK(strstr(err.message, "libnone.so.1: cannot open") != NULL);
    CHECK(strstr(err.message, "; is Debian's package libc6 installed?") != NULL);
    CHECK_EQ_INT(neap_library_open(&other, &err), NEAP_ESETTINGS);
    CHECK(strstr(err.message, "undefined symbol: cosinus") != NULL);
    CHECK_EQ_INT(neap_library_open(&other, NULL), NEAP_ESETTINGS);
    other.names = names;
    CHECK_EQ_INT(neap_library_open(&other, &err), 0);
}

static void test_libcurl(void) {
    neap_err err;
    CHECK_EQ_INT(neap_libcurl_open(&err), 0);
    CHECK_STR(curl_easy_strerror(CURLE_OK), "No error");
}

int main(void) {
    test_opens_once_for_all_threads();
    test_says_what_is_missing();
    test_libcurl();
    return check_report();
}
