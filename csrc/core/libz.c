/* libz.c: see libz.h. */
#include "libz.h"

#include "library.h"

NEAP_LIBRARY(neap_libz, NEAP_LIBZ_FILE, "zlib1g", NEAP_LIBZ_FUNCTIONS)
