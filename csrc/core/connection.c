/* connection.c: opens, keeps and closes a connection, and moves its bytes; see connection.h.
 * connection_exchange.c is the other half. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "connection_own.h"
#include "curl_fail.h"
#include "libssl.h"

/* Idle for longer, a connection may be one that a firewall forgot; libcurl's own limit. */
#define IDLE_MAX_NS (118 * NEAP_SECOND)

/* --- bytes --------------------------------------------------------------------------------------- */

static ssize_t of_socket(ssize_t n) {
    if (n >= 0) return n;
    return errno == EAGAIN || errno == EWOULDBLOCK ? NEAP_NONE_NOW : NEAP_BROKEN;
}

static ssize_t of_libcurl(CURLcode rc, size_t count) {
    if (rc == CURLE_AGAIN) return NEAP_NONE_NOW;
    return rc == CURLE_OK ? (ssize_t)count : NEAP_BROKEN;
}

static ssize_t receive_plain(const neap_connection *c, char *data, size_t cap, int flags) {
    ssize_t n;
    do n = recv(c->fd, data, cap, flags | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return of_socket(n);
}

/* Has the server ended the encrypted stream itself? Without its word anybody on the way may have cut it
 * (RFC 9112 9.8); libcurl tells both as the end (met in 7.88). */
static bool is_ended(const neap_connection *c) {
    struct curl_tlssessioninfo *tls = NULL;
    if (curl_easy_getinfo(c->easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || tls == NULL) return false;
    if (tls->backend != CURLSSLBACKEND_OPENSSL) return true; /* not Debian's: there is no telling */
    if (tls->internals == NULL || neap_libssl_open(NULL) < 0) return false;
    return (SSL_get_shutdown(tls->internals) & SSL_RECEIVED_SHUTDOWN) != 0;
}

ssize_t neap_connection__receive(neap_connection *c, char *data, size_t cap) {
    size_t count = 0;
    CURLcode rc;
    if (!c->is_tls) return receive_plain(c, data, cap, 0);
    rc = curl_easy_recv(c->easy, data, cap, &count);
    return rc == CURLE_OK && count == 0 && !is_ended(c) ? NEAP_BROKEN : of_libcurl(rc, count);
}

ssize_t neap_connection__send(neap_connection *c, const char *data, size_t len) {
    size_t count = 0;
    ssize_t n;
    if (c->is_tls) {
        CURLcode rc = curl_easy_send(c->easy, data, len, &count);
        return of_libcurl(rc, count);
    }
    do n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return of_socket(n);
}

void neap_connection__watch(neap_connection *c, int events) {
    if (events == c->armed) return;
    c->armed = events;
    if (events == 0) uv_poll_stop(&c->poll);
    else uv_poll_start(&c->poll, events, neap_connection__ready);
}

/* --- its end ------------------------------------------------------------------------------------- */

static void on_poll_closed(uv_handle_t *handle) {
    free(handle->data);
}

void neap_connection_close(neap_connection *c) {
    neap_loop_unpost(c->multi->loop, &c->more);
    if (c->is_polled) uv_close((uv_handle_t *)&c->poll, on_poll_closed); /* out of epoll before the socket goes */
    neap_curl_multi_remove(c->multi, c->easy, c->is_opened);
    curl_easy_cleanup(c->easy);
    neap_http1_reader_deinit(&c->reader);
    if (!c->is_polled) free(c);
}

/* An empty socket is a good one. What there is may be no byte of an answer: TLS has messages of its own. */
bool neap_connection_is_alive(neap_connection *c) {
    char byte;
    if (neap_loop_now_ns(c->multi->loop) - c->idle_since_ns > IDLE_MAX_NS) return false;
    if (receive_plain(c, &byte, 1, MSG_PEEK) == NEAP_NONE_NOW) return true;
    return c->is_tls && neap_connection__receive(c, &byte, 1) == NEAP_NONE_NOW;
}

/* --- opening ------------------------------------------------------------------------------------- */

/* Takes the socket over from libcurl, which goes on to hold the connection. Whatever else is wrong with it comes
 * out when it is used. */
static CURLcode adopt(neap_connection *c) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    size_t count;
    CURLcode rc = curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (rc != CURLE_OK || fd == CURL_SOCKET_BAD) return CURLE_COULDNT_CONNECT;
    neap_watch_forget(&c->multi->watches, fd);
    if (uv_poll_init(neap_loop_uv(c->multi->loop), &c->poll, fd) != 0) return CURLE_OUT_OF_MEMORY;
    c->poll.data = c;
    c->is_polled = true;
    c->fd = fd;
    if (!c->is_tls) (void)curl_easy_send(c->easy, "", 0, &count); /* attaches, see connection.h */
    return CURLE_OK;
}

void neap_connection_opened(void *private, CURLcode rc) {
    neap_connection *c = private;
    c->is_opened = true;
    if (rc == CURLE_OK) rc = adopt(c);
    if (rc == CURLE_OK) {
        neap_connection_begin(c, c->t, c->out);
        return;
    }
    if (rc == CURLE_OUT_OF_MEMORY) neap_transfer__fail(c->t, NEAP_ENOMEM, "not enough memory");
    else neap_curl_fail_connect(c->t, c->easy, rc, c->error, c->connect_ms);
    neap_connection__give_up(c);
}

static bool set_options(neap_connection *c, const char *origin) {
    int bad = !neap_curl_multi_set(c->multi, c->easy, c, c->error);
    bad |= (int)curl_easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, 1L);
    bad |= (int)curl_easy_setopt(c->easy, CURLOPT_URL, origin);
    bad |= (int)curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, c->connect_ms);
    return bad == 0;
}

neap_connection *neap_connection_open(neap_curl_multi *multi, const char *origin, neap_transfer *t,
                                      neap_outgoing *out, const neap_connection_events *events, void *owner,
                                      char *buffer) {
    neap_connection *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->events = events;
    c->owner = owner;
    c->buffer = buffer;
    c->more = (neap_job){.run = neap_connection__more, .ud = c};
    c->multi = multi;
    c->t = t;
    c->out = out;
    c->fd = -1;
    c->is_tls = t->url.https;
    c->connect_ms = neap_curl_connect_ms(&t->req.timeouts);
    c->easy = curl_easy_init();
    if (c->easy != NULL && set_options(c, origin) && neap_curl_multi_add(multi, c->easy)) return c;
    curl_easy_cleanup(c->easy);
    free(c);
    return NULL;
}
