/* libcrypto.c: see libcrypto.h. */
#include "libcrypto.h"

#include "library.h"

NEAP_LIBRARY(neap_libcrypto, NEAP_LIBCRYPTO_FILE, "libssl3", NEAP_LIBCRYPTO_FUNCTIONS)
