/* server.c: see server.h.
 *
 * Everything that enters libmicrohttpd runs from `pump`, a job; its callbacks only record. One
 * `visit` per request: libmicrohttpd holds it from the request line to the end of the answer, the
 * handler from `handle` to end or abort; it is freed when both have let go. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/buf.h"
#include "libmicrohttpd.h"

/* Bytes waiting for the client at which the handler is told to pause, and to go on. */
enum { OUT_HIGH = 256 * 1024, OUT_LOW = 64 * 1024 };
/* Piece handed to libmicrohttpd at a time; its memory per connection: all header fields must fit. */
enum { BLOCK = 32 * 1024, CONNECTION_MEMORY = 64 * 1024, CONNECTIONS = 8192 };

struct neap_server {
    neap_loop *loop;
    neap_handler *handler;
    struct MHD_Daemon *daemon;
    uv_poll_t *watch;    /* on the daemon's epoll descriptor; freed by its close callback */
    neap_timer timer;    /* the daemon's own time-out */
    neap_job pump;       /* runs the daemon */
    struct visit *visits; /* those whose connection is alive */
    uint16_t port;
};

typedef struct visit {
    neap_exchange ex;            /* first: the ops get it back from here */
    neap_loop *loop;
    neap_server *server;         /* valid while conn is */
    struct MHD_Connection *conn; /* NULL before the header is in and after the connection has gone */
    struct visit *next, *prev;   /* in server->visits, while linked */
    neap_job job;                /* begins the handler, resumes the connection, tells of room */
    char *text;                  /* method and header fields, one block */
    char *target;                /* owned copy */
    neap_buf in;                 /* request body */
    neap_buf out;                /* answer's body; bytes before out_pos are with libmicrohttpd */
    size_t out_pos;
    bool linked;
    bool has_body;
    bool too_large;
    bool asked;     /* the request is whole */
    bool held;      /* by the handler */
    bool suspended;
    bool queued;    /* the head is with libmicrohttpd */
    bool ended;
    bool aborted;
    bool waiting;   /* the handler waits for on_drain */
} visit;

static void visit_free(visit *v) {
    neap_loop_unpost(v->loop, &v->job);
    neap_buf_free(&v->in);
    neap_buf_free(&v->out);
    free((void *)v->ex.fields);
    free(v->text);
    free(v->target);
    free(v);
}

static void visit_link(neap_server *s, visit *v) {
    v->next = s->visits;
    if (v->next != NULL) v->next->prev = v;
    s->visits = v;
    v->linked = true;
}

static void visit_unlink(neap_server *s, visit *v) {
    if (v->prev != NULL) v->prev->next = v->next;
    else s->visits = v->next;
    if (v->next != NULL) v->next->prev = v->prev;
    v->next = v->prev = NULL;
    v->linked = false;
}

/* The handler's side (exchange.h). */

static size_t out_len(const visit *v) {
    return v->out.len - v->out_pos;
}

/* Has the connection anything to be woken for? */
static void wake(visit *v) {
    if (v->suspended && (v->queued || v->aborted)) neap_loop_post(v->loop, &v->job);
}

/* Gives the next piece of the body; called by libmicrohttpd. */
static ssize_t on_read(void *cls, uint64_t pos, char *data, size_t max) {
    visit *v = cls;
    size_t len = out_len(v) < max ? out_len(v) : max;
    (void)pos;
    if (len > 0) {
        memcpy(data, v->out.data + v->out_pos, len);
        v->out_pos += len;
        if (v->waiting && out_len(v) <= OUT_LOW) neap_loop_post(v->loop, &v->job);
        return (ssize_t)len;
    }
    if (v->aborted) return MHD_CONTENT_READER_END_WITH_ERROR;
    if (v->ended) return MHD_CONTENT_READER_END_OF_STREAM;
    v->suspended = true;
    MHD_suspend_connection(v->conn);
    return 0;
}

