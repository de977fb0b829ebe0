/* status_page.c: see status_page.h. A heading per metric, a row per sample; a histogram's buckets are left out, its
 * sum and count are there. */
#include "status_page.h"

typedef struct line {
    const u_char *at, *end;
} line;

static void add(ngx_neap_text *page, const char *text) {
    ngx_neap_text_add(page, text, ngx_strlen(text));
}

static void add_escaped(ngx_neap_text *page, const u_char *at, const u_char *end) {
    for (; at < end; at++) {
        switch (*at) {
        case '<': add(page, "&lt;"); break;
        case '>': add(page, "&gt;"); break;
        case '&': add(page, "&amp;"); break;
        default: ngx_neap_text_add(page, (const char *)at, 1); break;
        }
    }
}

static const u_char *find(const u_char *at, const u_char *end, u_char c) {
    const u_char *found = memchr(at, c, (size_t)(end - at));
    return found ? found : end;
}

static int starts_with(const line *l, const char *text) {
    size_t len = ngx_strlen(text);
    return (size_t)(l->end - l->at) >= len && ngx_memcmp(l->at, text, len) == 0;
}

/* # HELP name text */
static void add_heading(ngx_neap_text *page, const line *l) {
    const u_char *name = l->at + 7, *name_end = find(name, l->end, ' ');
    const u_char *text = name_end < l->end ? name_end + 1 : l->end;
    add(page, "<tr><th colspan=3>");
    add_escaped(page, text, l->end);
    add(page, " <code>");
    add_escaped(page, name, name_end);
    add(page, "</code></th></tr>\n");
}

/* The end of a sample's name: where labels or the value begin. */
static const u_char *name_end_of(const line *l) {
    const u_char *brace = find(l->at, l->end, '{'), *blank = find(l->at, l->end, ' ');
    return brace < blank ? brace : blank;
}

static int ends_with(const u_char *at, const u_char *end, const char *text) {
    size_t len = ngx_strlen(text);
    return (size_t)(end - at) >= len && ngx_memcmp(end - len, text, len) == 0;
}

static const char *part_of_histogram(const u_char *at, const u_char *end) {
    if (ends_with(at, end, "_sum")) return "sum";
    return ends_with(at, end, "_count") ? "count" : "";
}

/* name{labels} value; the value is behind the last blank: labels may have some. */
static void add_sample(ngx_neap_text *page, const line *l) {
    const u_char *labels = name_end_of(l), *value = l->end;
    const u_char *labels_end;
    if (ends_with(l->at, labels, "_bucket")) return;
    while (value > labels && value[-1] != ' ') value--;
    labels_end = value > labels ? value - 1 : labels;
    add(page, "<tr><td>");
    if (labels_end - labels > 2) add_escaped(page, labels + 1, labels_end - 1);
    add(page, "</td><td>");
    add(page, part_of_histogram(l->at, labels));
    add(page, "</td><td>");
    add_escaped(page, value, l->end);
    add(page, "</td></tr>\n");
}

static void add_line(ngx_neap_text *page, const line *l) {
    if (starts_with(l, "# HELP ")) add_heading(page, l);
    else if (l->at < l->end && *l->at != '#') add_sample(page, l);
}

void ngx_neap_status_page(ngx_neap_text *page, const ngx_neap_text *metrics) {
    const u_char *at = metrics->data, *end = at + metrics->len;
    add(page, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><meta http-equiv=refresh content=5>\n"
              "<title>Neap</title>\n<style>body{font:15px sans-serif;margin:2em}td,th{padding:2px 1em 2px 0;"
              "text-align:left}th{padding-top:1em}td:last-child{text-align:right}code{font-weight:normal;"
              "color:#666}</style></head>\n<body><h1>Neap</h1>\n<table>\n");
    while (at < end) {
        line l = {.at = at, .end = find(at, end, '\n')};
        add_line(page, &l);
        at = l.end + 1;
    }
    add(page, "</table></body></html>\n");
}
