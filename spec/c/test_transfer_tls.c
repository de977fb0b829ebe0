/* test_transfer_tls.c: transfers over TLS, against a server in this thread (origin_tls.h). */
#include "origin_tls.h"

#define OK_TEXT "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nok"
#define LOST "connection lost after the request was sent"
#define MIB ((size_t)1024 * 1024)

static neap_http *http;
static origin site;
static identity authority, server, other, client;
static SSL_CTX *ctx;

static const char *https_of(const char *host, const char *path) {
    static char url[300];
    snprintf(url, sizeof url, "https://%s:%d%s", host, site.port, path);
    return url;
}

static void begin_with(probe *p, const char *method, const char *body, size_t len, const neap_transfer_cbs *cbs) {
    neap_request req = {.method = method, .url = https_of("127.0.0.1", "/x"), .body = body, .body_len = len};
    CHECK_EQ_INT(start(p, http, &req, cbs), 0);
}

static void begin(probe *p) {
    begin_with(p, "GET", NULL, 0, &buffered);
}

static void finish(probe *p, int code, const char *text) {
    if (p->dones == 0) run(p);
    CHECK_EQ_INT(p->dones, 1);
    if (!CHECK_EQ_INT(p->err.code, code)) fprintf(stderr, "    %s\n", p->err.message);
    CHECK_STR(code == 0 ? body_of(p) : p->err.message, text);
    end(p);
}

static void open_with(const char *ca_file, const identity *id) {
    neap_http_cfg cfg = {.ca_file = ca_file};
    if (id != NULL) cfg.client_cert = id->cert_file;
    if (id != NULL) cfg.client_key = id->key_file;
    CHECK_EQ_INT(neap_http_open(&http, loop, &cfg), 0);
}

static void answer(peer *w) {
    peer_request(w);
    w->in.len = 0;
    peer_say(w, OK_TEXT);
}

/* One exchange over a new connection, which is kept. */
static void keep_one(peer *w) {
    probe p;
    begin(&p);
    CHECK(tls_accept(w, &site, ctx));
    answer(w);
    finish(&p, 0, "ok");
    CHECK(settle());
}

static void check_kept(peer *w) {
    peer none;
    probe p;
    begin(&p);
    answer(w);
    finish(&p, 0, "ok");
    CHECK(settle());
    CHECK(!peer_try(&none, &site));
}

static void test_kept(void) {
    peer w;
    keep_one(&w);
    for (int i = 0; i < 5; i++) check_kept(&w);
    tls_notify(&w);
    peer_close(&w);
    CHECK(settle());
    keep_one(&w); /* closed without the client's knowledge */
    tls_notify(&w);
    peer_close(&w);
    keep_one(&w);
    peer_reset(&w);
    keep_one(&w);
    peer_close(&w);
    CHECK(settle());
}

/* What TLS says by itself on an idle connection does not end it. */
static void test_idle_records(void) {
    peer w;
    keep_one(&w);
    for (int i = 0; i < 3 && SSL_version(w.tls) == TLS1_3_VERSION; i++) {
        CHECK(SSL_new_session_ticket(w.tls) == 1 && tls_handshake(&w));
        if (i == 1) CHECK(settle());
        check_kept(&w);
        CHECK(SSL_key_update(w.tls, SSL_KEY_UPDATE_REQUESTED) == 1 && tls_handshake(&w));
        if (i == 1) CHECK(settle());
        check_kept(&w);
    }
    peer_say(&w, "HTTP/1.1 408 X\r\n\r\n"); /* but this does */
    peer_drain(&w);
    peer_close(&w);
    CHECK(settle());
}

/* --- large bodies ------------------------------------------------------------------------------------ */

static char *make_body(size_t len) {
    char *body = malloc(len);
    for (size_t i = 0; i < len; i++) body[i] = (char)('a' + (i * 7 + i / 251) % 26);
    return body;
}

static void check_upload(size_t len) {
    char *body = make_body(len);
    peer w;
    probe p;
    begin_with(&p, "POST", body, len, &buffered);
    CHECK(tls_accept(&w, &site, ctx));
    peer_request(&w);
    peer_body(&w, body, len);
    CHECK(settle());
    peer_say(&w, OK_TEXT);
    finish(&p, 0, "ok");
    w.in.len = 0;
    check_kept(&w);
    peer_close(&w);
    CHECK(settle());
    free(body);
}

static void say_head(peer *w, size_t len) {
    char head[100];
    snprintf(head, sizeof head, "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n", len);
    peer_say(w, head);
}

