/* ticket.c: see queue.h: one call's place, what it waits for and how it is let go. queue.c says who leaves next. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "err.h"
#include "queue_own.h"

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

void neap_ticket__remove(neap_ticket *t) {
    neap_queue *q = t->queue;
    neap_ticket__wait_for(t, NULL);
    if (t->state == NEAP_TICKET_PARKED) neap_timer_stop(q->flow->loop, &t->node);
    if (t->state == NEAP_TICKET_PLACELESS) leave_places(t);
    if (t->state == NEAP_TICKET_LINED) {
        neap_timer_heap_drop(&q->line, &t->node);
        neap_queue__unlined(q);
    }
    if (q->line.len == 0) neap_queue__set_active(q, false);
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

void neap_ticket__dismiss(neap_ticket *t, int rc) {
    bool told = t->told;
    neap_ticket__remove(t);
    t->told = false;
    if (told) t->done(t, rc);
}

void neap_ticket__hold(neap_ticket *t, int64_t now) {
    neap_queue *q = t->queue;
    memset(t->holds, 0, sizeof t->holds);
    for (size_t i = 0; i < q->limit_count; i++) neap_limit_take(q->limits[i], &t->holds[i], now);
    neap_gate_send(q->gate, &t->record);
    t->state = NEAP_TICKET_HELD;
    t->departed = t->answered = t->told = false;
}

/* Puts a waiting ticket into the line, by arrival. */
static int line_up(neap_ticket *t) {
    neap_queue *q = t->queue;
    if (neap_timer_heap_put(&q->line, &t->node, (int64_t)t->arrival) < 0) return NEAP_ENOMEM;
    neap_ticket__wait_for(t, NULL);
    t->state = NEAP_TICKET_LINED;
    neap_queue__lined(q);
    neap_queue__set_active(q, true);
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

static neap_ticket *ticket_of_waiter(neap_place_waiter *w) {
    return (neap_ticket *)(void *)((char *)w - offsetof(neap_ticket, waiter));
}

/* A place is free for one that looks on, but something may block it again. */
static bool on_offer(neap_place_waiter *w) {
    neap_ticket *t = ticket_of_waiter(w);
    bool blocked = neap_ticket_is_blocked(t);
    leave_places(t);
    t->has_place = !blocked;
    if (blocked) neap_ticket__look_again(t);
    else neap_ticket__dismiss(t, 0);
    return !blocked;
}

/* Takes a place for one that is not blocked, if it needs one. False: none is free. */
static bool finds_place(neap_ticket *t) {
    bool needs_none = t->places == NULL || t->queue->gate->probe == &t->record;
    t->has_place = !needs_none && neap_places_take(t->places);
    return needs_none || t->has_place;
}

void neap_ticket__look_again(neap_ticket *t) {
    int64_t pause = t->queue->gate->pause_until_ns;
    int64_t at = t->not_before_ns > pause ? t->not_before_ns : pause;
    if (at > neap_loop_now_ns(t->queue->flow->loop)) {
        if (park_until(t, at, pause > t->not_before_ns) < 0) neap_ticket__dismiss(t, NEAP_ENOMEM);
    } else if (gate_lets(t)) {
        if (finds_place(t)) neap_ticket__dismiss(t, 0);
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
    if (t->looks_on) neap_ticket__look_again(t);
    else if (line_up(t) < 0) neap_ticket__dismiss(t, NEAP_ENOMEM);
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
        neap_ticket__remove(t);
        return NEAP_ENOMEM;
    }
    if (neap_queue__head(q, now) == t) neap_queue__pump(q->flow);
    else if (q->cause == NULL) neap_queue__wait_for(q, neap_queue__cause(q, now), now);
    if (t->state == NEAP_TICKET_HELD) return 1;
    if (t->state == NEAP_TICKET_IDLE) return NEAP_ENOMEM;
    t->told = true;
    return 0;
}

static int wait_parked(neap_ticket *t) {
    add_waiting(t);
    if (park_until(t, t->not_before_ns, false) < 0) {
        neap_ticket__remove(t);
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
    neap_ticket__hold(t, now);
    return 1;
}

bool neap_ticket_try_enter(neap_ticket *t) {
    int64_t now = neap_loop_now_ns(t->queue->flow->loop);
    if (arrive(t, now) < 0 || t->not_before_ns > now || !can_leave_at_once(t, now)) return false;
    neap_ticket__hold(t, now);
    return true;
}

int neap_ticket_await_unblocked(neap_ticket *t, neap_places *places) {
    int rc = arrive(t, neap_loop_now_ns(t->queue->flow->loop));
    if (rc < 0) return rc;
    t->places = places;
    if (!neap_ticket_is_blocked(t) && finds_place(t)) return 1;
    add_waiting(t);
    t->looks_on = true;
    neap_ticket__look_again(t);
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
    if (t->state != NEAP_TICKET_IDLE && t->state != NEAP_TICKET_HELD) neap_ticket__remove(t);
    if (t->state == NEAP_TICKET_HELD)
        for (size_t i = 0; i < q->limit_count; i++)
            neap_limit_release(q->limits[i], &t->holds[i]);
    t->state = NEAP_TICKET_IDLE;
    t->departed = t->answered = t->told = false;
    if (neap_ticket_take_place(t)) neap_places_release(t->places);
    neap_flow_kick(q->flow);
}

void neap_ticket__free(neap_ticket *t) {
    neap_loop *loop = t->queue->flow->loop;
    t->not_before_ns = t->asked_ns;
    if (t->state == NEAP_TICKET_PARKED && t->looks_on) neap_ticket__look_again(t);
    if (t->state != NEAP_TICKET_PARKED || t->looks_on) return;
    if (t->asked_ns > neap_loop_now_ns(loop)) {
        (void)neap_timer_start(loop, &t->node, t->asked_ns); /* moves it: needs no memory */
        return;
    }
    neap_timer_stop(loop, &t->node);
    on_due(&t->node);
}
