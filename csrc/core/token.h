/* token.h: the token in the answer to a login, taken out without a copy that stays. */
#ifndef NEAP_CORE_TOKEN_H
#define NEAP_CORE_TOKEN_H

#include "secret.h"

/* Makes a secret of the token in an answer: the JSON string that it is, or, without quotes, its text
 * if that has letters and digits; no blanks, at most 16 KiB; with `member` (may be NULL), the string of that name in the JSON object that it is. One
 * reference, the caller's. 0, NEAP_EDECODE (there is none; *err says what was expected and has no
 * part of the answer), NEAP_ENOMEM. */
int neap_token_take(neap_secret **out, const char *answer, size_t len, const char *member,
                    neap_err *err);

#endif
