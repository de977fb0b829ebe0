/* json_write.c: the writer of json.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "json_scan.h"

/* Makes room; inline, as there is room nearly always. */
static inline int reserve(neap_buf *b, size_t more) {
    return b->cap - b->len >= more ? 0 : neap_buf_reserve(b, more);
}

static inline void put(neap_buf *b, char c) {
    b->data[b->len++] = c;
}

/* Where there is room. */
static inline void put_bytes(neap_buf *b, const char *bytes, size_t len) {
    neap_json__copy(b->data + b->len, bytes, len);
    b->len += len;
}

static int break_line(neap_json_writer *w) {
    size_t width = (size_t)w->indent * (size_t)w->depth;
    if (reserve(w->out, width + 1) < 0) return NEAP_ENOMEM;
    put(w->out, '\n');
    memset(w->out->data + w->out->len, ' ', width);
    w->out->len += width;
    return 0;
}

/* Writes what goes before a key or value, and makes room for `more` bytes behind it. */
static inline int begin_value(neap_json_writer *w, size_t more) {
    neap_buf *b = w->out;
    if (reserve(b, more + 2) < 0) return NEAP_ENOMEM;
    if (w->place == NEAP_JSON__NEXT) put(b, ',');
    if (w->indent > 0 && w->depth > 0 && w->place != NEAP_JSON__AFTER_KEY) {
        if (break_line(w) < 0) return NEAP_ENOMEM;
        if (reserve(b, more) < 0) return NEAP_ENOMEM;
    }
    w->place = w->depth > 0 ? NEAP_JSON__NEXT : NEAP_JSON__START;
    return 0;
}

int neap_json_writer_begin(neap_json_writer *w, char bracket) {
    if (begin_value(w, 1) < 0) return NEAP_ENOMEM;
    put(w->out, bracket);
    w->depth++;
    w->place = NEAP_JSON__START;
    return 0;
}

int neap_json_writer_end(neap_json_writer *w, char bracket) {
    bool empty = w->place == NEAP_JSON__START;
    w->depth--;
    if (w->indent > 0 && !empty && break_line(w) < 0) return NEAP_ENOMEM;
    if (reserve(w->out, 1) < 0) return NEAP_ENOMEM;
    put(w->out, bracket);
    w->place = w->depth > 0 ? NEAP_JSON__NEXT : NEAP_JSON__START;
    return 0;
}

/* Writes the escape of a quote, backslash or control character; there is room for 6 bytes. */
static void put_escape(neap_buf *b, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    /* 'u' is \u00XX; the rest is the letter behind the backslash */
    static const char letters[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";
    char letter = (char)c;
    if (c < 0x20) letter = letters[c];
    put(b, '\\');
    put(b, letter);
    if (letter != 'u') return;
    put(b, '0');
    put(b, '0');
    put(b, hex[c >> 4]);
    put(b, hex[c & 15]);
}

/* Writes a string and its quotes where begin_value made room for len + 3 bytes. */
static int put_string(neap_buf *b, const char *s, size_t len) {
    const char *end = s + len;
    put(b, '"');
    for (;;) {
        const char *stop = neap_json__skip_text(s, end);
        size_t run = (size_t)(stop - s);
        memcpy(b->data + b->len, s, run);
        b->len += run;
        if (stop == end) break;
        if ((unsigned char)*stop >= 0x80) return NEAP_EINVAL;
        s = stop + 1;
        if (reserve(b, 6 + (size_t)(end - s) + 2) < 0) return NEAP_ENOMEM;
        put_escape(b, (unsigned char)*stop);
    }
    put(b, '"');
    return 0;
}

int neap_json_writer_string(neap_json_writer *w, const char *s, size_t len) {
    size_t before = w->out->len;
    int place = w->place;
    int rc = begin_value(w, len + 3);
    if (rc == 0 && neap_json__copy_plain(w->out->data + w->out->len + 1, s, len)) {
        w->out->data[w->out->len] = '"';
        w->out->data[w->out->len + len + 1] = '"';
        w->out->len += len + 2;
        return 0;
    }
    if (rc == 0) rc = put_string(w->out, s, len);
    if (rc == 0) return 0;
    w->out->len = before;
    w->place = place;
    return rc;
}

int neap_json_writer_key(neap_json_writer *w, const char *s, size_t len) {
    int rc = neap_json_writer_string(w, s, len);
    if (rc < 0) return rc;
    if (reserve(w->out, 2) < 0) return NEAP_ENOMEM;
    put(w->out, ':');
    if (w->indent > 0) put(w->out, ' ');
    w->place = NEAP_JSON__AFTER_KEY;
    return 0;
}

int neap_json_writer_break(neap_json_writer *w) {
    if (reserve(w->out, 1) < 0) return NEAP_ENOMEM;
    put(w->out, '\n');
    return 0;
}

int neap_json_writer_raw(neap_json_writer *w, const char *json, size_t len) {
    if (begin_value(w, len) < 0) return NEAP_ENOMEM;
    put_bytes(w->out, json, len);
    return 0;
}

/* ---- numbers ---- */

/* Writes digits so that they end at `end`. Returns their start. */
static char *put_digits(char *end, uint64_t value) {
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value < 10) {
        *--end = (char)('0' + value);
        return end;
    }
    end -= 2;
    memcpy(end, pairs + 2 * value, 2);
    return end;
}

