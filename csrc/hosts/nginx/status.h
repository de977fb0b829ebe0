/* status.h: the metrics of all workers, in shared memory: each writes its own, whoever is asked adds them up. */
#ifndef NGX_NEAP_STATUS_H
#define NGX_NEAP_STATUS_H

#include "conf.h"
#include <neap/neap.h>

/* The content handler of neap_status. */
ngx_int_t ngx_neap_status_handle(ngx_http_request_t *r);

/* Has the shared memory made. NULL: told in the log. */
ngx_shm_zone_t *ngx_neap_status_zone(ngx_conf_t *cf, size_t size);

/* Writes down the metrics of this worker. */
void ngx_neap_status_write(ngx_shm_zone_t *zone, neap *n);

#endif
