/* http1_read.c: answers; see http1.h.
 *
 * Lines end in LF, a CR before it belongs to the end (RFC 9112 2.2). Where an answer contradicts itself about
 * its length it is refused: what would be read as the next answer could be anybody's. */
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "err.h"
#include "http1.h"

/* Of one line, a chunk's size with its extensions included. */
#define LINE_MAX_BYTES ((size_t)100 * 1024)
/* Of all lines of an answer, those of 1xx answers and trailers included. */
#define LINES_MAX ((size_t)512 * 1024)

void neap_http1_reader_begin(neap_http1_reader *r, bool no_body, bool wanted, const neap_http1_sink *sink,
                             void *ud) {
    neap_buf line = r->line;
    line.len = 0;
    *r = (neap_http1_reader){.no_body = no_body,
                             .wanted = wanted,
                             .length = -1,
                             .line = line,
                             .sink = sink,
                             .ud = ud};
}

void neap_http1_reader_deinit(neap_http1_reader *r) {
    neap_buf_wipe(&r->line);
}

/* --- fields ------------------------------------------------------------------------------------ */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static neap_span trim(neap_span s) {
    while (s.len > 0 && is_blank(s.data[0])) s.data++, s.len--;
    while (s.len > 0 && is_blank(s.data[s.len - 1])) s.len--;
    return s;
}

static bool is_word(neap_span s, const char *word) {
    return s.len == strlen(word) && strncasecmp(s.data, word, s.len) == 0;
}

/* Takes the first element off a list of words parted by commas. */
static neap_span next_word(neap_span *list) {
    const char *comma = memchr(list->data, ',', list->len);
    size_t len = comma != NULL ? (size_t)(comma - list->data) : list->len;
    neap_span word = trim((neap_span){list->data, len});
    size_t taken = comma != NULL ? len + 1 : len;
    list->data += taken;
    list->len -= taken;
    return word;
}

/* RFC 9112 9.3. */
static neap_http1_result take_connection(neap_http1_reader *r, neap_span value) {
    while (value.len > 0) {
        neap_span word = next_word(&value);
        if (r->is_1_0 && is_word(word, "keep-alive")) r->persistent = r->wanted;
        if (is_word(word, "close")) r->wanted = r->persistent = false;
    }
    return NEAP_HTTP1_MORE;
}

/* One number, or the same one again (RFC 9110 8.6). */
static neap_http1_result take_length(neap_http1_reader *r, neap_span value) {
    do {
        neap_span word = next_word(&value);
        int64_t length = 0;
        size_t i;
        for (i = 0; i < word.len; i++) {
            if (!is_digit(word.data[i]) || length > (INT64_MAX - 9) / 10) return NEAP_HTTP1_NOT_HTTP;
            length = length * 10 + (word.data[i] - '0');
        }
        if (word.len == 0 || (r->length >= 0 && r->length != length)) return NEAP_HTTP1_NOT_HTTP;
        r->length = length;
    } while (value.len > 0);
    return NEAP_HTTP1_MORE;
}

/* RFC 9112 6.1: only where chunked is the last coding the answer says where it ends. Some gateways say it twice. */
static neap_http1_result take_codings(neap_http1_reader *r, neap_span value) {
    while (value.len > 0) {
        neap_span word = next_word(&value);
        bool is_chunked = is_word(word, "chunked");
        if (word.len == 0 || is_word(word, "identity")) continue;
        if (is_chunked && r->chunked) r->wanted = r->persistent = false;
        if (!is_chunked) r->coded = true;
        r->chunked = is_chunked;
    }
    return NEAP_HTTP1_MORE;
}

/* "HTTP/1.1 200 OK"; the reason may lack, the blank before it too. */
static neap_http1_result take_status(neap_http1_reader *r, neap_span line) {
    const char *s = line.data;
    if (line.len < 12 || memcmp(s, "HTTP/1.", 7) != 0 || !is_digit(s[7]) || s[8] != ' ') return NEAP_HTTP1_NOT_HTTP;
    if (!is_digit(s[9]) || !is_digit(s[10]) || !is_digit(s[11])) return NEAP_HTTP1_NOT_HTTP;
    if (line.len > 12 && s[12] != ' ') return NEAP_HTTP1_NOT_HTTP;
    r->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
    if (r->status < 100 || r->status == 101) return NEAP_HTTP1_NOT_HTTP; /* nobody asked for another protocol */
    r->is_1_0 = s[7] == '0';
    r->persistent = r->wanted && !r->is_1_0;
    r->state = NEAP_HTTP1_FIELDS;
    r->length = -1;
    r->chunked = r->coded = r->framing = false;
    return NEAP_HTTP1_MORE;
}

