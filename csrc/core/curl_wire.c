/* curl_wire.c: see curl_wire.h. */
#include "curl_wire.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "curl_fail.h"
#include "curl_multi.h"

/* libcurl adds `Expect: 100-continue` to bodies beyond this (lib/http.h EXPECT_100_THRESHOLD). */
#define EXPECT_BEYOND ((size_t)1024 * 1024)
/* More than the lines of add_own take. */
#define OWN_MAX 128

/* --- the request ------------------------------------------------------------------------------- */

static int add_line(neap_buf *b, const neap_field *f) {
    int rc = neap_buf_reserve(b, f->name_len + f->value_len + 3);
    if (rc == 0) rc = neap_buf_add(b, f->name, f->name_len);
    if (rc == 0 && f->value_len == 0) return neap_buf_add(b, ";", 2); /* libcurl for "no value" */
    if (rc == 0) rc = neap_buf_add(b, ": ", 2);
    if (rc == 0) rc = neap_buf_add(b, f->value, f->value_len);
    return rc == 0 ? neap_buf_add(b, "", 1) : rc;
}

static bool is_any(const char *s, const char *a, const char *b, const char *c) {
    return strcmp(s, a) == 0 || strcmp(s, b) == 0 || strcmp(s, c) == 0;
}

/* POST, PUT and PATCH say `Content-Length: 0` if they have no body (RFC 9110 8.6). */
static bool is_post(const neap_request *req) {
    return req->body != NULL || is_any(req->method, "POST", "PUT", "PATCH");
}

/* Is there a line of this name, which ends in a colon (or a semicolon, see add_line)? */
static bool has_line(const neap_curl_wire *w, const char *name, size_t len) {
    size_t at;
    for (at = 0; at < w->text.len; at += strlen(w->text.data + at) + 1) {
        const char *line = w->text.data + at;
        if (strncasecmp(line, name, len) == 0 && (line[len] == ':' || line[len] == ';')) return true;
    }
    return false;
}

/* The lines that Neap adds itself unless there is one of that name. Lines, for libcurl's options of
 * these names would be printed twice for each request, at 100 instructions a character. */
static int add_own(neap_curl_wire *w) {
    static const char agent[] = "User-Agent: neap", encoding[] = "Accept-Encoding: gzip";
    static const char no_type[] = "Content-Type:", no_expect[] = "Expect:";
    const neap_request *req = &w->t->req;
    neap_buf *b = &w->text;
    int rc = 0;
    if (!has_line(w, agent, 10)) rc = neap_buf_add(b, agent, sizeof agent);
    if (rc == 0 && !has_line(w, encoding, 15)) rc = neap_buf_add(b, encoding, sizeof encoding);
    if (rc == 0 && is_post(req) && !has_line(w, no_type, 12)) {
        rc = neap_buf_add(b, no_type, sizeof no_type); /* or it says form data */
    }
    if (rc == 0 && req->body_len > EXPECT_BEYOND) rc = neap_buf_add(b, no_expect, sizeof no_expect);
    return rc;
}

/* The list that libcurl wants, over the lines, which must not move any more. */
static int set_nodes(neap_curl_wire *w) {
    struct curl_slist node = {NULL, NULL}, *nodes;
    size_t at, i, count;
    w->nodes.len = 0;
    for (at = 0; at < w->text.len; at += strlen(node.data) + 1) {
        node.data = w->text.data + at;
        if (neap_buf_add(&w->nodes, &node, sizeof node) < 0) return NEAP_ENOMEM;
    }
    nodes = (struct curl_slist *)(void *)w->nodes.data;
    count = w->nodes.len / sizeof node;
    for (i = 0; i + 1 < count; i++) nodes[i].next = &nodes[i + 1];
    return 0;
}

/* Header lines for libcurl, one buffer for text and one for nodes, both reused. There is room before
 * a secret goes in: growing would leave a copy behind. */
static int set_headers(neap_curl_wire *w) {
    const neap_request *req = &w->t->req;
    const neap_buf *applied = &w->t->applied.headers;
    size_t i;
    int rc = 0;
    w->text.len = 0;
    for (i = 0; i < req->field_count && rc == 0; i++) rc = add_line(&w->text, &req->fields[i]);
    if (rc == 0) rc = neap_buf_reserve(&w->text, applied->len + OWN_MAX);
    if (rc == 0) rc = neap_buf_add(&w->text, applied->data, applied->len);
    if (rc == 0) rc = add_own(w);
    if (rc == 0) rc = set_nodes(w);
    if (rc < 0) return rc;
    /* never empty: one of the lines of add_own, or of those it gave way to */
    curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, (struct curl_slist *)(void *)w->nodes.data);
    return 0;
}

