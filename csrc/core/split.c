/* split.c: see split.h. Records are cut out of the bytes as they were fed; nothing is copied but once into
 * the buffer, and nothing moves but what is left when no record is complete. */
#include "split.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "split_frame.h"

#define KEEP ((size_t)256 * 1024) /* bytes: a larger buffer is given back once little is in it */

static const char bom[] = "\xEF\xBB\xBF";
#define BOM_LEN (sizeof bom - 1)

/* ---- faults ---- */

int neap_split__fail(neap_split *s, int code, const char *fmt, ...) {
    char text[NEAP_ERR_MESSAGE_LEN];
    va_list args;
    if (s->err.code < 0) return s->err.code;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    neap_err_set(&s->err, code, "%s", text);
    neap_buf_free(&s->text);
    neap_buf_free(&s->frame);
    s->taken = 0;
    return code;
}

const char *neap_split__where(const neap_split *s, size_t more, char out[NEAP_SPLIT_WHERE_LEN]) {
    unsigned long long byte = s->gone + s->taken + more + 1, count = s->count;
    if (count == 0) snprintf(out, NEAP_SPLIT_WHERE_LEN, "byte %llu, before record 1", byte);
    else snprintf(out, NEAP_SPLIT_WHERE_LEN, "byte %llu, behind record %llu", byte, count);
    return out;
}

/* Whether a text is right JSON so far, and ends too early. */
static bool is_cut(const char *text, size_t len, size_t depth_max) {
    neap_json_reader r = {0};
    bool truncated;
    neap_json_reader_start(&r, text, len, depth_max);
    while (neap_json_reader_next(&r) > NEAP_JSON_END) {}
    truncated = r.truncated;
    neap_json_reader_deinit(&r);
    return truncated;
}

int neap_split_refuse(neap_split *s, const neap_split_record *r, int code, const char *message) {
    s->truncated = r->is_open && is_cut(r->text, r->len, s->options.depth_max);
    return neap_split__fail(s, code, "record %llu: %s", (unsigned long long)s->count, message);
}

/* About the record that comes next. */
static int fail_record(neap_split *s, int code, const char *what, size_t cap, const char *unit) {
    return neap_split__fail(s, code, "record %llu: %s %zu %s", (unsigned long long)s->count + 1, what, cap, unit);
}

static int fail_large(neap_split *s) {
    return fail_record(s, NEAP_ETOOLARGE, "larger than", s->options.record_max, "bytes");
}

/* Refuses the byte that comes next, between two records. */
static int fail_between(neap_split *s) {
    unsigned char c = (unsigned char)s->text.data[s->taken];
    const char *wanted = s->place == NEAP_SPLIT_BEHIND_RECORD ? "',' or ']'" : "a value";
    char shown[16], where[NEAP_SPLIT_WHERE_LEN];
    if (c == ']' && s->place == NEAP_SPLIT_RECORD) wanted = "a value behind the comma";
    snprintf(shown, sizeof shown, c > 0x20 && c < 0x7F ? "'%c'" : "byte 0x%02X", c);
    return neap_split__fail(s, NEAP_EDECODE, "%s: expected %s, got %s", neap_split__where(s, 0, where),
                            wanted, shown);
}

/* The array does not end. What is there of a record may be wrong already. */
static int fail_end(neap_split *s) {
    size_t left = s->text.len - s->taken;
    char prefix[48], where[NEAP_SPLIT_WHERE_LEN];
    snprintf(prefix, sizeof prefix, "record %llu: ", (unsigned long long)s->count + 1);
    if (left > 0 && neap_split__judge(s, s->text.data + s->taken, left, prefix, true) < 0) return s->err.code;
    s->truncated = true;
    return neap_split__fail(s, NEAP_EDECODE, "%s: the text ends inside the array of records",
                            neap_split__where(s, left, where));
}

static int fail_memory(neap_split *s) {
    return neap_split__fail(s, NEAP_ENOMEM, "not enough memory");
}

/* ---- life ---- */

static int copy_way(neap_split *s, const neap_split_key *way, size_t len) {
    size_t size = len * sizeof *way;
    neap_split_key *keys;
    char *name;
    if (len == 0) return 0;
    for (size_t i = 0; i < len; i++) size += way[i].len;
    if (neap_buf_reserve(&s->keys, size) < 0) return fail_memory(s);
    keys = (neap_split_key *)(void *)s->keys.data;
    name = s->keys.data + len * sizeof *way;
    for (size_t i = 0; i < len; i++) {
        if (way[i].len > 0) memcpy(name, way[i].name, way[i].len);
        keys[i] = (neap_split_key){.name = name, .len = way[i].len};
        name += way[i].len;
    }
    return 0;
}

