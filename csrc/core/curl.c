/* curl.c: see curl.h. libcurl 7.88's multi_socket interface on libuv.
 *
 * Rules, each paid for (FEASIBILITY.md 2.4, PERFORMANCE.md): handles are pooled and keep the options
 * that never change; libcurl's callbacks only record; the timer callback arms or posts, never calls
 * libcurl; the socket callback never answers -1, which kills the multi handle; QUICK_EXIT, or removing
 * a handle that resolves a name would block on the resolver's thread.
 *
 * No silent resend. When a reused connection dies before the first byte of the answer, libcurl sends
 * the request again on a new connection, POST or not. The vendor may have acted on the first, and its
 * limits count both. libcurl calls PREREQFUNCTION before each send, so its second call tells: if bytes
 * of the request had been taken (CURLINFO_REQUEST_SIZE) the transfer is aborted, as a failure after
 * departure; if none had, the request is free to leave again, with a new stamp.
 *
 * libcurl's own timers (connect timeout, second address family) run on the loop's timers, so they need
 * a real clock; a virtual one stands still while a transfer over the network is not paused. */
#include "curl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "curl_wire.h"
#include "watch.h"

/* Handles kept for reuse, a few KiB each. */
#define POOL_MAX 256
#define CONNECTIONS_PER_HOST 512L
/* Bytes read at once: four times libcurl's own, for large replies; memory only where it is used. */
#define RECEIVE_BUFFER 65536L
/* Of a streamed body; libcurl holds up to a buffer more. */
#define QUEUE_MAX (NEAP_QUEUE_MAX / 4)
/* Idle connections kept, over all hosts. */
#define CONNECTIONS_KEPT 4096L

/* What the transfers of one neap_http share. */
typedef struct curl_shared {
    neap_loop *loop;
    const neap_http_cfg *cfg;
    CURLM *multi;
    neap_watches watches;
    neap_job kick;           /* libcurl wants to be called at once */
    neap_timer timer;        /* or later */
    neap_curl_wire *pool;    /* idle handles */
    unsigned pooled;
    unsigned live;           /* transfers under way */
    char *noproxy;
} curl_shared;

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void global_init(void) {
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
    neap_libcurl_trim();
}

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
static void put_wire(neap_curl_wire *w) {
    curl_shared *s = w->shared;
    curl_multi_remove_handle(s->multi, w->easy);
    if (w->t->scrub) neap_curl_wire_wipe(w);
    w->t->wire = NULL;
    w->t = NULL;
    if (--s->live == 0) neap_timer_stop(s->loop, &s->timer);
    if (s->pooled >= POOL_MAX) {
        free_wire(w);
        return;
    }
    w->next = s->pool;
    s->pool = w;
    s->pooled++;
}

static void finish(neap_curl_wire *w, CURLcode rc) {
    static const neap_err none = {0};
    neap_transfer *t = w->t;
    if (rc != CURLE_OK || !t->head.complete) neap_curl_wire_fail(w, rc);
    put_wire(w);
    neap_transfer__finish(t, &none);
}

static void drain(curl_shared *s) {
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(s->multi, &left)) != NULL) {
        CURLcode rc = msg->data.result;
        char *w = NULL;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &w);
        if (msg->msg == CURLMSG_DONE) finish((neap_curl_wire *)(void *)w, rc);
    }
}

/* --- the loop's events --------------------------------------------------------------------- */

static void act(curl_shared *s, curl_socket_t fd, int bits) {
    int running;
    curl_multi_socket_action(s->multi, fd, bits, &running);
    drain(s);
}

static void on_kick(neap_job *job) {
    act(job->ud, CURL_SOCKET_TIMEOUT, 0);
}

