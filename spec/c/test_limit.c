/* test_limit.c: core/limit.h. The promise is checked where it counts: at the vendor's door. */
#include "../../csrc/core/limit.h"

#include <stdlib.h>

#include "../../csrc/core/err.h"
#include "../../csrc/core/random.h"
#include "check.h"

#define MS INT64_C(1000000)
#define SEC (1000 * MS)

static neap_limit make(neap_limit_shape shape, size_t count, int64_t period, int64_t jitter) {
    neap_limit l;
    CHECK_EQ_INT(neap_limit_init(&l, &(neap_limit_cfg){shape, count, period, jitter, 0}), 0);
    return l;
}

/* Ten per second, evenly spaced, at a vendor that lets `burst` of them come ahead of their time. */
static neap_limit make_burst(size_t burst, int64_t jitter) {
    neap_limit l;
    CHECK_EQ_INT(neap_limit_init(&l, &(neap_limit_cfg){NEAP_LIMIT_PACE, 10, SEC, jitter, burst}), 0);
    return l;
}

static void send_at(neap_limit *l, neap_hold *h, int64_t take, int64_t depart, int64_t answer) {
    *h = (neap_hold){0};
    CHECK(neap_limit_ready_at(l, take) <= take);
    neap_limit_take(l, h, take);
    neap_limit_depart(l, h, depart);
    if (answer >= 0) neap_limit_answer(l, h, answer);
}

static void test_bad_configuration(void) {
    static const neap_limit_cfg bad[] = {
        {NEAP_LIMIT_PACE, 0, SEC, 0, 0},
        {NEAP_LIMIT_PACE, 1, 0, 0, 0},
        {NEAP_LIMIT_PACE, 1, 1, -1, 0},
        {NEAP_LIMIT_WINDOW, SIZE_MAX, 1, 0, 0},
        {NEAP_LIMIT_PACE, 1, SEC, 0, NEAP_LIMIT_COUNT_MAX + 1},
        {NEAP_LIMIT_WINDOW, 1, SEC, 0, 1}, /* nothing is ahead of its time there */
    };
    neap_limit l;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ_INT(neap_limit_init(&l, &bad[i]), NEAP_EINVAL);
        neap_limit_deinit(&l);
    }
}

static void test_pace_zero_latency_is_exact(void) {
    neap_limit l = make(NEAP_LIMIT_PACE, 10, SEC, 0);
    neap_hold h;
    for (int64_t i = 0; i < 50; i++) {
        CHECK_EQ_INT(neap_limit_ready_at(&l, i * 100 * MS - (i > 0)), i * 100 * MS);
        send_at(&l, &h, i * 100 * MS, i * 100 * MS, i * 100 * MS);
    }
    neap_limit_deinit(&l);
}

static void test_pace_anchors_to_fast_answers(void) {
    neap_limit l = make(NEAP_LIMIT_PACE, 10, SEC, 20 * MS);
    neap_hold h;
    send_at(&l, &h, 0, 0, -1);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 0), 100 * MS);
    neap_limit_answer(&l, &h, MS);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 2 * MS), 101 * MS);
    neap_limit_answer(&l, &h, 50 * MS); /* only the first counts */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 51 * MS), 101 * MS);
    send_at(&l, &h, 101 * MS, 101 * MS, 122 * MS); /* later than the jitter: does not matter */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 202 * MS), 202 * MS);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 150 * MS), 201 * MS);
    send_at(&l, &h, 201 * MS, 201 * MS, 221 * MS); /* just within */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 230 * MS), 321 * MS);
    neap_limit_deinit(&l);
}

static void test_pace_waits_for_a_slow_departure(void) {
    neap_limit l = make(NEAP_LIMIT_PACE, 10, SEC, 20 * MS);
    neap_hold h = {0};
    neap_limit_take(&l, &h, 0);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 0), NEAP_NEVER);
    CHECK_EQ_INT(neap_limit_ready_at(&l, SEC), NEAP_NEVER);
    neap_limit_depart(&l, &h, 50 * MS);
    neap_limit_depart(&l, &h, 90 * MS); /* only once */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 50 * MS), 150 * MS);
    neap_limit_deinit(&l);
}

