/* inproc.c: see inproc.h. Nothing here takes time: departure is the moment the handler is called.
 *
 * The exchange belongs to the handler until it ends or aborts it, the transfer to its caller; each
 * may go first. `t` is NULL once the caller has gone, and the request's text is a copy. */
#include "inproc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct inproc {
    neap_exchange ex;     /* first: the handler's view */
    neap_loop *loop;
    neap_handler *handler;
    neap_transfer *t;     /* NULL: the client has gone */
    neap_job job;         /* calls the handler; later tells it that the client has gone */
    neap_buf text;        /* the request, copied */
    neap_field *fields;
    long long length;     /* announced, -1: unknown */
    long long taken;      /* bytes of body passed on */
    bool handed;          /* the handler has been called */
    bool headed;          /* head was sent */
    bool bare;            /* this answer has no body, whatever the handler writes (RFC 9110 6.4.1) */
    bool waiting;         /* write answered 1 */
} inproc;

static void free_exchange(inproc *x) {
    neap_loop_unpost(x->loop, &x->job);
    if (x->text.data != NULL) neap_buf_wipe(&x->text);
    free(x->fields);
    free(x);
}

/* Lets go of the transfer, which has ended with what it recorded. */
static void finish(inproc *x) {
    static const neap_err none = {0};
    neap_transfer *t = x->t;
    x->t = NULL;
    neap_transfer__finish(t, &none);
}

/* --- what the handler calls ---------------------------------------------------------------- */

static int ex_head(neap_exchange *ex, int status, const neap_field *fields, size_t count,
                   long long length) {
    inproc *x = (inproc *)ex;
    char line[64];
    size_t i;
    int rc;
    if (x->t == NULL) return NEAP_ECANCELLED;
    x->headed = true;
    x->length = length;
    x->bare = strcmp(ex->method, "HEAD") == 0 || status == 204 || status == 304;
    rc = neap_transfer__line(x->t, line, (size_t)snprintf(line, sizeof line, "HTTP/1.1 %03d", status));
    for (i = 0; i < count && rc == 0; i++) {
        rc = neap_head_add(&x->t->head, fields[i].name, fields[i].name_len, fields[i].value,
                            fields[i].value_len);
    }
    if (rc < 0) neap_transfer__fail(x->t, rc, "reply header too large");
    else rc = neap_transfer__line(x->t, "", 0);
    if (rc == 0) return 0;
    finish(x);
    return rc == NEAP_ENOMEM ? rc : NEAP_ECANCELLED;
}

/* A consumer that pauses holds its handler at once: simulators then write no more than is read. */
static bool is_full(const neap_transfer *t) {
    return neap_transfer__full(t, t->paused ? 0 : NEAP_QUEUE_MAX);
}

static int ex_write(neap_exchange *ex, const char *data, size_t len) {
    inproc *x = (inproc *)ex;
    if (x->t == NULL) return NEAP_ECANCELLED;
    if (x->bare) return 0;
    if (x->length >= 0 && (long long)len > x->length - x->taken) len = (size_t)(x->length - x->taken);
    x->taken += (long long)len;
    if (len > 0 && neap_transfer__data(x->t, data, len) < 0) {
        finish(x);
        return NEAP_ECANCELLED;
    }
    x->waiting = is_full(x->t);
    return x->waiting ? 1 : 0;
}

/* The answer ends here, as announced or not. */
static void ex_end(neap_exchange *ex) {
    inproc *x = (inproc *)ex;
    if (x->t != NULL) {
        if (!x->headed) neap_transfer__fail(x->t, NEAP_ENETWORK, "connection reset");
        else if (!x->bare && x->taken < x->length) neap_transfer__cut(x->t, x->taken, x->length);
        finish(x);
    }
    free_exchange(x);
}

static void ex_abort(neap_exchange *ex) {
    inproc *x = (inproc *)ex;
    if (x->t != NULL) {
        if (!x->headed) neap_transfer__fail(x->t, NEAP_ENETWORK, "connection reset");
        else if (x->bare || x->taken == x->length) finish(x); /* all of it had arrived */
        else neap_transfer__cut(x->t, x->taken, x->length);
    }
    if (x->t != NULL) finish(x);
    free_exchange(x);
}

static const neap_exchange_ops ops = {ex_head, ex_write, ex_end, ex_abort};

/* --- the request --------------------------------------------------------------------------- */

/* Calls the handler, or tells it that the client has gone. */
static void on_job(neap_job *job) {
    inproc *x = job->ud;
    if (!x->handed) {
        x->handed = true;
        neap_transfer__depart(x->t);
        x->handler->handle(x->handler, &x->ex);
        return;
    }
    if (x->ex.on_gone != NULL) x->ex.on_gone(&x->ex);
    if (!x->waiting) return;
    x->waiting = false;
    if (x->ex.on_drain != NULL) x->ex.on_drain(&x->ex);
}

/* The copied text, cut up: each piece is `len` bytes and a NUL. */
static const char *take(const char **at, size_t len) {
    const char *piece = *at;
    *at += len + 1;
    return piece;
}

