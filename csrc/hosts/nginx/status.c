/* status.c: see status.h. */
#include "status.h"
#include "libneap.h"
#include "status_page.h"
#include "text.h"
#include "worker.h"

/* In shared memory, made anew by every reload: an old worker and a new one do not share a slot. */
typedef struct board {
    ngx_uint_t count; /* workers */
    size_t size;      /* of a slot, with its head */
    u_char *slots;
} board;

typedef struct slot {
    size_t len;
    u_char text[];
} slot;

/* Stands at the end of a text that was cut; the sum counts those workers. */
static const char cut_mark[] = "# HELP neap_status_cut Workers whose metrics do not fit: raise neap_status_zone\n"
                               "# TYPE neap_status_cut gauge\n"
                               "neap_status_cut 1\n";

static slot *slot_at(const board *b, ngx_uint_t i) {
    return (slot *)(void *)(b->slots + i * b->size);
}

static ngx_slab_pool_t *pool_of(const ngx_shm_zone_t *zone) {
    return (ngx_slab_pool_t *)(void *)zone->shm.addr;
}

/* --- the zone --------------------------------------------------------------------------------- */

/* Here at last it is known how many workers there will be. */
static ngx_int_t init_zone(ngx_shm_zone_t *zone, void *old) {
    ngx_cycle_t *cycle = zone->data;
    ngx_core_conf_t *core = (ngx_core_conf_t *)(void *)ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    ngx_slab_pool_t *pool = pool_of(zone);
    board *b = ngx_slab_calloc(pool, sizeof *b);
    size_t bytes = pool->pfree * ngx_pagesize;
    ngx_uint_t i;
    (void)old;
    if (!b) return NGX_ERROR;
    b->count = (ngx_uint_t)ngx_max(core->worker_processes, 1);
    b->size = bytes / b->count / 64 * 64; /* aligned */
    b->slots = b->size > sizeof(slot) + sizeof cut_mark ? ngx_slab_alloc(pool, b->size * b->count) : NULL;
    if (!b->slots) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "neap_status_zone is too small for %ui workers", b->count);
        return NGX_ERROR;
    }
    for (i = 0; i < b->count; i++) slot_at(b, i)->len = 0; /* the rest is not touched before it is used */
    zone->data = b;
    return NGX_OK;
}

