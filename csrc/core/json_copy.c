/* json_copy.c: see json_copy.h. Values are written as they come. When an object ends whose keys are not all
 * different, it is noted what is to be cut out, and what is to be put there instead; that is done once, at the
 * end of the outermost value, so that nothing is moved for every level or every key. */
#include "json_copy.h"

#include <stdlib.h>
#include <string.h>

#include "json_scan.h"

#define FEW 24 /* keys that are compared each with each */

/* A member of an open object; before its first member each object has a mark. */
typedef struct member {
    size_t key;    /* where its key begins in out, with the quote */
    size_t len;    /* of the key with its quotes; of a mark: which member is the mark below */
    uint32_t hash; /* of the key */
} member;

/* A range of out to be left out, [from, to), and one to be put there, [source, source_end). */
typedef struct cut {
    size_t from, to;
    size_t source, source_end;
} cut;

neap_json_token neap_json_copy_next(neap_json_reader *r) {
    neap_json_token token = neap_json_reader_next(r);
    return token == NEAP_JSON_BIGINT ? neap_json_reader_refuse(r, "integer beyond 64 bit") : token;
}

/* ---- equal keys ---- */

static member *members_of(const neap_json_copy *c) {
    return (member *)(void *)c->members.data;
}

static bool is_equal(const neap_json_copy *c, const member *a, const member *b) {
    return a->hash == b->hash && a->len == b->len &&
           memcmp(c->out.data + a->key, c->out.data + b->key, a->len) == 0;
}

static bool has_equal(const neap_json_copy *c, const member *m, size_t count) {
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (m[i].hash == m[j].hash && is_equal(c, &m[i], &m[j])) return true;
        }
    }
    return false;
}

/* A member as it is sorted. */
typedef struct ranked {
    const char *key; /* in out */
    size_t len;
    size_t index; /* among the members */
    uint32_t hash;
} ranked;

/* By hash, then by key, then by place. */
static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    int order;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    if (x->len != y->len) return x->len < y->len ? -1 : 1;
    order = memcmp(x->key, y->key, x->len);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* Where the value of member i ends: before the comma of the next, or at the end of out. */
static size_t value_end(const neap_json_copy *c, const member *m, size_t count, size_t i) {
    return i + 1 < count ? m[i + 1].key - 1 : c->out.len;
}

static size_t value_start(const member *m) {
    return m->key + m->len + 1;
}

/* Notes that the members of this group, in order, have one key. */
static int add_cuts(neap_json_copy *c, const member *m, size_t count, const ranked *group,
                    size_t group_len) {
    size_t first = group[0].index, last = group[group_len - 1].index;
    cut whole = {value_start(&m[first]), value_end(c, m, count, first), value_start(&m[last]),
                 value_end(c, m, count, last)};
    if (neap_buf_add(&c->cuts, &whole, sizeof whole) < 0) return NEAP_ENOMEM;
    for (size_t i = 1; i < group_len; i++) {
        size_t at = group[i].index;
        cut gone = {.from = m[at].key - 1, .to = value_end(c, m, count, at)}; /* with its comma */
        if (neap_buf_add(&c->cuts, &gone, sizeof gone) < 0) return NEAP_ENOMEM;
    }
    return 0;
}

static int cut_groups(neap_json_copy *c, const member *m, size_t count, const ranked *list) {
    size_t i = 0;
    while (i < count) {
        size_t end = i + 1;
        while (end < count && is_equal(c, &m[list[i].index], &m[list[end].index])) end++;
        if (end > i + 1 && add_cuts(c, m, count, list + i, end - i) < 0) return NEAP_ENOMEM;
        i = end;
    }
    return 0;
}

/* Finds the equal keys among these members. 0 or NEAP_ENOMEM. */
static int find_equal(neap_json_copy *c, const member *m, size_t count) {
    ranked few[FEW], *list = few;
    int rc;
    if (count <= FEW && !has_equal(c, m, count)) return 0;
    if (count > FEW) list = malloc(count * sizeof *list);
    if (list == NULL) return NEAP_ENOMEM;
    for (size_t i = 0; i < count; i++)
        list[i] = (ranked){c->out.data + m[i].key, m[i].len, i, m[i].hash};
    qsort(list, count, sizeof *list, compare_ranked);
    rc = cut_groups(c, m, count, list);
    if (list != few) free(list);
    return rc;
}