/* A second one in the same head; head.h would begin anew. */
static bool is_status(neap_span line) {
    return line.len >= 5 && memcmp(line.data, "HTTP/", 5) == 0;
}

static neap_http1_result take_field(neap_http1_reader *r, neap_span line) {
    const char *colon = memchr(line.data, ':', line.len);
    neap_span name, value;
    if (is_blank(line.data[0])) return r->framing ? NEAP_HTTP1_NOT_HTTP : NEAP_HTTP1_MORE; /* obs-fold */
    r->framing = false;
    if (colon == NULL || is_status(line)) return NEAP_HTTP1_NOT_HTTP;
    name = trim((neap_span){line.data, (size_t)(colon - line.data)});
    value = trim((neap_span){colon + 1, line.len - (size_t)(colon + 1 - line.data)});
    r->framing = true;
    if (is_word(name, "Content-Length")) return take_length(r, value);
    if (is_word(name, "Transfer-Encoding")) return take_codings(r, value);
    if (is_word(name, "Connection")) return take_connection(r, value);
    r->framing = false;
    return NEAP_HTTP1_MORE;
}

/* --- where the body ends ------------------------------------------------------------------------- */

static neap_http1_result complete(neap_http1_reader *r) {
    r->state = NEAP_HTTP1_COMPLETE;
    return NEAP_HTTP1_DONE;
}

/* RFC 9112 6.3. */
static neap_http1_result end_head(neap_http1_reader *r) {
    bool coded = r->chunked || r->coded;
    if (r->status < 200) {
        r->state = NEAP_HTTP1_STATUS;
        return NEAP_HTTP1_MORE;
    }
    /* Smuggled, perhaps; 6.1, 9.3: nor does 1.0 know of codings, nor 204 of a body. */
    if (coded && (r->length >= 0 || r->is_1_0)) r->persistent = false;
    if (r->status == 204 && (coded || r->length > 0)) r->persistent = false;
    if (r->no_body || r->status == 204 || r->status == 304) return complete(r);
    if (r->chunked) {
        r->state = NEAP_HTTP1_CHUNK_SIZE;
        r->length = -1;
    } else if (r->coded || r->length < 0) {
        r->state = NEAP_HTTP1_REST;
        r->length = -1;
        r->persistent = false;
    } else {
        if (r->length == 0) return complete(r);
        r->state = NEAP_HTTP1_BODY;
        r->left = (uint64_t)r->length;
    }
    return NEAP_HTTP1_MORE;
}

