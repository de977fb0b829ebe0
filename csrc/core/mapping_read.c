/* mapping_read.c: reads a record into the values of a map's nodes; see mapping_work.h. One pass over the
 * tokens. A value that a way leads into and that is wanted itself, or is part of the rest, is read twice. */
#include "json_member.h"
#include "mapping_work.h"

static int read_members(neap_mapping *m, uint32_t parent);

/* ---- keeping ---- */

static int keep_text(neap_mapping_value *v, neap_json_copy *c, const neap_json_reader *r) {
    v->kind = NEAP_MAPPING__TEXT;
    v->plain = neap_json_reader_is_plain(r);
    v->len = r->str_len;
    v->s = v->plain ? r->str : NULL;
    v->at = c->out.len;
    return v->plain ? 0 : neap_buf_add(&c->out, r->str, r->str_len);
}

static int keep_container(neap_mapping_value *v, neap_json_copy *c, neap_json_reader *r,
                          neap_json_token token) {
    int rc;
    v->kind = token == NEAP_JSON_OBJECT_BEGIN ? NEAP_MAPPING__OBJECT : NEAP_MAPPING__LIST;
    v->s = NULL;
    v->at = c->out.len;
    rc = neap_json_copy_value(c, r, token);
    v->len = c->out.len - v->at;
    return rc;
}

static void keep_integer(neap_mapping_value *v, const neap_json_reader *r) {
    bool is_zero = r->integer == 0; /* -0 is another way to write it */
    v->kind = NEAP_MAPPING__INTEGER;
    v->s = is_zero ? "0" : r->token;
    v->len = is_zero ? 1 : (size_t)(r->at - r->token);
}

int neap_mapping__keep(neap_mapping_value *v, neap_json_copy *c, neap_json_reader *r,
                       neap_json_token token) {
    v->listed = false;
    switch (token) {
    case NEAP_JSON_STRING: return keep_text(v, c, r);
    case NEAP_JSON_INTEGER: keep_integer(v, r); return 0;
    case NEAP_JSON_OBJECT_BEGIN:
    case NEAP_JSON_ARRAY_BEGIN: return keep_container(v, c, r, token);
    case NEAP_JSON_FLOAT:
        v->kind = NEAP_MAPPING__FLOAT;
        v->plain = false;
        v->number = r->number;
        break;
    case NEAP_JSON_TRUE: v->kind = NEAP_MAPPING__TRUE; break;
    case NEAP_JSON_FALSE: v->kind = NEAP_MAPPING__FALSE; break;
    case NEAP_JSON_NULL: v->kind = NEAP_MAPPING__NULL; break;
    default: return r->err.code;
    }
    v->s = r->token;
    v->len = (size_t)(r->at - r->token);
    return 0;
}

/* ---- reading on ---- */

/* Reads a value to its end, only to see that it is right. */
static int skip(neap_json_reader *r, neap_json_token token) {
    size_t depth = r->depth;
    if (token == NEAP_JSON_OBJECT_BEGIN || token == NEAP_JSON_ARRAY_BEGIN) {
        while (token != NEAP_JSON_ERROR && r->depth >= depth) token = neap_json_copy_next(r);
    }
    return token == NEAP_JSON_ERROR ? r->err.code : 0;
}

/* An equal key was there before: what it led to is gone. */
static void forget_below(neap_mapping *m, uint32_t id) {
    neap_mapping_node *nodes = neap_mapping__nodes(m);
    for (uint32_t at = nodes[id].child; at != NEAP_MAPPING__NONE; at = nodes[at].sibling) {
        nodes[at].value.kind = NEAP_MAPPING__NOTHING;
        nodes[at].match = NEAP_MAPPING__UNMATCHED;
        forget_below(m, at);
    }
}

/* Reads into the object that has just begun. Is the reader still at its begin afterwards? */
static int look_into(neap_mapping *m, uint32_t id, bool rewind) {
    neap_json_mark mark = neap_json_reader_mark(&m->reader);
    int rc = read_members(m, id);
    if (rc == 0 && rewind) neap_json_reader_rewind(&m->reader, &mark);
    return rc;
}

/* Reads the value for a node; is_other: it is part of the rest, too. */
static int read_known(neap_mapping *m, uint32_t id, bool is_other) {
    neap_mapping_node *node = &neap_mapping__nodes(m)[id];
    neap_json_token token = neap_json_copy_next(&m->reader);
    bool is_needed = node->wanted || is_other;
    if (node->child != NEAP_MAPPING__NONE) {
        forget_below(m, id);
        if (token == NEAP_JSON_OBJECT_BEGIN) {
            int rc = look_into(m, id, is_needed);
            if (rc < 0 || !is_needed) return rc;
        }
    }
    if (is_other) return neap_json_copy_value(&m->others, &m->reader, token);
    if (node->wanted) return neap_mapping__keep(&node->value, &m->values, &m->reader, token);
    return skip(&m->reader, token);
}

