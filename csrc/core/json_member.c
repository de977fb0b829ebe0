/* json_member.c: the short way through an object's members; see json.h. */
#include "json.h"
#include "json_scan.h"

/* Passes a character, and a blank behind it. NULL: it is another one. */
static inline const char *pass(const char *p, const char *end, char c) {
    if (p == end || *p != c) return NULL;
    p++;
    return p < end && *p == ' ' ? p + 1 : p;
}

/* Takes the string at p. Gets the byte behind it; NULL: it is no string, or not an easy one. */
static inline const char *take_string(const char *p, const char *end, const char **s, size_t *len) {
    const char *stop;
    if (p == end || *p != '"') return NULL;
    *s = p + 1;
    stop = neap_json__skip_plain(p + 1, end);
    if (stop == end || *stop != '"') return NULL;
    *len = (size_t)(stop - *s);
    return stop + 1;
}

static inline bool is_digit(const char *p, const char *end) {
    return p < end && *p >= '0' && *p <= '9';
}

/* An integer of up to 18 digits, not -0. */
static inline const char *take_integer(const char *p, const char *end) {
    const char *first = p + (*p == '-');
    p = first;
    while (is_digit(p, end)) p++;
    if (p == first || p - first > 18 || (*first == '0' && (p - first > 1 || first[-1] == '-')))
        return NULL;
    return p < end && (*p == '.' || *p == 'e' || *p == 'E') ? NULL : p;
}

static inline const char *take_word(const char *p, const char *end, const char *word, size_t len) {
    return (size_t)(end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

static inline const char *take_value(const char *p, const char *end, neap_json_member *m) {
    if (p == end) return NULL;
    m->s = p;
    switch (*p) {
    case '"': m->token = NEAP_JSON_STRING; return take_string(p, end, &m->s, &m->len);
    case 't': m->token = NEAP_JSON_TRUE; return take_word(p, end, "true", 4);
    case 'f': m->token = NEAP_JSON_FALSE; return take_word(p, end, "false", 5);
    case 'n': m->token = NEAP_JSON_NULL; return take_word(p, end, "null", 4);
    default: m->token = NEAP_JSON_INTEGER; return take_integer(p, end);
    }
}

bool neap_json_reader_try_member(neap_json_reader *r, neap_json_member *m) {
    const char *p = r->at, *end = r->end;
    if (r->expect == EXPECT_COMMA_OR_END && r->in_object) p = pass(p, end, ',');
    else if (r->expect != EXPECT_KEY_OR_END) return false;
    if (p != NULL) p = take_string(p, end, &m->key, &m->key_len);
    if (p != NULL) p = pass(p, end, ':');
    if (p != NULL) p = take_value(p, end, m);
    if (p == NULL) return false;
    if (m->token != NEAP_JSON_STRING) m->len = (size_t)(p - m->s);
    r->at = p;
    r->expect = EXPECT_COMMA_OR_END;
    return true;
}
