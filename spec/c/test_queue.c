/* test_queue.c: core/queue.h and core/call.h at work, on a virtual clock: random traffic through
 * shared limits, and the outages of DESIGN.md 5. */
#include "../../csrc/core/call.h"

#include <stdlib.h>

#include "../../csrc/core/err.h"
#include "../../csrc/core/meter_own.h"
#include "../../csrc/core/random.h"
#include "check.h"

#define MS INT64_C(1000000)
#define SEC (1000 * MS)

enum { RECORDS_MAX = 2600, SENDS_MAX = 16 };

#ifndef SEEDS
#define SEEDS 200 /* random worlds; more for a soak */
#endif

struct stage;

/* What a vendor answers: status (negative: no answer at all), latency, Retry-After. */
typedef struct answer {
    int status;
    int64_t latency;
    int64_t retry_after;
} answer;

/* One record on its way: it asks, sends, is answered, judged, and asks again. */
typedef struct record {
    struct stage *stage;
    neap_call call;
    neap_use uses[NEAP_POLICY_RULES_MAX];
    neap_timer event; /* its start, departure or answer */
    neap_timer cancel;
    neap_job admitted;
    int rc;               /* of the wait */
    int64_t sends[SENDS_MAX]; /* when each send was admitted */
    size_t send_len;
    int64_t depart_ns, ended_ns;
    bool over;
    bool polite; /* waits without slots while it is blocked, as deliver does, and sends with a place only */
    bool has_place;
    answer answer; /* what the send under way will get */
    neap_verdict verdict; /* the last one */
    int status;           /* the last answer's */
} record;

typedef struct stage {
    neap_loop *loop;
    neap_flow flow;
    neap_gate gate;
    neap_limit limits[2];
    neap_queue queues[2];
    neap_places places; /* of polite records; size 0: they need none */
    size_t queue_count, limit_count;
    neap_policy policy;
    neap_random rnd;
    int64_t jitter, connect; /* true way to the vendor at most; longest time to a connection */
    answer (*vendor)(struct stage *, record *);
    record *records;
    size_t len;
    int64_t *seen[2];  /* arrivals under each limit */
    size_t seen_len[2];
    record **order[2]; /* in order of admission, by queue */
    size_t order_len[2];
    neap_meter *meter;
    neap_meter_endpoint *endpoint;
} stage;

static int64_t now_of(stage *s) {
    return neap_loop_now_ns(s->loop);
}

static int64_t below(stage *s, int64_t n) {
    return (int64_t)neap_random_below(&s->rnd, (uint64_t)n);
}

static neap_rule outage_rule(void) {
    return (neap_rule){.statuses = {502, 503, 504}, .status_count = 3,
                       .backoff = NEAP_BACKOFF_CONSTANT, .base_ns = 300 * SEC,
                       .retries = 5, .gate = true};
}

static stage *open_stage(uint64_t seed) {
    stage *s = calloc(1, sizeof *s);
    neap_rule rule = outage_rule();
    CHECK_EQ_INT(neap_loop_open(&s->loop), 0);
    neap_loop_set_virtual(s->loop, 0);
    neap_flow_init(&s->flow, s->loop);
    neap_random_seed(&s->rnd, seed);
    neap_policy_add(&s->policy, &rule);
    neap_policy_add_defaults(&s->policy);
    CHECK_EQ_INT(neap_meter_new(&s->meter), 0);
    CHECK_EQ_INT(neap_meter_open_gate(s->meter, &s->gate.meter, "vendor"), 0);
    s->endpoint = neap_meter_get_endpoint(s->meter, "vendor", "endpoint", false);
    s->records = calloc(RECORDS_MAX, sizeof *s->records);
    for (int i = 0; i < 2; i++) s->seen[i] = calloc(RECORDS_MAX * 4, sizeof *s->seen[i]);
    for (int i = 0; i < 2; i++) s->order[i] = calloc(RECORDS_MAX * 4, sizeof *s->order[i]);
    return s;
}

static void add_limit(stage *s, neap_limit_shape shape, size_t n, int64_t period) {
    neap_limit_cfg cfg = {shape, n, period, s->jitter, 0};
    neap_limit *l = &s->limits[s->limit_count++];
    CHECK_EQ_INT(neap_limit_init(l, &cfg), 0);
    l->meter = neap_meter_get_wait(s->meter, "vendor", shape == NEAP_LIMIT_PACE ? "pace" : "window");
}

