/* test_json.c: core/json.h: tokens, errors with their place, the writer, numbers both ways. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "../../csrc/core/json.h"
#include "check.h"

static neap_json_reader reader; /* one for all, as its buffers are meant to be used again */

/* Writes one token in a form that is easy to compare. */
static void dump_token(neap_buf *out, neap_json_token token) {
    int len = (int)reader.str_len;
    switch (token) {
    case NEAP_JSON_OBJECT_BEGIN: neap_buf_puts(out, "{ "); break;
    case NEAP_JSON_OBJECT_END: neap_buf_puts(out, "} "); break;
    case NEAP_JSON_ARRAY_BEGIN: neap_buf_puts(out, "[ "); break;
    case NEAP_JSON_ARRAY_END: neap_buf_puts(out, "] "); break;
    case NEAP_JSON_KEY: neap_buf_printf(out, "%.*s: ", len, reader.str); break;
    case NEAP_JSON_STRING: neap_buf_printf(out, "<%.*s> ", len, reader.str); break;
    case NEAP_JSON_INTEGER: neap_buf_printf(out, "%lld ", (long long)reader.integer); break;
    case NEAP_JSON_FLOAT: neap_buf_printf(out, "%.17g. ", reader.number); break;
    case NEAP_JSON_BIGINT: neap_buf_printf(out, "big %.*s ", len, reader.str); break;
    case NEAP_JSON_TRUE: neap_buf_puts(out, "T "); break;
    case NEAP_JSON_FALSE: neap_buf_puts(out, "F "); break;
    case NEAP_JSON_NULL: neap_buf_puts(out, "N "); break;
    default: break;
    }
}

/* Reads a text in memory of exactly its size, so that a read behind it is found. */
static neap_json_token read_text(const char *text, size_t len, size_t max_depth, neap_buf *out) {
    char *copy = malloc(len > 0 ? len : 1);
    neap_json_token token;
    memcpy(copy, text, len);
    neap_json_reader_start(&reader, copy, len, max_depth);
    do {
        token = neap_json_reader_next(&reader);
        if (out != NULL) dump_token(out, token);
    } while (token != NEAP_JSON_END && token != NEAP_JSON_ERROR);
    CHECK(neap_json_reader_next(&reader) == token); /* the last token stays the last */
    free(copy);
    return token;
}

static void check_tokens(const char *text, const char *want) {
    neap_buf out = {0};
    neap_json_token token = read_text(text, strlen(text), 100, &out);
    neap_buf_add(&out, "", 1);
    if (!CHECK(token == NEAP_JSON_END)) fprintf(stderr, "    %s: %s\n", text, reader.err.message);
    CHECK_STR(out.data, want);
    neap_buf_free(&out);
}

static void test_tokens(void) {
    check_tokens("{}", "{ } ");
    check_tokens("[]", "[ ] ");
    check_tokens(" [ [ ] , { } ] ", "[ [ ] { } ] ");
    check_tokens("{\"a\":1,\"b\":[true,false,null]}", "{ a: 1 b: [ T F N ] } ");
    check_tokens("\t\r\n\"x\"\n", "<x> ");
    check_tokens("\xEF\xBB\xBF[1]", "[ 1 ] ");
    check_tokens("{\"\":{\"\":\"\"}}", "{ : { : <> } } ");
    check_tokens("{\"a\":{\"b\":[{}]},\"c\":0}", "{ a: { b: [ { } ] } c: 0 } ");
}

