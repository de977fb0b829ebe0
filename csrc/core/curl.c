/* curl.c: see curl.h. libcurl's own HTTP, for the ways through a proxy; without one direct.c takes its place.
 *
 * Handles are pooled and keep the options that never change (PERFORMANCE.md).
 *
 * No silent resend. When a reused connection dies before the first byte of the answer, libcurl sends
 * the request again on a new connection, POST or not. The vendor may have acted on the first, and its
 * limits count both. libcurl calls PREREQFUNCTION before each send, so its second call tells: if bytes
 * of the request had been taken (CURLINFO_REQUEST_SIZE) the transfer is aborted, as a failure after
 * departure; if none had, the request is free to leave again, with a new stamp. */
#include "curl.h"

#include <stdlib.h>

#include "curl_multi.h"
#include "curl_wire.h"

/* Handles kept for reuse, a few KiB each. */
#define POOL_MAX 256
/* Bytes read at once: four times libcurl's own, for large replies; memory only where it is used. */
#define RECEIVE_BUFFER 65536L
/* Of a streamed body; libcurl holds up to a buffer more. */
#define QUEUE_MAX (NEAP_QUEUE_MAX / 4)
/* Idle connections kept, over all hosts. */
#define CONNECTIONS_KEPT 4096L

/* What the transfers of one neap_http share. */
typedef struct curl_shared {
    neap_curl_multi *multi;
    neap_curl_wire *pool; /* idle handles */
    unsigned pooled;
} curl_shared;

/* --- handles --------------------------------------------------------------------------------- */

static void free_wire(neap_curl_wire *w) {
    curl_easy_cleanup(w->easy);
    curl_url_cleanup(w->parts);
    neap_buf_wipe(&w->url);
    neap_buf_wipe(&w->text);
    neap_buf_free(&w->nodes);
    free(w);
}

/* Back to the pool, out of the multi handle: what the transfer lent may go. */
static void put_wire(neap_curl_wire *w, bool done) {
    curl_shared *s = w->shared;
    neap_curl_multi_remove(s->multi, w->easy, done);
    if (w->t->scrub) neap_curl_wire_wipe(w);
    w->t->wire = NULL;
    w->t = NULL;
    if (s->pooled >= POOL_MAX) {
        free_wire(w);
        return;
    }
    w->next = s->pool;
    s->pool = w;
    s->pooled++;
}

static void finish(neap_curl_wire *w, CURLcode rc, bool done) {
    static const neap_err none = {0};
    neap_transfer *t = w->t;
    if (rc != CURLE_OK || !t->head.complete) neap_curl_wire_fail(w, rc);
    put_wire(w, done);
    neap_transfer__finish(t, &none);
}

static void on_handle_done(void *private, CURLcode rc) {
    finish(private, rc, true);
}

/* --- libcurl's callbacks ------------------------------------------------------------------- */

static size_t on_header(char *line, size_t size, size_t count, void *ud) {
    neap_curl_wire *w = ud;
    return neap_transfer__line(w->t, line, size * count) < 0 ? 0 : size * count;
}

static size_t on_data(char *data, size_t size, size_t count, void *ud) {
    neap_curl_wire *w = ud;
    if (size * count == 0) return 0;
    if (neap_transfer__data(w->t, data, size * count) < 0) return 0;
    if (!w->shut && neap_transfer__full(w->t, QUEUE_MAX)) {
        w->shut = true; /* here and not later: one call of libcurl may read 100 buffers */
        curl_easy_pause(w->easy, CURLPAUSE_RECV);
    }
    return size * count;
}

/* The connection is ready, the request leaves next. */
static int on_prereq(void *ud, char *ip, char *local_ip, int port, int local_port) {
    neap_curl_wire *w = ud;
    long sent = 0;
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    if (w->t->departed) {
        curl_easy_getinfo(w->easy, CURLINFO_REQUEST_SIZE, &sent);
        w->resent = sent > 0;
        if (w->resent) return CURL_PREREQFUNC_ABORT;
    }
    neap_transfer__depart(w->t);
    return CURL_PREREQFUNC_OK;
}

