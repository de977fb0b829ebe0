/* source.h: files that the master reads for its workers, who may not: scripts and secrets. */
#ifndef NGX_NEAP_SOURCE_H
#define NGX_NEAP_SOURCE_H

#include "conf.h"

/* Gets the file's source, read at its first mention; `list` (of ngx_neap_source *) has all. The name is
 * relative to the configuration file. NULL: told in the log. */
ngx_neap_source *ngx_neap_source_get(ngx_conf_t *cf, ngx_array_t *list, const ngx_str_t *name);

/* Gets a secret's value by its reference, env:NAME or file:PATH; one newline at the end is cut. It stays out of
 * core files, and is wiped with the configuration. NGX_CONF_ERROR: told in the log, without the value. */
char *ngx_neap_secret_read(ngx_conf_t *cf, const ngx_str_t *reference, ngx_str_t *value);

/* Wipes this process's copy of a value. */
void ngx_neap_secret_wipe(ngx_str_t *value);

#endif
