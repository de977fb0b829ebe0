/* source.c: see source.h. */
#include "source.h"
#include <sys/mman.h>

#define SOURCE_MAX ((off_t)16 << 20) /* bytes: whatever is larger is no script */
#define SECRET_MAX ((off_t)64 << 10)

/* Blocks are in files: -g takes none. */
ngx_neap_place ngx_neap_place_of(ngx_conf_t *cf) {
    return (ngx_neap_place){.file = (const char *)cf->conf_file->file.name.data, .line = cf->conf_file->line};
}

/* Opens a regular file that is not larger than `max`; its size. -1: told in the log. */
static ngx_fd_t open_file(ngx_conf_t *cf, const ngx_str_t *path, off_t max, size_t *size) {
    ngx_file_info_t info;
    /* Without O_NONBLOCK a named pipe would hold up the master. */
    ngx_fd_t fd = ngx_open_file(path->data, NGX_FILE_RDONLY | O_NONBLOCK | O_CLOEXEC, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE || ngx_fd_info(fd, &info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "cannot read \"%V\"", path);
    } else if (!ngx_is_file(&info)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is no file", path);
    } else if (ngx_file_size(&info) > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is larger than %O bytes", path, max);
    } else {
        *size = (size_t)ngx_file_size(&info);
        return fd;
    }
    if (fd != NGX_INVALID_FILE) (void)ngx_close_file(fd);
    return NGX_INVALID_FILE;
}

/* Reads at most `size` bytes, as many as there are. NGX_ERROR: told in the log. */
static ssize_t read_all(ngx_conf_t *cf, ngx_fd_t fd, const ngx_str_t *path, u_char *to, size_t size) {
    size_t len = 0;
    while (len < size) {
        ssize_t n = ngx_read_fd(fd, to + len, size - len);
        if (n == -1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "cannot read \"%V\"", path);
            return NGX_ERROR;
        }
        if (n == 0) break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

/* --- scripts ---------------------------------------------------------------------------------- */

static ngx_int_t read_source(ngx_conf_t *cf, ngx_neap_source *source) {
    size_t size;
    ssize_t len;
    ngx_fd_t fd = open_file(cf, &source->name, SOURCE_MAX, &size);
    if (fd == NGX_INVALID_FILE) return NGX_ERROR;
    source->text.data = ngx_pnalloc(cf->pool, size + 1);
    len = source->text.data ? read_all(cf, fd, &source->name, source->text.data, size) : NGX_ERROR;
    (void)ngx_close_file(fd);
    if (len < 0) return NGX_ERROR;
    source->text.data[len] = '\0';
    source->text.len = (size_t)len;
    return NGX_OK;
}

static ngx_neap_source *find_source(ngx_array_t *list, const ngx_str_t *path) {
    ngx_neap_source **sources = list->elts;
    ngx_uint_t i;
    for (i = 0; i < list->nelts; i++) {
        if (sources[i]->name.len == path->len && ngx_memcmp(sources[i]->name.data, path->data, path->len) == 0) {
            return sources[i];
        }
    }
    return NULL;
}

ngx_neap_source *ngx_neap_source_get(ngx_conf_t *cf, ngx_array_t *list, const ngx_str_t *name) {
    ngx_neap_source *source, **entry;
    ngx_str_t path = *name;
    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) return NULL;
    source = find_source(list, &path);
    if (source) return source;
    source = ngx_pcalloc(cf->pool, sizeof *source);
    if (!source) return NULL;
    source->name = path;
    source->place = ngx_neap_place_of(cf);
    if (read_source(cf, source) != NGX_OK) return NULL;
    entry = ngx_array_push(list);
    if (!entry) return NULL;
    *entry = source;
    return source;
}

/* --- secrets ---------------------------------------------------------------------------------- */

/* Memory of its own, so that it can be kept out of core files and swap. */
typedef struct vault {
    u_char *bytes;
    size_t size;
} vault;

static void vault_wipe(void *data) {
    vault *v = data;
    explicit_bzero(v->bytes, v->size);
    (void)munmap(v->bytes, v->size);
}

static u_char *vault_new(ngx_conf_t *cf, size_t size) {
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, sizeof(vault));
    void *bytes;
    if (!cleanup) return NULL;
    bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "no memory for a secret");
        return NULL;
    }
    (void)madvise(bytes, size, MADV_DONTDUMP);
    (void)mlock(bytes, size); /* best effort: the limit may be low */
    *(vault *)cleanup->data = (vault){.bytes = bytes, .size = size};
    cleanup->handler = vault_wipe;
    return bytes;
}

static char *read_secret_file(ngx_conf_t *cf, ngx_str_t path, ngx_str_t *value) {
    size_t size;
    ssize_t len;
    ngx_fd_t fd;
    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) return NGX_CONF_ERROR;
    fd = open_file(cf, &path, SECRET_MAX, &size);
    if (fd == NGX_INVALID_FILE) return NGX_CONF_ERROR;
    value->data = vault_new(cf, size + 1);
    len = value->data ? read_all(cf, fd, &path, value->data, size) : NGX_ERROR;
    (void)ngx_close_file(fd);
    if (len < 0) return NGX_CONF_ERROR;
    value->len = (size_t)len;
    if (len > 0 && value->data[len - 1] == '\n') value->len--;
    if (value->len > 0) return NGX_CONF_OK;
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is empty", &path);
    return NGX_CONF_ERROR;
}

/* `nginx -s` reads the configuration, too, and needs no secret: its environment is not the master's. */
static char *read_secret_variable(ngx_conf_t *cf, const u_char *name, ngx_str_t *value) {
    const char *text = getenv((const char *)name);
    if (ngx_process == NGX_PROCESS_SIGNALLER) return NGX_CONF_OK;
    if (!text || text[0] == '\0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the environment of nginx has no %s: set it for this command, too (nginx -t reads its own), "
                           "or give the secret as file:PATH", name);
        return NGX_CONF_ERROR;
    }
    value->len = ngx_strlen(text);
    value->data = vault_new(cf, value->len);
    if (!value->data) return NGX_CONF_ERROR;
    ngx_memcpy(value->data, text, value->len);
    return NGX_CONF_OK;
}

char *ngx_neap_secret_read(ngx_conf_t *cf, const ngx_str_t *reference, ngx_str_t *value) {
    if (reference->len > 4 && ngx_strncmp(reference->data, "env:", 4) == 0) {
        return read_secret_variable(cf, reference->data + 4, value);
    }
    if (reference->len > 5 && ngx_strncmp(reference->data, "file:", 5) == 0) {
        ngx_str_t path = {.len = reference->len - 5, .data = reference->data + 5};
        return read_secret_file(cf, path, value);
    }
    /* What was given instead may be the secret itself. */
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "a secret is given as env:NAME or file:PATH, not as it is");
    return NGX_CONF_ERROR;
}

void ngx_neap_secret_wipe(ngx_str_t *value) {
    explicit_bzero(value->data, value->len);
    value->len = 0;
}