/* Reads the value for a list of nodes. */
static int read_all(neap_mapping *m, uint32_t id, bool is_other) {
    neap_json_mark mark = neap_json_reader_mark(&m->reader);
    int rc = read_known(m, id, is_other);
    while (rc == 0 && (id = neap_mapping__nodes(m)[id].also) != NEAP_MAPPING__NONE) {
        neap_json_reader_rewind(&m->reader, &mark);
        rc = read_known(m, id, false);
    }
    return rc;
}

/* ---- who has which member ---- */

/* Which nodes a member is for. */
typedef struct owners {
    uint32_t first; /* the others by `also`; NEAP_MAPPING__NONE: none */
    bool is_other;  /* it is part of the rest */
} owners;

/* Does a node take the member of that name? One of its very name, else the first; then an equal one. */
static int match(neap_mapping *m, neap_mapping_node *node, const char *name, size_t len, bool *takes) {
    neap_buf *b = &m->values.out;
    *takes = true;
    if (neap_mapping__is_name(m, node->name, name, len)) {
        node->match = NEAP_MAPPING__EXACT;
        return 0;
    }
    if (node->match == NEAP_MAPPING__UNMATCHED) {
        node->match = NEAP_MAPPING__FOLDED;
        node->key = (neap_mapping_span){b->len, len};
        return neap_buf_add(b, name, len);
    }
    *takes = node->match == NEAP_MAPPING__FOLDED && node->key.len == len &&
             neap_json__is_same(b->data + node->key.at, name, len);
    return 0;
}

/* Finds the owners of a member. 0 or NEAP_ENOMEM. */
static int find_owners(neap_mapping *m, uint32_t parent, const char *name, size_t len, owners *out) {
    neap_mapping_search search;
    uint32_t id;
    *out = (owners){NEAP_MAPPING__NONE, m->rest && parent == 0};
    neap_mapping__search(m, &search, parent, name, len);
    while ((id = neap_mapping__next(m, &search)) != NEAP_MAPPING__NONE) {
        neap_mapping_node *node = &neap_mapping__nodes(m)[id];
        bool takes;
        if (match(m, node, name, len, &takes) < 0) return NEAP_ENOMEM;
        if (node->named || (node->is_target && neap_mapping__is_name(m, node->name, name, len)))
            out->is_other = false;
        if (!takes) continue;
        node->also = out->first;
        out->first = id;
        if (!m->any_case) break;
    }
    return 0;
}

/* As find_owners, for member number `at` of the record, which will be for the same node in the next one. */
static int learn_owners(neap_mapping *m, size_t at, const neap_json_member *member, owners *out) {
    const neap_mapping_node *node;
    if (find_owners(m, 0, member->key, member->key_len, out) < 0) return NEAP_ENOMEM;
    if (at >= NEAP_MAPPING__GUESSES || out->first == NEAP_MAPPING__NONE) return 0;
    node = &neap_mapping__nodes(m)[out->first];
    if (node->alone && node->plain) m->guesses[at] = out->first;
    return 0;
}

/* ---- members ---- */

/* Reads the value of the KEY that was just read. */
static int read_member(neap_mapping *m, uint32_t parent) {
    neap_json_reader *r = &m->reader;
    owners own;
    if (find_owners(m, parent, r->str, r->str_len, &own) < 0) return NEAP_ENOMEM;
    if (own.is_other && neap_json_copy_key(&m->others, r) < 0) return NEAP_ENOMEM;
    if (own.first != NEAP_MAPPING__NONE) return read_all(m, own.first, own.is_other);
    if (own.is_other) return neap_json_copy_value(&m->others, r, neap_json_copy_next(r));
    return skip(r, neap_json_copy_next(r));
}

/* Keeps the value of a member that was taken at once. */
static void keep_easy(neap_mapping_value *v, const neap_json_member *m) {
    v->listed = false;
    v->s = m->s;
    v->len = m->len;
    switch (m->token) {
    case NEAP_JSON_STRING:
        v->kind = NEAP_MAPPING__TEXT;
        v->plain = true;
        break;
    case NEAP_JSON_FLOAT:
        v->kind = NEAP_MAPPING__FLOAT;
        v->plain = true;
        v->number = m->number;
        break;
    case NEAP_JSON_INTEGER: v->kind = NEAP_MAPPING__INTEGER; break;
    case NEAP_JSON_TRUE: v->kind = NEAP_MAPPING__TRUE; break;
    case NEAP_JSON_FALSE: v->kind = NEAP_MAPPING__FALSE; break;
    default: v->kind = NEAP_MAPPING__NULL; break;
    }
}

/* Keeps the value of a member that was taken at once, for those who have it. */
static inline int keep_member(neap_mapping *m, const owners *own, const neap_json_member *member) {
    for (uint32_t id = own->first; id != NEAP_MAPPING__NONE; id = neap_mapping__nodes(m)[id].also) {
        neap_mapping_node *node = &neap_mapping__nodes(m)[id];
        if (node->child != NEAP_MAPPING__NONE) forget_below(m, id);
        if (node->wanted) keep_easy(&node->value, member);
    }
    return own->is_other ? neap_json_copy_member(&m->others, member) : 0;
}

