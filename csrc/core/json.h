/* json.h: exact JSON (RFC 8259): a pull reader over a complete text and a writer into a buffer.
 *
 * Exact: an integer is an int64 or the digits themselves, never a rounded double; a double is
 * written with the fewest digits that read back as the same double; strings are checked UTF-8. What
 * RFC 8259 does not allow is refused with a message of its own, at a line and column. The reader
 * does not recurse; nesting costs one byte per level, up to max_depth. */
#ifndef NEAP_CORE_JSON_H
#define NEAP_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/* What neap_json_reader_next found. */
typedef enum neap_json_token {
    NEAP_JSON_ERROR,        /* see err, line, column, truncated; every later call says so again */
    NEAP_JSON_END,          /* the one value of the text is complete, nothing follows it */
    NEAP_JSON_OBJECT_BEGIN, /* then KEY and a value, for each member */
    NEAP_JSON_OBJECT_END,
    NEAP_JSON_ARRAY_BEGIN,
    NEAP_JSON_ARRAY_END,
    NEAP_JSON_KEY,     /* str, str_len; its colon is read too */
    NEAP_JSON_STRING,  /* str, str_len */
    NEAP_JSON_INTEGER, /* integer; `-0` is 0, as an integer has no negative zero */
    NEAP_JSON_FLOAT,   /* number: anything with a point or an exponent; `-0.0` keeps its sign */
    NEAP_JSON_BIGINT,  /* an integer beyond int64: its digits in str, str_len */
    NEAP_JSON_TRUE,
    NEAP_JSON_FALSE,
    NEAP_JSON_NULL
} neap_json_token;

/* One reading of one text. Zero-initialised is valid; the memory is the caller's. */
typedef struct neap_json_reader {
    const char *str; /* of the last token; in the text or in scratch, good until the next call */
    size_t str_len;  /* bytes */
    int64_t integer; /* of the last INTEGER */
    double number;   /* of the last FLOAT; finite */
    size_t depth;    /* containers open after the last token */

    neap_err err;   /* after ERROR: NEAP_EDECODE or NEAP_ENOMEM, message with the position */
    size_t line;    /* after ERROR: 1-based; lines end at LF */
    size_t column;  /* after ERROR: 1-based, in characters (code points), a BOM not counted */
    bool truncated; /* after ERROR: what was there is right so far, the text ended too early */

    const char *text;  /* private: the text behind its BOM, borrowed */
    const char *end;   /* private: behind the last byte */
    const char *at;    /* the next byte to read; behind the last token, and the colon of a KEY */
    const char *token; /* where the last token starts */
    size_t max_depth;  /* private */
    int expect;        /* private: what may come next */
    bool in_object;    /* private: the innermost open container is an object */
    neap_buf stack;    /* private, owned: one byte per open container, 1 for an object */
    neap_buf scratch;  /* private, owned: a string with escapes, resolved */
} neap_json_reader;

/* Starts to read len bytes at text, which must stay until the last token was used. A UTF-8 BOM is
 * skipped. More than max_depth containers inside each other are an error. Buffers of an earlier
 * text are used again. */
void neap_json_reader_start(neap_json_reader *, const char *text, size_t len, size_t max_depth);

/* Gets the next token. */
neap_json_token neap_json_reader_next(neap_json_reader *);

/* A whole member of an object. */
typedef struct neap_json_member {
    const char *key; /* in the text, without its quotes */
    size_t key_len;
    neap_json_token token; /* STRING, INTEGER, FLOAT, TRUE, FALSE or NULL */
    const char *s;         /* in the text: a STRING without its quotes, all else as it stands */
    size_t len;
    int64_t integer; /* of INTEGER */
    double number;   /* of FLOAT */
} neap_json_member;

/* Takes the next member of the innermost object at once, if that is easy: its key and value stand as the
 * writer would write them, with at most one blank before each. False: nothing was taken, neap_json_reader_next
 * says what there is. For those who pass over many small objects. */
bool neap_json_reader_try_member(neap_json_reader *, neap_json_member *);

/* A place in a text: behind the token that was read last. */
typedef struct neap_json_mark {
    const char *at, *token;
    size_t depth;
    int expect;
    bool in_object;
} neap_json_mark;

/* Gets the place behind the last token. */
neap_json_mark neap_json_reader_mark(const neap_json_reader *);
/* Goes back to a mark that was set behind a BEGIN: from inside that container, or from behind its END,
 * before another one begins. */
void neap_json_reader_rewind(neap_json_reader *, const neap_json_mark *);

/* Does the last KEY or STRING stand in the text, from token, as the writer would write it? */
static inline bool neap_json_reader_is_plain(const neap_json_reader *r) {
    return r->str == r->token + 1;
}

/* Makes the last token an error of the caller's (a duplicate key, say), with its position. Returns
 * NEAP_JSON_ERROR. */
neap_json_token neap_json_reader_refuse(neap_json_reader *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees the buffers; the reader can be started again. */
void neap_json_reader_deinit(neap_json_reader *);

enum { NEAP_JSON__START, NEAP_JSON__NEXT, NEAP_JSON__AFTER_KEY }; /* neap_json_writer.place */

/* A text being written. Set out (borrowed) and indent, leave the rest zero. Commas, colons and line
 * breaks come by themselves; that brackets match and keys alternate with values is the caller's. */
typedef struct neap_json_writer {
    neap_buf *out; /* borrowed; the text is appended */
    int indent;    /* spaces per level; 0: everything on one line without spaces */
    int depth;     /* containers open */
    int place;     /* private: start of a container, after a value, or after a key */
} neap_json_writer;

/* Begin and end an object ('{', '}') or an array ('[', ']'). 0 or NEAP_ENOMEM. */
int neap_json_writer_begin(neap_json_writer *, char bracket);
int neap_json_writer_end(neap_json_writer *, char bracket);

/* Add a key, or a string as a value: UTF-8, escaped only where RFC 8259 section 7 demands it. 0,
 * NEAP_EINVAL (not UTF-8; nothing written), NEAP_ENOMEM. */
int neap_json_writer_key(neap_json_writer *, const char *s, size_t len);
int neap_json_writer_string(neap_json_writer *, const char *s, size_t len);

/* Ends the line behind a complete text. 0 or NEAP_ENOMEM. */
int neap_json_writer_break(neap_json_writer *);

/* Says that a key, with its colon, was appended to `out` by the caller, and the comma before it. */
static inline void neap_json_writer_pass_key(neap_json_writer *w) {
    w->place = NEAP_JSON__AFTER_KEY;
}

/* Adds an integer. 0 or NEAP_ENOMEM. */
int neap_json_writer_int(neap_json_writer *, int64_t value);

/* Adds a double, always with a point or an exponent, so that it reads back as a double. 0,
 * NEAP_EINVAL (NaN or infinite; nothing written), NEAP_ENOMEM. */
int neap_json_writer_double(neap_json_writer *, double value);

/* Adds a complete value as it stands: `true`, digits, JSON made elsewhere. 0, NEAP_ENOMEM. */
int neap_json_writer_raw(neap_json_writer *, const char *json, size_t len);

#endif
