/* libmicrohttpd.c: see libmicrohttpd.h. */
#include "libmicrohttpd.h"

#include "../core/library.h"

struct neap_libmicrohttpd neap_libmicrohttpd;

static const char *const names[] = {
#define X(name) #name,
    NEAP_LIBMICROHTTPD_FUNCTIONS(X)
#undef X
};

static neap_library library = {
    .file = NEAP_LIBMICROHTTPD_FILE,
    .package = "libmicrohttpd12",
    .names = names,
    .functions = &neap_libmicrohttpd,
    .count = sizeof names / sizeof *names,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

int neap_libmicrohttpd_open(neap_err *err) {
    return neap_library_open(&library, err);
}
