/* call.c: see call.h. */
#include "call.h"

#include <string.h>

#include "err.h"

static neap_gate *gate_of(neap_call *c) {
    return c->ticket.queue->gate;
}

static neap_loop *loop_of(const neap_call *c) {
    return c->ticket.queue->flow->loop;
}

void neap_call_init(neap_call *c, neap_queue *q, const neap_policy *policy, neap_use *uses, bool repeatable,
                    void (*done)(neap_ticket *, int rc), void *ud) {
    *c = (neap_call){.policy = policy, .uses = uses, .repeatable = repeatable,
                     .begun_ns = neap_loop_now_ns(q->flow->loop)};
    memset(uses, 0, policy->len * sizeof *uses);
    neap_ticket_init(&c->ticket, q, done, ud);
}

void neap_call_judge(neap_call *c, int outcome) {
    c->judged = true;
    c->outcome = outcome;
}

/* The present send is over, well or not. */
static void measure_send(const neap_call *c, int64_t now) {
    if (c->ticket.departed) neap_meter_add_send_time(c->meter, now - c->departed_ns);
}

static void measure_call(const neap_call *c) {
    int64_t now = neap_loop_now_ns(loop_of(c));
    int unsaid = c->good ? 0 : NEAP_ECANCELLED;
    measure_send(c, now);
    neap_meter_add_call(c->meter, c->judged ? c->outcome : unsaid, now - c->begun_ns);
}

void neap_call_finish(neap_call *c) {
    if (c->finished) return;
    c->finished = true;
    if (c->meter != NULL) measure_call(c);
    neap_ticket_release(&c->ticket);
    neap_queue_gate_changed(c->ticket.queue, neap_gate_leave(gate_of(c), &c->ticket.record));
}

void neap_call_deinit(neap_call *c) {
    if (c->ticket.queue == NULL) return;
    neap_call_finish(c);
    neap_attempts_deinit(&c->attempts);
}

int neap_call_admit(neap_call *c) {
    if (c->finished || c->ticket.state != NEAP_TICKET_IDLE) return NEAP_EINVAL;
    /* Room for its entry now: a departure is reported where nothing may fail. */
    if (neap_attempts_reserve(&c->attempts) < 0) return NEAP_ENOMEM;
    c->logged = false;
    return neap_ticket_enter(&c->ticket);
}

bool neap_call_try_admit(neap_call *c) {
    if (c->finished || c->ticket.state != NEAP_TICKET_IDLE) return false;
    if (neap_attempts_reserve(&c->attempts) < 0 || !neap_ticket_try_enter(&c->ticket)) return false;
    c->logged = false;
    return true;
}

int neap_call_await_unblocked(neap_call *c, neap_places *places) {
    if (c->finished || c->ticket.state != NEAP_TICKET_IDLE) return NEAP_EINVAL;
    return neap_ticket_await_unblocked(&c->ticket, places);
}

/* Starts the entry of the present admission. */
static void log_send(neap_call *c, int64_t now) {
    static const neap_attempt none;
    bool first = c->attempts.len == 0;
    const neap_attempt *last = first ? &none : &c->attempts.items[c->attempts.len - 1];
    if (c->logged) return;
    c->logged = true;
    c->good = false;
    neap_meter_add_send(c->meter, !first, last->status, last->failure);
    c->attempts.items[c->attempts.len++] = (neap_attempt){
        .at_ms = neap_loop_wall_ms(loop_of(c)), .wait_ns = first ? 0 : now - c->settled_ns};
}

void neap_call_depart(neap_call *c, int64_t now) {
    if (c->ticket.state != NEAP_TICKET_HELD || c->ticket.departed) return;
    neap_ticket_depart(&c->ticket, now);
    c->departed_ns = now;
    c->departures++;
    log_send(c, now);
}

void neap_call_answer(neap_call *c, int64_t now) {
    if (c->ticket.state != NEAP_TICKET_HELD) return;
    neap_call_depart(c, now);
    neap_ticket_answer(&c->ticket, now);
}

/* Tells the gate how a send with a status ended. */
static neap_gate_change tell_gate(neap_call *c, const neap_decision *d, int64_t now) {
    neap_gate *g = gate_of(c);
    neap_gate_record *r = &c->ticket.record;
    if (d->rule == NULL || !d->rule->gate) return neap_gate_answer(g, r, now);
    if (d->verdict == NEAP_VERDICT_RETRY) return neap_gate_outage(g, r, now);
    return neap_gate_outage_last(g, r, &c->attempts, now, now + d->wait_ns);
}

