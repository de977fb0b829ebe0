/* test_split.c: core/split.h. Every case is read whole, cut in two at every place, and byte by byte; and all of it
 * by a reader that sees itself where objects end.
 * test_split_portable.c runs all of it again with the scanner for machines without SSE2. */
#include "../../csrc/core/split.h"
#include "../../csrc/core/json.h"
#include "../../csrc/core/random.h"
#include "check.h"

#include <stdlib.h>

#define LARGE ((size_t)16 << 20)

static const neap_split_key data_key[] = {{"data", 4}};
static const neap_split_key deep_keys[] = {{"a", 1}, {"b", 1}};
static const neap_split_key empty_key[] = {{"", 0}};

static neap_split_options json(const neap_split_key *way, size_t way_len) {
    return (neap_split_options){
        .way = way, .way_len = way_len, .record_max = LARGE, .frame_max = LARGE, .depth_max = 100};
}

static neap_split_options lines(void) {
    neap_split_options o = json(NULL, 0);
    o.is_lines = true;
    return o;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A copy of its own size, so that ASan sees a read past a piece. */
static int feed(neap_split *s, const char *bytes, size_t len) {
    char *copy = malloc(len > 0 ? len : 1);
    int rc;
    if (len > 0) memcpy(copy, bytes, len);
    rc = neap_split_feed(s, copy, len);
    free(copy);
    return rc;
}

/* Gets how long the object is that text begins with; 0: it does not end there, or is not right. */
static size_t object_len(const char *text, size_t len, size_t depth_max) {
    neap_json_reader r = {0};
    neap_json_token token;
    size_t found = 0;
    neap_json_reader_start(&r, text, len, depth_max);
    do token = neap_json_reader_next(&r);
    while (token > NEAP_JSON_END && r.depth > 0);
    if (token == NEAP_JSON_OBJECT_END) found = (size_t)(r.at - text);
    neap_json_reader_deinit(&r);
    return found;
}

static bool is_peeked; /* records are taken as they are shown, where that can be */

/* Takes the record that comes next. */
static bool take_one(neap_split *s, neap_split_record *r) {
    size_t len = 0;
    if (!is_peeked || !neap_split_peek(s, r)) return neap_split_next(s, r) > 0;
    CHECK(r->len > 0 && r->len <= s->options.record_max && *r->text == '{');
    len = object_len(r->text, r->len, s->options.depth_max);
    if (len == 0) return neap_split_next(s, r) > 0;
    r->len = len;
    neap_split_take(s, len);
    return true;
}

/* Appends the records that are at hand, a bar behind each. */
static void take(neap_split *s, neap_buf *out) {
    neap_split_record r;
    while (take_one(s, &r)) {
        neap_buf_add(out, r.text, r.len);
        neap_buf_puts(out, "|");
    }
}

/* Appends how it ended: "=FRAME", with a "-" before it if the array was not found; or "!MESSAGE", "~" if
 * truncated. */
static void put_end(neap_split *s, neap_buf *out) {
    size_t len = 0;
    const char *frame = neap_split_frame(s, &len);
    CHECK((frame == NULL) == (s->err.code < 0));
    if (frame == NULL) {
        neap_buf_printf(out, "%s%s", s->truncated ? "~" : "!", s->err.message);
    } else {
        neap_buf_puts(out, neap_split_found(s) ? "=" : "-=");
        neap_buf_add(out, frame, len);
    }
    neap_buf_add(out, "", 1);
}

/* Reads text in pieces: one of `first` bytes, then of `step`. Records pile up if `rarely`. */
static uint64_t read_cut(const neap_split_options *o, const char *text, size_t len, size_t first, size_t step,
                         bool rarely, neap_buf *out) {
    neap_split s;
    uint64_t hash;
    size_t at = first < len ? first : len;
    CHECK_EQ_INT(neap_split_init(&s, o), 0);
    feed(&s, text, at);
    take(&s, out);
    while (s.err.code == 0 && at < len) {
        size_t n = len - at < step ? len - at : step;
        feed(&s, text + at, n);
        at += n;
        if (!rarely || at % 13 == 0) take(&s, out);
    }
    neap_split_finish(&s);
    take(&s, out);
    put_end(&s, out);
    hash = neap_split_hash(&s);
    neap_split_deinit(&s);
    return hash;
}

static void check_one(const neap_split_options *o, const char *text, size_t len, size_t first, size_t step,
                      bool rarely, const char *want, uint64_t hash, int line) {
    neap_buf got = {0};
    uint64_t other = read_cut(o, text, len, first, step, rarely, &got);
    check_str(got.data, want, __FILE__, line, "records and frame");
    check_that(other == hash, __FILE__, line, "the hash");
    neap_buf_free(&got);
}

static void check_read(neap_split_options o, const char *text, size_t len, const char *want, int line) {
    neap_buf whole = {0};
    uint64_t hash = read_cut(&o, text, len, len, 1, false, &whole);
    check_str(whole.data, want, __FILE__, line, "records and frame, of one piece");
    is_peeked = !is_peeked; /* the hash is the same */
    check_one(&o, text, len, len, 1, false, want, hash, line);
    is_peeked = !is_peeked;
    for (size_t cut = 0; cut <= len; cut++) check_one(&o, text, len, cut, len + 1, false, want, hash, line);
    check_one(&o, text, len, 0, 1, false, want, hash, line);
    check_one(&o, text, len, 0, 1, true, want, hash, line);
    check_one(&o, text, len, 0, 7, true, want, hash, line);
    neap_buf_free(&whole);
}

#define CHECK_READ(options, text, want) check_read(options, text, sizeof(text) - 1, want, __LINE__)
#define CHECK_LIST(text, want) CHECK_READ(json(NULL, 0), text, want)
#define CHECK_DATA(text, want) CHECK_READ(json(data_key, 1), text, want)
#define CHECK_DEEP(text, want) CHECK_READ(json(deep_keys, 2), text, want)

/* --- cases ------------------------------------------------------------------------------------ */

static void test_records(void) {
    CHECK_LIST("[]", "=[]");
    CHECK_LIST(" [ ] \n", "= [] \n");
    CHECK_LIST("\xEF\xBB\xBF[1]", "1|=[]");
    CHECK_LIST("[{\"a\":1},{\"b\":[2,{}]}]", "{\"a\":1}|{\"b\":[2,{}]}|=[]");
    CHECK_LIST("[ 1 , -2.5e+3\t,\r\ntrue,null , \"x\" ]", "1|-2.5e+3|true|null|\"x\"|=[]");
    CHECK_LIST("[[],[[]],{},\"\"]", "[]|[[]]|{}|\"\"|=[]");
    CHECK_LIST("[{\"]}\\\"\":\"[{\\\\\"},\"\\\\\",\"\\\\\\\"]\",3]",
               "{\"]}\\\"\":\"[{\\\\\"}|\"\\\\\"|\"\\\\\\\"]\"|3|=[]");
    CHECK_LIST("[\"\xE5\xB1\xB1\",{\"\xE5\xB1\xB1\":\"\xF0\x9F\x98\x80\"}]",
               "\"\xE5\xB1\xB1\"|{\"\xE5\xB1\xB1\":\"\xF0\x9F\x98\x80\"}|=[]");
    /* what its reader will refuse is a record all the same */
    CHECK_LIST("[nope,{\"a\":1],'x',{\"a\":Y_y\x7F},/**/]", "nope|{\"a\":1]|'x'|{\"a\":Y_y\x7F}|/**/|=[]");
    CHECK_LIST("[{\\\"a\":1},2]", "{\\\"a\":1}|2|=[]"); /* no escape outside of strings */
}

static void test_way(void) {
    CHECK_DATA("{\"data\":[1,2]}", "1|2|={\"data\":[]}");
    CHECK_DATA("{\"ok\":true, \"x\":[1,{\"data\":[5]}] , \"data\" : [ {} ] ,\"n\":-3,\"e\":\"}\"} ",
               "{}|={\"ok\":true, \"x\":[1,{\"data\":[5]}] , \"data\" : [] ,\"n\":-3,\"e\":\"}\"} ");
    CHECK_DATA("{\"d\\u0061ta\":[1]}", "1|={\"d\\u0061ta\":[]}");
    CHECK_DATA("{\"dat\":[1],\"datas\":[2],\"Data\":[3],\"data\\n\":4}",
               "-={\"dat\":[1],\"datas\":[2],\"Data\":[3],\"data\\n\":4}");
    CHECK_DATA("{\"data\":1,\"data\":[2]}", "2|={\"data\":1,\"data\":[]}");
    CHECK_DEEP("{\"b\":[0],\"a\":{\"a\":[],\"b\":[1,{\"b\":[]}],\"c\":{}},\"d\":[[]]}",
               "1|{\"b\":[]}|={\"b\":[0],\"a\":{\"a\":[],\"b\":[],\"c\":{}},\"d\":[[]]}");
    CHECK_DEEP("{\"a\":{},\"a\":{\"b\":[1]}}", "1|={\"a\":{},\"a\":{\"b\":[]}}");
    CHECK_READ(json(empty_key, 1), "{\"\":[1]}", "1|={\"\":[]}");
}

/* The way leads nowhere: the frame is the whole document. */
static void test_not_found(void) {
    CHECK_LIST("{\"error\":\"none\"}", "-={\"error\":\"none\"}");
    CHECK_LIST("5", "-=5");
    CHECK_LIST(" \"[1]\"", "-= \"[1]\"");
    CHECK_DATA("[1,2]", "-=[1,2]");
    CHECK_DATA("null", "-=null");
    CHECK_DATA("{}", "-={}");
    CHECK_DATA("{\"data\":{\"data\":[1]}}", "-={\"data\":{\"data\":[1]}}");
    CHECK_DATA("{\"data\":null,\"x\":1}", "-={\"data\":null,\"x\":1}");
    CHECK_DEEP("{\"a\":[{\"b\":[1]}]}", "-={\"a\":[{\"b\":[1]}]}");
    CHECK_DEEP("{\"a\":5,\"b\":[1]}", "-={\"a\":5,\"b\":[1]}");
}

static void test_faults(void) {
    CHECK_LIST("[1,,2]", "1|!byte 4, behind record 1: expected a value, got ','");
    CHECK_LIST("[1,]", "1|!byte 4, behind record 1: expected a value behind the comma, got ']'");
    CHECK_LIST("[,1]", "!byte 2, before record 1: expected a value, got ','");
    CHECK_LIST("[1 2]", "1|!byte 4, behind record 1: expected ',' or ']', got '2'");
    CHECK_LIST("[{}{}]", "{}|!byte 4, behind record 1: expected ',' or ']', got '{'");
    CHECK_LIST("[\"a\"\x01]", "\"a\"|!byte 5, behind record 1: expected ',' or ']', got byte 0x01");
    CHECK_LIST("[1,\xEF\xBB\xBF\x32]", "1|!byte 4, behind record 1: expected a value, got byte 0xEF");
    CHECK_LIST("\xEF\xBB\xBF\xEF\xBB\xBF\x32", "!line 1, column 1: expected a value, got byte 0xEF");
    CHECK_DATA("{\"a\":\xEF\xBB\xBF\x32}", "!line 1, column 6: expected a value, got byte 0xEF");
    CHECK_LIST("[1}", "1|!byte 3, behind record 1: expected ',' or ']', got '}'");
    CHECK_LIST("[}", "!byte 2, before record 1: expected a value, got '}'");
    CHECK_LIST("[1] 2", "1|!behind the records: expected the end of the text behind its one value, got '2'");
    CHECK_LIST("[1]]", "1|!behind the records: expected the end of the text behind its one value, got ']'");
    CHECK_LIST("<html> <body>", "!line 1, column 1: this is HTML or XML, not JSON");
    CHECK_LIST("\n] ", "!line 2, column 1: expected a value, got ']'");
    CHECK_DATA("{\"a\":1,}", "!line 1, column 7: comma before '}'");
    CHECK_DATA("{\"a\" 1}", "!line 1, column 6: expected ':' behind a key, got '1'");
    CHECK_DATA("{\"a\":}", "!line 1, column 6: expected a value, got '}'");
    CHECK_DATA("{\"a\":nil,,", "!line 1, column 6: unknown word nil");
    CHECK_DATA("{data:[1]}", "!line 1, column 2: expected a key in double quotes, got 'd'");
    CHECK_DATA("{\"data\":[1],}", "1|!behind the records: comma before '}'");
    CHECK_DATA("{\"data\":[1]]", "1|!behind the records: expected ',' or '}', got ']'");
    CHECK_DATA("{\"data\":[1],\"data\":[2]}", "1|!byte 13, behind record 1: the key \"data\" comes again");
    CHECK_DATA("{\"data\":[],\"dat\\u0061\":0}", "!byte 12, before record 1: the key \"data\" comes again");
    CHECK_DEEP("{\"a\":{\"b\":[1]},\"a\":{}}", "1|!byte 16, behind record 1: the key \"a\" comes again");
}

static void test_cut_documents(void) {
    CHECK_LIST("", "~line 1, column 1: the text ends before it begins");
    CHECK_LIST("\xEF\xBB", "!line 1, column 1: expected a value, got byte 0xEF");
    CHECK_LIST("[", "~byte 2, before record 1: the text ends inside the array of records");
    CHECK_LIST("[1", "~byte 3, before record 1: the text ends inside the array of records");
    CHECK_LIST("[1,", "1|~byte 4, behind record 1: the text ends inside the array of records");
    CHECK_LIST("[{},\n", "{}|~byte 6, behind record 1: the text ends inside the array of records");
    CHECK_LIST("[{},{\"a\":\"b", "{}|~record 2: line 1, column 8: the text ends inside a string");
    CHECK_LIST("[\"a\\", "~record 1: line 1, column 4: the text ends inside a string");
    CHECK_LIST("[{\"a\":x", "!record 1: line 1, column 6: unknown word x"); /* wrong before it was cut */
    CHECK_LIST("[{\"a\":\"x},{\"b\":2}]", "!record 1: line 1, column 12: expected ',' or '}', got 'b'");
    CHECK_DATA("{\"x\":[", "~line 1, column 7: the text ends before a value");
    CHECK_DATA("{\"data", "~line 1, column 7: the text ends inside a string");
    CHECK_DATA("{\"x\":tru", "~line 1, column 9: the text ends inside a word");
    CHECK_DATA("{\"data\":[1]", "1|~behind the records: the text ends inside an object");
    CHECK_DATA("{\"data\":[1],\"x\":[}", "1|!behind the records: expected a value, got '}'");
}

static void test_lines(void) {
    CHECK_READ(lines(), "", "=");
    CHECK_READ(lines(), "\n \r\n\t\n", "=");
    CHECK_READ(lines(), "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}|{\"a\":2}|=");
    CHECK_READ(lines(), "\xEF\xBB\xBF{}\r\n\r\n\n  [1,2]\r\n\"x\" \n7", "{}|[1,2]|\"x\" |7|=");
    CHECK_READ(lines(), "1\r", "1|=");
    CHECK_READ(lines(), "1\r2\n", "1\r2|=");
    CHECK_READ(lines(), "<html>\n<p>", "<html>|<p>|=");
}

/* --- caps ------------------------------------------------------------------------------------- */

static void test_record_max(void) {
    neap_split_options o = json(NULL, 0), l = lines();
    o.record_max = l.record_max = 5;
    CHECK_READ(o, "[12345,\"abc\",[1,2],{\"\":}]", "12345|\"abc\"|[1,2]|{\"\":}|=[]");
    CHECK_READ(o, "[1,123456]", "1|!record 2: larger than 5 bytes");
    CHECK_READ(o, "[1,\"abcd\"]", "1|!record 2: larger than 5 bytes");
    CHECK_READ(o, "[1,[12,3]]", "1|!record 2: larger than 5 bytes");
    CHECK_READ(o, "[1,[12,34", "1|!record 2: larger than 5 bytes");
    CHECK_READ(o, "[[1,23", "~record 1: line 1, column 6: the text ends inside an array");
    CHECK_READ(l, "12345\n12345\r\n   12345", "12345|12345|12345|=");
    CHECK_READ(l, "1\n123456\n", "1|!record 2: larger than 5 bytes");
    CHECK_READ(l, "1\n123456", "1|!record 2: larger than 5 bytes");
    CHECK_READ(l, "1\n1234567", "1|!record 2: larger than 5 bytes");
}

static void test_frame_max(void) {
    neap_split_options o = json(data_key, 1);
    o.frame_max = 12;
    CHECK_READ(o, "{\"data\":[1]} ", "1|={\"data\":[]} ");
    CHECK_READ(o, "{\"data\":[1]}  ", "1|!what stands beside the records is larger than 12 bytes");
    CHECK_READ(o, "{\"data\":[1,  \n  2,  3]}", "1|2|3|={\"data\":[]}");
    CHECK_READ(o, "{\"dat\":\"12345\"}", "!no records within the first 12 bytes");
    CHECK_READ(o, "             1", "!no records within the first 12 bytes");
    CHECK_READ(o, "[[[[[[[[[[[[[", "!no records within the first 12 bytes");
    CHECK_READ(o, "123456789012", "-=123456789012");
    CHECK_READ(o, "1234567890123", "!no records within the first 12 bytes");
}

static void test_depth_max(void) {
    neap_split_options o = json(data_key, 1);
    o.depth_max = 2;
    CHECK_READ(o, "{\"data\":[[[]],{\"a\":{}}],\"x\":[1]}", "[[]]|{\"a\":{}}|={\"data\":[],\"x\":[1]}");
    CHECK_READ(o, "{\"data\":[1,[[[]]]]}", "1|!record 2: more than 2 levels of nesting");
    CHECK_READ(o, "{\"x\":[[]]}", "!more than 2 levels of nesting");
    CHECK_READ(o, "{\"data\":[1],\"x\":{\"y\":[]}}", "1|!more than 2 levels of nesting");
    o = json(deep_keys, 2);
    o.depth_max = 2;
    CHECK_READ(o, "{\"a\":{\"b\":[1]}}", "!more than 2 levels of nesting");
    o.depth_max = 1;
    CHECK_READ(o, "{\"a\":{\"c\":1}}", "!more than 1 levels of nesting");
}

/* 100,000 brackets are refused at the first that is too many, and nothing of them is kept. */
static void test_bracket_bomb(void) {
    static char bomb[100000];
    neap_split_options o[] = {json(NULL, 0), json(data_key, 1)};
    memset(bomb, '[', sizeof bomb);
    for (int i = 0; i < 2; i++) {
        neap_split s;
        neap_split_record r;
        CHECK_EQ_INT(neap_split_init(&s, &o[i]), 0);
        neap_split_feed(&s, bomb, sizeof bomb);
        CHECK_EQ_INT(neap_split_next(&s, &r), NEAP_EDECODE);
        CHECK_STR(s.err.message, i == 0 ? "record 1: more than 100 levels of nesting"
                                        : "more than 100 levels of nesting");
        CHECK_EQ_INT(s.text.cap + s.frame.cap, 0);
        CHECK_EQ_INT(neap_split_feed(&s, bomb, 1), NEAP_EDECODE);
        CHECK_EQ_INT(s.text.cap, 0);
        neap_split_deinit(&s);
    }
}

/* --- memory ----------------------------------------------------------------------------------- */

static void test_memory(void) {
    enum { CHUNK = 16384, GIANT = 640 };
    static char chunk[CHUNK];
    neap_split_options o = json(NULL, 0);
    neap_split s;
    neap_split_record r = {0};
    size_t most = 0;
    CHECK_EQ_INT(neap_split_init(&s, &o), 0);
    memset(chunk, 'x', sizeof chunk);
    neap_split_feed(&s, "[1,\"", 4);
    for (int i = 0; i < GIANT; i++) { /* 10 MiB */
        CHECK_EQ_INT(neap_split_feed(&s, chunk, CHUNK), 0);
        if (neap_split_next(&s, &r) > 0) CHECK_EQ_INT(i, 0);
    }
    CHECK(s.text.cap <= (size_t)GIANT * CHUNK * 2);
    neap_split_feed(&s, "\",", 2);
    CHECK_EQ_INT(neap_split_next(&s, &r), 1);
    CHECK_EQ_INT(r.len, GIANT * CHUNK + 2);
    CHECK_EQ_INT(neap_split_next(&s, &r), 0);
    CHECK(s.text.cap <= 262144);
    memset(chunk, ' ', sizeof chunk);
    memcpy(chunk, "{},{},", 6);
    for (int i = 0; i < 1000; i++) {
        neap_split_feed(&s, chunk, CHUNK);
        while (neap_split_next(&s, &r) > 0) {}
        most = s.text.cap > most ? s.text.cap : most;
    }
    CHECK_EQ_INT(s.count, 2002);
    CHECK(most <= 262144);
    neap_split_deinit(&s);
}

/* --- against a plain scanner ------------------------------------------------------------------ */

/* Where the container that text begins with ends, byte by byte; 0: it does not. */
static size_t plain_end(const char *text, size_t len) {
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string && c == '\\') i++;
        else if (c == '"') in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{')) depth++;
        else if (!in_string && (c == ']' || c == '}') && --depth == 0) return i + 1;
    }
    return 0;
}

