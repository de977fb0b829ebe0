/* encoding.c: see encoding.h. Digits are computed, not looked up: the place in a table shows in the cache. */
#include "encoding.h"

#include <stdint.h>

#include "secret.h"

/* Takes back what was appended, which may be a part of a key. */
static int refuse(neap_buf *out, size_t before) {
    neap_secret_wipe(out->data + before, out->len - before);
    out->len = before;
    return NEAP_EDECODE;
}

/* All bits set if a <= n <= b, else none; all are small. */
static unsigned within(unsigned n, unsigned a, unsigned b) {
    return (((n - a) | (b - n)) >> 31) - 1; /* what is below zero has its first bit set */
}

/* --- hexadecimal ------------------------------------------------------------------------------ */

static char hex_digit(unsigned value) {
    return (char)('0' + value + (within(value, 10, 15) & ('a' - '0' - 10)));
}

/* The value of a digit; more than 15 for what is none. */
static unsigned hex_value(char c) {
    unsigned n = (unsigned char)c, lower = n | 0x20;
    unsigned digit = within(n, '0', '9'), letter = within(lower, 'a', 'f');
    return (digit & (n - '0')) | (letter & (lower - 'a' + 10)) | (~(digit | letter) & 0xff);
}

int neap_hex_fmt(neap_buf *out, const void *bytes, size_t len) {
    const unsigned char *b = bytes;
    if (len > SIZE_MAX / 2 || neap_buf_reserve(out, len * 2) < 0) return NEAP_ENOMEM;
    for (size_t i = 0; i < len; i++) {
        out->data[out->len++] = hex_digit(b[i] >> 4);
        out->data[out->len++] = hex_digit(b[i] & 15);
    }
    return 0;
}

int neap_hex_parse(neap_buf *out, const char *text, size_t len) {
    size_t before = out->len;
    if (len % 2 != 0) return NEAP_EDECODE;
    if (len > 0 && neap_buf_reserve(out, len / 2) < 0) return NEAP_ENOMEM;
    for (size_t i = 0; i < len; i += 2) {
        unsigned high = hex_value(text[i]), low = hex_value(text[i + 1]);
        if ((high | low) > 15) return refuse(out, before);
        out->data[out->len++] = (char)(high << 4 | low);
    }
    return 0;
}

/* --- base64 ----------------------------------------------------------------------------------- */

static char base64_digit(unsigned value) {
    unsigned c = (within(value, 0, 25) & (value + 'A')) | (within(value, 26, 51) & (value - 26 + 'a')) |
                 (within(value, 52, 61) & (value - 52 + '0')) | (within(value, 62, 62) & '+') |
                 (within(value, 63, 63) & '/');
    return (char)c;
}

/* Writes one to three bytes as four characters. */
static void put_base64(char *to, const unsigned char *b, size_t len) {
    unsigned bits = (unsigned)b[0] << 16;
    if (len > 1) bits |= (unsigned)b[1] << 8;
    if (len > 2) bits |= b[2];
    for (unsigned i = 0; i < 4; i++) to[i] = base64_digit(bits >> (18 - 6 * i) & 63);
    if (len < 3) to[3] = '=';
    if (len < 2) to[2] = '=';
}

int neap_base64_fmt(neap_buf *out, const void *bytes, size_t len) {
    const unsigned char *b = bytes;
    if (len > SIZE_MAX / 2 || neap_buf_reserve(out, (len + 2) / 3 * 4) < 0) return NEAP_ENOMEM;
    for (size_t i = 0; i < len; i += 3) {
        put_base64(out->data + out->len, b + i, len - i);
        out->len += 4;
    }
    return 0;
}

/* Characters that only one of the two alphabets has. */
enum { STANDARD = 1, URL = 2, BOTH = 3 };

/* The value of a character of either alphabet, more than 63 for what is none; notes whose it is. */
static unsigned base64_value(char c, unsigned *alphabets) {
    unsigned n = (unsigned char)c;
    unsigned upper = within(n, 'A', 'Z'), lower = within(n, 'a', 'z'), digit = within(n, '0', '9');
    unsigned standard = within(n, '+', '+') | within(n, '/', '/');
    unsigned url = within(n, '-', '-') | within(n, '_', '_');
    unsigned last = within(n, '/', '/') | within(n, '_', '_');
    unsigned known = upper | lower | digit | standard | url;
    *alphabets |= (standard & STANDARD) | (url & URL);
    return (upper & (n - 'A')) | (lower & (n - 'a' + 26)) | (digit & (n - '0' + 52)) |
           ((standard | url) & 62) | (last & 63) | (~known & 0xff);
}

/* How many characters of a padded text are not its padding. */
static size_t base64_count(const char *text, size_t len) {
    size_t padding = 0;
    while (padding < 2 && padding < len && text[len - 1 - padding] == '=') padding++;
    return len - padding;
}

int neap_base64_parse(neap_buf *out, const char *text, size_t len) {
    size_t count = base64_count(text, len), before = out->len;
    unsigned bits = 0, have = 0, alphabets = 0;
    if (len % 4 != 0) return NEAP_EDECODE;
    if (count > 0 && neap_buf_reserve(out, count / 4 * 3 + 3) < 0) return NEAP_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        unsigned value = base64_value(text[i], &alphabets);
        if (value > 63 || alphabets == BOTH) return refuse(out, before);
        bits = (bits << 6 | value) & 0x3fff; /* six at most are left of the one before */
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out->data[out->len++] = (char)(bits >> have & 0xff);
    }
    return bits & ((1u << have) - 1) ? refuse(out, before) : 0;
}
