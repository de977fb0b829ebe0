/* test_transfer_random.c: many transfers at the same time through few connections, given up, paused and resumed at
 * random: each ends once, as its answer says, and nothing is left of any. */
#include <stdlib.h>

#include "../../csrc/core/random.h"
#include "../support/httpd.c" /* NOLINT(bugprone-suspicious-include): a test is one program */
#include "transfer.h"

enum { SLOTS = 24, ACTS = 10000, BODY = 300000 };

/* An answer of the server. */
typedef struct reply {
    const char *path;
    int code;
    size_t len; /* of the body */
} reply;

static const reply replies[] = {
    {"/ok", 0, 2},
    {"/status/204", 0, 0},
    {"/close", 0, 2},
    {"/trailer", 0, 2},
    {"/informed", 0, 2},
    {"/big/10", 0, 10},
    {"/big/500000", 0, 500000},
    {"/gzipbig/400000", 0, 400000},
    {"/bomb/40", 0, 41281},
    {"/half", NEAP_ENETWORK, 512},
    {"/drop", NEAP_ENETWORK, 0},
    {"/reset", NEAP_ENETWORK, 0},
    {"/chunkhalf", NEAP_ENETWORK, 5},
    {"/garbage", NEAP_ENETWORK, 0},
    {"/slow", -1, 0}, /* has no end */
    {"/drip", -1, 0},
};

/* A place for one transfer after the other. */
typedef struct slot {
    probe p;
    const reply *a; /* NULL: free */
    bool is_streamed;
} slot;

static slot slots[SLOTS];
static neap_random random_state;
static neap_http *http;
static httpd *server;
static char body[BODY];
static unsigned ended[3]; /* good, bad, given up */

static unsigned below(unsigned n) {
    return (unsigned)neap_random_below(&random_state, n);
}

static void begin(slot *s) {
    char url[100];
    neap_request req = {.method = "POST", .url = url, .body = body};
    s->a = &replies[below(sizeof replies / sizeof *replies)];
    s->is_streamed = below(2) == 0;
    req.body_len = below(4) == 0 ? below(BODY) : below(100);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", httpd_port(server), s->a->path);
    CHECK_EQ_INT(start(&s->p, http, &req, s->is_streamed ? &streamed : &buffered), 0);
}

static void check_end(slot *s) {
    const reply *a = s->a;
    size_t len = s->is_streamed ? s->p.body.len : neap_transfer_body(s->p.t)->len;
    CHECK_EQ_INT(s->p.dones, 1);
    if (!CHECK_EQ_INT(s->p.err.code, a->code)) fprintf(stderr, "    %s: %s\n", a->path, s->p.err.message);
    if (a->code == 0) CHECK_EQ_INT(len, a->len);
    else CHECK(len <= a->len);
    ended[a->code != 0]++;
    end(&s->p);
    s->a = NULL;
}

static void give_up(slot *s) {
    ended[2]++;
    end(&s->p);
    s->a = NULL;
}

/* Something happens to the transfer of a slot. */
static void act(slot *s) {
    unsigned what = below(100);
    if (s->a == NULL) begin(s);
    else if (s->p.dones > 0) check_end(s);
    else if ((what == 0 && below(8) == 0) || (s->a->code == -1 && what < 50)) give_up(s);
    else if (what < 20) neap_transfer_pause(s->p.t);
    else neap_transfer_resume(s->p.t);
}

static void finish(slot *s) {
    if (s->a == NULL) return;
    if (s->p.dones == 0) run(&s->p);
    check_end(s);
}

/* Ends what half of the slots have; the rest is under way, or has ended unread, when everything closes. */
static void end_all(void) {
    for (int i = 0; i < SLOTS; i++) {
        if (slots[i].a == NULL) continue;
        neap_transfer_resume(slots[i].p.t); /* in nobody's way */
        if (slots[i].a->code == -1) give_up(&slots[i]);
    }
    for (int i = 0; i < SLOTS / 2; i++) finish(&slots[i]);
    neap_http_close(http);
    for (int i = SLOTS / 2; i < SLOTS; i++) {
        if (slots[i].a == NULL) continue;
        if (slots[i].p.dones > 0) neap_transfer_free(slots[i].p.t);
        neap_buf_free(&slots[i].p.body);
        slots[i].a = NULL;
    }
}

static void run_round(uint64_t seed) {
    neap_http_cfg cfg = {.connections_per_host = 6};
    neap_random_seed(&random_state, seed);
    server = httpd_start(); /* each takes only so many connections */
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    CHECK_EQ_INT(neap_http_open(&http, loop, &cfg), 0);
    for (int i = 0; i < ACTS; i++) {
        act(&slots[below(SLOTS)]);
        if (below(2) == 0) neap_loop_dispatch(loop);
    }
    end_all();
    check_idle();
    neap_loop_close(loop);
    CHECK(httpd_connections(server) < PEERS_MAX);
    httpd_stop(server);
}

int main(void) {
    memset(body, 'b', sizeof body);
    for (uint64_t seed = 1; seed <= 4; seed++) run_round(seed);
    CHECK(ended[0] > 5 && ended[1] > 5 && ended[2] > 5);
    return check_report();
}