/* Bytes at random, many of them special; in some texts few are, so that blocks without any occur. */
static size_t make_text(neap_random *random, char *text, size_t max) {
    static const char special[] = "[{]}\"\\\\\\\"\"";
    size_t len = 1 + neap_random_below(random, max - 1);
    uint64_t share = 2 + neap_random_below(random, 60);
    for (size_t i = 1; i < len; i++) {
        bool is_special = neap_random_below(random, share) == 0;
        text[i] = is_special ? special[neap_random_below(random, sizeof special - 1)]
                             : (char)(1 + neap_random_below(random, 255));
    }
    text[0] = neap_random_below(random, 2) == 0 ? '[' : '{';
    return len;
}

static void test_against_plain(void) {
    neap_random random;
    char text[600];
    neap_random_seed(&random, 20260101);
    for (int i = 0; i < 20000; i++) {
        size_t len = make_text(&random, text, sizeof text), end = plain_end(text, len);
        neap_split_scan scan = {0};
        neap_split_seen seen = NEAP_SPLIT_MORE;
        char *exact;
        for (size_t here = 0; here < len && seen == NEAP_SPLIT_MORE;) {
            here += 1 + neap_random_below(&random, i % 2 == 0 ? 600 : 90);
            if (here > len) here = len;
            exact = malloc(here);
            memcpy(exact, text, here);
            seen = neap_split__scan(&scan, exact, here, SIZE_MAX);
            free(exact);
        }
        CHECK_EQ_INT(seen, end > 0 ? NEAP_SPLIT_WHOLE : NEAP_SPLIT_MORE);
        if (end > 0) CHECK_EQ_INT(scan.at, end);
    }
}

