/* mapping_write.c: writes the line of a record; see mapping.h. */
#include "csv.h"
#include "json_scan.h"
#include "mapping_work.h"

#define KEEP ((size_t)256 * 1024) /* bytes: a larger buffer is not kept for the next record */

typedef neap_mapping_value value;

/* ---- JSON ---- */

/* Makes room; inline, as there is room nearly always. */
static inline int reserve(neap_buf *b, size_t more) {
    return b->cap - b->len >= more ? 0 : neap_buf_reserve(b, more);
}

static inline void put(neap_buf *b, const char *s, size_t len) {
    neap_json__copy(b->data + b->len, s, len);
    b->len += len;
}

static int put_string(neap_buf *b, const char *s, size_t len, bool plain) {
    neap_json_writer w = {.out = b};
    if (!plain) return neap_json_writer_string(&w, s, len);
    if (reserve(b, len + 2) < 0) return NEAP_ENOMEM;
    b->data[b->len++] = '"';
    put(b, s, len);
    b->data[b->len++] = '"';
    return 0;
}

static int put_parts(neap_buf *b, const value *v) {
    const char *p = v->s, *next = v->len > 0 ? p : NULL;
    if (neap_buf_add(b, "[", 1) < 0) return NEAP_ENOMEM;
    while (next != NULL) {
        const char *end = neap_mapping__part_end(v, p = next, &next);
        if (put_string(b, p, (size_t)(end - p), v->plain) < 0) return NEAP_ENOMEM;
        if (next != NULL && neap_buf_add(b, ",", 1) < 0) return NEAP_ENOMEM;
    }
    return neap_buf_add(b, "]", 1);
}

static int put_value(neap_buf *b, const value *v) {
    neap_json_writer w = {.out = b};
    switch (v->kind) {
    case NEAP_MAPPING__TEXT: return put_string(b, v->s, v->len, v->plain);
    case NEAP_MAPPING__TRUE: return neap_buf_add(b, "true", 4);
    case NEAP_MAPPING__FALSE: return neap_buf_add(b, "false", 5);
    case NEAP_MAPPING__FLOAT:
        return v->plain ? neap_buf_add(b, v->s, v->len) : neap_json_writer_double(&w, v->number);
    case NEAP_MAPPING__PARTS: return put_parts(b, v);
    case NEAP_MAPPING__INTEGER:
    case NEAP_MAPPING__LIST:
    case NEAP_MAPPING__OBJECT: return neap_buf_add(b, v->s, v->len);
    default: return neap_buf_add(b, "null", 4);
    }
}

int neap_mapping__put_json(neap_buf *b, const value *v) {
    if (!v->listed) return put_value(b, v);
    if (neap_buf_add(b, "[", 1) < 0 || put_value(b, v) < 0) return NEAP_ENOMEM;
    return neap_buf_add(b, "]", 1);
}

/* Gets the value of a step that wants it as it is in the record, and puts it if it is one of most: nothing,
 * a boolean, a plain number, a text without escapes. False: it is not, or there is no room. */
static inline bool put_easy(const neap_mapping *m, const neap_mapping_step *step, neap_buf *out) {
    neap_mapping_node *node = &neap_mapping__nodes(m)[step->node];
    const value *v = &node->value;
    bool is_text = v->kind == NEAP_MAPPING__TEXT;
    if (v->kind == NEAP_MAPPING__NOTHING) return true;
    node->seen = m->count;
    if (v->kind == NEAP_MAPPING__NULL) return true;
    if (v->kind > NEAP_MAPPING__TEXT || (v->kind > NEAP_MAPPING__INTEGER && !v->plain)) return false;
    if (reserve(out, step->prefix.len + v->len + 2) < 0) return false;
    put(out, m->text.data + step->prefix.at, step->prefix.len);
    if (is_text) put(out, v->s - 1, v->len + 2); /* with the record's quotes */
    else put(out, v->s, v->len);
    return true;
}

