/* fuzz_csv.c: rows do not depend on where the chunks are cut, and what is written reads back. */
#include <string.h>

#include "core/csv.h"
#include "fuzz.h"

#define ROW_MAX 4096

/* Writes the rows that are ready as CSV again. */
static void take_rows(neap_csv *csv, neap_buf *out) {
    neap_csv_row row;
    while (neap_csv_next(csv, &row)) {
        size_t start = out->len;
        for (size_t i = 0; i < row.len; i++) {
            size_t len;
            const char *cell = neap_csv_cell(&row, i, &len);
            HOLDS(neap_csv_put_cell(out, i, cell, len) == 0);
        }
        HOLDS(neap_csv_put_end(out, start) == 0);
    }
}

/* Reads bytes in chunks of the given length. Returns the reader's code. */
static int rewrite(const char *bytes, size_t size, size_t chunk, neap_buf *out) {
    neap_csv csv;
    int rc = 0;
    neap_csv_init(&csv, ROW_MAX);
    for (size_t at = 0; rc == 0 && at < size; at += chunk) {
        rc = neap_csv_feed(&csv, bytes + at, size - at < chunk ? size - at : chunk);
        take_rows(&csv, out);
    }
    if (rc == 0) rc = neap_csv_finish(&csv);
    take_rows(&csv, out);
    HOLDS(rc == csv.err.code);
    neap_csv_deinit(&csv);
    return rc;
}

static int same(const neap_buf *a, const neap_buf *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *bytes = (const char *)data;
    neap_buf whole = {0}, cut = {0}, again = {0};
    int rc = rewrite(bytes, size, size > 0 ? size : 1, &whole);
    /* Not which fault: a broken sequence may count for the cap before it is known as broken. */
    HOLDS((rewrite(bytes, size, 1, &cut) < 0) == (rc < 0) && same(&whole, &cut));
    HOLDS(rewrite(whole.data, whole.len, 7, &again) == 0 && same(&whole, &again));
    neap_buf_free(&whole);
    neap_buf_free(&cut);
    neap_buf_free(&again);
    return 0;
}
