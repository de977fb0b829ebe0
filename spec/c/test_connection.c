/* test_connection.c: core/direct.h and connection.h against servers that do what the test says, in step with the
 * client (origin.h): which connection carries what, and what happens when one ends. */
#include "../../csrc/core/connection.h"
#include "origin.h"

#define LOST "connection lost after the request was sent"
#define OK_TEXT "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nok"
#define MIB ((size_t)1024 * 1024)

static neap_http *http;
static origin site;

static void begin_with(probe *p, const char *method, const char *body, size_t len, const neap_transfer_cbs *cbs) {
    neap_request req = {.method = method, .url = url_of(&site, "/x"), .body = body, .body_len = len};
    CHECK_EQ_INT(start(p, http, &req, cbs), 0);
}

static void begin(probe *p, const char *path) {
    neap_request req = {.method = "GET", .url = url_of(&site, path)};
    CHECK_EQ_INT(start(p, http, &req, &buffered), 0);
}

static void finish(probe *p, int code, const char *text) {
    if (p->dones == 0) run(p);
    CHECK_EQ_INT(p->dones, 1);
    CHECK_EQ_INT(p->err.code, code);
    CHECK_STR(code == 0 ? body_of(p) : p->err.message, text);
    end(p);
}

/* Nobody connects. */
static void check_no_more(void) {
    peer other;
    CHECK(settle());
    CHECK(!peer_try(&other, &site));
}

/* One exchange, after which the client keeps the connection. */
static void keep_one(peer *w) {
    probe p;
    begin(&p, "/first");
    peer_accept(w, &site);
    peer_answer(w);
    finish(&p, 0, "/first");
    CHECK(settle());
}

/* The next exchange goes over the same connection. */
static void check_kept(peer *w) {
    probe p;
    begin(&p, "/kept");
    peer_answer(w);
    finish(&p, 0, "/kept");
    check_no_more();
}

/* The client closes the connection, and the next exchange has one of its own. */
static void check_gone(peer *w) {
    probe p;
    peer other;
    peer_drain(w);
    peer_close(w);
    begin(&p, "/new");
    peer_accept(&other, &site);
    peer_answer(&other);
    finish(&p, 0, "/new");
    peer_close(&other);
    CHECK(settle());
}

/* --- ends of connections --------------------------------------------------------------------------- */

static void test_kept(void) {
    peer w;
    keep_one(&w);
    check_kept(&w);
    check_kept(&w);
    peer_close(&w);
    CHECK(settle());
}

/* An answer to a HEAD, or that text: does the connection go on? */
static void check_answer(const char *method, const char *text, const char *body, bool kept) {
    peer w;
    probe p;
    begin_with(&p, method, NULL, 0, &buffered);
    peer_accept(&w, &site);
    peer_request(&w);
    w.in.len = 0;
    peer_say(&w, text);
    finish(&p, 0, body);
    if (kept) check_kept(&w);
    if (kept) peer_close(&w);
    else check_gone(&w);
    CHECK(settle());
}

