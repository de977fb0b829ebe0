/* hmac.c: see hmac.h. */
#include "hmac.h"

#include <string.h>

#include "encoding.h"
#include "libcrypto.h"

/* As libcrypto names them. */
static const char digest_names[][8] = {"SHA1", "SHA256", "SHA512"};

/* --- keys ------------------------------------------------------------------------------------- */

#define STANDARD_PREFIX "whsec_"

static int fail_key(neap_err *err) {
    return neap_err_set(err, NEAP_ESETTINGS, "the secret is no base64, alone or behind " STANDARD_PREFIX);
}

/* Appends the key that a secret says in base64. */
static int parse_key(neap_buf *out, const neap_secret *secret, neap_err *err) {
    const char *text = neap_secret_bytes(secret);
    size_t len = neap_secret_len(secret), prefix = strlen(STANDARD_PREFIX);
    int rc;
    if (len >= prefix && memcmp(text, STANDARD_PREFIX, prefix) == 0) {
        text += prefix;
        len -= prefix;
    }
    if (len == 0) return fail_key(err);
    rc = neap_base64_parse(out, text, len);
    return rc == NEAP_EDECODE ? fail_key(err) : rc;
}

/* --- libcrypto -------------------------------------------------------------------------------- */

static int sign_with(EVP_MAC_CTX *ctx, neap_hmac *out, neap_hmac_algorithm algorithm, neap_span key,
                     const neap_span *pieces, size_t count) {
    char name[sizeof *digest_names]; /* the parameter wants it writable */
    OSSL_PARAM params[2];
    memcpy(name, digest_names[algorithm], sizeof name);
    params[0] = OSSL_PARAM_construct_utf8_string("digest", name, 0);
    params[1] = OSSL_PARAM_construct_end();
    if (!EVP_MAC_init(ctx, (const unsigned char *)key.data, key.len, params)) return NEAP_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len == 0) continue;
        if (!EVP_MAC_update(ctx, (const unsigned char *)pieces[i].data, pieces[i].len)) return NEAP_ENOMEM;
    }
    return EVP_MAC_final(ctx, out->bytes, &out->len, sizeof out->bytes) ? 0 : NEAP_ENOMEM;
}

/* What libcrypto says of its failures stays out of the thread's queue, where others look. */
static int sign(neap_hmac *out, neap_hmac_algorithm algorithm, neap_span key, const neap_span *pieces,
                size_t count) {
    EVP_MAC *mac;
    EVP_MAC_CTX *ctx = NULL;
    int rc = NEAP_ENOMEM;
    ERR_set_mark();
    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (mac != NULL) ctx = EVP_MAC_CTX_new(mac);
    if (ctx != NULL) rc = sign_with(ctx, out, algorithm, key, pieces, count);
    EVP_MAC_CTX_free(ctx); /* wipes the key */
    EVP_MAC_free(mac);
    ERR_pop_to_mark();
    return rc;
}

/* It was opened, and its provider is built in: nothing else can fail. */
static int fail_memory(neap_err *err) {
    return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
}

int neap_hmac_sign(neap_hmac *out, neap_hmac_algorithm algorithm, const neap_secret *secret,
                   neap_hmac_form form, const neap_span *pieces, size_t count, neap_err *err) {
    neap_span key = {neap_secret_bytes(secret), neap_secret_len(secret)};
    neap_buf parsed = {0};
    int rc = neap_libcrypto_open(err);
    if (rc < 0) return rc;
    if (form == NEAP_HMAC_BASE64) {
        rc = parse_key(&parsed, secret, err);
        key = (neap_span){parsed.data, parsed.len};
    }
    if (rc == 0) rc = sign(out, algorithm, key, pieces, count);
    neap_buf_wipe(&parsed);
    return rc == NEAP_ENOMEM ? fail_memory(err) : rc;
}

int neap_hmac_digest(neap_hmac *out, neap_hmac_algorithm algorithm, const void *bytes, size_t len,
                     neap_err *err) {
    int done, rc = neap_libcrypto_open(err);
    if (rc < 0) return rc;
    ERR_set_mark();
    done = EVP_Q_digest(NULL, digest_names[algorithm], NULL, bytes, len, out->bytes, &out->len);
    ERR_pop_to_mark();
    return done ? 0 : fail_memory(err);
}
