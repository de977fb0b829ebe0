/* test_http1_read.c: answers as core/http1.h reads them: each whole, byte by byte, and cut in two at every
 * place, with the same outcome. */
#include "../../csrc/core/http1.h"

#include <stdlib.h>

#include "check.h"

#define KIB ((size_t)1024)
#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_LINE "Transfer-Encoding: chunked\r\n\r\n"

/* One reading and what it told. */
typedef struct reading {
    neap_http1_reader reader;
    neap_http1_result result;
    size_t used;
    neap_buf lines, body; /* a newline behind each line */
    long refuse_at;       /* refuse that many calls later; negative: never */
} reading;

static int refuses(reading *r) {
    return r->refuse_at >= 0 && r->refuse_at-- == 0 ? -1 : 0;
}

static int on_line(void *ud, const char *line, size_t len) {
    reading *r = ud;
    if (refuses(r)) return -1;
    neap_buf_add(&r->lines, line, len);
    return neap_buf_add(&r->lines, "\n", 1);
}

static int on_data(void *ud, const char *data, size_t len) {
    reading *r = ud;
    return refuses(r) ? -1 : neap_buf_add(&r->body, data, len);
}

static const neap_http1_sink sink = {on_line, on_data};

/* What the request was. */
typedef struct request {
    bool no_body, closes;
} request;

static void begin(reading *r, request req) {
    r->result = NEAP_HTTP1_MORE;
    r->used = 0;
    r->lines.len = r->body.len = 0;
    r->refuse_at = -1;
    neap_http1_reader_begin(&r->reader, req.no_body, !req.closes, &sink, r);
}

static void feed(reading *r, const char *text, size_t len) {
    size_t used;
    if (r->result != NEAP_HTTP1_MORE) return;
    r->result = neap_http1_read(&r->reader, text, len, &used);
    CHECK(used <= len && (used == len || r->result != NEAP_HTTP1_MORE));
    r->used += used;
}

static void end(reading *r) {
    neap_http1_reader_deinit(&r->reader);
    neap_buf_free(&r->lines);
    neap_buf_free(&r->body);
}

static bool same_bytes(const neap_buf *a, const neap_buf *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Where it is an error, how far it was read depends on the pieces. */
static bool same(const reading *a, const reading *b) {
    if (a->result != b->result) return false;
    if (a->result == NEAP_HTTP1_DONE && a->used != b->used) return false;
    if (a->result == NEAP_HTTP1_DONE && a->reader.persistent != b->reader.persistent) return false;
    return same_bytes(&a->lines, &b->lines) && same_bytes(&a->body, &b->body) &&
           a->reader.status == b->reader.status && a->reader.length == b->reader.length;
}

/* Copies pieces to memory of their own size: reading beyond them is seen by ASan. */
static void feed_copy(reading *r, const char *text, size_t len) {
    char *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, text, len);
    feed(r, copy, len);
    free(copy);
}

/* In pieces of that size, behind a first one of `first` bytes. */
static void feed_in(reading *r, request req, const char *text, size_t len, size_t first, size_t piece) {
    size_t at = first < len ? first : len;
    begin(r, req);
    feed_copy(r, text, at);
    for (; at < len && r->result == NEAP_HTTP1_MORE; at += piece) {
        feed_copy(r, text + at, len - at < piece ? len - at : piece);
    }
}

/* Reads the text in all ways; *r is the whole reading. */
static void read_all_ways(reading *r, request req, const char *text, size_t len) {
    reading other = {0};
    size_t cut, cuts = 0;
    feed_in(r, req, text, len, len, len);
    feed_in(&other, req, text, len, 0, 1);
    CHECK(same(r, &other));
    for (cut = 0; cut <= len; cut++) {
        feed_in(&other, req, text, len, cut, len);
        cuts += same(r, &other);
    }
    if (!CHECK_EQ_INT(cuts, len + 1)) fprintf(stderr, "    %.*s\n", (int)len, text);
    end(&other);
}