static void test_burst_catches_up(void) {
    neap_limit l = make_burst(1, 0);
    neap_hold h;
    send_at(&l, &h, 0, 0, -1); /* begins without credit */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 0), 100 * MS);
    send_at(&l, &h, 100 * MS, 150 * MS, -1); /* late by half of the burst: the next one is in time */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 150 * MS), 200 * MS);
    send_at(&l, &h, 200 * MS, 251 * MS, -1); /* later than that: moves the rest by the 1 ms more */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 251 * MS), 301 * MS);
    send_at(&l, &h, 301 * MS, 301 * MS, -1);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 301 * MS), 401 * MS);
    send_at(&l, &h, 9 * SEC, 9 * SEC, -1); /* a pause earns no more than half of the burst */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 9 * SEC), 9 * SEC + 50 * MS);
    send_at(&l, &h, 9 * SEC + 50 * MS, 9 * SEC + 50 * MS, -1);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 9 * SEC + 50 * MS), 9 * SEC + 150 * MS);
    neap_limit_deinit(&l);
}

static void test_burst_counts_from_answers(void) {
    neap_limit l = make_burst(1, 60 * MS);
    neap_hold h;
    send_at(&l, &h, 0, 0, -1);
    neap_limit_answer(&l, &h, 30 * MS); /* perhaps the vendor saw it then only: late, but not too late */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 30 * MS), 100 * MS);
    send_at(&l, &h, 100 * MS, 100 * MS, 160 * MS);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 160 * MS), 210 * MS);
    send_at(&l, &h, 210 * MS, 210 * MS, 271 * MS); /* later than the jitter: does not matter */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 271 * MS), 310 * MS);
    neap_limit_deinit(&l);
}

/* What comes ahead of its time has slots of its own: the count alone would cost the answers' way. */
static void test_burst_has_slots(void) {
    neap_limit l = make_burst(2, 0);
    neap_hold h;
    CHECK_EQ_INT((int64_t)neap_limit_peek(&l, 0).count, 12);
    send_at(&l, &h, 0, 0, -1);
    for (int64_t i = 0; i < 11; i++) {
        int64_t t = 2 * SEC + (i < 2 ? 0 : (i - 1) * 100 * MS);
        send_at(&l, &h, t, t, -1);
    }
    CHECK_EQ_INT((int64_t)neap_limit_peek(&l, 2 * SEC + 999 * MS).used, 11);
    neap_limit_deinit(&l);
}

static void test_a_burst_longer_than_any_clock(void) {
    neap_limit_cfg cfg = {NEAP_LIMIT_PACE, 1, NEAP_NEVER / 4, 0, NEAP_LIMIT_COUNT_MAX};
    neap_limit l;
    neap_hold h;
    CHECK_EQ_INT(neap_limit_init(&l, &cfg), 0);
    for (int64_t i = 0; i < 2; i++) send_at(&l, &h, i * cfg.period_ns, i * cfg.period_ns, -1);
    CHECK_EQ_INT(neap_limit_ready_at(&l, cfg.period_ns), 2 * cfg.period_ns);
    neap_limit_deinit(&l);
}

static void test_give_back(void) {
    neap_limit l = make(NEAP_LIMIT_PACE, 10, SEC, 0);
    neap_hold h, g = {0};
    send_at(&l, &h, 0, 0, -1);
    neap_limit_take(&l, &g, 100 * MS);
    neap_limit_release(&l, &g);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 100 * MS), 100 * MS);
    CHECK_EQ_INT((int64_t)neap_limit_peek(&l, 100 * MS).used, 1);
    neap_limit_release(&l, &h); /* departed: stays counted */
    CHECK_EQ_INT((int64_t)neap_limit_peek(&l, 100 * MS).used, 1);
    neap_limit_release(&l, &g);
    neap_limit_answer(&l, &g, 100 * MS); /* not held: nothing happens */
    CHECK_EQ_INT((int64_t)neap_limit_peek(&l, 100 * MS).used, 1);
    neap_limit_deinit(&l);
}

static void test_window(void) {
    neap_limit l = make(NEAP_LIMIT_WINDOW, 3, SEC, 20 * MS);
    neap_hold h[3];
    send_at(&l, &h[0], 0, 0, -1);
    send_at(&l, &h[1], 0, 5 * MS, 6 * MS);
    h[2] = (neap_hold){0};
    neap_limit_take(&l, &h[2], 0);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 10 * MS), 1020 * MS); /* departure + jitter */
    neap_limit_answer(&l, &h[0], 7 * MS);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 10 * MS), 1007 * MS); /* its answer */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 1007 * MS - 1), 1007 * MS);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 1007 * MS), 1007 * MS);
    CHECK_EQ_INT((int64_t)neap_limit_peek(&l, 1007 * MS).used, 1); /* only the undeparted one */
    neap_limit_deinit(&l);
}

