/* visit.c: one request, from the handler's side (neap/exchange.h). */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "own.h"

/* Bytes waiting for the client at which the handler is told to pause, and to go on. */
enum { OUT_HIGH = 256 * 1024, OUT_LOW = 64 * 1024 };
/* Piece handed to libmicrohttpd at a time. */
enum { BLOCK = 32 * 1024 };

static void visit_free(visit *v) {
    neap_loop_unpost(v->loop, &v->job);
    neap_buf_free(&v->in);
    neap_buf_free(&v->out);
    free((void *)v->ex.fields);
    free(v->text);
    free(v->target);
    free(v);
}

static size_t out_len(const visit *v) {
    return v->out.len - v->out_pos;
}

/* Has the connection anything to be woken for? */
static void wake(visit *v) {
    if (v->suspended && (v->queued || v->aborted || v->gone)) neap_loop_post(v->loop, &v->job);
}

void neap_visit_suspend(visit *v) {
    v->suspended = true;
    MHD_suspend_connection(v->conn);
}

/* --- the answer --------------------------------------------------------------------------------- */

/* Gives the next piece of the body; called by libmicrohttpd. */
static ssize_t on_read(void *cls, uint64_t pos, char *data, size_t max) {
    visit *v = cls;
    size_t len = out_len(v) < max ? out_len(v) : max;
    (void)pos;
    if (v->gone || (v->aborted && len == 0)) return MHD_CONTENT_READER_END_WITH_ERROR;
    if (len > 0) {
        memcpy(data, v->out.data + v->out_pos, len);
        v->out_pos += len;
        if (v->waiting && out_len(v) <= OUT_LOW) neap_loop_post(v->loop, &v->job);
        return (ssize_t)len;
    }
    if (v->ended) return MHD_CONTENT_READER_END_OF_STREAM;
    neap_visit_suspend(v);
    return 0;
}

/* libmicrohttpd writes the length and framing itself; a second copy would be a smuggling risk. What else concerns
 * the connection (RFC 9110 7.6.1), and the type of no content, nginx leaves out, too. */
static bool is_left_out(const char *name, int status) {
    static const char *const names[] = {MHD_HTTP_HEADER_CONTENT_LENGTH, MHD_HTTP_HEADER_TRANSFER_ENCODING,
                                        MHD_HTTP_HEADER_CONNECTION, "Keep-Alive", MHD_HTTP_HEADER_UPGRADE,
                                        "Proxy-Connection", MHD_HTTP_HEADER_TE, MHD_HTTP_HEADER_TRAILER};
    size_t i;
    if (status == MHD_HTTP_NO_CONTENT && strcasecmp(name, MHD_HTTP_HEADER_CONTENT_TYPE) == 0) return true;
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcasecmp(name, names[i]) == 0) return true;
    }
    return false;
}

/* libmicrohttpd takes no empty value and no tab; a blank means the same (RFC 9110 5.5). */
static int add_value(struct MHD_Response *res, const char *name, const char *value) {
    char *copy, *at;
    enum MHD_Result added;
    if (*value != '\0' && strchr(value, '\t') == NULL) return MHD_add_response_header(res, name, value);
    copy = strdup(*value != '\0' ? value : " ");
    if (copy == NULL) return MHD_NO;
    for (at = copy; *at != '\0'; at++) {
        if (*at == '\t') *at = ' ';
    }
    added = MHD_add_response_header(res, name, copy);
    free(copy);
    return added;
}

static int add_fields(struct MHD_Response *res, int status, const neap_field *fields, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) {
        if (is_left_out(fields[i].name, status)) continue;
        if (add_value(res, fields[i].name, fields[i].value) != MHD_YES) return NEAP_ENOMEM;
    }
    return 0;
}

/* A length in 304 would be that of the document (RFC 9110 8.6), which is not known. libmicrohttpd leaves it out only
 * in answers as of HTTP/1.0, which end the connection. */
