/* redact.c: see redact.h.
 *
 * A secret is kept as up to four forms: its bytes, and the base64 characters it determines at
 * each of the three alignments. Each form is searched for in four readings of the text (raw,
 * URL, JSON, XML), decoding as it compares, so any mixture of escaped and plain characters is
 * met. What makes it cheap is a bitmap of the byte pairs that any form in any reading can start
 * with: nearly every position of a text is dismissed by one look at it. */
#include "redact.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "secret.h"

#define FORMS 4 /* of one secret */
#define SHORT 4 /* secrets of fewer bytes hide as whole words only */

typedef enum { RAW, URL, JSON, XML, READINGS } reading;

/* One thing to search for. */
typedef struct form {
    const char *bytes; /* in the entry's own memory */
    size_t len;
    bool base64;      /* of the base64 alphabets, which compare as one */
    bool left, right; /* the character before or behind holds some bits of the secret, too */
    bool word;        /* only raw and as a whole word */
} form;

/* One secret. */
typedef struct entry {
    size_t refs;
    char *mem;       /* the bytes of all forms; neap_secret_alloc */
    size_t mem_len;
    form forms[FORMS];
    size_t form_count;
} entry;

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER; /* guards all below */
static entry **entries;
static size_t entry_count, entry_cap;
static uint8_t pairs[65536 / 8]; /* byte pairs that a form can start with */
static bool firsts[256];         /* the first bytes of these */

/* --- characters ------------------------------------------------------------------------------ */

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool is_base64(char c) {
    return (is_word(c) && (unsigned char)c < 0x80) || c == '+' || c == '/' || c == '-';
}

