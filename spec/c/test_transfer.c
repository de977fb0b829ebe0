/* test_transfer.c: core/transfer.h over the network (spec/support/httpd.c) and in-process. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/httpd.c" /* NOLINT(bugprone-suspicious-include): a test is one program */
#include "transfer.h"

#define TEXT 4096
#define MS (NEAP_SECOND / 1000)

static neap_http *http;
static httpd *server;
static char url_text[300];

static const char *at(const char *path) {
    snprintf(url_text, sizeof url_text, "http://127.0.0.1:%d%s", httpd_port(server), path);
    return url_text;
}

/* Starts a GET of the server's path and runs it to its end. */
static void get(probe *p, const char *path) {
    neap_request req = {.method = "GET", .url = at(path)};
    CHECK_EQ_INT(start(p, http, &req, &buffered), 0);
    run(p);
    CHECK_EQ_INT(p->dones, 1);
}

/* A path whose transfer succeeds, with that body. */
static void check_body(const char *path, int status, const char *body) {
    probe p;
    get(&p, path);
    CHECK_EQ_INT(p.err.code, 0);
    CHECK_EQ_INT(neap_transfer_status(p.t), status);
    CHECK_STR(body_of(&p), body);
    CHECK_EQ_INT(p.departs, 1);
    CHECK_EQ_INT(p.heads, 1);
    CHECK(neap_transfer_answer_ns(p.t) >= p.depart_ns && p.depart_ns > 0);
    end(&p);
}

static void test_answers(void) {
    probe p;
    check_body("/ok", 200, "ok");
    check_body("/status/404", 404, "status");
    check_body("/status/503", 503, "status");
    check_body("/status/204", 204, "");
    check_body("/redirect", 302, "moved");
    check_body("/gzip", 200, "hello");
    check_body("/close", 200, "ok");
    check_body("/informed", 200, "ok");
    check_body("/trailer", 200, "ok");
    get(&p, "/fold");
    CHECK_STR(field_of(&p, "x-fold"), "one two");
    CHECK_STR(field_of(&p, "X-TWO"), "2");
    end(&p);
    get(&p, "/informed");
    CHECK(field_of(&p, "X-Early") == NULL);
    CHECK_STR(field_of(&p, "X-Late"), "1");
    end(&p);
    get(&p, "/trailer");
    CHECK(field_of(&p, "X-Trailer") == NULL);
    end(&p);
}

/* A path whose transfer fails so. */
static void check_failure(const char *path, int code, const char *message, bool sent, bool cut) {
    probe p;
    get(&p, path);
    CHECK_EQ_INT(p.err.code, code);
    CHECK_STR(p.err.message, message);
    CHECK_EQ_INT(neap_transfer_departed(p.t), sent);
    CHECK_EQ_INT(neap_transfer_truncated(p.t), cut);
    end(&p);
}

static void test_failures(void) {
    const char *lost = "connection lost after the request was sent";
    probe p;
    neap_request req = {.method = "GET", .url = "http://127.0.0.1:1/secret?key=KEY"};
    check_failure("/drop", NEAP_ENETWORK, lost, true, false);
    check_failure("/reset", NEAP_ENETWORK, lost, true, false);
    check_failure("/half", NEAP_ENETWORK, "reply cut short: 512 of 1024 bytes", true, true);
    check_failure("/chunkhalf", NEAP_ENETWORK, "reply cut short after 5 bytes", true, true);
    check_failure("/headhalf", NEAP_ENETWORK, "reply cut short in its header", true, true);
    check_failure("/garbage", NEAP_ENETWORK, "the server does not answer in HTTP", true, false);
    check_failure("/badgzip", NEAP_EDECODE, "reply cannot be decompressed: incorrect header check", true, false);
    check_failure("/br", NEAP_EDECODE, "reply is encoded as \"br\"; only gzip and deflate can be undone", true, false);
    check_failure("/bombcut/100", NEAP_ENETWORK,
                  "reply cut short: its compressed body ends after 124 bytes", true, true);
    check_failure("/transfergzip", NEAP_EDECODE,
                  "reply has a transfer coding other than chunked", true, false);
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    run(&p);
    CHECK_EQ_INT(p.err.code, NEAP_ENETWORK);
    CHECK_STR(p.err.message, "cannot connect to 127.0.0.1:1: Connection refused");
    CHECK(!neap_transfer_departed(p.t));
    CHECK_EQ_INT(p.departs, 0);
    end(&p);
    req.url = "http://nowhere.invalid/?key=KEY";
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    run(&p);
    CHECK_STR(p.err.message, "cannot find host nowhere.invalid");
    end(&p);
    snprintf(url_text, sizeof url_text, "https://127.0.0.1:%d/?key=KEY", httpd_port(server));
    req.url = url_text;
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    run(&p);
    CHECK_EQ_INT(p.err.code, NEAP_ETLS);
    CHECK(strstr(p.err.message, "KEY") == NULL);
    end(&p);
}

