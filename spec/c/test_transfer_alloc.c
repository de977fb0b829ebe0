/* test_transfer_alloc.c: transfers over the network when memory ends: the n-th allocation of the loop's thread
 * fails, for n = 0, 1 and so on. Each transfer is refused, or ends once: as it should, or with an error. What
 * libcurl and libuv allocate does not fail. */
#include "../support/httpd.c" /* NOLINT(bugprone-suspicious-include): a test is one program */
#include "alloc_wrap.h"
#include "transfer.h"

/* A transfer, and how it ends if nothing is amiss. */
typedef struct plan {
    const char *method, *path;
    size_t body_len; /* of the request */
    bool is_streamed, is_secret;
    int code;
    size_t len; /* of the answer's body; 0: any */
} plan;

/* The second ones of a path find connections to go over. */
static const plan plans[] = {
    {"GET", "/ok", 0, false, false, 0, 2},
    {"POST", "/echo", 100000, false, false, 0, 0},
    {"POST", "/echo?b=1", 7, false, true, 0, 0},
    {"GET", "/gzipbig/200000", 0, true, false, 0, 200000},
    {"GET", "/gzipbig/70000", 0, false, false, 0, 70000},
    {"GET", "/big/300000", 0, true, true, 0, 300000},
    {"GET", "/trailer", 0, false, true, 0, 2},
    {"GET", "/informed", 0, true, false, 0, 2},
    {"GET", "/headhalf", 0, false, false, NEAP_ENETWORK, 0},
    {"GET", "/half", 0, true, false, NEAP_ENETWORK, 0},
};

enum { PLANS = sizeof plans / sizeof *plans };

static httpd *server;
static neap_credential *credential;
static char body[100000];

static void begin(probe *p, neap_http *h, const plan *as) {
    char url[200];
    neap_request req = {.method = as->method, .url = url, .timeouts = {5000, 20000, 30000, 20000}};
    int rc;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", httpd_port(server), as->path);
    if (as->body_len > 0) req.body = as->is_secret ? "{\"a\":1}" : body;
    req.body_len = as->body_len;
    req.credential = as->is_secret ? credential : NULL;
    rc = start(p, h, &req, as->is_streamed ? &streamed : &buffered);
    CHECK(rc == 0 || (rc == NEAP_ENOMEM && alloc_failed));
    if (rc < 0) *p = (probe){0};
}

/* Has it ended as planned, or for want of memory? Without memory for its socket there is no connection. */
static void check_end(probe *p, const plan *as) {
    bool excused = p->err.code == NEAP_ENOMEM || (p->err.code == NEAP_ENETWORK && !neap_transfer_departed(p->t));
    CHECK_EQ_INT(p->dones, 1);
    if (p->err.code == as->code) {
        size_t len = as->is_streamed ? p->body.len : neap_transfer_body(p->t)->len;
        CHECK(as->len == 0 || as->code != 0 || len == as->len || (alloc_failed && as->is_streamed));
        CHECK(as->code != 0 || neap_transfer_status(p->t) == 200);
    } else {
        if (!CHECK(alloc_failed && excused)) fprintf(stderr, "    %s: %s\n", as->path, p->err.message);
        CHECK(p->err.message[0] != '\0');
    }
    end(p);
}

/* All at once, over few connections; a last one is given up by closing. */
static void run_all(neap_http *h) {
    static probe probes[PLANS + 1];
    for (int i = 0; i < PLANS; i++) begin(&probes[i], h, &plans[i]);
    for (int i = 0; i < PLANS; i++) {
        if (probes[i].t == NULL) continue;
        if (probes[i].dones == 0) run(&probes[i]);
        check_end(&probes[i], &plans[i]);
    }
    begin(&probes[PLANS], h, &plans[1]);
    for (int i = 0; i < 3; i++) neap_loop_dispatch(loop);
    if (probes[PLANS].t != NULL && probes[PLANS].dones > 0) check_end(&probes[PLANS], &plans[1]);
}

static void run_faulty(void *ud, alloc_fault fault, long n) {
    neap_http_cfg cfg = {.connections_per_host = 3, .ca_file = "/nowhere"};
    neap_http *h = NULL;
    int rc;
    (void)ud;
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    alloc_fail(fault, n);
    rc = neap_http_open(&h, loop, &cfg);
    CHECK(rc == 0 || (rc == NEAP_ENOMEM && alloc_failed));
    if (rc == 0) run_all(h);
    if (rc == 0) neap_http_close(h);
    alloc_succeed();
    check_idle();
    neap_loop_close(loop);
}

int main(void) {
    neap_secret *secret;
    char url[100];
    alloc_only_here();
    memset(body, 'b', sizeof body);
    server = httpd_start();
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", httpd_port(server));
    CHECK_EQ_INT(neap_secret_new(&secret, "s3cr3t-value-77", 15), 0);
    CHECK_EQ_INT(neap_credential_new(&credential), 0);
    CHECK_EQ_INT(neap_credential_put(credential, NEAP_IN_HEADER, "X-Key", secret), 0);
    CHECK_EQ_INT(neap_credential_allow(credential, url), 0);
    neap_secret_unref(secret);
    alloc_try("transfers", 0, run_faulty, NULL);
    neap_credential_unref(credential);
    CHECK(httpd_connections(server) < PEERS_MAX); /* or it refuses some */
    httpd_stop(server);
    return check_report();
}
