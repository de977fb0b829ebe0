/* credential.h: where secrets go in a request, and to whom. Bound to origins: a transfer to any
 * other origin, or in plain text to a host that is not loopback, is refused before it starts. */
#ifndef NEAP_CORE_CREDENTIAL_H
#define NEAP_CORE_CREDENTIAL_H

#include "buf.h"
#include "err.h"
#include "secret.h"
#include "url.h"

typedef enum neap_placement {
    NEAP_IN_HEADER, /* name: value */
    NEAP_IN_BODY,   /* member `name` of the JSON object that is the body */
    NEAP_IN_QUERY,  /* name=value, URL-encoded */
    NEAP_IN_BASIC,  /* Authorization: Basic base64(user:value); name is the user */
    NEAP_IN_BEARER, /* Authorization: Bearer value */
} neap_placement;

typedef struct neap_credential neap_credential;

/* 0 or NEAP_ENOMEM. Reference counted (on one thread); one reference, the caller's. */
int neap_credential_new(neap_credential **out);
neap_credential *neap_credential_ref(neap_credential *);
void neap_credential_unref(neap_credential *);

/* Adds one placement; keeps its own reference of the secret. The name is ignored (may be NULL) for
 * bearer. 0, NEAP_EINVAL (no field name, a colon or control character in a user, a body secret that
 * is no UTF-8), NEAP_ENOMEM. */
int neap_credential_put(neap_credential *, neap_placement, const char *name, neap_secret *);
/* Allows an origin, given as any URL of it. 0, NEAP_EINVAL (no scheme or host), NEAP_ENOMEM. */
int neap_credential_allow(neap_credential *, const char *url);

/* Checks a URL against the allowed origins (scheme, host, port; case and default ports folded) and
 * the plain-text rule. 0 or NEAP_EAUTH with *err saying which. */
int neap_credential_check(const neap_credential *, const char *url, neap_err *err);

/* A request with the secrets in place. Wipe with neap_credential_applied_deinit. */
typedef struct neap_applied {
    neap_buf url;     /* NUL-terminated, len without the NUL; empty: URL unchanged */
    neap_buf headers; /* "Name: value\0Name: value\0" of the added fields */
    neap_buf body;    /* the body with members inserted first; empty: body unchanged */
} neap_applied;

/* Checks the origin, then builds. 0, NEAP_EAUTH, NEAP_EINVAL (body is no JSON object),
 * NEAP_ENOMEM. */
int neap_credential_apply(const neap_credential *, const char *url, const char *body,
                          size_t body_len, neap_applied *out, neap_err *err);
/* The same for a URL whose parts are known. */
int neap_credential_apply_at(const neap_credential *, const neap_url *at, const char *url, const char *body,
                             size_t body_len, neap_applied *out, neap_err *err);
void neap_applied_deinit(neap_applied *);

#endif
