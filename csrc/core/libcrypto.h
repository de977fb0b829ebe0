/* libcrypto.h: OpenSSL's libcrypto, opened at first use, as libcurl.h. Only it and libssl.h
 * include <openssl/...>. Debian's libcurl brings the library along, and so does nginx. */
#ifndef NEAP_CORE_LIBCRYPTO_H
#define NEAP_CORE_LIBCRYPTO_H

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "err.h"

/* What is used of it; each has its #define below, or the link fails. */
#define NEAP_LIBCRYPTO_FUNCTIONS(X)                                                                \
    X(ERR_pop_to_mark)                                                                             \
    X(ERR_set_mark)                                                                                \
    X(EVP_MAC_CTX_free)                                                                            \
    X(EVP_MAC_CTX_new)                                                                             \
    X(EVP_MAC_fetch)                                                                               \
    X(EVP_MAC_final)                                                                               \
    X(EVP_MAC_free)                                                                                \
    X(EVP_MAC_init)                                                                                \
    X(EVP_MAC_update)                                                                              \
    X(EVP_Q_digest)                                                                                \
    X(OSSL_PARAM_construct_end)                                                                    \
    X(OSSL_PARAM_construct_utf8_string)

struct neap_libcrypto {
#define X(name) __typeof__(name) *(name);
    NEAP_LIBCRYPTO_FUNCTIONS(X)
#undef X
};

/* Filled by neap_libcrypto_open. */
extern struct neap_libcrypto neap_libcrypto;

/* Must have succeeded before anything else of libcrypto is called. 0 or NEAP_ESETTINGS. */
int neap_libcrypto_open(neap_err *err);

#define ERR_pop_to_mark neap_libcrypto.ERR_pop_to_mark
#define ERR_set_mark neap_libcrypto.ERR_set_mark
#define EVP_MAC_CTX_free neap_libcrypto.EVP_MAC_CTX_free
#define EVP_MAC_CTX_new neap_libcrypto.EVP_MAC_CTX_new
#define EVP_MAC_fetch neap_libcrypto.EVP_MAC_fetch
#define EVP_MAC_final neap_libcrypto.EVP_MAC_final
#define EVP_MAC_free neap_libcrypto.EVP_MAC_free
#define EVP_MAC_init neap_libcrypto.EVP_MAC_init
#define EVP_MAC_update neap_libcrypto.EVP_MAC_update
#define EVP_Q_digest neap_libcrypto.EVP_Q_digest
#define OSSL_PARAM_construct_end neap_libcrypto.OSSL_PARAM_construct_end
#define OSSL_PARAM_construct_utf8_string neap_libcrypto.OSSL_PARAM_construct_utf8_string

#endif
