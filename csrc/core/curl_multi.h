/* curl_multi.h: a multi handle of libcurl on the loop, for curl.c and connection.c. libcurl 7.88's
 * multi_socket interface.
 *
 * Rules, each paid for (FEASIBILITY.md 2.4, PERFORMANCE.md): libcurl's callbacks only record; the timer
 * callback arms or posts, never calls libcurl; the socket callback never answers -1, which kills the multi
 * handle; QUICK_EXIT, or removing a handle that resolves a name would block on the resolver's thread.
 *
 * libcurl's own timers (connect timeout, second address family) run on the loop's timers, so they need
 * a real clock; a virtual one stands still while a transfer over the network is not paused. */
#ifndef NEAP_CORE_CURL_MULTI_H
#define NEAP_CORE_CURL_MULTI_H

#include <stdbool.h>

#include "libcurl.h"
#include "transfer_ops.h"
#include "watch.h"

typedef struct neap_curl_multi {
    CURLM *multi;
    CURLSH *sessions; /* of TLS, for all handles; else each has its own, and resumes none of another's */
    neap_loop *loop;
    const neap_http_cfg *cfg;
    neap_watches watches;
    neap_job kick;    /* libcurl wants to be called at once */
    neap_timer timer; /* or later */
    unsigned live;    /* handles that were added and are not done */
    char *noproxy;
    /* What a handle does is done; private is its CURLOPT_PRIVATE. */
    void (*done)(void *private, CURLcode rc);
} neap_curl_multi;

/* Initialises libcurl, too. 0, NEAP_ENOMEM or NEAP_ESETTINGS with *err filled. */
int neap_curl_multi_open(neap_curl_multi **out, neap_http *, void (*done)(void *private, CURLcode rc),
                         neap_err *err);
/* No handle is left in it. */
void neap_curl_multi_close(neap_curl_multi *);

/* Sets the options that all handles have. error: CURL_ERROR_SIZE bytes. False: no memory. */
bool neap_curl_multi_set(neap_curl_multi *, CURL *, void *private, char *error);
/* Adds a handle, `done` will tell; takes one out, done or not. False: no memory. */
bool neap_curl_multi_add(neap_curl_multi *, CURL *);
void neap_curl_multi_remove(neap_curl_multi *, CURL *, bool done);

/* CURLOPT_CONNECTTIMEOUT_MS for a transfer. */
long neap_curl_connect_ms(const neap_timeouts *);

/* Does the environment name a proxy? */
bool neap_curl_has_proxy(void);

#endif
