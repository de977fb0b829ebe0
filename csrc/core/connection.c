/* connection.c: see connection.h. */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "curl_fail.h"
#include "secret.h"

/* What the socket has to say. */
#define NONE_NOW ((ssize_t)-1)
#define BROKEN ((ssize_t)-2)
/* Of a streamed body, before the flow is held back; one more buffer may come. */
#define QUEUE_MAX (NEAP_QUEUE_MAX / 4)
/* Idle for longer, a connection may be one that a firewall forgot; libcurl's own limit. */
#define IDLE_MAX_NS (118 * NEAP_SECOND)

/* --- bytes --------------------------------------------------------------------------------------- */

/* Reads: how many bytes, 0 where the server has closed, NONE_NOW or BROKEN. */
static ssize_t receive(neap_connection *c, char *data, size_t cap, int flags) {
    size_t count = 0;
    ssize_t n;
    if (c->is_tls) {
        CURLcode rc = curl_easy_recv(c->easy, data, cap, &count);
        if (rc == CURLE_AGAIN) return NONE_NOW;
        return rc == CURLE_OK ? (ssize_t)count : BROKEN;
    }
    do n = recv(c->fd, data, cap, flags | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n >= 0) return n;
    return errno == EAGAIN || errno == EWOULDBLOCK ? NONE_NOW : BROKEN;
}

/* Sends: how many bytes were taken, NONE_NOW or BROKEN. */
static ssize_t send_some(neap_connection *c, const char *data, size_t len) {
    size_t count = 0;
    ssize_t n;
    if (c->is_tls) {
        CURLcode rc = curl_easy_send(c->easy, data, len, &count);
        if (rc == CURLE_AGAIN) return NONE_NOW;
        return rc == CURLE_OK ? (ssize_t)count : BROKEN;
    }
    do n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n >= 0) return n;
    return errno == EAGAIN || errno == EWOULDBLOCK ? NONE_NOW : BROKEN;
}

/* --- its end ------------------------------------------------------------------------------------- */

static void on_poll_closed(uv_handle_t *handle) {
    free(handle->data);
}

void neap_connection_close(neap_connection *c) {
    if (c->is_polled) uv_close((uv_handle_t *)&c->poll, on_poll_closed); /* out of epoll before the socket goes */
    neap_curl_multi_remove(c->multi, c->easy, c->is_opened);
    curl_easy_cleanup(c->easy);
    neap_http1_reader_deinit(&c->reader);
    if (!c->is_polled) free(c);
}

/* Ends exchange and connection; what became of the transfer is recorded. */
static void give_up(neap_connection *c) {
    static const neap_err none = {0};
    neap_transfer *t = c->t;
    c->t = NULL;
    c->events->closed(c, t, false);
    neap_connection_close(c);
    if (t != NULL) neap_transfer__finish(t, &none);
}

/* The server had closed the connection before it got anything. */
static void give_back(neap_connection *c) {
    neap_transfer *t = c->t;
    c->t = NULL;
    t->departed = false;
    c->events->closed(c, t, true);
    neap_connection_close(c);
}

static size_t head_left(const neap_connection *c) {
    return c->out->head.len - c->head_sent;
}

static size_t body_left(const neap_connection *c) {
    return c->out->has_body ? 0 : c->t->req.body_len - c->body_sent;
}

static bool is_all_sent(const neap_connection *c) {
    return head_left(c) == 0 && body_left(c) == 0;
}

/* The answer is complete; at_end: nothing came behind it. */
static void complete(neap_connection *c, bool at_end) {
    static const neap_err none = {0};
    neap_transfer *t = c->t;
    if (!at_end || !c->reader.persistent || c->is_deaf || !is_all_sent(c)) {
        give_up(c);
        return;
    }
    c->t = NULL;
    c->idle_since_ns = neap_loop_now_ns(c->multi->loop);
    c->events->idle(c, t);
    neap_transfer__finish(t, &none);
}

/* The connection is gone in the middle of the exchange: whatever happened, the server may have acted. */
static void lose(neap_connection *c) {
    neap_transfer *t = c->t;
    if (t->head.complete) {
        neap_transfer__cut(t, (long long)c->reader.got, c->reader.length);
    } else if (t->head.status >= 200) {
        t->cut = true;
        neap_transfer__fail(t, NEAP_ENETWORK, "reply cut short in its header");
    } else if (strstr(c->error, " alert ") != NULL) {
        /* TLS 1.3 servers refuse a client's certificate after the handshake (RFC 8446 4.4.2.4). */
        neap_transfer__fail(t, NEAP_ETLS, "TLS refused by the server: %s", c->error);
    } else {
        neap_transfer__fail(t, NEAP_ENETWORK, "connection lost after the request was sent");
    }
    give_up(c);
}

/* The answer cannot be read on. */
static void refuse(neap_connection *c, neap_http1_result result) {
    neap_transfer *t = c->t;
    switch (result) {
    case NEAP_HTTP1_NOT_HTTP:
        neap_transfer__fail(t, NEAP_ENETWORK, "the server does not answer in HTTP");
        break;
    case NEAP_HTTP1_TOO_LARGE: neap_transfer__fail(t, NEAP_ETOOLARGE, "reply header too large"); break;
    case NEAP_HTTP1_NO_MEMORY: neap_transfer__fail(t, NEAP_ENOMEM, "not enough memory"); break;
    case NEAP_HTTP1_BROKEN: lose(c); return;
    default: break; /* the front has given it up and knows why */
    }
    give_up(c);
}

/* --- the exchange -------------------------------------------------------------------------------- */

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(neap_connection *c, int events) {
    if (events == c->armed) return;
    c->armed = events;
    if (events == 0) uv_poll_stop(&c->poll);
    else uv_poll_start(&c->poll, events, on_ready);
}

