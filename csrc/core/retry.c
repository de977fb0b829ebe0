/* retry.c: see retry.h. */
#include "retry.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

static const char *const failure_names[] = {
#define X(sym, name) name,
    NEAP_FAILURE_LIST(X)
#undef X
};

#define FAILURE_COUNT (sizeof failure_names / sizeof failure_names[0])

const char *neap_failure_name(neap_failure f) {
    return (size_t)f < FAILURE_COUNT ? failure_names[f] : "other";
}

neap_failure neap_failure_parse(const char *name) {
    for (size_t i = 1; i < FAILURE_COUNT; i++)
        if (strcmp(name, failure_names[i]) == 0) return (neap_failure)i;
    return NEAP_FAILURE_OTHER;
}

static bool wait_is_good(int64_t ns) {
    return ns >= 0 && ns <= NEAP_WAIT_MAX_NS;
}

int neap_policy_add(neap_policy *p, const neap_rule *rule) {
    if (p->len == NEAP_POLICY_RULES_MAX) return NEAP_EINVAL;
    if (rule->status_count > NEAP_RULE_STATUSES_MAX) return NEAP_EINVAL;
    if (rule->status_count == 0 && rule->failures == 0) return NEAP_EINVAL;
    if (!wait_is_good(rule->base_ns) || !wait_is_good(rule->max_ns)) return NEAP_EINVAL;
    if (!wait_is_good(rule->total_ns) || rule->retries > UINT16_MAX) return NEAP_EINVAL;
    if (rule->backoff == NEAP_BACKOFF_EXPONENTIAL && !(rule->factor >= 1)) return NEAP_EINVAL;
    p->rules[p->len++] = *rule;
    return 0;
}

#define SECOND INT64_C(1000000000)

int neap_policy_add_defaults(neap_policy *p) {
    const neap_rule network = {
        .failures = 1u << NEAP_FAILURE_NETWORK | 1u << NEAP_FAILURE_TRUNCATED |
                    1u << NEAP_FAILURE_TIMEOUT,
        .backoff = NEAP_BACKOFF_EXPONENTIAL, .base_ns = SECOND, .max_ns = 30 * SECOND,
        .factor = 2, .jitter = NEAP_JITTER_EQUAL, .retries = 4};
    const neap_rule too_many = {
        .statuses = {429}, .status_count = 1,
        .backoff = NEAP_BACKOFF_EXPONENTIAL, .base_ns = SECOND, .max_ns = 60 * SECOND,
        .factor = 2, .jitter = NEAP_JITTER_EQUAL, .retries = 8, .pause = true};
    int rc = neap_policy_add(p, &network);
    return rc < 0 ? rc : neap_policy_add(p, &too_many);
}

static bool names_status(const neap_rule *rule, int status) {
    for (size_t i = 0; i < rule->status_count; i++)
        if (rule->statuses[i] == status) return true;
    return false;
}

static const neap_rule *rule_of_status(const neap_policy *p, int status) {
    for (size_t i = 0; i < p->len; i++)
        if (names_status(&p->rules[i], status)) return &p->rules[i];
    return NULL;
}

static const neap_rule *rule_of_failure(const neap_policy *p, neap_failure f) {
    for (size_t i = 0; i < p->len; i++)
        if (p->rules[i].failures & 1u << f) return &p->rules[i];
    return NULL;
}

bool neap_policy_is_outage(const neap_policy *p, int status) {
    const neap_rule *rule = status > 0 ? rule_of_status(p, status) : NULL;
    return rule != NULL && rule->gate;
}

/* The program's n-th wait, n from 0, before jitter. */
static int64_t program_wait(const neap_rule *rule, unsigned n) {
    double cap = rule->max_ns > 0 ? (double)rule->max_ns : (double)NEAP_WAIT_MAX_NS;
    double wait = (double)rule->base_ns;
    if (rule->backoff == NEAP_BACKOFF_CONSTANT) return rule->base_ns;
    if (rule->factor > 1 && wait > 0)
        for (; n > 0 && wait < cap; n--) wait *= rule->factor;
    return (int64_t)(wait < cap ? wait : cap);
}

