/* json_read.c: the reader of json.h. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_member.h"

/* ---- errors ---- */

/* Finds line and column of a byte; both start at 1. */
static void locate(neap_json_reader *r, const char *where) {
    const char *line = r->text;
    r->line = 1;
    r->column = 1;
    for (const char *p = r->text; p < where; p++) {
        if (*p != '\n') continue;
        r->line++;
        line = p + 1;
    }
    for (const char *p = line; p < where; p++) {
        if (((unsigned char)*p & 0xC0) != 0x80) r->column++;
    }
}

static neap_json_token vfail(neap_json_reader *r, const char *where, const char *fmt,
                             va_list args) {
    char what[160];
    vsnprintf(what, sizeof what, fmt, args);
    locate(r, where);
    neap_err_set(&r->err, NEAP_EDECODE, "line %zu, column %zu: %s", r->line, r->column, what);
    r->expect = EXPECT_ERROR;
    return NEAP_JSON_ERROR;
}

__attribute__((format(printf, 3, 4))) static neap_json_token
fail(neap_json_reader *r, const char *where, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vfail(r, where, fmt, args);
    va_end(args);
    return NEAP_JSON_ERROR;
}

neap_json_token neap_json_reader_refuse(neap_json_reader *r, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vfail(r, r->token, fmt, args);
    va_end(args);
    return NEAP_JSON_ERROR;
}

static neap_json_token fail_truncated(neap_json_reader *r, const char *place) {
    r->truncated = true;
    return fail(r, r->end, "the text ends %s", place);
}

static neap_json_token fail_memory(neap_json_reader *r) {
    r->expect = EXPECT_ERROR;
    neap_err_set(&r->err, NEAP_ENOMEM, "not enough memory");
    return NEAP_JSON_ERROR;
}

/* Writes how a message shows the character at p: 'x', 'é', or byte 0x01. */
static const char *show(const neap_json_reader *r, const char *p, char out[16]) {
    unsigned char c = (unsigned char)*p;
    int len = c < 0x80 ? 1 : neap_json__utf8_len(p, r->end);
    if (c < 0x20 || c == 0x7F || len <= 0) snprintf(out, 16, "byte 0x%02X", c);
    else snprintf(out, 16, "'%.*s'", len, p);
    return out;
}

/* Refuses the character at r->at where `wanted` should be: the usual mistakes by name. */
static neap_json_token fail_unexpected(neap_json_reader *r, const char *wanted) {
    char shown[16];
    switch (*r->at) {
    case '/':
    case '#': return fail(r, r->at, "comments are not JSON");
    case '\'': return fail(r, r->at, "strings stand in double quotes");
    default: return fail(r, r->at, "expected %s, got %s", wanted, show(r, r->at, shown));
    }
}

/* ---- strings ---- */

/* Reads four hex digits at p. Returns the value, -1 (something else), -2 (the text ends). */
static int read_hex4(const char *p, const char *end) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c;
        if (p + i == end) return -2;
        c = p[i];
        if (c >= '0' && c <= '9') value = value * 16 + (c - '0');
        else if (c >= 'a' && c <= 'f') value = value * 16 + (c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') value = value * 16 + (c - 'A' + 10);
        else return -1;
    }
    return value;
}

/* Reads the second half of a surrogate pair at *p. The code point, -1 (there is none), -2 (the text
 * ends). RFC 8259 section 7. */