static int put_member(neap_mapping *m, const neap_mapping_step *step, neap_buf *out,
                      neap_err *err) {
    value v = {0};
    bool is_constant = step->node == NEAP_MAPPING__NONE;
    int rc = 0;
    if (!is_constant && step->is_direct && put_easy(m, step, out)) return 0;
    if (!is_constant) rc = neap_mapping__get(m, step, &v, err);
    if (rc < 0 || (!is_constant && v.kind == NEAP_MAPPING__NOTHING)) return rc;
    if (reserve(out, step->prefix.len) < 0) return neap_mapping__no_memory(err);
    put(out, m->text.data + step->prefix.at, step->prefix.len);
    if (is_constant || neap_mapping__put_json(out, &v) == 0) return 0;
    return neap_mapping__no_memory(err);
}

/* Each member brings its comma; the first one's becomes the brace. */
static int put_object(neap_mapping *m, neap_buf *out, neap_err *err) {
    const neap_mapping_step *steps = neap_mapping__steps(m);
    size_t start = out->len, count = neap_mapping__step_count(m), others = m->others.out.len;
    for (size_t i = 0; i < count; i++) {
        int rc = put_member(m, &steps[i], out, err);
        if (rc < 0) return rc;
    }
    if (reserve(out, others + 4) < 0) return neap_mapping__no_memory(err);
    if (others > 0) {
        out->data[out->len++] = ',';
        put(out, m->others.out.data, others);
    }
    if (out->len == start) out->len++;
    out->data[start] = '{';
    put(out, "}\n", 2);
    return 0;
}

/* ---- CSV ---- */

static int put_cell(neap_mapping *m, size_t index, const value *v, neap_buf *out) {
    if (v->kind <= NEAP_MAPPING__NULL) return neap_csv_put_cell(out, index, "", 0);
    if (!v->listed && (v->kind == NEAP_MAPPING__TEXT || v->kind == NEAP_MAPPING__INTEGER))
        return neap_csv_put_cell(out, index, v->s, v->len);
    m->cell.len = 0;
    if (neap_mapping__put_json(&m->cell, v) < 0) return NEAP_ENOMEM;
    return neap_csv_put_cell(out, index, m->cell.data, m->cell.len);
}

static int put_row(neap_mapping *m, neap_buf *out, neap_err *err) {
    const neap_mapping_step *steps = neap_mapping__steps(m);
    size_t start = out->len;
    for (size_t i = 0; i < neap_mapping__step_count(m); i++) {
        value v;
        int rc = neap_mapping__get(m, &steps[i], &v, err);
        if (rc < 0) return rc;
        if (put_cell(m, i, &v, out) < 0) return neap_mapping__no_memory(err);
    }
    return neap_csv_put_end(out, start) < 0 ? neap_mapping__no_memory(err) : 0;
}

/* ---- records ---- */

static void empty(neap_buf *b) {
    b->len = 0;
    if (b->cap > KEEP) neap_buf_free(b);
}

/* A fault leaves halves behind, and a large record large buffers. */
static void clean(neap_mapping *m) {
    neap_json_copy_clear(&m->values, KEEP);
    neap_json_copy_clear(&m->others, KEEP);
    empty(&m->work);
    empty(&m->cell);
    empty(&m->reader.scratch);
    empty(&m->inner.scratch);
}

/* Writes the line of the record that was read. */
static int put_line(neap_mapping *m, size_t len, neap_buf *out, neap_err *err) {
    size_t before = out->len;
    int rc = m->format == NEAP_MAPPING_CSV ? put_row(m, out, err) : put_object(m, out, err);
    if (rc < 0) out->len = before;
    if (rc < 0 || len > KEEP / 8) clean(m);
    return rc;
}

int neap_mapping_apply(neap_mapping *m, const char *json, size_t len, neap_buf *out,
                       neap_err *err) {
    int rc = neap_mapping__read(m, json, len, err);
    if (rc < 0) {
        clean(m);
        return rc;
    }
    m->count++;
    return put_line(m, len, out, err);
}

size_t neap_mapping_try(neap_mapping *m, const char *json, size_t len, neap_buf *out) {
    size_t record = neap_mapping__try_read(m, json, len);
    if (record == 0) {
        clean(m);
        return 0;
    }
    m->count++;
    if (put_line(m, record, out, NULL) == 0) return record;
    m->count--; /* whoever reads it again counts it */
    return 0;
}
