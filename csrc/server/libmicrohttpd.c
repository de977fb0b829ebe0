/* libmicrohttpd.c: see libmicrohttpd.h. */
#include "libmicrohttpd.h"

#include "../core/library.h"

NEAP_LIBRARY(neap_libmicrohttpd, NEAP_LIBMICROHTTPD_FILE, "libmicrohttpd12", NEAP_LIBMICROHTTPD_FUNCTIONS)