static int read_pair(const char **p, const char *end, int high) {
    int low;
    if (*p == end) return -2;
    if (**p != '\\') return -1;
    if (*p + 1 == end) return -2;
    if ((*p)[1] != 'u') return -1;
    low = read_hex4(*p + 2, end);
    if (low == -2) return -2;
    if (low < 0xDC00 || low > 0xDFFF) return -1;
    *p += 6;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* Writes a code point as UTF-8. Returns its length. */
static size_t put_utf8(char out[4], int code) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Resolves \uXXXX; *p is behind the u. */
static bool read_unicode(neap_json_reader *r, const char **p, char out[4], size_t *out_len) {
    const char *escape = *p - 2;
    int code = read_hex4(*p, r->end);
    if (code == -1) {
        fail(r, escape, "\\u needs four hexadecimal digits");
        return false;
    }
    if (code >= 0) *p += 4;
    if (code >= 0xD800 && code <= 0xDBFF) code = read_pair(p, r->end, code);
    else if (code >= 0xDC00 && code <= 0xDFFF) code = -1;
    if (code == -2) fail_truncated(r, "inside a string");
    else if (code == -1) fail(r, escape, "half of a surrogate pair alone");
    else *out_len = put_utf8(out, code);
    return code >= 0;
}

/* Resolves the escape at *p (its backslash) into scratch. */
static bool read_escape(neap_json_reader *r, const char **p) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char bytes[4];
    size_t len = 1;
    const char *name;
    char shown[16];
    if (*p + 1 == r->end) {
        fail_truncated(r, "inside a string");
        return false;
    }
    name = memchr(names, (*p)[1], sizeof names - 1);
    *p += 2;
    if (name != NULL) {
        bytes[0] = values[name - names];
    } else if ((*p)[-1] != 'u') {
        fail(r, *p - 2, "a backslash before %s means nothing", show(r, *p - 1, shown));
        return false;
    } else if (!read_unicode(r, p, bytes, &len)) {
        return false;
    }
    if (neap_buf_add(&r->scratch, bytes, len) == 0) return true;
    fail_memory(r);
    return false;
}

/* Refuses the byte at p, which ended a run of text inside a string. */
static void fail_string(neap_json_reader *r, const char *p) {
    if (p == r->end || ((unsigned char)*p >= 0x80 && neap_json__utf8_len(p, r->end) == -1))
        fail_truncated(r, "inside a string");
    else if ((unsigned char)*p >= 0x80)
        fail(r, p, "byte 0x%02X is not UTF-8 here", (unsigned char)*p);
    else
        fail(r, p, "control character 0x%02X in a string needs an escape", (unsigned char)*p);
}

/* Reads a string that has escapes; p is the first backslash. */
static bool read_escaped(neap_json_reader *r, const char *start, const char *p) {
    r->scratch.len = 0;
    for (;;) {
        if (neap_buf_add(&r->scratch, start, (size_t)(p - start)) < 0) {
            fail_memory(r);
            return false;
        }
        if (p == r->end || (*p != '"' && *p != '\\')) break;
        if (*p == '"') {
            r->at = p + 1;
            r->str = r->scratch.data != NULL ? r->scratch.data : "";
            r->str_len = r->scratch.len;
            return true;
        }
        if (!read_escape(r, &p)) return false;
        start = p;
        p = neap_json__skip_text(p, r->end);
    }
    fail_string(r, p);
    return false;
}

/* Reads the string whose quote is at r->at into str, str_len. */
static bool read_string(neap_json_reader *r) {
    const char *start = r->at + 1;
    const char *p = neap_json__skip_text(start, r->end);
    if (p < r->end && *p == '"') {
        r->str = start;
        r->str_len = (size_t)(p - start);
        r->at = p + 1;
        return true;
    }
    if (p < r->end && *p == '\\') return read_escaped(r, start, p);
    fail_string(r, p);
    return false;
}

/* ---- numbers ---- */

static neap_json_token finish(neap_json_reader *r, neap_json_token token) {
    r->expect = r->depth > 0 ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
    return token;
}

static bool is_digit(const neap_json_reader *r, const char *p) {
    return p < r->end && *p >= '0' && *p <= '9';
}

/* Converts by the C library: right for every number, and slow. It wants the locale's point. */
static int parse_slowly(neap_json_reader *r, const char *s, size_t len) {
    const char *point = localeconv()->decimal_point;
    const char *dot = memchr(s, '.', len);
    size_t whole = dot != NULL ? (size_t)(dot - s) : len;
    neap_buf *b = &r->scratch;
    b->len = 0;
    if (neap_buf_add(b, s, whole) < 0) return NEAP_ENOMEM;
    if (dot != NULL) {
        if (neap_buf_puts(b, point) < 0) return NEAP_ENOMEM;
        if (neap_buf_add(b, dot + 1, len - whole - 1) < 0) return NEAP_ENOMEM;
    }
    if (neap_buf_add(b, "", 1) < 0) return NEAP_ENOMEM;
    r->number = strtod(b->data, NULL);
    return isfinite(r->number) ? 0 : NEAP_EINVAL;
}

