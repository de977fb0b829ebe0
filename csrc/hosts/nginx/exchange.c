/* exchange.c: see exchange.h.
 *
 * An exchange lives from the request's body being read to the handler's `end` or `abort`; the request may go before,
 * with the client. Each clears its pointer in the other. */
#include "exchange.h"
#include "request.h"
#include "response.h"
#include "worker.h"
#include <neap/error.h>

#define PIECE_MIN ((size_t)4096) /* bytes of a buffer of an answer of unknown length */
#define PIECE_MAX ((size_t)65536)

/* How far the handler is. */
typedef enum outcome { OPEN, ENDED, ABORTED } outcome;

typedef struct exchange {
    neap_exchange base;       /* first: the handler's pointer is ours */
    struct exchange *next;    /* in `touched` */
    ngx_http_request_t *r;    /* NULL: the client has left */
    struct exchange **anchor; /* where the request points here */
    ngx_chain_t *out;         /* written, not yet given to nginx */
    ngx_chain_t **tail;       /* where the next buffer of `out` goes */
    ngx_chain_t *busy, *free; /* with nginx; to be used again */
    size_t pending;           /* bytes in `out` */
    size_t piece;             /* bytes of a buffer, at least */
    outcome outcome;
    unsigned queued : 1;      /* in `touched` */
    unsigned blocked : 1;     /* nginx cannot send now; it calls on_writable */
    unsigned failed : 1;      /* nothing can be sent any more */
} exchange;

/* Exchanges that did something in this dispatch, in the order of doing so. None is freed in here. */
static struct {
    exchange *first, **last;
} touched = {NULL, &touched.first};

static void touch(exchange *x) {
    if (x->queued) return;
    x->queued = 1;
    x->next = NULL;
    *touched.last = x;
    touched.last = &x->next;
}

/* Takes the next one; NULL: there is none. */
static exchange *next_touched(void) {
    exchange *x = touched.first;
    if (!x) return NULL;
    touched.first = x->next;
    if (!touched.first) touched.last = &touched.first;
    x->queued = 0;
    return x;
}

/* The request is nobody's any more. */
static void detach(exchange *x) {
    if (x->anchor) *x->anchor = NULL;
    x->anchor = NULL;
    x->r = NULL;
}

static void exchange_free(exchange *x) {
    detach(x);
    ngx_free(x);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* The client takes no more for now: nginx calls when it does. */
static ngx_int_t wait_writable(exchange *x) {
    ngx_event_t *event = x->r->connection->write;
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(x->r, ngx_http_core_module);
    x->blocked = 1;
    if (!event->delayed) {
        ngx_add_timer(event, core->send_timeout);
    }
    return ngx_handle_write_event(event, core->send_lowat);
}

/* Gives nginx a chain; NULL: to go on with what it has. */
static void send_chain(exchange *x, ngx_chain_t *chain) {
    ngx_int_t rc = ngx_http_output_filter(x->r, chain);
    ngx_chain_update_chains(x->r->pool, &x->free, &x->busy, &chain, (ngx_buf_tag_t)&ngx_http_neap_module);
    if (rc == NGX_ERROR || (rc == NGX_AGAIN && wait_writable(x) != NGX_OK)) x->failed = 1;
}

/* A buffer without data; NULL: out of memory. */
static ngx_chain_t *mark_link(exchange *x) {
    ngx_chain_t *link = ngx_alloc_chain_link(x->r->pool);
    ngx_buf_t *buf = link ? ngx_calloc_buf(x->r->pool) : NULL;
    if (!buf) return NULL;
    link->buf = buf;
    link->next = NULL;
    return link;
}

/* Marks the end of `out`; nginx keeps little data back unless it is told so. */
static ngx_int_t mark_out(exchange *x) {
    ngx_chain_t *last = x->out;
    if (!last) {
        last = x->out = mark_link(x);
        if (!last) return NGX_ERROR;
    }
    while (last->next) last = last->next;
    if (x->outcome == OPEN) {
        last->buf->flush = 1;
        return NGX_OK;
    }
    last->buf->last_buf = x->r == x->r->main;
    last->buf->last_in_chain = 1;
    if (!last->buf->last_buf && ngx_buf_size(last->buf) == 0) last->buf->sync = 1;
    return NGX_OK;
}

/* Gives nginx what was written. */
static void send_out(exchange *x) {
    ngx_chain_t *out = x->out;
    x->out = NULL;
    x->tail = &x->out;
    x->pending = 0;
    send_chain(x, out);
}

/* nginx can send again. */
static void on_writable(ngx_http_request_t *r) {
    exchange **anchor = ngx_http_get_module_ctx(r, ngx_http_neap_module);
    exchange *x = anchor ? *anchor : NULL;
    ngx_event_t *event = r->connection->write;
    if (!x) return;
    if (event->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT, "client timed out");
        r->connection->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }
    if (!x->blocked) return;
    x->blocked = 0;
    send_chain(x, NULL);
    if (x->failed) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }
    if (x->blocked) return;
    if (event->timer_set && !event->delayed) ngx_del_timer(event); /* limit_rate has one, too */
    touch(x);
    if (x->base.on_drain) x->base.on_drain(&x->base);
    ngx_neap_worker_wake();
}

