/* mapping.h: a declarative map, compiled: one record, a JSON object, becomes one line of NDJSON or CSV.
 *
 * The line is, byte for byte, what json.encode gives for the mapped record that json.decode (in order) and
 * lua/neap/mapping make of the record: keys in the entries' order, numbers and strings written canonically, of
 * equal keys the last value at the place of the first, an integer beyond 64 bit is an error, and so are more
 * than 1000 levels. One pass over the text; nothing is allocated once the buffers have grown.
 *
 * An entry's value comes about in these steps:
 *   1. The member at its way: from[0] of the record, from[1] of that object, ... Nothing, where a step is no
 *      object or has no such member.
 *   2. The default, as it stands, in place of nothing, null and "": then the value is complete.
 *   3. split: a string becomes the list of its parts, "" the empty list. A list stays. Null is nothing.
 *   4. at: the item of that place, from 1; nothing beyond the end; of a list only. Null is nothing.
 *   5. The default once more, in place of nothing, null and "".
 *   6. Nothing and null: the target gets no member, or an empty cell. A default and a constant may be null.
 *   7. cast.
 *
 * rest: the record's other members follow as they are, null too, in their order; not those that a way of one
 * step names, nor those whose name is a target's. What a longer way leads into is kept whole.
 *
 * any_case: a step means the member of its very name, else the first one that differs from it by the case of
 * ASCII letters only. The rest has no member that differs so from a way of one step.
 *
 * CSV: a row has a cell for every entry; a string as it is, null and nothing empty, all else as JSON. */
#ifndef NEAP_CORE_MAPPING_H
#define NEAP_CORE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

#define NEAP_MAPPING_DEPTH 1000       /* levels of a record, as of json.decode and json.encode */
#define NEAP_MAPPING_STEPS_MAX 64     /* of one way */
#define NEAP_MAPPING_ENTRIES_MAX 4096 /* of one map */

typedef struct neap_mapping neap_mapping;

typedef enum neap_mapping_format { NEAP_MAPPING_NDJSON, NEAP_MAPPING_CSV } neap_mapping_format;

/* What a value must be, or is made. Any other value is an error:
 * `age: expected an integer, got a string ("old")`. */
typedef enum neap_mapping_cast {
    NEAP_MAPPING_ANY,     /* as it is */
    NEAP_MAPPING_STRING,  /* all others as their JSON text */
    NEAP_MAPPING_INTEGER, /* an integer, a float that is one, a string of digits with or without a minus */
    NEAP_MAPPING_NUMBER,  /* a number, a string that is one in JSON; whole ones within 64 bit */
    NEAP_MAPPING_BOOLEAN, /* true, false, the strings "true" and "false", the numbers 1 and 0 */
    NEAP_MAPPING_DATE,    /* the date of a string that is a valid YYYY-MM-DD, alone or before T or a blank */
    NEAP_MAPPING_LIST     /* a list; of a string, number or boolean a list of it; no object */
} neap_mapping_cast;

/* Bytes of the caller's, UTF-8; NULL: not given. */
typedef struct neap_mapping_text {
    const char *s;
    size_t len;
} neap_mapping_text;

/* One entry: either `from` or a constant. */
typedef struct neap_mapping_entry {
    neap_mapping_text to;          /* the target's name, one level */
    const neap_mapping_text *from; /* the way */
    size_t from_len;               /* its steps, 1 to NEAP_MAPPING_STEPS_MAX; 0: a constant */
    neap_mapping_text constant;    /* JSON */
    neap_mapping_text otherwise;   /* the default, JSON; NULL: none */
    neap_mapping_cast cast;
    neap_mapping_text split; /* the delimiter, not empty; NULL: none */
    size_t at;               /* from 1; 0: none */
} neap_mapping_entry;

/* Makes a map without entries; the caller frees it. 0, NEAP_EINVAL (rest as CSV: no columns are known for
 * it), NEAP_ENOMEM. */
int neap_mapping_new(neap_mapping **out, neap_mapping_format, bool rest, bool any_case, neap_err *);

/* Adds an entry, of which everything is copied. 0; NEAP_EINVAL: what contradicts the above, a name that is
 * not UTF-8, a second entry for a target, a default or constant that is no JSON; NEAP_ENOMEM. After an error
 * the map is only good for free. */
int neap_mapping_add(neap_mapping *, const neap_mapping_entry *, neap_err *);

/* Appends the line of a record, with its LF. 0; NEAP_EDECODE: err says which target and value, or line and
 * column in this text; NEAP_ENOMEM. After an error `out` is as before, and the next record may come. */
int neap_mapping_apply(neap_mapping *, const char *json, size_t len, neap_buf *out, neap_err *);

/* The same for the record that begins at json, of which len bytes or less belong to it: it must be an object. Gets
 * its length; 0: it does not end there, or neap_mapping_apply has something to say about it, and `out` is as
 * before. */
size_t neap_mapping_try(neap_mapping *, const char *json, size_t len, neap_buf *out);

/* How many records were read: those that are no objects, or no JSON, do not count. */
uint64_t neap_mapping_count(const neap_mapping *);

/* Finds an entry, from *at on, whose way led to nothing in all records but the first `since`: none of them had
 * that member; null is one. An entry with a default foresees that, and is not meant. Returns its target, of which
 * the map owns the bytes, and sets *at behind it; s NULL: there is no more. */
neap_mapping_text neap_mapping_unseen(const neap_mapping *, uint64_t since, size_t *at);

/* Whether lines are CSV; then head appends the row of target names, with its LF. 0 or NEAP_ENOMEM. */
bool neap_mapping_is_csv(const neap_mapping *);
int neap_mapping_head(const neap_mapping *, neap_buf *out);

/* NULL is fine. */
void neap_mapping_free(neap_mapping *);

#endif
