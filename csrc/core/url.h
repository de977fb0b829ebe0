/* url.h: absolute http and https URLs: parts, origins, joining, encoding.
 *
 * A small parser of our own, stricter than libcurl's on purpose: it accepts only what every
 * parser reads alike, so that the origin a credential is checked against is the origin that
 * libcurl connects to. Refused: userinfo, backslashes, percent signs or non-ASCII in a host, an
 * empty host, IPv6 zones, IPv4 addresses other than four decimal numbers (`80`, `0x7f.1`), blanks and control characters anywhere. It copies nothing, for it runs
 * once per request. */
#ifndef NEAP_CORE_URL_H
#define NEAP_CORE_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/* A piece of somebody else's text. NULL with len 0: absent. */
typedef struct neap_span {
    const char *data;
    size_t len;
} neap_span;

/* The parts of a URL, borrowed from its text. */
typedef struct neap_url {
    bool https;
    bool ipv6;        /* host is an IPv6 address, without its brackets */
    uint16_t port;    /* the scheme's default where the text names none */
    neap_span host;   /* as written */
    neap_span path;   /* may be empty, else begins with a slash */
    neap_span query;  /* without the question mark; absent and empty are different */
    neap_span target; /* path and query as one, for a request line; may be empty */
} neap_url;

/* Parses text of len bytes; a fragment is left out. 0 or NEAP_EINVAL with *err saying why. The
 * message never quotes the text, which may hold a secret. */
int neap_url_parse(neap_url *out, const char *text, size_t len, neap_err *err);

/* Same scheme, host (without regard to case or to the spelling of an IPv6 address) and port? */
bool neap_url_same_origin(const neap_url *, const neap_url *);
/* Appends `https://host`, in lower case, the port only if it is not the default. 0 or
 * NEAP_ENOMEM. */
int neap_url_add_origin(neap_buf *out, const neap_url *);
/* Is it `localhost`, a name below it, an address of 127.0.0.0/8 in four parts, or ::1 (with or
 * without brackets)? No name is looked up. */
bool neap_url_is_loopback(const char *host, size_t len);

/* Appends base and path with exactly one slash between (RFC 3986 merging is not wanted: base
 * URLs may carry a path). An empty path, or one that begins with `?`, follows as it is. 0,
 * NEAP_EINVAL (base is no URL, or has a query or fragment), NEAP_ENOMEM. */
int neap_url_join(neap_buf *out, const char *base, size_t base_len, const char *path,
                  size_t path_len, neap_err *err);
/* Appends what a reference (the value of Location) means seen from base: RFC 3986 section 5.2,
 * strict, no fragment. Blanks and non-ASCII bytes in it are percent-encoded, as servers send
 * them raw. Base is no text of out. 0, NEAP_EINVAL (other scheme, not parsable), NEAP_ENOMEM. */
int neap_url_resolve(neap_buf *out, const char *base, size_t base_len, const char *ref,
                     size_t ref_len, neap_err *err);

/* Appends what a request line says of a URL (RFC 9112 3.2.1): path and query, the path without dot segments and
 * never empty, bytes beyond ASCII as %XX; at most three times as long as the target, and one more. 0 or
 * NEAP_ENOMEM (something may be left in out). */
int neap_url_add_request_target(neap_buf *out, const neap_url *);

/* Appends a component: all but RFC 3986's unreserved characters as %XX. 0 or NEAP_ENOMEM. */
int neap_url_encode(neap_buf *out, const char *text, size_t len);
/* Appends `name=value`, encoded (but for `$` in the name), to a URL without fragment in url, with `?` or `&` before it. 0 or
 * NEAP_ENOMEM. */
int neap_url_add_query(neap_buf *url, const char *name, size_t name_len, const char *value,
                       size_t value_len);

#endif
