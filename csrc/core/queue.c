/* queue.c: see queue.h: who leaves next. ticket.c is what one waits for. */
#include "queue.h"

#include <assert.h>
#include <stddef.h>

#include "err.h"
#include "queue_own.h"

static neap_ticket *ticket_of(neap_gate_record *r) {
    return (neap_ticket *)(void *)((char *)r - offsetof(neap_ticket, record));
}

static void on_timer(neap_timer *t) {
    neap_queue__pump(t->ud);
}

static void on_job(neap_job *job) {
    neap_queue__pump(job->ud);
}

void neap_flow_init(neap_flow *f, neap_loop *loop) {
    *f = (neap_flow){.loop = loop};
    f->timer.cb = on_timer;
    f->job.run = on_job;
    f->timer.ud = f->job.ud = f;
}

void neap_flow_deinit(neap_flow *f) {
    assert(f->queues == NULL);
    neap_timer_stop(f->loop, &f->timer);
    neap_loop_unpost(f->loop, &f->job);
}

/* Not if there is nobody to look at. */
void neap_flow_kick(neap_flow *f) {
    if (f->active != NULL) neap_loop_post(f->loop, &f->job);
}

int neap_queue_init(neap_queue *q, neap_flow *f, neap_gate *gate, neap_limit *const *limits,
                    size_t count) {
    *q = (neap_queue){0};
    if (count > NEAP_QUEUE_LIMITS_MAX) return NEAP_EINVAL;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++)
            if (limits[k] == limits[i]) return NEAP_EINVAL; /* it would be taken twice */
        q->limits[i] = limits[i];
    }
    q->limit_count = count;
    q->gate = gate;
    q->flow = f;
    q->next = f->queues;
    if (q->next) q->next->prev = q;
    f->queues = q;
    return 0;
}

void neap_queue_deinit(neap_queue *q) {
    if (q->flow == NULL) return;
    while (q->waiting != NULL) neap_ticket_release(q->waiting);
    if (q->next) q->next->prev = q->prev;
    if (q->prev) q->prev->next = q->next;
    else q->flow->queues = q->next;
    neap_timer_heap_deinit(&q->line);
    q->flow = NULL;
}

void neap_queue__set_active(neap_queue *q, bool active) {
    neap_flow *f = q->flow;
    if (q->is_active == active) return;
    q->is_active = active;
    if (active) {
        q->a_prev = NULL;
        q->a_next = f->active;
        if (q->a_next) q->a_next->a_prev = q;
        f->active = q;
        return;
    }
    if (q->a_next) q->a_next->a_prev = q->a_prev;
    if (q->a_prev) q->a_prev->a_next = q->a_next;
    else f->active = q->a_next;
}

static void admit(neap_ticket *t, int64_t now) {
    bool told = t->told;
    neap_ticket__remove(t);
    neap_ticket__hold(t, now);
    if (told) t->done(t, 0);
}

/* When the limits let one more leave; stops looking at the first that cannot tell. */
static int64_t limits_ready_at(neap_queue *q, int64_t now) {
    int64_t at = now;
    for (size_t i = 0; i < q->limit_count && at != NEAP_NEVER; i++) {
        int64_t t = neap_limit_ready_at(q->limits[i], now);
        if (t > at) at = t;
    }
    return at;
}

int64_t neap_queue_ready_at(neap_queue *q, int64_t now) {
    int64_t at = limits_ready_at(q, now), pause = q->gate->pause_until_ns;
    return pause > at ? pause : at;
}

