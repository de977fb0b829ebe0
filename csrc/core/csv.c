/* csv.c: see csv.h. One state per place in the grammar; runs of ordinary bytes are copied at once.
 * A chunk's UTF-8 is checked first, and what stands before a broken byte is read before the fault
 * is reported, so the first fault in the input is the one that counts. */
#include "csv.h"

#include <stdlib.h>
#include <string.h>

/* A complete row, waiting to be taken. */
struct neap_csv_mark {
    size_t first, len; /* its cells: ends[first .. first + len) */
    uint64_t line;
};

enum {
    AT_ROW,    /* before the first character of a row */
    AT_CELL,   /* before the first character of a cell */
    IN_PLAIN,  /* in a cell without quotes */
    IN_QUOTES, /* after an opening quote */
    AT_QUOTE   /* after a quote within quotes: the end of the cell, or half of a doubled one */
};

static const unsigned char bom[] = {0xEF, 0xBB, 0xBF};
#define BOM_PAST 4 /* csv->bom once the start of the input is behind */

void neap_csv_init(neap_csv *csv, size_t row_max) {
    *csv = (neap_csv){.row_max = row_max > 0 ? row_max : NEAP_CSV_ROW_MAX, .line = 1};
}

void neap_csv_deinit(neap_csv *csv) {
    neap_buf_free(&csv->text);
    free(csv->ends);
    free(csv->rows);
    *csv = (neap_csv){.finished = true};
}

static bool is_head(unsigned char c) {
    return (c & 0xC0) != 0x80;
}

/* The column of the character at p, which is in the chunk being fed. */
static uint64_t column_at(const neap_csv *csv, const unsigned char *p) {
    uint64_t column = csv->column + 1;
    for (const unsigned char *q = csv->line_start; q < p; q++) column += is_head(*q);
    return column;
}

static int fail(neap_csv *csv, int code, uint64_t line, uint64_t column, const char *what) {
    csv->err_line = line;
    csv->err_column = column;
    return neap_err_set(&csv->err, code, "line %llu, column %llu: %s", (unsigned long long)line,
                        (unsigned long long)column, what);
}

static int fail_at(neap_csv *csv, const unsigned char *p, const char *what) {
    return fail(csv, NEAP_EDECODE, csv->line, column_at(csv, p), what);
}

static int fail_memory(neap_csv *csv) {
    return fail(csv, NEAP_ENOMEM, csv->line, 1, "out of memory");
}

/* Makes room for one more item in an array that grows by doubling. 0 or NEAP_ENOMEM. */
static int grow(void **items, size_t len, size_t *cap, size_t size) {
    size_t want = *cap > 0 ? *cap * 2 : 64;
    void *grown;
    if (len < *cap) return 0;
    grown = want > SIZE_MAX / size ? NULL : realloc(*items, want * size);
    if (grown == NULL) return NEAP_ENOMEM;
    *items = grown;
    *cap = want;
    return 0;
}

/* Refuses a row that would pass the cap by `more` bytes. */
static int check_room(neap_csv *csv, size_t more) {
    size_t used = csv->text.len - csv->row_text + csv->ends_len - csv->row_ends;
    if (more <= csv->row_max && used <= csv->row_max - more) return 0;
    return fail(csv, NEAP_ETOOLARGE, csv->row_line, 1,
                "the row is too long (a quote never closed?)");
}

/* Copies [p, q) to the open cell; feed_body reserved the room. */
static int copy(neap_csv *csv, const unsigned char *p, const unsigned char *q) {
    size_t len = (size_t)(q - p);
    if (check_room(csv, len) < 0) return csv->err.code;
    memcpy(csv->text.data + csv->text.len, p, len);
    csv->text.len += len;
    return 0;
}

static int end_cell(neap_csv *csv) {
    if (check_room(csv, 1) < 0) return csv->err.code;
    if (csv->ends_len == csv->ends_cap) {
        void *items = csv->ends;
        if (grow(&items, csv->ends_len, &csv->ends_cap, sizeof *csv->ends) < 0)
            return fail_memory(csv);
        csv->ends = items;
    }
    csv->ends[csv->ends_len++] = csv->text.len;
    csv->state = AT_CELL;
    return 0;
}

