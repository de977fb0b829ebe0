/* settings.c: see settings.h. */
#include "settings.h"
#include "libneap.h"
#include "source.h"

/* --- the log ---------------------------------------------------------------------------------- */

#define LOG_PIECE 1900 /* nginx cuts a line at 2048 bytes, with time and process in front */

static ngx_uint_t nginx_level(neap_level level) {
    switch (level) {
    case NEAP_ERROR: return NGX_LOG_ERR;
    case NEAP_WARN: return NGX_LOG_WARN;
    case NEAP_INFO: return NGX_LOG_INFO;
    default: return NGX_LOG_DEBUG;
    }
}

/* What libneap need not even write, since nobody reads it. */
static int neap_log_level(const ngx_log_t *log) {
    if (log->log_level >= NGX_LOG_DEBUG) return NEAP_DEBUG;
    if (log->log_level >= NGX_LOG_INFO) return NEAP_INFO;
    return log->log_level >= NGX_LOG_WARN ? NEAP_WARN : NEAP_ERROR;
}

/* What is wrong is an error of a worker, and the end of `nginx -t`. */
static ngx_uint_t fault_level(void) {
    if (ngx_test_config) return NGX_LOG_EMERG;
    return NGX_LOG_ERR;
}

/* Tells a fault: "what NAME: why in FILE:LINE". */
static void tell_fault(ngx_log_t *log, const ngx_neap_place *place, const char *what, const ngx_str_t *name,
                       const char *why) {
    if (place->file) {
        ngx_log_error(fault_level(), log, 0, "%s \"%V\": %s in %s:%ui", what, name, why, place->file, place->line);
    } else {
        ngx_log_error(fault_level(), log, 0, "%s \"%V\": %s", what, name, why);
    }
}

static void on_log(void *ud, neap_level level, const char *line, size_t len) {
    ngx_uint_t nginx = nginx_level(level);
    (void)ud;
    do {
        size_t piece = len < LOG_PIECE ? len : LOG_PIECE;
        ngx_log_error(nginx, ngx_cycle->log, 0, "neap: %*s", piece, line);
        line += piece;
        len -= piece;
    } while (len > 0);
}

/* --- settings --------------------------------------------------------------------------------- */

#define TEXT(s) ((const char *)(s).data)

static ngx_int_t add_path(neap *n, const char *dir, const ngx_str_t *name, const ngx_neap_place *place,
                          ngx_log_t *log) {
    if (ngx_neap.add_path(n, dir) == 0) return NGX_OK;
    tell_fault(log, place, "neap_path", name, ngx_neap.message(n));
    return NGX_ERROR;
}

static ngx_int_t add_folder_of(neap *n, const ngx_neap_source *source, ngx_log_t *log) {
    u_char folder[NGX_MAX_PATH];
    size_t len = source->name.len;
    while (len > 1 && source->name.data[len - 1] != '/') len--;
    if (len >= sizeof folder) return NGX_OK;
    (void)ngx_cpystrn(folder, source->name.data, len > 1 ? len : 2);
    return add_path(n, (const char *)folder, &source->name, &source->place, log);
}

/* neap_path; then the scripts' own folders, for their vendors/. */
static ngx_int_t add_paths(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log) {
    ngx_neap_path *paths = conf->paths.elts;
    ngx_neap_source **sources = conf->sources.elts;
    ngx_int_t result = NGX_OK;
    ngx_uint_t i;
    for (i = 0; i < conf->paths.nelts; i++) {
        if (add_path(n, TEXT(paths[i].dir), &paths[i].dir, &paths[i].place, log) != NGX_OK) result = NGX_ERROR;
    }
    for (i = 0; i < conf->sources.nelts; i++) {
        if (add_folder_of(n, sources[i], log) != NGX_OK) result = NGX_ERROR;
    }
    return result;
}

static ngx_int_t set_settings(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log) {
    ngx_neap_pair *settings = conf->settings.elts;
    ngx_int_t result = NGX_OK;
    ngx_uint_t i;
    for (i = 0; i < conf->settings.nelts; i++) {
        if (ngx_neap.set(n, TEXT(settings[i].name), TEXT(settings[i].value)) == 0) continue;
        tell_fault(log, &settings[i].place, "neap_setting", &settings[i].name, ngx_neap.message(n));
        result = NGX_ERROR;
    }
    return result;
}

static ngx_int_t set_secrets(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log) {
    ngx_neap_pair *secrets = conf->secrets.elts;
    ngx_int_t result = NGX_OK;
    ngx_uint_t i;
    for (i = 0; i < conf->secrets.nelts; i++) {
        int code = ngx_neap.set_secret(n, TEXT(secrets[i].name), TEXT(secrets[i].value), secrets[i].value.len);
        ngx_neap_secret_wipe(&secrets[i].value);
        if (code == 0) continue;
        tell_fault(log, &secrets[i].place, "neap_secret", &secrets[i].name, ngx_neap.message(n));
        result = NGX_ERROR;
    }
    return result;
}

