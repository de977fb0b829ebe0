/* json_scan.h: the inner loops that json_read.c and json_write.c share. Private to them. */
#ifndef NEAP_CORE_JSON_SCAN_H
#define NEAP_CORE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NEAP_JSON__EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/* Whether a byte stands for itself inside a JSON string: ASCII, no quote, backslash or control. */
static inline bool neap_json__is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Marks (high bit) the bytes of a word that are not plain. The lowest mark is always right; a
 * borrow may add marks above it. */
static inline uint64_t neap_json__marks(uint64_t w) {
    const uint64_t high = NEAP_JSON__EACH(0x80);
    uint64_t quote = w ^ NEAP_JSON__EACH('"');
    uint64_t slash = w ^ NEAP_JSON__EACH('\\');
    uint64_t low = ((w - NEAP_JSON__EACH(0x20)) & ~w) | ((quote - NEAP_JSON__EACH(1)) & ~quote) |
                   ((slash - NEAP_JSON__EACH(1)) & ~slash) | w;
    return low & high;
}

/* Skips plain bytes, eight at a time. Returns the first that is not, or end. */
static inline const char *neap_json__skip_plain(const char *p, const char *end) {
    while (end - p >= 8) {
        uint64_t w, marks;
        memcpy(&w, p, 8);
        marks = neap_json__marks(w);
        if (marks != 0) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return p + (__builtin_ctzll(marks) >> 3);
#else
            break;
#endif
        }
        p += 8;
    }
    while (p < end && neap_json__is_plain((unsigned char)*p)) p++;
    return p;
}

/* Whether byte i of a sequence with this lead may be c (RFC 3629 section 4: no overlong form, no
 * surrogate, nothing above U+10FFFF). */
static inline bool neap_json__is_tail(unsigned char lead, int i, unsigned char c) {
    if (i == 1 && lead == 0xE0) return c >= 0xA0 && c <= 0xBF;
    if (i == 1 && lead == 0xED) return c >= 0x80 && c <= 0x9F;
    if (i == 1 && lead == 0xF0) return c >= 0x90 && c <= 0xBF;
    if (i == 1 && lead == 0xF4) return c >= 0x80 && c <= 0x8F;
    return c >= 0x80 && c <= 0xBF;
}

/* Gets the length of the UTF-8 sequence at p < end, whose first byte is not ASCII. 0: not UTF-8.
 * -1: right so far, but end comes inside it. */
static inline int neap_json__utf8_len(const char *p, const char *end) {
    unsigned char lead = (unsigned char)*p;
    int len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    for (int i = 1; i < len; i++) {
        if (p + i == end) return -1;
        if (!neap_json__is_tail(lead, i, (unsigned char)p[i])) return 0;
    }
    return len;
}

/* Skips plain bytes and whole UTF-8 sequences. Returns the first byte that is neither, or end. */
static inline const char *neap_json__skip_text(const char *p, const char *end) {
    for (;;) {
        int len;
        p = neap_json__skip_plain(p, end);
        if (p == end || (unsigned char)*p < 0x80) return p;
        len = neap_json__utf8_len(p, end);
        if (len <= 0) return p;
        p += len;
        while (p < end && (unsigned char)*p >= 0x80) { /* stay here through CJK text */
            len = neap_json__utf8_len(p, end);
            if (len <= 0) return p;
            p += len;
        }
    }
}

#endif
