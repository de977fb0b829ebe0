/* err.h: the error model of the core: one list of codes, one detail record.
 *
 * A function that can fail returns 0 or a negative code and, where it has more to say, fills a
 * neap_err that its caller owns. Every code maps to one `kind` of DESIGN.md 5. */
#ifndef NEAP_CORE_ERR_H
#define NEAP_CORE_ERR_H

#include <neap/error.h>
#include <stdarg.h>

#define NEAP_ERR_MESSAGE_LEN 256

/* Detail of one failure. Owned by the caller; plain memory, nothing to free. */
typedef struct neap_err {
    int code;                           /* 0: no error */
    char message[NEAP_ERR_MESSAGE_LEN]; /* one line, impersonal, no secret, cut if longer */
} neap_err;

/* Fills err (may be NULL) and returns code, so that `return neap_err_set(...)` reads well. */
int neap_err_set(neap_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
