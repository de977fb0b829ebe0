/* libcurl.c: see libcurl.h. */
#include "libcurl.h"

#include "library.h"

struct neap_libcurl neap_libcurl;

static const char *const names[] = {
#define X(name) #name,
    NEAP_LIBCURL_FUNCTIONS(X)
#undef X
};

static neap_library library = {
    .file = NEAP_LIBCURL_FILE,
    .package = "libcurl4",
    .names = names,
    .functions = &neap_libcurl,
    .count = sizeof names / sizeof *names,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

int neap_libcurl_open(neap_err *err) {
    return neap_library_open(&library, err);
}

void neap_libcurl_trim(void) {
    neap_library_trim(&library);
}
