/* Test of csrc/server: real sockets on the loopback interface, server and client on one thread. */
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
    unsigned asked, drained;
    int last_rc;   /* of the last op */
} answerer;

static neap_loop *loop;
static answerer handler;
static char piece[100000];

static void stream_on(neap_exchange *ex) {
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

static void answer_text(neap_exchange *ex, const char *data, size_t len) {
    neap_field fields[] = {{"X-Method", ex->method, 8, strlen(ex->method)},
                           {"Content-Length", "3", 14, 1}};
    handler.last_rc = ex->ops->head(ex, 200, fields, 2, (long long)len);
    if (len > 0) ex->ops->write(ex, data, len);
    ex->ops->end(ex);
}

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static void on_exchange(neap_handler *h, neap_exchange *ex) {
    (void)h;
    handler.asked++;
    if (begins(ex->target, "/echo")) {
        answer_text(ex, ex->body, ex->body_len);
    } else if (begins(ex->target, "/stream")) {
        ex->on_drain = stream_on;
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
        handler.held = ex;
    } else {
        answer_text(ex, ex->target, strlen(ex->target));
    }
}

/* The client. */

static int dial(const neap_server *s) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(neap_server_port(s))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)connect(fd, (struct sockaddr *)&addr, sizeof addr);
    return fd;
}

/* Lets the server do what it has to do now. */
static void settle(void) {
    int i;
    for (i = 0; i < 20; i++) {
        struct pollfd p = {neap_loop_fd(loop), POLLIN, 0};
        poll(&p, 1, 5);
        neap_loop_dispatch(loop);
    }
}