static void check_refused(const neap_request *req, const char *message) {
    probe p;
    CHECK(start(&p, http, req, &buffered) == NEAP_EINVAL);
    if (message != NULL) CHECK_STR(p.err.message, message);
}

static void test_refusals(void) {
    neap_field field = {"X-A", "1\r\nX-B: 2", 3, 9};
    neap_request req = {.method = "GET", .url = "ftp://host/"};
    check_refused(&req, NULL);
    req.url = "http://";
    check_refused(&req, NULL);
    req.url = "http://host/a b";
    check_refused(&req, NULL);
    req.url = "http://user:pass@host/";
    check_refused(&req, NULL);
    req.url = "http://127.0.0.1/";
    req.method = "GET /x";
    check_refused(&req, "not an HTTP method");
    req.method = "GET";
    req.fields = &field;
    req.field_count = 1;
    check_refused(&req, "bad header field no. 1");
    field = (neap_field){"content-length", "3", 14, 1};
    check_refused(&req, "content-length is set by the transport");
}

static void check_request_text(const char *method, const char *body, const char *want) {
    neap_field fields[] = {{"X-Empty", "", 7, 0}, {"X-A", "b", 3, 1}};
    neap_request req = {.method = method,
                        .url = at("/echo?a=1"),
                        .fields = fields,
                        .field_count = 2,
                        .body = body,
                        .body_len = body != NULL ? strlen(body) : 0};
    char text[TEXT];
    probe p;
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    run(&p);
    snprintf(text, sizeof text, want, httpd_port(server));
    CHECK_STR(body_of(&p), text);
    end(&p);
}

static void test_requests(void) {
#define REST "X-Empty:\r\nX-A: b\r\nUser-Agent: neap\r\nAccept-Encoding: gzip\r\n"
#define HOST " /echo?a=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n" REST
    check_request_text("GET", NULL, "GET" HOST "\r\n");
    check_request_text("POST", "{}", "POST" HOST "Content-Length: 2\r\n\r\n{}");
    check_request_text("GET", NULL, "GET" HOST "\r\n");
    check_request_text("PUT", NULL, "PUT" HOST "Content-Length: 0\r\n\r\n");
    check_request_text("DELETE", NULL, "DELETE" HOST "\r\n");
    check_request_text("DELETE", "x", "DELETE" HOST "Content-Length: 1\r\n\r\nx");
    check_request_text("HEAD", NULL, "");
    check_request_text("PATCH", "{}", "PATCH" HOST "Content-Length: 2\r\n\r\n{}");
    check_request_text("GET", "q", "GET" HOST "Content-Length: 1\r\n\r\nq");
    check_request_text("GET", NULL, "GET" HOST "\r\n");
}

/* A body too big for one send, over 1 MB, goes up without Expect. */
static void test_upload(void) {
    size_t len = 3 * 1024 * 1024;
    char *body = malloc(len);
    neap_request req = {.method = "POST", .url = at("/echo"), .body = body, .body_len = len};
    const neap_buf *echo;
    probe p;
    memset(body, 'u', len);
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    run(&p);
    CHECK_EQ_INT(p.err.code, 0);
    echo = neap_transfer_body(p.t);
    CHECK(echo->len > len && memcmp(echo->data + echo->len - len, body, len) == 0);
    CHECK(memmem(echo->data, echo->len - len, "Expect", 6) == NULL);
    end(&p);
    free(body);
}

