/* ngx_http_neap_module.c: the directives, and where nginx calls. See README.md for what they mean. */
#include "conf.h"
#include "exchange.h"
#include "settings.h"
#include "source.h"
#include "status.h"
#include "worker.h"
#include <sys/stat.h>

#define MEMORY_LIMIT ((size_t)512 << 20)
#define TIME_LIMIT_MS 10000
#define STATUS_ZONE ((size_t)8 << 20)

/* --- directives ------------------------------------------------------------------------------- */

static ngx_neap_main_conf *main_conf(ngx_conf_t *cf) {
    return ngx_http_conf_get_module_main_conf(cf, ngx_http_neap_module);
}

static ngx_str_t *argument(ngx_conf_t *cf, ngx_uint_t i) {
    return (ngx_str_t *)cf->args->elts + i;
}

/* The directive is wrong. */
static char *fault(ngx_conf_t *cf, const char *why) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", why);
    return NGX_CONF_ERROR;
}

/* A location has one handler, and nginx lets the last directive win without a word. One that comes behind ours shows
 * in merge_location. */
static char *set_handler(ngx_conf_t *cf, ngx_neap_location_conf *location, ngx_http_handler_pt handler) {
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    if (core->handler) return fault(cf, "this location is answered by another directive already");
    core->handler = location->handler = handler;
    location->place = ngx_neap_place_of(cf);
    main_conf(cf)->used = 1;
    return NGX_CONF_OK;
}

static char *set_script(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    ngx_neap_location_conf *location = data;
    (void)command;
    if (location->script) return fault(cf, "\"neap_script\" directive is duplicate");
    location->script = ngx_neap_source_get(cf, &main_conf(cf)->sources, argument(cf, 1));
    if (!location->script) return NGX_CONF_ERROR;
    location->script->answers = 1;
    return set_handler(cf, location, ngx_neap_exchange_handle);
}

static char *set_init(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    ngx_neap_main_conf *conf = data;
    (void)command;
    if (conf->init) return fault(cf, "\"neap_init\" directive is duplicate");
    conf->init = ngx_neap_source_get(cf, &conf->sources, argument(cf, 1));
    return conf->init ? NGX_CONF_OK : NGX_CONF_ERROR;
}

static char *add_task(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    ngx_neap_main_conf *conf = data;
    ngx_neap_source *source = ngx_neap_source_get(cf, &conf->sources, argument(cf, 1)), **entry;
    (void)command;
    entry = source ? ngx_array_push(&conf->tasks) : NULL;
    if (!entry) return NGX_CONF_ERROR;
    *entry = source;
    conf->used = 1;
    return NGX_CONF_OK;
}

static char *add_path(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    ngx_neap_main_conf *conf = data;
    ngx_neap_path *path = ngx_array_push(&conf->paths);
    ngx_file_info_t info;
    (void)command;
    if (!path) return NGX_CONF_ERROR;
    *path = (ngx_neap_path){.dir = *argument(cf, 1), .place = ngx_neap_place_of(cf)};
    if (ngx_conf_full_name(cf->cycle, &path->dir, 1) != NGX_OK) return NGX_CONF_ERROR;
    if (ngx_file_info(path->dir.data, &info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "cannot read \"%V\"", &path->dir);
        return NGX_CONF_ERROR;
    }
    return ngx_is_dir(&info) ? NGX_CONF_OK : fault(cf, "neap_path is no directory");
}

static char *add_setting(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    ngx_neap_main_conf *conf = data;
    ngx_neap_pair *setting = ngx_array_push(&conf->settings);
    (void)command;
    if (!setting) return NGX_CONF_ERROR;
    *setting = (ngx_neap_pair){.name = *argument(cf, 1), .value = *argument(cf, 2), .place = ngx_neap_place_of(cf)};
    return NGX_CONF_OK;
}

static char *add_secret(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    ngx_neap_main_conf *conf = data;
    ngx_neap_pair *secret = ngx_array_push(&conf->secrets);
    (void)command;
    if (!secret) return NGX_CONF_ERROR;
    *secret = (ngx_neap_pair){.name = *argument(cf, 1), .place = ngx_neap_place_of(cf)};
    return ngx_neap_secret_read(cf, argument(cf, 2), &secret->value);
}

static char *set_state(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    ngx_neap_main_conf *conf = data;
    (void)command;
    if (conf->state.data) return fault(cf, "\"neap_state\" directive is duplicate");
    conf->state = *argument(cf, 1);
    if (ngx_strcmp(conf->state.data, "off") == 0) {
        ngx_str_set(&conf->state, "");
        return NGX_CONF_OK;
    }
    return ngx_conf_full_name(cf->cycle, &conf->state, 1) == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}

