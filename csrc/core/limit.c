/* limit.c: see limit.h. */
#include "limit.h"

#include <assert.h>
#include <stdlib.h>

/* Slots in memory. Departed requests queue in order of departure and leave from the front, so every
 * step is O(1) for any N. A request behind an unanswered one stays up to the jitter longer than its
 * own answer demands: late, never early. */
typedef struct ring {
    int64_t *counted;   /* c of the departed; place p is at (p - 1) % cap */
    size_t cap;         /* N */
    uint64_t head;      /* departed and gone again */
    uint64_t tail;      /* departed at all */
    size_t taken;       /* not departed yet: these have no end in sight */
    int64_t period_ns;  /* T */
    int64_t jitter_ns;
} ring;

static int64_t *counted_at(ring *r, uint64_t place) {
    return &r->counted[(place - 1) % r->cap];
}

static void expire(ring *r, int64_t now) {
    while (r->head < r->tail && *counted_at(r, r->head + 1) + r->period_ns <= now) r->head++;
}

static size_t ring_used(void *ledger, int64_t now) {
    ring *r = ledger;
    expire(r, now);
    return r->taken + (size_t)(r->tail - r->head);
}

static int64_t ring_ready_at(void *ledger, int64_t now) {
    ring *r = ledger;
    if (ring_used(r, now) < r->cap) return now;
    if (r->head == r->tail) return NEAP_NEVER;
    return *counted_at(r, r->head + 1) + r->period_ns;
}

static void ring_take(void *ledger) {
    ring *r = ledger;
    assert(r->taken + (size_t)(r->tail - r->head) < r->cap);
    r->taken++;
}

static uint64_t ring_depart(void *ledger, int64_t t) {
    ring *r = ledger;
    r->taken--;
    *counted_at(r, ++r->tail) = t + r->jitter_ns;
    return r->tail;
}

static void ring_answer(void *ledger, uint64_t place, int64_t t) {
    ring *r = ledger;
    int64_t *counted = counted_at(r, place), departed = *counted - r->jitter_ns;
    if (place <= r->head || t >= *counted) return;
    *counted = t > departed ? t : departed;
}

static void ring_give_back(void *ledger) {
    ring *r = ledger;
    r->taken--;
}

static void ring_free(void *ledger) {
    ring *r = ledger;
    free(r->counted);
    free(r);
}

static const neap_ledger_ops ring_ops = {.ready_at = ring_ready_at,
                                         .take = ring_take,
                                         .depart = ring_depart,
                                         .answer = ring_answer,
                                         .give_back = ring_give_back,
                                         .used = ring_used,
                                         .free = ring_free};

static ring *ring_new(const neap_limit_cfg *cfg) {
    ring *r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->cap = cfg->count + cfg->burst;
    r->counted = calloc(r->cap, sizeof *r->counted);
    if (r->counted == NULL) {
        free(r);
        return NULL;
    }
    r->period_ns = cfg->period_ns;
    r->jitter_ns = cfg->jitter_ns;
    return r;
}

static bool is_in_range(const neap_limit_cfg *cfg) {
    if (cfg->count == 0 || cfg->count > NEAP_LIMIT_COUNT_MAX) return false;
    if (cfg->period_ns <= 0 || cfg->period_ns > NEAP_NEVER / 4) return false;
    if (cfg->jitter_ns < 0 || cfg->jitter_ns > NEAP_NEVER / 4) return false;
    if (cfg->burst > NEAP_LIMIT_COUNT_MAX) return false;
    return cfg->burst == 0 || cfg->shape == NEAP_LIMIT_PACE;
}

/* Half of what a burst spans, but no longer than any clock runs: times are added. */
static int64_t half_burst(int64_t spacing_ns, int64_t burst) {
    int64_t half = spacing_ns / 2, most = NEAP_NEVER / 4;
    return burst > 0 && half > most / burst ? most : half * burst;
}

int neap_limit_init(neap_limit *l, const neap_limit_cfg *cfg) {
    *l = (neap_limit){.cfg = *cfg, .ops = &ring_ops};
    if (!is_in_range(cfg)) return NEAP_EINVAL;
    if (cfg->shape == NEAP_LIMIT_PACE) {
        l->spacing_ns = (cfg->period_ns - 1) / (int64_t)cfg->count + 1;
        l->late_ns = half_burst(l->spacing_ns, (int64_t)cfg->burst);
    }
    l->ledger = ring_new(cfg);
    return l->ledger ? 0 : NEAP_ENOMEM;
}

void neap_limit_deinit(neap_limit *l) {
    if (l->ledger != NULL) l->ops->free(l->ledger);
    l->ledger = NULL;
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

int64_t neap_limit_ready_at(neap_limit *l, int64_t now) {
    int64_t free_at;
    if (l->spacing_ns > 0 && l->taken > 0) return NEAP_NEVER;
    free_at = l->ops->ready_at(l->ledger, now);
    if (l->spacing_ns == 0 || l->last == 0) return free_at;
    return later(l->anchor_ns + l->spacing_ns, free_at);
}

void neap_limit_want(neap_limit *l, int64_t now, size_t count) {
    if (l->ops->want != NULL) l->ops->want(l->ledger, now, count);
}

const neap_err *neap_limit_get_failure(const neap_limit *l) {
    static const neap_err none;
    return l->ops->failure != NULL ? l->ops->failure(l->ledger) : &none;
}

void neap_limit_take(neap_limit *l, neap_hold *h, int64_t now) {
    assert(h->place == 0 && neap_limit_ready_at(l, now) <= now);
    (void)now;
    l->ops->take(l->ledger);
    l->taken++;
    h->place = NEAP_HOLD_TAKEN;
}

void neap_limit_depart(neap_limit *l, neap_hold *h, int64_t now) {
    if (h->place != NEAP_HOLD_TAKEN) return;
    l->taken--;
    h->place = l->ops->depart(l->ledger, now);
    l->anchor_ns = l->last == 0 ? now : later(l->anchor_ns + l->spacing_ns, now - l->late_ns);
    l->last = h->place;
    l->departed_ns = now;
    l->answered = false;
}

void neap_limit_answer(neap_limit *l, neap_hold *h, int64_t now) {
    if (h->place == 0) return;
    neap_limit_depart(l, h, now); /* an answer to a request nobody saw leave: it has left by now */
    l->ops->answer(l->ledger, h->place, now);
    if (h->place != l->last || l->answered) return;
    l->answered = true;
    if (now - l->departed_ns <= l->cfg.jitter_ns)
        l->anchor_ns = later(l->anchor_ns, now - l->late_ns);
}

void neap_limit_release(neap_limit *l, neap_hold *h) {
    if (h->place == NEAP_HOLD_TAKEN) {
        l->taken--;
        l->ops->give_back(l->ledger);
    }
    h->place = 0;
}

neap_limit_state neap_limit_peek(neap_limit *l, int64_t now) {
    return (neap_limit_state){.used = l->ops->used(l->ledger, now),
                              .count = l->cfg.count + l->cfg.burst,
                              .next_ns = neap_limit_ready_at(l, now)};
}
