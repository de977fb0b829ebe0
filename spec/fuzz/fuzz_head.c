/* fuzz_head.c: header fields. A reply's head, line by line, has trimmed fields within its text, and
 * what is read is written and read again as the same; a request's field that is taken arrives as it
 * is. The input is both: lines, and "Name:value". */
#include <string.h>

#include "core/head.h"
#include "core/transfer.h"
#include "fuzz.h"

static void read_lines(neap_head *h, const char *text, size_t size) {
    const char *end = text + size;
    while (text < end) {
        const char *line = memchr(text, '\n', (size_t)(end - text));
        size_t len = line != NULL ? (size_t)(line - text) + 1 : (size_t)(end - text);
        HOLDS(neap_head_line(h, text, len) == 0 || len > 1000);
        text += len;
    }
}

static int is_blank(char c) {
    return c == ' ' || c == '\t';
}

static int is_trimmed(const char *s, size_t len) {
    return len == 0 || (!is_blank(s[0]) && !is_blank(s[len - 1]));
}

static int same(const neap_field *a, const neap_field *b) {
    return a->name_len == b->name_len && a->value_len == b->value_len &&
           memcmp(a->name, b->name, a->name_len) == 0 &&
           memcmp(a->value, b->value, a->value_len) == 0;
}

/* Writes the head as lines. */
static void write_lines(neap_buf *out, const neap_head *h) {
    HOLDS(neap_buf_printf(out, "HTTP/1.1 %03d x\r\n", h->status) == 0);
    for (size_t i = 0; i < neap_head_field_count(h); i++) {
        neap_field f = neap_head_field(h, i);
        HOLDS(f.name != NULL && f.name_len > 0 && f.value != NULL);
        HOLDS(is_trimmed(f.name, f.name_len) && is_trimmed(f.value, f.value_len));
        HOLDS(f.name >= h->text.data && f.value + f.value_len <= h->text.data + h->text.len);
        HOLDS(memchr(f.name, ':', f.name_len) == NULL);
        HOLDS(memchr(f.value, '\n', f.value_len) == NULL);
        HOLDS(neap_buf_add(out, f.name, f.name_len) == 0 && neap_buf_add(out, ": ", 2) == 0);
        HOLDS(neap_buf_add(out, f.value, f.value_len) == 0 && neap_buf_add(out, "\r\n", 2) == 0);
    }
    HOLDS(!h->complete || (h->status >= 200 && neap_buf_add(out, "\r\n", 2) == 0));
}

static void check_reply(const char *text, size_t size) {
    neap_head h = {0}, again = {0};
    neap_buf out = {0};
    read_lines(&h, text, size);
    HOLDS(h.status >= 0 && h.status <= 999 && h.text.len <= size);
    write_lines(&out, &h);
    read_lines(&again, out.data, out.len);
    HOLDS(again.status == h.status && again.complete == h.complete);
    HOLDS(neap_head_field_count(&again) == neap_head_field_count(&h));
    for (size_t i = 0; i < neap_head_field_count(&h); i++) {
        neap_field a = neap_head_field(&h, i), b = neap_head_field(&again, i);
        HOLDS(same(&a, &b));
    }
    HOLDS(neap_head_scrub(&h) == 0 && neap_head_field_count(&h) == neap_head_field_count(&again));
    neap_buf_free(&out);
    neap_head_deinit(&h);
    neap_head_deinit(&again);
}

/* The field that is sent. */
static neap_field sent;
static int arrived;

/* Serves the request: the field is the last one, whole, and would not split a request. */
static void on_request(neap_handler *handler, neap_exchange *ex) {
    neap_field got = ex->fields[ex->field_count - 1];
    (void)handler;
    HOLDS(ex->field_count == 2 && same(&got, &sent));
    HOLDS(strpbrk(got.name, " :\r\n") == NULL && strpbrk(got.value, "\r\n") == NULL);
    HOLDS(ex->ops->head(ex, 200, &got, 1, 0) == 0);
    ex->ops->end(ex);
    arrived = 1;
}

/* ... and comes back as a field of the reply. */
static void on_done(void *ud, const neap_err *err) {
    neap_transfer *t = *(neap_transfer **)ud;
    neap_field back = neap_transfer_field(t, 0);
    HOLDS(arrived && err->code == 0 && neap_transfer_status(t) == 200);
    HOLDS(neap_transfer_field_count(t) == 1 && same(&back, &sent));
    neap_transfer_free(t);
    arrived = 2;
}

/* "Name:value" as a field of a request to this process. */
static void check_request(const char *text, size_t size) {
    static neap_handler handler = {on_request};
    static const neap_transfer_cbs cbs = {.on_done = on_done};
    static neap_loop *loop;
    static neap_http *http;
    const char *colon = size > 0 ? memchr(text, ':', size) : NULL;
    neap_http_cfg cfg = {.inproc = &handler};
    neap_request req = {.method = "GET", .url = "http://h/", .fields = &sent, .field_count = 1};
    neap_transfer *t;
    neap_err err = {0};
    if (colon == NULL) return;
    if (http == NULL) HOLDS(neap_loop_open(&loop) == 0 && neap_http_open(&http, loop, &cfg) == 0);
    sent = (neap_field){text, colon + 1, (size_t)(colon - text), size - (size_t)(colon + 1 - text)};
    arrived = 0;
    if (neap_transfer_start(&t, http, &req, &cbs, &t, &err) < 0) {
        HOLDS(err.code < 0 && err.message[0] != '\0' && strpbrk(err.message, "\r\n") == NULL);
        return;
    }
    for (int i = 0; i < 10 && arrived < 2; i++) neap_loop_dispatch(loop);
    HOLDS(arrived == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_reply((const char *)data, size);
    check_request((const char *)data, size);
    return 0;
}
