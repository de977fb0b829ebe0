/* queue.c: see queue.h. */
#include "queue.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "err.h"
#include "queue_wait.h"

static void pump(neap_flow *);

static neap_ticket *ticket_of(neap_gate_record *r) {
    return (neap_ticket *)(void *)((char *)r - offsetof(neap_ticket, record));
}

static void on_timer(neap_timer *t) {
    pump(t->ud);
}

static void on_job(neap_job *job) {
    pump(job->ud);
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

static void set_active(neap_queue *q, bool active) {
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

static void on_due(neap_timer *node);

/* Nothing else is in the node's place any more. */
static void reset_node(neap_ticket *t) {
    t->node = (neap_timer){.cb = on_due, .ud = t};
}

static void add_waiting(neap_ticket *t) {
    neap_queue *q = t->queue;
    reset_node(t);
    t->next = NULL;
    t->prev = q->waiting_last;
    if (t->prev) t->prev->next = t;
    else q->waiting = t;
    q->waiting_last = t;
    q->waiting_len++;
}

/* One that waits for a place waits for nothing of the queue's: it is not counted. */
static void enter_places(neap_ticket *t, bool (*offer)(neap_place_waiter *)) {
    neap_timer_stop(t->queue->flow->loop, &t->node);
    neap_ticket__wait_for(t, NULL);
    t->queue->waiting_len--;
    t->state = NEAP_TICKET_PLACELESS;
    t->waiter = (neap_place_waiter){.offer = offer};
    neap_places_wait(t->places, &t->waiter);
}

static void leave_places(neap_ticket *t) {
    neap_places_leave(&t->waiter);
    reset_node(t);
    t->queue->waiting_len++;
    t->state = NEAP_TICKET_GATED;
}

/* Takes a waiting ticket out of everything; it is idle then. */
static void remove_waiting(neap_ticket *t) {
    neap_queue *q = t->queue;
    neap_ticket__wait_for(t, NULL);
    if (t->state == NEAP_TICKET_PARKED) neap_timer_stop(q->flow->loop, &t->node);
    if (t->state == NEAP_TICKET_PLACELESS) leave_places(t);
    if (t->state == NEAP_TICKET_LINED) {
        neap_timer_heap_drop(&q->line, &t->node);
        neap_queue__unlined(q);
    }
    if (q->line.len == 0) set_active(q, false);
    if (t->next) t->next->prev = t->prev;
    else q->waiting_last = t->prev;
    if (t->prev) t->prev->next = t->next;
    else q->waiting = t->next;
    q->waiting_len--;
    t->state = NEAP_TICKET_IDLE;
    if (q->flow->active != NULL) return;
    neap_timer_stop(q->flow->loop, &q->flow->timer);
    neap_loop_unpost(q->flow->loop, &q->flow->job);
}

/* Ends a wait without admission. */
static void dismiss(neap_ticket *t, int rc) {
    bool told = t->told;
    remove_waiting(t);
    t->told = false;
    if (told) t->done(t, rc);
}

/* Gives an idle ticket its slots. */
static void hold_slots(neap_ticket *t, int64_t now) {
    neap_queue *q = t->queue;
    memset(t->holds, 0, sizeof t->holds);
    for (size_t i = 0; i < q->limit_count; i++) neap_limit_take(q->limits[i], &t->holds[i], now);
    neap_gate_send(q->gate, &t->record);
    t->state = NEAP_TICKET_HELD;
    t->departed = t->answered = t->told = false;
}

static void admit(neap_ticket *t, int64_t now) {
    bool told = t->told;
    remove_waiting(t);
    hold_slots(t, now);
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

/* Who of the line would leave next; NULL: the gate is closed, and its probe is not in this line. */
static neap_ticket *head_of(neap_queue *q, int64_t now) {
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
        neap_ticket *t = head_of(q, now);
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
    while (f->active != NULL) dismiss(neap_timer_heap_first(&f->active->line)->ud, rc);
}

static void dismiss_queue(neap_queue *q, int rc) {
    while (q->line.len > 0) dismiss(neap_timer_heap_first(&q->line)->ud, rc);
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

/* Admits whoever may leave now, earliest arrival first, and arms the timer for the next. */
static void pump(neap_flow *f) {
    int64_t now = neap_loop_now_ns(f->loop), next;
    neap_ticket *t;
    while ((t = find_ready(f, now, &next)) != NULL) admit(t, now);
    if (next == NEAP_NEVER) neap_timer_stop(f->loop, &f->timer);
    else if (neap_timer_start(f->loop, &f->timer, next) < 0) dismiss_line(f, NEAP_ENOMEM);
}

/* Puts a waiting ticket into the line, by arrival. */
static int line_up(neap_ticket *t) {
    neap_queue *q = t->queue;
    if (neap_timer_heap_put(&q->line, &t->node, (int64_t)t->arrival) < 0) return NEAP_ENOMEM;
    neap_ticket__wait_for(t, NULL);
    t->state = NEAP_TICKET_LINED;
    neap_queue__lined(q);
    set_active(q, true);
    return 0;
}

static bool gate_lets(const neap_ticket *t) {
    const neap_gate *g = t->queue->gate;
    return g->state == NEAP_GATE_OPEN || g->probe == &t->record;
}

/* `is_pause`: until the end of the group's pause, else of its own wait. */
static int park_until(neap_ticket *t, int64_t due, bool is_pause) {
    const neap_meter_vendor *v = t->queue->gate->meter.vendor;
    t->state = NEAP_TICKET_PARKED;
    if (v != NULL) neap_ticket__wait_for(t, is_pause ? v->pause : v->retry);
    return neap_timer_start(t->queue->flow->loop, &t->node, due);
}

static void look_again(neap_ticket *t);

static neap_ticket *ticket_of_waiter(neap_place_waiter *w) {
    return (neap_ticket *)(void *)((char *)w - offsetof(neap_ticket, waiter));
}

/* A place is free for one that looks on, but something may block it again. */
static bool on_offer(neap_place_waiter *w) {
    neap_ticket *t = ticket_of_waiter(w);
    bool blocked = neap_ticket_is_blocked(t);
    leave_places(t);
    t->has_place = !blocked;
    if (blocked) look_again(t);
    else dismiss(t, 0);
    return !blocked;
}

/* Takes a place for one that is not blocked, if it needs one. False: none is free. */
static bool finds_place(neap_ticket *t) {
    bool needs_none = t->places == NULL || t->queue->gate->probe == &t->record;
    t->has_place = !needs_none && neap_places_take(t->places);
    return needs_none || t->has_place;
}

/* Sends one that only looks on back to its caller, or finds out what it waits for next. */
static void look_again(neap_ticket *t) {
    int64_t pause = t->queue->gate->pause_until_ns;
    int64_t at = t->not_before_ns > pause ? t->not_before_ns : pause;
    if (at > neap_loop_now_ns(t->queue->flow->loop)) {
        if (park_until(t, at, pause > t->not_before_ns) < 0) dismiss(t, NEAP_ENOMEM);
    } else if (gate_lets(t)) {
        if (finds_place(t)) dismiss(t, 0);
        else enter_places(t, on_offer);
    } else {
        const neap_meter_vendor *v = t->queue->gate->meter.vendor;
        neap_timer_stop(t->queue->flow->loop, &t->node);
        t->state = NEAP_TICKET_GATED;
        if (v != NULL) neap_ticket__wait_for(t, v->gate);
    }
}

/* A parked ticket's own wait is over. */
static void on_due(neap_timer *node) {
    neap_ticket *t = node->ud;
    if (t->looks_on) look_again(t);
    else if (line_up(t) < 0) dismiss(t, NEAP_ENOMEM);
    else neap_flow_kick(t->queue->flow);
}

void neap_ticket_init(neap_ticket *t, neap_queue *q, void (*done)(neap_ticket *, int rc),
                      void *ud) {
    *t = (neap_ticket){.queue = q, .done = done, .ud = ud};
}

/* Whether nobody else has to be looked at first: the common case of little traffic. */
static bool can_leave_at_once(neap_ticket *t, int64_t now) {
    neap_queue *q = t->queue;
    return q->flow->active == NULL && neap_queue_ready_at(q, now) <= now && gate_lets(t);
}

/* Behind another there is nothing to look at: the head has its timer, or its event to wait for. */
static int wait_in_line(neap_ticket *t, int64_t now) {
    neap_queue *q = t->queue;
    add_waiting(t);
    if (line_up(t) < 0) {
        remove_waiting(t);
        return NEAP_ENOMEM;
    }
    if (head_of(q, now) == t) pump(q->flow);
    else if (q->cause == NULL) neap_queue__wait_for(q, neap_queue__cause(q, now), now);
    if (t->state == NEAP_TICKET_HELD) return 1;
    if (t->state == NEAP_TICKET_IDLE) return NEAP_ENOMEM;
    t->told = true;
    return 0;
}

static int wait_parked(neap_ticket *t) {
    add_waiting(t);
    if (park_until(t, t->not_before_ns, false) < 0) {
        remove_waiting(t);
        return NEAP_ENOMEM;
    }
    t->told = true;
    return 0;
}

/* What both ways to wait begin with. 0 or NEAP_EOUTAGE. */
static int arrive(neap_ticket *t, int64_t now) {
    assert(t->state == NEAP_TICKET_IDLE);
    if (neap_gate_get_state(t->queue->gate, now) == NEAP_GATE_DOWN) return NEAP_EOUTAGE;
    if (t->arrival == 0) t->arrival = ++t->queue->flow->arrivals;
    t->looks_on = false;
    return 0;
}

int neap_ticket_enter(neap_ticket *t) {
    int64_t now = neap_loop_now_ns(t->queue->flow->loop);
    int rc = arrive(t, now);
    if (rc < 0) return rc;
    if (t->not_before_ns > now) return wait_parked(t);
    if (!can_leave_at_once(t, now)) return wait_in_line(t, now);
    hold_slots(t, now);
    return 1;
}

bool neap_ticket_try_enter(neap_ticket *t) {
    int64_t now = neap_loop_now_ns(t->queue->flow->loop);
    if (arrive(t, now) < 0 || t->not_before_ns > now || !can_leave_at_once(t, now)) return false;
    hold_slots(t, now);
    return true;
}

int neap_ticket_await_unblocked(neap_ticket *t, neap_places *places) {
    int rc = arrive(t, neap_loop_now_ns(t->queue->flow->loop));
    if (rc < 0) return rc;
    t->places = places;
    if (!neap_ticket_is_blocked(t) && finds_place(t)) return 1;
    add_waiting(t);
    t->looks_on = true;
    look_again(t);
    if (t->state == NEAP_TICKET_IDLE) return NEAP_ENOMEM;
    t->told = true;
    return 0;
}

bool neap_ticket_take_place(neap_ticket *t) {
    bool had = t->has_place;
    t->has_place = false;
    return had;
}

bool neap_ticket_is_blocked(const neap_ticket *t) {
    neap_gate *g = t->queue->gate;
    int64_t now = neap_loop_now_ns(t->queue->flow->loop);
    if (neap_gate_get_state(g, now) == NEAP_GATE_DOWN) return false;
    if (t->not_before_ns > now || g->pause_until_ns > now) return true;
    return !gate_lets(t);
}

void neap_ticket_depart(neap_ticket *t, int64_t now) {
    if (t->state != NEAP_TICKET_HELD || t->departed) return;
    t->departed = true;
    for (size_t i = 0; i < t->queue->limit_count; i++)
        neap_limit_depart(t->queue->limits[i], &t->holds[i], now);
    neap_flow_kick(t->queue->flow);
}

void neap_ticket_answer(neap_ticket *t, int64_t now) {
    if (t->state != NEAP_TICKET_HELD || t->answered) return;
    t->departed = t->answered = true;
    for (size_t i = 0; i < t->queue->limit_count; i++)
        neap_limit_answer(t->queue->limits[i], &t->holds[i], now);
    neap_flow_kick(t->queue->flow);
}

void neap_ticket_release(neap_ticket *t) {
    neap_queue *q = t->queue;
    if (t->state != NEAP_TICKET_IDLE && t->state != NEAP_TICKET_HELD) remove_waiting(t);
    if (t->state == NEAP_TICKET_HELD)
        for (size_t i = 0; i < q->limit_count; i++)
            neap_limit_release(q->limits[i], &t->holds[i]);
    t->state = NEAP_TICKET_IDLE;
    t->departed = t->answered = t->told = false;
    if (neap_ticket_take_place(t)) neap_places_release(t->places);
    neap_flow_kick(q->flow);
}

/* The gate has opened: a record that had failed is sent again at once, but never sooner than its
 * vendor asked. */
static void free_record(neap_ticket *t) {
    neap_loop *loop = t->queue->flow->loop;
    t->not_before_ns = t->asked_ns;
    if (t->state == NEAP_TICKET_PARKED && t->looks_on) look_again(t);
    if (t->state != NEAP_TICKET_PARKED || t->looks_on) return;
    if (t->asked_ns > neap_loop_now_ns(loop)) {
        (void)neap_timer_start(loop, &t->node, t->asked_ns); /* moves it: needs no memory */
        return;
    }
    neap_timer_stop(loop, &t->node);
    on_due(&t->node);
}

/* The group is down: everybody under its gate goes. */
static void dismiss_group(neap_flow *f, const neap_gate *gate) {
    for (neap_queue *q = f->queues; q != NULL; q = q->next)
        while (q->gate == gate && q->waiting != NULL) dismiss(q->waiting, NEAP_EOUTAGE);
}

/* The gate lets other records pass than before: those who look on may want to know. */
static void wake_gated(neap_flow *f, const neap_gate *gate) {
    for (neap_queue *q = f->queues; q != NULL; q = q->next) {
        neap_ticket *next, *t = q->gate == gate ? q->waiting : NULL;
        for (; t != NULL; t = next) {
            next = t->next;
            if (t->state == NEAP_TICKET_GATED) look_again(t);
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
        while ((r = neap_gate_pop(q->gate)) != NULL) free_record(ticket_of(r));
    if (change == NEAP_GATE_SAME) return;
    wake_gated(q->flow, q->gate);
    neap_flow_kick(q->flow);
}