/* A request on a kept connection that dies unanswered must not be sent again by libcurl. */
static void test_no_resend(void) {
    neap_request req = {.method = "POST", .url = NULL, .body = "{}", .body_len = 2};
    unsigned requests, connections;
    probe p;
    get(&p, "/ok");
    end(&p);
    requests = httpd_requests(server);
    connections = httpd_connections(server);
    get(&p, "/ok");
    end(&p);
    CHECK_EQ_INT(httpd_connections(server), connections); /* it is kept */
    req.url = at("/drop");
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    run(&p);
    CHECK_EQ_INT(p.err.code, NEAP_ENETWORK);
    CHECK_STR(p.err.message, "connection lost after the request was sent");
    CHECK(neap_transfer_departed(p.t));
    CHECK_EQ_INT(p.departs, 1);
    CHECK_EQ_INT(httpd_requests(server), requests + 2);
    end(&p);
    check_failure("/drop", NEAP_ENETWORK, "connection lost after the request was sent", true, false);
}

/* A kept connection that the server has closed meanwhile is replaced before anything leaves. */
static void test_stale(void) {
    probe p;
    neap_http *h;
    neap_http_cfg cfg = {0};
    neap_request req = {.method = "GET"};
    httpd *own = httpd_start();
    char url[100];
    int port = httpd_port(own);
    CHECK_EQ_INT(neap_http_open(&h, loop, &cfg), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", port);
    req.url = url;
    CHECK_EQ_INT(start(&p, h, &req, &buffered), 0);
    run(&p);
    end(&p);
    httpd_stop(own);
    CHECK_EQ_INT(start(&p, h, &req, &buffered), 0);
    run(&p);
    CHECK_EQ_INT(p.err.code, NEAP_ENETWORK);
    CHECK(!neap_transfer_departed(p.t));
    CHECK(strstr(p.err.message, "Connection refused") != NULL);
    end(&p);
    neap_http_close(h);
}

static void check_timeout(const char *path, neap_timeouts limits, const char *message) {
    probe p;
    neap_request req = {.method = "GET", .url = at(path), .timeouts = limits};
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    run(&p);
    CHECK_EQ_INT(p.err.code, NEAP_ETIMEOUT);
    CHECK_STR(p.err.message, message);
    CHECK(neap_transfer_departed(p.t));
    end(&p);
}

static void test_timeouts(void) {
    probe p;
    neap_request req = {.method = "GET", .timeouts = {.connect_ms = 30}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), filler[8], i;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    char url[100];
    check_timeout("/slow", (neap_timeouts){.total_ms = 30, .first_byte_ms = 5000},
                  "no complete reply within 0.03 s");
    check_timeout("/slow", (neap_timeouts){.total_ms = 5000, .first_byte_ms = 30},
                  "no reply within 0.03 s of the request");
    check_timeout("/drip", (neap_timeouts){.total_ms = 5000, .first_byte_ms = 4000,
                                           .low_speed_ms = 20},
                  "reply stalled: less than 1 byte/s for 0.02 s");
    /* A full backlog that nobody accepts from: connecting hangs. */
    CHECK(bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 && listen(fd, 0) == 0);
    getsockname(fd, (struct sockaddr *)&addr, &len);
    for (i = 0; i < 8; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(filler[i], (struct sockaddr *)&addr, sizeof addr);
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(addr.sin_port));
    req.url = url;
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    run(&p);
    CHECK_EQ_INT(p.err.code, NEAP_ETIMEOUT);
    CHECK(strstr(p.err.message, "no connection to 127.0.0.1:") == p.err.message);
    CHECK(!neap_transfer_departed(p.t));
    end(&p);
    for (i = 0; i < 8; i++) close(filler[i]);
    close(fd);
}

static void check_size(const char *path, size_t cap, const neap_transfer_cbs *cbs, int code) {
    probe p;
    neap_request req = {.method = "GET", .url = at(path), .max_body = cap};
    CHECK_EQ_INT(start(&p, http, &req, cbs), 0);
    run(&p);
    CHECK_EQ_INT(p.err.code, code);
    end(&p);
}

static void test_sizes(void) {
    probe p;
    check_size("/big/100000", 100000, &buffered, 0);
    check_size("/big/100001", 100000, &buffered, NEAP_ETOOLARGE);
    check_size("/big/100001", 100000, &streamed, NEAP_ETOOLARGE);
    check_size("/gzipbig/70000", 70000, &buffered, 0);
    check_size("/gzipbig/70001", 70000, &buffered, NEAP_ETOOLARGE);
    check_size("/gzipnone/200000", 1000000, &buffered, 0);
    check_size("/gzipnone/300000", 1000000, &buffered, NEAP_ETOOLARGE); /* it might go on for ever */
    check_size("/gzipnone/300000", 1000000, &streamed, NEAP_ETOOLARGE);
    get(&p, "/big/68000000"); /* beyond the default cap */
    CHECK_EQ_INT(p.err.code, NEAP_ETOOLARGE);
    CHECK_STR(p.err.message, "reply larger than 67108864 bytes");
    end(&p);
}

/* Pauses at every `step` bytes; nothing may come while paused, everything must come in the end. */
static void check_stream(neap_http *h, const char *url, size_t step, size_t want) {
    neap_request req = {.method = "GET", .url = url};
    size_t before;
    probe p;
    CHECK_EQ_INT(start(&p, h, &req, &streamed), 0);
    p.pause_at = step;
    for (;;) {
        run(&p);
        if (p.dones > 0) break;
        before = p.body.len;
        for (int i = 0; i < 50; i++) neap_loop_dispatch(loop);
        CHECK(p.body.len == before && p.dones == 0);
        p.pause_at = p.body.len + step;
        neap_transfer_resume(p.t);
    }
    CHECK_EQ_INT(p.err.code, 0);
    CHECK_EQ_INT(p.body.len, want);
    CHECK_EQ_INT(p.heads, 1);
    end(&p);
}

static void test_streams(void) {
    check_stream(http, at("/big/5000000"), 700000, 5000000);
    check_stream(http, at("/gzipbig/5000000"), 700000, 5000000);
    check_stream(http, at("/gzipnone/100000"), 1, 0);
    check_stream(http, at("/ok"), 1, 2);
    check_stream(http, at("/big/0"), 1, 0);
}

/* A streamed body that fails so, behind `told` bytes that are good; paused now and then on the way. */
static void check_bad_stream(const char *path, size_t cap, int code, const char *message, size_t told) {
    neap_request req = {.method = "GET", .url = at(path), .max_body = cap};
    probe p;
    CHECK_EQ_INT(start(&p, http, &req, &streamed), 0);
    do {
        p.pause_at = p.body.len + 300000;
        neap_transfer_resume(p.t);
        run(&p);
    } while (p.dones == 0);
    CHECK_EQ_INT(p.err.code, code);
    CHECK_STR(p.err.message, message);
    CHECK_EQ_INT(p.body.len, told);
    CHECK(p.biggest <= 64 * 1024);
    end(&p);
}

/* What a few bytes inflate to is never in memory at once, and ends. */
static void test_bombs(void) {
    const char *bound = "reply inflates without bound: to 4259840 bytes from 4153, more than 256 to 1";
    probe p;
    check_stream(http, at("/bomb/4000"), 300000, 1 + 1032 * 4000); /* short enough to be borne */
    check_stream(http, at("/bomb/0"), 1, 1);
    check_stream(http, at("/bomb/1"), 7, 1 + 1032);
    check_bad_stream("/bomb/100000", 0, NEAP_ETOOLARGE, bound, 4194304);
    check_bad_stream("/bomb/4000", 1000000, NEAP_ETOOLARGE, "reply larger than 1000000 bytes", 983040);
    check_bad_stream("/bombcut/4000", 0, NEAP_ENETWORK,
                     "reply cut short: its compressed body ends after 4024 bytes", 1 + 1032 * 4000 - 258);
    get(&p, "/bomb/4000");
    CHECK_EQ_INT(p.err.code, 0);
    CHECK_EQ_INT(neap_transfer_body(p.t)->len, 1 + 1032 * 4000);
    end(&p);
    get(&p, "/bomb/100000");
    CHECK_EQ_INT(p.err.code, NEAP_ETOOLARGE);
    CHECK(strstr(p.err.message, "reply inflates without bound: to 42") == p.err.message);
    CHECK(neap_transfer_body(p.t)->len <= 4194304);
    end(&p);
}

static void test_cancel(void) {
    neap_request req = {.method = "GET", .url = at("/big/1000000")};
    neap_loop_stats stats;
    neap_http_cfg cfg = {0};
    neap_http *h;
    probe p, q;
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0); /* at once */
    neap_transfer_cancel(p.t);
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0); /* in on_head */
    p.cancel_in_head = true;
    run(&p);
    CHECK_EQ_INT(start(&p, http, &req, &streamed), 0); /* in on_body */
    p.cancel_in_body = true;
    run(&p);
    CHECK_EQ_INT(p.pieces, 1);
    neap_buf_free(&p.body);
    CHECK_EQ_INT(neap_http_open(&h, loop, &cfg), 0); /* by close, under way and paused */
    CHECK_EQ_INT(start(&p, h, &req, &buffered), 0);
    CHECK_EQ_INT(start(&q, h, &req, &streamed), 0);
    q.pause_at = 1;
    run(&q);
    neap_http_close(h);
    if (p.dones > 0) neap_transfer_free(p.t); /* it was faster */
    if (q.dones > 0) neap_transfer_free(q.t);
    neap_buf_free(&q.body);
    req.url = "http://nowhere.invalid/"; /* while resolving */
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    for (int i = 0; i < 5; i++) neap_loop_dispatch(loop);
    if (p.dones == 0) neap_transfer_cancel(p.t);
    else neap_transfer_free(p.t);
    neap_loop_dispatch(loop);
    neap_loop_get_stats(loop, &stats);
    CHECK_EQ_INT(stats.timers, 0);
    CHECK_EQ_INT(stats.jobs, 0);
    CHECK_EQ_INT(stats.holds, 0);
}