static const char *text_of(const neap_buf *b) {
    static char text[4096];
    snprintf(text, sizeof text, "%.*s", (int)b->len, b->data != NULL ? b->data : "");
    return text;
}

enum { MORE = NEAP_HTTP1_MORE, DONE = NEAP_HTTP1_DONE, NOT_HTTP = NEAP_HTTP1_NOT_HTTP, BROKEN = NEAP_HTTP1_BROKEN };
enum { CLOSES, KEEPS };

/* An answer: what comes of it, its body, and where it is complete whether the connection goes on and what is
 * left behind it. */
typedef struct answer {
    const char *text;
    int result;
    const char *body;
    int keeps;
    size_t behind;
} answer;

static void check_answers(request req, const answer *a, size_t count) {
    for (size_t i = 0; i < count; i++, a++) {
        reading r = {0};
        unsigned failed = check_failed;
        read_all_ways(&r, req, a->text, strlen(a->text));
        CHECK_EQ_INT(r.result, a->result);
        CHECK_STR(text_of(&r.body), a->body);
        CHECK_EQ_INT(r.reader.got, r.body.len);
        if (a->result == DONE) {
            CHECK_EQ_INT(r.reader.persistent, a->keeps);
            CHECK_EQ_INT(strlen(a->text) - r.used, a->behind);
        }
        if (check_failed > failed) fprintf(stderr, "    of: %s\n", a->text);
        end(&r);
    }
}

#define CHECK_ANSWERS(req, list) check_answers(req, list, sizeof(list) / sizeof *(list))
#define LENGTH(field) OK_LINE "Content-Length:" field "\r\n\r\nhello"