/* The same for one without. A probe that will not be sent again either takes the group down, when
 * its program is over, or hands its part to another record. */
static neap_gate_change tell_gate_failed(neap_call *c, const neap_decision *d, int64_t now) {
    neap_gate *g = gate_of(c);
    neap_gate_record *r = &c->ticket.record;
    int64_t wait = c->gate_wait_ns > d->wait_ns ? c->gate_wait_ns : d->wait_ns;
    neap_gate_change change = NEAP_GATE_SAME;
    if (d->verdict == NEAP_VERDICT_RETRY) return change;
    if (d->verdict == NEAP_VERDICT_GIVE_UP)
        change = neap_gate_give_up(g, r, &c->attempts, now, now + wait);
    return change == NEAP_GATE_SAME ? neap_gate_leave(g, r) : change;
}

/* Notes what is known about the send itself: a status or an ambiguous end prove that it left. */
static void close_send(neap_call *c, const neap_reply *reply, int64_t now) {
    neap_attempt *a;
    if (reply->status > 0) neap_call_answer(c, now);
    else if (reply->ambiguous) neap_call_depart(c, now);
    log_send(c, now);
    a = &c->attempts.items[c->attempts.len - 1];
    a->status = reply->status;
    a->failure = reply->failure;
    c->good = reply->failure == NEAP_FAILURE_NONE && reply->status >= 200 && reply->status < 300;
    c->settled_ns = now;
    measure_send(c, now);
    neap_ticket_release(&c->ticket);
}

/* Sets the ticket's own wait before the next send. */
static void set_wait(neap_call *c, const neap_decision *d, int64_t retry_after_ns, int64_t now) {
    neap_ticket *t = &c->ticket;
    t->not_before_ns = t->asked_ns = 0;
    if (d->verdict != NEAP_VERDICT_RETRY) return;
    t->not_before_ns = now + d->wait_ns;
    /* The wait holds what the vendor asked for, unless that is beyond all reason. */
    if (retry_after_ns > 0)
        t->asked_ns = now + (retry_after_ns < d->wait_ns ? retry_after_ns : d->wait_ns);
    if (d->rule->gate) c->gate_wait_ns = d->wait_ns;
}

neap_decision neap_call_settle(neap_call *c, const neap_reply *reply, double random) {
    neap_loop *loop = loop_of(c);
    neap_ticket *t = &c->ticket;
    neap_decision d = {.verdict = NEAP_VERDICT_NO_RULE};
    neap_gate_change change;
    int64_t now;
    if (t->state != NEAP_TICKET_HELD) return d;
    neap_loop_update(loop); /* waits count from now, not from the start of this turn */
    now = neap_loop_now_ns(loop);
    close_send(c, reply, now);
    d = neap_policy_decide(c->policy, c->uses, reply, c->repeatable, now, random);
    set_wait(c, &d, reply->retry_after_ns, now);
    if (d.rule != NULL && d.rule->pause) neap_gate_pause(gate_of(c), now + d.wait_ns);
    change = reply->status > 0 ? tell_gate(c, &d, now) : tell_gate_failed(c, &d, now);
    neap_queue_gate_changed(t->queue, change);
    return d;
}

neap_decision neap_call_broke(neap_call *c, neap_failure failure, double random) {
    neap_reply reply = {.failure = failure, .ambiguous = true, .retry_after_ns = -1};
    neap_decision d = {.verdict = NEAP_VERDICT_NO_RULE};
    neap_attempt *a = c->attempts.len > 0 ? &c->attempts.items[c->attempts.len - 1] : NULL;
    if (c->ticket.state != NEAP_TICKET_IDLE || a == NULL) return d;
    neap_loop_update(loop_of(c));
    c->settled_ns = neap_loop_now_ns(loop_of(c));
    a->status = 0;
    a->failure = failure;
    c->good = false;
    d = neap_policy_decide(c->policy, c->uses, &reply, c->repeatable, c->settled_ns, random);
    set_wait(c, &d, -1, c->settled_ns);
    return d;
}
