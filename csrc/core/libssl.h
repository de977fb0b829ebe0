/* libssl.h: OpenSSL's libssl, opened at first use, as libcrypto.h: what libcurl does not tell of its TLS. */
#ifndef NEAP_CORE_LIBSSL_H
#define NEAP_CORE_LIBSSL_H

#include <openssl/ssl.h>

#include "err.h"

/* What is used of it; each has its #define below, or the link fails. */
#define NEAP_LIBSSL_FUNCTIONS(X) X(SSL_get_shutdown)

struct neap_libssl {
#define X(name) __typeof__(name) *(name);
    NEAP_LIBSSL_FUNCTIONS(X)
#undef X
};

/* Filled by neap_libssl_open. */
extern struct neap_libssl neap_libssl;

/* Must have succeeded before anything else of libssl is called. 0 or NEAP_ESETTINGS. */
int neap_libssl_open(neap_err *err);

#define SSL_get_shutdown neap_libssl.SSL_get_shutdown

#endif
