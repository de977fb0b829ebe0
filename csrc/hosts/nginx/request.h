/* request.h: a request of nginx in libneap's terms. */
#ifndef NGX_NEAP_REQUEST_H
#define NGX_NEAP_REQUEST_H

#include "conf.h"
#include <neap/exchange.h>

/* Fills in the request, whose body has been read; lives as long as it does. NGX_ERROR: memory is short, or nginx
 * has no body where it should. */
ngx_int_t ngx_neap_request_fill(ngx_http_request_t *r, neap_exchange *exchange);

#endif
