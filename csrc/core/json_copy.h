/* json_copy.h: writes values again while a reader passes over them, canonically: what json.encode writes of
 * what json.decode (in order) has read. Numbers and strings are in their one form, there is no space, and of
 * equal keys the last value stands at the place of the first. An integer beyond 64 bit is an error.
 *
 * Linear in the text but for the sorting of large objects' keys, whatever the text is. */
#ifndef NEAP_CORE_JSON_COPY_H
#define NEAP_CORE_JSON_COPY_H

#include "json.h"

/* Zero-initialised is valid; the memory is the caller's. */
typedef struct neap_json_copy {
    neap_buf out;     /* owned: the text; the caller may empty it between values */
    neap_buf members; /* private, owned: those of the open objects */
    neap_buf cuts;    /* private, owned: what equal keys leave to be moved */
    size_t top;       /* private: which member is the mark of the innermost open object */
    size_t base;      /* private: no comma before this place in out */
    size_t start;     /* private: where the members without braces begin */
} neap_json_copy;

/* As neap_json_reader_next, but an integer beyond 64 bit is an error. */
neap_json_token neap_json_copy_next(neap_json_reader *);

/* Appends the value of which the reader has just read that first token; reads it to its end. 0; NEAP_EDECODE
 * (the reader has the error); NEAP_ENOMEM. */
int neap_json_copy_value(neap_json_copy *, neap_json_reader *, neap_json_token);

/* Append the members of an object without its braces: begin, then for each member the KEY that the reader has
 * just read, and copy_value; then end. 0 or NEAP_ENOMEM. */
int neap_json_copy_begin(neap_json_copy *);
int neap_json_copy_key(neap_json_copy *, const neap_json_reader *);
int neap_json_copy_end(neap_json_copy *);
/* As key and value, for a member that was taken at once. 0 or NEAP_ENOMEM. */
int neap_json_copy_member(neap_json_copy *, const neap_json_member *);

/* Empties all, and frees buffers of more than `keep` bytes: before the next text, or after an error. */
void neap_json_copy_clear(neap_json_copy *, size_t keep);

void neap_json_copy_deinit(neap_json_copy *);

#endif
