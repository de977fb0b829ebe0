/* fuzz_split.c: what comes out does not depend on where the pieces are cut, or on who sees where records end; and a document is right exactly if
 * its frame, its records and what is between them are, which then are all of it.
 *
 * The first byte says what is read: '0' an array, '1' that at "a", '2' that at "a", "b", '3' lines; '4' to '7'
 * the same with small caps. */
#include <string.h>

#include "core/json.h"
#include "core/split.h"
#include "fuzz.h"

#define DEPTH 200

/* One reading: its records, a comma between two; each of them right; the frame, if it came to that. */
typedef struct reading {
    neap_buf records, frame;
    size_t records_at, count;
    bool right, found;
    neap_err err;
    bool truncated;
    uint64_t hash;
} reading;

/* Copies a JSON text in canonical form, or only checks it (out NULL). False: it is not right. */
static bool copy_json(neap_buf *out, const char *text, size_t len) {
    neap_json_reader r = {0};
    neap_json_token token;
    neap_json_reader_start(&r, text, len, DEPTH + 3); /* a record of DEPTH, in the array, in two objects */
    while ((token = neap_json_reader_next(&r)) > NEAP_JSON_END) {
        char kind = (char)token;
        if (out == NULL) continue;
        HOLDS(neap_buf_add(out, &kind, 1) == 0);
        if (token == NEAP_JSON_INTEGER) HOLDS(neap_buf_add(out, &r.integer, sizeof r.integer) == 0);
        if (token == NEAP_JSON_FLOAT) HOLDS(neap_buf_add(out, &r.number, sizeof r.number) == 0);
        if (token != NEAP_JSON_STRING && token != NEAP_JSON_KEY && token != NEAP_JSON_BIGINT) continue;
        HOLDS(neap_buf_add(out, &r.str_len, sizeof r.str_len) == 0);
        HOLDS(neap_buf_add(out, r.str, r.str_len) == 0);
    }
    neap_json_reader_deinit(&r);
    return token == NEAP_JSON_END;
}

/* Takes the record that comes next; `peeks`: where it ends is seen here, if it is an object that is right. */
static bool take_one(neap_split *s, bool peeks, neap_split_record *r) {
    neap_json_reader reader = {0};
    neap_json_token token;
    size_t len;
    if (!peeks || !neap_split_peek(s, r)) return neap_split_next(s, r) > 0;
    HOLDS(*r->text == '{');
    neap_json_reader_start(&reader, r->text, r->len, s->options.depth_max);
    do token = neap_json_reader_next(&reader);
    while (token > NEAP_JSON_END && reader.depth > 0);
    len = (size_t)(reader.at - r->text);
    neap_json_reader_deinit(&reader);
    if (token != NEAP_JSON_OBJECT_END) return neap_split_next(s, r) > 0;
    r->len = len;
    neap_split_take(s, len);
    return true;
}

static void take(neap_split *s, bool peeks, reading *to) {
    neap_split_record r;
    while (take_one(s, peeks, &r)) {
        HOLDS(r.len > 0 && r.len <= s->options.record_max);
        if (to->count++ > 0) HOLDS(neap_buf_puts(&to->records, ",") == 0);
        HOLDS(neap_buf_add(&to->records, r.text, r.len) == 0);
        to->right = to->right && copy_json(NULL, r.text, r.len);
    }
}

static reading read_in(const neap_split_options *o, const char *text, size_t len, size_t piece, bool late,
                       bool peeks) {
    reading to = {.right = true};
    const char *frame;
    size_t frame_len = 0;
    neap_split s;
    HOLDS(neap_split_init(&s, o) == 0);
    for (size_t at = 0; at < len && s.err.code == 0; at += piece) {
        neap_split_feed(&s, text + at, len - at < piece ? len - at : piece);
        if (!late) take(&s, peeks, &to);
    }
    neap_split_finish(&s);
    take(&s, peeks, &to);
    frame = neap_split_frame(&s, &frame_len);
    HOLDS((frame == NULL) == (s.err.code < 0));
    if (frame != NULL) HOLDS(frame_len <= o->frame_max && neap_buf_add(&to.frame, frame, frame_len) == 0);
    to.records_at = s.records_at;
    to.found = neap_split_found(&s);
    to.err = s.err;
    to.truncated = s.truncated;
    to.hash = neap_split_hash(&s);
    HOLDS(s.count == to.count);
    neap_split_deinit(&s);
    return to;
}

