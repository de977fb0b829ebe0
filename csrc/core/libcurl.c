/* libcurl.c: see libcurl.h. */
#include "libcurl.h"

#include "library.h"

NEAP_LIBRARY(neap_libcurl, NEAP_LIBCURL_FILE, "libcurl4", NEAP_LIBCURL_FUNCTIONS)

void neap_libcurl_trim(void) {
    neap_library_trim(&library);
}