/* libmicrohttpd writes the length and framing itself; a second copy would be a smuggling risk. */
static bool is_framing(const neap_field *f) {
    return strcasecmp(f->name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
           strcasecmp(f->name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
}

static int add_fields(struct MHD_Response *res, const neap_field *fields, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) {
        if (is_framing(&fields[i])) continue;
        if (MHD_add_response_header(res, fields[i].name, fields[i].value) != MHD_YES)
            return NEAP_ENOMEM;
    }
    return 0;
}

static int op_head(neap_exchange *ex, int status, const neap_field *fields, size_t count,
                   long long length) {
    visit *v = (visit *)ex;
    struct MHD_Response *res;
    int rc;
    if (v->conn == NULL) return NEAP_ECANCELLED;
    res = MHD_create_response_from_callback(length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length, BLOCK,
                                            on_read, v, NULL);
    if (res == NULL) return NEAP_ENOMEM;
    rc = add_fields(res, fields, count);
    if (rc == 0 && MHD_queue_response(v->conn, (unsigned)status, res) != MHD_YES) rc = NEAP_ENOMEM;
    MHD_destroy_response(res);
    v->queued = rc == 0;
    wake(v);
    return rc;
}

static int op_write(neap_exchange *ex, const char *data, size_t len) {
    visit *v = (visit *)ex;
    if (v->conn == NULL) return NEAP_ECANCELLED;
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
    if (v->linked) wake(v);
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

static const neap_exchange_ops exchange_ops = {op_head, op_write, op_end, op_abort};

/* A crashed server's connection ends in a reset, not in a polite end of stream. libmicrohttpd sends
 * the latter before it closes, so SO_LINGER comes too late; Linux resets a socket that is connected
 * to nowhere, elsewhere the polite end remains. */
static void reset(struct MHD_Connection *conn) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    if (info != NULL) (void)connect(info->connect_fd, &nowhere, sizeof nowhere);
}

static void run_visit(neap_job *job) {
    visit *v = job->ud;
    if (v->asked && !v->held && !v->queued && !v->aborted) {
        v->held = true;
        v->server->handler->handle(v->server->handler, &v->ex);
        return;
    }
    if (v->suspended && v->conn != NULL) {
        v->suspended = false;
        MHD_resume_connection(v->conn);
        neap_loop_post(v->loop, &v->server->pump);
    }
    if (v->waiting && (v->conn == NULL || out_len(v) <= OUT_LOW)) {
        v->waiting = false;
        if (v->ex.on_drain != NULL) v->ex.on_drain(&v->ex);
    }
}

/* libmicrohttpd's side. */

/* The request line is in. Its raw target is only to be had here. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn) {
    neap_server *s = cls;
    visit *v = calloc(1, sizeof *v);
    (void)conn;
    if (v == NULL) return NULL;
    v->target = strdup(uri);
    v->ex.ops = &exchange_ops;
    v->loop = s->loop;
    v->server = s;
    v->job = (neap_job){.run = run_visit, .ud = v};
    visit_link(s, v);
    return v;
}

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

static enum MHD_Result refuse(struct MHD_Connection *conn, unsigned status) {
    enum MHD_Result rc;
    struct MHD_Response *res = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (res == NULL) return MHD_NO;
    rc = MHD_queue_response(conn, status, res);
    MHD_destroy_response(res);
    return rc;
}

static void take_body(visit *v, const char *data, size_t len) {
    v->has_body = true;
    if (v->too_large) return;
    v->too_large = v->in.len + len > NEAP_SERVER_MAX_BODY || neap_buf_add(&v->in, data, len) < 0;
    if (v->too_large) neap_buf_free(&v->in);
}

static bool says_body(struct MHD_Connection *conn) {
    return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH) ||
           MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* Called when the header is in, for each piece of the body, at its end, and after a resume with
 * nothing queued, which is how an abort closes the connection. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **con_cls) {
    visit *v = *con_cls;
    (void)cls;
    (void)url;
    (void)version;
    if (v == NULL) return MHD_NO;
    if (v->aborted) {
        reset(conn);
        return MHD_NO;
    }
    if (v->conn == NULL) {
        v->conn = conn;
        v->has_body = says_body(conn);
        return MHD_YES;
    }
    if (*len > 0) {
        take_body(v, data, *len);
        *len = 0;
        return MHD_YES;
    }
    if (v->too_large) return refuse(conn, MHD_HTTP_CONTENT_TOO_LARGE);
    if (!v->asked && copy_request(v, method) < 0) return MHD_NO;
    v->asked = true;
    v->suspended = true;
    MHD_suspend_connection(conn);
    neap_loop_post(v->loop, &v->job);
    return MHD_YES;
}

/* libmicrohttpd lets go: the answer is out, or the client has left. */
static void on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
                         enum MHD_RequestTerminationCode code) {
    visit *v = *con_cls;
    (void)conn;
    (void)code;
    *con_cls = NULL;
    if (v == NULL) return;
    visit_unlink(cls, v);
    v->conn = NULL;
    v->server = NULL;
    if (!v->held) visit_free(v);
    else if (v->waiting) neap_loop_post(v->loop, &v->job);
}