static void test_window_of_undeparted(void) {
    neap_limit l = make(NEAP_LIMIT_WINDOW, 2, SEC, 0);
    neap_hold h[2] = {{0}, {0}};
    neap_limit_take(&l, &h[0], 0);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 0), 0);
    neap_limit_take(&l, &h[1], 0);
    CHECK_EQ_INT(neap_limit_ready_at(&l, 5 * SEC), NEAP_NEVER);
    neap_limit_depart(&l, &h[1], 5 * SEC); /* the younger one leaves first */
    CHECK_EQ_INT(neap_limit_ready_at(&l, 5 * SEC), 6 * SEC);
    neap_limit_deinit(&l);
}

static void test_peek_spends_nothing(void) {
    neap_limit l = make(NEAP_LIMIT_WINDOW, 2000, 3600 * SEC, 20 * MS);
    neap_hold h;
    for (int i = 0; i < 5; i++) send_at(&l, &h, i, i, -1);
    for (int i = 0; i < 5000; i++) CHECK_EQ_INT((int64_t)neap_limit_peek(&l, SEC).used, 5);
    CHECK_EQ_INT((int64_t)neap_limit_peek(&l, SEC).count, 2000);
    CHECK_EQ_INT(neap_limit_peek(&l, SEC).next_ns, SEC);
    neap_limit_deinit(&l);
}

/* --- a real loop at a vendor's door ------------------------------------------------------------ */

/* A leaky bucket as vendors have them: it counts in milliseconds of its own clock, and what it refuses
 * does not count. */
typedef struct door {
    int64_t burst;
    int64_t level_ms, last_ms; /* how much is in it, and since when */
    int64_t first_ns;          /* the first arrival; 30 s from then on are counted */
    int64_t let_in, refused;
} door;

static void arrive(door *d, int64_t t) {
    int64_t level = d->level_ms - (t / MS - d->last_ms);
    if (d->first_ns == 0) d->first_ns = t;
    if (t >= d->first_ns + 30 * SEC) return;
    if (level < 0) level = 0;
    if (level > d->burst * 100) {
        d->refused++;
        return;
    }
    d->let_in++;
    d->level_ms = level + 100;
    d->last_ms = t / MS;
}

/* What comes between two moments, at least and at most, in microseconds. */
typedef struct span {
    uint64_t least, most;
} span;

/* How late the loop's timer is, and how long requests and answers are on their way. */
typedef struct steps {
    span late, way, back;
} steps;

static int64_t some_of(neap_random *rnd, span s) {
    return (int64_t)(s.least * 1000 + neap_random_below(rnd, (s.most - s.least) * 1000 + 1));
}

typedef struct sender {
    neap_limit *limit;
    neap_random rnd;
    neap_hold holds[16]; /* no. i is at i % 16; answers come in order */
    int64_t answers[16];
    size_t answered, sent;
    int64_t now;
} sender;

/* Brings the answers that come until t. */
static void bring_answers(sender *s, int64_t t) {
    for (; s->answered < s->sent && s->answers[s->answered % 16] <= t; s->answered++)
        neap_limit_answer(s->limit, &s->holds[s->answered % 16], s->answers[s->answered % 16]);
}

/* The next answer, or the next send, late as it is: what the answers in between have put off waits. */
static void step(sender *s, door *d, const steps *all) {
    int64_t due = neap_limit_ready_at(s->limit, s->now), arrival;
    size_t i = s->sent % 16;
    if (s->answered < s->sent && s->answers[s->answered % 16] <= due) {
        s->now = s->answers[s->answered % 16];
        bring_answers(s, s->now);
        return;
    }
    s->now = due + some_of(&s->rnd, all->late);
    bring_answers(s, s->now);
    if (neap_limit_ready_at(s->limit, s->now) > s->now) return;
    send_at(s->limit, &s->holds[i], s->now, s->now, -1);
    arrival = s->now + some_of(&s->rnd, all->way);
    arrive(d, arrival);
    s->answers[i] = arrival + some_of(&s->rnd, all->back);
    s->sent++;
}

/* Sends for 30 s as soon as ten per second let it. -> what was let in and what was not */
static door send_for_30_s(uint64_t seed, size_t burst, int64_t door_burst, steps all) {
    neap_limit l = make_burst(burst, 20 * MS);
    sender s = {.limit = &l};
    door d = {.burst = door_burst};
    neap_random_seed(&s.rnd, seed);
    s.now = SEC + (int64_t)neap_random_below(&s.rnd, SEC);
    while (d.first_ns == 0 || s.now < d.first_ns + 30 * SEC) step(&s, &d, &all);
    neap_limit_deinit(&l);
    return d;
}

