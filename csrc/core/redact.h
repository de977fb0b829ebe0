/* redact.h: finds every living secret in text and replaces it by `***`: raw, URL-encoded (both
 * cases of hex, `+` for a blank), base64 (all three alignments, standard and URL alphabet, alone
 * or URL- or JSON-encoded once more), JSON-escaped (any choice of escapes), and with XML
 * references. Occurrences that overlap become one `***`, so that no rest of a longer secret
 * stays behind.
 *
 * Secrets shorter than 4 bytes hide only where they stand raw and as a whole word, that is with
 * no letter, digit, `_` or non-ASCII byte beside them: a secret `a` must not blot out every
 * text. They become as many stars as they have bytes, at most three, so that redacting never
 * makes text longer.
 *
 * The registry is the process's: secrets of all runtimes are kept out of all of them. Any
 * thread. */
#ifndef NEAP_CORE_REDACT_H
#define NEAP_CORE_REDACT_H

#include <stdbool.h>

#include "buf.h"

/* Called by secret.c only. Equal secrets are counted. Add: 0 or NEAP_ENOMEM. */
int neap_redact_add(const char *secret, size_t len);
void neap_redact_remove(const char *secret, size_t len);

/* Is any form of any secret in the text? Cheap: the common answer is no. */
bool neap_redact_found(const char *text, size_t len);
/* Appends text to out with secrets replaced. 0 or NEAP_ENOMEM (out unchanged). */
int neap_redact(neap_buf *out, const char *text, size_t len);
/* In the body of an answer secrets of fewer bytes stay: it is data, in which a short word or number is more likely
 * to be just that. */
#define NEAP_REDACT_BODY 8
/* Replaces secrets of `least` bytes or more in place; never makes it longer, and cannot fail: always 0. */
int neap_redact_buf(neap_buf *, size_t least);

#endif