/* The daemon in the loop. */

static void on_timer(neap_timer *timer) {
    neap_server *s = timer->ud;
    neap_loop_post(s->loop, &s->pump);
}

static void run_pump(neap_job *job) {
    neap_server *s = job->ud;
    MHD_UNSIGNED_LONG_LONG wait_ms;
    MHD_run(s->daemon);
    neap_timer_stop(s->loop, &s->timer);
    if (MHD_get_timeout(s->daemon, &wait_ms) != MHD_YES) return;
    if (wait_ms == 0) {
        neap_loop_post(s->loop, &s->pump);
        return;
    }
    neap_timer_start(s->loop, &s->timer,
                     neap_loop_now_ns(s->loop) + (int64_t)wait_ms * (NEAP_SECOND / 1000));
}

static void on_readable(uv_poll_t *watch, int status, int events) {
    neap_server *s = watch->data;
    (void)status;
    (void)events;
    neap_loop_post(s->loop, &s->pump);
}

static void on_watch_closed(uv_handle_t *watch) {
    free(watch);
}

/* Opens the listening socket ourselves, to be able to say what was wrong. */
static int open_socket(uint16_t *port, neap_err *err) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t len = sizeof addr;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return neap_err_set(err, NEAP_ENETWORK, "no socket: %s", strerror(errno));
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
        neap_err_set(err, NEAP_ENETWORK, "cannot listen on 127.0.0.1:%u: %s", (unsigned)*port,
                     strerror(errno));
        close(fd);
        return NEAP_ENETWORK;
    }
    *port = ntohs(addr.sin_port);
    return fd;
}

static int start_daemon(neap_server *s, int fd) {
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    return s->daemon != NULL ? 0 : NEAP_ENETWORK;
}

static int watch_daemon(neap_server *s) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_t *watch = malloc(sizeof *watch);
    if (info == NULL || watch == NULL ||
        uv_poll_init(neap_loop_uv(s->loop), watch, info->epoll_fd) < 0) {
        free(watch);
        return NEAP_ENETWORK;
    }
    s->watch = watch;
    watch->data = s;
    uv_poll_start(watch, UV_READABLE, on_readable);
    return 0;
}

int neap_server_open(neap_server **out, neap_loop *loop, neap_handler *handler, uint16_t port,
                     neap_err *err) {
    neap_server *s;
    int fd, rc = neap_libmicrohttpd_open(err);
    if (rc < 0) return rc;
    s = calloc(1, sizeof *s);
    if (s == NULL) return neap_err_set(err, NEAP_ENOMEM, "out of memory");
    s->loop = loop;
    s->handler = handler;
    s->timer.cb = on_timer;
    s->timer.ud = s;
    s->pump = (neap_job){.run = run_pump, .ud = s};
    s->port = port;
    fd = open_socket(&s->port, err);
    if (fd < 0) {
        free(s);
        return fd;
    }
    if (start_daemon(s, fd) < 0) close(fd); /* from here on the daemon owns it */
    if (s->daemon == NULL || watch_daemon(s) < 0) {
        neap_server_close(s);
        return neap_err_set(err, NEAP_ENETWORK, "the HTTP server does not start");
    }
    *out = s;
    return 0;
}

uint16_t neap_server_port(const neap_server *s) {
    return s->port;
}

/* libmicrohttpd insists that nothing is suspended when it stops. */
static void resume_all(neap_server *s) {
    visit *v;
    for (v = s->visits; v != NULL; v = v->next) {
        if (v->suspended) MHD_resume_connection(v->conn);
        v->suspended = false;
    }
}

void neap_server_close(neap_server *s) {
    if (s == NULL) return;
    if (s->watch != NULL) uv_close((uv_handle_t *)s->watch, on_watch_closed);
    if (s->daemon != NULL) {
        resume_all(s);
        MHD_stop_daemon(s->daemon);
    }
    neap_timer_stop(s->loop, &s->timer);
    neap_loop_unpost(s->loop, &s->pump);
    free(s);
}