static void test_strings(void) {
    check_tokens("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "<\"\\/\b\f\n\r\t> ");
    check_tokens("\"\\u0041\\u00e9\\u4E2d\\ud83d\\uDE00\"",
                 "<A\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80> ");
    check_tokens("\"before\\nbehind\"", "<before\nbehind> ");
    check_tokens("[\"\\n\",\"plain\",\"\\t\"]", "[ <\n> <plain> <\t> ] ");
    check_tokens("{\"k\\u0065y\":1}", "{ key: 1 } ");
    check_tokens("\"\x7F\"", "<\x7F> ");
    /* the lowest and highest code point of each length, and around the surrogates */
    check_tokens("\"\xC2\x80\xDF\xBF\"", "<\xC2\x80\xDF\xBF> ");
    check_tokens("\"\xE0\xA0\x80\xEF\xBF\xBF\"", "<\xE0\xA0\x80\xEF\xBF\xBF> ");
    check_tokens("\"\xED\x9F\xBF\xEE\x80\x80\"", "<\xED\x9F\xBF\xEE\x80\x80> ");
    check_tokens("\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"", "<\xF0\x90\x80\x80\xF4\x8F\xBF\xBF> ");
    check_tokens("\"\\ud800\\udc00\\udbff\\udfff\"", "<\xF0\x90\x80\x80\xF4\x8F\xBF\xBF> ");
    read_text("\"a\\u0000b\"", 10, 1, NULL);
    CHECK_MEM(reader.scratch.data, reader.scratch.len, "a\0b", 3);
}

/* Each byte that ends a plain run, at each place of the eight that are looked at together. */
static void test_runs(void) {
    for (size_t at = 0; at < 24; at++) {
        char text[40] = "\"aaaaaaaaaaaaaaaaaaaaaaaa\"";
        text[1 + at] = '\x1F';
        CHECK(read_text(text, 26, 1, NULL) == NEAP_JSON_ERROR);
        CHECK_EQ_INT(reader.column, at + 2);
        text[1 + at] = '\xFF';
        CHECK(read_text(text, 26, 1, NULL) == NEAP_JSON_ERROR);
        CHECK_EQ_INT(reader.column, at + 2);
        text[1 + at] = '"';
        CHECK(read_text(text, at + 2, 1, NULL) == NEAP_JSON_END);
        CHECK_EQ_INT(reader.str_len, at);
        text[1 + at] = '\x7F';
        CHECK(read_text(text, 26, 1, NULL) == NEAP_JSON_END);
        CHECK_EQ_INT(reader.str_len, 24);
    }
}

static void test_numbers(void) {
    check_tokens("[0,-0,7,-7,7519]", "[ 0 0 7 -7 7519 ] ");
    check_tokens("9223372036854775807", "9223372036854775807 ");
    check_tokens("-9223372036854775808", "-9223372036854775808 ");
    check_tokens("9223372036854775808", "big 9223372036854775808 ");
    check_tokens("-9223372036854775809", "big -9223372036854775809 ");
    check_tokens("18446744073709551617", "big 18446744073709551617 "); /* 1 if it wrapped */
    check_tokens("[9007199254740993]", "[ 9007199254740993 ] ");
    check_tokens("[1.0,-0.0,1e2,1E+2,1e-2]", "[ 1. -0. 100. 100. 0.01. ] ");
    check_tokens("0.1", "0.10000000000000001. ");
    check_tokens("1.7976931348623157e308", "1.7976931348623157e+308. ");
    check_tokens("4.9e-324", "4.9406564584124654e-324. ");
    check_tokens("1e-400", "0. ");
    check_tokens("0.30000000000000004", "0.30000000000000004. ");
    check_tokens("9007199254740993.0", "9007199254740992. ");  /* tie: to even */
    check_tokens("9007199254740995.00", "9007199254740996. "); /* tie: to even, upwards */
    check_tokens("0.500000000000000166533453693773481063544750213623046875",
                 "0.50000000000000022. ");
}

typedef struct wrong {
    const char *text;
    size_t line, column;
    const char *message; /* behind its position */
} wrong;

static const wrong refused[] = {
    {"[1,]", 1, 3, "comma before ']'"},
    {"{\"a\":1,\n}", 1, 7, "comma before '}'"},
    {"[1 2]", 1, 4, "expected ',' or ']', got '2'"},
    {"{\"a\":1 \"b\":2}", 1, 8, "expected ',' or '}', got '\"'"},
    {"[1}", 1, 3, "expected ',' or ']', got '}'"},
    {"{\"a\":1]", 1, 7, "expected ',' or '}', got ']'"},
    {"[,1]", 1, 2, "expected a value, got ','"},
    {"[1,,2]", 1, 4, "expected a value, got ','"},
    {"]", 1, 1, "expected a value, got ']'"},
    {"{1:2}", 1, 2, "expected a key in double quotes, got '1'"},
    {"{\"a\" 1}", 1, 6, "expected ':' behind a key, got '1'"},
    {"{\"a\":}", 1, 6, "expected a value, got '}'"},
    {"{'a':1}", 1, 2, "strings stand in double quotes"},
    {"['a']", 1, 2, "strings stand in double quotes"},
    {"[1, // one\n2]", 1, 5, "comments are not JSON"},
    {"[1 /* one */]", 1, 4, "comments are not JSON"},
    {"# x\n1", 1, 1, "comments are not JSON"},
    {"{} {}", 1, 4, "expected the end of the text behind its one value, got '{'"},
    {"1 x", 1, 3, "expected the end of the text behind its one value, got 'x'"},
    {"12ab", 1, 3, "expected the end of the text behind its one value, got 'a'"},
    {"[01]", 1, 2, "a number cannot start with 0"},
    {"[-01]", 1, 3, "a number cannot start with 0"},
    {"0x10", 1, 1, "hexadecimal numbers are not JSON"},
    {"+1", 1, 1, "a number cannot start with +"},
    {".5", 1, 1, "a number needs a digit before its point"},
    {"-.5", 1, 2, "a number needs a digit before its point"},
    {"[1.]", 1, 4, "a number needs a digit behind its point"},
    {"[1.e5]", 1, 4, "a number needs a digit behind its point"},
    {"[1e]", 1, 4, "a number needs a digit in its exponent"},
    {"[1e+]", 1, 5, "a number needs a digit in its exponent"},
    {"[-]", 1, 3, "a number needs a digit behind its minus, got ']'"},
    {"[-a]", 1, 3, "a number needs a digit behind its minus, got 'a'"},
    {"1e400", 1, 1, "number beyond the range of a double"},
    {"-1e999999999999999999999", 1, 1, "number beyond the range of a double"},
    {"[NaN]", 1, 2, "NaN and Infinity are not JSON"},
    {"[Infinity]", 1, 2, "NaN and Infinity are not JSON"},
    {"[-Infinity]", 1, 2, "NaN and Infinity are not JSON"},
    {"[nan]", 1, 2, "unknown word nan"},
    {"True", 1, 1, "unknown word True"},
    {"undefined", 1, 1, "unknown word undefined"},
    {"trux", 1, 1, "unknown word trux"},
    {"\"a\tb\"", 1, 3, "control character 0x09 in a string needs an escape"},
    {"\"a\nb\"", 1, 3, "control character 0x0A in a string needs an escape"},
    {"\"\\x\"", 1, 2, "a backslash before 'x' means nothing"},
    {"\"\\'\"", 1, 2, "a backslash before ''' means nothing"},
    {"\"\\\x01\"", 1, 2, "a backslash before byte 0x01 means nothing"},
    {"\"ab\\u12g4\"", 1, 4, "\\u needs four hexadecimal digits"},
    {"\"\\ud800\"", 1, 2, "half of a surrogate pair alone"},
    {"\"\\ud800x\"", 1, 2, "half of a surrogate pair alone"},
    {"\"\\ud800\\n\"", 1, 2, "half of a surrogate pair alone"},
    {"\"\\ud800\\u0041\"", 1, 2, "half of a surrogate pair alone"},
    {"\"\\udc00\"", 1, 2, "half of a surrogate pair alone"},
    {"\"\\ud800\\ud800\"", 1, 2, "half of a surrogate pair alone"},
    {"\"\x80\"", 1, 2, "byte 0x80 is not UTF-8 here"},
    {"\"\xC0\x80\"", 1, 2, "byte 0xC0 is not UTF-8 here"},
    {"\"\xC1\xBF\"", 1, 2, "byte 0xC1 is not UTF-8 here"},
    {"\"\xE0\x9F\xBF\"", 1, 2, "byte 0xE0 is not UTF-8 here"},
    {"\"\xED\xA0\x80\"", 1, 2, "byte 0xED is not UTF-8 here"},
    {"\"\xF0\x8F\xBF\xBF\"", 1, 2, "byte 0xF0 is not UTF-8 here"},
    {"\"\xF4\x90\x80\x80\"", 1, 2, "byte 0xF4 is not UTF-8 here"},
    {"\"\xF5\x80\x80\x80\"", 1, 2, "byte 0xF5 is not UTF-8 here"},
    {"\"\xE4\xB8\x41\"", 1, 2, "byte 0xE4 is not UTF-8 here"},
    {"\"\xC3\"", 1, 2, "byte 0xC3 is not UTF-8 here"},
    {"<html>", 1, 1, "this is HTML or XML, not JSON"},
    {"\xFF\xFE[", 1, 1, "this is UTF-16, not UTF-8"},
    {"\xEF\xBB\xBF[x]", 1, 2, "unknown word x"},
    {"{\n  \"a\": 1,\n  \"\xE4\xB8\xAD\": \xE4\xB8\xAD\n}", 3, 8,
     "expected a value, got '\xE4\xB8\xAD'"},
    {"[\"\xF0\x9F\x98\x80\xC3\xA9\",\r\n  \"\xF0\x9F\x98\x80\" x", 2, 7,
     "expected ',' or ']', got 'x'"},
    {"[\x01]", 1, 2, "expected a value, got byte 0x01"},
    {"[[[[[]]]]]", 1, 5, "more than 4 levels of nesting"},
    {"{\"a\":{\"a\":{\"a\":{\"a\":[]}}}}", 1, 21, "more than 4 levels of nesting"},
};

static void test_refused(void) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const wrong *w = refused + i;
        char want[256];
        snprintf(want, sizeof want, "line %zu, column %zu: %s", w->line, w->column, w->message);
        CHECK(read_text(w->text, strlen(w->text), 4, NULL) == NEAP_JSON_ERROR);
        CHECK_STR(reader.err.message, want);
        CHECK_EQ_INT(reader.err.code, NEAP_EDECODE);
        CHECK_EQ_INT(reader.line, w->line);
        CHECK_EQ_INT(reader.column, w->column);
        CHECK(!reader.truncated);
    }
    CHECK(read_text("[1\0]", 4, 4, NULL) == NEAP_JSON_ERROR);
    CHECK_STR(reader.err.message, "line 1, column 3: expected ',' or ']', got byte 0x00");
    CHECK(read_text("[[[[]]]]", 8, 4, NULL) == NEAP_JSON_END);
}

