/* worker.h: the runtime of this worker process, in nginx's event loop.
 *
 * nginx sees one descriptor, as a connection that is read. Whatever makes it work, a readable descriptor, a new
 * request, a client that left, posts an event; there the runtime is dispatched, once for all that came together,
 * and then the answers that were written meanwhile go out. */
#ifndef NGX_NEAP_WORKER_H
#define NGX_NEAP_WORKER_H

#include "conf.h"
#include <neap/neap.h>

/* Of the module: at the start and at the end of a process. */
ngx_int_t ngx_neap_worker_open(ngx_cycle_t *cycle);
void ngx_neap_worker_close(ngx_cycle_t *cycle);

/* Has a script answer. NGX_OK: it will, and has taken the exchange. NGX_DECLINED: the worker is stopping.
 * NGX_ERROR: told in the log. */
ngx_int_t ngx_neap_worker_serve(ngx_neap_main_conf *conf, ngx_neap_source *script, neap_exchange *exchange);

/* Has the runtime dispatched soon. */
void ngx_neap_worker_wake(void);

/* The runtime that this configuration has here; NULL: it did not start, or a reload without a master came in
 * between. */
neap *ngx_neap_worker_runtime(const ngx_neap_main_conf *conf);

#endif
