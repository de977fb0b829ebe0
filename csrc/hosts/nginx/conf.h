/* conf.h: what the directives say. Made and read by the master; workers inherit it. */
#ifndef NGX_NEAP_CONF_H
#define NGX_NEAP_CONF_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

extern ngx_module_t ngx_http_neap_module;

/* Where the configuration says something; file NULL: it does not. */
typedef struct ngx_neap_place {
    const char *file;
    ngx_uint_t line;
} ngx_neap_place;

/* A Lua file. */
typedef struct ngx_neap_source {
    ngx_str_t name; /* its path, absolute; ends with a zero, like all texts here */
    ngx_str_t text;
    ngx_neap_place place; /* of its first mention */
    int script; /* in a worker: its number in the runtime; 0: it did not compile */
    unsigned answers : 1; /* a location's neap_script */
} ngx_neap_source;

/* neap_setting, neap_secret. A secret's value is in memory of its own, see source.h. */
typedef struct ngx_neap_pair {
    ngx_str_t name;
    ngx_str_t value;
    ngx_neap_place place;
} ngx_neap_pair;

/* neap_path. */
typedef struct ngx_neap_path {
    ngx_str_t dir;
    ngx_neap_place place;
} ngx_neap_path;

/* The http block's. */
typedef struct ngx_neap_main_conf {
    ngx_array_t sources;  /* of ngx_neap_source *: every file of neap_script, once */
    ngx_array_t tasks;    /* of ngx_neap_source *: neap_task */
    ngx_neap_source *init;
    ngx_array_t paths;    /* of ngx_neap_path */
    ngx_array_t settings; /* of ngx_neap_pair */
    ngx_array_t secrets;  /* of ngx_neap_pair */
    size_t memory_limit;
    ngx_msec_t time_limit;
    ngx_str_t state;      /* "": none */
    ngx_str_t library;    /* "": where the loader finds it */
    ngx_neap_place library_place;
    size_t status_zone;   /* bytes of shared memory */
    ngx_shm_zone_t *zone; /* NULL: no location wants the status */
    unsigned has_status : 1;
    unsigned used : 1; /* there is something to run */
} ngx_neap_main_conf;

/* A location's. */
typedef struct ngx_neap_location_conf {
    ngx_neap_source *script;
    ngx_http_handler_pt handler; /* that a directive of ours has set here, at `place` */
    ngx_neap_place place;
    off_t body_limit;
} ngx_neap_location_conf;

/* Where the directive stands that is being read. */
ngx_neap_place ngx_neap_place_of(ngx_conf_t *cf);

#endif