int neap_split_init(neap_split *s, const neap_split_options *options) {
    *s = (neap_split){.options = *options};
    s->options.way = NULL;
    if (s->options.record_max > SIZE_MAX - 2) s->options.record_max = SIZE_MAX - 2;
    s->place = options->is_lines ? NEAP_SPLIT_LINE : NEAP_SPLIT_ON_WAY;
    s->found = options->is_lines;
    return copy_way(s, options->way, options->way_len);
}

void neap_split_deinit(neap_split *s) {
    neap_buf_free(&s->keys);
    neap_buf_free(&s->text);
    neap_buf_free(&s->frame);
    *s = (neap_split){.finished = true};
}

/* ---- bytes ---- */

/* Forgets what was taken. At the end nothing is kept for a reader that may be collected late. */
static void compact(neap_split *s) {
    char *smaller;
    if (s->taken == s->text.len && s->finished) {
        s->gone += s->taken;
        s->taken = 0;
        neap_buf_free(&s->text);
    }
    if (s->taken == 0) return;
    s->gone += s->taken;
    neap_buf_shift(&s->text, s->taken);
    s->taken = 0;
    if (s->text.cap <= KEEP || s->text.len > KEEP / 2) return;
    smaller = realloc(s->text.data, KEEP);
    if (smaller == NULL) return;
    s->text.data = smaller;
    s->text.cap = KEEP;
}

/* Skips a byte order mark. False: it may be one, or nothing is there yet. */
static bool begin(neap_split *s) {
    size_t len = s->text.len < BOM_LEN ? s->text.len : BOM_LEN;
    if (s->has_begun) return true;
    if (len < BOM_LEN && !s->finished && (len == 0 || memcmp(s->text.data, bom, len) == 0)) return false;
    s->has_begun = true;
    if (len == BOM_LEN && memcmp(s->text.data, bom, len) == 0) s->taken = len;
    return true;
}

/* Reads of the frame what is there, so that its faults are known at once, and whether there are records. */
static int read_frame(neap_split *s) {
    if (s->place < NEAP_SPLIT_RECORDS && begin(s)) (void)neap_split__frame(s);
    return s->err.code;
}

int neap_split_feed(neap_split *s, const char *bytes, size_t len) {
    if (s->err.code < 0) return s->err.code;
    if (s->finished) return NEAP_EINVAL;
    if (s->taken > s->text.len / 2) compact(s);
    if (neap_buf_add(&s->text, bytes, len) < 0) return fail_memory(s);
    s->bytes += len;
    return read_frame(s);
}

int neap_split_finish(neap_split *s) {
    if (s->err.code < 0 || s->finished) return s->err.code;
    s->finished = true;
    return read_frame(s);
}

/* ---- records ---- */

/* What is there does not do. 0, or the fault that no more follows. */
static int need_more(neap_split *s) {
    return s->finished ? fail_end(s) : 0;
}

static int end_records(neap_split *s) {
    int rc = neap_split__end_records(s);
    return rc < 0 ? rc : neap_split__frame(s);
}

/* Goes to the first byte of the next record. 1; 0: there is none yet, or none any more; or a code. */
static int find_record(neap_split *s) {
    const char *p = s->text.data + s->taken, *end = s->text.data + s->text.len;
    p = neap_split__skip_space(p, end);
    if (s->place == NEAP_SPLIT_BEHIND_RECORD && p < end && *p == ',') {
        s->place = NEAP_SPLIT_RECORD;
        p = neap_split__skip_space(p + 1, end);
    }
    s->taken = (size_t)(p - s->text.data);
    if (p == end) return need_more(s);
    if (*p == '{' && s->place != NEAP_SPLIT_BEHIND_RECORD) return 1;
    if (*p == ']' && s->place != NEAP_SPLIT_RECORD) return end_records(s);
    if (s->place == NEAP_SPLIT_BEHIND_RECORD || !neap_split__may_begin(*p)) return fail_between(s);
    return 1;
}

/* Takes the record that begins here. 1; 0: more of it is needed; or a code. */
static int take_record(neap_split *s, neap_split_record *out) {
    const char *text = s->text.data + s->taken;
    size_t left = s->text.len - s->taken;
    /* that a number ends is seen from the byte behind it */
    size_t room = s->options.record_max + (*text != '{' && *text != '[' && *text != '"');
    neap_split_seen seen = neap_split__scan(&s->scan, text, left < room ? left : room, s->options.depth_max);
    if (seen == NEAP_SPLIT_TOO_DEEP)
        return fail_record(s, NEAP_EDECODE, "more than", s->options.depth_max, "levels of nesting");
    if (seen == NEAP_SPLIT_MORE) return left > room ? fail_large(s) : need_more(s);
    *out = (neap_split_record){.text = text, .len = s->scan.at};
    s->taken += s->scan.at;
    s->scan = (neap_split_scan){0};
    s->place = NEAP_SPLIT_BEHIND_RECORD;
    return 1;
}

