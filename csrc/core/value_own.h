/* value_own.h: the record of a value (include/neap/value.h), for value.c, the tree, and value_json.c, its text. */
#ifndef NEAP_CORE_VALUE_OWN_H
#define NEAP_CORE_VALUE_OWN_H

#include <neap/value.h>
#include <stdbool.h>

#define NEAP_VALUE_DEPTH_MAX 1000 /* containers inside each other, as neap.native.json decodes by default */

/* One place of a container. */
typedef struct neap_member {
    char *name; /* owned; NULL in an array */
    size_t name_len;
    uint32_t hash;
    neap_value *value; /* owned */
} neap_member;

struct neap_value {
    neap_type type;
    int height;         /* containers below and including this one */
    neap_value *parent; /* the container it went into; NULL: the caller's */
    bool incomplete;    /* a container that has missed a member */
    union {
        int64_t integer; /* also a boolean's */
        double number;
        struct {
            char *bytes; /* owned, with a NUL behind */
            size_t len;
        } string;
        struct {
            neap_member *members; /* owned */
            size_t count, cap;
            uint32_t *slots; /* owned: 1 + place of a member by the hash of its name, 0: free; NULL: no index */
            size_t slot_count; /* a power of two, at least twice the count */
        } in;
    } as;
};

static inline bool neap_value__is_container(const neap_value *v) {
    return v->height > 0;
}

/* Makes a string of UTF-8; NULL: out of memory. */
neap_value *neap_value__new_string(const char *bytes, size_t len);
/* As neap_value_set and neap_value_add, unchecked: the value is nobody's and fits, the name is UTF-8. 0 or NEAP_ENOMEM:
 * then it is freed. */
int neap_value__set(neap_value *object, const char *name, size_t len, neap_value *value);
int neap_value__add(neap_value *array, neap_value *value);
/* Copies a text, with a NUL behind; NULL: out of memory. The caller frees. */
char *neap_value__copy_text(const char *bytes, size_t len);

#endif
