/* Test of csrc/server: requests and answers. Its end, and clients that leave: test_server_end.c. */
#include "serving.h"

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
    request(s, "GET http://a/b?c=d/e HTTP/1.1\r\nHost: a\r\n\r\n", &in, "/e");
    CHECK(has(&in, "\r\n\r\n/b?c=d/e"));
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

/* Fields that libmicrohttpd would refuse, or that are its own. */
static void answer_fields(neap_handler *h, neap_exchange *ex) {
    neap_field fields[] = {{"X-Empty", "", 7, 0}, {"X-Tab", "a\tb", 5, 3}, {"Connection", "upgrade", 10, 7},
                           {"Transfer-Encoding", "chunked", 17, 7}};
    (void)h;
    CHECK_EQ_INT(ex->ops->head(ex, 200, fields, 4, 2), 0);
    ex->ops->write(ex, "ok", 2);
    ex->ops->end(ex);
}

static void test_fields(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    handler.handler.handle = answer_fields;
    request(s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &in, "\r\n\r\nok");
    CHECK(has(&in, "\r\nX-Empty: "));
    CHECK(has(&in, "\r\nX-Tab: a b\r\n"));
    CHECK(!has(&in, "upgrade"));
    CHECK(!has(&in, "chunked"));
    neap_buf_free(&in);
    close_server(s);
}

static void test_address(void) {
    neap_server *s = open_with(&(neap_server_options){.address = "0.0.0.0"}), *none = NULL;
    neap_buf in = {0};
    neap_err err = {0};
    request(s, "GET /client HTTP/1.1\r\nHost: a\r\n\r\n", &in, "127.0.0.1");
    CHECK(has(&in, "\r\n\r\n127.0.0.1"));
    close_server(s);
    CHECK_EQ_INT(neap_server_open(&none, loop, &handler.handler, &(neap_server_options){.address = "localhost"}, &err),
                 NEAP_EINVAL);
    CHECK(strstr(err.message, "\"localhost\" is no IPv4 or IPv6 address") != NULL);
    CHECK(none == NULL);
    neap_buf_free(&in);
}

/* An IPv4 client of a socket for both is shown as such. Machines without IPv6 have nothing to try. */
static void test_address_6(void) {
    neap_server *s = NULL;
    neap_buf in = {0};
    neap_err err = {0};
    handler = (answerer){.handler = {on_exchange}};
    if (neap_server_open(&s, loop, &handler.handler, &(neap_server_options){.address = "::"}, &err) < 0) {
        CHECK_EQ_INT(err.code, NEAP_ENETWORK);
        return;
    }
    request(s, "GET /client HTTP/1.1\r\nHost: a\r\n\r\n", &in, "127.0.0.1");
    CHECK(has(&in, "\r\n\r\n127.0.0.1"));
    neap_buf_free(&in);
    close_server(s);
}

