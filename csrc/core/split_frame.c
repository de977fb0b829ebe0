/* split_frame.c: reads what stands around the records, along the way to their array. See split.h.
 *
 * Only where keys and values begin and end is looked at; the frame's reader judges the rest. Where that
 * cannot be told, the JSON reader is asked for the message. */
#include "split_frame.h"

#include <string.h>

#include "json.h"

static size_t left(const neap_split *s) {
    return s->text.len - s->taken;
}

/* ---- faults ---- */

int neap_split__judge(neap_split *s, const char *text, size_t len, const char *prefix, bool with_place) {
    neap_json_reader r = {0};
    neap_json_token token;
    int rc = 0;
    neap_json_reader_start(&r, text, len, s->options.depth_max);
    do token = neap_json_reader_next(&r);
    while (token > NEAP_JSON_END);
    if (token == NEAP_JSON_ERROR) {
        const char *what = with_place ? NULL : strstr(r.err.message, ": ");
        s->truncated = r.truncated;
        rc = neap_split__fail(s, r.err.code, "%s%s", prefix, what != NULL ? what + 2 : r.err.message);
    }
    neap_json_reader_deinit(&r);
    return rc;
}

/* Refuses the document because of its next `len` bytes: one that cannot follow, or the last that there are.
 * Behind the records the frame's lines and columns are not those of the document. */
static int fail_frame(neap_split *s, size_t len) {
    const char *prefix = s->found ? "behind the records: " : "";
    int rc;
    if (s->frame.len == 0 && len > 0 && (unsigned char)s->text.data[s->taken] == 0xEF) /* no second mark */
        return neap_split__fail(s, NEAP_EDECODE, "line 1, column 1: expected a value, got byte 0xEF");
    if (len > 0 && neap_buf_add(&s->frame, s->text.data + s->taken, len) < 0)
        return neap_split__fail(s, NEAP_ENOMEM, "not enough memory");
    rc = neap_split__judge(s, s->frame.data != NULL ? s->frame.data : "", s->frame.len, prefix, !s->found);
    return rc < 0 ? rc : neap_split__fail(s, NEAP_EDECODE, "%sthis is no JSON", prefix);
}

static int fail_large(neap_split *s) {
    if (s->found)
        return neap_split__fail(s, NEAP_ETOOLARGE, "what stands beside the records is larger than %zu bytes",
                                s->options.frame_max);
    return neap_split__fail(s, NEAP_ETOOLARGE, "no records within the first %zu bytes", s->options.frame_max);
}

static int fail_deep(neap_split *s) {
    return neap_split__fail(s, NEAP_EDECODE, "more than %zu levels of nesting", s->options.depth_max);
}

/* The name of a key of the way. */
static int fail_twice(neap_split *s, const neap_split_key *key) {
    char where[NEAP_SPLIT_WHERE_LEN];
    return neap_split__fail(s, NEAP_EDECODE, "%s: the key \"%.*s\" comes again", neap_split__where(s, 0, where),
                            key->len < 64 ? (int)key->len : 64, key->name);
}

/* ---- pieces of the frame ---- */

/* Moves the next len bytes into the frame. 0 or the code of a fault. */
static int keep(neap_split *s, size_t len) {
    if (len > s->options.frame_max - s->frame.len) return fail_large(s);
    if (neap_buf_add(&s->frame, s->text.data + s->taken, len) < 0)
        return neap_split__fail(s, NEAP_ENOMEM, "not enough memory");
    s->taken += len;
    return 0;
}

static int keep_space(neap_split *s) {
    const char *p = s->text.data + s->taken;
    return left(s) > 0 ? keep(s, (size_t)(neap_split__skip_space(p, p + left(s)) - p)) : 0;
}

/* Looks at the value that comes next. 1: it is whole, and *len is its length; 0: more of it is needed. */
static int see_value(neap_split *s, size_t *len) {
    size_t room = s->options.frame_max - s->frame.len, here = left(s) < room ? left(s) : room;
    neap_split_seen seen = NEAP_SPLIT_MORE;
    if (here > 0) seen = neap_split__scan(&s->scan, s->text.data + s->taken, here,
                                          s->options.depth_max - s->level);
    if (seen == NEAP_SPLIT_TOO_DEEP) return fail_deep(s);
    if (seen == NEAP_SPLIT_MORE && left(s) > room) return fail_large(s);
    *len = s->scan.at;
    return seen == NEAP_SPLIT_WHOLE;
}

/* Reads a whole value into the frame. 1, 0 (more of it is needed), or the code of a fault. */
static int keep_value(neap_split *s) {
    size_t len = 0;
    int rc;
    if (!neap_split__may_begin(s->text.data[s->taken])) return fail_frame(s, 1);
    rc = see_value(s, &len);
    if (rc <= 0) return rc;
    s->scan = (neap_split_scan){0};
    rc = keep(s, len);
    return rc < 0 ? rc : 1;
}

static int behind_value(const neap_split *s) {
    return s->level == 0 ? NEAP_SPLIT_NOTHING : NEAP_SPLIT_COMMA_OR_END;
}

/* ---- the way ---- */

