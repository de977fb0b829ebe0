/* text.h: text that grows, in memory of a pool. */
#ifndef NGX_NEAP_TEXT_H
#define NGX_NEAP_TEXT_H

#include <ngx_config.h>
#include <ngx_core.h>

/* Zeroed, but for the pool. */
typedef struct ngx_neap_text {
    ngx_pool_t *pool;
    u_char *data;
    size_t len, size;
    unsigned failed : 1; /* memory was short: something is missing */
} ngx_neap_text;

/* Appends; `ud` is an ngx_neap_text. Fits neap_write_fn. */
void ngx_neap_text_add(void *ud, const char *text, size_t len);

#endif