/* A queue under the limits from `first` on, `count` of them. */
static void add_queue(stage *s, size_t first, size_t count) {
    neap_limit *limits[2] = {NULL, NULL};
    for (size_t i = 0; i < count; i++) limits[i] = &s->limits[first + i];
    neap_queue *q = &s->queues[s->queue_count++];
    CHECK_EQ_INT(neap_queue_init(q, &s->flow, &s->gate, limits, count), 0);
}

/* Whoever waits is counted once, between two events. */
static void check_waiting(stage *s) {
    uint64_t counted = 0, waiting = 0;
    for (const neap_meter_series *m = s->meter->waits.first; m != NULL; m = m->next)
        counted += ((const neap_meter_wait *)m)->waiting;
    for (size_t i = 0; i < s->queue_count; i++) waiting += s->queues[i].waiting_len;
    CHECK_EQ_INT(counted, waiting);
}

/* All is counted that the calls know of themselves. */
static void check_meter(stage *s) {
    neap_meter_state state = {.now = now_of(s)};
    uint64_t sends = 0, firsts = 0;
    neap_metrics sums;
    for (size_t i = 0; i < s->len; i++) {
        sends += s->records[i].call.attempts.len;
        firsts += s->records[i].call.attempts.len > 0;
        neap_call_finish(&s->records[i].call);
    }
    check_waiting(s);
    neap_meter_totals(s->meter, &state, &sums);
    CHECK_EQ_INT(sums.calls, s->len);
    CHECK_EQ_INT(sums.sends, sends);
    CHECK_EQ_INT(sums.retries, sends - firsts);
    CHECK(sums.waits > 0 || sums.wait_seconds == 0);
}

static void close_stage(stage *s) {
    neap_loop_stats stats;
    check_meter(s);
    for (size_t i = 0; i < s->len; i++) neap_call_deinit(&s->records[i].call);
    for (size_t i = 0; i < s->len; i++) neap_timer_stop(s->loop, &s->records[i].cancel);
    neap_loop_get_stats(s->loop, &stats);
    CHECK_EQ_INT(stats.timers, 0);
    CHECK_EQ_INT(stats.jobs, 0);
    CHECK(s->gate.first == NULL && s->gate.probe == NULL && s->gate.row == NULL);
    CHECK(s->places.held == 0 && s->places.first == NULL);
    for (size_t i = 0; i < s->queue_count; i++) {
        CHECK_EQ_INT((int64_t)s->queues[i].waiting_len, 0);
        neap_queue_deinit(&s->queues[i]);
    }
    for (size_t i = 0; i < s->limit_count; i++) {
        CHECK_EQ_INT((int64_t)s->limits[i].taken, 0);
        neap_limit_deinit(&s->limits[i]);
    }
    neap_gate_deinit(&s->gate);
    neap_meter_free(s->meter);
    neap_flow_deinit(&s->flow);
    neap_loop_close(s->loop);
    for (int i = 0; i < 2; i++) free(s->seen[i]);
    for (int i = 0; i < 2; i++) free(s->order[i]);
    free(s->records);
    free(s);
}

/* Runs until nothing is left to do. */
static void run(stage *s) {
    neap_loop_stats stats;
    do {
        neap_loop_dispatch(s->loop);
        neap_loop_get_stats(s->loop, &stats);
    } while (stats.timers + stats.jobs > 0);
}

static void give_place_back(record *r) {
    if (r->has_place) neap_places_release(&r->stage->places);
    r->has_place = false;
}

static void end(record *r) {
    if (r->over) return;
    r->over = true;
    r->ended_ns = now_of(r->stage);
    neap_timer_stop(r->stage->loop, &r->event);
    neap_loop_unpost(r->stage->loop, &r->admitted);
    neap_call_finish(&r->call);
    give_place_back(r);
}

static void at(record *r, void (*cb)(neap_timer *), int64_t when) {
    r->event.cb = cb;
    r->event.ud = r;
    neap_timer_start(r->stage->loop, &r->event, when);
}

static void ask(record *r);

static void judge(record *r, const answer *a) {
    neap_reply reply = {.status = a->status, .retry_after_ns = a->retry_after};
    if (a->status < 0) {
        reply.status = 0;
        reply.failure = NEAP_FAILURE_NETWORK;
        reply.ambiguous = true;
    }
    r->status = a->status;
    r->verdict = neap_call_settle(&r->call, &reply, neap_random_real(&r->stage->rnd)).verdict;
    if (r->verdict == NEAP_VERDICT_RETRY) ask(r);
    else end(r);
}

