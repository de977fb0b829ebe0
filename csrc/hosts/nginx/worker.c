/* worker.c: see worker.h. */
#include "worker.h"
#include "exchange.h"
#include "libneap.h"
#include "settings.h"
#include "status.h"
#include <ngx_event.h>

#define GUARD_MS 60000 /* any time: it only has to be set */
#define REPORT_MS 1000

/* One per process, as nginx's loop is. */
static struct {
    neap *n; /* NULL: nothing runs here */
    const ngx_neap_main_conf *conf;
    ngx_connection_t *connection; /* has the runtime's descriptor */
    ngx_event_t turn;             /* posted when there is something to do */
    ngx_event_t guard;            /* nginx's graceful stop waits for timers, and sees no other one of ours */
    ngx_event_t report;           /* writes down the metrics a little after something ran */
    unsigned stopping : 1;
    unsigned dispatching : 1;     /* a turn looks at all exchanges when that is over */
} worker;

neap *ngx_neap_worker_runtime(const ngx_neap_main_conf *conf) {
    return worker.conf == conf ? worker.n : NULL;
}

void ngx_neap_worker_wake(void) {
    if (worker.n && !worker.dispatching) {
        ngx_post_event(&worker.turn, &ngx_posted_events);
    }
}

/* --- events ----------------------------------------------------------------------------------- */

/* Holds up a graceful stop while something runs. */
static void set_guard(void) {
    if (worker.stopping && ngx_neap.live(worker.n) > 0) {
        if (!worker.guard.timer_set) ngx_add_timer(&worker.guard, GUARD_MS);
    } else if (worker.guard.timer_set) {
        ngx_del_timer(&worker.guard);
    }
}

static void on_turn(ngx_event_t *event) {
    (void)event;
    worker.dispatching = 1;
    ngx_neap.dispatch(worker.n);
    worker.dispatching = 0;
    ngx_neap_exchange_flush();
    set_guard();
    if (worker.conf->zone && !worker.report.timer_set && !worker.stopping) ngx_add_timer(&worker.report, REPORT_MS);
}

static void on_guard(ngx_event_t *event) {
    (void)event;
    set_guard();
}

static void on_report(ngx_event_t *event) {
    (void)event;
    ngx_neap_status_write(worker.conf->zone, worker.n);
}

/* QUIT or a reload: running requests go on. worker_shutdown_timeout: they end now. */
static void stop(int at_once) {
    worker.stopping = 1;
    ngx_neap.drain(worker.n, at_once ? 0 : -1);
    ngx_neap_worker_wake();
    set_guard();
}

/* The descriptor is readable; or nginx closes its connections, of which it takes this one to be an idle one. */
static void on_readable(ngx_event_t *event) {
    ngx_connection_t *c = event->data;
    if (c->close) {
        int at_once = c->error;
        c->close = 0;
        c->error = 0;
        stop(at_once);
        return;
    }
    ngx_neap_worker_wake();
}

static void on_writable(ngx_event_t *event) {
    (void)event;
}

/* --- start and end ---------------------------------------------------------------------------- */

static void init_event(ngx_event_t *event, ngx_event_handler_pt handler, ngx_log_t *log) {
    ngx_memzero(event, sizeof *event);
    event->handler = handler;
    event->log = log;
    event->data = worker.connection; /* nginx's debug log reads its descriptor */
}

/* Takes one of worker_connections for good, so that nothing has to be taken later. */
static ngx_int_t watch(ngx_cycle_t *cycle) {
    ngx_connection_t *c = ngx_get_connection(ngx_neap.poll_fd(worker.n), cycle->log);
    if (!c) return NGX_ERROR;
    worker.connection = c;
    c->log = cycle->log;
    c->idle = 1;
    c->read->handler = on_readable;
    c->read->log = cycle->log;
    c->write->handler = on_writable;
    c->write->log = cycle->log;
    init_event(&worker.turn, on_turn, cycle->log);
    init_event(&worker.guard, on_guard, cycle->log);
    init_event(&worker.report, on_report, cycle->log);
    worker.report.cancelable = 1;
    return ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);
}

/* The descriptor is the runtime's: nginx must not close it. */
static void unwatch(void) {
    ngx_connection_t *c = worker.connection;
    if (!c) return;
    if (worker.turn.posted) {
        ngx_delete_posted_event(&worker.turn);
    }
    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }
    if (worker.guard.timer_set) ngx_del_timer(&worker.guard);
    if (worker.report.timer_set) ngx_del_timer(&worker.report);
    if (c->read->active) (void)ngx_del_event(c->read, NGX_READ_EVENT, 0);
    ngx_free_connection(c);
    c->fd = (ngx_socket_t)-1;
    worker.connection = NULL;
}

static void close_runtime(void) {
    neap *n = worker.n;
    unwatch();
    worker.n = NULL;
    ngx_neap.free(n);
    ngx_neap_exchange_discard();
}

static ngx_int_t start(ngx_neap_main_conf *conf, ngx_cycle_t *cycle) {
    worker.n = ngx_neap_settings_open(conf, cycle->log);
    if (!worker.n) return NGX_ERROR;
    if (ngx_neap_settings_load(worker.n, conf, cycle->log) == NGX_OK && watch(cycle) == NGX_OK) return NGX_OK;
    close_runtime();
    return NGX_ERROR;
}

/* Helpers of the cache, too, come by here; and the master, where it is the only process. A worker without a
 * runtime stays: what else nginx serves goes on. */
ngx_int_t ngx_neap_worker_open(ngx_cycle_t *cycle) {
    ngx_neap_main_conf *conf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_neap_module);
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) return NGX_OK;
    if (!conf || !conf->used) return NGX_OK;
    worker.conf = conf;
    if (start(conf, cycle) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "neap: without a runtime; its locations answer 500");
        return NGX_OK;
    }
    ngx_neap_settings_open_scripts(worker.n, conf, cycle->log);
    if (ngx_worker == 0) ngx_neap_settings_start_tasks(worker.n, conf, cycle->log);
    if (conf->zone) ngx_neap_status_write(conf->zone, worker.n);
    ngx_neap_worker_wake();
    return NGX_OK;
}

void ngx_neap_worker_close(ngx_cycle_t *cycle) {
    (void)cycle;
    if (worker.n) close_runtime();
}

ngx_int_t ngx_neap_worker_serve(ngx_neap_main_conf *conf, ngx_neap_source *script, neap_exchange *exchange) {
    neap *n = ngx_neap_worker_runtime(conf);
    int code;
    if (!n || script->script == 0) return NGX_ERROR;
    code = ngx_neap.serve(n, script->script, exchange);
    if (code == 0) {
        ngx_neap_worker_wake();
        return NGX_OK;
    }
    if (code == NEAP_ECANCELLED) return NGX_DECLINED;
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "neap: \"%V\": %s", &script->name, ngx_neap.message(n));
    return NGX_ERROR;
}