/* --- setting up ---------------------------------------------------------------------------- */

static void close_shared(curl_shared *s) {
    while (s->pool != NULL) {
        neap_curl_wire *w = s->pool;
        s->pool = w->next;
        free_wire(w);
    }
    neap_curl_multi_close(s->multi);
    free(s);
}

/* What transfers of h share, made by the first of them; NULL with *err filled. */
static curl_shared *open_shared(neap_http *h, neap_err *err) {
    long connections = h->cfg.connections_per_host;
    curl_shared *s = h->shared;
    if (s != NULL) return s;
    s = calloc(1, sizeof *s);
    if (s == NULL) {
        neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    } else if (neap_curl_multi_open(&s->multi, h, on_handle_done, err) < 0) {
        free(s);
        s = NULL;
    } else {
        curl_multi_setopt(s->multi->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                          connections > 0 ? connections : NEAP_CONNECTIONS_PER_HOST);
        curl_multi_setopt(s->multi->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    }
    h->shared = s;
    return s;
}

/* Options of every request. Content codings are not undone: what libcurl inflates while a transfer is
 * paused it keeps, all of it (transfer_body.c does it instead). */
static bool set_common(neap_curl_wire *w) {
    CURL *e = w->easy;
    int bad = !neap_curl_multi_set(w->shared->multi, e, w, w->error);
    bad |= (int)curl_easy_setopt(e, CURLOPT_CURLU, w->parts);
    bad |= (int)curl_easy_setopt(e, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    bad |= (int)curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    bad |= (int)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    bad |= (int)curl_easy_setopt(e, CURLOPT_HEADERDATA, w);
    bad |= (int)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
    bad |= (int)curl_easy_setopt(e, CURLOPT_WRITEDATA, w);
    bad |= (int)curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
    bad |= (int)curl_easy_setopt(e, CURLOPT_PREREQDATA, w);
    return bad == 0;
}

static neap_curl_wire *take_wire(curl_shared *s) {
    neap_curl_wire *w = s->pool;
    if (w != NULL) {
        s->pool = w->next;
        s->pooled--;
        w->shut = w->resent = false;
        w->error[0] = '\0';
        return w;
    }
    w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    w->shared = s;
    w->easy = curl_easy_init();
    w->parts = curl_url();
    if (w->easy != NULL && w->parts != NULL && set_common(w)) return w;
    free_wire(w);
    return NULL;
}

/* --- the carrier ------------------------------------------------------------------------------- */

static int curl_start(neap_transfer *t, neap_err *err) {
    curl_shared *s = open_shared(t->http, err);
    neap_curl_wire *w;
    int rc;
    if (s == NULL) return err->code;
    w = take_wire(s);
    if (w == NULL) return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    w->t = t;
    rc = neap_curl_wire_fill(w);
    if (rc == 0 && !neap_curl_multi_add(s->multi, w->easy)) rc = NEAP_ENOMEM;
    if (rc < 0) {
        free_wire(w);
        return neap_err_set(err, rc, rc == NEAP_EINVAL ? "bad URL" : "not enough memory");
    }
    t->wire = w;
    return 0;
}

/* Goes on after a pause. What libcurl had read meanwhile comes at once, through on_data. */
static void curl_flow(neap_transfer *t) {
    neap_curl_wire *w = t->wire;
    if (!w->shut || neap_transfer__full(t, QUEUE_MAX)) return;
    w->shut = false;
    if (curl_easy_pause(w->easy, CURLPAUSE_CONT) == CURLE_WRITE_ERROR) finish(w, CURLE_WRITE_ERROR, false);
}

static void curl_drop(neap_transfer *t) {
    put_wire(t->wire, false);
}

static void curl_close(neap_http *h) {
    close_shared(h->shared);
    h->shared = NULL;
}

const neap_carrier neap_curl_carrier = {curl_start, curl_flow, curl_drop, curl_close, true};
