/* value.c: the tree of include/neap/value.h. No value is deeper than NEAP_VALUE_DEPTH_MAX, so what goes through a
 * tree may recurse. */
#include "value_own.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "json_scan.h"

#define SEARCHED 8 /* members of an object that are looked through; more have an index */

/* --- making ----------------------------------------------------------------------------------- */

static neap_value *new_value(neap_type type) {
    neap_value *v = calloc(1, sizeof *v);
    if (v == NULL) return NULL;
    v->type = type;
    v->height = type == NEAP_ARRAY || type == NEAP_OBJECT;
    return v;
}

neap_value *neap_null(void) {
    return new_value(NEAP_NULL);
}

neap_value *neap_boolean(int boolean) {
    neap_value *v = new_value(NEAP_BOOLEAN);
    if (v != NULL) v->as.integer = boolean != 0;
    return v;
}

neap_value *neap_integer(int64_t integer) {
    neap_value *v = new_value(NEAP_INTEGER);
    if (v != NULL) v->as.integer = integer;
    return v;
}

neap_value *neap_number(double number) {
    neap_value *v = isfinite(number) ? new_value(NEAP_NUMBER) : NULL;
    if (v != NULL) v->as.number = number;
    return v;
}

char *neap_value__copy_text(const char *bytes, size_t len) {
    char *copy = malloc(len + 1);
    if (copy == NULL) return NULL;
    if (len > 0) memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

neap_value *neap_value__new_string(const char *bytes, size_t len) {
    neap_value *v = new_value(NEAP_STRING);
    if (v == NULL) return NULL;
    v->as.string.bytes = neap_value__copy_text(bytes, len);
    v->as.string.len = len;
    if (v->as.string.bytes != NULL) return v;
    free(v);
    return NULL;
}

static bool is_utf8(const char *s, size_t len) {
    const char *end = s + len;
    while (s < end) {
        int used = (unsigned char)*s < 0x80 ? 1 : neap_json__utf8_len(s, end);
        if (used <= 0) return false;
        s += used;
    }
    return true;
}

neap_value *neap_string_len(const char *bytes, size_t len) {
    if ((bytes == NULL && len > 0) || !is_utf8(bytes, len)) return NULL;
    return neap_value__new_string(bytes, len);
}

neap_value *neap_string(const char *text) {
    return text != NULL ? neap_string_len(text, strlen(text)) : NULL;
}

neap_value *neap_array(void) {
    return new_value(NEAP_ARRAY);
}

neap_value *neap_object(void) {
    return new_value(NEAP_OBJECT);
}

void neap_value_free(neap_value *v) {
    if (v == NULL) return;
    if (v->type == NEAP_STRING) free(v->as.string.bytes);
    if (neap_value__is_container(v)) {
        for (size_t i = 0; i < v->as.in.count; i++) {
            free(v->as.in.members[i].name);
            neap_value_free(v->as.in.members[i].value);
        }
        free(v->as.in.members);
        free(v->as.in.slots);
    }
    free(v);
}

/* --- members ---------------------------------------------------------------------------------- */

static uint32_t hash_name(const char *name, size_t len) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++) hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static bool is_named(const neap_member *m, const char *name, size_t len, uint32_t hash) {
    return m->hash == hash && m->name_len == len && memcmp(m->name, name, len) == 0;
}

static neap_member *find_member(const neap_value *v, const char *name, size_t len, uint32_t hash) {
    neap_member *members = v->as.in.members;
    size_t mask = v->as.in.slot_count - 1, at;
    if (v->as.in.slots == NULL) {
        for (size_t i = 0; i < v->as.in.count; i++) {
            if (is_named(&members[i], name, len, hash)) return &members[i];
        }
        return NULL;
    }
    for (at = hash & mask; v->as.in.slots[at] != 0; at = (at + 1) & mask) {
        neap_member *m = &members[v->as.in.slots[at] - 1];
        if (is_named(m, name, len, hash)) return m;
    }
    return NULL;
}

static void put_slot(uint32_t *slots, size_t slot_count, uint32_t hash, size_t place) {
    size_t at = hash & (slot_count - 1);
    while (slots[at] != 0) at = (at + 1) & (slot_count - 1);
    slots[at] = (uint32_t)place + 1;
}

/* Makes room in the index for one member more. */
static int grow_index(neap_value *v) {
    size_t slot_count = v->as.in.slot_count > 0 ? 2 * v->as.in.slot_count : (size_t)SEARCHED * 4;
    uint32_t *slots;
    if (v->as.in.count < SEARCHED || 2 * (v->as.in.count + 1) <= v->as.in.slot_count) return 0;
    if (slot_count > UINT32_MAX) return NEAP_ENOMEM;
    slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL) return NEAP_ENOMEM;
    for (size_t i = 0; i < v->as.in.count; i++) put_slot(slots, slot_count, v->as.in.members[i].hash, i);
    free(v->as.in.slots);
    v->as.in.slots = slots;
    v->as.in.slot_count = slot_count;
    return 0;
}

/* Makes room for one member more. */
static int grow_members(neap_value *v) {
    size_t cap = v->as.in.cap > 0 ? 2 * v->as.in.cap : 4;
    neap_member *members;
    if (v->as.in.count < v->as.in.cap) return 0;
    if (cap > SIZE_MAX / sizeof *members) return NEAP_ENOMEM;
    members = realloc(v->as.in.members, cap * sizeof *members);
    if (members == NULL) return NEAP_ENOMEM;
    v->as.in.members = members;
    v->as.in.cap = cap;
    return 0;
}

