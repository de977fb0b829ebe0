/* split.h: finds the records of a long answer while its bytes arrive: the elements of one array of a JSON
 * document, or the lines of NDJSON.
 *
 * Bytes go in by neap_split_feed, in pieces cut anywhere; records come out by neap_split_next as JSON text
 * that nobody has read yet: a record that is right JSON is cut out right, all else its reader will refuse.
 * What stands around the records is the frame: the document with `[]` in their place. If frame and records
 * are right JSON and the splitter found no fault, the document is right, and the other way round; except
 * that the members on the way to the array may not come again behind it, as its records are gone by then.
 *
 * The first fault stops the splitter; the records before it come out. What is kept is what was fed and not
 * taken, and the frame. */
#ifndef NEAP_CORE_SPLIT_H
#define NEAP_CORE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "split_scan.h"

/* A key on the way to the array. */
typedef struct neap_split_key {
    const char *name; /* UTF-8, may contain anything */
    size_t len;       /* bytes */
} neap_split_key;

/* What is split, and how much of it is too much. */
typedef struct neap_split_options {
    bool is_lines;             /* NDJSON: LF or CRLF, blank lines are skipped; without a way */
    const neap_split_key *way; /* from the document's object to the array; borrowed for the call */
    size_t way_len;            /* keys; 0: the document is the array */
    size_t record_max;         /* bytes of one record */
    size_t frame_max;          /* bytes of the frame */
    size_t depth_max;          /* containers inside each other: in a record, and in the frame */
} neap_split_options;

/* One record: JSON text without spaces around it (a line may have some). Borrowed until the next
 * call of the splitter. */
typedef struct neap_split_record {
    const char *text;
    size_t len;   /* at least 1 */
    bool is_open; /* a last line without line end: it may be a part of one */
} neap_split_record;

/* A splitter, readied by neap_split_init. Zero-initialised is valid for deinit. */
typedef struct neap_split {
    neap_err err;   /* the fault: NEAP_EDECODE, NEAP_ETOOLARGE, NEAP_ENOMEM, or the caller's own */
    bool truncated; /* what was there is right so far, and ended too early */
    uint64_t count; /* records taken */
    uint64_t bytes; /* fed */

    neap_split_options options; /* private; its way is in keys */
    neap_buf keys;              /* private, owned: the way's neap_split_key[], then their names */
    neap_buf text;              /* private, owned: bytes that were fed */
    size_t taken;               /* private: of text */
    uint64_t gone;              /* private: bytes that stood before text */
    neap_buf frame;             /* private, owned: what was read of it */
    size_t records_at;          /* private: where in the frame the records belong */
    neap_split_scan scan;       /* private: the value that begins at text.data + taken */
    size_t level;               /* private: objects of the way that are open */
    int place;                  /* private: see split_frame.h */
    bool has_begun;             /* private: a byte order mark is behind */
    bool found;                 /* private */
    bool finished;              /* private: no more bytes follow */
    uint64_t hash_a, hash_b;    /* private: two lanes */
} neap_split;

/* Readies a splitter. 0 or NEAP_ENOMEM; deinit is due in both cases. */
int neap_split_init(neap_split *, const neap_split_options *);
void neap_split_deinit(neap_split *);

/* Reads the next bytes. 0; the code in err, once the fault stands before every record not taken yet;
 * NEAP_EINVAL after finish. */
int neap_split_feed(neap_split *, const char *bytes, size_t len);

/* Says that the bytes end here. Idempotent. As feed. */
int neap_split_finish(neap_split *);

/* Takes the next record. 1; 0: none is complete yet, or there is none left; or the code in err, again on
 * every later call. */
int neap_split_next(neap_split *, neap_split_record *out);

/* Shows the next record, unless it is a line or no object, to whoever sees without help where it ends: `len` are the
 * bytes at hand, of which it may be a part, or they a part of it. False: neap_split_next says what there is, which
 * may be this record. A record of which a part was shown is shown once. */
bool neap_split_peek(neap_split *, neap_split_record *out);
/* Takes the record that was just shown, of so many bytes: from its { to its }, right JSON. */
void neap_split_take(neap_split *, size_t len);

/* Whether the array at the way has begun; of NDJSON always. */
bool neap_split_found(const neap_split *);

/* Gets the frame, once the document is complete and all records are taken; NULL before, and after a fault.
 * Of NDJSON it is empty. Borrowed until deinit, not NUL-terminated. */
const char *neap_split_frame(const neap_split *, size_t *len);

/* Gets a hash of the records taken so far, of their bytes and their order: to tell a document that is read
 * again from another one. Not against whoever wants to deceive. */
uint64_t neap_split_hash(const neap_split *);

/* Makes what is wrong with the record taken last the fault; the message begins with its number. Returns code. */
int neap_split_refuse(neap_split *, const neap_split_record *, int code, const char *message);

#endif
