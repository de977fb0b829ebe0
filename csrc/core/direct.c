/* direct.c: see direct.h. Transfers and what they say; origin.c finds the connections.
 *
 * No silent resend. A request leaves again only if the server had closed the kept connection before it took a
 * byte. If it was lost later the vendor may have acted, and its limits count both. */
#include "direct.h"

#include <stdlib.h>
#include <string.h>

#include "direct_own.h"
#include "secret.h"

/* A body that goes out in one piece with its head. */
#define SMALL_BODY ((size_t)16 * 1024)
/* Tickets kept for reuse, and the memory that each may bring along. */
#define SPARE_MAX 64
#define SPARE_BYTES ((size_t)32 * 1024)

/* --- tickets --------------------------------------------------------------------------------------- */

static void drop_ticket(neap_ticket *k) {
    neap_buf_wipe(&k->out.head);
    free(k);
}

void neap_ticket_put(neap_transfer *t) {
    neap_ticket *k = t->wire;
    neap_direct *d = k->origin->direct;
    t->wire = NULL;
    if (d->spares >= SPARE_MAX || k->out.head.cap > SPARE_BYTES) {
        drop_ticket(k);
        return;
    }
    if (t->scrub && k->out.head.len > 0) neap_secret_wipe(k->out.head.data, k->out.head.len);
    k->next = d->spare;
    d->spare = k;
    d->spares++;
}

static neap_ticket *take_ticket(neap_direct *d) {
    neap_ticket *k = d->spare;
    if (k == NULL) return calloc(1, sizeof *k);
    d->spare = k->next;
    d->spares--;
    k->c = NULL;
    return k;
}

/* Writes the request; of what the transfer borrows only a large body is needed later. */
static int write_request(neap_ticket *k, neap_transfer *t) {
    const neap_request *req = &t->req;
    bool small = req->body_len <= SMALL_BODY;
    neap_http1_request head = {.method = req->method,
                               .url = &t->url,
                               .fields = req->fields,
                               .field_count = req->field_count,
                               .added = &t->applied.headers,
                               .has_body = req->body != NULL,
                               .body_len = req->body_len,
                               .behind = small ? req->body_len : 0};
    int rc;
    k->out.head.len = 0;
    k->out.has_body = small;
    k->out.no_answer_body = strcmp(req->method, "HEAD") == 0;
    k->out.keeps = neap_http1_keeps(&head);
    rc = neap_http1_write(&k->out.head, &head);
    if (rc == 0 && small && req->body_len > 0) rc = neap_buf_add(&k->out.head, req->body, req->body_len);
    return rc;
}

/* --- the carrier ------------------------------------------------------------------------------- */

static void free_direct(neap_direct *d) {
    neap_origins_close(d);
    while (d->spare != NULL) {
        neap_ticket *k = d->spare;
        d->spare = k->next;
        drop_ticket(k);
    }
    if (d->multi != NULL) neap_curl_multi_close(d->multi);
    if (d->buffer != NULL) neap_secret_wipe(d->buffer, NEAP_CONNECTION_BUFFER);
    free(d->buffer);
    free(d);
}

/* What transfers of h share, made by the first of them; NULL with *err filled. */
static neap_direct *open_direct(neap_http *h, neap_err *err) {
    neap_direct *d = h->shared;
    if (d != NULL) return d;
    d = calloc(1, sizeof *d);
    if (d != NULL) d->buffer = malloc(NEAP_CONNECTION_BUFFER);
    if (d == NULL || d->buffer == NULL) {
        free(d);
        neap_err_set(err, NEAP_ENOMEM, "not enough memory");
        return NULL;
    }
    d->limit = (unsigned long)(h->cfg.connections_per_host > 0 ? h->cfg.connections_per_host
                                                               : NEAP_CONNECTIONS_PER_HOST);
    if (neap_curl_multi_open(&d->multi, h, neap_connection_opened, err) < 0) {
        free_direct(d);
        return NULL;
    }
    h->shared = d;
    return d;
}

static int direct_start(neap_transfer *t, neap_err *err) {
    neap_direct *d = open_direct(t->http, err);
    neap_ticket *k;
    neap_origin *o = NULL;
    if (d == NULL) return err->code;
    k = take_ticket(d);
    if (k != NULL && write_request(k, t) == 0) o = neap_origin_of(d, &t->url);
    if (o == NULL) {
        if (k != NULL) drop_ticket(k);
        return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    }
    k->origin = o;
    k->t = t;
    t->wire = k;
    neap_origin_queue(o, k);
    return 0;
}

static void direct_flow(neap_transfer *t) {
    neap_ticket *k = t->wire;
    if (k->c != NULL) neap_connection_flow(k->c);
}

static void direct_drop(neap_transfer *t) {
    neap_origin_leave(t->wire);
    neap_ticket_put(t);
}

static void direct_close(neap_http *h) {
    free_direct(h->shared);
    h->shared = NULL;
}

const neap_carrier neap_direct_carrier = {direct_start, direct_flow, direct_drop, direct_close, true};