static int end_row(neap_csv *csv) {
    void *items = csv->rows;
    if (end_cell(csv) < 0) return csv->err.code;
    if (grow(&items, csv->rows_len, &csv->rows_cap, sizeof *csv->rows) < 0)
        return fail_memory(csv);
    csv->rows = items;
    csv->rows[csv->rows_len++] = (struct neap_csv_mark){
        .first = csv->row_ends,
        .len = csv->ends_len - csv->row_ends,
        .line = csv->row_line,
    };
    csv->row_text = csv->text.len;
    csv->row_ends = csv->ends_len;
    csv->state = AT_ROW;
    return 0;
}

/* Counts the line end at p; CR LF, even cut between two chunks, is one. */
static void pass_line_end(neap_csv *csv, const unsigned char *p) {
    bool second = *p == '\n' && csv->cr;
    if (!second) csv->line++;
    csv->cr = *p == '\r';
    csv->column = 0;
    csv->line_start = p + 1;
}

/* Each reader of a state takes the bytes it understands, at least one or a change of state, and
 * returns how far it came, NULL on a fault. p < end on entry. */

static const unsigned char *read_row_start(neap_csv *csv, const unsigned char *p) {
    if (*p == '\n' || *p == '\r') {
        pass_line_end(csv, p);
        return p + 1;
    }
    csv->cr = false;
    csv->row_line = csv->line;
    csv->state = AT_CELL;
    return p;
}

static const unsigned char *read_cell_start(neap_csv *csv, const unsigned char *p) {
    if (*p != '"') {
        csv->state = IN_PLAIN;
        return p;
    }
    csv->quote_line = csv->line;
    csv->quote_column = column_at(csv, p);
    csv->state = IN_QUOTES;
    return p + 1;
}

/* After a whole cell: the comma or line end that must follow. */
static const unsigned char *read_cell_end(neap_csv *csv, const unsigned char *p) {
    if (*p == ',') return end_cell(csv) < 0 ? NULL : p + 1;
    if (end_row(csv) < 0) return NULL;
    pass_line_end(csv, p);
    return p + 1;
}

static bool is_special(unsigned char c) {
    static const bool special[256] = {[','] = true, ['"'] = true, ['\n'] = true, ['\r'] = true};
    return special[c];
}

/* Goes through cell after cell while they have no quotes: most of most files. */
static const unsigned char *read_plain(neap_csv *csv, const unsigned char *p,
                                       const unsigned char *end) {
    while (p < end) {
        const unsigned char *q = p;
        while (q < end && !is_special(*q)) q++;
        if (q > p && copy(csv, p, q) < 0) return NULL;
        if (q == end) return q;
        if (*q == '"') {
            fail_at(csv, q, "a quote within a cell that is not quoted");
            return NULL;
        }
        p = read_cell_end(csv, q);
        if (p == NULL || csv->state == AT_ROW || p == end || *p == '"') return p;
        csv->state = IN_PLAIN;
    }
    return p;
}

static const unsigned char *read_quotes(neap_csv *csv, const unsigned char *p,
                                        const unsigned char *end) {
    const unsigned char *q = p;
    for (; q < end && *q != '"'; q++) {
        if (*q == '\n' || *q == '\r') {
            pass_line_end(csv, q);
        } else {
            csv->cr = false;
        }
    }
    if (copy(csv, p, q) < 0) return NULL;
    if (q == end) return q;
    csv->cr = false;
    csv->state = AT_QUOTE;
    return q + 1;
}

static const unsigned char *read_after_quote(neap_csv *csv, const unsigned char *p) {
    if (*p == '"') {
        csv->state = IN_QUOTES;
        return copy(csv, p, p + 1) < 0 ? NULL : p + 1;
    }
    if (*p == ',' || *p == '\n' || *p == '\r') return read_cell_end(csv, p);
    fail_at(csv, p, "text after the closing quote of a cell");
    return NULL;
}

