/* response.h: the head of an answer, in nginx's terms. */
#ifndef NGX_NEAP_RESPONSE_H
#define NGX_NEAP_RESPONSE_H

#include "conf.h"
#include <neap/exchange.h>

/* Puts status, fields and length (-1: unknown) into the request's output, copied. Fields that are of the connection
 * are left out: those are nginx's. NEAP_EINVAL: no final status; NEAP_ENOMEM. */
int ngx_neap_response_set(ngx_http_request_t *r, int status, const neap_field *fields, size_t count, long long length);

#endif