static void test_length(void) {
    static const answer list[] = {
        {LENGTH("5"), DONE, "hello", KEEPS, 0},
        {LENGTH("5") "HTTP", DONE, "hello", KEEPS, 4},
        {LENGTH(" \t 5 \t "), DONE, "hello", KEEPS, 0},
        {LENGTH(" 0005"), DONE, "hello", KEEPS, 0},
        {LENGTH(" 3"), DONE, "hel", KEEPS, 2},
        {LENGTH(" 0"), DONE, "", KEEPS, 5},
        {LENGTH(" 6"), MORE, "hello", 0, 0},
        {LENGTH(" 5, 5"), DONE, "hello", KEEPS, 0},
        {LENGTH(" 5,5 ,\t5,"), DONE, "hello", KEEPS, 0},
        {LENGTH(" 5\r\ncontent-length: 5"), DONE, "hello", KEEPS, 0},
        {LENGTH(" 5\r\nContent-Length : 5"), DONE, "hello", KEEPS, 0},
        {LENGTH(" 5\r\nContent-Length: 05"), DONE, "hello", KEEPS, 0},
        {LENGTH(" 5\r\nContent-Length: 4"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 5\r\nContent-Length : 4"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 5, 4"), NOT_HTTP, "", 0, 0},
        {LENGTH(""), NOT_HTTP, "", 0, 0},
        {LENGTH(" ,5"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 5,,5"), NOT_HTTP, "", 0, 0},
        {LENGTH(" +5"), NOT_HTTP, "", 0, 0},
        {LENGTH(" -5"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 5 5"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 5;"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 0x5"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 5.0"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 9223372036854775799"), MORE, "hello", 0, 0},
        {LENGTH(" 9223372036854775808"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 18446744073709551621"), NOT_HTTP, "", 0, 0},
        {LENGTH(" 99999999999999999999999999999999999"), NOT_HTTP, "", 0, 0},
        {OK_LINE "X-Content-Length: 1\r\nContent-Length: 5\r\n\r\nhello", DONE, "hello", KEEPS, 0},
    };
    CHECK_ANSWERS((request){0}, list);
}

static void test_chunks(void) {
    static const answer list[] = {
        {CHUNKED "5\r\nhello\r\n0\r\n\r\n", DONE, "hello", KEEPS, 0},
        {CHUNKED "5\r\nhello\r\n0\r\n\r\nx", DONE, "hello", KEEPS, 1},
        {CHUNKED "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", DONE, "hello", KEEPS, 0},
        {CHUNKED "0\r\n\r\n", DONE, "", KEEPS, 0},
        {CHUNKED "000\r\n\r\n", DONE, "", KEEPS, 0},
        {CHUNKED "00000000000000000000000005\r\nhello\r\n0\r\n\r\n", DONE, "hello", KEEPS, 0},
        {CHUNKED "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", DONE, "01234567890123456789a", KEEPS, 0},
        {CHUNKED "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", DONE, "hello", KEEPS, 0},
        {CHUNKED "5 \t ; a\r\nhello\r\n0\t\r\n\r\n", DONE, "hello", KEEPS, 0},
        {CHUNKED "5\nhello\n0\n\n", DONE, "hello", KEEPS, 0},
        {CHUNKED "5\r\nhello\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n", DONE, "hello", KEEPS, 0},
        {CHUNKED "5\r\nhello\r\n0\r\nContent-Length: 9\r\nConnection: close\r\n\r\n", DONE, "hello", KEEPS, 0},
        {CHUNKED "5\r\nhello\r\n", MORE, "hello", 0, 0},
        {CHUNKED "5\r\nhello\r\n0\r\n", MORE, "hello", 0, 0},
        {CHUNKED "5\r\nhello\r\n0\r\nX-A: 1\r\n", MORE, "hello", 0, 0},
        {CHUNKED "5\r\nhellox\r\n0\r\n\r\n", BROKEN, "hello", 0, 0},
        {CHUNKED "5\r\nhello0\r\n\r\n", BROKEN, "hello", 0, 0},
        {CHUNKED "5\r\nhello\r\r\n0\r\n\r\n", BROKEN, "hello", 0, 0},
        {CHUNKED "5\r\nhello\r\n\r\n", BROKEN, "hello", 0, 0},
        {CHUNKED "\r\n", BROKEN, "", 0, 0},
        {CHUNKED ";a\r\n", BROKEN, "", 0, 0},
        {CHUNKED " 5\r\nhello\r\n0\r\n\r\n", BROKEN, "", 0, 0},
        {CHUNKED "+5\r\nhello\r\n0\r\n\r\n", BROKEN, "", 0, 0},
        {CHUNKED "-1\r\nhello\r\n0\r\n\r\n", BROKEN, "", 0, 0},
        {CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", BROKEN, "", 0, 0},
        {CHUNKED "5 6\r\nhello\r\n0\r\n\r\n", BROKEN, "", 0, 0},
        {CHUNKED "5,\r\nhello\r\n0\r\n\r\n", BROKEN, "", 0, 0},
        {CHUNKED "g\r\n", BROKEN, "", 0, 0},
        {CHUNKED "@\r\n", BROKEN, "", 0, 0},
        {CHUNKED "5\r\r\nhello\r\n0\r\n\r\n", BROKEN, "", 0, 0},
        {CHUNKED "7fffffffffffffff\r\nhello", MORE, "hello", 0, 0},
        {CHUNKED "10000000000000000\r\nhello", BROKEN, "", 0, 0},
        {CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n", BROKEN, "", 0, 0},
        {CHUNKED "ffffffffffffffffffffffff\r\nhello", BROKEN, "", 0, 0},
    };
    CHECK_ANSWERS((request){0}, list);
}

#define CODED(field) OK_LINE "Transfer-Encoding: " field "\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
#define RAW "5\r\nhello\r\n0\r\n\r\n"

static void test_codings(void) {
    static const answer list[] = {
        {CODED("Chunked"), DONE, "hello", KEEPS, 0},
        {CODED("gzip, chunked"), DONE, "hello", KEEPS, 0},
        {CODED("gzip\r\nTransfer-Encoding: chunked"), DONE, "hello", KEEPS, 0},
        {CODED("identity"), MORE, RAW, 0, 0},
        {CODED(",chunked,"), DONE, "hello", KEEPS, 0},
        {CODED("gzip"), MORE, RAW, 0, 0},
        {CODED("chunked;a=b"), MORE, RAW, 0, 0},
        {CODED("xchunked"), MORE, RAW, 0, 0},
        {CODED("chunked, gzip"), MORE, RAW, 0, 0}, /* the sink refuses what it does not know */
        {CODED("chunked, chunked"), DONE, "hello", CLOSES, 0}, /* gateways over other servers say so */
        {CODED("chunked\r\nTransfer-Encoding: chunked"), DONE, "hello", CLOSES, 0},
        {CODED("chunked\r\nTransfer-Encoding: gzip"), MORE, RAW, 0, 0},
        {CODED("chunked\r\nContent-Length: 3"), DONE, "hello", CLOSES, 0},
        {OK_LINE "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" RAW, DONE, "hello", CLOSES, 0},
        {CODED("gzip\r\nContent-Length: 3"), MORE, RAW, 0, 0},
        {CODED("chunked\r\nContent-Length: x"), NOT_HTTP, "", 0, 0},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" RAW, DONE, "hello",
         CLOSES, 0}, /* RFC 9112 6.1 */
    };
    CHECK_ANSWERS((request){0}, list);
}

#define SHORT(version, fields) "HTTP/1." version " 200 OK\r\n" fields "Content-Length: 2\r\n\r\nok"

static void test_persistence(void) {
    static const answer list[] = {
        {SHORT("1", ""), DONE, "ok", KEEPS, 0},
        {SHORT("1", "Connection: close\r\n"), DONE, "ok", CLOSES, 0},
        {SHORT("1", "connection:CLOSE\r\n"), DONE, "ok", CLOSES, 0},
        {SHORT("1", "Connection: x, Close ,y\r\n"), DONE, "ok", CLOSES, 0},
        {SHORT("1", "Connection: keep-alive\r\nConnection: close\r\n"), DONE, "ok", CLOSES, 0},
        {SHORT("1", "Connection: close\r\nConnection: keep-alive\r\n"), DONE, "ok", CLOSES, 0},
        {SHORT("1", "Connection: closed, xclose, close;\r\n"), DONE, "ok", KEEPS, 0},
        {SHORT("1", "Connection:\r\n"), DONE, "ok", KEEPS, 0},
        {SHORT("2", ""), DONE, "ok", KEEPS, 0},
        {SHORT("0", ""), DONE, "ok", CLOSES, 0},
        {SHORT("0", "Connection: keep-alive\r\n"), DONE, "ok", KEEPS, 0},
        {SHORT("0", "Connection: Keep-Alive, close\r\n"), DONE, "ok", CLOSES, 0},
        {SHORT("0", "Connection: close, keep-alive\r\n"), DONE, "ok", CLOSES, 0},
        {"HTTP/1.1 204 X\r\n\r\n", DONE, "", KEEPS, 0},
        {"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", DONE, "", KEEPS, 0},
        {"HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\nok", DONE, "", CLOSES, 2}, /* who knows what follows */
        {"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", DONE, "", CLOSES, 5},
        {"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", DONE, "", KEEPS, 0},
        {"HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n", DONE, "", KEEPS, 0},
        {"HTTP/1.1 205 X\r\nContent-Length: 0\r\n\r\n", DONE, "", KEEPS, 0},
    };
    static const answer to_head[] = {
        {OK_LINE "Content-Length: 9\r\n\r\n", DONE, "", KEEPS, 0},
        {OK_LINE "Transfer-Encoding: chunked\r\n\r\n", DONE, "", KEEPS, 0},
        {OK_LINE "\r\n", DONE, "", KEEPS, 0},
        {OK_LINE "Connection: close\r\n\r\n", DONE, "", CLOSES, 0},
        {"HTTP/1.1 103 X\r\n\r\n" OK_LINE "\r\nx", DONE, "", KEEPS, 1},
    };
    static const answer closing[] = {
        {SHORT("1", ""), DONE, "ok", CLOSES, 0},
        {SHORT("0", "Connection: keep-alive\r\n"), DONE, "ok", CLOSES, 0},
        {CHUNKED RAW, DONE, "hello", CLOSES, 0},
    };
    CHECK_ANSWERS((request){0}, list);
    CHECK_ANSWERS((request){.no_body = true}, to_head);
    CHECK_ANSWERS((request){.closes = true}, closing);
}

#define EARLY "HTTP/1.1 100 Continue\r\n\r\n"

static void test_heads(void) {
    static const answer list[] = {
        {EARLY LENGTH("5"), DONE, "hello", KEEPS, 0},
        {EARLY EARLY "HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n" EARLY LENGTH("5"), DONE, "hello", KEEPS, 0},
        {"HTTP/1.1 102 X\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n" LENGTH("5"), DONE, "hello",
         KEEPS, 0},
        {"HTTP/1.0 100 X\r\n\r\n" LENGTH("5"), DONE, "hello", KEEPS, 0},
        {EARLY, MORE, "", 0, 0},
        {EARLY "x", NOT_HTTP, "", 0, 0},
        {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", NOT_HTTP, "", 0, 0},
        {EARLY "HTTP/1.1 101 Switching\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", DONE, "", KEEPS, 0},
        {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", DONE, "", KEEPS, 0},
        {"HTTP/1.1 200\nContent-Length: 2\n\nok", DONE, "ok", KEEPS, 0},
        {"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", DONE, "", KEEPS, 0},
        {"HTTP/1.1 099 X\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/1.1 20 X\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/1.1 2000\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/1.1 200X\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/1.1 \r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/1.1\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/1.x 200 OK\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/1.1  200 OK\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/1.1\t200 OK\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/2 200\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"HTTP/0.9 200 OK\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"http/1.1 200 OK\r\n\r\n", NOT_HTTP, "", 0, 0},
        {" HTTP/1.1 200 OK\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"\nHTTP/1.1 200 OK\r\n\r\n", NOT_HTTP, "", 0, 0},
        {"SSH-2.0-x", NOT_HTTP, "", 0, 0},
        {"<html>", NOT_HTTP, "", 0, 0},
        {"HTTX", NOT_HTTP, "", 0, 0},
        {"HTTP", MORE, "", 0, 0},
        {"HTTP/1.1 7", MORE, "", 0, 0},
        {"", MORE, "", 0, 0},
        {OK_LINE, MORE, "", 0, 0},
        {OK_LINE "no colon\r\n\r\n", NOT_HTTP, "", 0, 0},
        {OK_LINE "HTTP/1.1 404 X: 1\r\nContent-Length: 0\r\n\r\n", NOT_HTTP, "", 0, 0},
        {OK_LINE "X-A: 1\r\r\n\r\n", NOT_HTTP, "", 0, 0},
        {OK_LINE "Content-Length: 5\r\n\r\r\nhello", NOT_HTTP, "", 0, 0},
        {OK_LINE "Transfer-Encoding: chunked\r\r\n\r\n" RAW, NOT_HTTP, "", 0, 0},
        {OK_LINE ": 5\r\nContent-Length: 2\r\n\r\nok", DONE, "ok", KEEPS, 0},
        {OK_LINE "X-A: 1\r\n 2\r\n\t\r\nContent-Length: 2\r\n\r\nok", DONE, "ok", KEEPS, 0},
        {OK_LINE " X: 1\r\nContent-Length: 2\r\n\r\nok", DONE, "ok", KEEPS, 0},
        {OK_LINE " Content-Length: 9\r\nContent-Length: 2\r\n\r\nok", DONE, "ok", KEEPS, 0},
        {OK_LINE "Content-Length: 2\r\n 3\r\n\r\nok", NOT_HTTP, "", 0, 0},
        {OK_LINE "Content-Length:\r\n 2\r\n\r\nok", NOT_HTTP, "", 0, 0},
        {OK_LINE "Transfer-Encoding: gzip,\r\n chunked\r\n\r\n" RAW, NOT_HTTP, "", 0, 0},
        {OK_LINE "Connection: keep-alive,\r\n close\r\nContent-Length: 2\r\n\r\nok", NOT_HTTP, "", 0, 0},
    };
    CHECK_ANSWERS((request){0}, list);
}

/* The lines that are told, and bytes that C strings end at. */
static void test_lines(void) {
    static const char early[] = EARLY OK_LINE "X-A: 1\r\n two\r\nTransfer-Encoding: chunked\r\n\r\n"
                                              "2\r\nok\r\n0\r\nX-B: 3\r\n\r\n";
    static const char nul[] = OK_LINE "X-A: \0\r\n\r\n", reason[] = "HTTP/1.1 200 \0\r\n\r\n";
    static const char body[] = OK_LINE "Content-Length: 3\r\n\r\n\0\r\n";
    reading r = {0};
    read_all_ways(&r, (request){0}, early, sizeof early - 1);
    CHECK_EQ_INT(r.result, DONE);
    CHECK_STR(text_of(&r.lines), "HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nX-A: 1\n two\n"
                                 "Transfer-Encoding: chunked\n\nX-B: 3\n");
    read_all_ways(&r, (request){0}, nul, sizeof nul - 1);
    CHECK_EQ_INT(r.result, NOT_HTTP);
    read_all_ways(&r, (request){0}, reason, sizeof reason - 1);
    CHECK_EQ_INT(r.result, NOT_HTTP);
    read_all_ways(&r, (request){0}, body, sizeof body - 1);
    CHECK_EQ_INT(r.result, DONE);
    CHECK_MEM(r.body.data, r.body.len, "\0\r\n", 3);
    end(&r);
}

/* Reads `text`, then the connection ends. */
static void check_end(request req, const char *text, int result) {
    reading r = {0};
    feed_in(&r, req, text, strlen(text), strlen(text), 1);
    CHECK_EQ_INT(r.result, MORE);
    if (!CHECK_EQ_INT(neap_http1_read_end(&r.reader), result)) fprintf(stderr, "    of: %s\n", text);
    CHECK(result != DONE || !r.reader.persistent);
    end(&r);
}

static void test_ends(void) {
    static const char *const cut[] = {
        "", "HTTP", OK_LINE, OK_LINE "X", OK_LINE "Content-Length: 1\r\n", LENGTH(" 6"), EARLY, CHUNKED,
        CHUNKED "5", CHUNKED "5\r\n", CHUNKED "5\r\nhello", CHUNKED "5\r\nhello\r", CHUNKED "5\r\nhello\r\n",
        CHUNKED "0\r\n", CHUNKED "0\r\nX: 1", CHUNKED "0\r\n\r",
    };
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) check_end((request){0}, cut[i], BROKEN);
    check_end((request){0}, OK_LINE "\r\n", DONE);
    check_end((request){0}, OK_LINE "\r\nhello", DONE);
    check_end((request){0}, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello", DONE);
    check_end((request){0}, CODED("gzip"), DONE);
}

/* Feeds `count` times `text` in pieces of that size. */
static neap_http1_result flood(reading *r, const char *text, size_t count, size_t piece) {
    size_t len = strlen(text) * count, at;
    char *all = malloc(len);
    for (at = 0; at < len; at += strlen(text)) memcpy(all + at, text, strlen(text));
    for (at = 0; at < len; at += piece) feed(r, all + at, len - at < piece ? len - at : piece);
    free(all);
    return r->result;
}

static neap_http1_result read_flood(const char *start, const char *text, size_t count, size_t piece) {
    reading r = {0};
    neap_http1_result result;
    begin(&r, (request){0});
    feed(&r, start, strlen(start));
    result = flood(&r, text, count, piece);
    CHECK(r.reader.line.cap <= 256 * KIB);
    end(&r);
    return result;
}

/* What could go on for ever ends. */
static void test_floods(void) {
    static const char *const starts[] = {OK_LINE, OK_LINE "X-A:", "HTTP/1.1 200 ", EARLY OK_LINE, CHUNKED "1",
                                         CHUNKED "5\r\nhello", CHUNKED "0\r\n"};
    static const size_t pieces[] = {100 * KIB * 1024, 64 * KIB, 1000};
    for (size_t p = 0; p < 3; p++) {
        for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
            CHECK_EQ_INT(read_flood(starts[i], " ", 200 * KIB, pieces[p]), NEAP_HTTP1_TOO_LARGE);
        }
        CHECK_EQ_INT(read_flood(OK_LINE "X-A:", " ", 99 * KIB, pieces[p]), MORE);
        CHECK_EQ_INT(read_flood(CHUNKED "1;", "a", 99 * KIB, pieces[p]), MORE);
        CHECK_EQ_INT(read_flood("", "x", 200 * KIB, pieces[p]), NOT_HTTP);
        CHECK_EQ_INT(read_flood(OK_LINE, "X: 1\r\n", 1024 * KIB, pieces[p]), NEAP_HTTP1_TOO_LARGE);
        CHECK_EQ_INT(read_flood(OK_LINE, ":\n", 1024 * KIB, pieces[p]), NEAP_HTTP1_TOO_LARGE);
        CHECK_EQ_INT(read_flood(OK_LINE, " \n", 1024 * KIB, pieces[p]), NEAP_HTTP1_TOO_LARGE);
        CHECK_EQ_INT(read_flood("", EARLY, 100 * KIB, pieces[p]), NEAP_HTTP1_TOO_LARGE);
        CHECK_EQ_INT(read_flood(CHUNKED "0\r\n", "X: 1\r\n", 1024 * KIB, pieces[p]), NEAP_HTTP1_TOO_LARGE);
        CHECK_EQ_INT(read_flood(OK_LINE, "X-Long: 0123456789\r\n", 10 * KIB, pieces[p]), MORE);
        CHECK_EQ_INT(read_flood(CHUNKED, "1\r\nx\r\n", 200 * KIB, pieces[p]), MORE);
    }
}

/* The sink says no, at each of its calls. */
static void test_refusals(void) {
    static const char text[] = EARLY OK_LINE "X: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\r\n";
    reading r = {0};
    for (long n = 0; n < 8; n++) {
        begin(&r, (request){0});
        r.refuse_at = n;
        feed(&r, text, sizeof text - 1);
        CHECK_EQ_INT(r.result, NEAP_HTTP1_REFUSED);
    }
    begin(&r, (request){0}); /* the reader is good for the next answer */
    r.refuse_at = 8;
    feed(&r, text, sizeof text - 1);
    CHECK_EQ_INT(r.result, DONE);
    feed_in(&r, (request){0}, OK_LINE "X-Cut", 22, 22, 1);
    feed_in(&r, (request){0}, LENGTH(" 5"), strlen(LENGTH(" 5")), 3, 7);
    CHECK_EQ_INT(r.result, DONE);
    CHECK_STR(text_of(&r.body), "hello");
    end(&r);
}

int main(void) {
    test_length();
    test_chunks();
    test_codings();
    test_persistence();
    test_heads();
    test_lines();
    test_ends();
    test_floods();
    test_refusals();
    return check_report();
}