static int next_element(neap_split *s, neap_split_record *out) {
    int rc = s->place < NEAP_SPLIT_RECORDS ? neap_split__frame(s) : 1;
    if (rc > 0) rc = find_record(s);
    return rc > 0 ? take_record(s, out) : rc;
}

/* Takes the next line that is not blank. 1, 0 or a code. */
static int next_line(neap_split *s, neap_split_record *out) {
    size_t here, len, room = s->options.record_max + 2; /* CR LF */
    const char *p, *end, *lf;
    if (s->taken == s->text.len) return 0;
    end = s->text.data + s->text.len;
    p = neap_split__skip_space(s->text.data + s->taken, end);
    here = (size_t)(end - p);
    s->taken = (size_t)(p - s->text.data);
    if (here == 0) return 0;
    if (here > room) here = room;
    lf = memchr(p + s->scan.at, '\n', here - s->scan.at);
    if (lf == NULL && here == room) return fail_large(s);
    s->scan.at = here;
    if (lf == NULL && !s->finished) return 0;
    len = lf != NULL ? (size_t)(lf - p) : here;
    s->taken += len + (lf != NULL);
    s->scan.at = 0;
    if (p[len - 1] == '\r') len--;
    if (len > s->options.record_max) return fail_large(s);
    *out = (neap_split_record){.text = p, .len = len, .is_open = lf == NULL};
    return 1;
}

/* Eight bytes at p. */
static inline uint64_t load(const char *p) {
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

/* One-to-one for a given w, and for a given h. */
static inline uint64_t mix(uint64_t h, uint64_t w) {
    h = (h ^ w) * UINT64_C(0x9E3779B97F4A7C15); /* odd, of no pattern: the golden ratio */
    return h << 29 | h >> 35;
}

/* Two lanes, as each step waits for the one before it. The last bytes of a long record may count twice. */
static void hash_record(neap_split *s, const char *p, size_t len) {
    uint64_t a = s->hash_a + len, b = s->hash_b + len, few[2] = {0, 0};
    const char *last = (const char *)few;
    if (len < sizeof few) memcpy(few, p, len);
    else last = p + len - sizeof few;
    for (; len > sizeof few; p += sizeof few, len -= sizeof few) {
        a = mix(a, load(p));
        b = mix(b, load(p + 8));
    }
    s->hash_a = mix(a, load(last));
    s->hash_b = mix(b, load(last + 8));
}

/* That a part was shown is known from the scan, which begins once it turns out to be one. */
bool neap_split_peek(neap_split *s, neap_split_record *out) {
    size_t left;
    if (s->err.code < 0 || s->place < NEAP_SPLIT_RECORDS || s->place == NEAP_SPLIT_LINE || s->scan.at > 0) return false;
    if (find_record(s) <= 0 || s->text.data[s->taken] != '{') return false;
    left = s->text.len - s->taken;
    *out = (neap_split_record){
        .text = s->text.data + s->taken,
        .len = left < s->options.record_max ? left : s->options.record_max,
    };
    return true;
}

void neap_split_take(neap_split *s, size_t len) {
    hash_record(s, s->text.data + s->taken, len);
    s->taken += len;
    s->place = NEAP_SPLIT_BEHIND_RECORD;
    s->count++;
}

int neap_split_next(neap_split *s, neap_split_record *out) {
    int rc;
    if (s->err.code < 0) return s->err.code;
    if (!begin(s)) return 0;
    rc = s->place == NEAP_SPLIT_LINE ? next_line(s, out) : next_element(s, out);
    if (rc > 0) {
        s->count++;
        hash_record(s, out->text, out->len);
    } else if (rc == 0) {
        compact(s);
    }
    return rc;
}

/* ---- answers ---- */

bool neap_split_found(const neap_split *s) {
    return s->found;
}

const char *neap_split_frame(const neap_split *s, size_t *len) {
    bool is_read = s->place == NEAP_SPLIT_NOTHING || s->place == NEAP_SPLIT_LINE;
    if (s->err.code < 0 || !s->finished || !is_read || s->taken < s->text.len) return NULL;
    *len = s->frame.len;
    return s->frame.data != NULL ? s->frame.data : "";
}

uint64_t neap_split_hash(const neap_split *s) {
    uint64_t h = mix(s->hash_a, s->hash_b);
    return mix(h ^ h >> 32, s->count);
}