/* Escapes at every place of the blocks. */
static void test_escapes_everywhere(void) {
    for (int pad = 0; pad < 140; pad++) {
        neap_buf text = {0}, want = {0}, got = {0};
        neap_split_options o = json(NULL, 0);
        neap_buf_printf(&text, "[{\"%*s\\\\\\\"]}\\\\\":\"\\\"{\"},[\"%*s\\\\\"],0]", pad, "", pad, "");
        neap_buf_printf(&want, "{\"%*s\\\\\\\"]}\\\\\":\"\\\"{\"}|[\"%*s\\\\\"]|0|=[]", pad, "", pad, "");
        neap_buf_add(&want, "", 1);
        for (size_t cut = 0; cut <= text.len; cut += 3) {
            got.len = 0;
            read_cut(&o, text.data, text.len, cut, text.len + 1, false, &got);
            CHECK_STR(got.data, want.data);
        }
        neap_buf_free(&text);
        neap_buf_free(&want);
        neap_buf_free(&got);
    }
}

/* --- the rest --------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *text) {
    neap_split_options o = json(NULL, 0);
    neap_buf out = {0};
    uint64_t hash = read_cut(&o, text, strlen(text), 0, 5, false, &out);
    neap_buf_free(&out);
    return hash;
}

static void test_hash(void) {
    static const char *const texts[] = {
        "[]", "[1]", "[12]", "[1,2]", "[2,1]", "[1,2,3]", "[0]", "[0,0]", "[\"\"]", "[[]]", "[[],[]]",
        "[\"0123456789abcd\"]", "[\"0123456789abc\",\"d\"]", "[\"0123456789abcde\"]",
        "[\"0123456789abcdef0123456789abcdef\"]", "[\"1123456789abcdef0123456789abcdef\"]",
        "[\"0123456789abcdef0123456789abcdeF\"]", "[\"89abcdef012345670123456789abcdef\"]",
        "[\"0123456789abcdef0123456789abcdef0123456789abcdef\"]"};
    enum { COUNT = sizeof texts / sizeof *texts };
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < i; k++) CHECK(hash_of(texts[i]) != hash_of(texts[k]));
    }
    CHECK(hash_of("[1,[2]]") == hash_of(" [ 1 ,\n[2] ] "));
}

/* What the caller makes of a record; a last line may be a part of one. */
static void check_refuse(const char *text, const char *message, bool truncated) {
    neap_split_options o = lines();
    neap_split s;
    neap_split_record r = {0};
    CHECK_EQ_INT(neap_split_init(&s, &o), 0);
    neap_split_feed(&s, text, strlen(text));
    neap_split_finish(&s);
    CHECK_EQ_INT(neap_split_next(&s, &r), 1);
    CHECK_EQ_INT(neap_split_refuse(&s, &r, NEAP_EDECODE, message), NEAP_EDECODE);
    CHECK_EQ_INT(s.truncated, truncated);
    CHECK_STR(s.err.message, "record 1: bad");
    CHECK_EQ_INT(neap_split_next(&s, &r), NEAP_EDECODE);
    CHECK_EQ_INT(neap_split_finish(&s), NEAP_EDECODE);
    neap_split_deinit(&s);
}