static int64_t add_jitter(const neap_rule *rule, int64_t wait, double random) {
    int64_t fixed = wait;
    if (rule->jitter == NEAP_JITTER_EQUAL) fixed = wait / 2;
    if (rule->jitter == NEAP_JITTER_FULL) fixed = 0;
    return fixed + (int64_t)(random * (double)(wait - fixed));
}

/* Retry-After is never shortened (RFC 9110 10.2.3). Under a rule for too many requests it is the
 * wait itself; for others the program's own wait holds where it is longer. Zero says nothing. */
static int64_t wait_of(const neap_rule *rule, unsigned n, const neap_reply *r, double random) {
    int64_t wait = add_jitter(rule, program_wait(rule, n), random), asked = r->retry_after_ns;
    if (asked > NEAP_WAIT_MAX_NS) asked = NEAP_WAIT_MAX_NS;
    if (asked > 0 && (rule->pause || r->status == 429 || asked > wait)) return asked;
    return wait;
}

neap_decision neap_policy_decide(const neap_policy *p, neap_use *uses, const neap_reply *r,
                                 bool repeatable, int64_t now, double random) {
    const neap_rule *rule = r->status > 0 ? rule_of_status(p, r->status) : NULL;
    neap_decision d = {.verdict = NEAP_VERDICT_NO_RULE};
    neap_use *use;
    unsigned n;
    if (rule == NULL && r->failure != NEAP_FAILURE_NONE) {
        if (r->ambiguous && !repeatable) d.verdict = NEAP_VERDICT_UNKNOWN;
        if (r->ambiguous && !repeatable) return d;
        rule = rule_of_failure(p, r->failure);
    }
    if (rule == NULL) return d;
    use = &uses[rule - p->rules];
    if (!use->applied) use->first_ns = now;
    use->applied = true;
    n = use->resends;
    d.rule = rule;
    d.wait_ns = wait_of(rule, n < rule->retries || n == 0 ? n : n - 1, r, random);
    d.verdict = NEAP_VERDICT_GIVE_UP;
    if (n >= rule->retries) return d;
    if (rule->total_ns > 0 && now + d.wait_ns > use->first_ns + rule->total_ns) return d;
    use->resends++;
    d.verdict = NEAP_VERDICT_RETRY;
    return d;
}

int neap_attempts_reserve(neap_attempts *a) {
    bool inside = a->items == a->inside;
    size_t cap = a->cap * 2;
    neap_attempt *items;
    if (a->len < a->cap) return 0;
    if (a->items == NULL) {
        a->items = a->inside;
        a->cap = NEAP_ATTEMPTS_INSIDE;
        return 0;
    }
    items = realloc(inside ? NULL : a->items, cap * sizeof *items);
    if (items == NULL) return NEAP_ENOMEM;
    if (inside) memcpy(items, a->inside, sizeof a->inside);
    a->items = items;
    a->cap = cap;
    return 0;
}

int neap_attempts_copy(neap_attempts *to, const neap_attempts *from) {
    neap_attempts_deinit(to);
    if (from->len == 0) return 0;
    to->items = from->len > NEAP_ATTEMPTS_INSIDE ? malloc(from->len * sizeof *to->items) : to->inside;
    if (to->items == NULL) return NEAP_ENOMEM;
    memcpy(to->items, from->items, from->len * sizeof *to->items);
    to->len = from->len;
    to->cap = from->len > NEAP_ATTEMPTS_INSIDE ? from->len : NEAP_ATTEMPTS_INSIDE;
    return 0;
}

void neap_attempts_deinit(neap_attempts *a) {
    if (a->items != a->inside) free(a->items);
    *a = (neap_attempts){0};
}