/* --- what the handler does -------------------------------------------------------------------- */

/* Is there somebody to send to? */
static int is_gone(const exchange *x) {
    return !x->r || x->failed;
}

static int exchange_head(neap_exchange *base, int status, const neap_field *fields, size_t count, long long length) {
    exchange *x = (exchange *)base;
    ngx_int_t rc;
    int code;
    if (is_gone(x)) return NEAP_ECANCELLED;
    code = ngx_neap_response_set(x->r, status, fields, count, length);
    if (code < 0) return code;
    x->piece = length < 0 ? PIECE_MIN : (size_t)ngx_min(length, (long long)PIECE_MAX);
    touch(x);
    rc = ngx_http_send_header(x->r);
    if (rc != NGX_ERROR && rc <= NGX_OK) return 0;
    x->failed = 1;
    return NEAP_ECANCELLED;
}

/* A link for up to `len` more bytes, at the end of `out`; NULL: out of memory. */
static ngx_buf_t *add_piece(exchange *x, size_t len) {
    size_t size = ngx_min(ngx_max(len, x->piece), PIECE_MAX);
    ngx_chain_t *link = ngx_chain_get_free_buf(x->r->pool, &x->free);
    ngx_buf_t *buf = link ? link->buf : NULL;
    if (!buf) return NULL;
    if (!buf->start) {
        buf->start = ngx_palloc(x->r->pool, size);
        if (!buf->start) return NULL;
        buf->end = buf->start + size;
    }
    buf->pos = buf->last = buf->start;
    buf->temporary = 1;
    buf->flush = buf->last_buf = buf->last_in_chain = buf->sync = 0;
    buf->tag = (ngx_buf_tag_t)&ngx_http_neap_module;
    link->next = NULL;
    *x->tail = link;
    x->tail = &link->next;
    return buf;
}

static int append(exchange *x, const char *data, size_t len) {
    ngx_chain_t *last = x->out;
    ngx_buf_t *buf;
    while (last && last->next) last = last->next;
    buf = last ? last->buf : NULL;
    x->pending += len;
    while (len > 0) {
        size_t room;
        if (!buf || buf->last == buf->end) buf = add_piece(x, len);
        if (!buf) return NEAP_ENOMEM;
        room = ngx_min(len, (size_t)(buf->end - buf->last));
        buf->last = ngx_cpymem(buf->last, data, room);
        data += room;
        len -= room;
    }
    return 0;
}

static int exchange_write(neap_exchange *base, const char *data, size_t len) {
    exchange *x = (exchange *)base;
    if (is_gone(x)) return NEAP_ECANCELLED;
    if (len == 0 || x->r->header_only) return 0;
    touch(x);
    if (append(x, data, len) < 0) {
        x->failed = 1;
        return NEAP_ENOMEM;
    }
    if (x->pending >= PIECE_MAX && !x->blocked) send_out(x);
    return x->failed ? NEAP_ECANCELLED : x->blocked;
}

static void exchange_finish(neap_exchange *base, outcome how) {
    exchange *x = (exchange *)base;
    x->outcome = how;
    x->base.on_gone = NULL;
    x->base.on_drain = NULL;
    touch(x);
    ngx_neap_worker_wake();
}

static void exchange_end(neap_exchange *base) {
    exchange_finish(base, ENDED);
}

static void exchange_abort(neap_exchange *base) {
    exchange_finish(base, ABORTED);
}

static const neap_exchange_ops ops = {exchange_head, exchange_write, exchange_end, exchange_abort};

/* --- after a dispatch ------------------------------------------------------------------------- */

