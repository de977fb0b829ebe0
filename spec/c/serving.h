/* serving.h: what the tests of csrc/server share: a handler, a server and a client on one thread, over real sockets of
 * the loopback interface. */
#ifndef NEAP_SPEC_SERVING_H
#define NEAP_SPEC_SERVING_H

#include "../../csrc/server/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../csrc/core/buf.h"
#include "check.h"

/* Answers by target; remembers the exchange it was asked to hold. */
typedef struct answerer {
    neap_handler handler; /* first */
    neap_exchange *held;
    size_t left;   /* bytes still to stream */
    unsigned asked, drained, gone, idle;
    int last_rc;   /* of the last op */
} answerer;

static neap_loop *loop;
static answerer handler;
static char piece[100000];

static inline void stream_on(neap_exchange *ex) {
    handler.drained++;
    while (handler.left > 0) {
        size_t len = handler.left < sizeof piece ? handler.left : sizeof piece;
        handler.last_rc = ex->ops->write(ex, piece, len);
        if (handler.last_rc < 0) break;
        handler.left -= len;
        if (handler.last_rc > 0) return;
    }
    handler.held = NULL;
    ex->ops->end(ex);
}

static inline void answer_text(neap_exchange *ex, const char *data, size_t len) {
    neap_field fields[] = {{"X-Method", ex->method, 8, strlen(ex->method)},
                           {"Content-Length", "3", 14, 1}};
    handler.last_rc = ex->ops->head(ex, 200, fields, 2, (long long)len);
    if (len > 0) ex->ops->write(ex, data, len);
    ex->ops->end(ex);
}

static inline void note_gone(neap_exchange *ex) {
    (void)ex;
    handler.gone++;
}

static inline void note_idle(void *ud) {
    CHECK(ud == &handler);
    handler.idle++;
}

static inline bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static inline void on_exchange(neap_handler *h, neap_exchange *ex) {
    (void)h;
    handler.asked++;
    if (begins(ex->target, "/echo")) {
        answer_text(ex, ex->body, ex->body_len);
    } else if (begins(ex->target, "/stream")) {
        ex->on_drain = stream_on;
        ex->on_gone = note_gone;
        handler.held = ex;
        ex->ops->head(ex, 200, NULL, 0, -1);
        stream_on(ex);
    } else if (begins(ex->target, "/half")) {
        ex->ops->head(ex, 200, NULL, 0, 10);
        ex->ops->write(ex, "12345", 5);
        ex->ops->abort(ex);
    } else if (begins(ex->target, "/reset")) {
        ex->ops->abort(ex);
    } else if (begins(ex->target, "/hold")) {
        ex->on_gone = note_gone;
        handler.held = ex;
    } else if (begins(ex->target, "/client")) {
        CHECK_STR(ex->scheme, "http");
        answer_text(ex, ex->client, strlen(ex->client));
    } else {
        answer_text(ex, ex->target, strlen(ex->target));
    }
}

/* The client. */

static inline int dial(const neap_server *s) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(neap_server_port(s))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)connect(fd, (struct sockaddr *)&addr, sizeof addr);
    return fd;
}

/* Lets the server do what it has to do now. */
static inline void settle(void) {
    int i;
    for (i = 0; i < 20; i++) {
        struct pollfd p = {neap_loop_fd(loop), POLLIN, 0};
        poll(&p, 1, 5);
        neap_loop_dispatch(loop);
    }
}

static inline void send_all(int fd, const char *text, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINPROGRESS && errno != ENOTCONN) return;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
        neap_loop_dispatch(loop);
    }
}

static inline void send_text(int fd, const char *text) {
    send_all(fd, text, strlen(text));
}

/* Reads until `until` is in, or the other side closes: 0, or the errno of a reset. */
static inline int receive(int fd, neap_buf *in, const char *until) {
    int idle;
    for (idle = 0; idle < 2000; idle++) {
        static char part[65536];
        ssize_t n = recv(fd, part, sizeof part, 0);
        if (n == 0) return 0;
        if (n < 0 && errno != EAGAIN) return errno;
        if (n > 0) {
            neap_buf_add(in, part, (size_t)n);
            idle = 0;
            if (until != NULL && memmem(in->data, in->len, until, strlen(until))) return 0;
        } else {
            struct pollfd p[] = {{neap_loop_fd(loop), POLLIN, 0}, {fd, POLLIN, 0}};
            poll(p, 2, 5);
        }
        neap_loop_dispatch(loop);
    }
    return ETIMEDOUT;
}

static inline bool has(const neap_buf *b, const char *text) {
    return b->len > 0 && memmem(b->data, b->len, text, strlen(text)) != NULL;
}

static inline bool ends(const neap_buf *b, const char *text) {
    size_t len = strlen(text);
    return b->len >= len && memcmp(b->data + b->len - len, text, len) == 0;
}

/* One request on its own connection; the answer is in `in`. */
static inline int request(const neap_server *s, const char *text, neap_buf *in, const char *until) {
    int fd = dial(s);
    int rc;
    send_text(fd, text);
    rc = receive(fd, in, until);
    close(fd);
    return rc;
}

static inline neap_server *open_with(const neap_server_options *options) {
    neap_server *s = NULL;
    neap_err err = {0};
    handler = (answerer){.handler = {on_exchange}};
    CHECK_EQ_INT(neap_server_open(&s, loop, &handler.handler, options, &err), 0);
    CHECK(neap_server_port(s) > 0);
    return s;
}

static inline neap_server *open_server(void) {
    return open_with(NULL);
}

static inline void close_server(neap_server *s) {
    neap_loop_stats stats;
    neap_server_close(s);
    neap_loop_dispatch(loop);
    neap_loop_get_stats(loop, &stats);
    CHECK_EQ_INT(stats.handles, 0);
    CHECK_EQ_INT(stats.timers, 0);
    CHECK_EQ_INT(stats.jobs, 0);
}

#endif
