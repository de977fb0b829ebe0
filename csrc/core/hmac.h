/* hmac.h: signatures of messages: HMAC (RFC 2104) and digests, by libcrypto. */
#ifndef NEAP_CORE_HMAC_H
#define NEAP_CORE_HMAC_H

#include <stddef.h>

#include "err.h"
#include "secret.h"
#include "url.h"

typedef enum neap_hmac_algorithm { NEAP_HMAC_SHA1, NEAP_HMAC_SHA256, NEAP_HMAC_SHA512 } neap_hmac_algorithm;

/* What of a secret is the key. */
typedef enum neap_hmac_form {
    NEAP_HMAC_PLAIN, /* its bytes */
    NEAP_HMAC_BASE64 /* what they say in base64, behind `whsec_` or not: Standard Webhooks */
} neap_hmac_form;

/* Bytes of the longest signature or digest. */
#define NEAP_HMAC_MAX 64

/* One signature or digest; plain memory. */
typedef struct neap_hmac {
    unsigned char bytes[NEAP_HMAC_MAX];
    size_t len;
} neap_hmac;

/* Signs the pieces as if they were one text. 0; NEAP_ESETTINGS (no libcrypto, or the secret is no base64: the
 * message has nothing of it); NEAP_ENOMEM. Any thread. */
int neap_hmac_sign(neap_hmac *out, neap_hmac_algorithm, const neap_secret *, neap_hmac_form,
                   const neap_span *pieces, size_t count, neap_err *err);

/* Digests a text, without a key. 0, NEAP_ESETTINGS (no libcrypto), NEAP_ENOMEM. */
int neap_hmac_digest(neap_hmac *out, neap_hmac_algorithm, const void *bytes, size_t len, neap_err *err);

#endif
