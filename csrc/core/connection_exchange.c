/* connection_exchange.c: the exchange on a connection; see connection.h. */
#include <string.h>

#include "connection_own.h"
#include "curl_fail.h"
#include "secret.h"

/* Of a streamed body, before the flow is held back; one more buffer may come. */
#define QUEUE_MAX (NEAP_QUEUE_MAX / 4)
/* Reads or sends at a stretch: a fast peer must not hold up the loop. */
#define TURN 16

/* --- its end ------------------------------------------------------------------------------------- */

void neap_connection__give_up(neap_connection *c) {
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

/* Answer and request are complete, or what is left of the request does not matter any more. */
static void complete(neap_connection *c) {
    static const neap_err none = {0};
    neap_transfer *t = c->t;
    if (!t->head.complete) neap_transfer__fail(t, NEAP_ENETWORK, "the server does not answer in HTTP");
    if (t->end.code != 0 || !c->is_clean || !c->reader.persistent || c->is_deaf || !is_all_sent(c)) {
        neap_connection__give_up(c);
        return;
    }
    c->t = NULL;
    c->idle_since_ns = neap_loop_now_ns(c->multi->loop);
    neap_connection__watch(c, UV_READABLE); /* the server may close it */
    c->events->idle(c, t);
    neap_transfer__finish(t, &none);
}

/* The connection is gone in the middle of the exchange: if any of the request was taken the server may have
 * acted. */
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
    } else if (c->head_sent == 0) {
        t->departed = false;
        neap_curl_fail_connect(t, c->easy, CURLE_SEND_ERROR, c->error, c->connect_ms);
    } else {
        neap_transfer__fail(t, NEAP_ENETWORK, "connection lost after the request was sent");
    }
    neap_connection__give_up(c);
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
    neap_connection__give_up(c);
}

/* --- the exchange -------------------------------------------------------------------------------- */

static void watch_exchange(neap_connection *c, bool reads) {
    int events = reads && !c->is_answered ? UV_READABLE : 0;
    if (!c->is_deaf && !is_all_sent(c)) events |= UV_WRITABLE;
    neap_connection__watch(c, events);
}

/* The server takes no more. False: it had closed a kept connection before it got anything. Else it may have
 * answered before it closed, so that is read. */
static bool stop_sending(neap_connection *c) {
    c->is_deaf = true;
    if (c->head_sent > 0 || !c->is_used) return true;
    give_back(c);
    return false;
}

/* Sends what the socket takes, or for a turn. False: the connection is gone. */
static bool flush(neap_connection *c) {
    neap_buf *head = &c->out->head;
    for (int i = 0; i < TURN && !c->is_deaf && !is_all_sent(c); i++) {
        bool in_head = head_left(c) > 0;
        ssize_t n = in_head ? neap_connection__send(c, head->data + c->head_sent, head_left(c))
                            : neap_connection__send(c, c->t->req.body + c->body_sent, body_left(c));
        if (n == NEAP_NONE_NOW) break;
        if (n == NEAP_BROKEN) return stop_sending(c);
        if (in_head) c->head_sent += (size_t)n;
        else c->body_sent += (size_t)n;
    }
    if (c->t->scrub && head_left(c) == 0) neap_secret_wipe(head->data, head->len);
    return true;
}

/* What a read leads to. Enough: there is no more now, or no more is wanted; over: the exchange has ended. */
typedef enum reading { READ_MORE, READ_ENOUGH, READ_OVER } reading;

/* The answer is complete; clean: nothing came behind it. A good one that comes before all of the request has left
 * does not mean that the server needs no more, so the rest leaves first; from 300 on it does, as for libcurl. */
static reading end_answer(neap_connection *c, bool clean) {
    c->is_clean = clean;
    c->is_answered = c->reader.status < 300 && !c->is_deaf && !is_all_sent(c);
    if (c->is_answered) return READ_ENOUGH;
    complete(c);
    return READ_OVER;
}

static reading take(neap_connection *c, size_t len) {
    size_t used;
    bool is_secret = c->t->scrub || c->t->req.holds_token;
    neap_http1_result result = neap_http1_read(&c->reader, c->buffer, len, &used);
    if (is_secret) neap_secret_wipe(c->buffer, len); /* it may come back, or be a token */
    if (result == NEAP_HTTP1_DONE) return end_answer(c, used == len);
    if (result != NEAP_HTTP1_MORE) {
        refuse(c, result);
        return READ_OVER;
    }
    c->is_shut = neap_transfer__full(c->t, QUEUE_MAX);
    return c->is_shut ? READ_ENOUGH : READ_MORE;
}

static reading read_once(neap_connection *c) {
    ssize_t n = neap_connection__receive(c, c->buffer, NEAP_CONNECTION_BUFFER);
    reading result;
    if (n == NEAP_NONE_NOW) return READ_ENOUGH;
    if (n > 0) {
        result = take(c, (size_t)n);
        /* a short read says that a plain socket is empty */
        return result == READ_MORE && !c->is_tls && (size_t)n < NEAP_CONNECTION_BUFFER ? READ_ENOUGH : result;
    }
    if (n == 0 && neap_http1_read_end(&c->reader) == NEAP_HTTP1_DONE) complete(c);
    else lose(c);
    return READ_OVER;
}

/* Reads for a turn. Where the flow is held back the watch stays until it tells: most often the flow goes on before.
 * What is encrypted may wait inside of libcurl, where no poll sees it, hence the job. */
static void read_on(neap_connection *c) {
    reading result = READ_MORE;
    for (int i = 0; i < TURN && result == READ_MORE; i++) result = read_once(c);
    if (result == READ_OVER) return;
    if (result == READ_MORE && c->is_tls) neap_loop_post(c->multi->loop, &c->more);
    watch_exchange(c, !c->is_shut || (c->armed & UV_READABLE) != 0);
}

void neap_connection__more(neap_job *job) {
    neap_connection *c = job->ud;
    if (c->t != NULL && !c->is_shut && !c->is_answered) read_on(c);
}

/* Of a request that was answered before all of it had left. */
static void go_on_sending(neap_connection *c) {
    if (c->is_deaf || is_all_sent(c)) complete(c);
    else watch_exchange(c, false);
}

void neap_connection__ready(uv_poll_t *poll, int status, int events) {
    neap_connection *c = poll->data;
    if (status < 0) { /* libuv watches no more; reading and writing tell what it is */
        c->armed = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    if (c->t == NULL) {
        if (!neap_connection_is_alive(c)) neap_connection__give_up(c);
        else neap_connection__watch(c, UV_READABLE);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && !flush(c)) return;
    if (c->is_answered) go_on_sending(c);
    else if ((events & UV_READABLE) == 0) watch_exchange(c, (c->armed & UV_READABLE) != 0);
    else if (c->is_shut) watch_exchange(c, false);
    else read_on(c);
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
    c->is_shut = c->is_deaf = c->is_answered = c->is_clean = false;
    c->error[0] = '\0';
    neap_http1_reader_begin(&c->reader, out->no_answer_body, out->keeps, &sink, c);
    neap_transfer__depart(t);
    if (!flush(c)) return;
    c->is_used = true;
    watch_exchange(c, true);
}

void neap_connection_flow(neap_connection *c) {
    if (!c->is_shut || neap_transfer__full(c->t, QUEUE_MAX)) return;
    c->is_shut = false;
    read_on(c);
}

