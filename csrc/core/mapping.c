/* mapping.c: see mapping.h. Builds the program: the steps in the entries' order, and the nodes, a tree of the
 * members that their ways go through, found by one hash table. */
#include "mapping.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "mapping_work.h"

#define SHOWN 100 /* bytes of a name in a message */

/* ---- names ---- */

static bool is_utf8(neap_mapping_text text) {
    const char *p = text.s, *end = text.s + text.len;
    while (p < end) {
        int len = (unsigned char)*p < 0x80 ? 1 : neap_json__utf8_len(p, end);
        if (len <= 0) return false;
        p += len;
    }
    return true;
}

static int add_text(neap_mapping *m, neap_mapping_text text, neap_mapping_span *out) {
    *out = (neap_mapping_span){m->text.len, text.len};
    return neap_buf_add(&m->text, text.s, text.len);
}

/* ---- nodes ---- */

#define HASHED 64 /* bytes of a name that count for its hash where case does not */

static char fold(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_same_folded(const char *a, const char *b, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (fold(a[i]) != fold(b[i])) return false;
    }
    return true;
}

static uint32_t hash_below(const neap_mapping *m, uint32_t parent, const char *name, size_t len) {
    const uint32_t above = parent * 0x9E3779B1u;
    char folded[HASHED] = {0};
    if (!m->any_case) return neap_json__hash(name, len) + above;
    if (len > HASHED) len = HASHED;
    for (size_t i = 0; i < len; i++) folded[i] = fold(name[i]);
    return neap_json__hash(folded, len) + above;
}

static size_t place_count(const neap_mapping *m) {
    return m->places.len / sizeof(uint32_t);
}

void neap_mapping__search(const neap_mapping *m, neap_mapping_search *search, uint32_t parent,
                          const char *name, size_t len) {
    uint32_t hash = hash_below(m, parent, name, len);
    *search = (neap_mapping_search){name, len, parent, hash, hash};
}

static bool is_meant(const neap_mapping *m, const neap_mapping_node *node,
                     const neap_mapping_search *search) {
    const char *name = m->text.data + node->name.at;
    if (node->hash != search->hash || node->parent != search->parent) return false;
    if (node->name.len != search->len) return false;
    return neap_json__is_same(name, search->name, search->len) ||
           (m->any_case && is_same_folded(name, search->name, search->len));
}

uint32_t neap_mapping__next(const neap_mapping *m, neap_mapping_search *search) {
    const uint32_t *places = (const uint32_t *)(const void *)m->places.data;
    size_t mask = place_count(m) - 1;
    for (;;) {
        uint32_t id = places[search->at++ & mask];
        if (id == NEAP_MAPPING__NONE || is_meant(m, &neap_mapping__nodes(m)[id], search)) return id;
    }
}

static void place_node(neap_mapping *m, uint32_t id) {
    uint32_t *places = (uint32_t *)(void *)m->places.data;
    size_t mask = place_count(m) - 1, i = neap_mapping__nodes(m)[id].hash & mask;
    while (places[i] != NEAP_MAPPING__NONE) i = (i + 1) & mask;
    places[i] = id;
}

/* Makes the table four times as large as there are nodes, or more. */
static int grow_places(neap_mapping *m) {
    size_t nodes = neap_mapping__node_count(m), count = 64;
    if (place_count(m) >= 4 * nodes) return 0;
    while (count < 8 * nodes) count *= 2;
    m->places.len = 0;
    if (neap_buf_reserve(&m->places, count * sizeof(uint32_t)) < 0) return NEAP_ENOMEM;
    m->places.len = count * sizeof(uint32_t);
    memset(m->places.data, 0xFF, m->places.len);
    for (uint32_t id = 1; id < nodes; id++) place_node(m, id);
    return 0;
}

static int add_node(neap_mapping *m, uint32_t parent, neap_mapping_text name, uint32_t *out) {
    neap_mapping_node node = {.parent = parent, .alone = true};
    const char *end = name.s + name.len;
    neap_mapping_node *above;
    *out = (uint32_t)neap_mapping__node_count(m);
    node.child = node.sibling = node.also = NEAP_MAPPING__NONE;
    node.hash = hash_below(m, parent, name.s, name.len);
    node.plain = neap_json__skip_text(name.s, end) == end;
    if (add_text(m, name, &node.name) < 0) return NEAP_ENOMEM;
    if (neap_buf_add(&m->nodes, &node, sizeof node) < 0) return NEAP_ENOMEM;
    if (*out > 0) {
        above = &neap_mapping__nodes(m)[parent];
        neap_mapping__nodes(m)[*out].sibling = above->child;
        above->child = *out;
    }
    if (place_count(m) >= 4 * ((size_t)*out + 1)) {
        if (*out > 0) place_node(m, *out);
        return 0;
    }
    return grow_places(m);
}

