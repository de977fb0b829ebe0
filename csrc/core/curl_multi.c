/* curl_multi.c: see curl_multi.h. */
#include "curl_multi.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A connect timeout of "none": libcurl's 0 means 300 s. */
#define CONNECT_MS_NONE 1000000000L

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void global_init(void) {
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
    neap_libcurl_trim();
}

static void drain(neap_curl_multi *m);

/* --- the loop's events --------------------------------------------------------------------- */

static void act(neap_curl_multi *m, curl_socket_t fd, int bits) {
    int running;
    curl_multi_socket_action(m->multi, fd, bits, &running);
    drain(m);
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
    neap_curl_multi *m = ud;
    int64_t due;
    (void)multi;
    if (timeout_ms < 0) return 0;
    if (timeout_ms == 0) {
        neap_loop_post(m->loop, &m->kick);
        return 0;
    }
    due = neap_loop_now_ns(m->loop) + timeout_ms * (NEAP_SECOND / 1000);
    if (m->timer.place != 0 && m->timer.due_ns <= due) return 0;
    if (neap_timer_start(m->loop, &m->timer, due) < 0) neap_loop_post(m->loop, &m->kick);
    return 0;
}

static int on_multi_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *socket_ud) {
    neap_curl_multi *m = ud;
    int events = 0;
    (void)easy;
    (void)socket_ud;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= UV_READABLE;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= UV_WRITABLE;
    (void)neap_watch_want(&m->watches, fd, events); /* only a resolver's can fail: it is also timed */
    return 0;
}

static curl_socket_t on_open_socket(void *ud, curlsocktype purpose, struct curl_sockaddr *addr) {
    neap_curl_multi *m = ud;
    int fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
    (void)purpose;
    if (fd < 0) return CURL_SOCKET_BAD;
    if (neap_watch_opened(&m->watches, fd) == 0) return fd;
    close(fd);
    return CURL_SOCKET_BAD;
}

static int on_close_socket(void *ud, curl_socket_t fd) {
    neap_curl_multi *m = ud;
    neap_watch_forget(&m->watches, fd);
    return close(fd);
}

/* --- proxies ---------------------------------------------------------------------------- */

/* The names that libcurl looks for. */
bool neap_curl_has_proxy(void) {
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
    if (!neap_curl_has_proxy()) return strdup("*");
    if (env == NULL) env = getenv("NO_PROXY");
    if (env != NULL && strcmp(env, "*") == 0) return strdup(env);
    if (neap_buf_puts(&b, loopback) < 0 || (env != NULL && neap_buf_printf(&b, ",%s", env) < 0) ||
        neap_buf_add(&b, "", 1) < 0) {
        neap_buf_free(&b);
        return NULL;
    }
    return b.data;
}


/* --- life -------------------------------------------------------------------------------- */

static void set_multi(neap_curl_multi *m) {
    curl_multi_setopt(m->multi, CURLMOPT_SOCKETFUNCTION, on_multi_socket);
    curl_multi_setopt(m->multi, CURLMOPT_SOCKETDATA, m);
    curl_multi_setopt(m->multi, CURLMOPT_TIMERFUNCTION, on_multi_timer);
    curl_multi_setopt(m->multi, CURLMOPT_TIMERDATA, m);
}

void neap_curl_multi_close(neap_curl_multi *m) {
    if (m->multi != NULL) curl_multi_cleanup(m->multi);
    if (m->sessions != NULL) curl_share_cleanup(m->sessions);
    neap_watches_deinit(&m->watches);
    neap_loop_unpost(m->loop, &m->kick);
    neap_timer_stop(m->loop, &m->timer);
    free(m->noproxy);
    free(m);
}

