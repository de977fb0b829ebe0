/* direct.c: see direct.h. Which connection of its origin carries a transfer: the idle one used last, or a new
 * one, or the first that comes free where there are as many as there may be.
 *
 * A job per origin gives connections to those that wait, so nothing leaves from inside of start.
 *
 * No silent resend. A request leaves again only if the server had closed the kept connection before it took a
 * byte. If it was lost later the vendor may have acted, and its limits count both. */
#include "direct.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "connection.h"
#include "secret.h"

/* Idle connections kept, over all origins. */
#define IDLE_MAX 4096

/* A body that goes out in one piece with its head. */
#define SMALL_BODY ((size_t)16 * 1024)
/* Tickets kept for reuse, and the memory that each may bring along. */
#define SPARE_MAX 64
#define SPARE_BYTES ((size_t)32 * 1024)

/* A transfer that was started: it waits, or has a connection. */
typedef struct ticket {
    neap_outgoing out;
    struct origin *origin;
    neap_transfer *t;
    neap_connection *c;          /* NULL: it waits */
    struct ticket *next, *prev;  /* in the origin's queue; next: among the spare ones, too */
} ticket;

typedef struct origin {
    struct direct *direct;
    struct origin *next, *prev;
    neap_job job;                /* gives connections to those that wait */
    ticket *first, *last;        /* who waits */
    neap_connection *idle;       /* the one used last first */
    unsigned count;              /* connections, idle ones too */
    bool https;
    uint16_t port;
    neap_span host;              /* in text */
    char text[];                 /* "https://host:port/" */
} origin;

/* What the transfers of one neap_http share. */
typedef struct direct {
    neap_curl_multi *multi;
    origin *origins;             /* the one used last first */
    unsigned idle;               /* connections of all origins */
    unsigned long limit;         /* connections per origin */
    ticket *spare;
    unsigned spares;
    char *buffer;
} direct;

/* --- queues and lists ------------------------------------------------------------------------------ */

static void put_last(origin *o, ticket *k) {
    k->next = NULL;
    k->prev = o->last;
    if (o->last != NULL) o->last->next = k;
    else o->first = k;
    o->last = k;
}

static void put_first(origin *o, ticket *k) {
    k->prev = NULL;
    k->next = o->first;
    if (o->first != NULL) o->first->prev = k;
    else o->last = k;
    o->first = k;
}

static void take_out(origin *o, ticket *k) {
    if (k->prev != NULL) k->prev->next = k->next;
    else o->first = k->next;
    if (k->next != NULL) k->next->prev = k->prev;
    else o->last = k->prev;
}

static void put_idle(origin *o, neap_connection *c) {
    c->prev = NULL;
    c->next = o->idle;
    if (o->idle != NULL) o->idle->prev = c;
    o->idle = c;
    o->direct->idle++;
}

static void take_idle(origin *o, neap_connection *c) {
    if (c->prev != NULL) c->prev->next = c->next;
    else o->idle = c->next;
    if (c->next != NULL) c->next->prev = c->prev;
    o->direct->idle--;
}

static void put_origin(direct *d, origin *o) {
    o->prev = NULL;
    o->next = d->origins;
    if (d->origins != NULL) d->origins->prev = o;
    d->origins = o;
}

static void take_origin(direct *d, origin *o) {
    if (o->prev != NULL) o->prev->next = o->next;
    else d->origins = o->next;
    if (o->next != NULL) o->next->prev = o->prev;
}

/* --- tickets --------------------------------------------------------------------------------------- */

static void drop_ticket(ticket *k) {
    neap_buf_wipe(&k->out.head);
    free(k);
}