static void test_refuse(void) {
    check_refuse("{\"a\":", "bad", true);
    check_refuse("{\"a\":\n", "bad", false);
    check_refuse("{\"a\":x", "bad", false);
    check_refuse("{\"a\":1}", "bad", false);
}

static void test_order_of_calls(void) {
    neap_split_options o = json(data_key, 1);
    neap_split s;
    neap_split_record r;
    const char *frame;
    size_t len = 0;
    CHECK_EQ_INT(neap_split_init(&s, &o), 0);
    CHECK_EQ_INT(neap_split_feed(&s, "{\"data\":", 8), 0);
    CHECK(!neap_split_found(&s));
    CHECK_EQ_INT(neap_split_feed(&s, "[1,2]}", 6), 0);
    CHECK(neap_split_found(&s)); /* without having asked for a record */
    CHECK_EQ_INT(neap_split_finish(&s), 0);
    CHECK_EQ_INT(neap_split_finish(&s), 0);
    CHECK_EQ_INT(neap_split_feed(&s, "x", 1), NEAP_EINVAL);
    CHECK_EQ_INT(neap_split_next(&s, &r), 1);
    CHECK_EQ_INT(neap_split_next(&s, &r), 1);
    CHECK(neap_split_frame(&s, &len) == NULL); /* its end was not read yet */
    CHECK_EQ_INT(neap_split_next(&s, &r), 0);
    frame = neap_split_frame(&s, &len);
    CHECK_MEM(frame, len, "{\"data\":[]}", 11);
    CHECK_EQ_INT(s.count, 2);
    CHECK_EQ_INT(s.bytes, 14);
    CHECK_EQ_INT(neap_split_next(&s, &r), 0);
    neap_split_deinit(&s);
    neap_split_deinit(&s);
}

