/* split_frame.h: what split.c and split_frame.c share. Private to them. */
#ifndef NEAP_CORE_SPLIT_FRAME_H
#define NEAP_CORE_SPLIT_FRAME_H

#include "split.h"

enum { /* neap_split.place: what comes next */
    NEAP_SPLIT_ON_WAY,        /* a value: the document, or the member that was looked for */
    NEAP_SPLIT_OFF_WAY,       /* the value of another member */
    NEAP_SPLIT_KEY_OR_END,    /* behind the { of the way's object */
    NEAP_SPLIT_KEY,           /* behind its comma */
    NEAP_SPLIT_COLON_ON_WAY,  /* behind the key that was looked for */
    NEAP_SPLIT_COLON_OFF_WAY, /* behind another */
    NEAP_SPLIT_COMMA_OR_END,  /* behind a member */
    NEAP_SPLIT_NOTHING,       /* behind the document */
    NEAP_SPLIT_RECORDS,       /* from here on split.c reads: */
    NEAP_SPLIT_RECORD_OR_END = NEAP_SPLIT_RECORDS, /* behind the [ */
    NEAP_SPLIT_RECORD,                             /* behind a comma */
    NEAP_SPLIT_BEHIND_RECORD,
    NEAP_SPLIT_LINE
};

/* Reads the frame. 1: up to the place of a record; 0: as far as the bytes go, and they may go on unless the
 * document is complete; or the code of a fault. */
int neap_split__frame(neap_split *);

/* Ends the array at its ], which is the next byte: the frame goes on. 0 or the code of a fault. */
int neap_split__end_records(neap_split *);

/* Makes a fault, unless there is one: frees what is kept. Returns its code. */
int neap_split__fail(neap_split *, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Writes where the splitter is, for messages: "byte 12, behind record 1". `more` counts from the next byte. */
#define NEAP_SPLIT_WHERE_LEN 64
const char *neap_split__where(const neap_split *, size_t more, char out[NEAP_SPLIT_WHERE_LEN]);

/* Lets the JSON reader say what is wrong with a text that is not right or not complete, behind a prefix, with
 * or without its line and column. Returns the fault's code; 0 if the reader finds nothing. */
int neap_split__judge(neap_split *, const char *text, size_t len, const char *prefix, bool with_place);

#endif