/* Folds the URL alphabet of base64 into the standard one (RFC 4648 section 5). */
static char fold_base64(char c) {
    if (c == '-') return '+';
    return c == '_' ? '/' : c;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* --- readings: one unit of encoded text as the bytes it stands for ---------------------------- */

typedef struct unit {
    size_t used;  /* bytes of text */
    size_t len;   /* bytes in out */
    char out[4];
} unit;

static void put_utf8(unit *u, uint32_t cp) {
    if (cp < 0x80) {
        u->out[u->len++] = (char)cp;
    } else if (cp < 0x800) {
        u->out[u->len++] = (char)(0xc0 | cp >> 6);
    } else if (cp < 0x10000) {
        u->out[u->len++] = (char)(0xe0 | cp >> 12);
        u->out[u->len++] = (char)(0x80 | (cp >> 6 & 0x3f));
    } else {
        u->out[u->len++] = (char)(0xf0 | cp >> 18);
        u->out[u->len++] = (char)(0x80 | (cp >> 12 & 0x3f));
        u->out[u->len++] = (char)(0x80 | (cp >> 6 & 0x3f));
    }
    if (cp >= 0x80) u->out[u->len++] = (char)(0x80 | (cp & 0x3f));
}

/* Four hex digits behind `\u`; -1 if they are none. */
static int32_t read_hex4(const char *t, size_t n) {
    int32_t cp = 0;
    if (n < 6 || t[0] != '\\' || t[1] != 'u') return -1;
    for (size_t i = 2; i < 6; i++) {
        int v = hex_value(t[i]);
        if (v < 0) return -1;
        cp = cp * 16 + v;
    }
    return cp;
}

/* RFC 8259 section 7. A backslash before any punctuation stands for that character, before a letter
 * (other than u) for a control character, which no secret has. */
static bool read_json(unit *u, const char *t, size_t n) {
    int32_t high = read_hex4(t, n);
    if (high < 0) {
        if (n < 2) return false;
        u->used = 2;
        u->out[u->len++] = is_word(t[1]) ? '\n' : t[1];
        return true;
    }
    u->used = 6;
    if (high >= 0xd800 && high < 0xdc00) {
        int32_t low = read_hex4(t + 6, n - 6);
        if (low >= 0xdc00 && low < 0xe000) {
            u->used = 12;
            high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    put_utf8(u, (uint32_t)high);
    return true;
}

/* Numeric character reference behind `&#`; false if it is none. */
static bool read_xml_number(unit *u, const char *t, size_t n) {
    bool hex = n > 2 && (t[2] == 'x' || t[2] == 'X');
    uint32_t cp = 0;
    size_t start = hex ? 3 : 2, i = start;
    for (; i < n && i < start + 8 && hex_value(t[i]) >= 0 && (hex || hex_value(t[i]) < 10); i++) {
        cp = cp * (hex ? 16 : 10) + (uint32_t)hex_value(t[i]);
    }
    if (i == start || i >= n || t[i] != ';' || cp > 0x10ffff) return false;
    u->used = i + 1;
    put_utf8(u, cp);
    return true;
}

/* XML 1.0 section 4.6. */
static bool read_xml(unit *u, const char *t, size_t n) {
    static const struct {
        const char *name;
        char c;
    } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    if (n > 1 && t[1] == '#') return read_xml_number(u, t, n);
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        size_t len = strlen(named[i].name);
        if (n < len || memcmp(t, named[i].name, len) != 0) continue;
        u->used = len;
        u->out[u->len++] = named[i].c;
        return true;
    }
    return false;
}

/* RFC 3986 section 2.1. */
static bool read_url(unit *u, const char *t, size_t n) {
    if (n < 3 || hex_value(t[1]) < 0 || hex_value(t[2]) < 0) return false;
    u->used = 3;
    u->out[u->len++] = (char)(hex_value(t[1]) * 16 + hex_value(t[2]));
    return true;
}

/* Reads one unit at t, n > 0. What is no escape of that reading stands for itself. */
static unit read_unit(reading how, const char *t, size_t n) {
    unit u = {0, 0, {0}};
    if (how == URL && t[0] == '%' && read_url(&u, t, n)) return u;
    if (how == JSON && t[0] == '\\' && read_json(&u, t, n)) return u;
    if (how == XML && t[0] == '&' && read_xml(&u, t, n)) return u;
    u.used = 1;
    u.out[u.len++] = t[0];
    return u;
}

/* --- matching --------------------------------------------------------------------------------- */

static bool unit_is(const form *f, reading how, const unit *u, const char *t, const char *want) {
    if (f->base64) return u->len == 1 && fold_base64(u->out[0]) == *want;
    if (memcmp(u->out, want, u->len) == 0) return true;
    return how == URL && u->used == 1 && *t == '+' && *want == ' '; /* as forms encode a blank */
}

/* Length of text that is this form in this reading; 0 if it is not. */
static size_t match_as(const form *f, reading how, const char *t, size_t n) {
    size_t i = 0, k = 0;
    while (k < f->len) {
        unit u;
        if (i >= n) return 0;
        u = read_unit(how, t + i, n - i);
        if (u.len > f->len - k || !unit_is(f, how, &u, t + i, f->bytes + k)) return 0;
        i += u.used;
        k += u.len;
    }
    return i;
}

/* The reading in which a character begins an escape; RAW for none. */
static reading reading_of(char c) {
    if (c == '%' || c == '+') return URL;
    if (c == '\\') return JSON;
    return c == '&' ? XML : RAW;
}

/* Length of text that is this form in any reading; 0 if it is not. Compares the text as it stands
 * first, and notes on the way whether another reading can be of use, which is rare. */
static size_t match_readings(const form *f, const char *t, size_t n) {
    unsigned seen = 0;
    size_t best = 0, k = 0;
    for (; k < n && k < f->len; k++) {
        seen |= 1u << reading_of(t[k]);
        if ((f->base64 ? fold_base64(t[k]) : t[k]) != f->bytes[k]) break;
    }
    if (k == f->len) return k;
    for (reading how = URL; how < READINGS; how++) {
        size_t used = seen >> how & 1 ? match_as(f, how, t, n) : 0;
        if (used > best) best = used;
    }
    return best;
}

/* A stretch of text. */
typedef struct span {
    size_t start, end;
} span;

/* The longest stretch that this form takes at i, not looking before floor; empty if none. */
static span match_form(const form *f, const char *t, size_t n, size_t i, size_t floor) {
    span s = {i, i};
    if (f->word) {
        if (i > floor && is_word(t[i - 1])) return s;
        s.end = i + match_as(f, RAW, t + i, n - i);
        if (s.end < n && is_word(t[s.end])) s.end = i;
        return s;
    }
    s.end = i + match_readings(f, t + i, n - i);
    if (!f->base64 || s.end == i) return s;
    if (f->left && i > floor && is_base64(t[i - 1])) s.start--;
    if (f->right && s.end < n && is_base64(t[s.end])) s.end++;
    for (int pad = 0; pad < 2 && s.end < n && t[s.end] == '='; pad++) s.end++;
    return s;
}

/* What the bytes at a position can begin with, by any reading. */
typedef struct beginning {
    char plain, folded, decoded, blank; /* as it is, as base64, unescaped, `+` as a blank */
} beginning;

static beginning beginning_at(const char *t, size_t n) {
    char c = *t;
    unit u = read_unit(reading_of(c), t, n);
    return (beginning){c, fold_base64(c), u.out[0], c == '+' ? ' ' : c};
}

static bool may_be(const form *f, beginning s) {
    char first = f->bytes[0];
    return first == s.plain || first == s.decoded || first == s.blank ||
           (f->base64 && first == s.folded);
}

/* The longest stretch that any form of a secret of `least` bytes or more takes at i; empty if none. */
static span match_any(const char *t, size_t n, size_t i, size_t floor, size_t least) {
    span best = {i, i};
    beginning begin = beginning_at(t + i, n - i);
    for (size_t e = 0; e < entry_count; e++) {
        if (entries[e]->forms[0].len < least) continue;
        for (size_t f = 0; f < entries[e]->form_count; f++) {
            span s;
            if (!may_be(&entries[e]->forms[f], begin)) continue;
            s = match_form(&entries[e]->forms[f], t, n, i, floor);
            if (s.end == i) continue;
            if (s.start < best.start) best.start = s.start;
            if (s.end > best.end) best.end = s.end;
        }
    }
    return best;
}

/* The first position from i on where a form may start, below n; n if there is none. */
static size_t next_start(const char *t, size_t n, size_t i) {
    const unsigned char *s = (const unsigned char *)t;
    for (; i + 1 < n; i++) {
        unsigned pair;
        while (i + 5 < n && !(firsts[s[i]] | firsts[s[i + 1]] | firsts[s[i + 2]] | firsts[s[i + 3]])) i += 4;
        if (!firsts[s[i]]) continue;
        pair = (unsigned)s[i] << 8 | s[i + 1];
        if (pairs[pair >> 3] >> (pair & 7) & 1) return i;
    }
    return i < n ? i : n; /* the last byte may be a secret of one byte */
}

/* Finds the next stretch to hide from `from` on, grown by all that overlap it. */
static bool find_next(const char *t, size_t n, size_t from, size_t least, span *out) {
    if (entry_count == 0) return false;
    for (size_t i = next_start(t, n, from); i < n; i = next_start(t, n, i + 1)) {
        span s = match_any(t, n, i, from, least);
        if (s.end == i) continue;
        for (size_t j = next_start(t, n, i + 1); j < s.end; j = next_start(t, n, j + 1)) {
            span more = match_any(t, n, j, from, least);
            if (more.end > s.end) s.end = more.end;
        }
        *out = s;
        return true;
    }
    return false;
}

static size_t stars(span s) {
    return s.end - s.start < 3 ? s.end - s.start : 3;
}

bool neap_redact_found(const char *text, size_t len) {
    span s;
    bool found;
    pthread_rwlock_rdlock(&lock);
    found = find_next(text, len, 0, 0, &s);
    pthread_rwlock_unlock(&lock);
    return found;
}

/* Writes text without secrets to `to`, which has room for len bytes or is text. Gives its
 * length. */
static size_t hide(char *to, const char *text, size_t len, size_t least) {
    size_t w = 0, at = 0;
    span s;
    pthread_rwlock_rdlock(&lock);
    while (at < len) {
        if (!find_next(text, len, at, least, &s)) s = (span){len, len};
        memmove(to + w, text + at, s.start - at);
        w += s.start - at;
        memset(to + w, '*', stars(s));
        w += stars(s);
        at = s.end;
    }
    pthread_rwlock_unlock(&lock);
    return w;
}

int neap_redact(neap_buf *out, const char *text, size_t len) {
    if (len == 0) return 0;
    if (neap_buf_reserve(out, len) < 0) return NEAP_ENOMEM;
    out->len += hide(out->data + out->len, text, len, 0);
    return 0;
}

int neap_redact_buf(neap_buf *b, size_t least) {
    size_t len = b->len;
    span s;
    bool found;
    if (len == 0) return 0;
    pthread_rwlock_rdlock(&lock);
    found = find_next(b->data, len, 0, least, &s);
    pthread_rwlock_unlock(&lock);
    if (!found) return 0;
    b->len = s.start + hide(b->data + s.start, b->data + s.start, len - s.start, least);
    neap_secret_wipe(b->data + b->len, len - b->len);
    return 0;
}

/* --- the registry ----------------------------------------------------------------------------- */

static void set_pair(unsigned char a, unsigned char b) {
    unsigned pair = (unsigned)a << 8 | b;
    pairs[pair >> 3] = (uint8_t)(pairs[pair >> 3] | 1u << (pair & 7));
    firsts[a] = true;
}

/* Pairs that begin with the byte c as it is: behind it, anything that can stand for the next
 * one. */
static void index_plain(const form *f, unsigned char c) {
    static const unsigned char escapes[] = {'%', '\\', '&', '+'};
    unsigned char next;
    if (f->len == 1) {
        for (unsigned b = 0; b < 256; b++) set_pair(c, (unsigned char)b);
        return;
    }
    next = (unsigned char)f->bytes[1];
    set_pair(c, next);
    if (f->base64 && next == '+') set_pair(c, '-');
    if (f->base64 && next == '/') set_pair(c, '_');
    if (f->word) return;
    for (size_t i = 0; i < sizeof escapes; i++) set_pair(c, escapes[i]);
}

/* Pairs that begin with the byte c encoded. */
static void index_encoded(unsigned char c) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    static const char xml[] = "#algq";
    set_pair('%', (unsigned char)digits[c >> 4]);
    set_pair('%', (unsigned char)digits[16 + (c >> 4)]);
    if (!is_word((char)c)) set_pair('\\', c);
    set_pair('\\', 'u');
    for (const char *x = xml; *x != '\0'; x++) set_pair('&', (unsigned char)*x);
    if (c == ' ') {
        for (unsigned b = 0; b < 256; b++) set_pair('+', (unsigned char)b);
    }
}

static void index_form(const form *f) {
    unsigned char c = (unsigned char)f->bytes[0];
    unsigned char twin = f->base64 && c == '+' ? '-' : f->base64 && c == '/' ? '_' : c;
    index_plain(f, c);
    index_plain(f, twin);
    if (f->word) return;
    index_encoded(c);
    index_encoded(twin);
}

static void index_all(void) {
    memset(pairs, 0, sizeof pairs);
    memset(firsts, 0, sizeof firsts);
    for (size_t e = 0; e < entry_count; e++) {
        for (size_t f = 0; f < entries[e]->form_count; f++) index_form(&entries[e]->forms[f]);
    }
}

/* The base64 character of six bits at bit offset `bit` of `pad` zero bytes and the secret. */
static char base64_at(const char *s, size_t len, size_t pad, size_t bit) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = bit / 8;
    unsigned first = at < pad ? 0u : (unsigned char)s[at - pad];
    unsigned second = at + 1 < pad || at + 1 - pad >= len ? 0u : (unsigned char)s[at + 1 - pad];
    return alphabet[(first << 8 | second) >> (10 - bit % 8) & 0x3f];
}