static void on_timer(neap_timer *timer) {
    act(timer->ud, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(void *ud, int fd, int events, int failed) {
    int bits = 0;
    if (failed || (events & UV_READABLE) != 0) bits |= CURL_CSELECT_IN;
    if (failed || (events & UV_WRITABLE) != 0) bits |= CURL_CSELECT_OUT;
    if (failed) bits |= CURL_CSELECT_ERR;
    act(ud, fd, bits);
}

/* --- libcurl's callbacks ------------------------------------------------------------------- */

/* Moves the timer only to earlier: libcurl moves it with every request, and a call too early does no
 * harm. It is stopped with the last transfer. */
static int on_multi_timer(CURLM *multi, long timeout_ms, void *ud) {
    curl_shared *s = ud;
    int64_t due;
    (void)multi;
    if (timeout_ms < 0) return 0;
    if (timeout_ms == 0) {
        neap_loop_post(s->loop, &s->kick);
        return 0;
    }
    due = neap_loop_now_ns(s->loop) + timeout_ms * (NEAP_SECOND / 1000);
    if (s->timer.place != 0 && s->timer.due_ns <= due) return 0;
    if (neap_timer_start(s->loop, &s->timer, due) < 0) neap_loop_post(s->loop, &s->kick);
    return 0;
}

static int on_multi_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *socket_ud) {
    curl_shared *s = ud;
    int events = 0;
    (void)easy;
    (void)socket_ud;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= UV_READABLE;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= UV_WRITABLE;
    (void)neap_watch_want(&s->watches, fd, events); /* only a resolver's can fail: it is also timed */
    return 0;
}

static curl_socket_t on_open_socket(void *ud, curlsocktype purpose, struct curl_sockaddr *addr) {
    curl_shared *s = ud;
    int fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
    (void)purpose;
    if (fd < 0) return CURL_SOCKET_BAD;
    if (neap_watch_opened(&s->watches, fd) == 0) return fd;
    close(fd);
    return CURL_SOCKET_BAD;
}

static int on_close_socket(void *ud, curl_socket_t fd) {
    curl_shared *s = ud;
    neap_watch_forget(&s->watches, fd);
    return close(fd);
}

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

/* Does the environment name a proxy? The names that libcurl looks for. */
static bool has_proxy(void) {
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0') return true;
    }
    return false;
}

/* NO_PROXY of the environment and loopback; setting CURLOPT_NOPROXY hides the former. Where there is
 * no proxy, "*" keeps libcurl from looking for one with every request. */
static char *make_noproxy(void) {
    static const char loopback[] = "localhost,127.0.0.0/8,::1";
    const char *env = getenv("no_proxy");
    neap_buf b = {0};
    if (!has_proxy()) return strdup("*");
    if (env == NULL) env = getenv("NO_PROXY");
    if (env != NULL && strcmp(env, "*") == 0) return strdup(env);
    if (neap_buf_puts(&b, loopback) < 0 || (env != NULL && neap_buf_printf(&b, ",%s", env) < 0) ||
        neap_buf_add(&b, "", 1) < 0) {
        neap_buf_free(&b);
        return NULL;
    }
    return b.data;
}

static void set_multi(curl_shared *s) {
    long connections = s->cfg->connections_per_host;
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_multi_socket);
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_multi_timer);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      connections > 0 ? connections : CONNECTIONS_PER_HOST);
    curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
}

static void close_shared(curl_shared *s) {
    while (s->pool != NULL) {
        neap_curl_wire *w = s->pool;
        s->pool = w->next;
        free_wire(w);
    }
    if (s->multi != NULL) curl_multi_cleanup(s->multi);
    neap_watches_deinit(&s->watches);
    neap_loop_unpost(s->loop, &s->kick);
    neap_timer_stop(s->loop, &s->timer);
    free(s->noproxy);
    free(s);
}

static curl_shared *new_shared(neap_http *h) {
    curl_shared *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->loop = h->loop;
    s->cfg = &h->cfg;
    s->watches = (neap_watches){.uv = neap_loop_uv(h->loop), .ready = on_ready, .ud = s};
    s->kick = (neap_job){.run = on_kick, .ud = s};
    s->timer = (neap_timer){.cb = on_timer, .ud = s};
    s->noproxy = make_noproxy();
    s->multi = curl_multi_init();
    if (s->noproxy == NULL || s->multi == NULL) {
        close_shared(s);
        return NULL;
    }
    set_multi(s);
    return s;
}