int neap_json_writer_int(neap_json_writer *w, int64_t value) {
    char text[24], *end = text + sizeof text, *start;
    start = put_digits(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0) *--start = '-';
    if (begin_value(w, sizeof text) < 0) return NEAP_ENOMEM;
    put_bytes(w->out, start, (size_t)(end - start));
    return 0;
}

#define DIGITS_MAX 17 /* enough for any double */
#define DOUBLE_MAX 32 /* "-0.0000" + 17 digits, or 17 digits + point, sign and exponent */

/* A positive finite double as 0.DIGITS times ten to the power of point. */
typedef struct decimal {
    char digits[DIGITS_MAX + 1]; /* no zero at the end, unless it is all there is */
    int len;
    int point;
} decimal;

static void set_digits(decimal *d, const char *digits, int len, int point) {
    while (len > 1 && digits[len - 1] == '0') len--;
    memcpy(d->digits, digits, (size_t)len);
    d->len = len;
    d->point = point;
}

/* Sets digits from m / 10^k. */
static void set_ratio(decimal *d, uint64_t m, int k) {
    char text[20], *end = text + sizeof text, *start = put_digits(end, m);
    set_digits(d, start, (int)(end - start), (int)(end - start) - k);
}

/* Finds m and k with value = m / 10^k, m below 2^53: then m / 10^k is one correctly rounded
 * division, so these digits read back as value; and as any 15 digits come back from a double
 * unchanged, the smallest k has the fewest. Covers what people type: prices, rates, coordinates.
 * 0: there are none, and value * 10^k has 16 digits before its point, if k is not -1. */
static uint64_t find_short(double value, int *k) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9, 1e10,
                                    1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
    *k = -1;
    if (value < 1e-4 || value >= 1e15) return 0;
    for (int i = 0; i < (int)(sizeof powers / sizeof *powers); i++) {
        double scaled = value * powers[i];
        uint64_t m = (uint64_t)(int64_t)(scaled + 0.5); /* signed: one instruction */
        *k = i;
        if (scaled >= 1e15) return 0;
        if (m > 0 && (double)(int64_t)m / powers[i] == value) return m;
    }
    *k = -1;
    return 0;
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 u128;

/* Finds 16 or 17 digits of a value that find_short gave up on with this k, in exact arithmetic:
 * value * 10^(k+1), and half the way to its neighbours, as 128-bit numbers with a binary point. */
static void find_exactly(decimal *d, double value, int k) {
    int exponent, point;
    uint64_t mantissa = (uint64_t)ldexp(frexp(value, &exponent), 53), floor16;
    u128 unit = 1, exact, above, below, ten, down, up;
    point = 53 - exponent + 2; /* bits behind the binary point; 3 to 68 */
    for (int i = 0; i <= k; i++) unit *= 10;
    exact = unit * mantissa * 4;
    above = unit * 2;
    below = mantissa == 1ull << 52 ? unit : above; /* the neighbour below a power of 2 is nearer */
    ten = (u128)10 << point;
    floor16 = (uint64_t)((exact >> point) / 10);
    down = exact - floor16 * ten;
    up = ten - down;
    if (down < below && (down <= up || up >= above)) set_ratio(d, floor16, k);
    else if (up < above) set_ratio(d, floor16 + 1, k);
    else set_ratio(d, (uint64_t)((exact + ((u128)1 << (point - 1))) >> point), k + 1);
}
#endif