/* The characters that depend on nothing but the secret when `pad` bytes (modulo 3) go before it. */
static size_t add_base64(entry *e, char *to, const char *s, size_t len, size_t pad) {
    form *f = &e->forms[e->form_count++];
    size_t begin = (pad * 8 + 5) / 6, end = (pad + len) * 8 / 6;
    *f = (form){to, end - begin, true, pad > 0, (pad + len) % 3 != 0, false};
    for (size_t i = begin; i < end; i++) to[i - begin] = base64_at(s, len, pad, i * 6);
    return f->len;
}

static entry *entry_new(const char *s, size_t len) {
    entry *e = calloc(1, sizeof *e);
    size_t used = len;
    if (e == NULL) return NULL;
    e->refs = 1;
    e->mem_len = len + 3 * (len * 2 + 4);
    e->mem = neap_secret_alloc(e->mem_len);
    if (e->mem == NULL) {
        free(e);
        return NULL;
    }
    memcpy(e->mem, s, len);
    e->forms[e->form_count++] = (form){e->mem, len, false, false, false, len < SHORT};
    for (size_t pad = 0; pad < 3 && len >= SHORT; pad++) {
        used += add_base64(e, e->mem + used, s, len, pad);
    }
    return e;
}

static void entry_free(entry *e) {
    if (e == NULL) return;
    neap_secret_release(e->mem, e->mem_len);
    free(e);
}

