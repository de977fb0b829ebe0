/* encoding.h: bytes as text, and back: hexadecimal digits and base64 (RFC 4648). How long it takes tells
 * nothing of the bytes but their number. */
#ifndef NEAP_CORE_ENCODING_H
#define NEAP_CORE_ENCODING_H

#include "buf.h"
#include "err.h"

/* Append bytes as lower-case hexadecimal digits, or as base64 of the standard alphabet, padded. 0 or NEAP_ENOMEM
 * (buffer unchanged). */
int neap_hex_fmt(neap_buf *, const void *bytes, size_t len);
int neap_base64_fmt(neap_buf *, const void *bytes, size_t len);

/* Append the bytes that a text means; an empty one means none. Hexadecimal: pairs of digits, of either case.
 * Base64: the standard or the URL alphabet, not both in one text; padded; no blank, no line break, no bits that
 * mean nothing, so that bytes have one text in each alphabet. 0, NEAP_EDECODE or NEAP_ENOMEM (buffer as long as before). */
int neap_hex_parse(neap_buf *, const char *text, size_t len);
int neap_base64_parse(neap_buf *, const char *text, size_t len);

#endif