static void note_arrival(record *r, int64_t answered) {
    stage *s = r->stage;
    neap_queue *q = r->call.ticket.queue;
    int64_t late = r->depart_ns + s->jitter, t;
    if (answered < late) late = answered;
    switch (below(s, 3)) {
    case 0: t = r->depart_ns; break;
    case 1: t = late; break;
    default: t = r->depart_ns + below(s, late - r->depart_ns + 1);
    }
    for (size_t i = 0; i < q->limit_count; i++) {
        size_t k = (size_t)(q->limits[i] - s->limits);
        if (s->seen_len[k] < RECORDS_MAX * 4) s->seen[k][s->seen_len[k]++] = t;
    }
}

static void on_answer(neap_timer *t) {
    record *r = t->ud;
    if (r->answer.status > 0) neap_call_answer(&r->call, now_of(r->stage));
    judge(r, &r->answer);
}

static void on_depart(neap_timer *t) {
    record *r = t->ud;
    answer *a = &r->answer;
    r->depart_ns = now_of(r->stage);
    neap_call_depart(&r->call, r->depart_ns);
    *a = r->stage->vendor(r->stage, r);
    note_arrival(r, a->status > 0 ? r->depart_ns + a->latency : NEAP_NEVER);
    at(r, on_answer, r->depart_ns + a->latency);
}

static void sent(record *r) {
    stage *s = r->stage;
    size_t k = (size_t)(r->call.ticket.queue - s->queues);
    int64_t connect = s->connect > 0 && below(s, 4) == 0 ? below(s, s->connect) : 0;
    if (r->send_len < SENDS_MAX) r->sends[r->send_len++] = now_of(s);
    if (s->order_len[k] < RECORDS_MAX * 4) s->order[k][s->order_len[k]++] = r;
    at(r, on_depart, now_of(s) + connect);
}

static void return_from_wait(record *r) {
    CHECK(!r->has_place);
    r->has_place = neap_ticket_take_place(&r->call.ticket);
    ask(r);
}

static void on_admitted(neap_job *job) {
    record *r = job->ud;
    if (r->rc < 0) end(r);
    else if (r->call.ticket.state == NEAP_TICKET_HELD) sent(r);
    else return_from_wait(r);
}

static void on_wait_over(neap_ticket *t, int rc) {
    record *r = t->ud;
    r->rc = rc;
    neap_loop_post(r->stage->loop, &r->admitted);
}

/* As admission.lua does. */
static bool is_held_up(const record *r) {
    const stage *s = r->stage;
    bool lacks_place = s->places.size > 0 && !r->has_place && s->gate.probe != &r->call.ticket.record;
    return r->polite && (lacks_place || neap_ticket_is_blocked(&r->call.ticket));
}

static void ask(record *r) {
    neap_places *places = &r->stage->places;
    bool held_up = is_held_up(r);
    if (held_up) give_place_back(r);
    r->rc = held_up ? neap_call_await_unblocked(&r->call, places->size > 0 ? places : NULL)
                    : neap_call_admit(&r->call);
    CHECK(places->held <= places->size);
    if (held_up && places->size == 0) CHECK(r->rc <= 0);
    if (r->rc < 0) end(r);
    else if (r->rc == 1 && held_up) return_from_wait(r);
    else if (r->rc == 1) sent(r);
}

static void on_start(neap_timer *t) {
    record *r = t->ud;
    check_waiting(r->stage);
    ask(r);
}

static void on_cancel(neap_timer *t) {
    end(t->ud);
}

/* A record that asks at `start` in queue k; cancelled at `cancel` unless that is never. */
static record *add(stage *s, size_t k, int64_t start, int64_t cancel) {
    record *r = &s->records[s->len++];
    r->stage = s;
    r->admitted.run = on_admitted;
    r->admitted.ud = r;
    neap_call_init(&r->call, &s->queues[k], &s->policy, r->uses, true, on_wait_over, r);
    r->call.meter = s->endpoint;
    at(r, on_start, start);
    r->cancel.cb = on_cancel;
    r->cancel.ud = r;
    if (cancel != NEAP_NEVER) neap_timer_start(s->loop, &r->cancel, cancel);
    return r;
}