static char *set_library(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    ngx_neap_main_conf *conf = data;
    (void)command;
    if (conf->library.data) return fault(cf, "\"neap_library\" directive is duplicate");
    conf->library = *argument(cf, 1);
    conf->library_place = ngx_neap_place_of(cf);
    return ngx_conf_full_name(cf->cycle, &conf->library, 1) == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}

/* The zone is made at the end of the block, when its size is known. */
static char *set_status(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    (void)command;
    main_conf(cf)->has_status = 1;
    return set_handler(cf, data, ngx_neap_status_handle);
}

#define IN_LOCATION (NGX_HTTP_LOC_CONF | NGX_HTTP_LIF_CONF | NGX_HTTP_LMT_CONF)

#define MAIN(name, arguments, setter, field)                                                                     \
    {ngx_string(name), NGX_HTTP_MAIN_CONF | (arguments), setter, NGX_HTTP_MAIN_CONF_OFFSET, field, NULL}
#define FIELD(name) offsetof(ngx_neap_main_conf, name)

static ngx_command_t commands[] = {
    {ngx_string("neap_script"), IN_LOCATION | NGX_CONF_TAKE1, set_script, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    {ngx_string("neap_status"), IN_LOCATION | NGX_CONF_NOARGS, set_status, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    {ngx_string("neap_body_limit"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | IN_LOCATION | NGX_CONF_TAKE1,
     ngx_conf_set_off_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(ngx_neap_location_conf, body_limit), NULL},
    MAIN("neap_init", NGX_CONF_TAKE1, set_init, 0),
    MAIN("neap_library", NGX_CONF_TAKE1, set_library, 0),
    MAIN("neap_memory_limit", NGX_CONF_TAKE1, ngx_conf_set_size_slot, FIELD(memory_limit)),
    MAIN("neap_path", NGX_CONF_TAKE1, add_path, 0),
    MAIN("neap_secret", NGX_CONF_TAKE2, add_secret, 0),
    MAIN("neap_setting", NGX_CONF_TAKE2, add_setting, 0),
    MAIN("neap_state", NGX_CONF_TAKE1, set_state, 0),
    MAIN("neap_status_zone", NGX_CONF_TAKE1, ngx_conf_set_size_slot, FIELD(status_zone)),
    MAIN("neap_task", NGX_CONF_TAKE1, add_task, 0),
    MAIN("neap_time_limit", NGX_CONF_TAKE1, ngx_conf_set_msec_slot, FIELD(time_limit)),
    ngx_null_command,
};

/* --- blocks ----------------------------------------------------------------------------------- */

static void *create_main(ngx_conf_t *cf) {
    ngx_neap_main_conf *conf = ngx_pcalloc(cf->pool, sizeof *conf);
    if (!conf) return NULL;
    if (ngx_array_init(&conf->sources, cf->pool, 4, sizeof(ngx_neap_source *)) != NGX_OK ||
        ngx_array_init(&conf->tasks, cf->pool, 4, sizeof(ngx_neap_source *)) != NGX_OK ||
        ngx_array_init(&conf->paths, cf->pool, 4, sizeof(ngx_neap_path)) != NGX_OK ||
        ngx_array_init(&conf->settings, cf->pool, 4, sizeof(ngx_neap_pair)) != NGX_OK ||
        ngx_array_init(&conf->secrets, cf->pool, 4, sizeof(ngx_neap_pair)) != NGX_OK) {
        return NULL;
    }
    conf->memory_limit = NGX_CONF_UNSET_SIZE;
    conf->time_limit = NGX_CONF_UNSET_MSEC;
    conf->status_zone = NGX_CONF_UNSET_SIZE;
    return conf;
}

/* Beside the folders in which nginx keeps bodies: they are the workers' already. */
static ngx_int_t default_state(ngx_conf_t *cf, ngx_str_t *state) {
    static const char file[] = "neap/state.db";
    ngx_str_t body = ngx_string(NGX_HTTP_CLIENT_TEMP_PATH);
    u_char *end;
    while (body.len > 0 && body.data[body.len - 1] != '/') body.len--;
    state->data = ngx_pnalloc(cf->pool, body.len + sizeof file);
    if (!state->data) return NGX_ERROR;
    end = ngx_cpymem(state->data, body.data, body.len);
    ngx_memcpy(end, file, sizeof file);
    state->len = body.len + sizeof file - 1;
    return ngx_conf_full_name(cf->cycle, state, 0);
}

static char *init_main(ngx_conf_t *cf, void *data) {
    ngx_neap_main_conf *conf = data;
    ngx_conf_init_size_value(conf->memory_limit, MEMORY_LIMIT);
    ngx_conf_init_msec_value(conf->time_limit, TIME_LIMIT_MS);
    ngx_conf_init_size_value(conf->status_zone, STATUS_ZONE);
    if (conf->time_limit > NGX_MAX_INT32_VALUE) return fault(cf, "neap_time_limit is too long");
    if (conf->status_zone < 8 * ngx_pagesize) return fault(cf, "neap_status_zone is too small");
    if (!conf->library.data) {
        ngx_str_set(&conf->library, ""); /* two statements */
    }
    if (!conf->state.data && default_state(cf, &conf->state) != NGX_OK) return NGX_CONF_ERROR;
    return NGX_CONF_OK;
}

static ngx_int_t make_zone(ngx_conf_t *cf) {
    ngx_neap_main_conf *conf = main_conf(cf);
    if (!conf->has_status) return NGX_OK;
    conf->zone = ngx_neap_status_zone(cf, conf->status_zone);
    return conf->zone ? NGX_OK : NGX_ERROR;
}

/* The block has been read. `nginx -t` says what otherwise a worker finds out; a start or reload does without the
 * cost of that, and without libneap in the master. */
static ngx_int_t end_block(ngx_conf_t *cf) {
    ngx_neap_main_conf *conf = main_conf(cf);
    if (make_zone(cf) != NGX_OK) return NGX_ERROR;
    if (!ngx_test_config || !conf->used) return NGX_OK;
    return ngx_neap_settings_check(conf, cf->log);
}

static void *create_location(ngx_conf_t *cf) {
    ngx_neap_location_conf *location = ngx_pcalloc(cf->pool, sizeof *location);
    if (location) location->body_limit = NGX_CONF_UNSET;
    return location;
}

/* `if` and limit_except are part of their location, others are locations of their own. The limit stands in nginx's
 * place: it is nginx that reads the body, and knows when it is too much. */
static char *merge_location(ngx_conf_t *cf, void *outer, void *inner) {
    ngx_neap_location_conf *from = outer, *to = inner;
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    if (to->handler && core->handler != to->handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "this location is answered by another directive, too, in %s:%ui",
                      to->place.file, to->place.line);
        return NGX_CONF_ERROR;
    }
    if (to->body_limit == NGX_CONF_UNSET) to->body_limit = from->body_limit;
    if ((core->noname || core->lmt_excpt) && !core->handler && !to->script) {
        to->script = from->script;
        if (core->lmt_excpt && to->script) core->handler = ngx_neap_exchange_handle;
    }
    if (to->script && to->body_limit != NGX_CONF_UNSET) core->client_max_body_size = to->body_limit;
    return NGX_CONF_OK;
}

/* --- processes -------------------------------------------------------------------------------- */

/* Makes the state file's folder and gives it to the workers' user. One that is there stays as it is: it may be a
 * shared one, such as /tmp. What fails here shows again when a script needs the file. */
static void make_state_folder(const ngx_cycle_t *cycle, const ngx_str_t *state) {
    const ngx_core_conf_t *core = (ngx_core_conf_t *)(void *)ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    u_char folder[NGX_MAX_PATH];
    size_t len = state->len;
    while (len > 1 && state->data[len - 1] != '/') len--;
    if (len < 2 || len > sizeof folder) return;
    (void)ngx_cpystrn(folder, state->data, len);
    if (mkdir((const char *)folder, 0700) == -1) {
        if (ngx_errno == NGX_EEXIST) return;
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno, "cannot make \"%s\", for neap_state", folder);
    } else if (geteuid() == 0 && chown((const char *)folder, core->user, (gid_t)-1) == -1) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno, "cannot give \"%s\" to the workers", folder);
    }
}

static ngx_int_t init_module(ngx_cycle_t *cycle) {
    ngx_neap_main_conf *conf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_neap_module);
    if (conf && conf->used && conf->state.len > 0 && !ngx_test_config) make_state_folder(cycle, &conf->state);
    return NGX_OK;
}

static ngx_http_module_t context = {
    .postconfiguration = end_block,
    .create_main_conf = create_main,
    .init_main_conf = init_main,
    .create_loc_conf = create_location,
    .merge_loc_conf = merge_location,
};

ngx_module_t ngx_http_neap_module = {
    NGX_MODULE_V1,
    .ctx = &context,
    .commands = commands,
    .type = NGX_HTTP_MODULE,
    .init_module = init_module,
    .init_process = ngx_neap_worker_open,
    .exit_process = ngx_neap_worker_close,
};