/* Gives a container the height that its members have, and what is above it in turn. */
static void settle_height(neap_value *v) {
    for (; v != NULL; v = v->parent) {
        int height = 0;
        for (size_t i = 0; i < v->as.in.count; i++) {
            if (v->as.in.members[i].value->height > height) height = v->as.in.members[i].value->height;
        }
        if (v->height == height + 1) return;
        v->height = height + 1;
    }
}

static void raise_height(neap_value *v, int below) {
    for (; v != NULL && v->height <= below; v = v->parent) v->height = ++below;
}

/* May `member` go into v? Not into itself, nor into two, nor too deep. */
static bool fits(const neap_value *v, const neap_value *value) {
    int depth = 0;
    for (; v != NULL; v = v->parent) {
        if (v == value) return false;
        depth++;
    }
    return depth + value->height <= NEAP_VALUE_DEPTH_MAX;
}

/* Is it the caller's alone, so that it is freed where it cannot be put in? */
static bool is_free(const neap_value *container, const neap_value *value) {
    if (value == NULL || value->parent != NULL) return false;
    for (; container != NULL; container = container->parent) {
        if (container == value) return false;
    }
    return true;
}

static int refuse(neap_value *container, neap_value *value) {
    if (container != NULL) container->incomplete = true;
    if (is_free(container, value)) neap_value_free(value);
    return NEAP_EINVAL;
}

/* There is no memory to put it in. */
static int lose(neap_value *container, neap_value *value) {
    container->incomplete = true;
    neap_value_free(value);
    return NEAP_ENOMEM;
}

static void put_in(neap_value *container, neap_member *m, neap_value *value) {
    m->value = value;
    value->parent = container;
    raise_height(container, value->height);
}

static void replace(neap_value *container, neap_member *m, neap_value *value) {
    neap_value *old = m->value;
    put_in(container, m, value);
    if (neap_value__is_container(old)) settle_height(container);
    neap_value_free(old);
}

/* Adds a place at the end; the name is copied. NULL: out of memory. */
static neap_member *add_place(neap_value *v, const char *name, size_t len, uint32_t hash) {
    char *copy = name != NULL ? neap_value__copy_text(name, len) : NULL;
    neap_member *m;
    if ((name != NULL && copy == NULL) || grow_members(v) < 0 || (name != NULL && grow_index(v) < 0)) {
        free(copy);
        return NULL;
    }
    m = &v->as.in.members[v->as.in.count];
    *m = (neap_member){.name = copy, .name_len = len, .hash = hash};
    if (v->as.in.slots != NULL) put_slot(v->as.in.slots, v->as.in.slot_count, hash, v->as.in.count);
    v->as.in.count++;
    return m;
}

int neap_value__set(neap_value *object, const char *name, size_t len, neap_value *value) {
    uint32_t hash = hash_name(name, len);
    neap_member *m = find_member(object, name, len, hash);
    if (m != NULL) {
        replace(object, m, value);
        return 0;
    }
    m = add_place(object, name, len, hash);
    if (m == NULL) return lose(object, value);
    put_in(object, m, value);
    return 0;
}

int neap_value__add(neap_value *array, neap_value *value) {
    neap_member *m = add_place(array, NULL, 0, 0);
    if (m == NULL) return lose(array, value);
    put_in(array, m, value);
    return 0;
}

int neap_value_set(neap_value *object, const char *name, neap_value *value) {
    bool good = object != NULL && object->type == NEAP_OBJECT && name != NULL && value != NULL &&
                value->parent == NULL && fits(object, value) && is_utf8(name, strlen(name));
    return good ? neap_value__set(object, name, strlen(name), value) : refuse(object, value);
}

int neap_value_add(neap_value *array, neap_value *value) {
    bool good = array != NULL && array->type == NEAP_ARRAY && value != NULL && value->parent == NULL &&
                fits(array, value);
    return good ? neap_value__add(array, value) : refuse(array, value);
}

/* --- reading ---------------------------------------------------------------------------------- */

neap_type neap_value_type(const neap_value *v) {
    return v != NULL ? v->type : NEAP_NULL;
}

int neap_value_boolean(const neap_value *v) {
    return neap_value_type(v) == NEAP_BOOLEAN && v->as.integer != 0;
}

int64_t neap_value_integer(const neap_value *v) {
    return neap_value_type(v) == NEAP_INTEGER ? v->as.integer : 0;
}

double neap_value_number(const neap_value *v) {
    if (neap_value_type(v) == NEAP_NUMBER) return v->as.number;
    return (double)neap_value_integer(v);
}

const char *neap_value_string(const neap_value *v, size_t *len) {
    bool is_string = neap_value_type(v) == NEAP_STRING;
    if (len != NULL) *len = is_string ? v->as.string.len : 0;
    return is_string ? v->as.string.bytes : NULL;
}

size_t neap_value_count(const neap_value *v) {
    return v != NULL && neap_value__is_container(v) ? v->as.in.count : 0;
}

const neap_value *neap_value_get(const neap_value *object, const char *name) {
    const neap_member *m;
    if (neap_value_type(object) != NEAP_OBJECT || name == NULL) return NULL;
    m = find_member(object, name, strlen(name), hash_name(name, strlen(name)));
    return m != NULL ? m->value : NULL;
}

const neap_value *neap_value_at(const neap_value *container, size_t index) {
    return index < neap_value_count(container) ? container->as.in.members[index].value : NULL;
}

const char *neap_value_name_at(const neap_value *object, size_t index) {
    return index < neap_value_count(object) ? object->as.in.members[index].name : NULL;
}