/* Every beginning of a right text is truncated, and only that. */
static void test_truncated(void) {
    static const char text[] = "\xEF\xBB\xBF{\"k\\u00e9\\ud83d\\ude00\":[1,-2.5e+3,true,false,null,"
                               "\"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\\n\"],\"o\":{\"x\":{}}}";
    static const wrong places[] = {
        {"", 1, 1, "before it begins"},     {" \n ", 2, 2, "before a value"},
        {"[", 1, 2, "before a value"},      {"[1,", 1, 4, "before a value"},
        {"[1", 1, 3, "inside an array"},    {"{\"a\":1", 1, 7, "inside an object"},
        {"{", 1, 2, "before a key"},        {"{\"a\":1,", 1, 8, "before a key"},
        {"{\"a\"", 1, 5, "behind a key"},   {"{\"a\":", 1, 6, "before a value"},
        {"\"abc", 1, 5, "inside a string"}, {"\"\\ud83d", 1, 8, "inside a string"},
        {"1.", 1, 3, "inside a number"},    {"-", 1, 2, "inside a number"},
        {"1e-", 1, 4, "inside a number"},   {"tru", 1, 4, "inside a word"},
    };
    size_t len = sizeof text - 1;
    CHECK(read_text(text, len, 10, NULL) == NEAP_JSON_END);
    for (size_t i = 0; i < len; i++) {
        CHECK(read_text(text, i, 10, NULL) == NEAP_JSON_ERROR);
        if (!CHECK(reader.truncated)) fprintf(stderr, "    %zu: %s\n", i, reader.err.message);
        CHECK_EQ_INT(reader.line, 1);
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const wrong *w = places + i;
        char want[256];
        snprintf(want, sizeof want, "line %zu, column %zu: the text ends %s", w->line, w->column,
                 w->message);
        CHECK(read_text(w->text, strlen(w->text), 10, NULL) == NEAP_JSON_ERROR);
        CHECK_STR(reader.err.message, want);
    }
}

