/* csv.h: CSV as RFC 4180 has it, streamed: comma, UTF-8, quotes only around a whole cell.
 *
 * Reading. Bytes go in by neap_csv_feed, in chunks cut anywhere; complete rows queue up and come
 * out by neap_csv_next. Any line end counts (LF, CRLF, CR, mixed), inside quotes it is kept as it
 * is. A byte order mark at the start is dropped, lines without a single character are skipped, `""`
 * and nothing are both the empty cell. The first fault stops the reader; rows before it still come
 * out.
 *
 * Writing. A cell is quoted only where reading it back would otherwise give something else. */
#ifndef NEAP_CORE_CSV_H
#define NEAP_CORE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/* The longest row: bytes of its cells and one per cell. More is usually a quote nobody closed. */
#define NEAP_CSV_ROW_MAX ((size_t)16 << 20)

/* One row. Borrowed from the reader until its next feed or deinit. */
typedef struct neap_csv_row {
    const char *text;   /* the cells' bytes, back to back */
    const size_t *ends; /* where each cell ends in text */
    size_t start;       /* where the first cell begins in text */
    size_t len;         /* cells, at least 1 */
    uint64_t line;      /* where the row begins, from 1 */
} neap_csv_row;

/* A reader, readied by neap_csv_init. All fields are private but err, err_line and err_column. */
typedef struct neap_csv {
    neap_err err;        /* the fault that stopped the reader: NEAP_EDECODE, NEAP_ETOOLARGE, ... */
    uint64_t err_line;   /* where, from 1 */
    uint64_t err_column; /* in characters, from 1 */

    neap_buf text;                               /* cells of queued rows, then of the open row */
    size_t *ends;                                /* owned; the cells' ends in text */
    size_t ends_len, ends_cap;                   /* cells ended; room */
    struct neap_csv_mark *rows;                  /* owned; the queued rows */
    size_t rows_len, rows_next, rows_cap;        /* complete; already taken; room */
    size_t row_text, row_ends;                   /* where the open row begins in text and ends */
    size_t row_max;                              /* cap on one row */
    uint64_t line, row_line;                     /* of the next byte; of the open row */
    uint64_t quote_line, quote_column;           /* of the last opening quote */
    uint64_t column;                             /* characters of this line before line_start */
    const unsigned char *line_start;             /* within the chunk being fed */
    unsigned char utf8_need, utf8_low, utf8_top; /* bytes missing; bounds of the next one */
    unsigned char bom;                           /* its bytes seen; 4: past the start */
    unsigned char state;                         /* see csv.c */
    bool cr;                                     /* the last byte was a CR: an LF belongs to it */
    bool finished;                               /* no more feeding */
} neap_csv;

/* Readies a reader; row_max 0 means NEAP_CSV_ROW_MAX. Never fails. */
void neap_csv_init(neap_csv *, size_t row_max);
void neap_csv_deinit(neap_csv *);

/* Reads the next bytes. 0, or the code in err, again on every later call. NEAP_EINVAL after
 * finish. */
int neap_csv_feed(neap_csv *, const char *bytes, size_t len);

/* Says that the input has ended; the last line needs no line end. Idempotent. As feed. */
int neap_csv_finish(neap_csv *);

/* Gets the oldest complete row, without taking it; false if there is none. */
bool neap_csv_peek(const neap_csv *, neap_csv_row *out);

/* Takes the oldest complete row; false if there is none. */
bool neap_csv_next(neap_csv *, neap_csv_row *out);

/* Gets cell i (from 0, below row->len). Borrowed like the row, not NUL-terminated. */
static inline const char *neap_csv_cell(const neap_csv_row *row, size_t i, size_t *len) {
    size_t from = i > 0 ? row->ends[i - 1] : row->start;
    *len = row->ends[i] - from;
    return row->text + from;
}

/* Appends cell number `index` (from 0) of a row. 0 or NEAP_ENOMEM. */
int neap_csv_put_cell(neap_buf *out, size_t index, const char *bytes, size_t len);

/* Ends the row that began at out->data + row_start, with LF. 0 or NEAP_ENOMEM. */
int neap_csv_put_end(neap_buf *out, size_t row_start);

#endif