/* Many at once through few connections: all answered, waiting ones not timed out by the connect
 * limit. */
static void test_many(void) {
    enum { N = 200 };
    static probe all[N];
    neap_http_cfg cfg = {.connections_per_host = 4};
    neap_request req = {.method = "GET", .url = at("/ok"), .timeouts = {5000, 5000, 20000, 5000}};
    unsigned connections = httpd_connections(server);
    neap_http *h;
    CHECK_EQ_INT(neap_http_open(&h, loop, &cfg), 0);
    for (int i = 0; i < N; i++) CHECK_EQ_INT(start(&all[i], h, &req, &buffered), 0);
    for (int i = 0; i < N; i++) {
        if (all[i].dones == 0) run(&all[i]);
        CHECK_STR(all[i].err.message, "");
        end(&all[i]);
    }
    CHECK(httpd_connections(server) - connections <= 4);
    neap_http_close(h);
}

static neap_credential *make_credential(const char *origin) {
    neap_secret *secret;
    neap_credential *c;
    CHECK_EQ_INT(neap_secret_new(&secret, "s3cr3t-value-77", 15), 0);
    CHECK_EQ_INT(neap_credential_new(&c), 0);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_HEADER, "X-Key", secret), 0);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_QUERY, "key", secret), 0);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_BODY, "key", secret), 0);
    CHECK_EQ_INT(neap_credential_allow(c, origin), 0);
    neap_secret_unref(secret);
    return c;
}

