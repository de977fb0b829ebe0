/* http1_write.c: requests; see http1.h. */
#include <string.h>
#include <strings.h>

#include "http1.h"

#define AGENT "User-Agent: neap\r\n"
#define ENCODING "Accept-Encoding: gzip\r\n"
#define ACCEPT "Accept: */*\r\n"
/* More than the lines that are not the caller's take, the host's name and the target left out. */
#define OWN_MAX 192
/* Decimal digits of a size_t. */
#define DIGITS_MAX 20

/* Names of which there is a field already. */
typedef struct named {
    bool host, accept, agent, encoding;
} named;

static void note_name(named *n, const char *name, size_t len) {
    if (len == 4) n->host = n->host || strncasecmp(name, "Host", 4) == 0;
    else if (len == 6) n->accept = n->accept || strncasecmp(name, "Accept", 6) == 0;
    else if (len == 10) n->agent = n->agent || strncasecmp(name, "User-Agent", 10) == 0;
    else if (len == 15) n->encoding = n->encoding || strncasecmp(name, "Accept-Encoding", 15) == 0;
}

/* Calls are many, so room for all is made at once and text is put without looking. */
static char *put(char *at, const char *text, size_t len) {
    memcpy(at, text, len);
    return at + len;
}

static char *put_number(char *at, size_t number) {
    char digits[DIGITS_MAX];
    size_t n = 0;
    do digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (n > 0) *at++ = digits[--n];
    return at;
}

static char *put_host(char *at, const neap_url *u) {
    at = put(at, "Host: ", 6);
    if (u->ipv6) *at++ = '[';
    at = put(at, u->host.data, u->host.len);
    if (u->ipv6) *at++ = ']';
    if (u->port != (u->https ? 443 : 80)) {
        *at++ = ':';
        at = put_number(at, u->port);
    }
    return put(at, "\r\n", 2);
}

static char *put_field(char *at, const neap_field *f) {
    at = put(at, f->name, f->name_len);
    *at++ = ':';
    if (f->value_len > 0) {
        *at++ = ' ';
        at = put(at, f->value, f->value_len);
    }
    return put(at, "\r\n", 2);
}

/* The added fields, each with a line end in the place of its NUL. */
static char *put_added(char *at, const neap_buf *added) {
    size_t i, len;
    for (i = 0; i < added->len; i += len + 1) {
        len = strlen(added->data + i);
        at = put(put(at, added->data + i, len), "\r\n", 2);
    }
    return at;
}

static named find_names(const neap_http1_request *r) {
    named n = {0};
    size_t i;
    for (i = 0; i < r->field_count; i++) note_name(&n, r->fields[i].name, r->fields[i].name_len);
    for (i = 0; i < r->added->len; i += strlen(r->added->data + i) + 1) {
        note_name(&n, r->added->data + i, strcspn(r->added->data + i, ":"));
    }
    return n;
}

/* At most what is put; a line of an added field grows by one. */
static size_t room_for(const neap_http1_request *r) {
    size_t i, room = OWN_MAX + strlen(r->method) + 3 * r->url->target.len + r->url->host.len + 2 * r->added->len;
    for (i = 0; i < r->field_count; i++) room += r->fields[i].name_len + r->fields[i].value_len + 4;
    return room;
}

static bool needs_length(const neap_http1_request *r) {
    return r->has_body || strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0 ||
           strcmp(r->method, "PATCH") == 0;
}

static char *put_fields(char *at, const neap_http1_request *r) {
    named n = find_names(r);
    size_t i;
    if (!n.host) at = put_host(at, r->url);
    if (!n.accept) at = put(at, ACCEPT, sizeof ACCEPT - 1);
    for (i = 0; i < r->field_count; i++) at = put_field(at, &r->fields[i]);
    at = put_added(at, r->added);
    if (!n.agent) at = put(at, AGENT, sizeof AGENT - 1);
    if (!n.encoding) at = put(at, ENCODING, sizeof ENCODING - 1);
    if (!needs_length(r)) return at;
    at = put(at, "Content-Length: ", 16);
    return put(put_number(at, r->has_body ? r->body_len : 0), "\r\n", 2);
}

int neap_http1_write(neap_buf *out, const neap_http1_request *r) {
    char *at;
    if (neap_buf_reserve(out, room_for(r) + r->behind) < 0) return NEAP_ENOMEM;
    at = put(out->data + out->len, r->method, strlen(r->method));
    *at++ = ' ';
    out->len = (size_t)(at - out->data);
    if (neap_url_add_request_target(out, r->url) < 0) return NEAP_ENOMEM;
    at = put(out->data + out->len, " HTTP/1.1\r\n", 11);
    at = put(put_fields(at, r), "\r\n", 2);
    out->len = (size_t)(at - out->data);
    return 0;
}

bool neap_http1_keeps(const neap_http1_request *r) {
    size_t i;
    for (i = 0; i < r->field_count; i++) {
        const neap_field *f = &r->fields[i];
        if (f->name_len != 10 || strncasecmp(f->name, "Connection", 10) != 0) continue;
        if (f->value_len != 10 || strncasecmp(f->value, "keep-alive", 10) != 0) return false;
    }
    return true;
}