static struct MHD_Response *new_response(visit *v, int status, long long length) {
    bool lacks_length = length < 0 || status == MHD_HTTP_NOT_MODIFIED;
    struct MHD_Response *res = MHD_create_response_from_callback(lacks_length ? MHD_SIZE_UNKNOWN : (uint64_t)length,
                                                                 BLOCK, on_read, v, NULL);
    if (res != NULL && status == MHD_HTTP_NOT_MODIFIED)
        MHD_set_response_options(res, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return res;
}

static int op_head(neap_exchange *ex, int status, const neap_field *fields, size_t count,
                   long long length) {
    visit *v = (visit *)ex;
    struct MHD_Response *res;
    int rc;
    if (v->gone || v->peer == NULL) return NEAP_ECANCELLED;
    res = new_response(v, status, length);
    if (res == NULL) return NEAP_ENOMEM;
    rc = add_fields(res, status, fields, count);
    if (rc == 0 && v->peer->server->stopping)
        rc = MHD_add_response_header(res, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES ? 0 : NEAP_ENOMEM;
    if (rc == 0 && MHD_queue_response(v->conn, (unsigned)status, res) != MHD_YES) rc = NEAP_ENOMEM;
    MHD_destroy_response(res);
    v->queued = rc == 0;
    v->status = rc == 0 ? status : 0;
    wake(v);
    return rc;
}

static int op_write(neap_exchange *ex, const char *data, size_t len) {
    visit *v = (visit *)ex;
    if (v->gone) return NEAP_ECANCELLED;
    if (v->peer == NULL) return 0; /* the answer is out: it has no body, or all of its length was written */
    if (v->out_pos > 0 && v->out_pos >= v->out.len / 2) {
        neap_buf_shift(&v->out, v->out_pos);
        v->out_pos = 0;
    }
    if (neap_buf_add(&v->out, data, len) < 0) return NEAP_ENOMEM;
    wake(v);
    v->waiting = out_len(v) > OUT_HIGH;
    return v->waiting ? 1 : 0;
}

static void let_go(visit *v) {
    v->held = false;
    v->waiting = false;
    if (v->peer != NULL) wake(v);
    else visit_free(v);
}

static void op_abort(neap_exchange *ex) {
    visit *v = (visit *)ex;
    v->aborted = true;
    let_go(v);
}

static void op_end(neap_exchange *ex) {
    visit *v = (visit *)ex;
    v->ended = true;
    v->aborted = !v->queued;
    let_go(v);
}

/* --- the job: each step may end the visit, and then comes last ---------------------------------- */

static void resume(visit *v) {
    v->suspended = false;
    MHD_resume_connection(v->conn);
    neap_loop_post(v->loop, &v->peer->server->pump);
}

static void tell_gone(visit *v) {
    v->told = true;
    if (v->waiting) neap_loop_post(v->loop, &v->job);
    if (v->ex.on_gone != NULL) v->ex.on_gone(&v->ex);
}

static void tell_room(visit *v) {
    v->waiting = false;
    if (v->ex.on_drain != NULL) v->ex.on_drain(&v->ex);
}

static void begin(visit *v) {
    neap_handler *handler = v->peer->server->handler;
    v->held = true;
    if (v->gone) neap_loop_post(v->loop, &v->job);
    handler->handle(handler, &v->ex);
}

static void run_visit(neap_job *job) {
    visit *v = job->ud;
    bool is_new = v->asked && v->peer != NULL && !v->held && !v->ended && !v->aborted;
    if (is_new) {
        begin(v);
        return;
    }
    if (v->suspended && v->peer != NULL && (v->queued || v->aborted || v->gone)) resume(v);
    if (v->gone && v->held && !v->told) tell_gone(v);
    else if (v->waiting && (v->gone || v->peer == NULL || out_len(v) <= OUT_LOW)) tell_room(v);
}

/* --- its life ----------------------------------------------------------------------------------- */

/* The client's address in figures; an IPv4 one that came in by an IPv6 socket, as IPv4. */
static const char *say_address(struct MHD_Connection *conn, char *text, socklen_t size) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *addr = info != NULL ? info->client_addr : NULL;
    if (addr != NULL && addr->sa_family == AF_INET)
        return inet_ntop(AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, text, size);
    if (addr != NULL && addr->sa_family == AF_INET6) {
        const unsigned char *octets = ((const struct sockaddr_in6 *)addr)->sin6_addr.s6_addr;
        if (memcmp(octets, mapped, sizeof mapped) == 0)
            return inet_ntop(AF_INET, octets + sizeof mapped, text, size);
        return inet_ntop(AF_INET6, octets, text, size);
    }
    return NULL;
}

/* The path and query of a target that names the server, too (RFC 9112 3.2.2), as nginx gives it to handlers. */
static const char *skip_origin(const char *target) {
    const char *at = target;
    if (strncasecmp(target, "http://", 7) == 0) at += 7;
    else if (strncasecmp(target, "https://", 8) == 0) at += 8;
    else return target;
    at += strcspn(at, "/?");
    return *at == '/' ? at : target;
}

visit *neap_visit_open(peer *p, const char *target) {
    static const neap_exchange_ops ops = {op_head, op_write, op_end, op_abort};
    visit *v = calloc(1, sizeof *v);
    if (v == NULL) return NULL;
    v->target = strdup(skip_origin(target));
    v->ex.ops = &ops;
    v->ex.scheme = "http";
    v->ex.client = say_address(p->conn, v->client, sizeof v->client);
    v->loop = p->server->loop;
    v->peer = p;
    v->begun_ns = neap_loop_now_ns(v->loop);
    v->job = (neap_job){.run = run_visit, .ud = v};
    p->visit = v;
    p->server->requests++;
    return v;
}

void neap_visit_hang_up(visit *v) {
    if (v->ended) return; /* the answer may still be read; libmicrohttpd sees when it cannot */
    v->gone = true;
    neap_loop_post(v->loop, &v->job);
}

/* From here on nobody reads the answer. */
void neap_visit_leave(visit *v, bool complete) {
    neap_server *s = v->peer->server;
    neap_access_log(v, complete);
    v->peer->visit = NULL;
    v->peer = NULL;
    v->conn = NULL;
    v->suspended = false;
    s->requests--;
    if (s->stopping && s->requests == 0) neap_loop_post(s->loop, &s->idle);
    if (!complete) v->gone = true;
    if (!v->held) {
        visit_free(v);
        return;
    }
    neap_buf_free(&v->out);
    v->out_pos = 0;
    if (v->gone || v->waiting) neap_loop_post(v->loop, &v->job);
}
