/* test_retry.c: core/retry.h and core/random.h. */
#include "../../csrc/core/retry.h"

#include "../../csrc/core/err.h"
#include "../../csrc/core/random.h"
#include "check.h"

#define SEC INT64_C(1000000000)

static neap_policy policy; /* OmniSegment's: 429 and 5xx, then the defaults */

static const neap_rule outage = {.statuses = {502, 503, 504}, .status_count = 3,
                                 .backoff = NEAP_BACKOFF_CONSTANT, .base_ns = 300 * SEC,
                                 .retries = 5, .gate = true};

static void make_policy(void) {
    CHECK_EQ_INT(neap_policy_add(&policy, &outage), 0);
    CHECK_EQ_INT(neap_policy_add_defaults(&policy), 0);
}

static neap_decision decide(neap_use *h, int status, int64_t retry_after, double random) {
    neap_reply r = {.status = status, .retry_after_ns = retry_after};
    return neap_policy_decide(&policy, h, &r, false, 0, random);
}

static neap_decision fail(neap_use *h, neap_failure f, bool ambiguous, bool repeatable) {
    neap_reply r = {.failure = f, .ambiguous = ambiguous, .retry_after_ns = -1};
    return neap_policy_decide(&policy, h, &r, repeatable, 0, 0);
}

static void test_five_retries_are_six_sends(void) {
    neap_use h[NEAP_POLICY_RULES_MAX] = {0};
    const int statuses[] = {503, 502, 504, 503, 502}; /* one class, one budget */
    for (int i = 0; i < 5; i++) {
        neap_decision d = decide(h, statuses[i], -1, 0.9);
        CHECK_EQ_INT(d.verdict, NEAP_VERDICT_RETRY);
        CHECK_EQ_INT(d.wait_ns, 300 * SEC);
    }
    CHECK_EQ_INT(decide(h, 503, -1, 0).verdict, NEAP_VERDICT_GIVE_UP);
    CHECK_EQ_INT(decide(h, 503, -1, 0).wait_ns, 300 * SEC);
    CHECK_EQ_INT(decide(h, 429, -1, 0).verdict, NEAP_VERDICT_RETRY); /* another class */
}

static void test_retry_after(void) {
    neap_use h[NEAP_POLICY_RULES_MAX] = {0};
    CHECK_EQ_INT(decide(h, 503, 10 * SEC, 0).wait_ns, 300 * SEC);
    CHECK_EQ_INT(decide(h, 503, 3600 * SEC, 0).wait_ns, 3600 * SEC);
    CHECK_EQ_INT(decide(h, 503, INT64_MAX, 0).wait_ns, NEAP_WAIT_MAX_NS);
    CHECK_EQ_INT(decide(h, 429, 7 * SEC, 0.5).wait_ns, 7 * SEC);
    CHECK_EQ_INT(decide(h, 429, 1, 0.5).wait_ns, 1);
    CHECK_EQ_INT(decide(h, 429, 0, 0).wait_ns, 2 * SEC); /* says nothing; 4 s, jitter */
}

static void test_exponential_with_equal_jitter(void) {
    const int64_t whole[] = {1, 2, 4, 8, 16, 32, 60, 60};
    neap_use h[NEAP_POLICY_RULES_MAX] = {0}, g[NEAP_POLICY_RULES_MAX] = {0};
    for (int i = 0; i < 8; i++) {
        int64_t high = decide(g, 429, -1, 1 - 1e-12).wait_ns;
        CHECK_EQ_INT(decide(h, 429, -1, 0).wait_ns, whole[i] * SEC / 2);
        CHECK(high <= whole[i] * SEC && high > whole[i] * SEC - 1000);
    }
    CHECK_EQ_INT(decide(h, 429, -1, 0).verdict, NEAP_VERDICT_GIVE_UP);
    CHECK(decide(h, 429, -1, 0).rule->pause);
}

static void test_write_classes(void) {
    neap_use h[NEAP_POLICY_RULES_MAX] = {0};
    CHECK_EQ_INT(fail(h, NEAP_FAILURE_TIMEOUT, true, false).verdict, NEAP_VERDICT_UNKNOWN);
    CHECK_EQ_INT(fail(h, NEAP_FAILURE_TLS, true, false).verdict, NEAP_VERDICT_UNKNOWN);
    CHECK_EQ_INT(fail(h, NEAP_FAILURE_TIMEOUT, true, true).verdict, NEAP_VERDICT_RETRY);
    CHECK_EQ_INT(fail(h, NEAP_FAILURE_NETWORK, false, false).verdict, NEAP_VERDICT_RETRY);
    CHECK_EQ_INT(fail(h, NEAP_FAILURE_TRUNCATED, true, true).verdict, NEAP_VERDICT_RETRY);
    CHECK_EQ_INT(fail(h, NEAP_FAILURE_NETWORK, false, true).verdict, NEAP_VERDICT_RETRY);
    CHECK_EQ_INT(fail(h, NEAP_FAILURE_NETWORK, false, true).verdict, NEAP_VERDICT_GIVE_UP);
    CHECK_EQ_INT(fail(h, NEAP_FAILURE_TLS, false, true).verdict, NEAP_VERDICT_NO_RULE);
}