static int parse(neap_csv *csv, const unsigned char *p, const unsigned char *end) {
    while (p != NULL && p < end) {
        switch (csv->state) {
        case AT_ROW: p = read_row_start(csv, p); break;
        case AT_CELL: p = read_cell_start(csv, p); break;
        case IN_PLAIN: p = read_plain(csv, p, end); break;
        case IN_QUOTES: p = read_quotes(csv, p, end); break;
        default: p = read_after_quote(csv, p); break;
        }
    }
    return csv->err.code;
}

/* Notes what must follow a first byte of two to four (RFC 3629, section 4); false: not one. */
static bool open_sequence(neap_csv *csv, unsigned char c) {
    if (c < 0xC2 || c > 0xF4) return false;
    csv->utf8_need = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    csv->utf8_low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    csv->utf8_top = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    return true;
}

/* Skips bytes below 0x80, eight at a time. */
static const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end) {
    uint64_t word;
    while (end - p >= 8) {
        memcpy(&word, p, sizeof word);
        if (word & UINT64_C(0x8080808080808080)) break;
        p += 8;
    }
    while (p < end && *p < 0x80) p++;
    return p;
}

/* Checks [p, end), going on where the last chunk stopped. Gets where the first broken sequence
 * begins, or end; p with *earlier set if it began in an earlier chunk. */
static const unsigned char *check_utf8(neap_csv *csv, const unsigned char *p,
                                       const unsigned char *end, bool *earlier) {
    const unsigned char *head = csv->utf8_need > 0 ? NULL : p;
    const unsigned char *begin = p;
    for (; p < end; p++) {
        if (csv->utf8_need == 0) {
            head = p = skip_ascii(p, end);
            if (p == end) break;
            if (!open_sequence(csv, *p)) return p;
        } else if (*p < csv->utf8_low || *p > csv->utf8_top) {
            *earlier = head == NULL;
            return head ? head : begin;
        } else {
            csv->utf8_need--;
            csv->utf8_low = 0x80;
            csv->utf8_top = 0xBF;
        }
    }
    return end;
}

static int fail_utf8(neap_csv *csv, uint64_t column, bool utf16) {
    return fail(csv, NEAP_EDECODE, csv->line, column,
                utf16 ? "broken UTF-8 (it looks like UTF-16: save the file as UTF-8)"
                      : "broken UTF-8");
}

/* Forgets rows that were taken, once that is at least half of what is kept. */
static void compact(neap_csv *csv) {
    bool all = csv->rows_next == csv->rows_len;
    size_t ends = all ? csv->row_ends : csv->rows[csv->rows_next].first;
    size_t text = ends > 0 ? csv->ends[ends - 1] : 0;
    if (ends == 0 || (text < csv->text.len / 2 && ends < csv->ends_len / 2)) return;
    neap_buf_shift(&csv->text, text);
    csv->ends_len -= ends;
    memmove(csv->ends, csv->ends + ends, csv->ends_len * sizeof *csv->ends);
    for (size_t i = 0; i < csv->ends_len; i++) csv->ends[i] -= text;
    csv->rows_len -= csv->rows_next;
    memmove(csv->rows, csv->rows + csv->rows_next, csv->rows_len * sizeof *csv->rows);
    for (size_t i = 0; i < csv->rows_len; i++) csv->rows[i].first -= ends;
    csv->rows_next = 0;
    csv->row_text -= text;
    csv->row_ends -= ends;
}

static int feed_body(neap_csv *csv, const unsigned char *p, size_t len) {
    const unsigned char *end = p + len, *stop;
    bool earlier = false;
    if (neap_buf_reserve(&csv->text, len) < 0) return fail_memory(csv);
    csv->line_start = p;
    stop = check_utf8(csv, p, end, &earlier);
    if (parse(csv, p, stop) < 0) return csv->err.code;
    if (stop < end) {
        uint64_t column = column_at(csv, stop) - (earlier ? 1 : 0);
        return fail_utf8(csv, column, csv->line == 1 && column == 1 && *stop >= 0xFE);
    }
    csv->column = column_at(csv, end) - 1;
    return 0;
}