/* ---- cutting ---- */

static int compare_cuts(const void *a, const void *b) {
    const cut *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* Gets the first of the sorted cuts that is not before a place. */
static const cut *first_cut(const cut *cuts, size_t count, size_t at) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (cuts[mid].from < at) low = mid + 1;
        else high = mid;
    }
    return cuts + low;
}

static void append(neap_buf *b, size_t from, size_t to) {
    memcpy(b->data + b->len, b->data + from, to - from);
    b->len += to - from;
}

/* Appends what the cuts make of a range; there is room. Recursion is as deep as objects are nested in which
 * keys are equal. */
static void append_cut(neap_buf *b, const cut *cuts, size_t count, size_t from, size_t to) {
    const cut *next = first_cut(cuts, count, from);
    while (next < cuts + count && next->from < to) {
        append(b, from, next->from);
        if (next->source_end > 0) append_cut(b, cuts, count, next->source, next->source_end);
        from = next->to;
        next = first_cut(next, (size_t)(cuts + count - next), from);
    }
    append(b, from, to);
}

/* Carries out the cuts from byte `first` of the list on, in the text from `start` on. 0 or NEAP_ENOMEM. */
static int apply_cuts(neap_json_copy *c, size_t first, size_t start) {
    neap_buf *b = &c->out;
    size_t count = (c->cuts.len - first) / sizeof(cut), end = b->len;
    cut *cuts;
    if (count == 0) return 0;
    if (neap_buf_reserve(b, end - start) < 0) return NEAP_ENOMEM;
    cuts = (cut *)(void *)(c->cuts.data + first);
    qsort(cuts, count, sizeof *cuts, compare_cuts);
    append_cut(b, cuts, count, start, end);
    memmove(b->data + start, b->data + end, b->len - end);
    b->len = start + (b->len - end);
    c->cuts.len = first;
    return 0;
}

/* ---- writing ---- */

static int put(neap_json_copy *c, const char *bytes, size_t len) {
    return neap_buf_add(&c->out, bytes, len);
}

/* Puts a comma where one belongs: a value or key never ends in one of these characters. */
static int separate(neap_json_copy *c) {
    char last;
    if (c->out.len == c->base) return 0;
    last = c->out.data[c->out.len - 1];
    return last == '{' || last == '[' || last == ':' ? 0 : put(c, ",", 1);
}

static int open_object(neap_json_copy *c) {
    member mark = {.len = c->top};
    c->top = c->members.len / sizeof mark;
    return neap_buf_add(&c->members, &mark, sizeof mark);
}

static int close_object(neap_json_copy *c) {
    size_t count = c->members.len / sizeof(member) - c->top - 1;
    const member *mark = members_of(c) + c->top;
    int rc = count > 1 ? find_equal(c, mark + 1, count) : 0;
    c->members.len = c->top * sizeof(member);
    c->top = mark->len;
    return rc;
}

static int put_string(neap_json_copy *c, const neap_json_reader *r) {
    neap_json_writer w = {.out = &c->out};
    if (neap_json_reader_is_plain(r)) return put(c, r->token, r->str_len + 2);
    return neap_json_writer_string(&w, r->str, r->str_len);
}

int neap_json_copy_key(neap_json_copy *c, const neap_json_reader *r) {
    member m;
    if (separate(c) < 0) return NEAP_ENOMEM;
    m.key = c->out.len;
    if (put_string(c, r) < 0) return NEAP_ENOMEM;
    m.len = c->out.len - m.key;
    m.hash = neap_json__hash(r->str, r->str_len);
    if (neap_buf_add(&c->members, &m, sizeof m) < 0) return NEAP_ENOMEM;
    return put(c, ":", 1);
}