static void test_credential(void) {
    neap_credential *c = make_credential(at("/"));
    neap_request req = {.method = "POST", .url = at("/echo"), .body = "{\"a\":1}", .body_len = 7,
                        .credential = c};
    probe p;
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    run(&p);
    CHECK_EQ_INT(p.err.code, 0);
    CHECK(holds(neap_transfer_body(p.t), "POST /echo?key=*** HTTP"));
    CHECK(holds(neap_transfer_body(p.t), "X-Key: ***\r\n"));
    CHECK(holds(neap_transfer_body(p.t), "{\"key\":\"***\",\"a\":1}"));
    CHECK(holds(neap_transfer_body(p.t), "Content-Length: 31\r\n")); /* so long with the secret */
    CHECK_STR(field_of(&p, "X-Echo"), "got ***");
    end(&p);
    CHECK_EQ_INT(start(&p, http, &req, &streamed), 0);
    run(&p);
    CHECK(holds(&p.body, "X-Key: ***\r\n") && !holds(&p.body, "s3cr3t"));
    end(&p);
    req.url = "http://127.0.0.1:1/";
    CHECK_EQ_INT(start(&p, http, &req, &buffered), NEAP_EAUTH);
    neap_credential_unref(c);
}

/* --- in-process ---------------------------------------------------------------------------- */

