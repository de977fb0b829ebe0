/* request.c: see request.h. */
#include "request.h"

static const char *copy(ngx_http_request_t *r, const ngx_str_t *text) {
    u_char *to = ngx_pnalloc(r->pool, text->len + 1);
    if (!to) return NULL;
    ngx_memcpy(to, text->data, text->len);
    to[text->len] = '\0';
    return (const char *)to;
}

/* As sent; but where nginx has rewritten it, or made the request itself, what it is now. */
static const char *target_of(ngx_http_request_t *r) {
    size_t escapes, len;
    u_char *to, *end;
    if (r == r->main && r->valid_unparsed_uri) return copy(r, &r->unparsed_uri);
    escapes = 2 * (size_t)ngx_escape_uri(NULL, r->uri.data, r->uri.len, NGX_ESCAPE_URI);
    len = r->uri.len + escapes + 1 + r->args.len;
    to = ngx_pnalloc(r->pool, len + 1);
    if (!to) return NULL;
    (void)ngx_escape_uri(to, r->uri.data, r->uri.len, NGX_ESCAPE_URI);
    end = to + r->uri.len + escapes;
    if (r->args.len > 0) {
        *end++ = '?';
        end = ngx_cpymem(end, r->args.data, r->args.len);
    }
    *end = '\0';
    return (const char *)to;
}

static const char *scheme_of(const ngx_http_request_t *r) {
#if (NGX_HTTP_SSL)
    if (r->connection->ssl) return "https";
#endif
    (void)r;
    return "http";
}

static size_t count_fields(const ngx_list_t *headers) {
    const ngx_list_part_t *part;
    size_t count = 0;
    for (part = &headers->part; part; part = part->next) count += part->nelts;
    return count;
}

static ngx_int_t fill_fields(ngx_http_request_t *r, neap_exchange *exchange) {
    const ngx_list_part_t *part;
    size_t count = count_fields(&r->headers_in.headers), n = 0;
    neap_field *fields = ngx_palloc(r->pool, (count + 1) * sizeof *fields);
    if (!fields) return NGX_ERROR;
    for (part = &r->headers_in.headers.part; part; part = part->next) {
        const ngx_table_elt_t *header = part->elts;
        ngx_uint_t i;
        for (i = 0; i < part->nelts; i++) {
            fields[n++] = (neap_field){
                .name = (const char *)header[i].key.data,
                .name_len = header[i].key.len,
                .value = (const char *)header[i].value.data,
                .value_len = header[i].value.len,
            };
        }
    }
    exchange->fields = fields;
    exchange->field_count = n;
    return NGX_OK;
}

/* --- the body --------------------------------------------------------------------------------- */

static size_t memory_size(const ngx_chain_t *chain) {
    size_t size = 0;
    for (; chain; chain = chain->next) size += (size_t)(chain->buf->last - chain->buf->pos);
    return size;
}

/* The last buffer may be a mere mark, without memory. */
static ngx_int_t join(ngx_http_request_t *r, const ngx_chain_t *chain, neap_exchange *exchange) {
    size_t size = memory_size(chain);
    u_char *body = ngx_palloc(r->pool, size + 1), *end = body;
    if (!body) return NGX_ERROR;
    for (; chain; chain = chain->next) {
        size_t len = (size_t)(chain->buf->last - chain->buf->pos);
        if (len > 0) end = ngx_cpymem(end, chain->buf->pos, len);
    }
    if (size == 0) return NGX_OK;
    exchange->body = (const char *)body;
    exchange->body_len = size;
    return NGX_OK;
}

static ngx_int_t fill_body(ngx_http_request_t *r, neap_exchange *exchange) {
    const ngx_chain_t *chain;
    if (!r->request_body || !r->request_body->bufs) return NGX_OK;
    if (r->request_body->temp_file) {
        exchange->body_path = (const char *)r->request_body->temp_file->file.name.data;
        return NGX_OK;
    }
    chain = r->request_body->bufs;
    if (chain->next) return join(r, chain, exchange);
    exchange->body = (const char *)chain->buf->pos;
    exchange->body_len = (size_t)(chain->buf->last - chain->buf->pos);
    return NGX_OK;
}

ngx_int_t ngx_neap_request_fill(ngx_http_request_t *r, neap_exchange *exchange) {
    exchange->method = copy(r, &r->method_name);
    exchange->target = target_of(r);
    exchange->client = copy(r, &r->connection->addr_text);
    exchange->scheme = scheme_of(r);
    if (!exchange->method || !exchange->target || !exchange->client) return NGX_ERROR;
    if (fill_fields(r, exchange) != NGX_OK) return NGX_ERROR;
    return fill_body(r, exchange);
}
