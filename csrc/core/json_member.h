/* json_member.h: the inner loop of json_member.c, for those who take many members: mapping_read.c and
 * lua/json_decode.c. Private to them. What is taken here the reader would read in the same way; what is not as it
 * is in nearly all data is left to the reader, which is right for everything. */
#ifndef NEAP_CORE_JSON_MEMBER_H
#define NEAP_CORE_JSON_MEMBER_H

#include <float.h>

#include "json.h"
#include "json_scan.h"

#define NEAP_JSON__DIGITS 15 /* so many make a double that no other number of as many digits makes */

/* Passes a character, and a blank behind it. NULL: it is another one. */
static inline const char *neap_json__pass(const char *p, const char *end, char c) {
    if (p == end || *p != c) return NULL;
    p++;
    return p < end && *p == ' ' ? p + 1 : p;
}

/* The same for a text. */
static inline const char *neap_json__pass_text(const char *p, const char *end, const char *text, size_t len) {
    if ((size_t)(end - p) < len || !neap_json__is_same(p, text, len)) return NULL;
    p += len;
    return p < end && *p == ' ' ? p + 1 : p;
}

/* Takes the string at p. Gets the byte behind it; NULL: it is no string, or one with escapes or a fault. */
__attribute__((always_inline)) static inline const char *neap_json__take_string(const char *p, const char *end,
                                                                                const char **s, size_t *len) {
    const char *stop;
    if (p == end || *p != '"') return NULL;
    *s = p + 1;
    stop = neap_json__skip_plain(p + 1, end);
    if (stop < end && (unsigned char)*stop >= 0x80) stop = neap_json__skip_text(stop, end);
    if (stop == end || *stop != '"') return NULL;
    *len = (size_t)(stop - *s);
    return stop + 1;
}

static inline bool neap_json__is_digit(char c) {
    return (unsigned char)(c - '0') <= 9;
}

/* Does something that may follow a number stand at p? */
static inline bool neap_json__ends_number(const char *p, const char *end) {
    return p < end && (*p == ',' || *p == '}' || *p == ']' || *p == ' ' || *p == '\n' || *p == '\r');
}

/* Takes the digits behind a point, where `whole` digits with this value stand before it; where the number has more
 * of them than a double keeps, is very small, or would be written in another way, it is not easy. With so few
 * digits one division rounds correctly (Clinger 1990). */
static inline const char *neap_json__take_fraction(const char *p, const char *end, uint64_t value, size_t whole,
                                                   neap_json_member *m) {
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *first = p;
    size_t len;
    while (p < end && neap_json__is_digit(*p)) value = value * 10 + (uint64_t)(*p++ - '0');
    len = (size_t)(p - first);
    if (len == 0 || whole + len > NEAP_JSON__DIGITS || (p[-1] == '0' && len > 1)) return NULL;
    if (FLT_EVAL_METHOD != 0 || !neap_json__ends_number(p, end)) return NULL;
    m->token = NEAP_JSON_FLOAT;
    m->number = (double)value / powers[len];
    return value == 0 || m->number >= 1e-4 ? p : NULL;
}

/* Takes the digits at p; behind 19 of them their value is none. */
static inline const char *neap_json__take_whole(const char *p, const char *end, uint64_t *value) {
    *value = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (end - p >= 8) p += neap_json__take_digits(p, value);
#endif
    for (; p < end && neap_json__is_digit(*p); p++) *value = *value * 10 + (uint64_t)(*p - '0');
    return p;
}

/* Takes an integer of up to 18 digits, not -0, or a fraction. */
static inline const char *neap_json__take_number(const char *p, const char *end, neap_json_member *m) {
    bool negative = *p == '-';
    const char *first = p + negative;
    uint64_t value;
    size_t len;
    p = neap_json__take_whole(first, end, &value);
    len = (size_t)(p - first);
    if (len == 0 || len > 18 || (*first == '0' && len > 1)) return NULL;
    if (p < end && *p == '.') {
        p = neap_json__take_fraction(p + 1, end, value, len, m);
        if (negative) m->number = -m->number;
        return p;
    }
    if (!neap_json__ends_number(p, end) || (negative && value == 0)) return NULL;
    m->token = NEAP_JSON_INTEGER;
    m->integer = negative ? -(int64_t)value : (int64_t)value;
    return p;
}