/* A handler scripted by path, like the server. */
typedef struct script {
    neap_handler handler;
    neap_exchange *kept; /* of /flood and of paths that are not answered here */
    unsigned handled, drained;
    size_t left;         /* of /flood, to write */
    int last_rc;
} script;

static script sim;

static void flood(neap_exchange *ex) {
    static char piece[10000];
    memset(piece, 'f', sizeof piece);
    while (sim.left > 0) {
        size_t len = sim.left < sizeof piece ? sim.left : sizeof piece;
        sim.last_rc = ex->ops->write(ex, piece, len);
        if (sim.last_rc < 0) {
            ex->ops->end(ex);
            sim.kept = NULL;
            return;
        }
        sim.left -= len;
        if (sim.last_rc > 0) return;
    }
    ex->ops->end(ex);
    sim.kept = NULL;
}

static void on_drain(neap_exchange *ex) {
    sim.drained++;
    flood(ex);
}

static void echo(neap_exchange *ex) {
    neap_field type = {"X-Type", "echo", 6, 4};
    neap_buf b = {0};
    neap_buf_printf(&b, "%s %s\n", ex->method, ex->target);
    for (size_t i = 0; i < ex->field_count; i++) {
        neap_buf_printf(&b, "%s: %s\n", ex->fields[i].name, ex->fields[i].value);
    }
    neap_buf_add(&b, ex->body, ex->body_len);
    CHECK_EQ_INT(ex->ops->head(ex, 200, &type, 1, (long long)b.len), 0);
    CHECK_EQ_INT(ex->ops->write(ex, b.data, b.len), 0);
    ex->ops->end(ex);
    neap_buf_free(&b);
}

static void handle(neap_handler *h, neap_exchange *ex) {
    const char *path = ex->target;
    (void)h;
    sim.handled++;
    if (strncmp(path, "/echo", 5) == 0) {
        echo(ex);
    } else if (strcmp(path, "/half") == 0) {
        ex->ops->head(ex, 200, NULL, 0, 1024);
        ex->ops->write(ex, path, 5);
        ex->ops->end(ex);
    } else if (strcmp(path, "/cut") == 0) {
        ex->ops->head(ex, 200, NULL, 0, -1);
        ex->ops->write(ex, path, 4);
        ex->ops->abort(ex);
    } else if (strcmp(path, "/reset") == 0) {
        ex->ops->abort(ex);
    } else if (strcmp(path, "/flood") == 0) {
        sim.kept = ex;
        ex->on_drain = on_drain;
        ex->ops->head(ex, 200, NULL, 0, (long long)sim.left);
        flood(ex);
    } else {
        sim.kept = ex;
    }
}

static void check_inproc(neap_http *h, const char *url, int code, const char *message, bool cut) {
    neap_request req = {.method = "GET", .url = url, .timeouts = {.total_ms = 60000}};
    probe p;
    CHECK_EQ_INT(start(&p, h, &req, &buffered), 0);
    CHECK_EQ_INT(p.departs, 0);
    run(&p);
    CHECK_EQ_INT(p.departs, 1);
    CHECK_EQ_INT(p.err.code, code);
    CHECK_STR(p.err.message, message);
    CHECK_EQ_INT(neap_transfer_truncated(p.t), cut);
    end(&p);
}

