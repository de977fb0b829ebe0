/* split_scan.h: finds where a JSON value ends, in text that comes in pieces. Private to split.c, split_frame.c.
 *
 * Only brackets, quotes and backslashes are looked at, 64 bytes at a time: whoever reads the value says
 * whether it is right. A value that is right ends where this says it does. */
#ifndef NEAP_CORE_SPLIT_SCAN_H
#define NEAP_CORE_SPLIT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A look at one value. Zero-initialised: at its beginning. */
typedef struct neap_split_scan {
    size_t at;       /* bytes of the value that were looked at; what follows holds there */
    size_t depth;    /* containers open */
    bool in_string;  /* of a container */
    bool is_escaped; /* the next byte belongs to a backslash before it */
} neap_split_scan;

typedef enum neap_split_seen {
    NEAP_SPLIT_MORE,    /* the value goes on behind len */
    NEAP_SPLIT_WHOLE,   /* it ends at `at` */
    NEAP_SPLIT_TOO_DEEP /* more than max_depth containers inside each other */
} neap_split_seen;

/* Goes on with the value that begins at text, of which len > 0 bytes are there, at least as many as before.
 * It may begin so. A number or word is whole only with what ends it behind it: a space, bracket, quote, comma
 * or colon. */
neap_split_seen neap_split__scan(neap_split_scan *, const char *text, size_t len, size_t max_depth);

/* Gets where the first byte of [p, end) is that is no JSON space, or end. */
static inline const char *neap_split__skip_space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

/* Whether a value may begin with c, and whether that is no container and no string. A word may be anything
 * that its reader knows to refuse, but a byte order mark, which it would skip. */
bool neap_split__may_begin(char c);
bool neap_split__is_word(char c);

#endif