static void check_download(size_t len) {
    char *body = make_body(len);
    peer w;
    probe p;
    begin(&p);
    CHECK(tls_accept(&w, &site, ctx));
    peer_request(&w);
    w.in.len = 0;
    say_head(&w, len);
    peer_send(&w, body, len);
    if (p.dones == 0) run(&p);
    CHECK_MEM(neap_transfer_body(p.t)->data, neap_transfer_body(p.t)->len, body, len);
    end(&p);
    check_kept(&w);
    peer_close(&w);
    CHECK(settle());
    free(body);
}

/* All has come, some of it waits inside of the TLS layer, where no poll sees it: resuming alone must bring it. */
static void test_pending(void) {
    size_t len = 400 * 1024;
    char *body = make_body(len);
    peer w;
    probe p;
    begin_with(&p, "GET", NULL, 0, &streamed);
    p.pause_at = 1;
    CHECK(tls_accept(&w, &site, ctx));
    peer_request(&w);
    w.in.len = 0;
    say_head(&w, len);
    peer_send(&w, body, len);
    for (int i = 0; i < 100 && p.dones == 0; i++) {
        CHECK(settle());
        if (p.running) continue;
        p.pause_at = p.body.len + 30000;
        p.running = true;
        neap_transfer_resume(p.t);
    }
    CHECK_EQ_INT(p.dones, 1);
    CHECK_MEM(p.body.data, p.body.len, body, len);
    end(&p);
    check_kept(&w);
    peer_close(&w);
    CHECK(settle());
    free(body);
}

static void test_early_answer(void) {
    size_t len = 8 * MIB;
    char *body = make_body(len);
    peer w;
    probe p;
    begin_with(&p, "POST", body, len, &buffered); /* and go on reading */
    CHECK(tls_accept(&w, &site, ctx));
    peer_request(&w);
    peer_say(&w, "HTTP/1.1 413 X\r\nContent-Length: 3\r\n\r\nbig");
    CHECK(peer_drain(&w) < len);
    peer_close(&w);
    finish(&p, 0, "big");
    begin_with(&p, "POST", body, len, &buffered); /* no answer: nobody dies of a signal */
    CHECK(tls_accept(&w, &site, ctx));
    peer_take(&w, MIB);
    peer_reset(&w);
    finish(&p, NEAP_ENETWORK, LOST);
    CHECK(settle());
    free(body);
}

/* --- ends --------------------------------------------------------------------------------------------- */

/* The server says that and closes, with TLS's own word or without. */
static void check_end(const char *text, bool notify, int code, const char *message) {
    peer w;
    probe p;
    begin(&p);
    CHECK(tls_accept(&w, &site, ctx));
    peer_request(&w);
    peer_say(&w, text);
    if (notify) tls_notify(&w);
    peer_close(&w);
    run(&p);
    CHECK_EQ_INT(neap_transfer_truncated(p.t), code != 0 && strcmp(message, LOST) != 0);
    finish(&p, code, message);
    CHECK(settle());
}

static void test_ends(void) {
    const char *half = "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nhalf", *rest = "HTTP/1.1 200 X\r\n\r\nrest";
    const char *chunks = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    for (int notify = 0; notify < 2; notify++) {
        check_end("", notify, NEAP_ENETWORK, LOST);
        check_end("HTTP/1.1 200 X\r\nContent", notify, NEAP_ENETWORK, "reply cut short in its header");
        check_end(half, notify, NEAP_ENETWORK, "reply cut short: 4 of 10 bytes");
        check_end(chunks, notify, NEAP_ENETWORK, "reply cut short after 4 bytes");
        check_end(OK_TEXT, notify, 0, "ok");
    }
    check_end(rest, true, 0, "rest");
    check_end(rest, false, NEAP_ENETWORK, "reply cut short after 4 bytes"); /* anybody could have cut it */
}

/* --- trust -------------------------------------------------------------------------------------------- */

/* A connection that does not come about: nothing has left. */
static void check_refused(const char *host, const char *reason) {
    neap_request req = {.method = "GET", .url = https_of(host, "/?key=KEY")};
    peer w;
    probe p;
    CHECK_EQ_INT(start(&p, http, &req, &buffered), 0);
    (void)tls_accept(&w, &site, ctx); /* for the server it may be complete: libcurl looks at names behind it */
    if (p.dones == 0) run(&p);
    CHECK_EQ_INT(p.err.code, NEAP_ETLS);
    CHECK_EQ_INT(p.departs, 0);
    CHECK(!neap_transfer_departed(p.t));
    if (!CHECK(strstr(p.err.message, reason) != NULL)) fprintf(stderr, "    %s\n", p.err.message);
    CHECK(strstr(p.err.message, "KEY") == NULL);
    end(&p);
    w.in.len = 0;
    CHECK_EQ_INT(peer_drain(&w), 0);
    peer_close(&w);
    CHECK(settle());
}