static void test_inproc_answers(neap_http *h) {
    neap_credential *c = make_credential("https://api.example/");
    neap_field field = {"X-A", "b", 3, 1};
    neap_request req = {.method = "POST", .url = "https://api.example/echo?x=1#frag", .fields = &field,
                        .field_count = 1, .body = "{}", .body_len = 2};
    probe p;
    CHECK_EQ_INT(start(&p, h, &req, &buffered), 0);
    run(&p);
    CHECK_EQ_INT(neap_transfer_status(p.t), 200);
    CHECK_STR(field_of(&p, "x-type"), "echo");
    CHECK_STR(body_of(&p), "POST /echo?x=1\nHost: api.example\nContent-Length: 2\nX-A: b\n{}");
    end(&p);
    req = (neap_request){.method = "GET", .url = "http://[::1]:81/echo"};
    CHECK_EQ_INT(start(&p, h, &req, &buffered), 0);
    run(&p);
    CHECK_STR(body_of(&p), "GET /echo\nHost: [::1]:81\n");
    end(&p);
    req = (neap_request){.method = "POST", .url = "https://api.example/echo", .body = "{}",
                         .body_len = 2, .credential = c};
    CHECK_EQ_INT(start(&p, h, &req, &buffered), 0);
    run(&p);
    CHECK(holds(neap_transfer_body(p.t), "X-Key: ***\n{\"key\":\"***\"}"));
    CHECK(!holds(neap_transfer_body(p.t), "s3cr3t"));
    end(&p);
    neap_credential_unref(c);
}

static void test_inproc_failures(neap_http *h) {
    int64_t before;
    check_inproc(h, "http://sim/half", NEAP_ENETWORK, "reply cut short: 5 of 1024 bytes", true);
    check_inproc(h, "http://sim/cut", NEAP_ENETWORK, "reply cut short after 4 bytes", true);
    check_inproc(h, "http://sim/reset", NEAP_ENETWORK, "connection reset", false);
    before = neap_loop_now_ns(loop);
    check_inproc(h, "http://sim/slow", NEAP_ETIMEOUT, "no complete reply within 60 s", false);
    CHECK_EQ_INT(neap_loop_now_ns(loop) - before, 60 * NEAP_SECOND);
    CHECK_EQ_INT(sim.kept->ops->head(sim.kept, 200, NULL, 0, -1), NEAP_ECANCELLED);
    CHECK_EQ_INT(sim.kept->ops->write(sim.kept, "x", 1), NEAP_ECANCELLED);
    sim.kept->ops->end(sim.kept);
}

static void test_inproc_flow(neap_http *h) {
    neap_request req = {.method = "GET", .url = "http://sim/flood"};
    neap_loop_stats stats;
    probe p;
    sim.left = 2000000;
    sim.drained = 0;
    check_stream(h, "http://sim/flood", 300000, 2000000);
    CHECK(sim.drained > 2);
    sim.left = 2000000; /* the client goes while the handler waits for room */
    CHECK_EQ_INT(start(&p, h, &req, &streamed), 0);
    p.pause_at = 1;
    run(&p);
    for (int i = 0; i < 10; i++) neap_loop_dispatch(loop);
    CHECK_EQ_INT(sim.last_rc, 1);
    CHECK(sim.left > 2000000 - 700000);
    neap_transfer_cancel(p.t);
    neap_loop_dispatch(loop);
    CHECK_EQ_INT(sim.last_rc, NEAP_ECANCELLED);
    CHECK(sim.kept == NULL);
    neap_buf_free(&p.body);
    sim.handled = 0; /* the client goes before the handler has seen it */
    CHECK_EQ_INT(start(&p, h, &req, &streamed), 0);
    neap_transfer_cancel(p.t);
    neap_loop_dispatch(loop);
    CHECK_EQ_INT(sim.handled, 0);
    neap_loop_get_stats(loop, &stats);
    CHECK_EQ_INT(stats.jobs + stats.timers + stats.holds, 0);
}

/* The answer to what is kept begins: one byte of ten. */
static void on_drip(neap_timer *timer) {
    (void)timer;
    CHECK_EQ_INT(sim.kept->ops->head(sim.kept, 200, NULL, 0, 10), 0);
    CHECK_EQ_INT(sim.kept->ops->write(sim.kept, "x", 1), 0);
}

static void on_passed(neap_timer *timer) {
    *(bool *)timer->ud = false;
}

/* Runs the loop until that much time has passed on its virtual clock. */
static void pass_ms(int64_t ms) {
    bool running = true;
    neap_timer timer = {.cb = on_passed, .ud = &running};
    CHECK_EQ_INT(neap_timer_start(loop, &timer, neap_loop_now_ns(loop) + ms * MS), 0);
    CHECK(neap_loop_run(loop, &running));
}

