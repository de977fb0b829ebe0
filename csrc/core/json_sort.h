/* json_sort.h: JSON with its keys sorted, in its own tokens: what some senders sign. */
#ifndef NEAP_CORE_JSON_SORT_H
#define NEAP_CORE_JSON_SORT_H

#include <stddef.h>

#include "buf.h"
#include "err.h"

/* Appends a text of JSON with the members of all objects sorted by the bytes of their names, and without blanks;
 * numbers and strings keep the digits and escapes in which they stand. Linear in the text but for the sorting;
 * takes up to a hundred bytes of memory per item. 0; NEAP_EDECODE (no JSON, more than 1000 containers in each other,
 * a name that comes twice in an object) with *err, or NEAP_ENOMEM; then out is as long as before. */
int neap_json_sort(neap_buf *out, const char *text, size_t len, neap_err *err);

#endif