/* Leaves the request to nginx, which may free it. */
static void finalize(ngx_http_request_t *r, ngx_int_t rc) {
    ngx_connection_t *c = r->connection;
    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}

/* Sends what is there; nothing where nginx sends a head only. */
static void send_rest(exchange *x) {
    if (x->failed || x->r->header_only) return;
    if (!x->r->header_sent || mark_out(x) != NGX_OK) x->failed = 1;
    else send_out(x);
}

static void finish(exchange *x) {
    ngx_http_request_t *r = x->r;
    ngx_int_t rc;
    if (x->outcome == ENDED) send_rest(x);
    else x->failed = 1;
    rc = x->failed ? NGX_ERROR : NGX_OK;
    exchange_free(x);
    finalize(r, rc);
}

static void flush(exchange *x) {
    if (!x->r) {
        if (x->outcome != OPEN) exchange_free(x);
    } else if (x->outcome != OPEN) {
        finish(x);
    } else {
        if (!x->blocked) send_rest(x);
        if (x->failed) finalize(x->r, NGX_ERROR); /* which tells the handler */
    }
}

void ngx_neap_exchange_flush(void) {
    exchange *x;
    while ((x = next_touched()) != NULL) flush(x);
}

void ngx_neap_exchange_discard(void) {
    exchange *x;
    while ((x = next_touched()) != NULL) {
        if (x->outcome != OPEN) exchange_free(x);
    }
}

/* --- requests --------------------------------------------------------------------------------- */

/* The request ends, by the client's leaving or by nginx's own will. */
static void on_request_end(void *data) {
    exchange **anchor = data, *x = *anchor;
    if (!x) return;
    detach(x);
    x->out = x->busy = x->free = NULL; /* went with it */
    if (x->base.on_gone) x->base.on_gone(&x->base);
    ngx_neap_worker_wake();
}

/* Ties an exchange to the request; NULL: memory is short. */
static exchange *exchange_new(ngx_http_request_t *r) {
    ngx_http_cleanup_t *cleanup = ngx_http_cleanup_add(r, sizeof(exchange *));
    exchange *x = cleanup ? ngx_calloc(sizeof *x, r->connection->log) : NULL;
    if (!x) return NULL;
    x->base.ops = &ops;
    x->r = r;
    x->tail = &x->out;
    x->anchor = cleanup->data;
    *x->anchor = x;
    cleanup->handler = on_request_end;
    ngx_http_set_ctx(r, x->anchor, ngx_http_neap_module);
    return x;
}

static ngx_int_t serve(ngx_http_request_t *r) {
    ngx_neap_main_conf *conf = ngx_http_get_module_main_conf(r, ngx_http_neap_module);
    ngx_neap_location_conf *location = ngx_http_get_module_loc_conf(r, ngx_http_neap_module);
    exchange *x = exchange_new(r);
    ngx_int_t rc = NGX_ERROR;
    if (x && ngx_neap_request_fill(r, &x->base) == NGX_OK) {
        rc = ngx_neap_worker_serve(conf, location->script, &x->base);
    }
    if (rc != NGX_OK && x) exchange_free(x);
    return rc;
}

/* The body is there. Reading goes on, to see the client leave. */
static void on_body(ngx_http_request_t *r) {
    ngx_int_t rc;
    r->write_event_handler = on_writable;
    if (r == r->main) r->read_event_handler = ngx_http_test_reading;
    rc = serve(r);
    if (rc == NGX_OK) return;
    ngx_http_finalize_request(r, rc == NGX_DECLINED ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_INTERNAL_SERVER_ERROR);
}

ngx_int_t ngx_neap_exchange_handle(ngx_http_request_t *r) {
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    ngx_neap_main_conf *conf = ngx_http_get_module_main_conf(r, ngx_http_neap_module);
    ngx_neap_location_conf *location = ngx_http_get_module_loc_conf(r, ngx_http_neap_module);
    ngx_int_t rc;
    if (!ngx_neap_worker_runtime(conf) || location->script->script == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "neap: \"%V\" did not start, see above in this log",
                      &location->script->name);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    /* nginx has checked it, but for an `if` block with a limit of its own. */
    if (r == r->main && core->client_max_body_size &&
        r->headers_in.content_length_n > core->client_max_body_size) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
    /* A body in a file keeps its name while the request lives. */
    r->request_body_in_single_buf = 1;
    r->request_body_in_persistent_file = 1;
    r->request_body_in_clean_file = 1;
    rc = ngx_http_read_client_request_body(r, on_body);
    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}