/* Tries precisions with the C library until one reads back. Subnormal numbers may need few
 * digits; at powers of two one more than the fewest is possible. */
static void find_slowly(decimal *d, double value) {
    char text[40], digits[DIGITS_MAX];
    const char *e;
    int precision = value < 2.3e-308 ? 1 : 15;
    for (; precision <= DIGITS_MAX; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, value);
        if (precision == DIGITS_MAX || strtod(text, NULL) == value) break;
    }
    e = strchr(text, 'e');
    digits[0] = text[0]; /* then the locale's point, which may be longer than a byte */
    memcpy(digits + 1, e - (precision - 1), (size_t)precision - 1);
    set_digits(d, digits, precision, (int)strtol(e + 1, NULL, 10) + 1);
}

/* Finds the digits of a value that find_short gave up on with this k. */
static void find_digits(decimal *d, double value, int k) {
#ifdef __SIZEOF_INT128__
    if (k >= 0) {
        find_exactly(d, value, k);
        return;
    }
#endif
    (void)k;
    find_slowly(d, value);
}

/* Writes m / 10^k as find_short gives them: 0.00012, 12.5, 1200.0. */
static char *put_ratio(char *p, uint64_t m, int k) {
    char text[24], *end = text + sizeof text, *start = put_digits(end, m), *point = end - k;
    if (point <= start) {
        *p++ = '0';
        *p++ = '.';
        for (; point < start; point++) *p++ = '0';
    } else {
        neap_json__copy(p, start, (size_t)(point - start));
        p += point - start;
        *p++ = '.';
        start = point;
    }
    if (start == end) *p++ = '0';
    while (start < end) *p++ = *start++;
    return p;
}

/* Writes 0.00012, 12.5, 1200.0. */
static char *put_plain(char *p, const decimal *d) {
    int i = 0;
    if (d->point <= 0) *p++ = '0';
    while (i < d->point) {
        *p++ = i < d->len ? d->digits[i] : '0';
        i++;
    }
    *p++ = '.';
    for (int zeros = d->point; zeros < 0; zeros++) *p++ = '0';
    if (i >= d->len) *p++ = '0';
    while (i < d->len) *p++ = d->digits[i++];
    return p;
}

/* Writes 1.25e-7, 1e20. */
static char *put_exponent(char *p, const decimal *d) {
    int exponent = d->point - 1;
    char text[20], *end = text + sizeof text, *start;
    *p++ = d->digits[0];
    if (d->len > 1) *p++ = '.';
    for (int i = 1; i < d->len; i++) *p++ = d->digits[i];
    *p++ = 'e';
    if (exponent < 0) *p++ = '-';
    start = put_digits(end, (uint64_t)(exponent < 0 ? -exponent : exponent));
    while (start < end) *p++ = *start++;
    return p;
}

/* Writes a positive value. */
static char *put_positive(char *p, double value) {
    decimal d;
    int k;
    uint64_t m = find_short(value, &k);
    if (m > 0) return put_ratio(p, m, k);
    find_digits(&d, value, k);
    return d.point > -5 && d.point <= 17 ? put_plain(p, &d) : put_exponent(p, &d);
}

int neap_json_writer_double(neap_json_writer *w, double value) {
    char *p;
    if (!isfinite(value)) return NEAP_EINVAL;
    if (begin_value(w, DOUBLE_MAX) < 0) return NEAP_ENOMEM;
    p = w->out->data + w->out->len;
    if (signbit(value)) *p++ = '-';
    value = fabs(value);
    if (value > 0) {
        p = put_positive(p, value);
    } else {
        memcpy(p, "0.0", 3);
        p += 3;
    }
    w->out->len = (size_t)(p - w->out->data);
    return 0;
}
