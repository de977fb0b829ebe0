/* head.h: status and header fields of one HTTP answer, as they come off the wire. Private to the
 * transfer's files.
 *
 * Names and values lie back to back in one buffer, so a reply costs two allocations whatever the
 * number of its fields. Only the final answer is kept: 1xx answers and trailers are dropped. */
#ifndef NEAP_CORE_HEAD_H
#define NEAP_CORE_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "exchange.h"

/* Cap on all header fields of one answer. */
#define NEAP_HEAD_HEAD_MAX ((size_t)256 * 1024)

/* Zero-initialised is empty and valid. */
typedef struct neap_head {
    int status;     /* 0: none yet */
    bool complete;  /* the blank line behind the fields of a final answer is in */
    neap_buf text;  /* names and values */
    neap_buf marks; /* where they lie: struct neap_head_mark[] */
} neap_head;

/* Takes one header line, line end included or not: status line, field, continuation (obs-fold,
 * RFC 9112 5.2, joined by one space) or the blank line. Lines without a colon are dropped.
 * 0, NEAP_ENOMEM or NEAP_ETOOLARGE. */
int neap_head_line(neap_head *, const char *line, size_t len);
/* Adds one field. 0, NEAP_ENOMEM or NEAP_ETOOLARGE. */
int neap_head_add(neap_head *, const char *name, size_t name_len, const char *value,
                   size_t value_len);

size_t neap_head_field_count(const neap_head *);
/* Borrowed until the next change. */
neap_field neap_head_field(const neap_head *, size_t i);

/* Replaces living secrets in the values (redact.h). 0 or NEAP_ENOMEM. */
int neap_head_scrub(neap_head *);
void neap_head_deinit(neap_head *);

#endif
