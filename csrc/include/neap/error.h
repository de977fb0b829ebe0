/* error.h: what can go wrong: one list of codes, the same for C and for scripts (`err.kind`). */
#ifndef NEAP_ERROR_H
#define NEAP_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(symbol, value, kind as scripts see it) */
#define NEAP_ERR_LIST(X)                                                                                         \
    X(EINVAL, -1, "invalid")                                                                                     \
    X(ESETTINGS, -2, "settings")                                                                                 \
    X(EAUTH, -3, "auth")                                                                                         \
    X(EREJECTED, -4, "rejected")                                                                                 \
    X(ELIMIT, -5, "limit")                                                                                       \
    X(EOUTAGE, -6, "outage")                                                                                     \
    X(ENETWORK, -7, "network")                                                                                   \
    X(ETIMEOUT, -8, "timeout")                                                                                   \
    X(ETLS, -9, "tls")                                                                                           \
    X(EREDIRECT, -10, "redirect")                                                                                \
    X(EDECODE, -11, "decode")                                                                                    \
    X(ETOOLARGE, -12, "too_large")                                                                               \
    X(ECANCELLED, -13, "cancelled")                                                                              \
    X(EBUG, -14, "bug")                                                                                          \
    X(ENOMEM, -15, "memory")

/* NEAP_EINVAL ... NEAP_ENOMEM: negative, so that 0 is success. */
enum neap_err_code {
#define X(sym, value, kind) NEAP_##sym = (value),
    NEAP_ERR_LIST(X)
#undef X
};

/* Gets the kind of a code ("network"); "bug" for an unknown one. Static storage. */
__attribute__((visibility("default"))) const char *neap_err_kind(int code);

#ifdef __cplusplus
}
#endif

#endif
