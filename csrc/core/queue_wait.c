/* queue_wait.c: see queue_own.h: what the tickets of a queue wait for, told to the meter. While the cause of a line is not known, nobody in it is counted. */
#include "queue_own.h"

void neap_ticket__wait_for(neap_ticket *t, neap_meter_wait *cause) {
    int64_t now = neap_loop_now_ns(t->queue->flow->loop);
    if (t->cause == cause) return;
    neap_meter_leave(t->cause, 1, now);
    neap_meter_enter(cause, 1, now);
    neap_meter_add_waits(cause, 1);
    t->cause = cause;
}

neap_meter_wait *neap_queue__cause(neap_queue *q, int64_t now) {
    const neap_meter_vendor *v = q->gate->meter.vendor;
    neap_meter_wait *cause = NULL;
    int64_t latest = now;
    if (v == NULL) return NULL;
    if (neap_gate_get_state(q->gate, now) == NEAP_GATE_CLOSED) return v->gate;
    for (size_t i = 0; i < q->limit_count; i++) {
        int64_t at = neap_limit_ready_at(q->limits[i], now);
        if (at <= latest) continue;
        latest = at;
        cause = q->limits[i]->meter;
    }
    return q->gate->pause_until_ns > latest ? v->pause : cause;
}

void neap_queue__wait_for(neap_queue *q, neap_meter_wait *cause, int64_t now) {
    const neap_meter_vendor *v = q->gate->meter.vendor;
    if (q->cause == cause || cause == NULL) return;
    neap_meter_leave(q->cause, q->line.len, now);
    neap_meter_enter(cause, q->line.len, now);
    if (q->cause == NULL || (v != NULL && (cause == v->gate || cause == v->pause)))
        neap_meter_add_waits(cause, q->line.len);
    q->cause = cause;
}

void neap_queue__lined(neap_queue *q) {
    neap_meter_enter(q->cause, 1, neap_loop_now_ns(q->flow->loop));
    neap_meter_add_waits(q->cause, 1);
}

void neap_queue__unlined(neap_queue *q) {
    neap_meter_leave(q->cause, 1, neap_loop_now_ns(q->flow->loop));
    if (q->line.len == 0) q->cause = NULL;
}
