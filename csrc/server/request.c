/* request.c: one request, from libmicrohttpd's side. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "own.h"

/* What is read of a body that is too large, so that its sender gets to read the answer. */
#define DROP_MAX ((size_t)64 << 20)

/* libmicrohttpd would keep each argument of the query in the connection's memory, and where that is full (1,000 of
 * them) it forgets to answer. So it sees an empty query. The text is the connection's, which decodes it in place. */
static void hide_query(const char *uri) {
    char *query = strchr(uri, '?');
    if (query != NULL) query[1] = '\0';
}

/* The request line is in. Its raw target is only to be had here. */
void *neap_request_on_uri(void *cls, const char *uri, struct MHD_Connection *conn) {
    peer *p = neap_peer_of(conn);
    visit *v = p != NULL ? neap_visit_open(p, uri) : NULL;
    (void)cls;
    hide_query(uri);
    return v;
}

/* --- the head ----------------------------------------------------------------------------------- */

/* Where the copies of the header fields go: counted first, then filled. */
typedef struct copy {
    neap_field *fields; /* NULL while counting */
    char *to;
    size_t count, bytes;
} copy;

static const char *copy_text(copy *c, const char *text, size_t len) {
    char *to = c->to;
    memcpy(to, text, len);
    to[len] = '\0';
    c->to += len + 1;
    return to;
}

static enum MHD_Result on_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                size_t name_len, const char *value, size_t value_len) {
    copy *c = cls;
    (void)kind;
    if (value == NULL) value = "";
    while (value_len > 0 && strchr(" \t", value[value_len - 1]) != NULL) value_len--; /* RFC 9110 5.5 */
    if (c->fields != NULL) {
        c->fields[c->count] =
            (neap_field){copy_text(c, name, name_len), copy_text(c, value, value_len), name_len,
                         value_len};
    }
    c->count++;
    c->bytes += name_len + value_len + 2;
    return MHD_YES;
}

/* Copies what the handler may read: the connection's memory can go before the handler does. */
static int copy_request(visit *v, const char *method) {
    size_t method_len = strlen(method);
    copy c = {0};
    MHD_get_connection_values_n(v->conn, MHD_HEADER_KIND, on_field, &c);
    v->text = malloc(c.bytes + method_len + 1);
    v->ex.fields = calloc(c.count + 1, sizeof *c.fields);
    if (v->text == NULL || v->ex.fields == NULL || v->target == NULL) return NEAP_ENOMEM;
    c = (copy){.fields = (neap_field *)v->ex.fields, .to = v->text};
    v->ex.method = copy_text(&c, method, method_len);
    MHD_get_connection_values_n(v->conn, MHD_HEADER_KIND, on_field, &c);
    v->ex.field_count = c.count;
    v->ex.target = v->target;
    v->ex.body = v->has_body ? (v->in.len > 0 ? v->in.data : "") : NULL;
    v->ex.body_len = v->in.len;
    return 0;
}

/* --- the body ----------------------------------------------------------------------------------- */

/* Answers in place of the handler, and ends the connection: what follows on it may be anything. */
static enum MHD_Result refuse(visit *v, const char *method, unsigned status, const char *fault) {
    char text[128];
    enum MHD_Result rc;
    int len = snprintf(text, sizeof text, "{\"error\":\"%s\"}", fault);
    struct MHD_Response *res = MHD_create_response_from_buffer((size_t)len, text, MHD_RESPMEM_MUST_COPY);
    if (res == NULL) return MHD_NO;
    if (copy_request(v, method) == 0) v->status = (int)status; /* for the log */
    rc = MHD_add_response_header(res, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    if (rc == MHD_YES) rc = MHD_add_response_header(res, MHD_HTTP_HEADER_CONNECTION, "close");
    if (rc == MHD_YES) rc = MHD_queue_response(v->conn, status, res);
    MHD_destroy_response(res);
    return rc;
}

static enum MHD_Result refuse_body(visit *v, const char *method) {
    char fault[96];
    snprintf(fault, sizeof fault, "the request's body is larger than %zu bytes", v->peer->server->body_limit);
    return refuse(v, method, MHD_HTTP_CONTENT_TOO_LARGE, fault);
}

static const char *header(const visit *v, const char *name) {
    return MHD_lookup_connection_value(v->conn, MHD_HEADER_KIND, name);
}

/* The head is in. An announced body that is too large is refused before it is sent: where its sender waits
 * for that, or would send more than is worth reading. */
static enum MHD_Result take_head(visit *v, const char *method, const char *version) {
    const char *length = header(v, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *expect = header(v, MHD_HTTP_HEADER_EXPECT);
    size_t limit = v->peer->server->body_limit;
    uintmax_t announced = length != NULL ? strtoumax(length, NULL, 10) : 0;
    const char *fault;
    unsigned status = neap_head_check(v->conn, version, &fault);
    if (status != 0) return refuse(v, method, status, fault);
    v->has_body = length != NULL || header(v, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
    v->too_large = announced > limit;
    if (!v->too_large) return MHD_YES;
    if (expect != NULL || announced - limit > DROP_MAX) return refuse_body(v, method);
    return MHD_YES;
}

static enum MHD_Result take_body(visit *v, const char *data, size_t len) {
    v->too_large = v->too_large || len > v->peer->server->body_limit - v->in.len;
    if (!v->too_large) return neap_buf_add(&v->in, data, len) == 0 ? MHD_YES : MHD_NO;
    neap_buf_free(&v->in);
    v->dropped += len;
    return v->dropped <= v->peer->server->body_limit + DROP_MAX ? MHD_YES : MHD_NO;
}

/* --- all of it ---------------------------------------------------------------------------------- */

/* A crashed server's connection ends in a reset, not in a polite end of stream. libmicrohttpd sends
 * the latter before it closes, so SO_LINGER comes too late; Linux resets a socket that is connected
 * to nowhere, elsewhere the polite end remains. */
static void reset(const peer *p) {
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    (void)connect(p->fd, &nowhere, sizeof nowhere);
}

static enum MHD_Result ask(visit *v, const char *method) {
    if (copy_request(v, method) < 0) return MHD_NO;
    v->asked = true;
    if (v->peer->left) v->gone = true;
    neap_visit_suspend(v);
    neap_loop_post(v->loop, &v->job);
    return MHD_YES;
}

/* Called when the header is in, for each piece of the body, at its end, and after a resume with
 * nothing queued, which is how an abort closes the connection. */
enum MHD_Result neap_request_on_data(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
                                     const char *version, const char *data, size_t *len, void **con_cls) {
    visit *v = *con_cls;
    size_t given = *len;
    (void)cls;
    (void)url;
    if (v == NULL) return MHD_NO;
    if (v->aborted || v->gone) {
        reset(v->peer);
        return MHD_NO;
    }
    if (v->conn == NULL) {
        v->conn = conn;
        return take_head(v, method, version);
    }
    *len = 0;
    if (given > 0) return take_body(v, data, given);
    if (v->too_large) return refuse_body(v, method);
    return ask(v, method);
}

/* The answer is out, or the client has left. */
void neap_request_on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
                               enum MHD_RequestTerminationCode code) {
    const neap_server *s = cls;
    visit *v = *con_cls;
    peer *p;
    (void)conn;
    *con_cls = NULL;
    if (v == NULL || v->peer == NULL) return;
    p = v->peer;
    neap_visit_leave(v, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    if (s->stopping) neap_peer_finish(p);
}