static const neap_split_key *key_of(const neap_split *s) {
    return (const neap_split_key *)(const void *)s->keys.data + (s->level - 1);
}

/* Whether the key that comes next, in its quotes, is the one that is looked for. 1, 0, NEAP_ENOMEM. */
static int is_key(neap_split *s, const char *text, size_t len) {
    const neap_split_key *key = key_of(s);
    neap_json_reader r = {0};
    int is = 0;
    if (memchr(text, '\\', len) == NULL)
        return len == key->len + 2 && (key->len == 0 || memcmp(text + 1, key->name, key->len) == 0);
    neap_json_reader_start(&r, text, len, 1);
    if (neap_json_reader_next(&r) == NEAP_JSON_STRING)
        is = r.str_len == key->len && (key->len == 0 || memcmp(r.str, key->name, key->len) == 0);
    else if (r.err.code == NEAP_ENOMEM)
        is = NEAP_ENOMEM;
    neap_json_reader_deinit(&r);
    return is;
}

static int read_key(neap_split *s) {
    size_t len = 0;
    int rc, is;
    if (s->text.data[s->taken] != '"') return fail_frame(s, 1);
    rc = see_value(s, &len);
    if (rc <= 0) return rc;
    is = is_key(s, s->text.data + s->taken, len);
    if (is < 0) return neap_split__fail(s, NEAP_ENOMEM, "not enough memory");
    if (is && s->found) return fail_twice(s, key_of(s));
    s->scan = (neap_split_scan){0};
    s->place = is ? NEAP_SPLIT_COLON_ON_WAY : NEAP_SPLIT_COLON_OFF_WAY;
    rc = keep(s, len);
    return rc < 0 ? rc : 1;
}

/* Opens the container that comes next on the way, an object or the array of the records. */
static int open_container(neap_split *s) {
    bool is_array = s->level == s->options.way_len;
    if (s->level >= s->options.depth_max) return fail_deep(s);
    if (keep(s, 1) < 0) return s->err.code;
    if (is_array) {
        s->found = true;
        s->records_at = s->frame.len;
        s->place = NEAP_SPLIT_RECORD_OR_END;
    } else {
        s->level++;
        s->place = NEAP_SPLIT_KEY_OR_END;
    }
    return 1;
}

static int read_on_way(neap_split *s) {
    char wanted = s->level == s->options.way_len ? '[' : '{';
    int rc;
    if (s->text.data[s->taken] == wanted) return open_container(s);
    rc = keep_value(s);
    if (rc > 0) s->place = behind_value(s);
    return rc;
}

static int read_off_way(neap_split *s) {
    int rc = keep_value(s);
    if (rc > 0) s->place = NEAP_SPLIT_COMMA_OR_END;
    return rc;
}

static int close_object(neap_split *s) {
    s->level--;
    s->place = behind_value(s);
    return keep(s, 1) < 0 ? s->err.code : 1;
}

static int read_sign(neap_split *s, char wanted, int place) {
    if (s->text.data[s->taken] != wanted) return fail_frame(s, 1);
    s->place = place;
    return keep(s, 1) < 0 ? s->err.code : 1;
}

/* Reads one piece. 1; 0: more bytes are needed for it; or the code of a fault. */
static int read_piece(neap_split *s) {
    bool closes = s->text.data[s->taken] == '}';
    switch (s->place) {
    case NEAP_SPLIT_ON_WAY: return read_on_way(s);
    case NEAP_SPLIT_OFF_WAY: return read_off_way(s);
    case NEAP_SPLIT_KEY_OR_END: return closes ? close_object(s) : read_key(s);
    case NEAP_SPLIT_KEY: return read_key(s);
    case NEAP_SPLIT_COLON_ON_WAY: return read_sign(s, ':', NEAP_SPLIT_ON_WAY);
    case NEAP_SPLIT_COLON_OFF_WAY: return read_sign(s, ':', NEAP_SPLIT_OFF_WAY);
    case NEAP_SPLIT_COMMA_OR_END: return closes ? close_object(s) : read_sign(s, ',', NEAP_SPLIT_KEY);
    default: return fail_frame(s, 1);
    }
}

/* What is there of the document when no more follows: it may be a number or a word. */
static int end_frame(neap_split *s) {
    if (s->place == NEAP_SPLIT_ON_WAY && s->level == 0 && left(s) > 0 &&
        neap_split__is_word(s->text.data[s->taken])) {
        s->place = NEAP_SPLIT_NOTHING;
        return keep(s, left(s));
    }
    return s->place == NEAP_SPLIT_NOTHING ? 0 : fail_frame(s, left(s));
}

int neap_split__frame(neap_split *s) {
    int rc = 1;
    while (rc > 0 && s->place < NEAP_SPLIT_RECORDS) {
        if (s->scan.at == 0 && keep_space(s) < 0) return s->err.code;
        rc = left(s) > 0 ? read_piece(s) : 0;
    }
    if (rc == 0 && s->finished) return end_frame(s);
    return rc;
}

int neap_split__end_records(neap_split *s) {
    s->place = behind_value(s);
    return keep(s, 1);
}