static neap_curl_multi *new_multi(neap_http *h, void (*done)(void *private, CURLcode rc)) {
    neap_curl_multi *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->loop = h->loop;
    m->cfg = &h->cfg;
    m->done = done;
    m->watches = (neap_watches){.uv = neap_loop_uv(h->loop), .ready = on_ready, .ud = m};
    m->kick = (neap_job){.run = on_kick, .ud = m};
    m->timer = (neap_timer){.cb = on_timer, .ud = m};
    m->noproxy = make_noproxy();
    m->multi = curl_multi_init();
    m->sessions = curl_share_init();
    if (m->noproxy == NULL || m->multi == NULL || m->sessions == NULL) {
        neap_curl_multi_close(m);
        return NULL;
    }
    curl_share_setopt(m->sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    set_multi(m);
    return m;
}

int neap_curl_multi_open(neap_curl_multi **out, neap_http *h, void (*done)(void *private, CURLcode rc),
                         neap_err *err) {
    int rc = neap_libcurl_open(err);
    if (rc < 0) return rc;
    pthread_once(&global_once, global_init);
    *out = global_code == CURLE_OK ? new_multi(h, done) : NULL;
    return *out != NULL ? 0 : neap_err_set(err, NEAP_ENOMEM, "not enough memory");
}

/* --- handles ----------------------------------------------------------------------------- */

/* Whom to believe: as said, else as the environment says, in the variable of OpenSSL and most others; else as the
 * system does. */
static const char *ca_file_of(const neap_http_cfg *cfg) {
    const char *file = cfg->ca_file != NULL ? cfg->ca_file : getenv("SSL_CERT_FILE");
    return file != NULL && *file != '\0' ? file : NULL;
}

static bool set_files(const neap_http_cfg *cfg, CURL *e) {
    const char *ca_file = ca_file_of(cfg);
    int bad = 0;
    if (ca_file != NULL) bad |= (int)curl_easy_setopt(e, CURLOPT_CAINFO, ca_file);
    if (cfg->client_cert != NULL) bad |= (int)curl_easy_setopt(e, CURLOPT_SSLCERT, cfg->client_cert);
    if (cfg->client_key != NULL) bad |= (int)curl_easy_setopt(e, CURLOPT_SSLKEY, cfg->client_key);
    return bad == 0;
}

/* Default and left so: no netrc, no cookies, no redirects, TCP_NODELAY, verification on, TLS 1.2 at least. */
bool neap_curl_multi_set(neap_curl_multi *m, CURL *e, void *private, char *error) {
    int bad = 0;
    bad |= (int)curl_easy_setopt(e, CURLOPT_PRIVATE, private);
    bad |= (int)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, error);
    bad |= (int)curl_easy_setopt(e, CURLOPT_SHARE, m->sessions);
    bad |= (int)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    bad |= (int)curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
    bad |= (int)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= (int)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= (int)curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    bad |= (int)curl_easy_setopt(e, CURLOPT_NOPROXY, m->noproxy);
    bad |= (int)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    bad |= (int)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, m);
    bad |= (int)curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    bad |= (int)curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, m);
    return bad == 0 && set_files(m->cfg, e);
}

long neap_curl_connect_ms(const neap_timeouts *timeouts) {
    int64_t wish = timeouts->connect_ms;
    return wish <= 0 || wish > CONNECT_MS_NONE ? CONNECT_MS_NONE : (long)wish;
}

static void end_one(neap_curl_multi *m) {
    if (--m->live == 0) neap_timer_stop(m->loop, &m->timer);
}

static void drain(neap_curl_multi *m) {
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(m->multi, &left)) != NULL) {
        CURLcode rc = msg->data.result;
        char *private = NULL;
        if (msg->msg != CURLMSG_DONE) continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
        end_one(m);
        m->done(private, rc);
    }
}

bool neap_curl_multi_add(neap_curl_multi *m, CURL *e) {
    if (curl_multi_add_handle(m->multi, e) != CURLM_OK) return false;
    m->live++;
    return true;
}

void neap_curl_multi_remove(neap_curl_multi *m, CURL *e, bool done) {
    curl_multi_remove_handle(m->multi, e);
    if (!done) end_one(m);
}