neap_ticket *neap_queue__head(neap_queue *q, int64_t now) {
    neap_timer *first = neap_timer_heap_first(&q->line);
    if (neap_gate_get_state(q->gate, now) == NEAP_GATE_CLOSED) {
        neap_ticket *probe = ticket_of(q->gate->probe);
        return probe->queue == q && probe->state == NEAP_TICKET_LINED ? probe : NULL;
    }
    return first ? first->ud : NULL;
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Tells the limits that the head waits for them. One that has to get its slots from elsewhere only
 * does if nothing is known to keep the head waiting longer; then returns when to look again, else
 * NEVER. */
static int64_t want_slots(neap_queue *q, int64_t now) {
    bool closed = neap_gate_get_state(q->gate, now) == NEAP_GATE_CLOSED, put_off = false;
    int64_t ready[NEAP_QUEUE_LIMITS_MAX], known = q->gate->pause_until_ns;
    for (size_t i = 0; i < q->limit_count; i++) {
        ready[i] = neap_limit_ready_at(q->limits[i], now);
        if (ready[i] != NEAP_NEVER && ready[i] > known) known = ready[i];
    }
    for (size_t i = 0; i < q->limit_count; i++) {
        if (ready[i] <= now) continue;
        if (ready[i] == NEAP_NEVER && known > now) put_off = true;
        else neap_limit_want(q->limits[i], now, closed ? 1 : q->line.len);
    }
    return put_off ? known : NEAP_NEVER;
}

/* Finds the head that leaves now, else in *next when it is worth looking again. */
static neap_ticket *find_ready(neap_flow *f, int64_t now, int64_t *next) {
    neap_ticket *best = NULL;
    *next = NEAP_NEVER;
    for (neap_queue *q = f->active; q != NULL; q = q->a_next) {
        neap_ticket *t = neap_queue__head(q, now);
        int64_t at;
        at = t != NULL ? neap_queue_ready_at(q, now) : NEAP_NEVER;
        if (at > now) neap_queue__wait_for(q, neap_queue__cause(q, now), now);
        if (t == NULL) continue;
        if (at > now) at = earlier(at, want_slots(q, now));
        if (at > now && at < *next) *next = at;
        if (at <= now && (best == NULL || t->arrival < best->arrival)) best = t;
    }
    return best;
}

/* No memory for the timer that would wake them: they are told rather than left asleep. */
static void dismiss_line(neap_flow *f, int rc) {
    while (f->active != NULL) neap_ticket__dismiss(neap_timer_heap_first(&f->active->line)->ud, rc);
}

static void dismiss_queue(neap_queue *q, int rc) {
    while (q->line.len > 0) neap_ticket__dismiss(neap_timer_heap_first(&q->line)->ud, rc);
}

void neap_flow_fail(neap_flow *f, const neap_limit *limit, int rc) {
    for (neap_queue *q = f->queues; q != NULL; q = q->next)
        for (size_t i = 0; i < q->limit_count; i++)
            if (q->limits[i] == limit) dismiss_queue(q, rc);
}

const neap_err *neap_queue_get_failure(const neap_queue *q, int rc) {
    for (size_t i = 0; i < q->limit_count; i++) {
        const neap_err *err = neap_limit_get_failure(q->limits[i]);
        if (err->code == rc) return err;
    }
    return NULL;
}

void neap_queue__pump(neap_flow *f) {
    int64_t now = neap_loop_now_ns(f->loop), next;
    neap_ticket *t;
    while ((t = find_ready(f, now, &next)) != NULL) admit(t, now);
    if (next == NEAP_NEVER) neap_timer_stop(f->loop, &f->timer);
    else if (neap_timer_start(f->loop, &f->timer, next) < 0) dismiss_line(f, NEAP_ENOMEM);
}

/* The group is down: everybody under its gate goes. */
static void dismiss_group(neap_flow *f, const neap_gate *gate) {
    for (neap_queue *q = f->queues; q != NULL; q = q->next)
        while (q->gate == gate && q->waiting != NULL) neap_ticket__dismiss(q->waiting, NEAP_EOUTAGE);
}

/* The gate lets other records pass than before: those who look on may want to know. */
static void wake_gated(neap_flow *f, const neap_gate *gate) {
    for (neap_queue *q = f->queues; q != NULL; q = q->next) {
        neap_ticket *next, *t = q->gate == gate ? q->waiting : NULL;
        for (; t != NULL; t = next) {
            next = t->next;
            if (t->state == NEAP_TICKET_GATED) neap_ticket__look_again(t);
        }
    }
}

/* Says for the metrics until when the gate lets nobody but its probe pass. */
static void measure_gate(neap_gate *g) {
    int64_t until = g->state == NEAP_GATE_CLOSED ? NEAP_NEVER : g->down_until_ns;
    neap_meter_set_gate(&g->meter, g->state == NEAP_GATE_OPEN ? 0 : until);
}

void neap_queue_gate_changed(neap_queue *q, neap_gate_change change) {
    neap_gate_record *r;
    if (change != NEAP_GATE_SAME) measure_gate(q->gate);
    if (change == NEAP_GATE_FELL) dismiss_group(q->flow, q->gate);
    if (change == NEAP_GATE_OPENED)
        while ((r = neap_gate_pop(q->gate)) != NULL) neap_ticket__free(ticket_of(r));
    if (change == NEAP_GATE_SAME) return;
    wake_gated(q->flow, q->gate);
    neap_flow_kick(q->flow);
}