ngx_shm_zone_t *ngx_neap_status_zone(ngx_conf_t *cf, size_t size) {
    ngx_str_t name = ngx_string("neap_status");
    ngx_shm_zone_t *zone = ngx_shared_memory_add(cf, &name, size, &ngx_http_neap_module);
    if (!zone) return NULL;
    zone->init = init_zone;
    zone->data = cf->cycle;
    zone->noreuse = 1;
    return zone;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* How much of a text fits, whole lines. */
static size_t fitting(const ngx_neap_text *text, size_t room) {
    size_t len = room - (sizeof cut_mark - 1);
    while (len > 0 && text->data[len - 1] != '\n') len--;
    return len;
}

static void put(const ngx_shm_zone_t *zone, slot *s, size_t room, const ngx_neap_text *text) {
    int is_cut = text->len > room;
    size_t len = is_cut ? fitting(text, room) : text->len;
    ngx_shmtx_lock(&pool_of(zone)->mutex);
    ngx_memcpy(s->text, text->data, len);
    if (is_cut) ngx_memcpy(s->text + len, cut_mark, sizeof cut_mark - 1);
    s->len = is_cut ? len + sizeof cut_mark - 1 : len;
    ngx_shmtx_unlock(&pool_of(zone)->mutex);
}

void ngx_neap_status_write(ngx_shm_zone_t *zone, neap *n) {
    board *b = zone->data;
    ngx_pool_t *pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    ngx_neap_text text = {.pool = pool};
    if (!pool) return;
    if (ngx_worker < b->count && ngx_neap.write_metrics(n, ngx_neap_text_add, &text) == 0 && !text.failed) {
        put(zone, slot_at(b, ngx_worker), b->size - sizeof(slot), &text);
    }
    ngx_destroy_pool(pool);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Copies the texts of all workers: the lock is short. */
static ngx_int_t read_slots(const ngx_shm_zone_t *zone, ngx_pool_t *pool, const char **texts, size_t *lens) {
    const board *b = zone->data;
    ngx_int_t rc = NGX_OK;
    ngx_uint_t i;
    ngx_shmtx_lock(&pool_of(zone)->mutex);
    for (i = 0; i < b->count; i++) {
        const slot *s = slot_at(b, i);
        u_char *copy = ngx_pnalloc(pool, s->len + 1);
        if (!copy) {
            rc = NGX_ERROR;
            break;
        }
        ngx_memcpy(copy, s->text, s->len);
        texts[i] = (const char *)copy;
        lens[i] = s->len;
    }
    ngx_shmtx_unlock(&pool_of(zone)->mutex);
    return rc;
}

static ngx_int_t sum(const ngx_shm_zone_t *zone, ngx_neap_text *out) {
    const board *b = zone->data;
    const char **texts = ngx_pcalloc(out->pool, b->count * sizeof *texts);
    size_t *lens = ngx_pcalloc(out->pool, b->count * sizeof *lens);
    if (!texts || !lens || read_slots(zone, out->pool, texts, lens) != NGX_OK) return NGX_ERROR;
    if (ngx_neap.sum_metrics(texts, lens, b->count, ngx_neap_text_add, out) < 0) return NGX_ERROR;
    return out->failed ? NGX_ERROR : NGX_OK;
}

/* --- the location ----------------------------------------------------------------------------- */

static int wants_page(const ngx_http_request_t *r) {
    const ngx_list_part_t *part;
    for (part = &r->headers_in.headers.part; part; part = part->next) {
        ngx_table_elt_t *header = part->elts;
        ngx_uint_t i;
        for (i = 0; i < part->nelts; i++) {
            if (header[i].key.len != 6 || ngx_strncasecmp(header[i].key.data, (u_char *)"accept", 6) != 0) continue;
            if (ngx_strlcasestrn(header[i].value.data, header[i].value.data + header[i].value.len,
                                 (u_char *)"text/html", 9 - 1)) {
                return 1;
            }
        }
    }
    return 0;
}

static ngx_int_t send_text(ngx_http_request_t *r, const ngx_neap_text *text) {
    ngx_chain_t out = {.buf = ngx_calloc_buf(r->pool)};
    ngx_int_t rc;
    if (!out.buf) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (off_t)text->len;
    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) return rc;
    out.buf->pos = out.buf->start = text->data;
    out.buf->last = out.buf->end = text->data + text->len;
    out.buf->memory = text->len > 0;
    out.buf->last_buf = r == r->main;
    out.buf->last_in_chain = 1;
    return ngx_http_output_filter(r, &out);
}

ngx_int_t ngx_neap_status_handle(ngx_http_request_t *r) {
    static const ngx_str_t plain = ngx_string("text/plain; version=0.0.4; charset=utf-8");
    static const ngx_str_t html = ngx_string("text/html; charset=utf-8");
    ngx_neap_main_conf *conf = ngx_http_get_module_main_conf(r, ngx_http_neap_module);
    neap *n = ngx_neap_worker_runtime(conf);
    ngx_neap_text metrics = {.pool = r->pool}, page = {.pool = r->pool};
    ngx_int_t rc;
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) return NGX_HTTP_NOT_ALLOWED;
    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) return rc;
    if (!n) return NGX_HTTP_SERVICE_UNAVAILABLE;
    ngx_neap_status_write(conf->zone, n);
    if (sum(conf->zone, &metrics) != NGX_OK) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (wants_page(r)) ngx_neap_status_page(&page, &metrics);
    r->headers_out.content_type = page.len > 0 ? html : plain;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    return page.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR : send_text(r, page.len > 0 ? &page : &metrics);
}