/* Method and body. */
static CURLcode set_method(neap_curl_wire *w) {
    const neap_request *req = &w->t->req;
    const char *method = req->method;
    CURL *e = w->easy;
    if (is_post(req)) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, req->body != NULL ? req->body : "");
        if (strcmp(method, "POST") == 0) method = NULL;
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
        method = NULL;
    } else {
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
        if (strcmp(method, "GET") == 0) method = NULL;
    }
    return curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
}

static void set_connect_timeout(neap_curl_wire *w) {
    long ms = neap_curl_connect_ms(&w->t->req.timeouts);
    if (ms == w->connect_ms) return;
    curl_easy_setopt(w->easy, CURLOPT_CONNECTTIMEOUT_MS, ms);
    w->connect_ms = ms;
}

/* Calls of one endpoint often go to one URL: then its parts are there. */
static int set_url(neap_curl_wire *w) {
    const char *url = w->t->req.url;
    size_t size = strlen(url) + 1;
    CURLUcode rc;
    if (w->url.len == size && memcmp(w->url.data, url, size) == 0) return 0;
    w->url.len = 0;
    rc = curl_url_set(w->parts, CURLUPART_URL, url, 0);
    if (rc != CURLUE_OK) return rc == CURLUE_OUT_OF_MEMORY ? NEAP_ENOMEM : NEAP_EINVAL;
    return neap_buf_add(&w->url, url, size);
}

int neap_curl_wire_fill(neap_curl_wire *w) {
    int rc = set_url(w);
    if (rc < 0) return rc;
    set_connect_timeout(w);
    return set_method(w) == CURLE_OK && set_headers(w) == 0 ? 0 : NEAP_ENOMEM;
}

void neap_curl_wire_wipe(neap_curl_wire *w) {
    neap_secret_wipe(w->text.data, w->text.cap);
    w->text.len = 0;
    if (w->t->applied.url.len == 0) return;
    neap_buf_wipe(&w->url);
    curl_url_set(w->parts, CURLUPART_QUERY, NULL, 0);
    curl_easy_setopt(w->easy, CURLOPT_URL, NULL); /* its own copy of the first URL */
}

/* --- its end ----------------------------------------------------------------------------------- */

static void fail_cut(neap_curl_wire *w) {
    curl_off_t got = 0, length = -1;
    curl_easy_getinfo(w->easy, CURLINFO_SIZE_DOWNLOAD_T, &got);
    curl_easy_getinfo(w->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    neap_transfer__cut(w->t, got, length);
}

/* After departure: whatever happened, the server may have acted. */
static void fail_reply(neap_curl_wire *w, CURLcode rc) {
    neap_transfer *t = w->t;
    if (t->end.code == NEAP_EDECODE || t->end.code == NEAP_ETOOLARGE) return; /* given up by the front, not cut */
    if (rc == CURLE_BAD_CONTENT_ENCODING) {
        neap_transfer__fail(t, NEAP_EDECODE, "reply has a transfer coding other than chunked");
    } else if (rc == CURLE_WEIRD_SERVER_REPLY || rc == CURLE_UNSUPPORTED_PROTOCOL) {
        neap_transfer__fail(t, NEAP_ENETWORK, "the server does not answer in HTTP");
    } else if (t->head.status == 0 && strstr(w->error, " alert ") != NULL) {
        /* TLS 1.3 servers refuse a client's certificate after the handshake (RFC 8446 4.4.2.4). */
        neap_transfer__fail(t, NEAP_ETLS, "TLS refused by the server: %s", w->error);
    } else if (t->head.complete) {
        fail_cut(w);
    } else if (t->head.status >= 200) {
        t->cut = true;
        neap_transfer__fail(t, NEAP_ENETWORK, "reply cut short in its header");
    } else {
        neap_transfer__fail(t, NEAP_ENETWORK, "connection lost after the request was sent");
    }
}

/* Did any of the request leave? libcurl may have had a connection that was dead already. */
static bool was_sent(const neap_curl_wire *w) {
    long sent = 0;
    curl_easy_getinfo(w->easy, CURLINFO_REQUEST_SIZE, &sent);
    return sent > 0;
}

void neap_curl_wire_fail(neap_curl_wire *w, CURLcode rc) {
    if (w->t->departed && !was_sent(w)) w->t->departed = false;
    if (rc == CURLE_OUT_OF_MEMORY && w->t->departed && !w->t->head.complete) {
        /* libcurl's word for a line of the header beyond 100 KiB, too. */
        neap_transfer__fail(w->t, NEAP_ETOOLARGE, "reply header too large");
    } else if (rc == CURLE_OUT_OF_MEMORY) {
        neap_transfer__fail(w->t, NEAP_ENOMEM, "not enough memory");
    } else if (w->t->departed) {
        fail_reply(w, rc);
    } else {
        neap_curl_fail_connect(w->t, w->easy, rc, w->error, w->connect_ms);
    }
}