/* Each interval is longer by what the loop and the way take, unless a burst makes up for it. */
static void test_use_of_a_limit(void) {
    static const steps quiet = {{100, 600}, {20, 200}, {20, 200}};
    static const steps slow = {{100, 1000}, {100, 1000}, {300000, 301000}};
    static const steps loaded = {{100, 15000}, {100, 9000}, {100, 9000}};
    for (uint64_t seed = 0; seed < 100; seed++) {
        door d = send_for_30_s(seed, 1, 1, quiet);
        CHECK(d.let_in >= 300 && d.refused == 0);
        d = send_for_30_s(seed, 1, 1, loaded);
        CHECK(d.let_in >= 300 && d.refused == 0);
        d = send_for_30_s(seed, 1, 1, slow);
        CHECK(d.let_in >= 300 && d.refused == 0);
        d = send_for_30_s(seed, 0, 0, quiet);
        CHECK(d.let_in >= 297 && d.let_in < 300 && d.refused == 0);
        d = send_for_30_s(seed, 0, 0, loaded); /* never too fast, however slow */
        CHECK(d.refused == 0);
        d = send_for_30_s(seed, 0, 1, slow);
        CHECK(d.let_in >= 291 && d.refused == 0);
    }
}

/* --- random traffic ------------------------------------------------------------------------- */

enum { REQUESTS = 400, FLYING = 64 };

typedef struct flight {
    neap_hold holds[2];
    int64_t depart, answer, cancel; /* NEAP_NEVER: does not happen */
    bool departed, used;
} flight;

typedef struct world {
    neap_limit limits[2];
    size_t limit_count;
    int64_t jitter;
    neap_random rnd;
    flight flights[FLYING];
    int64_t seen[REQUESTS]; /* when the vendor saw a request */
    size_t seen_len;
} world;

static int64_t below(world *w, int64_t n) {
    return (int64_t)neap_random_below(&w->rnd, (uint64_t)n);
}

/* Somewhere it may truly be, with a liking for the extremes. */
static int64_t true_arrival(world *w, const flight *f) {
    int64_t late = f->depart + w->jitter;
    int64_t choice = below(w, 3);
    if (f->answer < late) late = f->answer;
    if (choice == 0) return f->depart;
    return choice == 1 ? late : f->depart + below(w, late - f->depart + 1);
}

static int64_t next_event(const flight *f) {
    int64_t t = f->departed ? f->answer : f->depart;
    return f->cancel < t ? f->cancel : t;
}

static void end_flight(world *w, flight *f) {
    for (size_t i = 0; i < w->limit_count; i++) neap_limit_release(&w->limits[i], &f->holds[i]);
    f->used = false;
}

static void do_event(world *w, flight *f) {
    int64_t t = next_event(f);
    if (t == f->cancel) {
        end_flight(w, f);
    } else if (!f->departed) {
        f->departed = true;
        w->seen[w->seen_len++] = true_arrival(w, f);
        for (size_t i = 0; i < w->limit_count; i++)
            neap_limit_depart(&w->limits[i], &f->holds[i], t);
    } else {
        for (size_t i = 0; i < w->limit_count; i++)
            neap_limit_answer(&w->limits[i], &f->holds[i], t);
        end_flight(w, f);
    }
}

static flight *first_event(world *w) {
    flight *best = NULL;
    for (size_t i = 0; i < FLYING; i++) {
        flight *f = &w->flights[i];
        if (f->used && (best == NULL || next_event(f) < next_event(best))) best = f;
    }
    return best;
}

static flight *free_flight(world *w) {
    for (size_t i = 0; i < FLYING; i++)
        if (!w->flights[i].used) return &w->flights[i];
    return NULL;
}

static void take_off(world *w, flight *f, int64_t now) {
    *f = (flight){.used = true, .answer = NEAP_NEVER, .cancel = NEAP_NEVER};
    for (size_t i = 0; i < w->limit_count; i++) neap_limit_take(&w->limits[i], &f->holds[i], now);
    f->depart = now + (below(w, 4) == 0 ? below(w, 80 * MS) : 0);
    if (below(w, 10) != 0) f->answer = f->depart + below(w, 500 * MS);
    if (below(w, 8) == 0 || f->answer == NEAP_NEVER) f->cancel = now + below(w, 600 * MS);
}

