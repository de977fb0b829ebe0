/* err.h: the error model of the core: one list of codes, one detail record.
 *
 * A function that can fail returns 0 or a negative code and, where it has more to say, fills a
 * neap_err that its caller owns. Every code maps to one `kind` of DESIGN.md 5. */
#ifndef NEAP_CORE_ERR_H
#define NEAP_CORE_ERR_H

#include <stdarg.h>

/* X(symbol, value, kind as scripts see it) */
#define NEAP_ERR_LIST(X)                                                                           \
    X(EINVAL, -1, "invalid")                                                                     \
    X(ESETTINGS, -2, "settings")                                                                   \
    X(EAUTH, -3, "auth")                                                                           \
    X(EREJECTED, -4, "rejected")                                                                   \
    X(ELIMIT, -5, "limit")                                                                         \
    X(EOUTAGE, -6, "outage")                                                                       \
    X(ENETWORK, -7, "network")                                                                     \
    X(ETIMEOUT, -8, "timeout")                                                                     \
    X(ETLS, -9, "tls")                                                                             \
    X(EREDIRECT, -10, "redirect")                                                                  \
    X(EDECODE, -11, "decode")                                                                      \
    X(ETOOLARGE, -12, "too_large")                                                                 \
    X(ECANCELLED, -13, "cancelled")                                                                \
    X(EBUG, -14, "bug")                                                                            \
    X(ENOMEM, -15, "memory")

enum neap_err_code {
#define X(sym, value, kind) NEAP_##sym = (value),
    NEAP_ERR_LIST(X)
#undef X
};

#define NEAP_ERR_MESSAGE_LEN 256

/* Detail of one failure. Owned by the caller; plain memory, nothing to free. */
typedef struct neap_err {
    int code;                           /* 0: no error */
    char message[NEAP_ERR_MESSAGE_LEN]; /* one line, impersonal, no secret, cut if longer */
} neap_err;

/* Gets the kind of a code ("network"); "bug" for an unknown one. Static storage. */
const char *neap_err_kind(int code);

/* Fills err (may be NULL) and returns code, so that `return neap_err_set(...)` reads well. */
int neap_err_set(neap_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