static void test_answers(void) {
    check_answer("GET", OK_TEXT, "ok", true);
    check_answer("GET", "HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok", false);
    check_answer("GET", "HTTP/1.0 200 X\r\nContent-Length: 2\r\n\r\nok", "ok", false);
    check_answer("GET", "HTTP/1.0 200 X\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "ok", true);
    check_answer("GET", "HTTP/1.1 204 X\r\n\r\n", "", true);
    check_answer("GET", "HTTP/1.1 304 X\r\nContent-Length: 10\r\n\r\n", "", true);
    check_answer("HEAD", "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n", "", true);
    check_answer("GET", "HTTP/1.1 100 X\r\n\r\n" OK_TEXT, "ok", true);
    check_answer("GET", OK_TEXT "HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\nevil", "ok", false);
    check_answer("HEAD", "HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\nbody", "", false);
}

/* Bytes that nobody asked for, on a connection that is idle. */
static void test_stray(void) {
    peer w;
    keep_one(&w);
    peer_say(&w, "HTTP/1.1 408 X\r\n\r\n");
    check_gone(&w);
}

/* Closed while idle; the client has not heard of it when the next request begins. */
static void test_idle_closed(void) {
    probe p;
    peer w, other;
    keep_one(&w);
    peer_close(&w);
    begin(&p, "/again");
    peer_accept(&other, &site);
    peer_answer(&other);
    CHECK_EQ_INT(p.departs, 1);
    finish(&p, 0, "/again");
    peer_close(&other);
    keep_one(&w); /* or it has */
    peer_close(&w);
    CHECK(settle());
    keep_one(&w);
    peer_close(&w);
    CHECK(settle());
}

/* The answer and the end come as one. */
static void test_answer_and_end(void) {
    peer w, other;
    probe p, q;
    begin(&p, "/a");
    peer_accept(&w, &site);
    peer_request(&w);
    peer_say(&w, OK_TEXT);
    peer_close(&w);
    run(&p);
    begin(&q, "/b");
    peer_accept(&other, &site);
    peer_answer(&other);
    finish(&p, 0, "ok");
    finish(&q, 0, "/b");
    peer_close(&other);
    CHECK(settle());
}

/* The server closes when it has the request of a kept connection: it may have acted. */
static void test_no_resend(void) {
    peer w;
    probe p;
    for (int way = 0; way < 2; way++) {
        keep_one(&w);
        begin_with(&p, "POST", "{}", 2, &buffered);
        peer_request(&w);
        if (way == 0) peer_close(&w);
        else peer_reset(&w);
        run(&p);
        CHECK_EQ_INT(p.departs, 1);
        CHECK(neap_transfer_departed(p.t) && !neap_transfer_truncated(p.t));
        finish(&p, NEAP_ENETWORK, LOST);
        check_no_more();
    }
}

static void close_peer(void *ud) {
    peer *w = ud;
    if (w->fd >= 0) peer_close(w);
}

static void reset_peer(void *ud) {
    peer *w = ud;
    if (w->fd >= 0) peer_reset(w);
}

/* It is closed at the moment at which the request leaves. Without a reset the system still takes it: it has
 * left. */
static void test_closed_at_departure(void) {
    peer w, other;
    probe p;
    keep_one(&w);
    begin_with(&p, "POST", "{}", 2, &buffered);
    p.departing = close_peer;
    p.ud = &w;
    run(&p);
    CHECK_EQ_INT(p.departs, 1);
    CHECK(neap_transfer_departed(p.t));
    finish(&p, NEAP_ENETWORK, LOST);
    check_no_more();
    keep_one(&w);
    begin_with(&p, "POST", "{}", 2, &buffered); /* not a byte was taken, so it may leave again */
    p.departing = reset_peer;
    p.ud = &w;
    peer_accept(&other, &site);
    peer_take(&other, 1);
    peer_request(&other);
    peer_say(&other, OK_TEXT);
    run(&p);
    CHECK_EQ_INT(p.departs, 2);
    CHECK(neap_transfer_departed(p.t));
    finish(&p, 0, "ok");
    check_no_more();
    peer_close(&other);
    CHECK(settle());
}

enum { N = 3 };

/* The last of those that are open. */
static void reset_last(void *ud) {
    peer *w = ud;
    int i = N - 1;
    while (i >= 0 && w[i].fd < 0) i--;
    if (i >= 0) peer_reset(&w[i]);
}

/* The same with one kept connection after the other, while others wait. */
static void test_all_closed_at_departure(void) {
    peer w[N], other[N];
    probe p[N];
    for (int i = 0; i < N; i++) begin(&p[i], "/a");
    for (int i = 0; i < N; i++) peer_accept(&w[i], &site);
    for (int i = 0; i < N; i++) peer_answer(&w[i]);
    for (int i = 0; i < N; i++) finish(&p[i], 0, "/a");
    for (int i = 0; i < N; i++) begin(&p[i], "/b");
    for (int i = 0; i < N; i++) p[i].departing = reset_last;
    for (int i = 0; i < N; i++) p[i].ud = w;
    for (int i = 0; i < N; i++) peer_accept(&other[i], &site);
    for (int i = 0; i < N; i++) peer_answer(&other[i]);
    CHECK_EQ_INT(p[0].departs, N + 1);
    CHECK(p[1].departs == 1 && p[2].departs == 1);
    for (int i = 0; i < N; i++) finish(&p[i], 0, "/b");
    check_no_more();
    for (int i = 0; i < N; i++) peer_close(&other[i]);
    CHECK(settle());
}

/* --- uploads ---------------------------------------------------------------------------------------- */

/* A body that differs everywhere. */
static char *make_body(size_t len) {
    char *body = malloc(len);
    for (size_t i = 0; i < len; i++) body[i] = (char)('a' + (i * 7 + i / 251) % 26);
    return body;
}

#define TOO_BIG "HTTP/1.1 413 X\r\nContent-Length: 3\r\n\r\nbig"

static void test_early_answers(void) {
    size_t len = 8 * MIB;
    char *body = make_body(len);
    peer w;
    probe p;
    begin_with(&p, "POST", body, len, &buffered); /* and close at once: the client hears of a reset, too */
    peer_accept(&w, &site);
    peer_request(&w);
    peer_say(&w, "HTTP/1.1 413 X\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
    peer_close(&w);
    run(&p);
    CHECK_EQ_INT(neap_transfer_status(p.t), 413);
    finish(&p, 0, "big");
    begin_with(&p, "POST", body, len, &buffered); /* and go on reading */
    peer_accept(&w, &site);
    peer_request(&w);
    peer_say(&w, TOO_BIG);
    CHECK(peer_drain(&w) < len);
    peer_close(&w);
    CHECK_EQ_INT(p.dones, 1);
    CHECK_EQ_INT(neap_transfer_status(p.t), 413);
    finish(&p, 0, "big");
    begin_with(&p, "POST", body, len, &buffered); /* with a body that ends with the connection */
    peer_accept(&w, &site);
    peer_request(&w);
    peer_say(&w, "HTTP/1.1 413 X\r\n\r\nfar too big");
    shutdown(w.fd, SHUT_WR);
    run(&p);
    finish(&p, 0, "far too big");
    peer_close(&w);
    CHECK(settle());
    free(body);
}

/* A good answer that comes early does not end the upload; a connection that ends then ends it. */
static void test_early_good_answer(void) {
    size_t len = 8 * MIB;
    char *body = make_body(len);
    peer w;
    probe p;
    begin_with(&p, "POST", body, len, &buffered);
    peer_accept(&w, &site);
    peer_request(&w);
    peer_say(&w, OK_TEXT);
    CHECK(settle());
    CHECK_EQ_INT(p.dones, 0);
    peer_body(&w, body, len);
    finish(&p, 0, "ok");
    w.in.len = 0;
    check_kept(&w);
    begin_with(&p, "POST", body, len, &buffered);
    peer_request(&w);
    peer_say(&w, OK_TEXT);
    CHECK(settle());
    peer_reset(&w);
    finish(&p, 0, "ok");
    check_no_more();
    CHECK(settle());
    free(body);
}

/* The server leaves after `taken` bytes of the body, without an answer, or with half of one. */
static void check_upload_lost(size_t taken, bool hard, const char *said, const char *message) {
    size_t len = 8 * MIB;
    char *body = make_body(len);
    peer w;
    probe p;
    begin_with(&p, "POST", body, len, &buffered);
    peer_accept(&w, &site);
    peer_take(&w, taken);
    peer_say(&w, said);
    if (hard) peer_reset(&w);
    else peer_close(&w);
    run(&p);
    CHECK(neap_transfer_departed(p.t));
    CHECK_EQ_INT(p.departs, 1);
    finish(&p, NEAP_ENETWORK, message);
    check_no_more();
    free(body);
}

static void test_lost_uploads(void) {
    check_upload_lost(1, false, "", LOST);
    check_upload_lost(1, true, "", LOST);
    check_upload_lost(MIB, false, "", LOST);
    check_upload_lost(MIB, true, "", LOST);
    check_upload_lost(MIB, false, "HTTP/1.1 413 X\r\nContent-Le", "reply cut short in its header");
    check_upload_lost(MIB, false, "HTTP/1.1 413 X\r\nContent-Length: 9\r\n\r\nbig", "reply cut short: 3 of 9 bytes");
    check_upload_lost(MIB, false, "HTTP/1.1 100 X\r\n\r\n", LOST);
}

/* A server that reads little at a time: the body goes in many pieces, and is what it was. */
static void test_slow_reader(void) {
    static const size_t sizes[] = {1, 16 * 1024, 16 * 1024 + 1, 5 * MIB};
    origin usual = site;
    CHECK(origin_open(&site, false, 4096, 16));
    for (size_t i = 0; i < 4; i++) {
        size_t len = sizes[i];
        char *body = make_body(len);
        peer w;
        probe p;
        begin_with(&p, "PUT", body, len, &buffered);
        peer_accept(&w, &site);
        peer_request(&w);
        peer_body(&w, body, len);
        CHECK(settle());
        peer_say(&w, OK_TEXT);
        finish(&p, 0, "ok");
        w.in.len = 0;
        check_kept(&w);
        peer_close(&w);
        free(body);
    }
    origin_close(&site);
    site = usual;
    CHECK(settle());
}

/* A paused answer, while the request goes on: nothing spins, and nothing is lost. */
static void test_paused_upload(void) {
    size_t len = 8 * MIB, all = 2 * MIB;
    char *body = make_body(len), head[100];
    peer w;
    probe p;
    begin_with(&p, "POST", body, len, &streamed);
    p.pause_at = 1;
    peer_accept(&w, &site);
    peer_request(&w);
    snprintf(head, sizeof head, "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n", all);
    peer_say(&w, head);
    peer_send(&w, body, 300 * 1024); /* as much as is buffered on the way */
    CHECK(settle());
    CHECK(p.body.len > 0 && p.dones == 0);
    peer_take(&w, len);
    CHECK(settle()); /* all is sent, and the flow still held back */
    CHECK_EQ_INT(p.dones, 0);
    p.pause_at = 0;
    neap_transfer_resume(p.t);
    peer_send(&w, body + 300 * 1024, all - 300 * 1024);
    if (p.dones == 0) run(&p);
    CHECK_EQ_INT(p.err.code, 0);
    CHECK_MEM(p.body.data, p.body.len, body, all);
    end(&p);
    w.in.len = 0;
    check_kept(&w);
    peer_close(&w);
    CHECK(settle());
    free(body);
}

/* The server goes in the middle of both. */
static void test_paused_lost(void) {
    size_t len = 8 * MIB;
    char *body = make_body(len);
    peer w;
    probe p;
    begin_with(&p, "POST", body, len, &streamed);
    p.pause_at = 1;
    peer_accept(&w, &site);
    peer_request(&w);
    peer_say(&w, "HTTP/1.1 200 X\r\nContent-Length: 1000000\r\n\r\n");
    peer_send(&w, body, 300 * 1024);
    CHECK(settle());
    peer_reset(&w);
    CHECK(settle());
    CHECK(p.body.len > 0 && p.dones == 0);
    p.pause_at = 0;
    neap_transfer_resume(p.t);
    run(&p);
    CHECK(neap_transfer_truncated(p.t));
    CHECK(strstr(p.err.message, "reply cut short: ") == p.err.message);
    CHECK_MEM(p.body.data, p.body.len, body, p.body.len);
    end(&p);
    CHECK(settle());
    free(body);
}

/* --- flow ------------------------------------------------------------------------------------------ */

/* What is held back costs a bounded amount of memory, and ends with the answer whole; the connection is kept,
 * and seen when it is closed. */
static void test_pauses(void) {
    size_t len = 3 * MIB, sent = 0;
    char *body = make_body(len), head[100];
    peer w;
    probe p;
    begin_with(&p, "GET", NULL, 0, &streamed);
    p.pause_at = 1;
    peer_accept(&w, &site);
    peer_request(&w);
    w.in.len = 0;
    snprintf(head, sizeof head, "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n", len);
    peer_say(&w, head);
    while (sent < len || p.dones == 0) {
        ssize_t n = sent < len ? w.way->send(&w, body + sent, len - sent) : 0;
        if (n > 0) sent += (size_t)n;
        CHECK(settle());
        CHECK(p.biggest <= 256 * 1024);
        if (p.running || p.dones > 0) continue;
        p.pause_at = p.body.len + 100000;
        p.running = true;
        neap_transfer_resume(p.t);
    }
    CHECK_MEM(p.body.data, p.body.len, body, len);
    end(&p);
    check_kept(&w);
    check_kept(&w);
    shutdown(w.fd, SHUT_WR); /* while idle */
    peer_drain(&w);
    peer_close(&w);
    free(body);
}

/* Chunks are told as they come. */
static void test_chunks(void) {
    peer w;
    probe p;
    begin_with(&p, "GET", NULL, 0, &streamed);
    peer_accept(&w, &site);
    peer_request(&w);
    w.in.len = 0;
    peer_say(&w, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
    TURN_UNTIL(p.heads > 0);
    CHECK_EQ_INT(neap_transfer_status(p.t), 200);
    for (int i = 0; i < 5; i++) {
        peer_say(&w, "4\r\nab");
        TURN_UNTIL(p.body.len >= 4 * (size_t)i + 2);
        peer_say(&w, "cd\r");
        TURN_UNTIL(p.body.len >= 4 * (size_t)i + 4);
        peer_say(&w, "\n");
    }
    CHECK_EQ_INT(p.dones, 0);
    peer_say(&w, "0\r\nX-Trailer: 1\r\n\r\n");
    run(&p);
    CHECK_MEM(p.body.data, p.body.len, "abcdabcdabcdabcdabcd", 20);
    end(&p);
    check_kept(&w);
    peer_close(&w);
    CHECK(settle());
}

/* --- many ------------------------------------------------------------------------------------------- */

/* More transfers than connections: they leave in the order in which they came; who gives up is passed over. */
static void test_waiting(void) {
    neap_http_cfg cfg = {.connections_per_host = 2};
    neap_http *usual = http;
    probe p[8];
    peer w[2];
    char path[20];
    CHECK_EQ_INT(neap_http_open(&http, loop, &cfg), 0);
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "/%d", i);
        begin(&p[i], path);
    }
    peer_accept(&w[0], &site);
    peer_accept(&w[1], &site);
    peer_request(&w[0]);
    peer_request(&w[1]);
    check_no_more();
    CHECK(holds(&w[0].in, "GET /0 ") && holds(&w[1].in, "GET /1 "));
    end(&p[3]); /* waits */
    peer_answer(&w[1]);
    peer_request(&w[1]);
    CHECK(holds(&w[1].in, "GET /2 "));
    peer_answer(&w[1]);
    peer_request(&w[1]);
    CHECK(holds(&w[1].in, "GET /4 "));
    end(&p[4]); /* is under way: its connection goes, the next has one of its own */
    peer_drain(&w[1]);
    peer_close(&w[1]);
    peer_accept(&w[1], &site);
    peer_request(&w[1]);
    CHECK(holds(&w[1].in, "GET /5 "));
    peer_say(&w[1], "HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    peer_drain(&w[1]);
    peer_close(&w[1]);
    peer_accept(&w[1], &site);
    peer_request(&w[1]);
    CHECK(holds(&w[1].in, "GET /6 "));
    peer_close(&w[1]); /* fails; the last one has a new connection */
    peer_accept(&w[1], &site);
    peer_answer(&w[1]);
    check_no_more();
    peer_answer(&w[0]);
    finish(&p[0], 0, "/0");
    finish(&p[1], 0, "/1");
    finish(&p[2], 0, "/2");
    finish(&p[5], 0, "ok");
    finish(&p[6], NEAP_ENETWORK, LOST);
    finish(&p[7], 0, "/7");
    peer_close(&w[0]);
    peer_close(&w[1]);
    neap_http_close(http);
    http = usual;
    CHECK(settle());
    check_idle();
}

/* One that waits may take only so long; it never left. */
static void test_waiting_ends(void) {
    neap_http_cfg cfg = {.connections_per_host = 1};
    neap_http *usual = http;
    neap_request req = {.method = "GET", .url = url_of(&site, "/b"), .timeouts = {.total_ms = 20}};
    probe p, q;
    peer w;
    CHECK_EQ_INT(neap_http_open(&http, loop, &cfg), 0);
    begin(&p, "/a");
    req.url = url_of(&site, "/b");
    CHECK_EQ_INT(start(&q, http, &req, &buffered), 0);
    run(&q);
    CHECK(!neap_transfer_departed(q.t) && q.departs == 0);
    finish(&q, NEAP_ETIMEOUT, "no complete reply within 0.02 s");
    peer_accept(&w, &site);
    peer_answer(&w);
    finish(&p, 0, "/a");
    neap_http_close(http);
    peer_drain(&w);
    peer_close(&w);
    http = usual;
    CHECK(settle());
}

/* Nobody listens: those that wait are not held up by those that fail. */
static void test_refused(void) {
    neap_http_cfg cfg = {.connections_per_host = 2};
    neap_http *usual = http;
    neap_request req = {.method = "GET"};
    probe p[6];
    origin none;
    char url[100];
    CHECK(origin_open(&none, false, 0, 1));
    origin_close(&none);
    snprintf(url, sizeof url, "%s", url_of(&none, "/"));
    req.url = url;
    CHECK_EQ_INT(neap_http_open(&http, loop, &cfg), 0);
    for (int i = 0; i < 6; i++) CHECK_EQ_INT(start(&p[i], http, &req, &buffered), 0);
    for (int i = 0; i < 6; i++) {
        if (p[i].dones == 0) run(&p[i]);
        CHECK_EQ_INT(p[i].err.code, NEAP_ENETWORK);
        CHECK(strstr(p[i].err.message, "Connection refused") != NULL);
        CHECK(p[i].departs == 0 && !neap_transfer_departed(p[i].t));
        end(&p[i]);
    }
    CHECK(settle());
    check_idle();
    neap_http_close(http);
    http = usual;
}

/* Gives up a transfer after that many turns: while it waits, connects, sends, reads. */
static void test_cancel(void) {
    for (int turns = 0; turns < 8; turns++) {
        probe p;
        peer w;
        begin(&p, "/gone");
        for (int i = 0; i < turns; i++) neap_loop_dispatch(loop);
        end(&p);
        CHECK(settle());
        check_idle();
        while (peer_try(&w, &site)) {
            peer_drain(&w);
            peer_close(&w);
        }
    }
}

/* All kinds of transfers are under way when everything closes. */
static void test_close(void) {
    neap_http_cfg cfg = {.connections_per_host = 5};
    neap_http *usual = http;
    size_t len = 8 * MIB;
    char *body = make_body(len);
    probe p[7];
    peer w[5], idle;
    CHECK_EQ_INT(neap_http_open(&http, loop, &cfg), 0);
    keep_one(&idle);
    begin(&p[0], "/no-answer");
    peer_request(&idle);
    begin_with(&p[1], "GET", NULL, 0, &streamed); /* paused */
    peer_accept(&w[1], &site);
    peer_request(&w[1]);
    p[1].pause_at = 1;
    peer_say(&w[1], "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nbig");
    begin(&p[2], "/in-head");
    peer_accept(&w[2], &site);
    peer_request(&w[2]);
    peer_say(&w[2], "HTTP/1.1 200 X\r\nConte");
    begin_with(&p[3], "POST", body, len, &buffered); /* in its upload */
    peer_accept(&w[3], &site);
    peer_request(&w[3]);
    CHECK(settle());
    begin(&p[4], "/connects");
    neap_loop_dispatch(loop);
    begin(&p[5], "/waits");
    neap_loop_dispatch(loop);
    begin(&p[6], "/begins");
    neap_http_close(http);
    for (int i = 0; i < 7; i++) CHECK_EQ_INT(p[i].dones, 0);
    neap_buf_free(&p[1].body);
    CHECK(settle());
    check_idle();
    for (int i = 1; i < 4; i++) peer_drain(&w[i]);
    for (int i = 1; i < 4; i++) peer_close(&w[i]);
    peer_close(&idle);
    while (peer_try(&w[0], &site)) peer_close(&w[0]);
    free(body);
    http = usual;
}

/* Connections belong to their origin; names of hosts do not tell capital letters apart. */
static void test_origins(void) {
    neap_request req = {.method = "GET"};
    origin other, six;
    peer w, v;
    probe p;
    char url[100];
    CHECK(origin_open(&other, false, 0, 16));
    keep_one(&w);
    req.url = url_of(&other, "/other");
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    peer_accept(&v, &other);
    peer_answer(&v);
    finish(&p, 0, "/other");
    snprintf(url, sizeof url, "http://LOCALHOST:%d/name", other.port);
    for (int i = 0; i < 2; i++) {
        req.url = url;
        CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
        if (i == 0) peer_close(&v);
        if (i == 0) peer_accept(&v, &other);
        peer_answer(&v);
        finish(&p, 0, "/name");
        snprintf(url, sizeof url, "http://localhost:%d/name", other.port);
    }
    check_kept(&w);
    peer_close(&w);
    peer_close(&v);
    origin_close(&other);
    CHECK(settle());
    if (!origin_open(&six, true, 0, 16)) return; /* no IPv6 here */
    req.url = url_of(&six, "/six");
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
        if (i == 0) peer_accept(&w, &six);
        snprintf(url, sizeof url, "Host: [::1]:%d\r\n", six.port);
        peer_request(&w);
        CHECK(holds(&w.in, url));
        peer_answer(&w);
        finish(&p, 0, "/six");
    }
    peer_close(&w);
    origin_close(&six);
    CHECK(settle());
}

/* --- secrets ------------------------------------------------------------------------------------------ */

/* What was sent of a secret is overwritten while the answer is waited for, not only at the end. */
static void test_secret(void) {
    neap_secret *secret;
    neap_credential *c;
    neap_request req = {.method = "POST", .url = url_of(&site, "/"), .body = "{\"a\":1}", .body_len = 7};
    const neap_outgoing *out;
    peer w;
    probe p;
    CHECK_EQ_INT(neap_secret_new(&secret, "s3cr3t-value-77", 15), 0);
    CHECK_EQ_INT(neap_credential_new(&c), 0);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_HEADER, "X-Key", secret), 0);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_QUERY, "key", secret), 0);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_BODY, "key", secret), 0);
    CHECK_EQ_INT(neap_credential_allow(c, req.url), 0);
    req.credential = c;
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    out = p.t->wire; /* it begins a ticket of direct.c */
    CHECK(holds(&out->head, "POST /?key=s3cr3t-value-77 HTTP/1.1\r\n"));
    CHECK(holds(&out->head, "X-Key: s3cr3t-value-77\r\n"));
    CHECK(holds(&out->head, "{\"key\":\"s3cr3t-value-77\",\"a\":1}"));
    peer_accept(&w, &site);
    peer_request(&w);
    CHECK(holds(&w.in, "X-Key: s3cr3t-value-77\r\n"));
    CHECK(p.t->wire == out && out->head.len > 0);
    CHECK(memmem(out->head.data, out->head.cap, "s3cr3t", 6) == NULL);
    peer_say(&w, OK_TEXT);
    finish(&p, 0, "ok");
    peer_close(&w);
    neap_secret_unref(secret);
    neap_credential_unref(c);
    CHECK(settle());
}