static void free_reading(reading *r) {
    neap_buf_free(&r->records);
    neap_buf_free(&r->frame);
}

static bool same(const neap_buf *a, const neap_buf *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void check_same(const neap_split_options *o, const char *text, size_t len, size_t piece, bool late,
                       bool peeks, const reading *a) {
    reading b = read_in(o, text, len, piece, late, peeks);
    HOLDS(same(&a->records, &b.records) && same(&a->frame, &b.frame));
    HOLDS(a->count == b.count && a->hash == b.hash && a->found == b.found);
    HOLDS(a->truncated == b.truncated && strcmp(a->err.message, b.err.message) == 0);
    free_reading(&b);
}

/* The document is right if all its parts are; put together they say the same. */
static void check_document(const char *text, size_t len, const reading *parts) {
    neap_buf whole = {0}, joined = {0}, again = {0};
    size_t at = parts->found ? parts->records_at : 0;
    bool right = copy_json(&whole, text, len);
    bool good = parts->err.code == 0 && parts->right && copy_json(NULL, parts->frame.data, parts->frame.len);
    if (right && !good) HOLDS(strstr(parts->err.message, "comes again") != NULL);
    if (good) {
        HOLDS(right);
        HOLDS(neap_buf_add(&joined, parts->frame.data, at) == 0);
        HOLDS(neap_buf_add(&joined, parts->records.data, parts->records.len) == 0);
        HOLDS(neap_buf_add(&joined, parts->frame.data + at, parts->frame.len - at) == 0);
        HOLDS(copy_json(&again, joined.data, joined.len) && same(&whole, &again));
    }
    HOLDS(!parts->truncated || !right);
    neap_buf_free(&whole);
    neap_buf_free(&joined);
    neap_buf_free(&again);
}

/* Lines, as they are by definition. */
static void check_lines(const char *text, size_t len, const reading *got) {
    const char *end = text + len, *p = text;
    neap_buf want = {0};
    size_t count = 0;
    if (len >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) p += 3;
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p)), *stop = lf != NULL ? lf : end;
        while (p < stop && strchr(" \t\r", *p) != NULL && *p != '\0') p++;
        if (stop > p && count++ > 0) HOLDS(neap_buf_puts(&want, ",") == 0);
        if (stop > p) HOLDS(neap_buf_add(&want, p, (size_t)(stop - p) - (stop[-1] == '\r')) == 0);
        p = stop + 1;
    }
    HOLDS(got->err.code == 0 && count == got->count && same(&want, &got->records));
    neap_buf_free(&want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const neap_split_key way[] = {{"a", 1}, {"b", 1}};
    const char *text = (const char *)data + 1;
    size_t len = size - 1;
    bool is_lines, is_small;
    neap_split_options o = {.way = way, .record_max = 1 << 20, .frame_max = 1 << 20, .depth_max = DEPTH};
    reading whole;
    if (size < 2) return 0;
    is_lines = (data[0] & 3) == 3;
    is_small = (data[0] & 4) != 0;
    o.is_lines = is_lines;
    o.way_len = is_lines ? 0 : data[0] & 3;
    if (is_small) {
        o.record_max = 12;
        o.frame_max = 20;
        o.depth_max = 4;
    }
    whole = read_in(&o, text, len, len, false, false);
    check_same(&o, text, len, len, false, true, &whole);
    check_same(&o, text, len, 1, false, false, &whole);
    check_same(&o, text, len, 1, true, true, &whole);
    check_same(&o, text, len, 7, false, true, &whole);
    check_same(&o, text, len, 67, true, false, &whole);
    if (is_lines && !is_small) check_lines(text, len, &whole);
    else if (!is_small && strstr(whole.err.message, "levels of nesting") == NULL) check_document(text, len, &whole);
    free_reading(&whole);
    return 0;
}