/* When the next request could leave, if nothing else happened. */
static int64_t ready_at(world *w, int64_t now) {
    int64_t at = now;
    for (size_t i = 0; i < w->limit_count; i++) {
        int64_t t = neap_limit_ready_at(&w->limits[i], now);
        if (t > at) at = t;
    }
    return at;
}

static void fly(world *w) {
    int64_t now = 0, wish = 0;
    for (int sent = 0; sent < REQUESTS;) {
        flight *f = first_event(w), *spare = free_flight(w);
        int64_t event = f ? next_event(f) : NEAP_NEVER;
        int64_t ready = spare ? ready_at(w, wish > now ? wish : now) : NEAP_NEVER;
        if (!CHECK(event != NEAP_NEVER || ready != NEAP_NEVER)) return; /* a lost wake-up */
        if (event <= ready) {
            now = event > now ? event : now;
            do_event(w, f);
            continue;
        }
        now = ready;
        CHECK_EQ_INT(ready_at(w, now), now);
        take_off(w, spare, now);
        sent++;
        wish = below(w, 3) == 0 ? now + below(w, 2 * SEC) : now;
    }
    for (flight *f; (f = first_event(w)) != NULL;) do_event(w, f);
}

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool is_kept(const world *w, const neap_limit_cfg *cfg) {
    size_t n = cfg->count + cfg->burst;
    for (size_t i = n; i < w->seen_len; i++)
        if (w->seen[i] - w->seen[i - n] < cfg->period_ns) return false;
    return true;
}

/* Does a leaky bucket let all of them in? */
static bool is_let_in(const world *w, int64_t spacing, int64_t burst) {
    int64_t next = 0; /* when it has run empty */
    for (size_t i = 0; i < w->seen_len; i++) {
        if (w->seen[i] < next - burst * spacing) return false;
        next = (w->seen[i] > next ? w->seen[i] : next) + spacing;
    }
    return true;
}

static void run_world(uint64_t seed, bool pace, bool window, int64_t jitter) {
    static world w;
    w = (world){.jitter = jitter};
    neap_random_seed(&w.rnd, seed);
    if (pace) w.limits[w.limit_count++] = make(NEAP_LIMIT_PACE, 10, SEC, jitter);
    if (window) w.limits[w.limit_count++] = make(NEAP_LIMIT_WINDOW, 50, 10 * SEC, jitter);
    fly(&w);
    qsort(w.seen, w.seen_len, sizeof w.seen[0], by_time);
    for (size_t i = 0; i < w.limit_count; i++) {
        CHECK(is_kept(&w, &w.limits[i].cfg));
        CHECK_EQ_INT((int64_t)w.limits[i].taken, 0);
        neap_limit_deinit(&w.limits[i]);
    }
}

/* Ten per second with a burst: on ways of up to half of what it spans no request is refused. */
static void run_burst(uint64_t seed, size_t burst, int64_t jitter) {
    static world w;
    w = (world){.jitter = jitter, .limit_count = 1};
    neap_random_seed(&w.rnd, seed);
    w.limits[0] = make_burst(burst, jitter);
    fly(&w);
    qsort(w.seen, w.seen_len, sizeof w.seen[0], by_time);
    CHECK(is_kept(&w, &w.limits[0].cfg));
    CHECK(jitter > (int64_t)burst * 50 * MS || is_let_in(&w, 100 * MS, (int64_t)burst));
    neap_limit_deinit(&w.limits[0]);
}

static void test_random_traffic(void) {
    for (uint64_t seed = 0; seed < 200; seed++) {
        run_burst(seed, 1, 20 * MS);
        run_burst(seed, 1, 50 * MS);
        run_burst(seed, 1, 200 * MS);
        run_burst(seed, 5, 250 * MS);
        run_world(seed, true, false, 20 * MS);
        run_world(seed, false, true, 20 * MS);
        run_world(seed, true, true, 20 * MS);
        run_world(seed, true, true, 0);
    }
}

int main(void) {
    test_bad_configuration();
    test_pace_zero_latency_is_exact();
    test_pace_anchors_to_fast_answers();
    test_pace_waits_for_a_slow_departure();
    test_burst_catches_up();
    test_burst_counts_from_answers();
    test_burst_has_slots();
    test_a_burst_longer_than_any_clock();
    test_give_back();
    test_window();
    test_window_of_undeparted();
    test_peek_spends_nothing();
    test_use_of_a_limit();
    test_random_traffic();
    return check_report();
}