/* --- random traffic ------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool is_kept(stage *s, size_t k) {
    size_t n = s->limits[k].cfg.count;
    qsort(s->seen[k], s->seen_len[k], sizeof s->seen[k][0], by_time);
    for (size_t i = n; i < s->seen_len[k]; i++)
        if (s->seen[k][i] - s->seen[k][i - n] < s->limits[k].cfg.period_ns) return false;
    return true;
}

static bool is_fifo(stage *s, size_t k) {
    record **order = s->order[k];
    for (size_t i = 1; i < s->order_len[k]; i++)
        if (order[i]->call.ticket.arrival < order[i - 1]->call.ticket.arrival) return false;
    return true;
}

static answer any_latency(stage *s, record *r) {
    (void)r;
    return (answer){below(s, 20) == 0 ? 400 : 200, below(s, 500 * MS), -1};
}

static answer wild(stage *s, record *r) {
    answer a = any_latency(s, r);
    int64_t dice = below(s, 50);
    if (dice == 0) a.status = 429;
    if (dice == 1) a.retry_after = below(s, 5 * SEC);
    if (dice == 1) a.status = 429;
    if (dice == 2) a.status = -1;
    if (dice == 3 || dice == 4) a.status = 503;
    return a;
}

static void random_traffic(uint64_t seed, int limits, answer (*vendor)(stage *, record *)) {
    stage *s = open_stage(seed);
    int64_t t = 0;
    s->jitter = seed % 4 == 3 ? 0 : 20 * MS;
    s->connect = 80 * MS;
    s->vendor = vendor;
    if (seed % 4 == 1) s->places.size = (size_t)seed % 5 + 1;
    if (limits & 1) add_limit(s, NEAP_LIMIT_PACE, 10, SEC);
    if (limits & 2) add_limit(s, NEAP_LIMIT_WINDOW, 50, 10 * SEC);
    add_queue(s, 0, s->limit_count);
    add_queue(s, s->limit_count - 1, 1); /* shares the last limit */
    for (int i = 0; i < 250; i++) {
        int64_t cancel = below(s, 8) == 0 ? t + below(s, 2 * SEC) : NEAP_NEVER;
        add(s, below(s, 3) == 0, t, cancel)->polite = seed % 2 && i % 3;
        if (below(s, 4) == 0) t += below(s, SEC);
    }
    run(s);
    for (size_t i = 0; i < s->len; i++) CHECK(s->records[i].over); /* no lost wake-up */
    for (size_t i = 0; i < s->limit_count; i++) CHECK(is_kept(s, i));
    if (vendor == any_latency && s->places.size == 0) CHECK(is_fifo(s, 0) && is_fifo(s, 1));
    close_stage(s);
}

static void test_random_traffic(void) {
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (int limits = 1; limits <= 3; limits++) {
            random_traffic(seed, limits, any_latency);
            random_traffic(seed, limits, wild);
        }
    }
}

/* --- utilisation ---------------------------------------------------------------------------- */

static int64_t fixed_latency;

static answer steady(stage *s, record *r) {
    (void)s;
    (void)r;
    return (answer){.status = 200, .latency = fixed_latency, .retry_after = -1};
}

/* Sends in 100 s per 1000 that the limit allows, one thousand waiting from the start. */
static int64_t utilisation(neap_limit_shape shape, size_t n, int64_t period, int64_t jitter,
                           int64_t latency) {
    stage *s = open_stage(1);
    int64_t sends = 0, allowed = 100 * SEC / period * (int64_t)n;
    s->jitter = jitter;
    s->vendor = steady;
    fixed_latency = latency;
    add_limit(s, shape, n, period);
    add_queue(s, 0, 1);
    for (int i = 0; i < 1200; i++) add(s, 0, 0, NEAP_NEVER);
    run(s);
    for (size_t i = 0; i < s->len; i++) sends += s->records[i].depart_ns < 100 * SEC;
    CHECK(is_kept(s, 0));
    close_stage(s);
    return 1000 * sends / allowed;
}

static void test_utilisation(void) {
    CHECK_EQ_INT(utilisation(NEAP_LIMIT_PACE, 10, SEC, 0, 0), 1000);
    CHECK(utilisation(NEAP_LIMIT_PACE, 10, SEC, 20 * MS, 300 * MS) >= 970);
    CHECK(utilisation(NEAP_LIMIT_PACE, 10, SEC, 20 * MS, 300 * MS) <= 1000);
    CHECK(utilisation(NEAP_LIMIT_PACE, 10, SEC, 20 * MS, MS) >= 985);
    CHECK_EQ_INT(utilisation(NEAP_LIMIT_WINDOW, 50, 10 * SEC, 0, 0), 1000);
    CHECK(utilisation(NEAP_LIMIT_WINDOW, 50, 10 * SEC, 20 * MS, 300 * MS) >= 970);
}

