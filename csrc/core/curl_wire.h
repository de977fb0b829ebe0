/* curl_wire.h: one request in libcurl's terms: options that go in, failures that come out. Private to
 * curl.c. */
#ifndef NEAP_CORE_CURL_WIRE_H
#define NEAP_CORE_CURL_WIRE_H

#include "libcurl.h"
#include "transfer_ops.h"

/* One easy handle and what goes with its present request. */
typedef struct neap_curl_wire {
    CURL *easy;
    struct curl_shared *shared; /* curl.c's */
    neap_transfer *t;           /* NULL in the pool */
    struct neap_curl_wire *next; /* in the pool */
    CURLU *parts;               /* of the URL that easy goes to */
    neap_buf url;               /* whose parts they are, with its NUL; empty: nobody's */
    neap_buf text;              /* header lines, each with a NUL */
    neap_buf nodes;             /* struct curl_slist[], over text */
    long connect_ms;            /* as set on easy */
    bool shut;                  /* the flow is paused */
    bool resent;                /* libcurl wanted to send the request again */
    char error[CURL_ERROR_SIZE];
} neap_curl_wire;

/* Sets what differs from request to request, all of it each time; but what is set already stays.
 * 0, NEAP_ENOMEM, or NEAP_EINVAL where libcurl does not take the URL. */
int neap_curl_wire_fill(neap_curl_wire *);
/* Overwrites or gives up what held a secret. */
void neap_curl_wire_wipe(neap_curl_wire *);
/* Records in the transfer what a result of libcurl means. Also for CURLE_OK without a head. */
void neap_curl_wire_fail(neap_curl_wire *, CURLcode rc);

#endif