static void send_all(int fd, const char *text, size_t len) {
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

static void send_text(int fd, const char *text) {
    send_all(fd, text, strlen(text));
}

/* Reads until `until` is in, or the other side closes: 0, or the errno of a reset. */
static int receive(int fd, neap_buf *in, const char *until) {
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

static bool has(const neap_buf *b, const char *text) {
    return b->len > 0 && memmem(b->data, b->len, text, strlen(text)) != NULL;
}

static bool ends(const neap_buf *b, const char *text) {
    size_t len = strlen(text);
    return b->len >= len && memcmp(b->data + b->len - len, text, len) == 0;
}

/* One request on its own connection; the answer is in `in`. */
static int request(const neap_server *s, const char *text, neap_buf *in, const char *until) {
    int fd = dial(s);
    int rc;
    send_text(fd, text);
    rc = receive(fd, in, until);
    close(fd);
    return rc;
}

static neap_server *open_server(void) {
    neap_server *s = NULL;
    neap_err err = {0};
    handler = (answerer){.handler = {on_exchange}};
    CHECK_EQ_INT(neap_server_open(&s, loop, &handler.handler, 0, &err), 0);
    CHECK(neap_server_port(s) > 0);
    return s;
}

static void close_server(neap_server *s) {
    neap_loop_stats stats;
    neap_server_close(s);
    neap_loop_dispatch(loop);
    neap_loop_get_stats(loop, &stats);
    CHECK_EQ_INT(stats.handles, 0);
    CHECK_EQ_INT(stats.timers, 0);
    CHECK_EQ_INT(stats.jobs, 0);
}

static void test_plain(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    CHECK_EQ_INT(request(s, "GET /a%20b/?x=%2F&y HTTP/1.1\r\nHost: a\r\n\r\n", &in, "&y"), 0);
    CHECK(has(&in, "HTTP/1.1 200 OK\r\n"));
    CHECK(has(&in, "X-Method: GET\r\n"));
    CHECK(has(&in, "Content-Length: 15\r\n"));
    CHECK(!has(&in, "Content-Length: 3\r\n"));
    CHECK(has(&in, "\r\n\r\n/a%20b/?x=%2F&y"));
    in.len = 0;
    CHECK_EQ_INT(request(s, "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n", &in, "\r\n\r\n"), 0);
    CHECK(has(&in, "X-Method: HEAD\r\n"));
    in.len = 0;
    request(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", &in, "hello");
    CHECK(has(&in, "\r\n\r\nhello"));
    in.len = 0;
    request(s,
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            &in, "abcde");
    CHECK(has(&in, "\r\n\r\nabcde"));
    neap_buf_free(&in);
    close_server(s);
}

static void test_pipelined(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    request(s,
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
            "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
            &in, "\r\n\r\n/3");
    CHECK_EQ_INT(handler.asked, 3);
    CHECK(has(&in, "\r\n\r\n/1") && has(&in, "\r\n\r\n/2"));
    neap_buf_free(&in);
    close_server(s);
}

/* 20 MB through a client that does not read at first: the handler has to wait. */
static void test_back_pressure(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    int fd = dial(s);
    size_t left;
    handler.left = (size_t)20 << 20;
    memset(piece, 'x', sizeof piece);
    send_text(fd, "GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    settle();
    left = handler.left;
    CHECK(left > (size_t)8 << 20);
    settle();
    CHECK_EQ_INT(handler.left, left);
    CHECK_EQ_INT(receive(fd, &in, NULL), 0);
    CHECK_EQ_INT(handler.left, 0);
    CHECK(handler.drained > 10);
    CHECK(in.len > (size_t)20 << 20);
    CHECK(has(&in, "Transfer-Encoding: chunked\r\n"));
    CHECK(ends(&in, "\r\n0\r\n\r\n"));
    close(fd);
    neap_buf_free(&in);
    close_server(s);
}

static void test_aborts(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    CHECK_EQ_INT(request(s, "GET /reset HTTP/1.1\r\nHost: a\r\n\r\n", &in, NULL), ECONNRESET);
    CHECK_EQ_INT(in.len, 0);
    CHECK_EQ_INT(request(s, "GET /half HTTP/1.1\r\nHost: a\r\n\r\n", &in, NULL), 0);
    CHECK(has(&in, "Content-Length: 10\r\n"));
    CHECK(ends(&in, "\r\n\r\n12345"));
    neap_buf_free(&in);
    close_server(s);
}

/* The client leaves in the middle of a stream, and before the answer has begun. */
static void test_client_leaves(void) {
    neap_server *s = open_server();
    int fd = dial(s);
    handler.left = (size_t)50 << 20;
    send_text(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    settle();
    CHECK(handler.held != NULL);
    close(fd);
    settle();
    CHECK_EQ_INT(handler.last_rc, NEAP_ECANCELLED);
    CHECK(handler.held == NULL);
    fd = dial(s);
    send_text(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    settle();
    close(fd);
    settle();
    CHECK(handler.held != NULL);
    if (handler.held != NULL) answer_text(handler.held, "late", 4);
    settle();
    close_server(s);
}

static void test_bad_requests(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    size_t len = NEAP_SERVER_MAX_BODY + 10;
    char *body = calloc(1, len);
    int fd = dial(s), cut = dial(s);
    CHECK_EQ_INT(request(s, "GARBAGE\r\n\r\n", &in, NULL), 0);
    in.len = 0;
    send_text(cut, "GET /x HTTP/1.1\r\nHost");
    settle();
    close(cut);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 67108874\r\n\r\n");
    send_all(fd, body, len);
    CHECK_EQ_INT(receive(fd, &in, "\r\n\r\n"), 0);
    CHECK(has(&in, "HTTP/1.1 413 "));
    CHECK_EQ_INT(handler.asked, 0);
    close(fd);
    free(body);
    neap_buf_free(&in);
    close_server(s);
}

static void test_port_in_use(void) {
    neap_server *s = open_server(), *other = NULL;
    neap_err err = {0};
    CHECK_EQ_INT(neap_server_open(&other, loop, &handler.handler, neap_server_port(s), &err),
                 NEAP_ENETWORK);
    CHECK(other == NULL);
    CHECK(strstr(err.message, "Address already in use") != NULL);
    close_server(s);
}

/* Closing drops held exchanges and half-read requests; the handler may end its own later. */
static void test_close_under_way(void) {
    neap_server *s = open_server();
    int held = dial(s), half = dial(s), slow = dial(s);
    neap_exchange *ex;
    send_text(held, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    send_text(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    settle();
    ex = handler.held;
    CHECK(ex != NULL);
    handler.left = (size_t)50 << 20;
    send_text(slow, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    settle();
    close_server(s);
    CHECK_EQ_INT(handler.last_rc, NEAP_ECANCELLED);
    if (ex != NULL) answer_text(ex, "x", 1);
    CHECK_EQ_INT(handler.last_rc, NEAP_ECANCELLED);
    close(held);
    close(half);
    close(slow);
}

int main(void) {
    if (neap_loop_open(&loop) < 0) return 2;
    test_plain();
    test_pipelined();
    test_back_pressure();
    test_aborts();
    test_client_leaves();
    test_bad_requests();
    test_port_in_use();
    test_close_under_way();
    neap_loop_close(loop);
    return check_report();
}
