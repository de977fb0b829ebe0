/* retry.h: what to do after a send that did not work. Pure: time and randomness are arguments.
 *
 * A policy is a list of rules; the first that names the outcome applies. Each rule is one class of
 * failure with one budget: a rule for 502, 503 and 504 counts them together. `retries` are resends,
 * so retries = 5 means six sends. */
#ifndef NEAP_CORE_RETRY_H
#define NEAP_CORE_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ways to end without a usable answer. X(symbol, name) */
#define NEAP_FAILURE_LIST(X)                                                                       \
    X(NONE, "")                                                                                    \
    X(NETWORK, "network")                                                                          \
    X(TRUNCATED, "truncated")                                                                      \
    X(TIMEOUT, "timeout")                                                                          \
    X(TLS, "tls")                                                                                  \
    X(REDIRECT, "redirect")                                                                        \
    X(DECODE, "decode")                                                                            \
    X(TOO_LARGE, "too_large")                                                                      \
    X(AUTH, "auth")                                                                                \
    X(CANCELLED, "cancelled")                                                                      \
    X(OTHER, "other")

typedef enum neap_failure {
#define X(sym, name) NEAP_FAILURE_##sym,
    NEAP_FAILURE_LIST(X)
#undef X
} neap_failure;

/* Gets the name of a class; static storage. And the class of a name: OTHER if unknown. */
const char *neap_failure_name(neap_failure);
neap_failure neap_failure_parse(const char *name);

typedef enum neap_backoff { NEAP_BACKOFF_CONSTANT, NEAP_BACKOFF_EXPONENTIAL } neap_backoff;

typedef enum neap_jitter {
    NEAP_JITTER_NONE,
    NEAP_JITTER_EQUAL, /* half fixed, half random */
    NEAP_JITTER_FULL   /* all random */
} neap_jitter;

#define NEAP_RULE_STATUSES_MAX 16
#define NEAP_POLICY_RULES_MAX 12
#define NEAP_WAIT_MAX_NS (INT64_MAX / 8)

/* One class of failure and its program. */
typedef struct neap_rule {
    int statuses[NEAP_RULE_STATUSES_MAX]; /* HTTP statuses it is for */
    size_t status_count;
    unsigned failures; /* bit 1 << neap_failure for each class it is for */
    neap_backoff backoff;
    int64_t base_ns; /* first wait */
    int64_t max_ns;  /* longest wait of an exponential program; 0: no cap */
    double factor;   /* each wait over the one before, exponential; >= 1 */
    neap_jitter jitter;
    unsigned retries; /* resends after the first send */
    int64_t total_ns; /* no send later than this after the class's first failure; 0: no bound */
    bool gate;        /* these answers mean an outage: they move the group's gate */
    bool pause;       /* such an answer holds the whole group for its wait (429) */
} neap_rule;

typedef struct neap_policy {
    neap_rule rules[NEAP_POLICY_RULES_MAX];
    size_t len;
} neap_policy;

/* Adds a rule behind the others. 0 or NEAP_EINVAL (too many rules, nonsense in a field). */
int neap_policy_add(neap_policy *, const neap_rule *);
/* Adds what holds where a vendor is silent (DESIGN.md 5, "Retries"): network, truncated, timeout;
 * 429; nothing for 500. */
int neap_policy_add_defaults(neap_policy *);
/* Whether an answer of this status means an outage under the policy. */
bool neap_policy_is_outage(const neap_policy *, int status);

/* What one call has used up of one rule. A call has as many as its policy has rules, zero-initialised at its start. */
typedef struct neap_use {
    int64_t first_ns; /* when the rule first applied */
    uint16_t resends; /* granted */
    bool applied;     /* it has before */
} neap_use;

/* How one send ended. */
typedef struct neap_reply {
    int status;             /* 0: no status line came */
    neap_failure failure;   /* NONE: a complete answer */
    bool ambiguous;         /* it left, and whether it took effect is not known */
    int64_t retry_after_ns; /* the vendor's Retry-After, from now; -1: none */
} neap_reply;

typedef enum neap_verdict {
    NEAP_VERDICT_NO_RULE, /* not for retrying: the caller judges */
    NEAP_VERDICT_RETRY,
    NEAP_VERDICT_GIVE_UP, /* the rule's budget is used up */
    NEAP_VERDICT_UNKNOWN  /* may have taken effect, must not be repeated */
} neap_verdict;

typedef struct neap_decision {
    neap_verdict verdict;
    const neap_rule *rule; /* NULL without one; the policy's */
    int64_t wait_ns;       /* RETRY: from now to the next send; GIVE_UP: what it would have been */
} neap_decision;

/* Judges a reply and counts it; `uses` is the call's. `random` in [0, 1). A status that a rule names decides before the
 * failure does: it is the vendor's word, and repeated whatever the endpoint's write class. */
neap_decision neap_policy_decide(const neap_policy *, neap_use *uses, const neap_reply *,
                                 bool repeatable, int64_t now, double random);

/* One send, for reports and dead letters. */
typedef struct neap_attempt {
    int64_t at_ms;        /* Unix time of its departure */
    int64_t wait_ns;      /* since the failure before it; 0 for the first */
    int status;           /* 0: none */
    neap_failure failure; /* why there is no usable answer */
} neap_attempt;

enum { NEAP_ATTEMPTS_INSIDE = 1 };

/* The sends of one call. Zero-initialised is empty; must not move afterwards. Most calls take one send
 * and need no memory of their own. */
typedef struct neap_attempts {
    neap_attempt *items; /* owned, or `inside` */
    size_t len, cap;
    neap_attempt inside[NEAP_ATTEMPTS_INSIDE];
} neap_attempts;

/* Makes room for one more. 0 or NEAP_ENOMEM. */
int neap_attempts_reserve(neap_attempts *);
/* Replaces the content of `to` by a copy. 0 or NEAP_ENOMEM (then `to` is empty). */
int neap_attempts_copy(neap_attempts *to, const neap_attempts *from);
void neap_attempts_deinit(neap_attempts *);

#endif
