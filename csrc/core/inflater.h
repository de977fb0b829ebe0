/* inflater.h: undoes the content codings gzip (RFC 1952, of one or more members) and deflate (RFC 1950, or
 * RFC 1951 alone, which some servers mean by it), no more at a time than its user has room for: what a
 * few bytes inflate to is held back in them. */
#ifndef NEAP_CORE_INFLATER_H
#define NEAP_CORE_INFLATER_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

typedef struct neap_inflater neap_inflater;

/* Opens one for a body in that coding, the value of Content-Encoding; *out is NULL for a value that means
 * none. 0; NEAP_EDECODE for a coding that it does not know, NEAP_ESETTINGS without zlib, NEAP_ENOMEM. */
int neap_inflater_open(neap_inflater **out, const char *coding, size_t len, neap_err *err);
void neap_inflater_close(neap_inflater *); /* NULL is fine */

/* Appends to out what the bytes inflate to, at most `room` bytes; *used says how many of the bytes were
 * taken. Call it until it has taken all and is not full. 0; NEAP_EDECODE with *err filled, NEAP_ENOMEM. */
int neap_inflater_run(neap_inflater *, const char *data, size_t len, neap_buf *out, size_t room,
                      size_t *used, neap_err *err);
/* Has the last run filled its room, so that there may be more without another byte? */
bool neap_inflater_is_full(const neap_inflater *);
/* Is the body whole: does nothing of it lack? */
bool neap_inflater_is_complete(const neap_inflater *);

#endif