/* --- queues --------------------------------------------------------------------------------- */

static void test_a_blocked_queue_blocks_no_other(void) {
    stage *s = open_stage(1);
    s->vendor = steady;
    fixed_latency = 0;
    add_limit(s, NEAP_LIMIT_PACE, 10, SEC);
    add_limit(s, NEAP_LIMIT_WINDOW, 1, 1000 * SEC);
    add_queue(s, 0, 2);
    add_queue(s, 0, 1);
    add(s, 0, 0, NEAP_NEVER);
    add(s, 0, 0, NEAP_NEVER); /* has to wait for its own window */
    for (int i = 0; i < 5; i++) add(s, 1, 1, NEAP_NEVER);
    run(s);
    CHECK_EQ_INT(s->records[1].sends[0], 1000 * SEC);
    for (int i = 0; i < 5; i++) CHECK_EQ_INT(s->records[2 + i].sends[0], (i + 1) * 100 * MS);
    close_stage(s);
}

static void test_earliest_arrival_of_two_queues(void) {
    stage *s = open_stage(1);
    s->vendor = steady;
    fixed_latency = 0;
    add_limit(s, NEAP_LIMIT_PACE, 10, SEC);
    add_queue(s, 0, 1);
    add_queue(s, 0, 1);
    for (size_t i = 0; i < 20; i++) add(s, i % 3 == 0, (int64_t)i, NEAP_NEVER);
    run(s);
    for (int i = 0; i < 20; i++) CHECK_EQ_INT(s->records[i].sends[0], i * 100 * MS);
    close_stage(s);
}

static void test_ten_thousand_waiting_cost_two_timers(void) {
    stage *s = open_stage(1);
    neap_loop_stats stats;
    neap_call *calls = calloc(10000, sizeof *calls);
    neap_use uses[NEAP_POLICY_RULES_MAX]; /* of all: none of them is settled */
    s->connect = 0;
    add_limit(s, NEAP_LIMIT_WINDOW, 2, 10 * SEC);
    add_queue(s, 0, 1);
    for (int i = 0; i < 10000; i++) {
        neap_call_init(&calls[i], &s->queues[0], &s->policy, uses, true, NULL, NULL);
        CHECK_EQ_INT(neap_call_admit(&calls[i]), i < 2);
        neap_call_depart(&calls[i], 0);
    }
    neap_loop_get_stats(s->loop, &stats);
    CHECK(stats.timers <= 1);
    for (int i = 0; i < 10000; i++) neap_call_deinit(&calls[i]);
    free(calls);
    close_stage(s);
}

static void test_misuse_of_a_call(void) {
    stage *s = open_stage(1);
    neap_call c;
    neap_use uses[NEAP_POLICY_RULES_MAX];
    neap_reply reply = {.status = 200, .retry_after_ns = -1};
    add_limit(s, NEAP_LIMIT_PACE, 10, SEC);
    add_queue(s, 0, 1);
    neap_call_init(&c, &s->queues[0], &s->policy, uses, true, NULL, NULL);
    CHECK_EQ_INT(neap_call_settle(&c, &reply, 0).verdict, NEAP_VERDICT_NO_RULE);
    neap_call_depart(&c, 0);
    CHECK_EQ_INT((int64_t)c.attempts.len, 0);
    CHECK_EQ_INT(neap_call_admit(&c), 1);
    CHECK_EQ_INT(neap_call_admit(&c), NEAP_EINVAL);
    neap_call_finish(&c);
    neap_call_finish(&c);
    CHECK_EQ_INT((int64_t)neap_limit_peek(&s->limits[0], 0).used, 0);
    CHECK_EQ_INT(neap_call_admit(&c), NEAP_EINVAL);
    neap_call_deinit(&c);
    close_stage(s);
}

