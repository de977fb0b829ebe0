/* json_sort.c: see json_sort.h. All items are read first; those of a container lie together once it has ended,
 * sorted, and are written from there: no byte of the text is moved more than once, however deep it stands. */
#include "json_sort.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

#define MAX_DEPTH 1000

/* A member or an element. */
typedef struct item {
    const char *key;  /* as it stands, with its quotes; NULL: an element */
    const char *text; /* a scalar, as it stands; NULL: a container */
    size_t key_len;
    size_t text_len;
    size_t name; /* where its bytes are in sorter.names */
    size_t name_len;
    size_t first; /* of a container: its items in sorter.ended */
    size_t count;
    bool is_object;
} item;

/* What is being written of a container. */
typedef struct frame {
    size_t at, end; /* items in sorter.ended */
    bool is_object, has_begun;
} frame;

typedef struct sorter {
    neap_json_reader reader;
    neap_buf open;   /* item[]: containers that have not ended, each followed by its items so far */
    neap_buf levels; /* size_t[]: where in `open` those containers are */
    neap_buf ended;  /* item[] of containers that have ended */
    neap_buf names;  /* bytes of all names */
    neap_buf frames; /* frame[] */
    item next;       /* its key has been read */
} sorter;

static item *item_at(const neap_buf *b, size_t i) {
    return (item *)(void *)b->data + i;
}

static size_t item_count(const neap_buf *b) {
    return b->len / sizeof(item);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The reader stands behind the colon, which may have blanks before it. */
static int take_key(sorter *s) {
    const neap_json_reader *r = &s->reader;
    const char *end = r->at - 1;
    while (end[-1] != '"') end--;
    s->next.key = r->token;
    s->next.key_len = (size_t)(end - r->token);
    s->next.name = s->names.len;
    s->next.name_len = r->str_len;
    return neap_buf_add(&s->names, r->str, r->str_len);
}

static int take_item(sorter *s, item one) {
    s->next = (item){0};
    return neap_buf_add(&s->open, &one, sizeof one);
}

static int take_scalar(sorter *s) {
    item one = s->next;
    one.text = s->reader.token;
    one.text_len = (size_t)(s->reader.at - s->reader.token);
    return take_item(s, one);
}

static int begin(sorter *s, bool is_object) {
    item one = s->next;
    size_t place = item_count(&s->open);
    one.is_object = is_object;
    if (neap_buf_add(&s->levels, &place, sizeof place) < 0) return NEAP_ENOMEM;
    return take_item(s, one);
}

static int compare(const void *a, const void *b, void *names) {
    const item *x = a, *y = b;
    size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = len > 0 ? memcmp((char *)names + x->name, (char *)names + y->name, len) : 0;
    if (order != 0) return order;
    return (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* Sorts the members. False: a name comes twice. */
static bool sort_members(sorter *s, item *members, size_t count) {
    if (count == 0) return true;
    qsort_r(members, count, sizeof *members, compare, s->names.data);
    for (size_t i = 1; i < count; i++) {
        if (compare(&members[i - 1], &members[i], s->names.data) == 0) return false;
    }
    return true;
}

static int end(sorter *s, neap_err *err) {
    size_t place, count;
    item *container;
    s->levels.len -= sizeof place;
    memcpy(&place, s->levels.data + s->levels.len, sizeof place);
    count = item_count(&s->open) - place - 1;
    container = item_at(&s->open, place);
    container->first = item_count(&s->ended);
    container->count = count;
    if (container->is_object && !sort_members(s, container + 1, count))
        return neap_err_set(err, NEAP_EDECODE, "a key comes twice");
    if (neap_buf_add(&s->ended, container + 1, count * sizeof(item)) < 0) return NEAP_ENOMEM;
    s->open.len = (place + 1) * sizeof(item);
    return 0;
}

static int read_all(sorter *s, neap_err *err) {
    for (int rc = 0; rc == 0;) {
        switch (neap_json_reader_next(&s->reader)) {
        case NEAP_JSON_ERROR:
            *err = s->reader.err;
            return err->code;
        case NEAP_JSON_END: return 0;
        case NEAP_JSON_OBJECT_BEGIN: rc = begin(s, true); break;
        case NEAP_JSON_ARRAY_BEGIN: rc = begin(s, false); break;
        case NEAP_JSON_OBJECT_END:
        case NEAP_JSON_ARRAY_END: rc = end(s, err); break;
        case NEAP_JSON_KEY: rc = take_key(s); break;
        default: rc = take_scalar(s); break;
        }
        if (rc < 0) return rc;
    }
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int write_item(sorter *s, neap_buf *out, const item *one) {
    frame f = {one->first, one->first + one->count, one->is_object, false};
    int rc = neap_buf_add(out, one->key, one->key_len);
    if (rc == 0 && one->key != NULL) rc = neap_buf_add(out, ":", 1);
    if (rc == 0 && one->text != NULL) return neap_buf_add(out, one->text, one->text_len);
    if (rc == 0) rc = neap_buf_add(out, f.is_object ? "{" : "[", 1);
    return rc < 0 ? rc : neap_buf_add(&s->frames, &f, sizeof f);
}

/* Writes the next item of the innermost container, or its end. */
static int write_next(sorter *s, neap_buf *out) {
    frame *f = (frame *)(void *)(s->frames.data + s->frames.len) - 1;
    bool follows = f->has_begun;
    if (f->at == f->end) {
        s->frames.len -= sizeof *f;
        return neap_buf_add(out, f->is_object ? "}" : "]", 1);
    }
    f->has_begun = true;
    if (follows && neap_buf_add(out, ",", 1) < 0) return NEAP_ENOMEM;
    return write_item(s, out, item_at(&s->ended, f->at++));
}

static int write_all(sorter *s, neap_buf *out) {
    int rc = write_item(s, out, item_at(&s->open, 0));
    while (rc == 0 && s->frames.len > 0) rc = write_next(s, out);
    return rc;
}

static void deinit(sorter *s) {
    neap_json_reader_deinit(&s->reader);
    neap_buf_free(&s->open);
    neap_buf_free(&s->levels);
    neap_buf_free(&s->ended);
    neap_buf_free(&s->names);
    neap_buf_free(&s->frames);
}

int neap_json_sort(neap_buf *out, const char *text, size_t len, neap_err *err) {
    sorter s = {0};
    size_t before = out->len;
    int rc;
    neap_json_reader_start(&s.reader, text, len, MAX_DEPTH);
    rc = read_all(&s, err);
    if (rc == 0) rc = write_all(&s, out);
    deinit(&s);
    if (rc < 0) out->len = before;
    return rc == NEAP_ENOMEM ? neap_err_set(err, rc, "not enough memory") : rc;
}