/* Gets the node of a member, which is made if it is new. */
static int need_node(neap_mapping *m, uint32_t parent, neap_mapping_text name, uint32_t *out) {
    neap_mapping_search search;
    bool alone = true;
    neap_mapping__search(m, &search, parent, name.s, name.len);
    while ((*out = neap_mapping__next(m, &search)) != NEAP_MAPPING__NONE) {
        neap_mapping_node *node = &neap_mapping__nodes(m)[*out];
        if (neap_mapping__is_name(m, node->name, name.s, name.len)) return 0;
        alone = node->alone = false;
    }
    if (add_node(m, parent, name, out) < 0) return NEAP_ENOMEM;
    neap_mapping__nodes(m)[*out].alone = alone;
    return 0;
}

static int add_way(neap_mapping *m, const neap_mapping_entry *e, uint32_t *out) {
    neap_mapping_node *node;
    *out = 0;
    for (size_t i = 0; i < e->from_len; i++) {
        if (need_node(m, *out, e->from[i], out) < 0) return NEAP_ENOMEM;
    }
    node = &neap_mapping__nodes(m)[*out];
    node->wanted = true;
    if (e->from_len == 1) node->named = true;
    return 0;
}

static int mark_target(neap_mapping *m, neap_mapping_text to) {
    uint32_t id;
    if (need_node(m, 0, to, &id) < 0) return NEAP_ENOMEM;
    neap_mapping__nodes(m)[id].is_target = true;
    return 0;
}

/* ---- entries ---- */

__attribute__((format(printf, 3, 4))) static int refuse(const neap_mapping_entry *e, neap_err *err,
                                                        const char *fmt, ...) {
    char what[NEAP_ERR_MESSAGE_LEN];
    int shown = e->to.len > SHOWN ? SHOWN : (int)e->to.len;
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return neap_err_set(err, NEAP_EINVAL, "%.*s: %s", shown, e->to.s, what);
}

static bool is_known_target(const neap_mapping *m, neap_mapping_text to) {
    const neap_mapping_step *steps = neap_mapping__steps(m);
    for (size_t i = 0; i < neap_mapping__step_count(m); i++) {
        if (neap_mapping__is_name(m, steps[i].to, to.s, to.len)) return true;
    }
    return false;
}

static int check_way(const neap_mapping_entry *e, neap_err *err) {
    if (e->from_len > NEAP_MAPPING_STEPS_MAX)
        return refuse(e, err, "a way has at most %d steps", NEAP_MAPPING_STEPS_MAX);
    for (size_t i = 0; i < e->from_len; i++) {
        if (!is_utf8(e->from[i])) return refuse(e, err, "the way is not UTF-8");
    }
    return 0;
}

static int check_entry(const neap_mapping *m, const neap_mapping_entry *e, neap_err *err) {
    bool is_constant = e->constant.s != NULL;
    if (e->to.s == NULL) return neap_err_set(err, NEAP_EINVAL, "an entry without a target");
    if (!is_utf8(e->to)) return neap_err_set(err, NEAP_EINVAL, "a target's name is not UTF-8");
    if (is_known_target(m, e->to)) return refuse(e, err, "a second entry for this target");
    if (neap_mapping__step_count(m) >= NEAP_MAPPING_ENTRIES_MAX)
        return refuse(e, err, "more than %d entries", NEAP_MAPPING_ENTRIES_MAX);
    if (is_constant != (e->from_len == 0))
        return refuse(e, err, "either a way or a constant is expected");
    if (is_constant && (e->otherwise.s != NULL || e->split.s != NULL || e->at > 0 || e->cast != NEAP_MAPPING_ANY))
        return refuse(e, err, "a constant goes with nothing else");
    if (e->split.s != NULL && (e->split.len == 0 || !is_utf8(e->split)))
        return refuse(e, err, "the delimiter is empty or not UTF-8");
    return check_way(e, err);
}

/* Reads the JSON of a constant or default into the step; its text moves to the program's. */
static int add_constant(neap_mapping *m, neap_mapping_text json, neap_mapping_value *value) {
    neap_json_reader *r = &m->reader;
    neap_mapping_text text;
    neap_mapping_span span;
    int rc;
    neap_json_copy_clear(&m->values, 0);
    neap_json_reader_start(r, json.s, json.len, NEAP_MAPPING_DEPTH - 1); /* it is inside a record */
    rc = neap_mapping__keep(value, &m->values, r, neap_json_copy_next(r));
    if (rc == 0 && neap_json_copy_next(r) != NEAP_JSON_END) rc = r->err.code;
    if (rc < 0) return rc;
    text.s = value->s != NULL ? value->s : m->values.out.data + value->at;
    text.len = value->len;
    if (add_text(m, text, &span) < 0) return NEAP_ENOMEM;
    value->s = NULL;
    value->at = span.at;
    return 0;
}