/* Vendors that settings name are looked for in the paths. */
static ngx_int_t set_all(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log) {
    ngx_int_t paths = add_paths(n, conf, log);
    ngx_int_t settings = set_settings(n, conf, log);
    ngx_int_t secrets = set_secrets(n, conf, log);
    return paths == NGX_OK && settings == NGX_OK && secrets == NGX_OK ? NGX_OK : NGX_ERROR;
}

static ngx_int_t open_library(const ngx_neap_main_conf *conf, ngx_log_t *log) {
    static const ngx_str_t installed = ngx_string(NEAP_LIBRARY_FILE);
    const char *fault = ngx_neap_library_open(TEXT(conf->library));
    if (!fault) return NGX_OK;
    tell_fault(log, &conf->library_place, "neap_library", conf->library.len > 0 ? &conf->library : &installed, fault);
    return NGX_ERROR;
}

/* Without settings. */
static neap *open_runtime(const ngx_neap_main_conf *conf, ngx_log_t *log) {
    neap_options options = {
        .memory_limit = conf->memory_limit,
        .time_limit_ms = (int)conf->time_limit,
        .state = TEXT(conf->state),
        .log = on_log,
        .log_level = neap_log_level(log),
    };
    neap *n = NULL;
    int code = open_library(conf, log) == NGX_OK ? ngx_neap.new(&n, &options) : 0;
    if (code < 0) {
        ngx_log_error(fault_level(), log, 0,
                      "neap: no runtime (%d): descriptors, or memory (neap_memory_limit is %uz bytes) are short", code,
                      conf->memory_limit);
    }
    return n;
}

neap *ngx_neap_settings_open(ngx_neap_main_conf *conf, ngx_log_t *log) {
    neap *n = open_runtime(conf, log);
    if (!n || set_all(n, conf, log) == NGX_OK) return n;
    ngx_neap.free(n);
    return NULL;
}

/* --- scripts ---------------------------------------------------------------------------------- */

static ngx_int_t load(neap *n, ngx_neap_source *source, ngx_log_t *log) {
    source->script = 0;
    if (ngx_neap.load(n, TEXT(source->name), TEXT(source->text), source->text.len, &source->script) == 0) {
        return NGX_OK;
    }
    source->script = 0;
    tell_fault(log, &source->place, "neap: script", &source->name, ngx_neap.message(n));
    return NGX_ERROR;
}

static ngx_int_t load_all(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log) {
    ngx_neap_source **sources = conf->sources.elts;
    ngx_int_t result = NGX_OK;
    ngx_uint_t i;
    for (i = 0; i < conf->sources.nelts; i++) {
        if (load(n, sources[i], log) != NGX_OK) result = NGX_ERROR;
    }
    return result;
}

ngx_int_t ngx_neap_settings_check(ngx_neap_main_conf *conf, ngx_log_t *log) {
    neap *n = open_runtime(conf, log);
    ngx_int_t settings, scripts;
    if (!n) return NGX_ERROR;
    settings = set_all(n, conf, log);
    scripts = load_all(n, conf, log);
    ngx_neap.free(n);
    return settings == NGX_OK && scripts == NGX_OK ? NGX_OK : NGX_ERROR;
}

ngx_int_t ngx_neap_settings_load(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log) {
    (void)load_all(n, conf, log);
    if (!conf->init) return NGX_OK;
    if (conf->init->script == 0) return NGX_ERROR;
    if (ngx_neap.init(n, conf->init->script) == 0) return NGX_OK;
    ngx_log_error(NGX_LOG_ERR, log, 0, "neap_init \"%V\": %s", &conf->init->name, ngx_neap.message(n));
    return NGX_ERROR;
}

void ngx_neap_settings_open_scripts(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log) {
    ngx_neap_source **sources = conf->sources.elts;
    ngx_uint_t i;
    for (i = 0; i < conf->sources.nelts; i++) {
        const ngx_neap_source *source = sources[i];
        if (source->answers && source->script && ngx_neap.open(n, source->script) < 0) {
            ngx_log_error(NGX_LOG_ERR, log, 0, "neap_script \"%V\": %s", &source->name, ngx_neap.message(n));
        }
    }
}

/* One that has ended says how; being cancelled is how it ends with the worker. */
static void on_task_done(void *ud, const neap_result *result) {
    const ngx_neap_source *source = ud;
    if (result->code == 0) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0, "neap_task \"%V\" has ended", &source->name);
    } else if (result->code != NEAP_ECANCELLED) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "neap_task \"%V\" failed: %*s", &source->name, result->len,
                      result->text);
        if (result->trace) on_log(NULL, NEAP_ERROR, result->trace, ngx_strlen(result->trace));
    }
}

void ngx_neap_settings_start_tasks(neap *n, ngx_neap_main_conf *conf, ngx_log_t *log) {
    ngx_neap_source **tasks = conf->tasks.elts;
    ngx_uint_t i;
    for (i = 0; i < conf->tasks.nelts; i++) {
        neap_task *task = tasks[i]->script ? ngx_neap.start(n, tasks[i]->script, NULL, on_task_done, tasks[i]) : NULL;
        if (task) {
            ngx_neap.background(task);
        } else if (tasks[i]->script) {
            ngx_log_error(NGX_LOG_ERR, log, 0, "neap_task \"%V\": %s", &tasks[i]->name, ngx_neap.message(n));
        }
    }
}
