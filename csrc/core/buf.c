/* buf.c: see buf.h. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "secret.h"

int neap_buf_reserve(neap_buf *b, size_t more) {
    size_t cap = b->cap ? b->cap : 64;
    char *data;
    if (b->cap - b->len >= more) return 0;
    if (more > (size_t)-1 / 4 - b->len) return NEAP_ENOMEM;
    while (cap - b->len < more) cap *= 2;
    data = realloc(b->data, cap);
    if (data == NULL) return NEAP_ENOMEM;
    b->data = data;
    b->cap = cap;
    return 0;
}

int neap_buf_add(neap_buf *b, const void *bytes, size_t len) {
    if (len == 0) return 0;
    if (neap_buf_reserve(b, len) < 0) return NEAP_ENOMEM;
    memcpy(b->data + b->len, bytes, len);
    b->len += len;
    return 0;
}

int neap_buf_puts(neap_buf *b, const char *s) {
    return neap_buf_add(b, s, strlen(s));
}

int neap_buf_printf(neap_buf *b, const char *fmt, ...) {
    va_list args;
    int need;
    va_start(args, fmt);
    need = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (need < 0 || neap_buf_reserve(b, (size_t)need + 1) < 0) return NEAP_ENOMEM;
    va_start(args, fmt);
    vsnprintf(b->data + b->len, (size_t)need + 1, fmt, args);
    va_end(args);
    b->len += (size_t)need;
    return 0;
}

void neap_buf_shift(neap_buf *b, size_t len) {
    b->len -= len;
    if (b->len > 0) memmove(b->data, b->data + len, b->len);
}

void neap_buf_free(neap_buf *b) {
    free(b->data);
    *b = (neap_buf){0};
}

void neap_buf_wipe(neap_buf *b) {
    if (b->data != NULL) neap_secret_wipe(b->data, b->cap);
    neap_buf_free(b);
}
