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
    CHECK_EQ_INT(neap_limit_init(&l, &(neap_limit_cfg){shape, count, period, jitter}), 0);
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
    neap_limit l;
    CHECK_EQ_INT(neap_limit_init(&l, &(neap_limit_cfg){NEAP_LIMIT_PACE, 0, SEC, 0}), NEAP_EINVAL);
    neap_limit_deinit(&l);
    CHECK_EQ_INT(neap_limit_init(&l, &(neap_limit_cfg){NEAP_LIMIT_PACE, 1, 0, 0}), NEAP_EINVAL);
    neap_limit_deinit(&l);
    CHECK_EQ_INT(neap_limit_init(&l, &(neap_limit_cfg){NEAP_LIMIT_PACE, 1, 1, -1}), NEAP_EINVAL);
    neap_limit_deinit(&l);
    CHECK_EQ_INT(neap_limit_init(&l, &(neap_limit_cfg){NEAP_LIMIT_WINDOW, SIZE_MAX, 1, 0}),
                 NEAP_EINVAL);
    neap_limit_deinit(&l);
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
    for (size_t i = cfg->count; i < w->seen_len; i++)
        if (w->seen[i] - w->seen[i - cfg->count] < cfg->period_ns) return false;
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

static void test_random_traffic(void) {
    for (uint64_t seed = 0; seed < 200; seed++) {
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
    test_give_back();
    test_window();
    test_window_of_undeparted();
    test_peek_spends_nothing();
    test_random_traffic();
    return check_report();
}
