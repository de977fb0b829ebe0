/* settings.h: carries the directives over into a runtime of the worker. */
#ifndef NGX_NEAP_SETTINGS_H
#define NGX_NEAP_SETTINGS_H

#include "conf.h"
#include <neap/neap.h>

/* Opens libneap and makes the runtime as the http block says: limits, paths, settings, secrets, whose copies in this process are
 * wiped then. NULL: told in the log. The caller frees it. */
neap *ngx_neap_settings_open(ngx_neap_main_conf *conf, ngx_log_t *log);

/* For `nginx -t`: whether a worker could begin with this configuration: opens libneap in this process, makes a runtime,
 * compiles the scripts, runs none. NGX_ERROR: each fault is told in the log. */
ngx_int_t ngx_neap_settings_check(ngx_neap_main_conf *conf, ngx_log_t *log);

/* Compiles the scripts. One that does not compile is told in the log, and keeps the number 0. NGX_ERROR: the
 * script of neap_init is one of those. */
ngx_int_t ngx_neap_settings_load(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log);

/* Has the scripts that answer run at the next dispatch, behind neap_init, not at their first request: what they do by
 * themselves begins with the worker. libneap logs what is wrong with one. */
void ngx_neap_settings_open_scripts(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log);

/* Starts the background tasks. */
void ngx_neap_settings_start_tasks(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log);

#endif