/* Index of a secret, entry_count if it is not there. */
static size_t find_entry(const char *s, size_t len) {
    size_t i = 0;
    for (; i < entry_count; i++) {
        if (entries[i]->forms[0].len == len && memcmp(entries[i]->mem, s, len) == 0) break;
    }
    return i;
}

static int add_entry(entry *e) {
    if (entry_count == entry_cap) {
        size_t cap = entry_cap > 0 ? entry_cap * 2 : 8;
        entry **grown = realloc(entries, cap * sizeof(entry *));
        if (grown == NULL) return NEAP_ENOMEM;
        entries = grown;
        entry_cap = cap;
    }
    entries[entry_count++] = e;
    index_all();
    return 0;
}

int neap_redact_add(const char *secret, size_t len) {
    entry *e = entry_new(secret, len);
    size_t i;
    int rc = 0;
    if (e == NULL) return NEAP_ENOMEM;
    pthread_rwlock_wrlock(&lock);
    i = find_entry(secret, len);
    if (i < entry_count) entries[i]->refs++;
    else rc = add_entry(e);
    if (i < entry_count && entries[i] == e) e = NULL; /* the registry's now */
    pthread_rwlock_unlock(&lock);
    entry_free(e);
    return rc;
}

void neap_redact_remove(const char *secret, size_t len) {
    entry *gone = NULL;
    size_t i;
    pthread_rwlock_wrlock(&lock);
    i = find_entry(secret, len);
    if (i < entry_count && --entries[i]->refs == 0) {
        gone = entries[i];
        entries[i] = entries[--entry_count];
        index_all();
    }
    if (entry_count == 0) {
        free(entries);
        entries = NULL;
        entry_cap = 0;
    }
    pthread_rwlock_unlock(&lock);
    entry_free(gone);
}
