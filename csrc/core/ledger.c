/* ledger.c: see ledger.h. The slots of this process in order: departed ones whose end has yet to be
 * written, then reserved ones, which depart from the front; among these nobody cares which is whose.
 * Around it the limit's own ledger in memory goes on. */
#include "ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    CREDITS_MAX = 64,      /* reserved at a time */
    DEPART_MS = 60000,     /* within this of its reservation, or renewal, a request leaves */
    RENEW_MS = 30000,      /* a reserved slot is renewed after this */
    STALE_MS = 50000       /* a credit is not used after this */
};
#define IDLE_NS NEAP_SECOND /* a credit goes back after this, a refused ask is repeated */
#define MS (NEAP_SECOND / 1000)

/* A slot in the file. */
typedef struct slot {
    int64_t number;
    int64_t reserved_ms; /* wall: its row ends DEPART_MS and T after this, until it departs */
    int64_t counted_ns;  /* departed: c of limit.h */
} slot;

typedef struct ledger {
    neap_store_client client; /* first */
    neap_limit *limit;
    neap_flow *flow;
    neap_store *store;            /* a reference */
    neap_loop *loop;
    const neap_ledger_ops *inner; /* the limit's own ledger: what this process does */
    void *inner_ledger;           /* owned */
    char *name;                   /* owned */
    slot *slots;       /* no. i is at i % cap */
    size_t cap;
    uint64_t first;    /* the first departed one that is not written */
    uint64_t reserved; /* the first one that has not departed: so many have, as inner's places */
    uint64_t last;     /* behind the last one */
    size_t taken;      /* of the reserved ones; the rest are credits */
    size_t others;     /* slots of others at the last ask */
    neap_store_op *ask, *renewal; /* under way */
    int64_t ask_number;  /* the first that the ask may grant */
    int64_t ask_ms;      /* wall: of the ask */
    int64_t renewed_ms, renewed_number; /* wall: of the renewal under way; the last slot in it */
    int64_t renew_ns;    /* no renewal before */
    size_t ask_size;     /* what the last ask asked for */
    size_t wanted;       /* calls that wait while it is refused */
    int64_t asked_ns, retry_ns; /* the last ask; no slot is free before */
    int64_t moved_ns;    /* the last time that a credit came or went */
    int64_t flush_ns;    /* when departed slots are written; NEVER: there are none */
    neap_timer tick;
    neap_job failed;     /* tells those who wait */
    bool closed;         /* the store is: there is nothing to see to any more */
    neap_err err;
} ledger;

static slot *slot_at(ledger *l, uint64_t i) {
    return &l->slots[i % l->cap];
}

static size_t count_credits(const ledger *l) {
    return (size_t)(l->last - l->reserved) - l->taken;
}

static int64_t period_ms(const ledger *l) {
    return (l->limit->cfg.period_ns - 1) / MS + 1;
}

/* --- writing ------------------------------------------------------------------------------------ */

/* Nobody waits for what is written here; should it fail, a row lasts longer than need be. */
static int set_slots(ledger *l, const neap_store_slot *slots, size_t count, neap_store_op **op,
                     neap_store_done *done) {
    neap_store_req req = {.kind = NEAP_STORE_SLOTS_SET,
                          .key = l->name,
                          .period_ms = period_ms(l),
                          .slots = slots,
                          .slot_count = count};
    return neap_store_start(l->store, op, &req, done, l);
}

