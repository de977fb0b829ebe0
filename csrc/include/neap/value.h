/* value.h: values for scripts and from them, for hosts that do not want to write JSON: a tree of the seven kinds
 * that JSON has, integers and numbers apart. */
#ifndef NEAP_VALUE_H
#define NEAP_VALUE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NEAP_VALUE_API __attribute__((visibility("default")))

typedef struct neap_value neap_value;

typedef enum neap_type {
    NEAP_NULL,
    NEAP_BOOLEAN,
    NEAP_INTEGER,
    NEAP_NUMBER,
    NEAP_STRING,
    NEAP_ARRAY,
    NEAP_OBJECT
} neap_type;

/* Making. NULL: out of memory, or a value that JSON has not (NaN, broken UTF-8). The caller frees, unless the value
 * went into another. */
NEAP_VALUE_API neap_value *neap_null(void);
NEAP_VALUE_API neap_value *neap_boolean(int);
NEAP_VALUE_API neap_value *neap_integer(int64_t);
NEAP_VALUE_API neap_value *neap_number(double);
NEAP_VALUE_API neap_value *neap_string(const char *text);
NEAP_VALUE_API neap_value *neap_string_len(const char *bytes, size_t len);
NEAP_VALUE_API neap_value *neap_array(void);
NEAP_VALUE_API neap_value *neap_object(void);
/* From JSON text; NULL: it is none, is deeper than 1,000, has an integer beyond 64 bit, or memory is short. */
NEAP_VALUE_API neap_value *neap_value_parse(const char *json, size_t len);
/* NULL is fine. */
NEAP_VALUE_API void neap_value_free(neap_value *);

/* Puts a member into an object (in place of one of that name), an element at the end of an array. The member is the
 * container's from then on, or freed where that fails: 0, NEAP_EINVAL (one of them is NULL, the first no such
 * container, the name not UTF-8, or it would be deeper than 1,000) or NEAP_ENOMEM. So calls can be nested, and not
 * every one be looked at: a container that has missed a member is incomplete, see neap_value_json. What is in a
 * container already, or around this one, is refused and stays. */
NEAP_VALUE_API int neap_value_set(neap_value *object, const char *name, neap_value *member);
NEAP_VALUE_API int neap_value_add(neap_value *array, neap_value *element);

/* Reading; what is returned is borrowed from the value. Everything takes NULL, as a null. */
NEAP_VALUE_API neap_type neap_value_type(const neap_value *);
NEAP_VALUE_API int neap_value_boolean(const neap_value *);       /* 0 if it is none */
NEAP_VALUE_API int64_t neap_value_integer(const neap_value *);   /* 0 if it is none */
NEAP_VALUE_API double neap_value_number(const neap_value *);     /* of an integer, too; 0 if it is none */
NEAP_VALUE_API const char *neap_value_string(const neap_value *, size_t *len); /* NULL if it is none; len may be NULL */
NEAP_VALUE_API size_t neap_value_count(const neap_value *);      /* of elements or members; 0 for others */
NEAP_VALUE_API const neap_value *neap_value_get(const neap_value *object, const char *name); /* NULL: no such member */
NEAP_VALUE_API const neap_value *neap_value_at(const neap_value *container, size_t index);   /* from 0 */
NEAP_VALUE_API const char *neap_value_name_at(const neap_value *object, size_t index);

/* Writes it as JSON, compact, members in the order of setting. The caller frees the text with free(). NULL: out of
 * memory, or a container in it is incomplete; neap_start_value then fails, too. */
NEAP_VALUE_API char *neap_value_json(const neap_value *, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
