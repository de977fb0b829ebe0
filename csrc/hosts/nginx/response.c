/* response.c: see response.h. */
#include "response.h"
#include <neap/error.h>

/* What nginx's filters and its header writer look for by themselves, and otherwise write a second time. */
static const struct {
    ngx_str_t name;
    size_t offset;
    int repeats; /* there may be several */
} known[] = {
#define PLACE(name, field) ngx_string(name), offsetof(ngx_http_headers_out_t, field)
#define KNOWN(name, field) {PLACE(name, field), 0}
    KNOWN("accept-ranges", accept_ranges),
    KNOWN("content-encoding", content_encoding),
    KNOWN("content-range", content_range),
    KNOWN("date", date),
    KNOWN("etag", etag),
    KNOWN("last-modified", last_modified),
    KNOWN("server", server),
    {PLACE("www-authenticate", www_authenticate), 1},
#undef KNOWN
#undef PLACE
};

/* RFC 9110, 7.6.1: they concern one connection, and this one is nginx's. */
static const ngx_str_t of_connection[] = {
    ngx_string("connection"), ngx_string("keep-alive"),        ngx_string("proxy-connection"), ngx_string("te"),
    ngx_string("trailer"),    ngx_string("transfer-encoding"), ngx_string("upgrade"),
};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static int is_name(const neap_field *field, const ngx_str_t *name) {
    return field->name_len == name->len && ngx_strncasecmp((u_char *)field->name, name->data, name->len) == 0;
}

static int is_literal(const neap_field *field, const char *name) {
    ngx_str_t s = {.len = ngx_strlen(name), .data = (u_char *)name};
    return is_name(field, &s);
}

static int is_of_connection(const neap_field *field) {
    size_t i;
    for (i = 0; i < COUNT(of_connection); i++) {
        if (is_name(field, &of_connection[i])) return 1;
    }
    return 0;
}

/* Ends with a zero; NULL: out of memory. */
static u_char *copy(ngx_pool_t *pool, const char *text, size_t len) {
    u_char *to = ngx_pnalloc(pool, len + 1);
    if (!to) return NULL;
    ngx_memcpy(to, text, len);
    to[len] = '\0';
    return to;
}

/* nginx adds charset and compares types by what stands before the parameters. */
static int set_content_type(ngx_http_request_t *r, const neap_field *field) {
    const char *end = memchr(field->value, ';', field->value_len);
    size_t len = end ? (size_t)(end - field->value) : field->value_len;
    ngx_str_t *type = &r->headers_out.content_type;
    type->data = copy(r->pool, field->value, field->value_len);
    if (!type->data) return NEAP_ENOMEM;
    type->len = field->value_len;
    while (len > 0 && (field->value[len - 1] == ' ' || field->value[len - 1] == '\t')) len--;
    r->headers_out.content_type_len = len;
    r->headers_out.content_type_lowcase = NULL;
    return 0;
}

/* Only where there is no body can its length not be told from it: HEAD, 304. */
static void set_content_length(ngx_http_request_t *r, const neap_field *field) {
    off_t length = ngx_atoof((u_char *)field->value, field->value_len);
    if (length == NGX_ERROR || r->headers_out.content_length_n > 0) return;
    if (r->method != NGX_HTTP_HEAD && r->headers_out.status != NGX_HTTP_NOT_MODIFIED) return;
    r->headers_out.content_length_n = length;
}

static void set_known(ngx_http_request_t *r, const neap_field *field, ngx_table_elt_t *header) {
    size_t i;
    for (i = 0; i < COUNT(known); i++) {
        ngx_table_elt_t **place = (ngx_table_elt_t **)(void *)((char *)&r->headers_out + known[i].offset);
        if (!is_name(field, &known[i].name)) continue;
        if (*place && !known[i].repeats) (*place)->hash = 0; /* the last one counts */
        *place = header;
    }
}

static int add_field(ngx_http_request_t *r, const neap_field *field) {
    ngx_table_elt_t *header;
    if (is_of_connection(field)) return 0;
    if (is_literal(field, "content-type")) return set_content_type(r, field);
    if (is_literal(field, "content-length")) {
        set_content_length(r, field);
        return 0;
    }
    header = ngx_list_push(&r->headers_out.headers);
    if (!header) return NEAP_ENOMEM;
    ngx_memzero(header, sizeof *header);
    header->key.data = copy(r->pool, field->name, field->name_len);
    header->value.data = copy(r->pool, field->value, field->value_len);
    if (!header->key.data || !header->value.data) return NEAP_ENOMEM; /* hash 0: is not sent */
    header->key.len = field->name_len;
    header->value.len = field->value_len;
    header->hash = 1;
    set_known(r, field, header);
    return 0;
}

int ngx_neap_response_set(ngx_http_request_t *r, int status, const neap_field *fields, size_t count,
                          long long length) {
    size_t i;
    if (status < 200 || status > 999) return NEAP_EINVAL;
    r->headers_out.status = (ngx_uint_t)status;
    r->headers_out.content_length_n = (off_t)length;
    r->disable_not_modified = 1; /* conditional requests are the script's */
    for (i = 0; i < count; i++) {
        int code = add_field(r, &fields[i]);
        if (code < 0) return code;
    }
    return 0;
}