/* What a peek shows is what follows, and neither it nor a part of a record that it shows takes anything. */
static void test_peek(void) {
    neap_split_options o = json(NULL, 0);
    neap_split_record r;
    neap_split s;
    CHECK_EQ_INT(neap_split_init(&s, &o), 0);
    CHECK(!neap_split_peek(&s, &r));
    feed(&s, "[ {\"a\": 1}, 7, {", 16);
    CHECK(neap_split_peek(&s, &r) && r.len == 14 && memcmp(r.text, "{\"a\": 1}, 7, {", 14) == 0);
    CHECK(neap_split_peek(&s, &r) && s.count == 0);
    neap_split_take(&s, 8);
    CHECK_EQ_INT(s.count, 1);
    CHECK(!neap_split_peek(&s, &r)); /* no object */
    CHECK(neap_split_next(&s, &r) == 1 && r.len == 1 && *r.text == '7');
    CHECK(neap_split_peek(&s, &r) && r.len == 1);
    CHECK_EQ_INT(neap_split_next(&s, &r), 0);
    feed(&s, "}]", 2);
    CHECK(neap_split_peek(&s, &r) && r.len == 3);
    neap_split_take(&s, 2);
    CHECK(!neap_split_peek(&s, &r));
    CHECK_EQ_INT(neap_split_finish(&s), 0);
    CHECK(!neap_split_peek(&s, &r));
    CHECK_EQ_INT(neap_split_next(&s, &r), 0);
    CHECK_EQ_INT(s.count, 3);
    neap_split_deinit(&s);
}

static void test_readings(void) {
    test_records();
    test_way();
    test_not_found();
    test_faults();
    test_cut_documents();
    test_lines();
    test_record_max();
    test_frame_max();
    test_depth_max();
}

int main(void) {
    test_readings();
    is_peeked = true;
    test_readings();
    test_escapes_everywhere();
    test_hash();
    is_peeked = false;
    test_peek();
    test_bracket_bomb();
    test_memory();
    test_against_plain();
    test_escapes_everywhere();
    test_hash();
    test_refuse();
    test_order_of_calls();
    return check_report();
}
