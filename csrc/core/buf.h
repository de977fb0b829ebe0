/* buf.h: a growable byte buffer. Zero-initialised is empty and valid. */
#ifndef NEAP_CORE_BUF_H
#define NEAP_CORE_BUF_H

#include <stddef.h>

typedef struct neap_buf {
    char *data; /* owned; NULL while cap is 0; not NUL-terminated */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
} neap_buf;

/* Makes room for `more` bytes behind len. 0 or NEAP_ENOMEM (buffer unchanged). */
int neap_buf_reserve(neap_buf *, size_t more);

/* Appends bytes. 0 or NEAP_ENOMEM (buffer unchanged). */
int neap_buf_add(neap_buf *, const void *bytes, size_t len);

/* Appends a C string. 0 or NEAP_ENOMEM. */
int neap_buf_puts(neap_buf *, const char *s);

/* Appends formatted text. 0 or NEAP_ENOMEM. */
int neap_buf_printf(neap_buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Removes the first `len` bytes. */
void neap_buf_shift(neap_buf *, size_t len);

/* Frees the memory; the buffer is empty and valid again. */
void neap_buf_free(neap_buf *);

/* As free, but overwrites the memory first: for buffers that held a secret. */
void neap_buf_wipe(neap_buf *);

#endif