/* The wall clock's time when a request counted at c ceases to occupy its slot, rounded up. */
static int64_t end_of(const ledger *l, int64_t counted_ns) {
    int64_t left_ns = counted_ns + l->limit->cfg.period_ns - neap_loop_now_ns(l->loop);
    int64_t left_ms = left_ns > 0 ? (left_ns - 1) / MS + 1 : 0;
    return neap_loop_wall_ms(l->loop) + left_ms;
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Departed slots are final after the jitter; a hundredth of T is what waiting may cost. */
static int64_t flush_interval(const ledger *l) {
    int64_t hundredth = l->limit->cfg.period_ns / 100;
    return earlier(hundredth, IDLE_NS) + l->limit->cfg.jitter_ns;
}

/* Writes the ends of departed slots: of those that will not change, or of all. */
static void flush(ledger *l, bool all) {
    int64_t now = neap_loop_now_ns(l->loop);
    neap_store_slot slots[CREDITS_MAX];
    size_t n;
    do {
        for (n = 0; n < CREDITS_MAX && l->first < l->reserved; n++, l->first++) {
            const slot *s = slot_at(l, l->first);
            if (!all && s->counted_ns > now) break;
            slots[n] = (neap_store_slot){s->number, end_of(l, s->counted_ns)};
        }
        if (n > 0) (void)set_slots(l, slots, n, NULL, NULL);
    } while (n == CREDITS_MAX);
    l->flush_ns = l->first < l->reserved ? now + flush_interval(l) : NEAP_NEVER;
}

/* Gives all credits back. */
static void drop_credits(ledger *l) {
    neap_store_slot slots[CREDITS_MAX];
    size_t left = count_credits(l);
    while (left > 0) {
        size_t n = 0;
        for (; n < CREDITS_MAX && left > 0; n++, left--)
            slots[n] = (neap_store_slot){slot_at(l, --l->last)->number, 0};
        (void)set_slots(l, slots, n, NULL, NULL);
    }
}

/* Gives back what an ask that nobody waits for any more may have got. */
static void drop_ask(ledger *l) {
    neap_store_slot slots[CREDITS_MAX];
    if (l->ask == NULL) return;
    neap_store_op_free(l->ask);
    l->ask = NULL;
    for (size_t i = 0; i < l->ask_size; i++)
        slots[i] = (neap_store_slot){l->ask_number + (int64_t)i, 0};
    (void)set_slots(l, slots, l->ask_size, NULL, NULL);
}

/* --- the timer ---------------------------------------------------------------------------------- */

/* When the oldest reserved slot is to be renewed; a renewal that failed is repeated. */
static int64_t renew_at(ledger *l) {
    int64_t now = neap_loop_now_ns(l->loop), left_ms;
    if (l->reserved == l->last || l->renewal != NULL) return NEAP_NEVER;
    left_ms = slot_at(l, l->reserved)->reserved_ms + RENEW_MS - neap_loop_wall_ms(l->loop);
    if (left_ms > RENEW_MS) left_ms = RENEW_MS; /* the clock was put back */
    if (left_ms > 0) now += left_ms * MS;
    return now > l->renew_ns ? now : l->renew_ns;
}

/* Sees to the next thing that time brings. Needs memory only if the loop has fewer timers than ever
 * before; should there be none, the next call of this sees to it. */
static void arm(ledger *l) {
    int64_t due = earlier(l->flush_ns, renew_at(l));
    if (count_credits(l) > 0) due = earlier(due, l->moved_ns + IDLE_NS);
    if (l->wanted > 0 && l->ask == NULL) due = earlier(due, l->asked_ns + IDLE_NS);
    if (due == NEAP_NEVER || l->closed) neap_timer_stop(l->loop, &l->tick);
    else (void)neap_timer_start(l->loop, &l->tick, due);
}

static void on_renewed(neap_store_op *op) {
    ledger *l = op->ud;
    l->renewal = NULL;
    for (uint64_t i = l->reserved; op->result.err.code == 0 && i < l->last; i++) {
        slot *s = slot_at(l, i);
        if (s->number <= l->renewed_number) s->reserved_ms = l->renewed_ms;
    }
    l->renew_ns = neap_loop_now_ns(l->loop) + IDLE_NS;
    neap_store_op_free(op);
    arm(l);
}

/* Moves the ends of all slots whose requests are slow to leave. */
static void renew(ledger *l) {
    size_t count = (size_t)(l->last - l->reserved);
    neap_store_slot *slots = malloc(count * sizeof *slots);
    int64_t until_ms;
    l->renewed_ms = neap_loop_wall_ms(l->loop);
    l->renew_ns = neap_loop_now_ns(l->loop) + IDLE_NS;
    if (slots == NULL) return;
    until_ms = l->renewed_ms + DEPART_MS + period_ms(l);
    for (size_t i = 0; i < count; i++) {
        l->renewed_number = slot_at(l, l->reserved + i)->number;
        slots[i] = (neap_store_slot){l->renewed_number, until_ms};
    }
    (void)set_slots(l, slots, count, &l->renewal, on_renewed);
    free(slots);
}

/* --- reserving ---------------------------------------------------------------------------------- */

/* Whoever waits is let go, with l->err. */
static void let_go(ledger *l) {
    l->wanted = 0;
    neap_loop_post(l->loop, &l->failed);
}

static void fail(ledger *l, int code) {
    neap_err_set(&l->err, code, "%s", neap_store_strerror(code));
    let_go(l);
}

static void on_failed(neap_job *job) {
    ledger *l = job->ud;
    neap_flow_fail(l->flow, l->limit, l->err.code);
}

/* Makes room for n slots more. */
static bool reserve(ledger *l, size_t n) {
    size_t cap = l->cap > 0 ? l->cap : CREDITS_MAX;
    slot *slots;
    while (cap < l->last - l->first + n) cap *= 2;
    if (cap == l->cap) return true;
    slots = calloc(cap, sizeof *slots);
    if (slots == NULL) return false;
    for (uint64_t i = l->first; l->cap > 0 && i < l->last; i++) slots[i % cap] = *slot_at(l, i);
    free(l->slots);
    l->slots = slots;
    l->cap = cap;
    return true;
}

/* Notes when it is worth asking again, after an ask that got nothing. */
static void set_refused(ledger *l, const neap_store_result *r) {
    int64_t left_ms = r->until_ms - neap_loop_wall_ms(l->loop);
    l->retry_ns = neap_loop_now_ns(l->loop) + (left_ms > 0 ? left_ms : 0) * MS;
}

static void add_granted(ledger *l, const neap_store_result *r) {
    for (size_t i = 0; i < r->granted; i++)
        *slot_at(l, l->last++) = (slot){.number = l->ask_number + (int64_t)i,
                                        .reserved_ms = l->ask_ms};
    l->moved_ns = neap_loop_now_ns(l->loop);
}

/* What is left of an ask's result when this process's own part is taken out. */
static size_t count_others(ledger *l, const neap_store_result *r) {
    size_t own = l->inner->used(l->inner_ledger, neap_loop_now_ns(l->loop)) + count_credits(l);
    return r->used > own ? r->used - own : 0;
}

static void on_answered(neap_store_op *op) {
    ledger *l = op->ud;
    const neap_store_result *r = &op->result;
    l->ask = NULL;
    l->wanted = 0; /* who still waits says so again */
    if (r->err.code < 0) {
        l->err = r->err;
        let_go(l);
    } else {
        l->err.code = 0;
        add_granted(l, r);
        l->others = count_others(l, r);
        if (r->granted == 0) set_refused(l, r);
    }
    neap_store_op_free(op);
    neap_flow_kick(l->flow);
    arm(l);
}

/* As many as wait, and twice as many as last time while asks follow each other quickly. */
static size_t choose_size(const ledger *l, size_t count) {
    bool quick = neap_loop_now_ns(l->loop) - l->asked_ns < IDLE_NS;
    size_t size = quick && l->retry_ns == 0 ? 2 * l->ask_size : 1;
    if (size < count) size = count;
    if (size > CREDITS_MAX) size = CREDITS_MAX;
    return size < l->limit->cfg.count ? size : l->limit->cfg.count;
}

static int start_ask(ledger *l) {
    neap_store_req req = {.kind = NEAP_STORE_SLOTS_ASK, .key = l->name, .period_ms = period_ms(l)};
    if (!reserve(l, l->ask_size)) return NEAP_ENOMEM;
    req.limit = l->limit->cfg.count;
    req.want = l->ask_size;
    req.number = l->ask_number = neap_store_numbers(l->store, l->ask_size);
    req.now_ms = l->ask_ms = neap_loop_wall_ms(l->loop);
    req.until_ms = l->ask_ms + DEPART_MS + period_ms(l);
    return neap_store_start(l->store, &l->ask, &req, on_answered, l);
}

/* Asks for slots. What is known of departed ones goes first, since it may set some free. */
static void ask(ledger *l, size_t count) {
    int rc;
    flush(l, false);
    l->ask_size = choose_size(l, count);
    l->asked_ns = neap_loop_now_ns(l->loop);
    l->retry_ns = 0;
    rc = start_ask(l);
    if (rc < 0) fail(l, rc);
}

static void on_tick(neap_timer *tick) {
    ledger *l = tick->ud;
    int64_t now = neap_loop_now_ns(l->loop);
    if (l->flush_ns <= now) flush(l, false);
    if (count_credits(l) > 0 && l->moved_ns + IDLE_NS <= now) drop_credits(l);
    if (renew_at(l) <= now) renew(l);
    if (l->wanted > 0 && l->ask == NULL && l->asked_ns + IDLE_NS <= now) ask(l, l->wanted);
    arm(l);
}

/* --- the limit's ledger ------------------------------------------------------------------------- */

/* Would a request that takes a credit now leave before its row ends? */
static bool is_fresh(ledger *l) {
    return neap_loop_wall_ms(l->loop) - slot_at(l, l->reserved)->reserved_ms < STALE_MS;
}

static int64_t ledger_ready_at(void *ledger_, int64_t now) {
    ledger *l = ledger_;
    int64_t inner = l->inner->ready_at(l->inner_ledger, now);
    if (inner > now || (count_credits(l) > 0 && is_fresh(l))) return inner;
    return l->retry_ns > now && l->ask == NULL ? l->retry_ns : NEAP_NEVER;
}

static void ledger_want(void *ledger_, int64_t now, size_t count) {
    ledger *l = ledger_;
    if (l->ask != NULL || l->failed.next != NULL) return;
    if (l->closed) {
        fail(l, NEAP_ECANCELLED);
        return;
    }
    if (l->inner->ready_at(l->inner_ledger, now) > now) return; /* a departure will tell */
    if (count_credits(l) > 0 && !is_fresh(l)) drop_credits(l);
    if (count_credits(l) > 0) return;
    if (l->retry_ns > now) l->wanted = count;
    else ask(l, count);
    arm(l);
}

static void ledger_take(void *ledger_) {
    ledger *l = ledger_;
    assert(count_credits(l) > 0);
    l->taken++;
    l->moved_ns = neap_loop_now_ns(l->loop);
    l->inner->take(l->inner_ledger);
    arm(l);
}

static uint64_t ledger_depart(void *ledger_, int64_t t) {
    ledger *l = ledger_;
    l->taken--;
    slot_at(l, l->reserved++)->counted_ns = t + l->limit->cfg.jitter_ns;
    if (l->flush_ns == NEAP_NEVER) l->flush_ns = t + flush_interval(l);
    arm(l);
    return l->inner->depart(l->inner_ledger, t);
}

static void ledger_answer(void *ledger_, uint64_t place, int64_t t) {
    ledger *l = ledger_;
    uint64_t i = place - 1; /* places begin at 1 */
    l->inner->answer(l->inner_ledger, place, t);
    if (i >= l->first && t < slot_at(l, i)->counted_ns) {
        int64_t departed = slot_at(l, i)->counted_ns - l->limit->cfg.jitter_ns;
        slot_at(l, i)->counted_ns = t > departed ? t : departed;
    }
}

static void ledger_give_back(void *ledger_) {
    ledger *l = ledger_;
    l->taken--;
    l->moved_ns = neap_loop_now_ns(l->loop);
    l->inner->give_back(l->inner_ledger);
    arm(l);
}

static size_t ledger_used(void *ledger_, int64_t now) {
    ledger *l = ledger_;
    size_t count = l->limit->cfg.count;
    size_t used = l->inner->used(l->inner_ledger, now) + l->others;
    return used < count && l->retry_ns <= now ? used : count;
}

static const neap_err *ledger_failure(void *ledger_) {
    ledger *l = ledger_;
    return &l->err;
}

/* The last moment to write: what is taken now ends by itself in DEPART_MS and T. */
static void settle(ledger *l) {
    drop_ask(l);
    drop_credits(l);
    flush(l, true);
    neap_store_op_free(l->renewal);
    l->renewal = NULL;
}

static void on_closing(neap_store_client *client) {
    ledger *l = (ledger *)client; /* its first member */
    settle(l);
    l->closed = true;
    l->wanted = 0;
    arm(l);
    neap_err_set(&l->err, NEAP_ECANCELLED, "%s", neap_store_strerror(NEAP_ECANCELLED));
    neap_flow_fail(l->flow, l->limit, NEAP_ECANCELLED);
}

static void destroy(ledger *l) {
    l->inner->free(l->inner_ledger);
    free(l->slots);
    free(l->name);
    free(l);
}

static void ledger_free(void *ledger_) {
    ledger *l = ledger_;
    settle(l);
    neap_timer_stop(l->loop, &l->tick);
    neap_loop_unpost(l->loop, &l->failed);
    neap_store_del_client(l->store, &l->client);
    neap_store_unref(l->store);
    destroy(l);
}

static const neap_ledger_ops ops = {.ready_at = ledger_ready_at,
                                    .take = ledger_take,
                                    .depart = ledger_depart,
                                    .answer = ledger_answer,
                                    .give_back = ledger_give_back,
                                    .used = ledger_used,
                                    .free = ledger_free,
                                    .want = ledger_want,
                                    .failure = ledger_failure};

int neap_ledger_share(neap_limit *limit, neap_flow *flow, neap_store *store, const char *name) {
    ledger *l;
    if (limit->cfg.shape != NEAP_LIMIT_WINDOW) return NEAP_EINVAL;
    l = calloc(1, sizeof *l);
    if (l == NULL) return NEAP_ENOMEM;
    *l = (ledger){.limit = limit, .flow = flow, .store = store, .loop = flow->loop};
    l->client.closing = on_closing;
    l->flush_ns = NEAP_NEVER;
    l->asked_ns = neap_loop_now_ns(flow->loop) - IDLE_NS;
    l->tick.cb = on_tick;
    l->failed.run = on_failed;
    l->tick.ud = l->failed.ud = l;
    l->name = strdup(name);
    if (l->name == NULL) {
        free(l);
        return NEAP_ENOMEM;
    }
    l->inner = limit->ops;
    l->inner_ledger = limit->ledger;
    limit->ops = &ops;
    limit->ledger = l;
    neap_store_ref(store);
    neap_store_add_client(store, &l->client);
    return 0;
}