/* A transfer whose only byte comes after 10 ms and which then is paused for a minute: its limit has
 * `left_ms` to go after that. */
static void check_paused(neap_http *h, neap_timeouts limits, int64_t left_ms, const char *message) {
    neap_request req = {.method = "GET", .url = "http://sim/drip", .timeouts = limits};
    neap_timer drip = {.cb = on_drip};
    int64_t resumed_ns;
    probe p;
    CHECK_EQ_INT(start(&p, h, &req, &streamed), 0);
    CHECK_EQ_INT(neap_timer_start(loop, &drip, neap_loop_now_ns(loop) + 10 * MS), 0);
    p.pause_at = 1;
    run(&p);
    pass_ms(60000);
    CHECK_EQ_INT(p.body.len, 1);
    CHECK_EQ_INT(p.dones, 0);
    resumed_ns = neap_loop_now_ns(loop);
    neap_transfer_resume(p.t);
    run(&p);
    CHECK_EQ_INT(p.dones, 1);
    CHECK_STR(p.err.message, message);
    CHECK_EQ_INT(neap_loop_now_ns(loop) - resumed_ns, left_ms * MS);
    sim.kept->ops->end(sim.kept);
    end(&p);
}

/* While a transfer is paused its clock stands still. */
static void test_inproc_paused(neap_http *h) {
    check_paused(h, (neap_timeouts){.total_ms = 40}, 30, "no complete reply within 0.04 s");
    /* the window in which the byte came, and an empty one */
    check_paused(h, (neap_timeouts){.low_speed_ms = 20}, 40,
                 "reply stalled: less than 1 byte/s for 0.02 s");
}

static void test_inproc(void) {
    neap_http_cfg cfg = {.inproc = &sim.handler};
    neap_http *h;
    sim.handler.handle = handle;
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    neap_loop_set_virtual(loop, 0);
    CHECK_EQ_INT(neap_http_open(&h, loop, &cfg), 0);
    test_inproc_answers(h);
    test_inproc_failures(h);
    test_inproc_flow(h);
    test_inproc_paused(h);
    neap_http_close(h);
    neap_loop_close(loop);
}

/* A virtual clock waits for the network, but goes on while the consumer is who is waited for. */
static void test_virtual(void) {
    neap_http_cfg cfg = {0};
    neap_request req = {.method = "GET", .url = at("/big/1000000"), .timeouts = {10, 10, 10, 10}};
    neap_loop_stats stats;
    int64_t pauses = 0, began;
    neap_http *h;
    probe p;
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    neap_loop_set_virtual(loop, 0);
    CHECK_EQ_INT(neap_http_open(&h, loop, &cfg), 0);
    began = neap_loop_now_ns(loop);
    CHECK_EQ_INT(start(&p, h, &req, &streamed), 0);
    p.pause_at = 1;
    for (run(&p); p.dones == 0; run(&p)) {
        pass_ms(60000);
        pauses++;
        p.pause_at = p.body.len + 1;
        neap_transfer_resume(p.t);
    }
    CHECK_EQ_INT(p.err.code, 0);
    CHECK_EQ_INT(p.body.len, 1000000);
    CHECK(pauses > 3);
    CHECK(neap_loop_now_ns(loop) - began >= pauses * 60 * NEAP_SECOND);
    end(&p);
    CHECK_EQ_INT(start(&p, h, &req, &streamed), 0); /* gone while paused */
    p.pause_at = 1;
    run(&p);
    end(&p);
    neap_loop_get_stats(loop, &stats);
    CHECK_EQ_INT(stats.holds, 0);
    neap_http_close(h);
    neap_loop_close(loop);
}

static void test_network(void) {
    neap_http_cfg cfg = {0};
    server = httpd_start();
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    CHECK_EQ_INT(neap_http_open(&http, loop, &cfg), 0);
    test_answers();
    test_failures();
    test_refusals();
    test_requests();
    test_upload();
    test_no_resend();
    test_stale();
    test_timeouts();
    test_sizes();
    test_streams();
    test_bombs();
    test_cancel();
    test_many();
    test_credential();
    neap_http_close(http);
    neap_loop_close(loop);
    test_virtual();
    httpd_stop(server);
}

int main(void) {
    test_inproc();
    test_network();
    return check_report();
}