static int add_piece(neap_buf *b, const char *s, size_t len) {
    int rc = neap_buf_add(b, s, len);
    return rc == 0 ? neap_buf_add(b, "", 1) : rc;
}

static size_t applied_count(const neap_buf *headers) {
    size_t i, count = 0;
    for (i = 0; i < headers->len; i++) count += headers->data[i] == '\0';
    return count;
}

static int add_fields(inproc *x, const neap_transfer *t) {
    const neap_buf *added = &t->applied.headers;
    size_t i;
    int rc = 0;
    for (i = 0; i < t->req.field_count && rc == 0; i++) {
        rc = add_piece(&x->text, t->req.fields[i].name, t->req.fields[i].name_len);
        if (rc == 0) rc = add_piece(&x->text, t->req.fields[i].value, t->req.fields[i].value_len);
    }
    for (i = 0; i < added->len && rc == 0; i += strlen(added->data + i) + 1) {
        const char *line = added->data + i, *colon = strchr(line, ':');
        const char *value = colon + 1 + strspn(colon + 1, " ");
        rc = add_piece(&x->text, line, (size_t)(colon - line));
        if (rc == 0) rc = add_piece(&x->text, value, strlen(value));
    }
    return rc;
}

static int add_host(neap_buf *b, const neap_url *u) {
    const char *open = u->ipv6 ? "[" : "", *shut = u->ipv6 ? "]" : "";
    int rc = neap_buf_add(b, "Host", 5);
    if (rc == 0) {
        rc = neap_buf_printf(b, "%s%.*s%s", open, (int)u->host.len, u->host.data, shut);
    }
    if (rc == 0 && u->port != (u->https ? 443 : 80)) rc = neap_buf_printf(b, ":%u", u->port);
    return rc == 0 ? neap_buf_add(b, "", 1) : rc;
}

static int add_length(neap_buf *b, const neap_transfer *t) {
    int rc = neap_buf_add(b, "Content-Length", 15);
    if (rc == 0) rc = neap_buf_printf(b, "%zu", t->req.body_len);
    return rc == 0 ? neap_buf_add(b, "", 1) : rc;
}

static int add_target(neap_buf *b, const neap_url *u) {
    int rc = neap_url_add_request_target(b, u);
    return rc == 0 ? neap_buf_add(b, "", 1) : rc;
}

/* Copies the request: method, target, Host, [Content-Length,] fields, body. */
static int copy_request(inproc *x, const neap_transfer *t) {
    neap_buf *b = &x->text;
    bool body = t->req.body != NULL;
    size_t i, count = (body ? 2u : 1u) + t->req.field_count + applied_count(&t->applied.headers);
    const char *at;
    int rc = add_piece(b, t->req.method, strlen(t->req.method));
    if (rc == 0) rc = add_target(b, &t->url);
    if (rc == 0) rc = add_host(b, &t->url);
    if (rc == 0 && body) rc = add_length(b, t);
    if (rc == 0) rc = add_fields(x, t);
    if (rc == 0 && body) rc = add_piece(b, t->req.body, t->req.body_len);
    x->fields = calloc(count, sizeof *x->fields);
    if (rc < 0 || x->fields == NULL) return NEAP_ENOMEM;
    at = b->data;
    x->ex.method = take(&at, strlen(at));
    x->ex.target = take(&at, strlen(at));
    for (i = 0; i < count; i++) {
        neap_field *f = &x->fields[i];
        f->name_len = strlen(at);
        f->name = take(&at, f->name_len);
        f->value_len = strlen(at);
        f->value = take(&at, f->value_len);
    }
    x->ex.fields = x->fields;
    x->ex.field_count = count;
    if (body) x->ex.body = at;
    x->ex.body_len = body ? t->req.body_len : 0;
    return 0;
}

static int inproc_start(neap_transfer *t, neap_err *err) {
    inproc *x = calloc(1, sizeof *x);
    if (x == NULL) return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    x->ex.ops = &ops;
    x->loop = t->loop;
    x->handler = t->http->cfg.inproc;
    x->t = t;
    x->length = -1;
    x->job = (neap_job){.run = on_job, .ud = x};
    if (copy_request(x, t) < 0) {
        free_exchange(x);
        return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    }
    t->wire = x;
    neap_loop_post(t->loop, &x->job);
    return 0;
}

static void inproc_flow(neap_transfer *t) {
    inproc *x = t->wire;
    if (!x->waiting || is_full(t)) return;
    x->waiting = false;
    if (x->ex.on_drain != NULL) x->ex.on_drain(&x->ex);
}

static void inproc_drop(neap_transfer *t) {
    inproc *x = t->wire;
    t->wire = NULL;
    x->t = NULL;
    if (!x->handed) free_exchange(x);
    else neap_loop_post(x->loop, &x->job);
}

static void inproc_close(neap_http *h) {
    (void)h; /* nothing is shared */
}

const neap_carrier neap_inproc_carrier = {inproc_start, inproc_flow, inproc_drop, inproc_close, false};
