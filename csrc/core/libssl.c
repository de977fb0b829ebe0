/* libssl.c: see libssl.h. */
#include "libssl.h"

#include "library.h"

NEAP_LIBRARY(neap_libssl, NEAP_LIBSSL_FILE, "libssl3", NEAP_LIBSSL_FUNCTIONS)
