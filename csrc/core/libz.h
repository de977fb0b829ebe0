/* libz.h: zlib, opened at first use, as libcurl.h. The only header that includes <zlib.h>. libcurl brings
 * the library along, so that it is there wherever a transfer over the network is. */
#ifndef NEAP_CORE_LIBZ_H
#define NEAP_CORE_LIBZ_H

#define ZLIB_CONST
#include <zlib.h>

#include "err.h"

/* What is used of it; each has its #define below, or the link fails. */
#define NEAP_LIBZ_FUNCTIONS(X)                                                                     \
    X(inflate)                                                                                     \
    X(inflateEnd)                                                                                  \
    X(inflateInit2_)                                                                               \
    X(inflateReset)

struct neap_libz {
#define X(name) __typeof__(name) *(name);
    NEAP_LIBZ_FUNCTIONS(X)
#undef X
};

/* Filled by neap_libz_open. */
extern struct neap_libz neap_libz;

/* Must have succeeded before anything else of zlib is called. 0 or NEAP_ESETTINGS. */
int neap_libz_open(neap_err *err);

#define inflate neap_libz.inflate
#define inflateEnd neap_libz.inflateEnd
#define inflateInit2_ neap_libz.inflateInit2_
#define inflateReset neap_libz.inflateReset

#endif
