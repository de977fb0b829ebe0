/* server.c: the daemon in the loop; see server.h and own.h. */
#include "server.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "own.h"

/* libmicrohttpd's memory per connection: all header fields must fit, else it answers 431. */
enum { CONNECTION_MEMORY = 64 * 1024, CONNECTIONS = 8192 };
/* Turns that let in who has been waiting in the listening socket's queue when it closes. */
enum { LAST_TURNS = 3 };

/* --- running the daemon ------------------------------------------------------------------------- */

static void on_timer(neap_timer *timer) {
    neap_server *s = timer->ud;
    neap_loop_post(s->loop, &s->pump);
}

static void run_pump(neap_job *job) {
    neap_server *s = job->ud;
    MHD_UNSIGNED_LONG_LONG wait_ms;
    MHD_run(s->daemon);
    neap_peer_nudge_left(s);
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

static void run_idle(neap_job *job) {
    neap_server *s = job->ud;
    void (*on_idle)(void *) = s->on_idle;
    if (s->requests > 0 || on_idle == NULL) return;
    s->on_idle = NULL;
    on_idle(s->idle_ud);
}

/* --- opening ------------------------------------------------------------------------------------ */

/* So many that their handlers still find descriptors for calls of their own. */
static unsigned max_connections(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY) return CONNECTIONS;
    return files.rlim_cur / 2 < CONNECTIONS ? (unsigned)(files.rlim_cur / 2) + 1 : CONNECTIONS;
}

static int start_daemon(neap_server *s, int fd, unsigned idle_s) {
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, neap_request_on_data, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK,
        neap_request_on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, neap_request_on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, neap_peer_on_connection, s, MHD_OPTION_CONNECTION_TIMEOUT,
        idle_s > 0 ? idle_s : (unsigned)NEAP_SERVER_IDLE_S, MHD_OPTION_CONNECTION_LIMIT, max_connections(),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
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

static neap_server *new_server(neap_loop *loop, neap_handler *handler, const neap_server_options *options) {
    neap_server *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->loop = loop;
    s->handler = handler;
    s->timer.cb = on_timer;
    s->timer.ud = s;
    s->pump = (neap_job){.run = run_pump, .ud = s};
    s->idle = (neap_job){.run = run_idle, .ud = s};
    s->port = options->port;
    s->log = options->log;
    s->body_limit = options->body_limit > 0 ? options->body_limit : NEAP_SERVER_MAX_BODY;
    return s;
}

int neap_server_open(neap_server **out, neap_loop *loop, neap_handler *handler,
                     const neap_server_options *options, neap_err *err) {
    static const neap_server_options none;
    neap_server *s;
    int fd, rc = neap_libmicrohttpd_open(err);
    if (rc < 0) return rc;
    if (options == NULL) options = &none;
    s = new_server(loop, handler, options);
    if (s == NULL) return neap_err_set(err, NEAP_ENOMEM, "out of memory");
    fd = neap_listen_open(options->address != NULL ? options->address : "127.0.0.1", &s->port, err);
    if (fd < 0) {
        free(s);
        return fd;
    }
    if (start_daemon(s, fd, options->idle_s) < 0) close(fd); /* from here on the daemon owns it */
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

unsigned neap_server_requests(const neap_server *s) {
    return s->requests;
}

/* --- ending ------------------------------------------------------------------------------------- */

/* Whose connection had been accepted by the system would be reset: those come in first. */
static void stop_listening(neap_server *s) {
    int i, fd;
    for (i = 0; i < LAST_TURNS; i++) MHD_run(s->daemon);
    fd = MHD_quiesce_daemon(s->daemon);
    if (fd >= 0) close(fd);
}

void neap_server_stop(neap_server *s, void (*on_idle)(void *ud), void *ud) {
    peer *p;
    s->on_idle = on_idle;
    s->idle_ud = ud;
    if (!s->stopping) {
        stop_listening(s);
        s->stopping = true;
        for (p = s->peers; p != NULL; p = p->next) {
            if (p->visit == NULL) neap_peer_finish(p);
        }
        neap_loop_post(s->loop, &s->pump);
    }
    if (s->requests == 0) neap_loop_post(s->loop, &s->idle);
}

/* libmicrohttpd insists that nothing is suspended when it stops. */
static void resume_all(neap_server *s) {
    const peer *lists[] = {s->peers, s->left}, *p;
    int i;
    for (i = 0; i < 2; i++) {
        for (p = lists[i]; p != NULL; p = p->next) {
            if (p->visit == NULL || !p->visit->suspended) continue;
            p->visit->suspended = false;
            MHD_resume_connection(p->visit->conn);
        }
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
    neap_loop_unpost(s->loop, &s->idle);
    free(s);
}