/* Reads the decimal exponent behind its e. Cut at a size that is out of every double's range. */
static int parse_exponent(const char *p, const char *end) {
    bool negative = *p == '-';
    int value = 0;
    if (*p == '-' || *p == '+') p++;
    for (; p < end; p++) {
        if (value < 100000) value = value * 10 + (*p - '0');
    }
    return negative ? -value : value;
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 u128;

/* Gets digits / 10^scale, correctly rounded, for 0 < scale <= 22: a quotient of 74 bits or more
 * whose lowest bit stands for the remainder rounds as the exact value does. */
static double divide(uint64_t digits, int scale) {
    uint64_t five = 1, top;
    int shift = __builtin_clzll(digits), cut;
    u128 quotient, scaled = (u128)(digits << shift) << 63;
    for (int i = 0; i < scale; i++) five *= 5;
    quotient = scaled / five;
    cut = 64 - __builtin_clzll((uint64_t)(quotient >> 64));
    top = (uint64_t)(quotient >> cut);
    if (((u128)top << cut) * five != scaled) top |= 1;
    return ldexp((double)top, cut - 63 - shift - scale);
}
#endif

/* Converts the easy numbers, which are nearly all of real data. False: it is not one. Where digits
 * and power of ten are exact doubles, one multiplication or division rounds correctly (Clinger
 * 1990). */
static bool convert(double *out, uint64_t digits, int scale) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (scale < -22 || scale > 22) return false;
    if (FLT_EVAL_METHOD == 0 && digits <= 1ull << 53) {
        *out = scale < 0 ? (double)digits / powers[-scale] : (double)digits * powers[scale];
        return true;
    }
#ifdef __SIZEOF_INT128__
    if (scale < 0 && digits > 0) {
        *out = divide(digits, -scale);
        return true;
    }
#endif
    return false;
}

/* Converts a checked number into r->number. 0, NEAP_EINVAL (too large), NEAP_ENOMEM. */
static int parse_double(neap_json_reader *r, const char *s, size_t len) {
    const char *p = s, *end = s + len;
    bool negative = *p == '-', behind_point = false;
    uint64_t digits = 0;
    int scale = 0, count = 0;
    for (p += negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            behind_point = true;
            continue;
        }
        digits = digits * 10 + (uint64_t)(*p - '0');
        count += digits > 0; /* leading zeros do not count; 19 digits fit */
        if (count > 19) return parse_slowly(r, s, len);
        scale -= behind_point;
    }
    if (p < end) scale += parse_exponent(p + 1, end);
    if (!convert(&r->number, digits, scale)) return parse_slowly(r, s, len);
    if (negative) r->number = -r->number;
    return 0;
}

/* Checks point and exponent behind the whole part, then converts; r->at is still the sign. */
static neap_json_token read_float(neap_json_reader *r, const char *p) {
    int rc;
    if (*p == '.') {
        p++;
        if (p == r->end) return fail_truncated(r, "inside a number");
        if (!is_digit(r, p)) return fail(r, p, "a number needs a digit behind its point");
        while (is_digit(r, p)) p++;
    }
    if (p < r->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < r->end && (*p == '+' || *p == '-')) p++;
        if (p == r->end) return fail_truncated(r, "inside a number");
        if (!is_digit(r, p)) return fail(r, p, "a number needs a digit in its exponent");
        while (is_digit(r, p)) p++;
    }
    rc = parse_double(r, r->at, (size_t)(p - r->at));
    if (rc == NEAP_ENOMEM) return fail_memory(r);
    if (rc < 0) return fail(r, r->at, "number beyond the range of a double");
    r->at = p;
    return finish(r, NEAP_JSON_FLOAT);
}

/* Refuses what stands where a number's first digit should be, or behind its leading zero. */
static neap_json_token fail_number(neap_json_reader *r, const char *p) {
    char shown[16];
    if (p == r->end) return fail_truncated(r, "inside a number");
    if (*p == 'I' || *p == 'N' || *p == 'i' || *p == 'n')
        return fail(r, r->at, "NaN and Infinity are not JSON");
    if (*p == '.') return fail(r, p, "a number needs a digit before its point");
    return fail(r, p, "a number needs a digit behind its minus, got %s", show(r, p, shown));
}