static inline const char *neap_json__take_word(const char *p, const char *end, const char *word, size_t len) {
    return (size_t)(end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

/* Takes the value at p. Gets the byte behind it; NULL: it is no easy one. */
static inline const char *neap_json__take_value(const char *p, const char *end, neap_json_member *m) {
    const char *behind;
    if (p == end) return NULL;
    if (*p == '"') {
        m->token = NEAP_JSON_STRING;
        return neap_json__take_string(p, end, &m->s, &m->len);
    }
    m->s = p;
    switch (*p) {
    case 't': m->token = NEAP_JSON_TRUE; behind = neap_json__take_word(p, end, "true", 4); break;
    case 'f': m->token = NEAP_JSON_FALSE; behind = neap_json__take_word(p, end, "false", 5); break;
    case 'n': m->token = NEAP_JSON_NULL; behind = neap_json__take_word(p, end, "null", 4); break;
    default: m->number = 0; behind = neap_json__take_number(p, end, m); break;
    }
    if (behind != NULL) m->len = (size_t)(behind - p);
    return behind;
}

/* Gets where the next key of the innermost object begins; NULL: there is none, or it is not easy to find. */
static inline const char *neap_json__begin_key(const neap_json_reader *r) {
    if (r->expect == EXPECT_COMMA_OR_END && r->in_object) return neap_json__pass(r->at, r->end, ',');
    return r->expect == EXPECT_KEY_OR_END ? r->at : NULL;
}

/* Passes the key at p, with its colon, if it is that name, which JSON writes as it is. NULL: it is not. */
static inline const char *neap_json__pass_key(const char *p, const char *end, const char *name, size_t len) {
    if ((size_t)(end - p) < len + 3 || p[0] != '"' || p[len + 1] != '"') return NULL;
    return neap_json__is_same(p + 1, name, len) ? neap_json__pass(p + len + 2, end, ':') : NULL;
}

/* Moves the reader behind a value of the innermost object. */
static inline void neap_json__go_behind(neap_json_reader *r, const char *p) {
    r->at = p;
    r->expect = EXPECT_COMMA_OR_END;
}

/* Takes the beginning of an object, if a text begins with one and the reader's buffer is there. */
static inline bool neap_json__try_begin(neap_json_reader *r) {
    if (r->at == r->end || *r->at != '{' || r->depth >= r->max_depth || r->stack.cap <= r->depth) return false;
    r->token = r->at++;
    r->stack.data[r->stack.len++] = 1;
    r->depth++;
    r->in_object = true;
    r->expect = EXPECT_KEY_OR_END;
    return true;
}

/* Ends the innermost container, at its bracket. */
static inline void neap_json__close(neap_json_reader *r) {
    r->at++;
    r->depth--;
    r->stack.len--;
    r->in_object = r->depth > 0 && r->stack.data[r->depth - 1] != 0;
    r->expect = r->depth > 0 ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

/* Takes the end of the innermost object, if it comes next. */
static inline bool neap_json__try_end(neap_json_reader *r) {
    if (!r->in_object || (r->expect != EXPECT_COMMA_OR_END && r->expect != EXPECT_KEY_OR_END)) return false;
    if (r->at == r->end || *r->at != '}') return false;
    r->token = r->at;
    neap_json__close(r);
    return true;
}

/* As neap_json_reader_try_member, for a key that is likely that name; false for any other, too. */
static inline bool neap_json__try_known(neap_json_reader *r, const char *name, size_t len, neap_json_member *m) {
    const char *p = neap_json__begin_key(r);
    if (p == NULL) return false;
    m->key = p + 1;
    m->key_len = len;
    p = neap_json__pass_key(p, r->end, name, len);
    if (p != NULL) p = neap_json__take_value(p, r->end, m);
    if (p == NULL) return false;
    neap_json__go_behind(r, p);
    return true;
}

#endif
