/* test_gate.c: core/gate.h, its own rules; see test_queue.c for the gate at work. */
#include "../../csrc/core/gate.h"

#include "check.h"

#define SEC INT64_C(1000000000)

static const neap_attempts no_sends;

static neap_gate_change out(neap_gate *g, neap_gate_record *r) {
    return neap_gate_outage(g, r, 0);
}

static void test_two_in_a_row_of_different_records(void) {
    neap_gate g = {0};
    neap_gate_record a = {0}, b = {0}, c = {0};
    CHECK_EQ_INT(out(&g, &a), NEAP_GATE_SAME);
    neap_gate_send(&g, &a);
    CHECK_EQ_INT(out(&g, &a), NEAP_GATE_SAME); /* the same record again */
    CHECK_EQ_INT(neap_gate_answer(&g, &c, 0), NEAP_GATE_SAME);
    CHECK_EQ_INT(out(&g, &b), NEAP_GATE_SAME); /* an answer came between */
    CHECK_EQ_INT(out(&g, &c), NEAP_GATE_SHUT);
    CHECK(g.probe == &b);
    CHECK_EQ_INT(neap_gate_get_state(&g, 0), NEAP_GATE_CLOSED);
    CHECK_EQ_INT(out(&g, &b), NEAP_GATE_SAME);
    CHECK_EQ_INT(neap_gate_answer(&g, &b, 0), NEAP_GATE_OPENED);
    CHECK(neap_gate_pop(&g) == &a && neap_gate_pop(&g) == &c && neap_gate_pop(&g) == NULL);
    CHECK_EQ_INT(neap_gate_get_state(&g, 0), NEAP_GATE_OPEN);
    CHECK_EQ_INT(out(&g, &c), NEAP_GATE_SAME); /* clean history */
}

static void test_a_probe_that_leaves(void) {
    neap_gate g = {0};
    neap_gate_record a = {0}, b = {0}, c = {0};
    out(&g, &a);
    out(&g, &b);
    out(&g, &c);
    CHECK(g.probe == &a);
    CHECK_EQ_INT(neap_gate_leave(&g, &b), NEAP_GATE_SAME);
    CHECK_EQ_INT(neap_gate_leave(&g, &a), NEAP_GATE_SHUT);
    CHECK(g.probe == &c);
    CHECK_EQ_INT(neap_gate_leave(&g, &c), NEAP_GATE_OPENED);
    CHECK_EQ_INT(neap_gate_get_state(&g, 0), NEAP_GATE_OPEN);
    CHECK(g.first == NULL && g.last == NULL && g.row == NULL);
    out(&g, &a);
    CHECK_EQ_INT(neap_gate_leave(&g, &a), NEAP_GATE_SAME);
    CHECK_EQ_INT(out(&g, &b), NEAP_GATE_SHUT); /* still two in a row */
    CHECK(g.probe == &b);
}

static void test_the_first_of_two_has_gone(void) {
    neap_gate g = {0};
    neap_gate_record a = {0}, b = {0}, c = {0};
    CHECK_EQ_INT(neap_gate_outage_last(&g, &a, &no_sends, 0, SEC), NEAP_GATE_SAME);
    CHECK_EQ_INT(out(&g, &b), NEAP_GATE_SHUT); /* two in a row, but a is not sent any more */
    CHECK(g.probe == &b);
    CHECK_EQ_INT(neap_gate_answer(&g, &c, 0), NEAP_GATE_OPENED);
    CHECK(neap_gate_pop(&g) == &b);
    CHECK_EQ_INT(neap_gate_outage_last(&g, &a, &no_sends, 0, SEC), NEAP_GATE_SAME);
    CHECK_EQ_INT(neap_gate_outage_last(&g, &b, &no_sends, 0, SEC), NEAP_GATE_SAME);
    CHECK_EQ_INT(neap_gate_get_state(&g, 0), NEAP_GATE_OPEN); /* nobody left to probe with */
    CHECK_EQ_INT(out(&g, &c), NEAP_GATE_SHUT);
    CHECK(g.probe == &c);
}

static void test_down(void) {
    neap_gate g = {0};
    neap_gate_record a = {0}, b = {0}, c = {0};
    neap_attempts sends = {0};
    CHECK_EQ_INT(neap_attempts_reserve(&sends), 0);
    sends.items[sends.len++] = (neap_attempt){.status = 503};
    out(&g, &a);
    out(&g, &b);
    CHECK_EQ_INT(neap_gate_outage_last(&g, &b, &sends, 0, 9 * SEC), NEAP_GATE_SAME);
    CHECK_EQ_INT(neap_gate_give_up(&g, &b, &sends, 0, 9 * SEC), NEAP_GATE_SAME);
    CHECK_EQ_INT(neap_gate_outage_last(&g, &a, &sends, 0, 9 * SEC), NEAP_GATE_FELL);
    CHECK_EQ_INT((int64_t)g.cause.len, 1);
    CHECK_EQ_INT(out(&g, &c), NEAP_GATE_SAME); /* on the wire meanwhile */
    CHECK(!c.parked && g.first == NULL);
    CHECK_EQ_INT(neap_gate_get_state(&g, 9 * SEC - 1), NEAP_GATE_DOWN);
    CHECK_EQ_INT(neap_gate_get_state(&g, 9 * SEC), NEAP_GATE_OPEN);
    CHECK_EQ_INT(out(&g, &b), NEAP_GATE_SAME); /* nothing remembered */
    neap_attempts_deinit(&sends);
    neap_gate_deinit(&g);
}

static void test_an_answer_ends_down(void) {
    neap_gate g = {0};
    neap_gate_record a = {0}, b = {0}, c = {0};
    out(&g, &a);
    out(&g, &b);
    CHECK_EQ_INT(neap_gate_give_up(&g, &a, &no_sends, 0, 9 * SEC), NEAP_GATE_FELL);
    CHECK_EQ_INT(neap_gate_answer(&g, &c, SEC), NEAP_GATE_OPENED);
    CHECK(neap_gate_pop(&g) == NULL);
    neap_gate_deinit(&g);
}

static void test_pause_only_grows(void) {
    neap_gate g = {0};
    neap_gate_pause(&g, 5 * SEC);
    neap_gate_pause(&g, 3 * SEC);
    CHECK_EQ_INT(g.pause_until_ns, 5 * SEC);
}

int main(void) {
    test_two_in_a_row_of_different_records();
    test_a_probe_that_leaves();
    test_the_first_of_two_has_gone();
    test_down();
    test_an_answer_ends_down();
    test_pause_only_grows();
    return check_report();
}