static neap_json_token read_number(neap_json_reader *r) {
    bool negative = *r->at == '-';
    const char *first = r->at + negative, *p = first;
    uint64_t value = 0;
    size_t len;
    if (!is_digit(r, p)) return fail_number(r, p);
    while (is_digit(r, p)) value = value * 10 + (uint64_t)(*p++ - '0'); /* wraps beyond 19 digits */
    len = (size_t)(p - first);
    if (*first == '0' && len > 1) return fail(r, first, "a number cannot start with 0");
    if (p < r->end) {
        if (*p == '.' || *p == 'e' || *p == 'E') return read_float(r, p);
        if (*first == '0' && (*p == 'x' || *p == 'X'))
            return fail(r, r->at, "hexadecimal numbers are not JSON");
    }
    if (len > 19 || value > (uint64_t)INT64_MAX + negative) {
        r->str = r->at;
        r->str_len = (size_t)(p - r->at);
        r->at = p;
        return finish(r, NEAP_JSON_BIGINT);
    }
    r->integer = (int64_t)(negative ? 0 - value : value);
    r->at = p;
    return finish(r, NEAP_JSON_INTEGER);
}

/* ---- values ---- */

/* Refuses a bare word. */
static neap_json_token fail_word(neap_json_reader *r) {
    const char *p = r->at;
    int len;
    while (p < r->end && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))) p++;
    len = p - r->at > 20 ? 20 : (int)(p - r->at);
    if (len == 3 && strncmp(r->at, "NaN", 3) == 0)
        return fail(r, r->at, "NaN and Infinity are not JSON");
    if (len == 8 && strncmp(r->at, "Infinity", 8) == 0)
        return fail(r, r->at, "NaN and Infinity are not JSON");
    return fail(r, r->at, "unknown word %.*s", len, r->at);
}

static neap_json_token read_word(neap_json_reader *r, const char *word, neap_json_token token) {
    size_t len = strlen(word), left = (size_t)(r->end - r->at);
    if (left < len && memcmp(r->at, word, left) == 0) return fail_truncated(r, "inside a word");
    if (left < len || memcmp(r->at, word, len) != 0) return fail_word(r);
    r->at += len;
    return finish(r, token);
}

static neap_json_token fail_value(neap_json_reader *r) {
    unsigned char c = (unsigned char)*r->at;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return fail_word(r);
    if (c == '+') return fail(r, r->at, "a number cannot start with +");
    if (c == '.') return fail_number(r, r->at);
    if (r->at == r->text && c == '<') return fail(r, r->at, "this is HTML or XML, not JSON");
    if (r->at == r->text && c >= 0xFE) return fail(r, r->at, "this is UTF-16, not UTF-8");
    return fail_unexpected(r, "a value");
}

static neap_json_token open_container(neap_json_reader *r, bool is_object) {
    char kind = is_object ? 1 : 0;
    if (r->depth >= r->max_depth)
        return fail(r, r->at, "more than %zu levels of nesting", r->max_depth);
    if (neap_buf_add(&r->stack, &kind, 1) < 0) return fail_memory(r);
    r->at++;
    r->depth++;
    r->in_object = is_object;
    r->expect = is_object ? EXPECT_KEY_OR_END : EXPECT_ITEM_OR_END;
    return is_object ? NEAP_JSON_OBJECT_BEGIN : NEAP_JSON_ARRAY_BEGIN;
}

static neap_json_token close_container(neap_json_reader *r) {
    neap_json_token token = r->in_object ? NEAP_JSON_OBJECT_END : NEAP_JSON_ARRAY_END;
    neap_json__close(r);
    return token;
}