static void test_refuse(void) {
    neap_json_reader_start(&reader, "{\"a\":\n 17}", 10, 10);
    CHECK(neap_json_reader_next(&reader) == NEAP_JSON_OBJECT_BEGIN);
    CHECK(neap_json_reader_next(&reader) == NEAP_JSON_KEY);
    CHECK(neap_json_reader_next(&reader) == NEAP_JSON_INTEGER);
    CHECK(neap_json_reader_refuse(&reader, "%d is odd", 17) == NEAP_JSON_ERROR);
    CHECK_STR(reader.err.message, "line 2, column 2: 17 is odd");
    CHECK(neap_json_reader_next(&reader) == NEAP_JSON_ERROR);
    neap_json_reader_start(&reader, "{\"a\":1,  \"b\":2}", 15, 10);
    for (int i = 0; i < 4; i++) neap_json_reader_next(&reader);
    neap_json_reader_refuse(&reader, "no b");
    CHECK_STR(reader.err.message, "line 1, column 10: no b");
}

static void test_depth(void) {
    size_t levels = 100000;
    char *text = malloc(2 * levels);
    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    CHECK(read_text(text, 2 * levels, levels, NULL) == NEAP_JSON_END);
    CHECK(read_text(text, 2 * levels, levels - 1, NULL) == NEAP_JSON_ERROR);
    CHECK_EQ_INT(reader.column, levels);
    free(text);
}

