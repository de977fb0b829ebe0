/* gate.c: see gate.h. */
#include "gate.h"

#include <stddef.h>

void neap_gate_deinit(neap_gate *g) {
    neap_attempts_deinit(&g->cause);
    neap_meter_close_gate(&g->meter);
}

static void park(neap_gate *g, neap_gate_record *r) {
    if (r->parked) return;
    r->parked = true;
    r->next = NULL;
    r->prev = g->last;
    if (g->last) g->last->next = r;
    else g->first = r;
    g->last = r;
}

static void unpark(neap_gate *g, neap_gate_record *r) {
    if (!r->parked) return;
    r->parked = false;
    if (r->prev) r->prev->next = r->next;
    else g->first = r->next;
    if (r->next) r->next->prev = r->prev;
    else g->last = r->prev;
    r->prev = r->next = NULL;
}

static void forget_row(neap_gate *g) {
    g->row_id = 0;
    g->row = NULL;
}

static neap_gate_change open_gate(neap_gate *g) {
    g->state = NEAP_GATE_OPEN;
    g->probe = NULL;
    forget_row(g);
    return NEAP_GATE_OPENED;
}

/* The records that are waiting are being sent away: none of them may become a probe later. */
static neap_gate_change fall(neap_gate *g, const neap_attempts *sends, int64_t until) {
    g->state = NEAP_GATE_DOWN;
    g->down_until_ns = until;
    g->probe = NULL;
    forget_row(g);
    while (neap_gate_pop(g) != NULL) {}
    /* Without memory for the copy the outage is reported without its cause. */
    (void)neap_attempts_copy(&g->cause, sends);
    return NEAP_GATE_FELL;
}

neap_gate_state neap_gate_get_state(neap_gate *g, int64_t now) {
    if (g->state == NEAP_GATE_DOWN && now >= g->down_until_ns) (void)open_gate(g);
    return g->state;
}

void neap_gate_pause(neap_gate *g, int64_t until) {
    if (until > g->pause_until_ns) g->pause_until_ns = until;
}

void neap_gate_send(neap_gate *g, neap_gate_record *r) {
    unpark(g, r);
}

/* Notes an outage answer of r; `again`: r waits for another send. */
static neap_gate_change count_outage(neap_gate *g, neap_gate_record *r, bool again) {
    if (r->id == 0) r->id = ++g->ids;
    if (g->state == NEAP_GATE_DOWN) return NEAP_GATE_SAME;
    if (again) park(g, r);
    else unpark(g, r);
    if (g->state == NEAP_GATE_CLOSED) return NEAP_GATE_SAME;
    if (g->row_id != 0 && g->row_id != r->id) {
        g->probe = g->row ? g->row : g->first;
        if (g->probe != NULL) g->state = NEAP_GATE_CLOSED;
        if (g->probe != NULL) return NEAP_GATE_SHUT;
    }
    g->row_id = r->id;
    g->row = again ? r : NULL;
    return NEAP_GATE_SAME;
}

neap_gate_change neap_gate_outage(neap_gate *g, neap_gate_record *r, int64_t now) {
    (void)neap_gate_get_state(g, now);
    return count_outage(g, r, true);
}

neap_gate_change neap_gate_outage_last(neap_gate *g, neap_gate_record *r,
                                       const neap_attempts *sends, int64_t now,
                                       int64_t down_until) {
    neap_gate_change change = neap_gate_give_up(g, r, sends, now, down_until);
    return change == NEAP_GATE_SAME ? count_outage(g, r, false) : change;
}

neap_gate_change neap_gate_give_up(neap_gate *g, neap_gate_record *r, const neap_attempts *sends,
                                   int64_t now, int64_t down_until) {
    bool is_probe = neap_gate_get_state(g, now) == NEAP_GATE_CLOSED && g->probe == r;
    return is_probe ? fall(g, sends, down_until) : NEAP_GATE_SAME;
}

neap_gate_change neap_gate_answer(neap_gate *g, neap_gate_record *r, int64_t now) {
    unpark(g, r);
    if (neap_gate_get_state(g, now) != NEAP_GATE_OPEN) return open_gate(g);
    forget_row(g);
    return NEAP_GATE_SAME;
}

neap_gate_change neap_gate_leave(neap_gate *g, neap_gate_record *r) {
    unpark(g, r);
    if (g->row == r) g->row = NULL;
    if (g->state != NEAP_GATE_CLOSED || g->probe != r) return NEAP_GATE_SAME;
    g->probe = g->first;
    return g->probe != NULL ? NEAP_GATE_SHUT : open_gate(g);
}

neap_gate_record *neap_gate_pop(neap_gate *g) {
    neap_gate_record *r = g->first;
    if (r != NULL) unpark(g, r);
    return r;
}