/* A failure before the departure costs nothing; a status without a departure was sent. */
static void test_what_a_send_costs(void) {
    stage *s = open_stage(1);
    neap_call c;
    neap_use uses[NEAP_POLICY_RULES_MAX];
    neap_reply refused = {.failure = NEAP_FAILURE_NETWORK, .retry_after_ns = -1};
    neap_reply lost = {.failure = NEAP_FAILURE_TIMEOUT, .ambiguous = true, .retry_after_ns = -1};
    add_limit(s, NEAP_LIMIT_WINDOW, 10, SEC);
    add_queue(s, 0, 1);
    neap_call_init(&c, &s->queues[0], &s->policy, uses, true, NULL, NULL);
    CHECK_EQ_INT(neap_call_admit(&c), 1);
    CHECK_EQ_INT(neap_call_settle(&c, &refused, 0).verdict, NEAP_VERDICT_RETRY);
    CHECK_EQ_INT((int64_t)neap_limit_peek(&s->limits[0], 0).used, 0);
    CHECK_EQ_INT(c.departures, 0);
    CHECK_EQ_INT((int64_t)c.attempts.len, 1);
    CHECK(neap_ticket_is_blocked(&c.ticket));
    c.ticket.not_before_ns = 0;
    CHECK_EQ_INT(neap_call_admit(&c), 1);
    CHECK_EQ_INT(neap_call_settle(&c, &lost, 0).verdict, NEAP_VERDICT_RETRY);
    CHECK_EQ_INT((int64_t)neap_limit_peek(&s->limits[0], 0).used, 1);
    CHECK_EQ_INT(c.departures, 1);
    neap_call_deinit(&c);
    close_stage(s);
}

/* --- outages -------------------------------------------------------------------------------- */

static int64_t down_from, down_until;

static answer breaking(stage *s, record *r) {
    bool down = r->depart_ns >= down_from && r->depart_ns < down_until;
    (void)s;
    return (answer){.status = down ? 503 : 200, .latency = 0, .retry_after = -1};
}

static stage *omnisegment(answer (*vendor)(stage *, record *)) {
    stage *s = open_stage(7);
    s->vendor = vendor;
    add_limit(s, NEAP_LIMIT_PACE, 10, SEC);
    add_queue(s, 0, 1);
    return s;
}

