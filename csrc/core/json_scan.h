/* json_scan.h: the inner loops that the files of json*.h and mapping.h share. Private to them. */
#ifndef NEAP_CORE_JSON_SCAN_H
#define NEAP_CORE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum neap_json__expect { /* what neap_json_reader.expect says */
    EXPECT_VALUE,
    EXPECT_ITEM_OR_END, /* behind [ */
    EXPECT_KEY_OR_END,  /* behind { */
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING,
    EXPECT_ERROR
};

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

#ifdef __SSE2__
/* Marks, bit by bit, those of sixteen bytes that are not plain: as signed numbers, what is not ASCII is below
 * the blank like control characters. */
static inline unsigned neap_json__marks16(const char *p) {
    __m128i w = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i low = _mm_cmplt_epi8(w, _mm_set1_epi8(0x20));
    __m128i quote = _mm_cmpeq_epi8(w, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(w, _mm_set1_epi8('\\'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));
}
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Takes the digits that eight bytes begin with. Gets how many there are, and their value. */
static inline size_t neap_json__take_digits(const char *p, uint64_t *value) {
    uint64_t w, marks;
    size_t len;
    memcpy(&w, p, 8);
    w ^= NEAP_JSON__EACH('0');
    marks = ((w + NEAP_JSON__EACH(0x76)) | w) & NEAP_JSON__EACH(0x80); /* the lowest is right: what is above 9 */
    len = marks != 0 ? (size_t)__builtin_ctzll(marks) >> 3 : 8;
    if (len == 0) return 0;
    w <<= 64 - 8 * len; /* zeros before them; what is behind them is gone */
    w = w * 10 + (w >> 8); /* numbers of two digits, then of four, and of eight */
    w = (w & 0x000000FF000000FF) * 0x000F424000000064 + (w >> 16 & 0x000000FF000000FF) * 0x0000271000000001;
    *value = w >> 32;
    return len;
}
#endif

/* Skips plain bytes, sixteen or eight at a time. Returns the first that is not, or end. */
static inline const char *neap_json__skip_plain(const char *p, const char *end) {
#ifdef __SSE2__
    while (end - p >= 16) {
        unsigned bits = neap_json__marks16(p);
        if (bits != 0) return p + __builtin_ctz(bits);
        p += 16;
    }
#endif
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

/* Copies bytes that do not overlap, if all of them are plain; else there is rubbish at `to`. */
static inline bool neap_json__copy_plain(char *to, const char *from, size_t len) {
    uint64_t first, last;
#ifdef __SSE2__
    if (len >= 16) {
        const char *end = from + len - 16, *p = from;
        for (; p < end; p += 16, to += 16) {
            if (neap_json__marks16(p) != 0) return false;
            memcpy(to, p, 16);
        }
        memcpy(to - (p - end), end, 16);
        return neap_json__marks16(end) == 0;
    }
#else
    for (; len > 16; len -= 8, from += 8, to += 8) {
        memcpy(&first, from, 8);
        if (neap_json__marks(first) != 0) return false;
        memcpy(to, from, 8);
    }
#endif
    if (len >= 8) {
        memcpy(&first, from, 8);
        memcpy(&last, from + len - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + len - 8, &last, 8);
        return (neap_json__marks(first) | neap_json__marks(last)) == 0;
    }
    if (len >= 4) {
        uint32_t v, w;
        memcpy(&v, from, 4);
        memcpy(&w, from + len - 4, 4);
        memcpy(to, &v, 4);
        memcpy(to + len - 4, &w, 4);
        return neap_json__marks((uint64_t)v << 32 | w) == 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (!neap_json__is_plain((unsigned char)from[i])) return false;
        to[i] = from[i];
    }
    return true;
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

/* Gets a hash of a short text: of its length, its first and its last bytes. */
static inline uint32_t neap_json__hash(const char *s, size_t len) {
    uint64_t first = 0, last = 0;
    if (len >= 8) {
        memcpy(&first, s, 8);
        memcpy(&last, s + len - 8, 8);
    } else if (len >= 4) {
        memcpy(&first, s, 4);
        memcpy(&last, s + len - 4, 4);
    } else if (len > 0) {
        first = (uint64_t)((unsigned char)s[0] | (unsigned char)s[len / 2] << 8 |
                           (unsigned char)s[len - 1] << 16);
    }
    first = (first ^ len) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(((first ^ first >> 29 ^ last) * UINT64_C(0xD6E8FEB86659FD93)) >> 32);
}

/* Are these bytes the same? Without a call where they are few. */
static inline bool neap_json__is_same(const char *a, const char *b, size_t len) {
    uint64_t x = 0, y = 0;
    if (len > 16) return memcmp(a, b, len) == 0;
    if (len >= 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        if (x != y) return false;
        memcpy(&x, a + len - 8, 8);
        memcpy(&y, b + len - 8, 8);
        return x == y;
    }
    if (len >= 4) {
        uint32_t v, w;
        memcpy(&v, a, 4);
        memcpy(&w, b, 4);
        if (v != w) return false;
        memcpy(&v, a + len - 4, 4);
        memcpy(&w, b + len - 4, 4);
        return v == w;
    }
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i]) return false;
    }
    return true;
}

/* Copies bytes that do not overlap. Without a call where they are few. */
static inline void neap_json__copy(char *to, const char *from, size_t len) {
    if (len > 32) {
        memcpy(to, from, len);
    } else if (len >= 16) {
        memcpy(to, from, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else if (len >= 8) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else if (len >= 4) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    } else {
        for (size_t i = 0; i < len; i++) to[i] = from[i];
    }
}

#endif
