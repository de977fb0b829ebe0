/* head.c: see head.h. */
#include "head.h"

#include <stdint.h>
#include <string.h>

#include "err.h"
#include "redact.h"

/* One field, as offsets: the text moves while it grows. */
typedef struct neap_head_mark {
    uint32_t name, name_len;
    uint32_t value, value_len;
} neap_head_mark;

static neap_head_mark *mark_at(const neap_head *r, size_t i) {
    return (neap_head_mark *)(void *)r->marks.data + i;
}

size_t neap_head_field_count(const neap_head *r) {
    return r->marks.len / sizeof(neap_head_mark);
}

neap_field neap_head_field(const neap_head *r, size_t i) {
    const neap_head_mark *m = mark_at(r, i);
    return (neap_field){.name = r->text.data + m->name,
                        .value = r->text.data + m->value,
                        .name_len = m->name_len,
                        .value_len = m->value_len};
}

static int add_text(neap_head *r, const char *text, size_t len) {
    if (len > NEAP_HEAD_HEAD_MAX - r->text.len) return NEAP_ETOOLARGE;
    return neap_buf_add(&r->text, text, len);
}

int neap_head_add(neap_head *r, const char *name, size_t name_len, const char *value,
                   size_t value_len) {
    size_t at = r->text.len;
    neap_head_mark mark;
    int rc = neap_head_field_count(r) * 16 > NEAP_HEAD_HEAD_MAX ? NEAP_ETOOLARGE : 0;
    if (rc == 0) rc = add_text(r, name, name_len);
    if (rc == 0) rc = add_text(r, value, value_len);
    if (rc < 0) return rc;
    mark = (neap_head_mark){(uint32_t)at, (uint32_t)name_len, (uint32_t)(at + name_len),
                             (uint32_t)value_len};
    return neap_buf_add(&r->marks, &mark, sizeof mark);
}

static void trim(const char **text, size_t *len) {
    while (*len > 0 && (**text == ' ' || **text == '\t')) ++*text, --*len;
    while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t')) --*len;
}

/* The value of the last field is the end of the text, so it can grow in place. */
static int add_fold(neap_head *r, const char *text, size_t len) {
    neap_head_mark *last;
    size_t at, count = neap_head_field_count(r);
    int rc;
    trim(&text, &len);
    if (count == 0 || len == 0) return 0;
    last = mark_at(r, count - 1);
    at = r->text.len;
    rc = last->value_len > 0 ? add_text(r, " ", 1) : 0;
    if (rc == 0) rc = add_text(r, text, len);
    if (rc < 0) return rc;
    last->value_len += (uint32_t)(r->text.len - at);
    return 0;
}

static int add_field(neap_head *r, const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    const char *value;
    size_t name_len, value_len;
    if (colon == NULL || colon == line) return 0;
    name_len = (size_t)(colon - line);
    value = colon + 1;
    value_len = len - name_len - 1;
    trim(&line, &name_len);
    trim(&value, &value_len);
    return neap_head_add(r, line, name_len, value, value_len);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK": starts over, since what came before was not the final answer. */
static void start_status(neap_head *r, const char *line, size_t len) {
    const char *s = memchr(line, ' ', len);
    r->status = 0;
    r->text.len = r->marks.len = 0;
    if (s == NULL || len - (size_t)(s - line) < 4) return;
    if (!is_digit(s[1]) || !is_digit(s[2]) || !is_digit(s[3])) return;
    /* Room for an ordinary answer; without it the fields find out. */
    (void)neap_buf_reserve(&r->text, 512);
    (void)neap_buf_reserve(&r->marks, 16 * sizeof(neap_head_mark));
    r->status = (s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0');
}

int neap_head_line(neap_head *r, const char *line, size_t len) {
    if (r->complete) return 0; /* trailers */
    if (len > 0 && line[len - 1] == '\n') len--;
    if (len > 0 && line[len - 1] == '\r') len--;
    if (len == 0) {
        r->complete = r->status >= 200;
        if (!r->complete) r->status = 0; /* the final answer is yet to come */
        return 0;
    }
    if (r->status == 0 && len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        start_status(r, line, len);
        return 0;
    }
    if (line[0] == ' ' || line[0] == '\t') return add_fold(r, line, len);
    return add_field(r, line, len);
}

/* Appends a field of `from` to r, its value without secrets. */
static int add_scrubbed(neap_head *r, const neap_head *from, size_t i) {
    neap_field f = neap_head_field(from, i);
    neap_buf value = {0};
    int rc = neap_redact(&value, f.value, f.value_len);
    if (rc == 0) rc = neap_head_add(r, f.name, f.name_len, value.data, value.len);
    neap_buf_wipe(&value);
    return rc;
}

int neap_head_scrub(neap_head *r) {
    neap_head clean = {.status = r->status, .complete = r->complete};
    size_t i, count = neap_head_field_count(r);
    int rc = 0;
    if (!neap_redact_found(r->text.data, r->text.len)) return 0;
    for (i = 0; i < count && rc == 0; i++) rc = add_scrubbed(&clean, r, i);
    neap_head_deinit(r);
    *r = clean;
    if (rc < 0) neap_head_deinit(r);
    return rc;
}

void neap_head_deinit(neap_head *r) {
    neap_buf_free(&r->text);
    neap_buf_free(&r->marks);
}