/* Takes the next member of an object, if it is easy. 1, 0 or NEAP_ENOMEM. */
static int take_member(neap_mapping *m, uint32_t parent, size_t at) {
    neap_json_member member;
    owners own;
    int rc;
    if (!neap_json_reader_try_member(&m->reader, &member)) return 0;
    rc = parent == 0 ? learn_owners(m, at, &member, &own)
                     : find_owners(m, parent, member.key, member.key_len, &own);
    if (rc == 0) rc = keep_member(m, &own, &member);
    return rc < 0 ? rc : 1;
}

/* As take_member, of the record: member number `at` is likely for the same node as in the last record. */
static inline int take_guessed(neap_mapping *m, size_t at) {
    uint32_t id = at < NEAP_MAPPING__GUESSES ? m->guesses[at] : 0;
    neap_mapping_node *node = &neap_mapping__nodes(m)[id];
    neap_json_member member;
    owners own = {id, m->rest && !node->named && !node->is_target};
    if (id == 0 || !neap_json__try_known(&m->reader, m->text.data + node->name.at, node->name.len, &member))
        return take_member(m, 0, at);
    node->match = NEAP_MAPPING__EXACT;
    node->also = NEAP_MAPPING__NONE;
    return keep_member(m, &own, &member) < 0 ? NEAP_ENOMEM : 1;
}

/* Takes members as long as they are easy; *at counts them. 0 or NEAP_ENOMEM. */
static int take_members(neap_mapping *m, uint32_t parent, size_t *at) {
    int rc = 1;
    while (rc > 0) {
        rc = parent == 0 ? take_guessed(m, *at) : take_member(m, parent, *at);
        *at += rc > 0;
    }
    return rc;
}

/* Reads to the end of an object. Recursion is as deep as the map's ways are long. */
static int read_members(neap_mapping *m, uint32_t parent) {
    for (size_t at = 0;; at++) {
        neap_json_token token;
        int rc = take_members(m, parent, &at);
        if (rc < 0) return rc;
        if (neap_json__try_end(&m->reader)) return 0;
        token = neap_json_copy_next(&m->reader);
        if (token == NEAP_JSON_OBJECT_END) return 0;
        if (token == NEAP_JSON_ERROR) return m->reader.err.code;
        rc = read_member(m, parent);
        if (rc < 0) return rc;
    }
}

/* ---- records ---- */

static int read_record(neap_mapping *m) {
    int rc = m->rest ? neap_json_copy_begin(&m->others) : 0;
    if (rc == 0) rc = read_members(m, 0);
    if (rc == 0 && m->rest) rc = neap_json_copy_end(&m->others);
    return rc;
}

/* A text that is no JSON is that in the first place. */
static int refuse_record(neap_mapping *m, neap_json_token token, neap_err *err) {
    neap_mapping_value value = {0};
    char said[NEAP_MAPPING__SAID];
    int rc = neap_mapping__keep(&value, &m->values, &m->reader, token);
    if (rc == 0 && neap_json_copy_next(&m->reader) == NEAP_JSON_ERROR) rc = m->reader.err.code;
    if (rc < 0) return rc;
    if (value.s == NULL) value.s = m->values.out.data + value.at;
    neap_mapping__say(&value, said);
    return neap_err_set(err, NEAP_EDECODE, "a record is %s, an object expected", said);
}

static void clear(neap_mapping *m) {
    neap_mapping_node *nodes = neap_mapping__nodes(m);
    for (size_t i = 0; i < neap_mapping__node_count(m); i++) {
        nodes[i].value.kind = NEAP_MAPPING__NOTHING;
        nodes[i].match = NEAP_MAPPING__UNMATCHED;
    }
    m->values.out.len = m->others.out.len = 0;
}

int neap_mapping__read(neap_mapping *m, const char *json, size_t len, neap_err *err) {
    neap_json_reader *r = &m->reader;
    neap_json_token token;
    int rc;
    clear(m);
    neap_json_reader_start(r, json, len, NEAP_MAPPING_DEPTH);
    token = neap_json_copy_next(r);
    if (token != NEAP_JSON_OBJECT_BEGIN && token != NEAP_JSON_ERROR) {
        rc = refuse_record(m, token, err);
        if (r->err.code == 0 && rc == NEAP_EDECODE) return rc;
    } else {
        rc = token == NEAP_JSON_ERROR ? r->err.code : read_record(m);
        if (rc == 0 && neap_json_copy_next(r) == NEAP_JSON_ERROR) rc = r->err.code;
    }
    if (rc == NEAP_ENOMEM) return neap_mapping__no_memory(err);
    if (rc < 0 && err != NULL) *err = r->err;
    return rc;
}

size_t neap_mapping__try_read(neap_mapping *m, const char *json, size_t len) {
    neap_json_reader *r = &m->reader;
    clear(m);
    neap_json_reader_start(r, json, len, NEAP_MAPPING_DEPTH);
    if (neap_json_copy_next(r) != NEAP_JSON_OBJECT_BEGIN || read_record(m) < 0) return 0;
    return (size_t)(r->at - json);
}