/* Whom to believe, from the environment. */
static void test_environment(void) {
    neap_http *usual = http;
    peer w;
    setenv("SSL_CERT_FILE", authority.cert_file, 1);
    open_with(NULL, NULL);
    keep_one(&w);
    peer_close(&w);
    CHECK(settle());
    neap_http_close(http);
    setenv("SSL_CERT_FILE", other.cert_file, 1);
    open_with(NULL, NULL);
    check_refused("127.0.0.1", "certificate");
    neap_http_close(http);
    unsetenv("SSL_CERT_FILE");
    http = usual;
}

static void test_trust(int version) {
    neap_http *usual = http;
    SSL_CTX *right = ctx;
    open_with(other.cert_file, NULL);
    check_refused("127.0.0.1", "certificate");
    neap_http_close(http);
    http = usual;
    ctx = tls_context(&other, version); /* good for another host only */
    check_refused("127.0.0.1", "127.0.0.1");
    check_refused("localhost", "localhost");
    SSL_CTX_free(ctx);
    ctx = right;
}

/* The server wants a certificate. TLS 1.3 servers say so when the client has sent its request already. */
static void test_client_certificate(int version) {
    const char *begin_text = version == TLS1_3_VERSION ? "TLS refused by the server: " : "no TLS with 127.0.0.1:";
    neap_http *usual = http;
    SSL_CTX *lax = ctx;
    peer w;
    probe p;
    ctx = tls_context(&server, version);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority.cert);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    begin(&p);
    CHECK(!tls_accept(&w, &site, ctx));
    peer_close(&w);
    run(&p);
    CHECK_EQ_INT(p.err.code, NEAP_ETLS);
    if (!CHECK(strstr(p.err.message, begin_text) == p.err.message)) fprintf(stderr, "    %s\n", p.err.message);
    CHECK(strstr(p.err.message, " alert ") != NULL);
    end(&p);
    open_with(authority.cert_file, &client);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"n", 1);
    keep_one(&w);
    check_kept(&w);
    peer_close(&w);
    neap_http_close(http);
    http = usual;
    SSL_CTX_free(ctx);
    ctx = lax;
    CHECK(settle());
}

/* Many connections are opened at once, while those that were opened first have been sent tickets. */
static void test_many(void) {
    enum { N = 40 };
    static peer w[N];
    static probe p[N];
    for (int i = 0; i < N; i++) begin(&p[i]);
    for (int i = 0; i < N; i++) CHECK(tls_accept(&w[i], &site, ctx));
    for (int i = 0; i < N; i++) answer(&w[i]);
    for (int i = 0; i < N; i++) finish(&p[i], 0, "ok");
    for (int i = 0; i < N; i++) begin(&p[i]);
    for (int i = 0; i < N; i++) answer(&w[i]);
    for (int i = 0; i < N; i++) finish(&p[i], 0, "ok");
    for (int i = 0; i < N; i++) peer_close(&w[i]);
    CHECK(settle());
}

static void test_version(int version) {
    ctx = tls_context(&server, version);
    open_with(authority.cert_file, NULL);
    test_kept();
    test_idle_records();
    check_upload(1);
    check_upload(20000);
    check_upload(3 * MIB);
    check_download(20000);
    check_download(3 * MIB);
    test_pending();
    test_early_answer();
    test_ends();
    test_trust(version);
    test_environment();
    test_client_certificate(version);
    test_many();
    check_idle();
    neap_http_close(http);
    SSL_CTX_free(ctx);
}

int main(void) {
    identity_make(&authority, "authority", NULL, NULL);
    identity_make(&server, "server", "IP:127.0.0.1,DNS:localhost", &authority);
    identity_make(&other, "other", "DNS:example.org,IP:127.0.0.2", &authority);
    identity_make(&client, "client", "DNS:client", &authority);
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    CHECK(origin_open(&site, false, 64 * 1024, 64));
    test_version(TLS1_2_VERSION);
    test_version(TLS1_3_VERSION);
    neap_loop_close(loop);
    origin_close(&site);
    identity_free(&authority);
    identity_free(&server);
    identity_free(&other);
    identity_free(&client);
    return check_report();
}
