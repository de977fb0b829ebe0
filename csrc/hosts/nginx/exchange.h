/* exchange.h: a request of nginx as a neap_exchange, and the answer back. */
#ifndef NGX_NEAP_EXCHANGE_H
#define NGX_NEAP_EXCHANGE_H

#include "conf.h"

/* The content handler of neap_script. */
ngx_int_t ngx_neap_exchange_handle(ngx_http_request_t *r);

/* After a dispatch: sends on what was written in it, and finishes what has ended. Nothing of nginx that could come
 * back to the runtime happens before. */
void ngx_neap_exchange_flush(void);

/* Frees what has ended and leaves the requests alone: the process ends. */
void ngx_neap_exchange_discard(void);

#endif