static void test_twelve_minutes(bool polite) {
    stage *s = omnisegment(breaking);
    down_from = SEC;
    down_until = 12 * 60 * SEC;
    for (int i = 0; i < 200; i++) add(s, 0, i, NEAP_NEVER)->polite = polite;
    run(s);
    /* 0 to 9 pass; 10 and 11 fail and shut the gate; 10 is the probe, at 300 s intervals */
    CHECK_EQ_INT((int64_t)s->records[10].send_len, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(s->records[10].sends[i], SEC + i * 300 * SEC);
    CHECK_EQ_INT(s->records[10].call.attempts.items[3].wait_ns, 300 * SEC);
    CHECK_EQ_INT(s->records[10].call.attempts.items[0].wait_ns, 0);
    CHECK_EQ_INT((int64_t)s->records[11].send_len, 2);
    CHECK_EQ_INT(s->records[11].sends[1], SEC + 900 * SEC + 100 * MS); /* first in line */
    CHECK_EQ_INT(s->records[11].call.attempts.items[1].wait_ns, 900 * SEC);
    for (int i = 12; i < 200; i++) {
        CHECK_EQ_INT((int64_t)s->records[i].send_len, 1);
        CHECK_EQ_INT(s->records[i].sends[0], 901 * SEC + (i - 10) * 100 * MS);
    }
    close_stage(s);
}

static void test_forty_minutes(bool polite) {
    stage *s = omnisegment(breaking);
    record *late, *later;
    down_from = 0;
    down_until = 40 * 60 * SEC;
    for (int i = 0; i < 100; i++) add(s, 0, 0, NEAP_NEVER)->polite = polite;
    late = add(s, 0, 1600 * SEC, NEAP_NEVER);
    later = add(s, 0, 2400 * SEC, NEAP_NEVER);
    run(s);
    CHECK_EQ_INT((int64_t)s->records[0].send_len, 6);
    for (int i = 0; i < 6; i++) CHECK_EQ_INT(s->records[0].sends[i], i * 300 * SEC);
    CHECK_EQ_INT(s->records[0].verdict, NEAP_VERDICT_GIVE_UP);
    CHECK_EQ_INT((int64_t)s->records[1].send_len, 1);
    for (int i = 1; i < 100; i++) {
        CHECK_EQ_INT(s->records[i].rc, NEAP_EOUTAGE);
        CHECK_EQ_INT(s->records[i].ended_ns, 1500 * SEC);
        CHECK_EQ_INT((int64_t)s->records[i].send_len, i == 1);
    }
    CHECK_EQ_INT((int64_t)s->gate.cause.len, 6);
    CHECK_EQ_INT(s->gate.cause.items[5].status, 503);
    CHECK_EQ_INT(s->gate.cause.items[5].wait_ns, 300 * SEC);
    CHECK_EQ_INT(s->gate.cause.items[5].at_ms, 1500000);
    CHECK_EQ_INT(late->rc, NEAP_EOUTAGE); /* arrives while it is down */
    CHECK_EQ_INT(late->ended_ns, 1600 * SEC);
    CHECK_EQ_INT(later->status, 200); /* down ended at 1800 s */
    close_stage(s);
}

static answer slow_success(stage *s, record *r) {
    size_t i = (size_t)(r - s->records);
    if (i == 0) return (answer){.status = 200, .latency = 30 * SEC, .retry_after = -1};
    return (answer){r->send_len == 1 && i <= 2 ? 503 : 200, 0, -1};
}

static void test_an_answer_from_the_wire_opens(void) {
    stage *s = omnisegment(slow_success);
    for (int i = 0; i < 10; i++) add(s, 0, i, NEAP_NEVER);
    run(s);
    for (int i = 1; i <= 2; i++) { /* both were sent again at once, not after 300 s */
        CHECK_EQ_INT((int64_t)s->records[i].send_len, 2);
        CHECK_EQ_INT(s->records[i].sends[1], 30 * SEC + (i - 1) * 100 * MS);
        CHECK_EQ_INT(s->records[i].uses[0].resends, 1);
    }
    for (int i = 3; i < 10; i++)
        CHECK_EQ_INT(s->records[i].sends[0], 30 * SEC + (i - 1) * 100 * MS);
    close_stage(s);
}

static answer asks_for_an_hour(stage *s, record *r) {
    size_t i = (size_t)(r - s->records);
    if (i == 0 && r->send_len == 1) return (answer){503, 0, 3600 * SEC};
    if (i == 2) return (answer){503, 200 * MS, r->send_len == 1 ? 4000 * SEC : -1};
    return (answer){r->send_len == 1 && i == 1 ? 503 : 200, 0, -1};
}

static void test_retry_after_longer_than_the_program(void) {
    stage *s = omnisegment(asks_for_an_hour);
    for (int i = 0; i < 5; i++) add(s, 0, i, i == 2 ? 5000 * SEC : NEAP_NEVER);
    run(s);
    CHECK_EQ_INT(s->records[0].sends[1], 3600 * SEC);
    CHECK_EQ_INT(s->records[1].sends[1], 3600 * SEC + 100 * MS);
    CHECK_EQ_INT(s->records[3].sends[0], 3600 * SEC + 300 * MS);
    close_stage(s);
}

/* Retry-After holds for a record that an opening gate frees. */
static answer long_second(stage *s, record *r) {
    size_t i = (size_t)(r - s->records);
    if (i == 1 && r->send_len == 1) return (answer){503, 0, 4000 * SEC};
    return (answer){i == 0 && r->send_len == 1 ? 503 : 200, 0, -1};
}

static void test_an_opening_gate_shortens_no_retry_after(bool polite) {
    stage *s = omnisegment(long_second);
    for (int i = 0; i < 3; i++) add(s, 0, i, NEAP_NEVER)->polite = polite;
    run(s);
    CHECK_EQ_INT(s->records[0].sends[1], 300 * SEC);
    CHECK_EQ_INT(s->records[2].sends[0], 300 * SEC + 100 * MS);
    CHECK_EQ_INT(s->records[1].sends[1], 4000 * SEC + 100 * MS);
    close_stage(s);
}

/* As test_twelve_minutes, but only three may be under way at once: places go to those who can use them, and the probe
 * needs none. */
static void test_places_after_an_outage(void) {
    stage *s = omnisegment(breaking);
    down_from = SEC;
    down_until = 12 * 60 * SEC;
    s->places.size = 3;
    for (int i = 0; i < 200; i++) add(s, 0, i, NEAP_NEVER)->polite = true;
    run(s);
    CHECK_EQ_INT((int64_t)s->records[10].send_len, 4);
    CHECK_EQ_INT(s->records[10].sends[3], 901 * SEC);
    for (int i = 0; i < 200; i++) {
        CHECK_EQ_INT(s->records[i].status, 200);
        CHECK(i < 13 || s->records[i].send_len == 1);
        CHECK(i < 13 || s->records[i].sends[0] <= 901 * SEC + i * 100 * MS);
    }
    close_stage(s);
}

static void test_a_cancelled_probe(bool polite) {
    stage *s = omnisegment(breaking);
    down_from = 0;
    down_until = 500 * SEC;
    add(s, 0, 0, 100 * SEC); /* the probe, cancelled while it waits */
    for (int i = 1; i < 10; i++) add(s, 0, i, NEAP_NEVER)->polite = polite;
    run(s);
    CHECK_EQ_INT((int64_t)s->records[0].send_len, 1);
    CHECK_EQ_INT((int64_t)s->records[1].send_len, 3); /* its own program, from its own answer */
    CHECK_EQ_INT(s->records[1].sends[1], 300 * SEC + 100 * MS);
    CHECK_EQ_INT(s->records[1].sends[2], 600 * SEC + 100 * MS);
    for (int i = 2; i < 10; i++)
        CHECK_EQ_INT(s->records[i].sends[0], 600 * SEC + i * 100 * MS);
    close_stage(s);
}

static void test_the_last_failed_record_is_cancelled(void) {
    stage *s = omnisegment(breaking);
    down_from = 0;
    down_until = 50 * SEC;
    add(s, 0, 0, 100 * SEC);
    add(s, 0, 0, 100 * SEC);
    add(s, 0, 1, NEAP_NEVER);
    run(s);
    CHECK_EQ_INT(s->records[2].sends[0], 100 * SEC); /* nobody to probe with: open */
    close_stage(s);
}

static answer busy(stage *s, record *r) {
    size_t i = (size_t)(r - s->records);
    return (answer){i == 0 && r->send_len == 1 ? 429 : 200, 0, 7 * SEC};
}

static void test_too_many_requests_pause_the_group(void) {
    stage *s = omnisegment(busy);
    add_queue(s, 0, 0); /* exempt from the limit, but of the group */
    for (int i = 0; i < 3; i++) add(s, 0, i, NEAP_NEVER);
    add(s, 1, 5, NEAP_NEVER);
    run(s);
    CHECK_EQ_INT(s->records[0].sends[1], 7 * SEC);
    CHECK_EQ_INT(s->records[1].sends[0], 7 * SEC + 100 * MS);
    CHECK_EQ_INT(s->records[2].sends[0], 7 * SEC + 200 * MS);
    CHECK_EQ_INT(s->records[3].sends[0], 7 * SEC);
    close_stage(s);
}

static answer dead_probe(stage *s, record *r) {
    size_t i = (size_t)(r - s->records);
    (void)s;
    if (i == 0 && r->send_len > 1) return (answer){-1, 0, -1};
    return (answer){503, 0, -1};
}

/* Network failures of the probe are no answers: the gate stays shut; their end takes it down. */
static void test_a_probe_without_an_answer(void) {
    stage *s = omnisegment(dead_probe);
    for (int i = 0; i < 6; i++) add(s, 0, i, NEAP_NEVER);
    run(s);
    CHECK_EQ_INT((int64_t)s->records[0].send_len, 6); /* 503, then five network failures */
    CHECK_EQ_INT(s->records[0].verdict, NEAP_VERDICT_GIVE_UP);
    CHECK_EQ_INT(s->gate.state, NEAP_GATE_DOWN);
    CHECK_EQ_INT(s->gate.down_until_ns, s->records[0].ended_ns + 300 * SEC);
    for (int i = 1; i < 6; i++) CHECK_EQ_INT(s->records[i].rc, NEAP_EOUTAGE);
    close_stage(s);
}

int main(void) {
    test_random_traffic();
    test_utilisation();
    test_a_blocked_queue_blocks_no_other();
    test_earliest_arrival_of_two_queues();
    test_ten_thousand_waiting_cost_two_timers();
    test_misuse_of_a_call();
    test_what_a_send_costs();
    test_twelve_minutes(false);
    test_twelve_minutes(true);
    test_forty_minutes(false);
    test_forty_minutes(true);
    test_an_answer_from_the_wire_opens();
    test_retry_after_longer_than_the_program();
    test_an_opening_gate_shortens_no_retry_after(false);
    test_an_opening_gate_shortens_no_retry_after(true);
    test_places_after_an_outage();
    test_a_cancelled_probe(false);
    test_a_cancelled_probe(true);
    test_the_last_failed_record_is_cancelled();
    test_too_many_requests_pause_the_group();
    test_a_probe_without_an_answer();
    return check_report();
}