static int open_shared(neap_http *h, neap_err *err) {
    int rc = neap_libcurl_open(err);
    if (rc < 0) return rc;
    pthread_once(&global_once, global_init);
    if (global_code == CURLE_OK) h->shared = new_shared(h);
    if (h->shared != NULL) return 0;
    neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    return NEAP_ENOMEM;
}

/* Options of every request. Default and left so: no netrc, no cookies, no redirects, TCP_NODELAY,
 * verification on, TLS 1.2 at least, content codings not undone: what libcurl inflates while a transfer is
 * paused it keeps, all of it (transfer_body.c does it instead). */
static bool set_common(neap_curl_wire *w) {
    const curl_shared *s = w->shared;
    CURL *e = w->easy;
    int bad = 0;
    bad |= (int)curl_easy_setopt(e, CURLOPT_PRIVATE, w);
    bad |= (int)curl_easy_setopt(e, CURLOPT_CURLU, w->parts);
    bad |= (int)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    bad |= (int)curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
    bad |= (int)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= (int)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= (int)curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    bad |= (int)curl_easy_setopt(e, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    bad |= (int)curl_easy_setopt(e, CURLOPT_NOPROXY, s->noproxy);
    bad |= (int)curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    bad |= (int)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, w->error);
    bad |= (int)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    bad |= (int)curl_easy_setopt(e, CURLOPT_HEADERDATA, w);
    bad |= (int)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
    bad |= (int)curl_easy_setopt(e, CURLOPT_WRITEDATA, w);
    bad |= (int)curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
    bad |= (int)curl_easy_setopt(e, CURLOPT_PREREQDATA, w);
    bad |= (int)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    bad |= (int)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, s);
    bad |= (int)curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    bad |= (int)curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, s);
    if (s->cfg->ca_file != NULL) bad |= (int)curl_easy_setopt(e, CURLOPT_CAINFO, s->cfg->ca_file);
    if (s->cfg->client_cert != NULL) {
        bad |= (int)curl_easy_setopt(e, CURLOPT_SSLCERT, s->cfg->client_cert);
    }
    if (s->cfg->client_key != NULL) {
        bad |= (int)curl_easy_setopt(e, CURLOPT_SSLKEY, s->cfg->client_key);
    }
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
    curl_shared *s;
    neap_curl_wire *w;
    int rc = t->http->shared == NULL ? open_shared(t->http, err) : 0;
    if (rc < 0) return rc;
    s = t->http->shared;
    w = take_wire(s);
    if (w == NULL) return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    w->t = t;
    rc = neap_curl_wire_fill(w);
    if (rc == 0 && curl_multi_add_handle(s->multi, w->easy) != CURLM_OK) rc = NEAP_ENOMEM;
    if (rc < 0) {
        free_wire(w);
        return neap_err_set(err, rc, rc == NEAP_EINVAL ? "bad URL" : "not enough memory");
    }
    t->wire = w;
    s->live++;
    return 0;
}

/* Goes on after a pause. What libcurl had read meanwhile comes at once, through on_data. */
static void curl_flow(neap_transfer *t) {
    neap_curl_wire *w = t->wire;
    if (!w->shut || neap_transfer__full(t, QUEUE_MAX)) return;
    w->shut = false;
    if (curl_easy_pause(w->easy, CURLPAUSE_CONT) == CURLE_WRITE_ERROR) finish(w, CURLE_WRITE_ERROR);
}

static void curl_drop(neap_transfer *t) {
    put_wire(t->wire);
}

static void curl_close(neap_http *h) {
    close_shared(h->shared);
    h->shared = NULL;
}

const neap_carrier neap_curl_carrier = {curl_start, curl_flow, curl_drop, curl_close, true};
