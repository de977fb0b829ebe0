/* text.c: see text.h. */
#include "text.h"

#define SIZE_MIN ((size_t)4096)

static ngx_int_t grow(ngx_neap_text *t, size_t len) {
    size_t size = ngx_max(SIZE_MIN, 2 * (t->len + len));
    u_char *data = ngx_palloc(t->pool, size);
    if (!data) return NGX_ERROR;
    if (t->data) {
        ngx_memcpy(data, t->data, t->len);
        (void)ngx_pfree(t->pool, t->data);
    }
    t->data = data;
    t->size = size;
    return NGX_OK;
}

void ngx_neap_text_add(void *ud, const char *text, size_t len) {
    ngx_neap_text *t = ud;
    if (t->failed || (len > t->size - t->len && grow(t, len) != NGX_OK)) {
        t->failed = 1;
        return;
    }
    ngx_memcpy(t->data + t->len, text, len);
    t->len += len;
}