/* What the line has of the step whatever the record is: of a constant, all. */
static int add_prefix(neap_mapping *m, neap_mapping_text to, neap_mapping_step *step) {
    neap_mapping_value constant = step->constant;
    neap_buf b = {0};
    neap_json_writer w = {.out = &b};
    int rc = neap_buf_puts(&b, ",");
    if (rc == 0) rc = neap_json_writer_string(&w, to.s, to.len);
    if (rc == 0) rc = neap_buf_puts(&b, ":");
    constant.s = m->text.data + constant.at;
    if (rc == 0 && step->node == NEAP_MAPPING__NONE) rc = neap_mapping__put_json(&b, &constant);
    if (rc == 0) rc = add_text(m, (neap_mapping_text){b.data, b.len}, &step->prefix);
    neap_buf_free(&b);
    return rc == 0 ? add_text(m, to, &step->to) : rc;
}

static int add_step(neap_mapping *m, const neap_mapping_entry *e) {
    neap_mapping_text json = e->from_len == 0 ? e->constant : e->otherwise;
    neap_mapping_step step = {
        .node = NEAP_MAPPING__NONE,
        .has_otherwise = e->otherwise.s != NULL,
        .is_direct = e->otherwise.s == NULL && e->split.s == NULL && e->at == 0 &&
                     e->cast == NEAP_MAPPING_ANY,
        .cast = e->cast,
        .at = e->at,
    };
    int rc = json.s != NULL ? add_constant(m, json, &step.constant) : 0;
    if (rc == 0 && e->from_len > 0) rc = add_way(m, e, &step.node);
    if (rc == 0) rc = add_prefix(m, e->to, &step);
    if (rc == 0 && e->split.s != NULL) rc = add_text(m, e->split, &step.split);
    if (rc == 0 && m->rest) rc = mark_target(m, e->to);
    return rc == 0 ? neap_buf_add(&m->steps, &step, sizeof step) : rc;
}

int neap_mapping_add(neap_mapping *m, const neap_mapping_entry *e, neap_err *err) {
    int rc = check_entry(m, e, err);
    if (rc < 0) return rc;
    rc = add_step(m, e);
    if (rc == NEAP_EDECODE)
        return refuse(e, err, "the %s is no JSON: %s", e->from_len == 0 ? "constant" : "default",
                      m->reader.err.message);
    return rc < 0 ? neap_mapping__no_memory(err) : 0;
}

/* ---- what was never there ---- */

uint64_t neap_mapping_count(const neap_mapping *m) {
    return m->count;
}

neap_mapping_text neap_mapping_unseen(const neap_mapping *m, uint64_t since, size_t *at) {
    while (*at < neap_mapping__step_count(m)) {
        const neap_mapping_step *step = &neap_mapping__steps(m)[(*at)++];
        if (step->node == NEAP_MAPPING__NONE || step->has_otherwise) continue;
        if (neap_mapping__nodes(m)[step->node].seen <= since)
            return (neap_mapping_text){m->text.data + step->to.at, step->to.len};
    }
    return (neap_mapping_text){0};
}

/* ---- life ---- */

int neap_mapping_new(neap_mapping **out, neap_mapping_format format, bool rest, bool any_case,
                     neap_err *err) {
    uint32_t root;
    if (rest && format == NEAP_MAPPING_CSV)
        return neap_err_set(err, NEAP_EINVAL, "CSV has no columns for the rest");
    *out = calloc(1, sizeof **out);
    if (*out == NULL) return neap_mapping__no_memory(err);
    (*out)->format = format;
    (*out)->rest = rest;
    (*out)->any_case = any_case;
    if (add_node(*out, 0, (neap_mapping_text){"", 0}, &root) == 0) return 0;
    neap_mapping_free(*out);
    *out = NULL;
    return neap_mapping__no_memory(err);
}

bool neap_mapping_is_csv(const neap_mapping *m) {
    return m->format == NEAP_MAPPING_CSV;
}

int neap_mapping_head(const neap_mapping *m, neap_buf *out) {
    const neap_mapping_step *steps = neap_mapping__steps(m);
    size_t start = out->len;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < neap_mapping__step_count(m); i++) {
        neap_mapping_span to = steps[i].to;
        rc = neap_csv_put_cell(out, i, m->text.data + to.at, to.len);
    }
    if (rc == 0) rc = neap_csv_put_end(out, start);
    if (rc < 0) out->len = start;
    return rc;
}

void neap_mapping_free(neap_mapping *m) {
    if (m == NULL) return;
    neap_buf_free(&m->text);
    neap_buf_free(&m->nodes);
    neap_buf_free(&m->steps);
    neap_buf_free(&m->places);
    neap_json_reader_deinit(&m->reader);
    neap_json_reader_deinit(&m->inner);
    neap_json_copy_deinit(&m->values);
    neap_json_copy_deinit(&m->others);
    neap_buf_free(&m->work);
    neap_buf_free(&m->cell);
    free(m);
}
