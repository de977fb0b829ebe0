/* libz.c: see libz.h. */
#include "libz.h"

#include "library.h"

struct neap_libz neap_libz;

static const char *const names[] = {
#define X(name) #name,
    NEAP_LIBZ_FUNCTIONS(X)
#undef X
};

static neap_library library = {
    .file = NEAP_LIBZ_FILE,
    .package = "zlib1g",
    .names = names,
    .functions = &neap_libz,
    .count = sizeof names / sizeof *names,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

int neap_libz_open(neap_err *err) {
    return neap_library_open(&library, err);
}