static int hex_value(char c) {
    char lower = (char)(c | 0x20);
    if (is_digit(c)) return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* "1a", "1a;name=value"; RFC 9112 7.1. */
static neap_http1_result take_chunk_size(neap_http1_reader *r, neap_span line) {
    uint64_t size = 0;
    size_t i;
    for (i = 0; i < line.len && hex_value(line.data[i]) >= 0; i++) {
        if (size > UINT64_MAX >> 5) return NEAP_HTTP1_BROKEN;
        size = size * 16 + (uint64_t)hex_value(line.data[i]);
    }
    if (i == 0) return NEAP_HTTP1_BROKEN;
    while (i < line.len && is_blank(line.data[i])) i++;
    if (i < line.len && line.data[i] != ';') return NEAP_HTTP1_BROKEN;
    r->left = size;
    r->state = size > 0 ? NEAP_HTTP1_CHUNK : NEAP_HTTP1_TRAILERS;
    return NEAP_HTTP1_MORE;
}

/* Is there room for one more line? */
static bool count_line(neap_http1_reader *r, size_t len) {
    r->lines += len + 1;
    return r->lines <= LINES_MAX;
}

static neap_http1_result take_trailer(neap_http1_reader *r, neap_span line) {
    if (line.len == 0) return complete(r);
    if (!count_line(r, line.len)) return NEAP_HTTP1_TOO_LARGE;
    return r->sink->line(r->ud, line.data, line.len) < 0 ? NEAP_HTTP1_REFUSED : NEAP_HTTP1_MORE;
}

/* --- lines ------------------------------------------------------------------------------------- */

/* A NUL, or a CR that others might take for the end (RFC 9112 2.2, RFC 9110 5.5). */
static bool is_ambiguous(neap_span line) {
    return line.len > 0 && (line.data[line.len - 1] == '\r' || memchr(line.data, '\0', line.len) != NULL);
}

/* The line is looked at before the sink gets it: what comes is an answer at all, or nobody hears of it. */
static neap_http1_result take_head_line(neap_http1_reader *r, neap_span line) {
    neap_http1_result result = NEAP_HTTP1_MORE;
    if (!count_line(r, line.len)) return NEAP_HTTP1_TOO_LARGE;
    if (is_ambiguous(line)) return NEAP_HTTP1_NOT_HTTP;
    if (r->state == NEAP_HTTP1_STATUS) result = take_status(r, line);
    else if (line.len > 0) result = take_field(r, line);
    if (result != NEAP_HTTP1_MORE) return result;
    if (r->sink->line(r->ud, line.data, line.len) < 0) return NEAP_HTTP1_REFUSED;
    return line.len == 0 ? end_head(r) : NEAP_HTTP1_MORE;
}

/* A line without its end. */
static neap_http1_result take_line(neap_http1_reader *r, const char *text, size_t len) {
    neap_span line = {text, len > 0 && text[len - 1] == '\r' ? len - 1 : len};
    switch (r->state) {
    case NEAP_HTTP1_CHUNK_SIZE: return take_chunk_size(r, line);
    case NEAP_HTTP1_TRAILERS: return take_trailer(r, line);
    case NEAP_HTTP1_CHUNK_END:
        r->state = NEAP_HTTP1_CHUNK_SIZE;
        return line.len == 0 ? NEAP_HTTP1_MORE : NEAP_HTTP1_BROKEN;
    default: return take_head_line(r, line);
    }
}

/* More of a line that no end could make one of an answer: a server that speaks otherwise may never end it. */
static bool is_foreign(const neap_http1_reader *r, const char *text, size_t len) {
    static const char start[] = "HTTP/1.";
    size_t at = r->line.len < sizeof start - 1 ? r->line.len : sizeof start - 1, left = sizeof start - 1 - at;
    return r->state == NEAP_HTTP1_STATUS && memcmp(text, start + at, len < left ? len : left) != 0;
}

static neap_http1_result keep_beginning(neap_http1_reader *r, const char *text, size_t len) {
    if (is_foreign(r, text, len)) return NEAP_HTTP1_NOT_HTTP;
    if (len > LINE_MAX_BYTES - r->line.len) return NEAP_HTTP1_TOO_LARGE;
    return neap_buf_add(&r->line, text, len) < 0 ? NEAP_HTTP1_NO_MEMORY : NEAP_HTTP1_MORE;
}

/* Reads one line, or what there is of it. */
static neap_http1_result read_line(neap_http1_reader *r, const char *data, size_t len, size_t *used) {
    const char *end = memchr(data, '\n', len);
    size_t piece = end != NULL ? (size_t)(end - data) : len;
    neap_http1_result result;
    *used = end != NULL ? piece + 1 : len;
    if (end != NULL && r->line.len == 0 && piece <= LINE_MAX_BYTES) return take_line(r, data, piece);
    result = keep_beginning(r, data, piece);
    if (result != NEAP_HTTP1_MORE || end == NULL) return result;
    result = take_line(r, r->line.data, r->line.len);
    r->line.len = 0;
    return result;
}

/* --- the body ---------------------------------------------------------------------------------- */

static neap_http1_result end_piece(neap_http1_reader *r) {
    if (r->state == NEAP_HTTP1_BODY) return complete(r);
    r->state = NEAP_HTTP1_CHUNK_END;
    return NEAP_HTTP1_MORE;
}

static neap_http1_result read_body(neap_http1_reader *r, const char *data, size_t len, size_t *used) {
    bool bounded = r->state != NEAP_HTTP1_REST;
    if (bounded && len > r->left) len = (size_t)r->left;
    *used = len;
    r->got += len;
    if (r->sink->data(r->ud, data, len) < 0) return NEAP_HTTP1_REFUSED;
    if (!bounded) return NEAP_HTTP1_MORE;
    r->left -= len;
    return r->left == 0 ? end_piece(r) : NEAP_HTTP1_MORE;
}

neap_http1_result neap_http1_read(neap_http1_reader *r, const char *data, size_t len, size_t *used) {
    neap_http1_result result = r->state == NEAP_HTTP1_COMPLETE ? NEAP_HTTP1_DONE : NEAP_HTTP1_MORE;
    size_t piece = 0;
    *used = 0;
    while (result == NEAP_HTTP1_MORE && *used < len) {
        bool is_body = r->state == NEAP_HTTP1_BODY || r->state == NEAP_HTTP1_REST || r->state == NEAP_HTTP1_CHUNK;
        result = (is_body ? read_body : read_line)(r, data + *used, len - *used, &piece);
        *used += piece;
    }
    return result;
}

neap_http1_result neap_http1_read_end(neap_http1_reader *r) {
    return r->state == NEAP_HTTP1_REST || r->state == NEAP_HTTP1_COMPLETE ? complete(r) : NEAP_HTTP1_BROKEN;
}