/* ---- writing ---- */

static neap_buf output;

/* The text written so far as a C string; begins the next. */
static const char *written(void) {
    neap_buf_add(&output, "", 1);
    output.len = 0;
    return output.data;
}

static void write_sample(neap_json_writer *w) {
    neap_json_writer_begin(w, '{');
    neap_json_writer_key(w, "a", 1);
    neap_json_writer_begin(w, '[');
    neap_json_writer_int(w, 1);
    neap_json_writer_double(w, 2);
    neap_json_writer_begin(w, '[');
    neap_json_writer_end(w, ']');
    neap_json_writer_end(w, ']');
    neap_json_writer_key(w, "b", 1);
    neap_json_writer_begin(w, '{');
    neap_json_writer_end(w, '}');
    neap_json_writer_key(w, "c", 1);
    neap_json_writer_raw(w, "null", 4);
    neap_json_writer_end(w, '}');
}

static void test_writer(void) {
    neap_json_writer compact = {.out = &output}, wide = {.out = &output, .indent = 2};
    write_sample(&compact);
    CHECK_STR(written(), "{\"a\":[1,2.0,[]],\"b\":{},\"c\":null}");
    write_sample(&wide);
    CHECK_STR(written(), "{\n  \"a\": [\n    1,\n    2.0,\n    []\n  ],\n  \"b\": {},\n"
                         "  \"c\": null\n}");
}

static const char *as_string(const char *s, size_t len) {
    neap_json_writer w = {.out = &output};
    int rc = neap_json_writer_string(&w, s, len);
    if (rc == 0) return written();
    CHECK_EQ_INT(output.len, 0); /* nothing half-written */
    return rc == NEAP_EINVAL ? "refused" : "no memory";
}

static void test_written_strings(void) {
    CHECK_STR(as_string("", 0), "\"\"");
    CHECK_STR(as_string("a/b <\x7F>", 7), "\"a/b <\x7F>\"");
    CHECK_STR(as_string("\"\\\b\f\n\r\t", 7), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    CHECK_STR(as_string("\0\x01\x1F", 3), "\"\\u0000\\u0001\\u001f\"");
    CHECK_STR(as_string("\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80", 9),
              "\"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\"");
    CHECK_STR(as_string("\xE2\x80\xA8", 3), "\"\xE2\x80\xA8\"");
    CHECK_STR(as_string("12345678\"12345678", 17), "\"12345678\\\"12345678\"");
    CHECK_STR(as_string("a\xFF", 2), "refused");
    CHECK_STR(as_string("\n\xC3", 2), "refused");
    CHECK_STR(as_string("\xED\xA0\x80", 3), "refused");
}

/* A byte that cannot stay as it is, at each place of strings of each length that is copied in one way or another. */
static void test_written_runs(void) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmn";
    for (size_t len = 1; len <= sizeof letters - 1; len++) {
        for (size_t at = 0; at < len; at++) {
            char text[48], want[48];
            memcpy(text, letters, len);
            snprintf(want, sizeof want, "\"%.*s\"", (int)len, text);
            CHECK_STR(as_string(text, len), want);
            text[at] = '\n';
            snprintf(want, sizeof want, "\"%.*s\\n%.*s\"", (int)at, text, (int)(len - at - 1), text + at + 1);
            CHECK_STR(as_string(text, len), want);
            text[at] = '\xFF';
            CHECK_STR(as_string(text, len), "refused");
        }
    }
}

