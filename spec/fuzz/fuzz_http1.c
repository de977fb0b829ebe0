/* fuzz_http1.c: an answer does not depend on where its pieces are cut; what is complete is framed as its head
 * says; who is told its lines (head.h) knows of the same head.
 *
 * The first byte says what the request was: bit 0 HEAD, bit 1 it closes; bit 2 the connection ends behind. */
#include <stdbool.h>
#include <string.h>

#include "core/head.h"
#include "core/http1.h"
#include "fuzz.h"

/* One reading and what it told. */
typedef struct reading {
    neap_http1_reader reader;
    neap_http1_result result;
    neap_buf lines, body;
    neap_head head;
    size_t used;
} reading;

static int on_line(void *ud, const char *line, size_t len) {
    reading *r = ud;
    HOLDS(memchr(line, '\n', len) == NULL);
    HOLDS(neap_buf_add(&r->lines, line, len) == 0 && neap_buf_add(&r->lines, "\n", 1) == 0);
    return neap_head_line(&r->head, line, len);
}

static int on_data(void *ud, const char *data, size_t len) {
    reading *r = ud;
    HOLDS(len > 0 && r->head.complete); /* the head is complete for whom it is told, too */
    return neap_buf_add(&r->body, data, len);
}

static void read_in(reading *r, uint8_t way, const char *text, size_t len, size_t first, size_t piece) {
    static const neap_http1_sink sink = {on_line, on_data};
    size_t at = 0, used;
    *r = (reading){0};
    neap_http1_reader_begin(&r->reader, (way & 1) != 0, (way & 2) == 0, &sink, r);
    while (at < len && r->result == NEAP_HTTP1_MORE) {
        size_t most = at == 0 && first > 0 ? first : piece, n = len - at < most ? len - at : most;
        r->result = neap_http1_read(&r->reader, text + at, n, &used);
        HOLDS(used <= n && (used == n || r->result != NEAP_HTTP1_MORE));
        at += used;
    }
    r->used = at;
    if ((way & 4) != 0 && r->result == NEAP_HTTP1_MORE) r->result = neap_http1_read_end(&r->reader);
}

static void free_reading(reading *r) {
    neap_http1_reader_deinit(&r->reader);
    neap_head_deinit(&r->head);
    neap_buf_free(&r->lines);
    neap_buf_free(&r->body);
}

static bool same(const neap_buf *a, const neap_buf *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void check_same(uint8_t way, const char *text, size_t len, size_t first, size_t piece, const reading *a) {
    reading b;
    read_in(&b, way, text, len, first, piece);
    HOLDS(a->result == b.result && same(&a->lines, &b.lines) && same(&a->body, &b.body));
    HOLDS(a->reader.state == b.reader.state && a->reader.got == b.reader.got);
    if (a->result == NEAP_HTTP1_DONE) HOLDS(a->used == b.used && a->reader.persistent == b.reader.persistent);
    free_reading(&b);
}

static bool has_no_body(uint8_t way, const reading *r) {
    return (way & 1) != 0 || r->head.status == 204 || r->head.status == 304;
}

/* What is said of an answer that is complete. */
static void check_done(uint8_t way, size_t len, const reading *r) {
    const neap_http1_reader *reader = &r->reader;
    HOLDS(r->head.complete && reader->status == r->head.status && r->head.status >= 200);
    HOLDS(r->used <= len && r->lines.len + r->body.len <= 2 * r->used + 1);
    HOLDS(reader->got == r->body.len);
    if (has_no_body(way, r)) HOLDS(r->body.len == 0);
    else if (reader->length >= 0) HOLDS(r->body.len == (uint64_t)reader->length);
    else HOLDS(reader->chunked || (!reader->persistent && r->used == len));
    HOLDS(!reader->persistent || (way & 2) == 0);
}

static void check_answer(uint8_t way, const char *text, size_t len) {
    reading whole;
    read_in(&whole, way, text, len, len, len);
    check_same(way, text, len, 0, 1, &whole);
    check_same(way, text, len, 0, 7, &whole);
    for (size_t cut = 1; cut < len && cut < 64; cut++) check_same(way, text, len, len * cut / 64, len, &whole);
    if (whole.result == NEAP_HTTP1_DONE) check_done(way, len, &whole);
    HOLDS(whole.result != NEAP_HTTP1_REFUSED && whole.result != NEAP_HTTP1_NO_MEMORY);
    free_reading(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 0) check_answer(data[0], (const char *)data + 1, size - 1);
    return 0;
}