int neap_json_copy_member(neap_json_copy *c, const neap_json_member *given) {
    bool is_string = given->token == NEAP_JSON_STRING;
    const char *s = is_string ? given->s - 1 : given->s;
    size_t len = is_string ? given->len + 2 : given->len;
    member m = {.len = given->key_len + 2, .hash = neap_json__hash(given->key, given->key_len)};
    char *to;
    if (separate(c) < 0 || neap_buf_reserve(&c->out, m.len + len + 1) < 0) return NEAP_ENOMEM;
    m.key = c->out.len;
    to = c->out.data + c->out.len;
    neap_json__copy(to, given->key - 1, m.len);
    to[m.len] = ':';
    neap_json__copy(to + m.len + 1, s, len);
    c->out.len += m.len + 1 + len;
    return neap_buf_add(&c->members, &m, sizeof m);
}

static int put_number(neap_json_copy *c, const neap_json_reader *r, neap_json_token token) {
    neap_json_writer w = {.out = &c->out};
    if (token == NEAP_JSON_FLOAT) return neap_json_writer_double(&w, r->number);
    if (r->integer == 0) return put(c, "0", 1); /* -0 is another way to write it */
    return put(c, r->token, (size_t)(r->at - r->token));
}

static int put_scalar(neap_json_copy *c, const neap_json_reader *r, neap_json_token token) {
    switch (token) {
    case NEAP_JSON_STRING: return put_string(c, r);
    case NEAP_JSON_TRUE: return put(c, "true", 4);
    case NEAP_JSON_FALSE: return put(c, "false", 5);
    case NEAP_JSON_NULL: return put(c, "null", 4);
    default: return put_number(c, r, token);
    }
}

static int put_token(neap_json_copy *c, const neap_json_reader *r, neap_json_token token) {
    switch (token) {
    case NEAP_JSON_KEY: return neap_json_copy_key(c, r);
    case NEAP_JSON_ARRAY_END: return put(c, "]", 1);
    case NEAP_JSON_OBJECT_END: return close_object(c) < 0 ? NEAP_ENOMEM : put(c, "}", 1);
    case NEAP_JSON_OBJECT_BEGIN:
        if (separate(c) < 0 || open_object(c) < 0) return NEAP_ENOMEM;
        return put(c, "{", 1);
    case NEAP_JSON_ARRAY_BEGIN: return separate(c) < 0 ? NEAP_ENOMEM : put(c, "[", 1);
    default: return separate(c) < 0 ? NEAP_ENOMEM : put_scalar(c, r, token);
    }
}

int neap_json_copy_value(neap_json_copy *c, neap_json_reader *r, neap_json_token token) {
    size_t start = c->out.len, cuts = c->cuts.len, depth;
    c->base = start;
    if (token != NEAP_JSON_OBJECT_BEGIN && token != NEAP_JSON_ARRAY_BEGIN)
        return token == NEAP_JSON_ERROR ? r->err.code : put_scalar(c, r, token);
    depth = r->depth - 1;
    for (;;) {
        neap_json_member m;
        if (put_token(c, r, token) < 0) return NEAP_ENOMEM;
        if (r->depth == depth) return apply_cuts(c, cuts, start);
        while (neap_json_reader_try_member(r, &m)) {
            if (neap_json_copy_member(c, &m) < 0) return NEAP_ENOMEM;
        }
        token = neap_json_copy_next(r);
        if (token == NEAP_JSON_ERROR) return r->err.code;
    }
}

int neap_json_copy_begin(neap_json_copy *c) {
    c->base = c->start = c->out.len;
    return open_object(c);
}

int neap_json_copy_end(neap_json_copy *c) {
    if (close_object(c) < 0) return NEAP_ENOMEM;
    return apply_cuts(c, 0, c->start);
}

/* ---- life ---- */

static void empty(neap_buf *b, size_t keep) {
    b->len = 0;
    if (b->cap > keep) neap_buf_free(b);
}

void neap_json_copy_clear(neap_json_copy *c, size_t keep) {
    empty(&c->out, keep);
    empty(&c->members, keep);
    empty(&c->cuts, keep);
    c->base = c->start = c->top = 0;
}

void neap_json_copy_deinit(neap_json_copy *c) {
    neap_json_copy_clear(c, 0);
}
