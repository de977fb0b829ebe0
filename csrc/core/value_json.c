/* value_json.c: values as JSON text, and from it; see include/neap/value.h. */
#include <stdlib.h>

#include "json.h"
#include "value_own.h"

/* --- from JSON -------------------------------------------------------------------------------- */

/* A text being read. */
typedef struct parse {
    neap_json_reader reader;
    neap_value *root; /* owned */
    neap_value *in;   /* the innermost open container */
    char *key;        /* owned: of the next member */
    size_t key_len;
} parse;

static neap_value *scalar_of(const neap_json_reader *r, neap_json_token token) {
    switch (token) {
    case NEAP_JSON_OBJECT_BEGIN: return neap_object();
    case NEAP_JSON_ARRAY_BEGIN: return neap_array();
    case NEAP_JSON_STRING: return neap_value__new_string(r->str, r->str_len);
    case NEAP_JSON_INTEGER: return neap_integer(r->integer);
    case NEAP_JSON_FLOAT: return neap_number(r->number);
    case NEAP_JSON_TRUE: return neap_boolean(1);
    case NEAP_JSON_FALSE: return neap_boolean(0);
    case NEAP_JSON_NULL: return neap_null();
    default: return NULL; /* an integer beyond 64 bit, which no kind holds exactly; an error */
    }
}

static int place_member(parse *p, neap_value *value) {
    int rc = neap_value__set(p->in, p->key, p->key_len, value);
    free(p->key);
    p->key = NULL;
    return rc;
}

/* Puts a value where the text has it. */
static int place_value(parse *p, neap_value *value) {
    int rc = 0;
    if (value == NULL) return NEAP_ENOMEM;
    if (p->root == NULL) p->root = value;
    else rc = p->in->type == NEAP_ARRAY ? neap_value__add(p->in, value) : place_member(p, value);
    if (rc == 0 && neap_value__is_container(value)) p->in = value;
    return rc;
}

static int take_token(parse *p, neap_json_token token) {
    switch (token) {
    case NEAP_JSON_OBJECT_END:
    case NEAP_JSON_ARRAY_END: p->in = p->in->parent; return 0;
    case NEAP_JSON_KEY:
        p->key = neap_value__copy_text(p->reader.str, p->reader.str_len);
        p->key_len = p->reader.str_len;
        return p->key != NULL ? 0 : NEAP_ENOMEM;
    default: return place_value(p, scalar_of(&p->reader, token));
    }
}

neap_value *neap_value_parse(const char *json, size_t len) {
    parse p = {0};
    neap_json_token token;
    if (json == NULL) return NULL;
    neap_json_reader_start(&p.reader, json, len, NEAP_VALUE_DEPTH_MAX);
    do {
        token = neap_json_reader_next(&p.reader);
    } while (token != NEAP_JSON_END && take_token(&p, token) == 0);
    neap_json_reader_deinit(&p.reader);
    free(p.key);
    if (token == NEAP_JSON_END) return p.root;
    neap_value_free(p.root);
    return NULL;
}

/* --- to JSON ---------------------------------------------------------------------------------- */

static int write_value(neap_json_writer *w, const neap_value *v);

static int write_members(neap_json_writer *w, const neap_value *v) {
    bool named = v->type == NEAP_OBJECT;
    int rc = v->incomplete ? NEAP_EINVAL : neap_json_writer_begin(w, named ? '{' : '[');
    for (size_t i = 0; rc == 0 && i < v->as.in.count; i++) {
        const neap_member *m = &v->as.in.members[i];
        if (named) rc = neap_json_writer_key(w, m->name, m->name_len);
        if (rc == 0) rc = write_value(w, m->value);
    }
    return rc == 0 ? neap_json_writer_end(w, named ? '}' : ']') : rc;
}

static int write_value(neap_json_writer *w, const neap_value *v) {
    switch (neap_value_type(v)) {
    case NEAP_BOOLEAN: return v->as.integer ? neap_json_writer_raw(w, "true", 4) : neap_json_writer_raw(w, "false", 5);
    case NEAP_INTEGER: return neap_json_writer_int(w, v->as.integer);
    case NEAP_NUMBER: return neap_json_writer_double(w, v->as.number);
    case NEAP_STRING: return neap_json_writer_string(w, v->as.string.bytes, v->as.string.len);
    case NEAP_ARRAY:
    case NEAP_OBJECT: return write_members(w, v);
    default: return neap_json_writer_raw(w, "null", 4);
    }
}

char *neap_value_json(const neap_value *v, size_t *len) {
    neap_buf out = {0};
    neap_json_writer writer = {.out = &out};
    if (write_value(&writer, v) < 0 || neap_buf_add(&out, "", 1) < 0) {
        neap_buf_free(&out);
        return NULL;
    }
    if (len != NULL) *len = out.len - 1;
    return out.data;
}