static void test_body_limit(void) {
    static const char said[] = "{\"error\":\"the request's body is larger than 10 bytes\"}";
    neap_server *s = open_with(&(neap_server_options){.body_limit = 10});
    neap_buf in = {0};
    request(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789", &in, "6789");
    CHECK(has(&in, "\r\n\r\n0123456789"));
    in.len = 0;
    request(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n0123456789a", &in, said);
    CHECK(has(&in, "HTTP/1.1 413 ") && has(&in, said));
    in.len = 0;
    request(s, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n",
            &in, said);
    CHECK(has(&in, "HTTP/1.1 413 ") && has(&in, said));
    in.len = 0;
    request(s, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n", &in, said);
    CHECK(begins(in.data, "HTTP/1.1 413 ") && has(&in, said));
    in.len = 0;
    request(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999\r\n\r\n", &in, said);
    CHECK(has(&in, "HTTP/1.1 413 ") && has(&in, said));
    CHECK_EQ_INT(handler.asked, 1);
    neap_buf_free(&in);
    close_server(s);
}

static void test_continue(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    int fd = dial(s);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    CHECK_EQ_INT(receive(fd, &in, "\r\n\r\n"), 0);
    CHECK(begins(in.data, "HTTP/1.1 100 Continue\r\n"));
    send_text(fd, "hello");
    receive(fd, &in, "hello");
    CHECK(has(&in, "\r\n\r\nhello"));
    close(fd);
    neap_buf_free(&in);
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

/* Heads that somebody else may read in another way: each is refused, what follows it is not read as a request, and no
 * handler sees either. */
static void test_ambiguous(void) {
    static const struct {
        const char *fields, *status;
    } heads[] = {{"Content-Length: 5\r\nContent-Length: 5\r\n", "HTTP/1.1 400 "},
                 {"Content-Length: 1\r\ncontent-length: 5\r\n", "HTTP/1.1 400 "},
                 {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "HTTP/1.1 400 "},
                 {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "HTTP/1.1 400 "},
                 {"Content-Length : 5\r\n", "HTTP/1.1 400 "},
                 {"X-A: a\rContent-Length: 5\r\n", "HTTP/1.1 400 "},
                 {"Host: b\r\n", "HTTP/1.1 400 "},
                 {"Transfer-Encoding: gzip\r\n", "HTTP/1.1 501 "},
                 {"Transfer-Encoding: xchunked\r\n", "HTTP/1.1 501 "}};
    neap_server *s = open_server();
    size_t i;
    for (i = 0; i < sizeof heads / sizeof *heads; i++) {
        neap_buf in = {0};
        char text[256];
        snprintf(text, sizeof text, "POST /echo HTTP/1.1\r\nHost: a\r\n%s\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
                 heads[i].fields);
        request(s, text, &in, NULL);
        CHECK(begins(in.data, heads[i].status));
        CHECK(has(&in, "\r\n\r\n{\"error\":\"") && ends(&in, "\"}"));
        neap_buf_free(&in);
    }
    CHECK_EQ_INT(handler.asked, 0);
    close_server(s);
}

/* HTTP/1.1 demands that a client names the host; HTTP/1.0 does not. */
static void test_no_host(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    request(s, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", &in, NULL);
    CHECK(begins(in.data, "HTTP/1.1 400 ") && ends(&in, "{\"error\":\"the header Host is missing\"}"));
    CHECK_EQ_INT(handler.asked, 0);
    in.len = 0;
    request(s, "GET /3 HTTP/1.0\r\n\r\n", &in, NULL);
    CHECK(begins(in.data, "HTTP/1.1 200 ") && ends(&in, "\r\n\r\n/3"));
    neap_buf_free(&in);
    close_server(s);
}

/* More arguments than a connection's memory has room for, were they kept one by one; two requests on a connection. */
static void test_many_arguments(void) {
    static char text[20000];
    neap_server *s = open_server();
    neap_buf in = {0};
    size_t at = (size_t)snprintf(text, sizeof text, "GET /%%3f?"), i;
    for (i = 0; i < 4000; i++) {
        text[at++] = 'a';
        text[at++] = '&';
    }
    snprintf(text + at, sizeof text - at, "last HTTP/1.1\r\nHost: a\r\n\r\nGET /2?b&c HTTP/1.1\r\nHost: a\r\n\r\n");
    request(s, text, &in, "\r\n\r\n/2?b&c");
    CHECK(has(&in, "\r\n\r\n/%3f?a&a&a&") && has(&in, "&a&lastHTTP/1.1 200 OK\r\n"));
    CHECK(has(&in, "\r\n\r\n/2?b&c"));
    CHECK_EQ_INT(handler.asked, 2);
    neap_buf_free(&in);
    close_server(s);
}

static void answer_unchanged(neap_handler *h, neap_exchange *ex) {
    neap_field field = {"ETag", "\"x\"", 4, 3};
    (void)h;
    CHECK_EQ_INT(ex->ops->head(ex, 304, &field, 1, 0), 0);
    ex->ops->end(ex);
}

/* Says nothing of the length of what has not changed, and has no body, not even an empty one in chunks. */
static void test_unchanged(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    handler.handler.handle = answer_unchanged;
    CHECK_EQ_INT(request(s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &in, NULL), 0);
    CHECK(begins(in.data, "HTTP/1.1 304 ") && has(&in, "\r\nETag: \"x\"\r\n") && ends(&in, "\r\n\r\n"));
    CHECK(!has(&in, "Content-Length") && !has(&in, "Transfer-Encoding"));
    neap_buf_free(&in);
    close_server(s);
}

/* A head that is larger than what a connection may hold. */
static void test_large_head(void) {
    static char fields[100000];
    neap_server *s = open_server();
    neap_buf in = {0};
    int fd = dial(s);
    memset(fields, 'x', sizeof fields - 1);
    send_text(fd, "GET / HTTP/1.1\r\nHost: a\r\nX-Long: ");
    send_text(fd, fields);
    CHECK_EQ_INT(receive(fd, &in, "\r\n\r\n"), 0);
    CHECK(has(&in, "HTTP/1.1 431 "));
    CHECK_EQ_INT(handler.asked, 0);
    close(fd);
    neap_buf_free(&in);
    close_server(s);
}

static void test_port_in_use(void) {
    neap_server *s = open_server(), *other = NULL;
    neap_err err = {0};
    neap_server_options options = {.port = neap_server_port(s)};
    CHECK_EQ_INT(neap_server_open(&other, loop, &handler.handler, &options, &err), NEAP_ENETWORK);
    CHECK(other == NULL);
    CHECK(strstr(err.message, "Address already in use") != NULL);
    close_server(s);
}

int main(void) {
    if (neap_loop_open(&loop) < 0) return 2;
    test_plain();
    test_pipelined();
    test_back_pressure();
    test_aborts();
    test_fields();
    test_address();
    test_address_6();
    test_body_limit();
    test_continue();
    test_bad_requests();
    test_ambiguous();
    test_no_host();
    test_many_arguments();
    test_unchanged();
    test_large_head();
    test_port_in_use();
    neap_loop_close(loop);
    return check_report();
}