static void test_a_named_status_decides_first(void) {
    neap_use h[NEAP_POLICY_RULES_MAX] = {0};
    neap_reply cut = {.status = 503, .failure = NEAP_FAILURE_TRUNCATED, .ambiguous = true,
                      .retry_after_ns = -1};
    CHECK_EQ_INT(neap_policy_decide(&policy, h, &cut, false, 0, 0).wait_ns, 300 * SEC);
    cut.status = 200;
    CHECK_EQ_INT(neap_policy_decide(&policy, h, &cut, false, 0, 0).verdict, NEAP_VERDICT_UNKNOWN);
    CHECK_EQ_INT(neap_policy_decide(&policy, h, &cut, true, 0, 0).verdict, NEAP_VERDICT_RETRY);
    CHECK_EQ_INT(decide(h, 500, -1, 0).verdict, NEAP_VERDICT_NO_RULE);
    CHECK_EQ_INT(decide(h, 400, -1, 0).verdict, NEAP_VERDICT_NO_RULE);
    CHECK(neap_policy_is_outage(&policy, 504) && !neap_policy_is_outage(&policy, 500));
    CHECK(!neap_policy_is_outage(&policy, 429) && !neap_policy_is_outage(&policy, 0));
}

static void test_total(void) {
    neap_policy p = {0};
    neap_rule rule = outage;
    neap_use h[NEAP_POLICY_RULES_MAX] = {0};
    neap_reply r = {.status = 503, .retry_after_ns = -1};
    rule.total_ns = 600 * SEC;
    CHECK_EQ_INT(neap_policy_add(&p, &rule), 0);
    CHECK_EQ_INT(neap_policy_decide(&p, h, &r, true, 1000 * SEC, 0).verdict, NEAP_VERDICT_RETRY);
    CHECK_EQ_INT(neap_policy_decide(&p, h, &r, true, 1300 * SEC, 0).verdict, NEAP_VERDICT_RETRY);
    CHECK_EQ_INT(neap_policy_decide(&p, h, &r, true, 1301 * SEC, 0).verdict, NEAP_VERDICT_GIVE_UP);
}

static void test_nonsense_is_refused(void) {
    neap_policy p = {0};
    neap_rule none = {.base_ns = 1}, shrinking = outage, negative = outage;
    shrinking.backoff = NEAP_BACKOFF_EXPONENTIAL;
    shrinking.factor = 0.5;
    negative.base_ns = -1;
    CHECK_EQ_INT(neap_policy_add(&p, &none), NEAP_EINVAL);
    CHECK_EQ_INT(neap_policy_add(&p, &shrinking), NEAP_EINVAL);
    CHECK_EQ_INT(neap_policy_add(&p, &negative), NEAP_EINVAL);
    for (int i = 0; i < NEAP_POLICY_RULES_MAX; i++) CHECK_EQ_INT(neap_policy_add(&p, &outage), 0);
    CHECK_EQ_INT(neap_policy_add(&p, &outage), NEAP_EINVAL);
}

static void test_names(void) {
    CHECK_STR(neap_failure_name(NEAP_FAILURE_TIMEOUT), "timeout");
    CHECK_EQ_INT(neap_failure_parse("truncated"), NEAP_FAILURE_TRUNCATED);
    CHECK_EQ_INT(neap_failure_parse("whatever"), NEAP_FAILURE_OTHER);
    CHECK_EQ_INT(neap_failure_parse(""), NEAP_FAILURE_OTHER);
}

static void test_random(void) {
    neap_random a, b;
    unsigned hits[7] = {0};
    neap_random_seed(&a, 0);
    CHECK(neap_random_next(&a) == UINT64_C(0x99ec5f36cb75f2b4)); /* reference value of seed 0 */
    neap_random_seed(&a, 42);
    neap_random_seed(&b, 42);
    for (int i = 0; i < 7000; i++) {
        double x = neap_random_real(&a);
        CHECK(x >= 0 && x < 1);
        hits[neap_random_below(&b, 7)]++;
    }
    for (int i = 0; i < 7; i++) CHECK(hits[i] > 850 && hits[i] < 1150);
}

static void test_attempts(void) {
    neap_attempts a = {0}, b = {0};
    for (int i = 0; i < 9; i++) {
        CHECK_EQ_INT(neap_attempts_reserve(&a), 0);
        a.items[a.len++] = (neap_attempt){.status = i};
    }
    CHECK_EQ_INT(neap_attempts_copy(&b, &a), 0);
    CHECK_EQ_INT((int64_t)b.len, 9);
    CHECK_EQ_INT(b.items[8].status, 8);
    neap_attempts_deinit(&a);
    CHECK_EQ_INT(neap_attempts_copy(&b, &a), 0);
    CHECK_EQ_INT((int64_t)b.len, 0);
}

int main(void) {
    make_policy();
    test_five_retries_are_six_sends();
    test_retry_after();
    test_exponential_with_equal_jitter();
    test_write_classes();
    test_a_named_status_decides_first();
    test_total();
    test_nonsense_is_refused();
    test_names();
    test_random();
    test_attempts();
    return check_report();
}