/* A second field names a coding that the first does not. */
static void test_codings(void) {
    peer w;
    probe p;
    begin(&p, "/");
    peer_accept(&w, &site);
    peer_request(&w);
    peer_say(&w, "HTTP/1.1 200 X\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: gzip\r\n\r\nzzz");
    peer_close(&w);
    finish(&p, NEAP_EDECODE, "reply has a transfer coding other than chunked");
    CHECK(settle());
}

int main(void) {
    neap_http_cfg cfg = {0};
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    CHECK_EQ_INT(neap_http_open(&http, loop, &cfg), 0);
    CHECK(origin_open(&site, false, 64 * 1024, 64)); /* a large upload does not fit into buffers */
    test_kept();
    test_answers();
    test_stray();
    test_idle_closed();
    test_answer_and_end();
    test_no_resend();
    test_closed_at_departure();
    test_all_closed_at_departure();
    test_early_answers();
    test_early_good_answer();
    test_lost_uploads();
    test_slow_reader();
    test_paused_upload();
    test_paused_lost();
    test_pauses();
    test_chunks();
    test_waiting();
    test_waiting_ends();
    test_refused();
    test_cancel();
    test_close();
    test_origins();
    test_secret();
    test_codings();
    check_idle();
    neap_http_close(http);
    neap_loop_close(loop);
    origin_close(&site);
    return check_report();
}