/* Its transfer has ended, or was dropped. */
static void put_ticket(neap_transfer *t) {
    ticket *k = t->wire;
    direct *d = k->origin->direct;
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

static ticket *take_ticket(direct *d) {
    ticket *k = d->spare;
    if (k == NULL) return calloc(1, sizeof *k);
    d->spare = k->next;
    d->spares--;
    k->c = NULL;
    return k;
}

/* Writes the request; of what the transfer borrows only a large body is needed later. */
static int write_request(ticket *k, neap_transfer *t) {
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

/* --- connections --------------------------------------------------------------------------------- */

static void on_idle(neap_connection *c, neap_transfer *t) {
    origin *o = c->owner;
    put_ticket(t);
    put_idle(o, c);
    if (o->first != NULL || o->direct->idle > IDLE_MAX) neap_loop_post(o->direct->multi->loop, &o->job);
}

static void on_closed(neap_connection *c, neap_transfer *t, bool unsent) {
    origin *o = c->owner;
    o->count--;
    neap_loop_post(o->direct->multi->loop, &o->job);
    if (t == NULL) {
        take_idle(o, c);
    } else if (unsent) {
        ticket *k = t->wire;
        k->c = NULL;
        put_first(o, k);
    } else {
        put_ticket(t);
    }
}

static void close_idle(origin *o, neap_connection *c) {
    take_idle(o, c);
    o->count--;
    neap_connection_close(c);
}

/* An idle connection that is still good, taken out of the list; NULL: none. */
static neap_connection *find_idle(origin *o) {
    while (o->idle != NULL) {
        neap_connection *c = o->idle;
        if (neap_connection_is_alive(c)) {
            take_idle(o, c);
            return c;
        }
        close_idle(o, c);
    }
    return NULL;
}

static const neap_connection_events events = {on_idle, on_closed};

static void open_for(origin *o, ticket *k) {
    static const neap_err no_memory = {NEAP_ENOMEM, "not enough memory"};
    neap_transfer *t = k->t;
    k->c = neap_connection_open(o->direct->multi, o->text, t, &k->out, &events, o, o->direct->buffer);
    if (k->c != NULL) {
        o->count++;
        return;
    }
    put_ticket(t);
    neap_transfer__finish(t, &no_memory);
}

static void free_origin(origin *o) {
    neap_loop_unpost(o->direct->multi->loop, &o->job);
    while (o->idle != NULL) close_idle(o, o->idle);
    take_origin(o->direct, o);
    free(o);
}

/* Gives out connections; an origin with nothing left is forgotten. */
static void on_job(neap_job *job) {
    origin *o = job->ud;
    while (o->first != NULL) {
        ticket *k = o->first;
        neap_connection *c = find_idle(o);
        if (c == NULL && o->count >= o->direct->limit) return;
        take_out(o, k);
        k->c = c;
        if (c != NULL) neap_connection_begin(c, k->t, &k->out);
        else open_for(o, k);
    }
    while (o->idle != NULL && o->direct->idle > IDLE_MAX) close_idle(o, o->idle);
    if (o->count == 0 && o->first == NULL) free_origin(o);
}

/* --- origins --------------------------------------------------------------------------------------- */

static bool is_of(const origin *o, const neap_url *u) {
    return o->port == u->port && o->https == u->https && o->host.len == u->host.len &&
           strncasecmp(o->host.data, u->host.data, u->host.len) == 0;
}

static origin *new_origin(direct *d, const neap_url *u) {
    size_t scheme = u->https ? 8 : 7;
    neap_buf text = {0};
    origin *o = NULL;
    int rc = neap_buf_printf(&text, u->ipv6 ? "%s[%.*s]:%u/" : "%s%.*s:%u/", u->https ? "https://" : "http://",
                             (int)u->host.len, u->host.data, (unsigned)u->port);
    if (rc == 0) o = calloc(1, sizeof *o + text.len + 1);
    if (o != NULL) {
        memcpy(o->text, text.data, text.len);
        o->host = (neap_span){o->text + scheme + (u->ipv6 ? 1 : 0), u->host.len};
        o->https = u->https;
        o->port = u->port;
        o->direct = d;
        o->job = (neap_job){.run = on_job, .ud = o};
    }
    neap_buf_free(&text);
    return o;
}

/* The origin of a URL, put where it is found first; NULL: no memory. */
static origin *origin_of(direct *d, const neap_url *u) {
    origin *o = d->origins;
    while (o != NULL && !is_of(o, u)) o = o->next;
    if (o == NULL) o = new_origin(d, u);
    else if (o == d->origins) return o;
    else take_origin(d, o);
    if (o != NULL) put_origin(d, o);
    return o;
}

/* --- the carrier ------------------------------------------------------------------------------- */

static void free_direct(direct *d) {
    origin *o, *next;
    for (o = d->origins; o != NULL; o = next) {
        next = o->next;
        free_origin(o);
    }
    while (d->spare != NULL) {
        ticket *k = d->spare;
        d->spare = k->next;
        drop_ticket(k);
    }
    if (d->multi != NULL) neap_curl_multi_close(d->multi);
    free(d->buffer);
    free(d);
}

/* What transfers of h share, made by the first of them; NULL with *err filled. */
static direct *open_direct(neap_http *h, neap_err *err) {
    direct *d = h->shared;
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
    direct *d = open_direct(t->http, err);
    ticket *k;
    origin *o = NULL;
    if (d == NULL) return err->code;
    k = take_ticket(d);
    if (k != NULL && write_request(k, t) == 0) o = origin_of(d, &t->url);
    if (o == NULL) {
        if (k != NULL) drop_ticket(k);
        return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    }
    k->origin = o;
    k->t = t;
    t->wire = k;
    put_last(o, k);
    neap_loop_post(t->loop, &o->job);
    return 0;
}

static void direct_flow(neap_transfer *t) {
    ticket *k = t->wire;
    if (k->c != NULL) neap_connection_flow(k->c);
}

static void direct_drop(neap_transfer *t) {
    ticket *k = t->wire;
    origin *o = k->origin;
    if (k->c == NULL) {
        take_out(o, k);
    } else {
        o->count--;
        neap_connection_close(k->c);
    }
    neap_loop_post(t->loop, &o->job);
    put_ticket(t);
}

static void direct_close(neap_http *h) {
    free_direct(h->shared);
    h->shared = NULL;
}

const neap_carrier neap_direct_carrier = {direct_start, direct_flow, direct_drop, direct_close, true};