/* Drops a byte order mark, wherever the chunks cut it; gets how many bytes of this one it took. */
static size_t skip_bom(neap_csv *csv, const unsigned char *p, size_t len) {
    size_t i = 0;
    while (i < len && csv->bom < sizeof bom && p[i] == bom[csv->bom]) {
        csv->bom++;
        i++;
    }
    return i;
}

/* The bytes that only looked like a mark, once that is known. */
static int feed_held(neap_csv *csv) {
    size_t held = csv->bom;
    csv->bom = BOM_PAST;
    return held > 0 && held < sizeof bom ? feed_body(csv, bom, held) : 0;
}

int neap_csv_feed(neap_csv *csv, const char *bytes, size_t len) {
    const unsigned char *p = (const unsigned char *)bytes;
    if (csv->err.code < 0) return csv->err.code;
    if (csv->finished) return NEAP_EINVAL;
    if (len == 0) return 0;
    compact(csv);
    if (csv->bom < BOM_PAST) {
        size_t skipped = skip_bom(csv, p, len);
        if (skipped == len) return 0;
        if (feed_held(csv) < 0) return csv->err.code;
        p += skipped;
        len -= skipped;
    }
    return feed_body(csv, p, len);
}

int neap_csv_finish(neap_csv *csv) {
    if (csv->err.code < 0 || csv->finished) return csv->err.code;
    csv->finished = true;
    if (csv->bom < BOM_PAST && feed_held(csv) < 0) return csv->err.code;
    if (csv->utf8_need > 0) return fail_utf8(csv, csv->column, false);
    if (csv->state == IN_QUOTES) {
        return fail(csv, NEAP_EDECODE, csv->quote_line, csv->quote_column,
                    "this quote is never closed");
    }
    return csv->state == AT_ROW ? 0 : end_row(csv);
}

bool neap_csv_peek(const neap_csv *csv, neap_csv_row *out) {
    const struct neap_csv_mark *mark;
    if (csv->rows_next == csv->rows_len) return false;
    mark = &csv->rows[csv->rows_next];
    *out = (neap_csv_row){
        .text = csv->text.data,
        .ends = csv->ends + mark->first,
        .start = mark->first > 0 ? csv->ends[mark->first - 1] : 0,
        .len = mark->len,
        .line = mark->line,
    };
    return true;
}

bool neap_csv_next(neap_csv *csv, neap_csv_row *out) {
    if (!neap_csv_peek(csv, out)) return false;
    csv->rows_next++;
    return true;
}

/* A cell that begins with a byte order mark would lose it at the start of a file. */
static bool needs_quotes(const char *bytes, size_t len) {
    if (len >= sizeof bom && memcmp(bytes, bom, sizeof bom) == 0) return true;
    for (size_t i = 0; i < len; i++) {
        if (is_special((unsigned char)bytes[i])) return true;
    }
    return false;
}

int neap_csv_put_cell(neap_buf *out, size_t index, const char *bytes, size_t len) {
    char *to;
    if (len > (SIZE_MAX - 3) / 2 || neap_buf_reserve(out, 2 * len + 3) < 0) return NEAP_ENOMEM;
    to = out->data + out->len;
    if (index > 0) *to++ = ',';
    if (needs_quotes(bytes, len)) {
        *to++ = '"';
        for (size_t i = 0; i < len; i++) {
            if (bytes[i] == '"') *to++ = '"';
            *to++ = bytes[i];
        }
        *to++ = '"';
    } else if (len > 0) {
        memcpy(to, bytes, len);
        to += len;
    }
    out->len = (size_t)(to - out->data);
    return 0;
}

/* A row of one empty cell would be a blank line, which readers skip. */
int neap_csv_put_end(neap_buf *out, size_t row_start) {
    if (out->len == row_start && neap_buf_puts(out, "\"\"") < 0) return NEAP_ENOMEM;
    return neap_buf_puts(out, "\n");
}