static neap_json_token read_value(neap_json_reader *r) {
    if (r->at == r->end)
        return fail_truncated(r, r->at == r->text ? "before it begins" : "before a value");
    switch (*r->at) {
    case '{': return open_container(r, true);
    case '[': return open_container(r, false);
    case '"': return read_string(r) ? finish(r, NEAP_JSON_STRING) : NEAP_JSON_ERROR;
    case 't': return read_word(r, "true", NEAP_JSON_TRUE);
    case 'f': return read_word(r, "false", NEAP_JSON_FALSE);
    case 'n': return read_word(r, "null", NEAP_JSON_NULL);
    default:
        if (*r->at == '-' || is_digit(r, r->at)) return read_number(r);
        return fail_value(r);
    }
}

/* ---- structure ---- */

static void skip_space(neap_json_reader *r) {
    const char *p = r->at;
    while (p < r->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    r->at = p;
}

static neap_json_token read_key(neap_json_reader *r) {
    if (r->at == r->end) return fail_truncated(r, "before a key");
    r->token = r->at;
    if (*r->at != '"') return fail_unexpected(r, "a key in double quotes");
    if (!read_string(r)) return NEAP_JSON_ERROR;
    skip_space(r);
    if (r->at == r->end) return fail_truncated(r, "behind a key");
    if (*r->at != ':') return fail_unexpected(r, "':' behind a key");
    r->at++;
    r->expect = EXPECT_VALUE;
    return NEAP_JSON_KEY;
}

/* Reads on behind a value inside a container. */
static neap_json_token read_more(neap_json_reader *r) {
    const char *comma = r->at;
    char close = r->in_object ? '}' : ']';
    if (r->at == r->end)
        return fail_truncated(r, r->in_object ? "inside an object" : "inside an array");
    if (*r->at == close) return close_container(r);
    if (*r->at != ',') return fail_unexpected(r, r->in_object ? "',' or '}'" : "',' or ']'");
    r->at++;
    skip_space(r);
    r->token = r->at;
    if (r->at < r->end && *r->at == close) return fail(r, comma, "comma before '%c'", close);
    return r->in_object ? read_key(r) : read_value(r);
}

static neap_json_token read_end(neap_json_reader *r) {
    if (r->at == r->end) return NEAP_JSON_END;
    return fail_unexpected(r, "the end of the text behind its one value");
}

neap_json_token neap_json_reader_next(neap_json_reader *r) {
    if (r->expect == EXPECT_ERROR) return NEAP_JSON_ERROR;
    skip_space(r);
    r->token = r->at;
    switch (r->expect) {
    case EXPECT_COMMA_OR_END: return read_more(r);
    case EXPECT_VALUE: return read_value(r);
    case EXPECT_ITEM_OR_END:
        if (r->at < r->end && *r->at == ']') return close_container(r);
        return read_value(r);
    case EXPECT_KEY_OR_END:
        if (r->at < r->end && *r->at == '}') return close_container(r);
        return read_key(r);
    default: return read_end(r);
    }
}

neap_json_mark neap_json_reader_mark(const neap_json_reader *r) {
    return (neap_json_mark){r->at, r->token, r->depth, r->expect, r->in_object};
}

/* The bytes of the stack up to that depth are still those of then. */
void neap_json_reader_rewind(neap_json_reader *r, const neap_json_mark *mark) {
    r->at = mark->at;
    r->token = mark->token;
    r->depth = r->stack.len = mark->depth;
    r->expect = mark->expect;
    r->in_object = mark->in_object;
}

/* Sets what it has to, one by one: most of a reader is the message of an error that there is not. */
void neap_json_reader_start(neap_json_reader *r, const char *text, size_t len, size_t max_depth) {
    static const char bom[] = "\xEF\xBB\xBF";
    size_t bom_len = len < 3 ? len : 3;
    bool has_bom = len > 0 && *text == *bom && memcmp(text, bom, bom_len) == 0;
    r->str = NULL;
    r->str_len = r->depth = r->line = r->column = 0;
    r->err.code = 0;
    r->err.message[0] = '\0';
    r->truncated = r->in_object = false;
    r->stack.len = r->scratch.len = 0;
    r->max_depth = max_depth;
    r->text = r->at = r->token = has_bom ? text + bom_len : text;
    r->end = text + len;
    r->expect = EXPECT_VALUE;
}

void neap_json_reader_deinit(neap_json_reader *r) {
    neap_buf_free(&r->stack);
    neap_buf_free(&r->scratch);
    *r = (neap_json_reader){0};
}
