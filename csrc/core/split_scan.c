/* split_scan.c: see split_scan.h. Bit i of a 64-bit mask stands for byte i of a block. */
#include "split_scan.h"

#include <string.h>

#if defined(__SSE2__) && !defined(NEAP_SPLIT_PORTABLE)
#include <emmintrin.h>
#endif

#define BLOCK 64 /* bytes */

/* Which bytes of a block are what. */
typedef struct marks {
    uint64_t quotes;
    uint64_t brackets; /* and the bytes Y, y, _ and DEL */
    bool has_slashes;
} marks;

/* The four brackets differ in these bits only; so do Y, y, _ and DEL. */
#define BRACKET_BITS 0x26
#define BRACKET_REST 0x7F

#if defined(__SSE2__) && !defined(NEAP_SPLIT_PORTABLE)

typedef __m128i piece; /* of a block: what is looked at at once */
#define PIECE 16

static inline piece load_piece(const char *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline uint64_t mark_equal(piece bytes, char c) {
    return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}

static inline uint64_t mark_brackets(piece bytes) {
    return mark_equal(_mm_or_si128(bytes, _mm_set1_epi8(BRACKET_BITS)), BRACKET_REST);
}

#else

typedef uint64_t piece;
#define PIECE 8
#define EACH(byte) (0x0101010101010101u * (uint64_t)(unsigned char)(byte))

/* Eight bytes with the first of them lowest. */
static inline piece load_piece(const char *p) {
    uint64_t w;
    memcpy(&w, p, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

/* Adding 0x7F to the low seven bits carries into the eighth unless they are all zero, and never beyond; the
 * multiplication moves the eight highest bits side by side. */
static inline uint64_t mark_equal(piece bytes, char c) {
    const uint64_t low = EACH(0x7F);
    uint64_t other = bytes ^ EACH(c);
    uint64_t same = ~(((other & low) + low) | other | low);
    return ((same >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

static inline uint64_t mark_brackets(piece bytes) {
    return mark_equal(bytes | EACH(BRACKET_BITS), BRACKET_REST);
}

#endif

static inline marks mark(const char *block) {
    marks m = {0};
    uint64_t slashes = 0;
#pragma GCC unroll 8
    for (int i = 0; i < BLOCK; i += PIECE) {
        piece bytes = load_piece(block + i);
        m.quotes |= mark_equal(bytes, '"') << i;
        m.brackets |= mark_brackets(bytes) << i;
        slashes |= mark_equal(bytes, '\\');
    }
    m.has_slashes = slashes != 0;
    return m;
}

static uint64_t mark_slashes(const char *block) {
    uint64_t slashes = 0;
    for (int i = 0; i < BLOCK; i += PIECE) slashes |= mark_equal(load_piece(block + i), '\\') << i;
    return slashes;
}

/* Gets the bits between quotes, the opening ones included. Each bit becomes the parity of those up to it. */
static inline uint64_t between(uint64_t quotes) {
#pragma GCC unroll 6
    for (int i = 1; i < BLOCK; i *= 2) quotes ^= quotes << i;
    return quotes;
}

/* The same where there are backslashes; they count in strings only. Moves the scan's string over the block. */
static uint64_t between_escaped(neap_split_scan *s, uint64_t quotes, uint64_t slashes) {
    uint64_t left = quotes | slashes, inside = 0;
    int from = 0; /* where the open string begins in this block */
    if (s->is_escaped) left &= ~UINT64_C(1);
    s->is_escaped = false;
    while (left != 0) {
        int i = __builtin_ctzll(left);
        uint64_t bit = UINT64_C(1) << i;
        left &= left - 1;
        if ((slashes & bit) != 0) {
            if (!s->in_string) continue;
            s->is_escaped = i == BLOCK - 1;
            left &= ~(bit << 1);
        } else {
            if (s->in_string) inside |= bit - (UINT64_C(1) << from);
            from = i;
            s->in_string = !s->in_string;
        }
    }
    if (s->in_string) inside |= ~UINT64_C(0) << from;
    return inside;
}

/* Gets which bytes of a block are in strings, and moves the scan's string over the block. */
static inline uint64_t strings_of(neap_split_scan *s, const char *block, const marks *m) {
    uint64_t inside;
    if (m->has_slashes || s->is_escaped) {
        neap_split_scan copy = *s; /* so that s may stay in registers */
        inside = between_escaped(&copy, m->quotes, mark_slashes(block));
        *s = copy;
    } else {
        inside = between(m->quotes) ^ (s->in_string ? ~UINT64_C(0) : 0);
        s->in_string = (inside >> (BLOCK - 1)) != 0;
    }
    return inside;
}

static inline neap_split_seen scan_block(neap_split_scan *s, const char *block, size_t max_depth) {
    marks m = mark(block);
    uint64_t left = m.brackets & ~strings_of(s, block, &m);
    for (; left != 0; left &= left - 1) {
        int i = __builtin_ctzll(left);
        char c = block[i];
        if (c == '{' || c == '[') {
            if (++s->depth > max_depth) return NEAP_SPLIT_TOO_DEEP;
        } else if ((c == '}' || c == ']') && --s->depth == 0) {
            s->at += (size_t)i + 1;
            return NEAP_SPLIT_WHOLE;
        }
    }
    s->at += BLOCK;
    return NEAP_SPLIT_MORE;
}

/* A last block that is not full is looked at again when there is more of it. */
static neap_split_seen scan_container(neap_split_scan *scan, const char *text, size_t len, size_t max_depth) {
    neap_split_scan s = *scan;
    neap_split_seen seen = NEAP_SPLIT_MORE;
    while (seen == NEAP_SPLIT_MORE && s.at < len) {
        const char *block = text + s.at;
        size_t left = len - s.at;
        char padded[BLOCK];
        *scan = s;
        if (left < BLOCK) {
            memset(padded, 0, sizeof padded);
            block = memcpy(padded, block, left);
        }
        seen = scan_block(&s, block, max_depth);
        if (seen == NEAP_SPLIT_MORE && left < BLOCK) return seen;
    }
    *scan = s;
    return seen;
}

/* The quote of the end has an even number of backslashes before it. */
static neap_split_seen scan_string(neap_split_scan *s, const char *text, size_t len) {
    if (s->at == 0) s->at = 1;
    while (s->at < len) {
        const char *quote = memchr(text + s->at, '"', len - s->at), *p = quote;
        if (quote == NULL) break;
        while (p[-1] == '\\') p--; /* as far as the opening quote */
        s->at = (size_t)(quote - text) + 1;
        if ((quote - p) % 2 == 0) return NEAP_SPLIT_WHOLE;
    }
    s->at = len;
    return NEAP_SPLIT_MORE;
}

static bool is_delimiter(char c) {
    static const bool is[256] = {[' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true,
                                 ['['] = true, [']'] = true,  ['{'] = true,  ['}'] = true,
                                 ['"'] = true, [','] = true,  [':'] = true};
    return is[(unsigned char)c];
}

bool neap_split__is_word(char c) {
    return !is_delimiter(c) && (unsigned char)c != 0xEF;
}

bool neap_split__may_begin(char c) {
    return c == '{' || c == '[' || c == '"' || neap_split__is_word(c);
}

static neap_split_seen scan_word(neap_split_scan *s, const char *text, size_t len) {
    while (s->at < len && !is_delimiter(text[s->at])) s->at++;
    return s->at < len ? NEAP_SPLIT_WHOLE : NEAP_SPLIT_MORE;
}

neap_split_seen neap_split__scan(neap_split_scan *s, const char *text, size_t len, size_t max_depth) {
    switch (*text) {
    case '{':
    case '[': return scan_container(s, text, len, max_depth);
    case '"': return scan_string(s, text, len);
    default: return scan_word(s, text, len);
    }
}
