/* Test of csrc/server: clients that leave, connections that last too long, and how it ends. */
#include "serving.h"

#include <sys/resource.h>

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
    CHECK_EQ_INT(handler.gone, 1);
    CHECK_EQ_INT(handler.last_rc, NEAP_ECANCELLED);
    CHECK(handler.held == NULL);
    fd = dial(s);
    send_text(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    settle();
    CHECK_EQ_INT(neap_server_requests(s), 1);
    close(fd);
    settle();
    CHECK_EQ_INT(handler.gone, 2);
    CHECK_EQ_INT(neap_server_requests(s), 0);
    CHECK(handler.held != NULL);
    if (handler.held != NULL) answer_text(handler.held, "late", 4);
    CHECK_EQ_INT(handler.last_rc, NEAP_ECANCELLED);
    settle();
    close_server(s);
}

/* It has sent the next request, too, and a handler learns that whoever asked did not wait at all. */
static void test_client_leaves_early(void) {
    neap_server *s = open_server();
    int fd = dial(s);
    send_text(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    close(fd);
    settle();
    CHECK_EQ_INT(handler.asked, 1);
    CHECK_EQ_INT(handler.gone, 1);
    if (handler.held != NULL) handler.held->ops->abort(handler.held);
    settle();
    CHECK_EQ_INT(neap_server_requests(s), 0);
    close_server(s);
}

/* Within a head, within a body, and behind what was answered: nobody waits for the rest. */
static void test_client_leaves_unsaid(void) {
    static const char *const texts[] = {"GET /1 HTTP/1.1\r\nHo", "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe",
                                        "G", "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHo"};
    neap_server *s = open_server();
    neap_loop_stats stats;
    size_t i, round;
    for (round = 0; round < 5; round++) {
        for (i = 0; i < sizeof texts / sizeof *texts; i++) {
            int fd = dial(s);
            CHECK(send(fd, texts[i], strlen(texts[i]), MSG_NOSIGNAL) > 0);
            close(fd);
        }
    }
    settle();
    CHECK_EQ_INT(neap_server_requests(s), 0);
    neap_loop_get_stats(loop, &stats);
    CHECK_EQ_INT(stats.handles, 1); /* the daemon's: no connection is left */
    close_server(s);
}

/* An answer that is complete is sent to who has only ended its own stream. */
static void test_half_closed(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    int fd = dial(s);
    send_text(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    settle();
    if (handler.held != NULL) answer_text(handler.held, "whole", 5);
    shutdown(fd, SHUT_WR);
    receive(fd, &in, "whole");
    CHECK(has(&in, "\r\n\r\nwhole"));
    CHECK_EQ_INT(handler.gone, 0);
    close(fd);
    neap_buf_free(&in);
    close_server(s);
}

/* The client has all it wants before the handler is done: that is no leaving. */
static void test_complete_early(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    int fd = dial(s);
    neap_exchange *ex;
    send_text(fd, "HEAD /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    settle();
    ex = handler.held;
    CHECK_EQ_INT(ex->ops->head(ex, 200, NULL, 0, -1), 0);
    receive(fd, &in, "\r\n\r\n");
    CHECK(has(&in, "HTTP/1.1 200 OK\r\n"));
    close(fd);
    settle();
    CHECK_EQ_INT(handler.gone, 0);
    CHECK_EQ_INT(ex->ops->write(ex, piece, sizeof piece), 0);
    CHECK_EQ_INT(ex->ops->write(ex, piece, sizeof piece), 0);
    CHECK_EQ_INT(ex->ops->write(ex, piece, sizeof piece), 0);
    CHECK_STR(ex->method, "HEAD");
    ex->ops->end(ex);
    neap_buf_free(&in);
    close_server(s);
}

/* Nothing moves on three connections; on the fourth it is the handler who takes his time. */
static void test_time_out(void) {
    neap_server *s = open_with(&(neap_server_options){.idle_s = 1});
    neap_buf in = {0};
    int kept = dial(s), head = dial(s), body = dial(s), held = dial(s);
    send_text(held, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    settle();
    send_text(kept, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_EQ_INT(receive(kept, &in, "\r\n\r\n/1"), 0);
    send_text(head, "GET /2 HTTP/1.1\r\nHo");
    send_text(body, "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    CHECK_EQ_INT(receive(kept, &in, NULL), 0);
    CHECK_EQ_INT(receive(head, &in, NULL), 0);
    CHECK_EQ_INT(receive(body, &in, NULL), 0);
    CHECK_EQ_INT(handler.asked, 2);
    CHECK_EQ_INT(handler.gone, 0);
    in.len = 0;
    if (handler.held != NULL) answer_text(handler.held, "at last", 7);
    CHECK_EQ_INT(receive(held, &in, "at last"), 0);
    CHECK(has(&in, "\r\n\r\nat last"));
    close(kept);
    close(head);
    close(body);
    close(held);
    neap_buf_free(&in);
    close_server(s);
}

/* A server for few connections: it takes half as many as it may open files. */
static neap_server *open_small(rlim_t files) {
    struct rlimit all, few;
    neap_server *s;
    CHECK_EQ_INT(getrlimit(RLIMIT_NOFILE, &all), 0);
    few = (struct rlimit){files, all.rlim_max};
    CHECK_EQ_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
    s = open_server();
    CHECK_EQ_INT(setrlimit(RLIMIT_NOFILE, &all), 0);
    return s;
}

/* All connections that it may have are there, and more wait for it; then all leave, and others come. */
static void test_connection_limit(void) {
    enum { TAKEN = 32, WAITING = 8 };
    neap_server *s = open_small(60);
    neap_buf in = {0};
    int fds[TAKEN + WAITING], round, i;
    for (round = 0; round < 3; round++) {
        for (i = 0; i < TAKEN + WAITING; i++) {
            fds[i] = dial(s);
            CHECK(send(fds[i], "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", 28, MSG_NOSIGNAL) == 28);
        }
        settle();
        CHECK(handler.asked < (unsigned)(round + 1) * (TAKEN + WAITING));
        for (i = 0; i < TAKEN + WAITING; i++) close(fds[i]);
        settle();
        in.len = 0;
        CHECK_EQ_INT(request(s, "GET /again HTTP/1.1\r\nHost: a\r\n\r\n", &in, "/again"), 0);
        CHECK(has(&in, "\r\n\r\n/again"));
    }
    neap_buf_free(&in);
    close_server(s);
}

/* --- the end ------------------------------------------------------------------------------------ */

static bool refuses(const neap_server *s) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(neap_server_port(s))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool refused;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    refused = connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static void test_stop_idle(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    int kept = dial(s), fresh = dial(s);
    send_text(kept, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    receive(kept, &in, "\r\n\r\n/1");
    neap_server_stop(s, note_idle, &handler);
    CHECK_EQ_INT(handler.idle, 0);
    settle();
    CHECK_EQ_INT(handler.idle, 1);
    CHECK_EQ_INT(receive(kept, &in, NULL), 0);
    CHECK_EQ_INT(receive(fresh, &in, NULL), 0);
    CHECK(refuses(s));
    neap_server_stop(s, note_idle, &handler);
    settle();
    CHECK_EQ_INT(handler.idle, 2);
    close(kept);
    close(fresh);
    neap_buf_free(&in);
    close_server(s);
}

/* One that is being answered, one that is still being sent, one that came in with the stop. */
static void test_stop_under_way(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    int held = dial(s), half = dial(s), late;
    send_text(held, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    send_text(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    settle();
    late = dial(s);
    CHECK(send(late, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n", 31, 0) == 31);
    neap_server_stop(s, note_idle, &handler);
    receive(late, &in, NULL);
    CHECK(has(&in, "\r\n\r\n/late") && has(&in, "Connection: close\r\n"));
    in.len = 0;
    send_text(half, "llo");
    CHECK_EQ_INT(receive(half, &in, NULL), 0);
    CHECK(has(&in, "\r\n\r\nhello") && has(&in, "Connection: close\r\n"));
    CHECK_EQ_INT(handler.idle, 0);
    CHECK_EQ_INT(neap_server_requests(s), 1);
    in.len = 0;
    if (handler.held != NULL) answer_text(handler.held, "done", 4);
    CHECK_EQ_INT(receive(held, &in, NULL), 0);
    CHECK(has(&in, "\r\n\r\ndone") && has(&in, "Connection: close\r\n"));
    settle();
    CHECK_EQ_INT(handler.idle, 1);
    CHECK_EQ_INT(handler.gone, 0);
    close(held);
    close(half);
    close(late);
    neap_buf_free(&in);
    close_server(s);
}

/* The head was out before the stop, so it could not say that the connection ends. */
static void test_stop_streaming(void) {
    neap_server *s = open_server();
    neap_buf in = {0};
    int fd = dial(s);
    handler.left = (size_t)4 << 20;
    send_text(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    settle();
    CHECK(handler.held != NULL);
    neap_server_stop(s, note_idle, &handler);
    CHECK_EQ_INT(receive(fd, &in, NULL), 0);
    CHECK(ends(&in, "\r\n0\r\n\r\n"));
    CHECK(in.len > (size_t)4 << 20);
    CHECK_EQ_INT(handler.idle, 1);
    close(fd);
    neap_buf_free(&in);
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
    CHECK_EQ_INT(handler.gone, 2);
    CHECK_EQ_INT(handler.last_rc, NEAP_ECANCELLED);
    if (ex != NULL) answer_text(ex, "x", 1);
    CHECK_EQ_INT(handler.last_rc, NEAP_ECANCELLED);
    close(held);
    close(half);
    close(slow);
}

int main(void) {
    if (neap_loop_open(&loop) < 0) return 2;
    test_client_leaves();
    test_client_leaves_early();
    test_client_leaves_unsaid();
    test_half_closed();
    test_complete_early();
    test_time_out();
    test_connection_limit();
    test_stop_idle();
    test_stop_under_way();
    test_stop_streaming();
    test_close_under_way();
    neap_loop_close(loop);
    return check_report();
}