/* While the flow is held back the watch stays until it tells: most often the flow goes on before. */
static void watch_exchange(neap_connection *c) {
    int events = c->is_shut ? c->armed & UV_READABLE : UV_READABLE;
    if (!c->is_deaf && !is_all_sent(c)) events |= UV_WRITABLE;
    watch(c, events);
}

/* The server takes no more. It may have answered before it closed, so that is read; unless it got nothing. */
static bool stop_sending(neap_connection *c) {
    c->is_deaf = true;
    if (c->head_sent > 0) return true;
    if (c->is_used) {
        give_back(c);
    } else {
        c->t->departed = false;
        neap_curl_fail_connect(c->t, c->easy, CURLE_SEND_ERROR, c->error, c->connect_ms);
        give_up(c);
    }
    return false;
}

/* Sends what the socket takes. False: the connection is gone. */
static bool flush(neap_connection *c) {
    neap_buf *head = &c->out->head;
    while (!c->is_deaf && !is_all_sent(c)) {
        bool in_head = head_left(c) > 0;
        ssize_t n = in_head ? send_some(c, head->data + c->head_sent, head_left(c))
                            : send_some(c, c->t->req.body + c->body_sent, body_left(c));
        if (n == NONE_NOW) break;
        if (n == BROKEN) return stop_sending(c);
        if (in_head) c->head_sent += (size_t)n;
        else c->body_sent += (size_t)n;
    }
    if (c->t->scrub && head_left(c) == 0) neap_secret_wipe(head->data, head->len);
    return true;
}

/* Takes what was read. False: the exchange is over. */
static bool take(neap_connection *c, size_t len) {
    size_t used;
    neap_http1_result result = neap_http1_read(&c->reader, c->buffer, len, &used);
    if (result == NEAP_HTTP1_DONE) complete(c, used == len);
    else if (result != NEAP_HTTP1_MORE) refuse(c, result);
    else c->is_shut = neap_transfer__full(c->t, QUEUE_MAX);
    return result == NEAP_HTTP1_MORE;
}

/* Reads until nothing is left, or the transfer has enough. What is encrypted may wait inside of libcurl, where
 * no poll sees it; of a plain socket a short read says that it is empty. */
static void read_on(neap_connection *c) {
    while (!c->is_shut) {
        ssize_t n = receive(c, c->buffer, NEAP_CONNECTION_BUFFER, 0);
        if (n == NONE_NOW) break;
        if (n == 0 && neap_http1_read_end(&c->reader) == NEAP_HTTP1_DONE) {
            complete(c, false);
            return;
        }
        if (n <= 0) {
            lose(c);
            return;
        }
        if (!take(c, (size_t)n)) return;
        if (!c->is_tls && (size_t)n < NEAP_CONNECTION_BUFFER) break;
    }
    watch_exchange(c);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    neap_connection *c = poll->data;
    if (status < 0) { /* libuv watches no more; reading tells what it is */
        c->armed = 0;
        events = UV_READABLE;
    }
    if (c->t == NULL) {
        if (!neap_connection_is_alive(c)) give_up(c);
        else watch(c, UV_READABLE);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && !flush(c)) return;
    if (c->is_shut) watch(c, c->armed & ~UV_READABLE);
    else if ((events & UV_READABLE) != 0) read_on(c);
    else watch_exchange(c);
}

static int on_line(void *ud, const char *line, size_t len) {
    neap_connection *c = ud;
    return neap_transfer__line(c->t, line, len);
}

static int on_data(void *ud, const char *data, size_t len) {
    neap_connection *c = ud;
    return neap_transfer__data(c->t, data, len);
}

void neap_connection_begin(neap_connection *c, neap_transfer *t, neap_outgoing *out) {
    static const neap_http1_sink sink = {on_line, on_data};
    c->t = t;
    c->out = out;
    c->head_sent = c->body_sent = 0;
    c->is_shut = c->is_deaf = false;
    c->error[0] = '\0';
    neap_http1_reader_begin(&c->reader, out->no_answer_body, out->keeps, &sink, c);
    neap_transfer__depart(t);
    if (!flush(c)) return;
    c->is_used = true;
    watch_exchange(c);
}

void neap_connection_flow(neap_connection *c) {
    if (!c->is_shut || neap_transfer__full(c->t, QUEUE_MAX)) return;
    c->is_shut = false;
    read_on(c);
}

/* --- opening ------------------------------------------------------------------------------------- */

bool neap_connection_is_alive(neap_connection *c) {
    char byte;
    if (neap_loop_now_ns(c->multi->loop) - c->idle_since_ns > IDLE_MAX_NS) return false;
    return receive(c, &byte, 1, MSG_PEEK) == NONE_NOW;
}

/* Takes the socket over from libcurl, which goes on to hold the connection. */
static CURLcode adopt(neap_connection *c) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    size_t count;
    char byte;
    CURLcode rc = curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (rc != CURLE_OK || fd == CURL_SOCKET_BAD) return CURLE_COULDNT_CONNECT;
    rc = curl_easy_recv(c->easy, &byte, 1, &count); /* attaches, see above; no server speaks first */
    if (rc != CURLE_AGAIN) return rc == CURLE_OK ? CURLE_RECV_ERROR : rc;
    neap_watch_forget(&c->multi->watches, fd);
    if (uv_poll_init(neap_loop_uv(c->multi->loop), &c->poll, fd) != 0) return CURLE_OUT_OF_MEMORY;
    c->poll.data = c;
    c->is_polled = true;
    c->fd = fd;
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
    give_up(c);
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