static const char *as_double(double value) {
    neap_json_writer w = {.out = &output};
    return neap_json_writer_double(&w, value) == 0 ? written() : "refused";
}

static const char *as_int(int64_t value) {
    neap_json_writer w = {.out = &output};
    neap_json_writer_int(&w, value);
    return written();
}

static void test_written_numbers(void) {
    CHECK_STR(as_int(0), "0");
    CHECK_STR(as_int(-7), "-7");
    CHECK_STR(as_int(100), "100");
    CHECK_STR(as_int(INT64_MAX), "9223372036854775807");
    CHECK_STR(as_int(INT64_MIN), "-9223372036854775808");
    CHECK_STR(as_double(0.0), "0.0");
    CHECK_STR(as_double(-0.0), "-0.0");
    CHECK_STR(as_double(1), "1.0");
    CHECK_STR(as_double(-12.5), "-12.5");
    CHECK_STR(as_double(0.1), "0.1");
    CHECK_STR(as_double(0.1 + 0.2), "0.30000000000000004");
    CHECK_STR(as_double(1.0 / 3), "0.3333333333333333");
    CHECK_STR(as_double(1e15), "1000000000000000.0");
    CHECK_STR(as_double(9007199254740993.0), "9007199254740992.0");
    CHECK_STR(as_double(1e16), "10000000000000000.0");
    CHECK_STR(as_double(1e17), "1e17");
    CHECK_STR(as_double(1.5e300), "1.5e300");
    CHECK_STR(as_double(0.0001), "0.0001");
    CHECK_STR(as_double(0.00001), "0.00001");
    CHECK_STR(as_double(0.0000012), "1.2e-6");
    CHECK_STR(as_double(DBL_MAX), "1.7976931348623157e308");
    CHECK_STR(as_double(DBL_MIN), "2.2250738585072014e-308");
    CHECK_STR(as_double(DBL_TRUE_MIN), "5e-324");
    CHECK_STR(as_double((double)NAN), "refused");
    CHECK_STR(as_double((double)INFINITY), "refused");
    CHECK_STR(as_double(-(double)INFINITY), "refused");
}

/* A fixed generator: the same numbers in every run (xorshift, Marsaglia 2003). */
static uint64_t next_random(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Doubles of every size, and of the sizes that data has, come back bit by bit; so do the C
 * library's 17 digits of them. */
static void test_doubles_come_back(void) {
    unsigned bad = 0;
    for (int i = 0; i < 60000; i++) {
        uint64_t bits = next_random();
        char digits[40];
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 3 == 1) value = (double)(bits >> 11) / 9007199254740992.0 * (double)(1 << i % 30);
        if (i % 3 == 2) value = (double)(bits % 1000000000) / 1000;
        if (!isfinite(value)) continue;
        as_double(value);
        read_text(output.data, strlen(output.data), 1, NULL);
        bad += memcmp(&value, &reader.number, sizeof value) != 0;
        snprintf(digits, sizeof digits, "%.17e", value);
        read_text(digits, strlen(digits), 1, NULL);
        bad += memcmp(&value, &reader.number, sizeof value) != 0;
    }
    CHECK_EQ_INT(bad, 0);
}

int main(void) {
    test_tokens();
    test_strings();
    test_runs();
    test_numbers();
    test_refused();
    test_truncated();
    test_refuse();
    test_depth();
    test_writer();
    test_written_strings();
    test_written_runs();
    test_written_numbers();
    test_doubles_come_back();
    neap_json_reader_deinit(&reader);
    neap_buf_free(&output);
    return check_report();
}
