/* test_mapping.c: core/mapping.h: steps, casts, the rest, CSV, faults. */
#include "../../csrc/core/mapping.h"

#include <stdlib.h>

#include "check.h"

#define TEXT(s)                                                                                    \
    { s, sizeof(s) - 1 }
#define MAX_ENTRIES 12

static const neap_mapping_text A[] = {TEXT("a")}, B[] = {TEXT("b")}, C[] = {TEXT("c")},
                               A_B[] = {TEXT("a"), TEXT("b")},
                               A_B_C[] = {TEXT("a"), TEXT("b"), TEXT("c")},
                               UPPER[] = {TEXT("Name")}, LOWER[] = {TEXT("name")};
#define FROM(way) .from = (way), .from_len = sizeof(way) / sizeof *(way)

/* A map as a test writes it; entries end where `to` is not given. */
typedef struct map {
    neap_mapping_format format;
    bool rest, any_case;
    neap_mapping_entry entries[MAX_ENTRIES];
} map;

static neap_mapping *compile(const map *spec, int line) {
    neap_mapping *m = NULL;
    neap_err err = {0};
    if (neap_mapping_new(&m, spec->format, spec->rest, spec->any_case, &err) < 0)
        check_str(err.message, "", __FILE__, line, "new");
    for (const neap_mapping_entry *e = spec->entries; m != NULL && e->to.s != NULL; e++) {
        if (neap_mapping_add(m, e, &err) < 0) check_str(err.message, "", __FILE__, line, "add");
    }
    return m;
}

static bool is_tried; /* each record once more, by neap_mapping_try */

/* What neap_mapping_try makes of a record that was applied with that outcome: the same, also of one with something
 * behind it. What it refuses neap_mapping_apply has to, and nothing is left of it. */
static void check_try(neap_mapping *m, const char *json, size_t len, int rc, const neap_buf *want) {
    neap_buf text = {0}, got = {0};
    uint64_t count = neap_mapping_count(m);
    size_t used;
    neap_buf_puts(&got, "|");
    used = neap_mapping_try(m, json, len, &got);
    CHECK(rc < 0 ? used < len || used == 0 : used > 0);
    CHECK(neap_mapping_count(m) == count + (used > 0));
    CHECK(used > 0 || got.len == 1);
    if (rc == 0) CHECK(got.len == want->len && memcmp(got.data, want->data, got.len) == 0);
    got.len = 1;
    neap_buf_add(&text, json, len);
    neap_buf_puts(&text, ",{\"a\":2}]");
    if (rc == 0) CHECK(neap_mapping_try(m, text.data, text.len, &got) == used);
    if (rc == 0) CHECK(got.len == want->len && memcmp(got.data, want->data, got.len) == 0);
    neap_buf_free(&text);
    neap_buf_free(&got);
}

/* The line of a record, or the fault, as a C string in `out`. Memory is of the record's own size. */
static void run(neap_mapping *m, const char *json, size_t len, neap_buf *out) {
    char *copy = malloc(len > 0 ? len : 1);
    neap_err err = {0};
    int rc;
    if (len > 0) memcpy(copy, json, len);
    out->len = 0;
    neap_buf_puts(out, "|");
    rc = neap_mapping_apply(m, copy, len, out, &err);
    CHECK(rc == 0 || (rc == err.code && out->len == 1));
    if (is_tried) check_try(m, copy, len, rc, out);
    if (rc < 0) neap_buf_puts(out, err.message);
    neap_buf_add(out, "", 1);
    free(copy);
}

static void check_map(const map *spec, const char *json, size_t len, const char *want, int line) {
    neap_mapping *m = compile(spec, line);
    neap_buf out = {0};
    is_tried = true;
    for (int i = 0; i < 2; i++) { /* the second finds buffers in use */
        run(m, json, len, &out);
        check_str(out.data + 1, want, __FILE__, line, json);
    }
    run(m, "{\"a\":[{\"x\":\"\\n\"},", 18, &out); /* a fault in the middle leaves nothing behind */
    run(m, json, len, &out);
    check_str(out.data + 1, want, __FILE__, line, "after a fault");
    is_tried = false;
    neap_mapping_free(m);
    neap_buf_free(&out);
}

#define MAP(spec, json, want) check_map(&(spec), (json), sizeof(json) - 1, (want), __LINE__)

/* ---- members ---- */

static void test_rename(void) {
    const map m = {.entries = {{.to = TEXT("y"), FROM(B)}, {.to = TEXT("x\"z"), FROM(A)}}};
    MAP(m, "{\"a\":1,\"b\":\"two\",\"c\":[3]}", "{\"y\":\"two\",\"x\\\"z\":1}\n");
    MAP(m, " { \"a\" : 1 , \"b\" :\t\"two\" } \n", "{\"y\":\"two\",\"x\\\"z\":1}\n");
    MAP(m, "\xEF\xBB\xBF{\"a\":1}", "{\"x\\\"z\":1}\n");
    MAP(m, "{\"a\":null}", "{}\n");
    MAP(m, "{}", "{}\n");
    MAP(m, "{\"\\u0061\":1,\"b\":\"\\u0062\\/\\n\"}", "{\"y\":\"b/\\n\",\"x\\\"z\":1}\n");
    MAP(m, "{\"a\":{\"z\":1.10,\"y\":[ ]},\"b\":true}",
        "{\"y\":true,\"x\\\"z\":{\"z\":1.1,\"y\":[]}}\n");
    MAP(m, "{\"a\":1,\"a\":[2],\"a\":3,\"b\":1,\"b\":null}", "{\"x\\\"z\":3}\n");
}

static void test_numbers(void) {
    const map m = {.entries = {{.to = TEXT("n"), FROM(A)}}};
    MAP(m, "{\"a\":1.0}", "{\"n\":1.0}\n");
    MAP(m, "{\"a\":1.10}", "{\"n\":1.1}\n");
    MAP(m, "{\"a\":1E2}", "{\"n\":100.0}\n");
    MAP(m, "{\"a\":-0}", "{\"n\":0}\n");
    MAP(m, "{\"a\":-0.0}", "{\"n\":-0.0}\n");
    MAP(m, "{\"a\":-9223372036854775808}", "{\"n\":-9223372036854775808}\n");
    MAP(m, "{\"a\":9223372036854775807}", "{\"n\":9223372036854775807}\n");
    MAP(m, "{\"a\":9223372036854775808}", "line 1, column 6: integer beyond 64 bit");
    MAP(m, "{\"z\":[9223372036854775808]}", "line 1, column 7: integer beyond 64 bit");
    MAP(m, "{\"a\":01}", "line 1, column 6: a number cannot start with 0");
    MAP(m, "{\"a\":1e999}", "line 1, column 6: number beyond the range of a double");
}

static void test_ways(void) {
    const map m = {.entries = {{.to = TEXT("deep"), FROM(A_B_C)},
                               {.to = TEXT("b"), FROM(A_B)},
                               {.to = TEXT("a"), FROM(A)},
                               {.to = TEXT("c"), FROM(C)}}};
    MAP(m, "{\"a\":{\"b\":{\"c\":1}},\"c\":2}",
        "{\"deep\":1,\"b\":{\"c\":1},\"a\":{\"b\":{\"c\":1}},\"c\":2}\n");
    MAP(m, "{\"a\":{\"b\":[{\"c\":1}]}}", "{\"b\":[{\"c\":1}],\"a\":{\"b\":[{\"c\":1}]}}\n");
    MAP(m, "{\"a\":\"x\"}", "{\"a\":\"x\"}\n");
    MAP(m, "{\"a\":{\"b\":{\"c\":1}},\"a\":{\"b\":2}}", "{\"b\":2,\"a\":{\"b\":2}}\n");
    MAP(m, "{\"a\":{\"b\":{\"c\":1},\"b\":{}}}", "{\"b\":{},\"a\":{\"b\":{}}}\n");
    MAP(m, "{\"a\":{\"b\":1},\"a\":7}", "{\"a\":7}\n");
    MAP(m, "{\"a\":{\"b\":{\"c\":1}", "line 1, column 18: the text ends inside an object");
}

static void test_any_case(void) {
    const map m = {.any_case = true,
                   .rest = true,
                   .entries = {{.to = TEXT("u"), FROM(UPPER)},
                               {.to = TEXT("l"), FROM(LOWER)},
                               {.to = TEXT("ab"), FROM(A_B)}}};
    MAP(m, "{\"NAME\":1,\"name\":2,\"Name\":3}", "{\"u\":3,\"l\":2}\n");
    MAP(m, "{\"NAME\":1,\"nAME\":2}", "{\"u\":1,\"l\":1}\n");
    MAP(m, "{\"NAME\":1,\"nAME\":2,\"NAME\":3}", "{\"u\":3,\"l\":3}\n");
    MAP(m, "{\"name\":null,\"NAME\":2}", "{}\n");
    MAP(m, "{\"N\\u0041ME\":{\"k\":1,\"k\":2}}", "{\"u\":{\"k\":2},\"l\":{\"k\":2}}\n");
    MAP(m, "{\"A\":{\"B\":1,\"b\":2},\"U\":3,\"u\":4}",
        "{\"ab\":2,\"A\":{\"B\":1,\"b\":2},\"U\":3}\n");
    MAP(m, "{\"A\":{\"b\":1},\"a\":{\"B\":2}}", "{\"ab\":2,\"A\":{\"b\":1},\"a\":{\"B\":2}}\n");
    MAP(m, "{\"\xC3\x84\":1,\"\xC3\xA4\":2}", "{\"\xC3\x84\":1,\"\xC3\xA4\":2}\n");
}

/* ---- the rest ---- */

static void test_rest(void) {
    const map all = {.rest = true};
    const map m = {.rest = true,
                   .entries = {{.to = TEXT("x"), FROM(A)}, {.to = TEXT("y"), FROM(A_B)}}};
    MAP(all, "{}", "{}\n");
    MAP(all, "{\"b\":null,\"a\":\"\\u0041\",\"c\":{\"d\":[1.50,{}]}}",
        "{\"b\":null,\"a\":\"A\",\"c\":{\"d\":[1.5,{}]}}\n");
    MAP(m, "{\"z\":1,\"x\":2,\"a\":3,\"y\":4,\"b\":5}", "{\"x\":3,\"z\":1,\"b\":5}\n");
    MAP(m, "{\"q\":[null]}", "{\"q\":[null]}\n");
}

static void test_rest_of_longer_way(void) {
    const map m = {.rest = true, .entries = {{.to = TEXT("y"), FROM(A_B)}}};
    MAP(m, "{\"z\":0,\"a\":{\"b\":1,\"c\":2}}", "{\"y\":1,\"z\":0,\"a\":{\"b\":1,\"c\":2}}\n");
    MAP(m, "{\"a\":{\"b\":1},\"z\":0,\"a\":[]}", "{\"a\":[],\"z\":0}\n");
}

/* Of equal keys the last value at the place of the first, on every level. */
static void test_equal_keys(void) {
    const map all = {.rest = true};
    MAP(all, "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}\n");
    MAP(all, "{\"a\":1,\"b\":2,\"\\u0061\":{\"c\":1},\"b\":4,\"a\":[5]}", "{\"a\":[5],\"b\":4}\n");
    MAP(all, "{\"x\":{\"a\":1,\"b\":2,\"a\":3},\"y\":[{\"k\":1,\"k\":2}]}",
        "{\"x\":{\"a\":3,\"b\":2},\"y\":[{\"k\":2}]}\n");
    MAP(all, "{\"x\":{\"a\":{\"p\":1,\"p\":2},\"b\":0,\"a\":{\"q\":{\"r\":1,\"r\":2},\"s\":3,\"q\":4}}}",
        "{\"x\":{\"a\":{\"q\":4,\"s\":3},\"b\":0}}\n");
    MAP(all, "{\"a\":{\"p\":1,\"p\":2},\"a\":{\"q\":1,\"q\":2},\"a\":{\"r\":1,\"r\":2}}",
        "{\"a\":{\"r\":2}}\n");
}

/* More keys than are compared each with each. */
static void test_many_equal_keys(void) {
    const map all = {.rest = true};
    neap_buf json = {0}, want = {0};
    for (int i = 0; i < 200; i++) neap_buf_printf(&json, "%s\"k%d\":%d", i ? "," : "{", i % 60, i);
    for (int i = 0; i < 60; i++)
        neap_buf_printf(&want, "%s\"k%d\":%d", i ? "," : "{", i, i < 20 ? 180 + i : 120 + i);
    neap_buf_puts(&json, "}");
    neap_buf_puts(&want, "}\n");
    neap_buf_add(&want, "", 1);
    check_map(&all, json.data, json.len, want.data, __LINE__);
    neap_buf_free(&json);
    neap_buf_free(&want);
}

/* ---- steps ---- */

static void test_default(void) {
    const map m = {.entries = {{.to = TEXT("x"), FROM(A), .otherwise = TEXT(" [1.0,\"\\u00e9\"] ")},
                               {.to = TEXT("y"), FROM(B), .otherwise = TEXT("null")},
                               {.to = TEXT("z"),
                                FROM(C),
                                .otherwise = TEXT("\"none\""),
                                .cast = NEAP_MAPPING_INTEGER,
                                .split = TEXT(";"),
                                .at = 2}}};
    MAP(m, "{}", "{\"x\":[1.0,\"\xC3\xA9\"],\"y\":null,\"z\":\"none\"}\n");
    MAP(m, "{\"a\":\"\",\"b\":null,\"c\":\"\"}",
        "{\"x\":[1.0,\"\xC3\xA9\"],\"y\":null,\"z\":\"none\"}\n");
    MAP(m, "{\"a\":0,\"b\":false,\"c\":\"a;7\"}", "{\"x\":0,\"y\":false,\"z\":7}\n");
    MAP(m, "{\"a\":[],\"b\":{},\"c\":\"a;\"}", "{\"x\":[],\"y\":{},\"z\":\"none\"}\n");
    MAP(m, "{\"c\":[1,null]}", "{\"x\":[1.0,\"\xC3\xA9\"],\"y\":null,\"z\":\"none\"}\n");
}

static void test_constant(void) {
    const map m = {.entries = {{.to = TEXT("x"), .constant = TEXT("[\"vip\", 1e0]")},
                               {.to = TEXT("y"), .constant = TEXT("null")},
                               {.to = TEXT("a"), FROM(A)}}};
    MAP(m, "{\"x\":1}", "{\"x\":[\"vip\",1.0],\"y\":null}\n");
    MAP(m, "{\"a\":1}", "{\"x\":[\"vip\",1.0],\"y\":null,\"a\":1}\n");
}

static void test_split(void) {
    const map m = {.entries = {{.to = TEXT("x"), FROM(A), .split = TEXT(", ")}}};
    MAP(m, "{\"a\":\"p, q\"}", "{\"x\":[\"p\",\"q\"]}\n");
    MAP(m, "{\"a\":\", ,  \"}", "{\"x\":[\"\",\"\",\" \"]}\n");
    MAP(m, "{\"a\":\"\"}", "{\"x\":[]}\n");
    MAP(m, "{\"a\":\"p\"}", "{\"x\":[\"p\"]}\n");
    MAP(m, "{\"a\":\"\\n, \\\"\"}", "{\"x\":[\"\\n\",\"\\\"\"]}\n");
    MAP(m, "{\"a\":[\"p, q\",{\"k\":1.50}]}", "{\"x\":[\"p, q\",{\"k\":1.5}]}\n");
    MAP(m, "{\"a\":null}", "{}\n");
    MAP(m, "{\"a\":7}", "x: expected a string or a list, got a number (7)");
    MAP(m, "{\"a\":{}}", "x: expected a string or a list, got an object");
}

static void test_at(void) {
    const map m = {.entries = {{.to = TEXT("x"), FROM(A), .split = TEXT(";"), .at = 2},
                               {.to = TEXT("y"), FROM(B), .at = 3}}};
    MAP(m, "{\"a\":\"p;q;r\",\"b\":[1,{},[2.0,\"\\u0041\"]]}", "{\"x\":\"q\",\"y\":[2.0,\"A\"]}\n");
    MAP(m, "{\"a\":\"p;\",\"b\":[[],{\"a\":1},{\"k\":1,\"k\":\"\\n\"}]}",
        "{\"x\":\"\",\"y\":{\"k\":\"\\n\"}}\n");
    MAP(m, "{\"a\":\"p\",\"b\":[1,2]}", "{}\n");
    MAP(m, "{\"a\":\"\",\"b\":[]}", "{}\n");
    MAP(m, "{\"a\":[1,\"\\u0022\"],\"b\":[0,0,null]}", "{\"x\":\"\\\"\"}\n");
    MAP(m, "{\"a\":[1,true],\"b\":[0,0,0.50]}", "{\"x\":true,\"y\":0.5}\n");
    MAP(m, "{\"b\":\"abc\"}", "y: expected a list, got a string (\"abc\")");
    MAP(m, "{\"b\":false}", "y: expected a list, got a boolean (false)");
}

/* ---- casts ---- */

/* Casts the values of a list one by one: "result result ...", faults without their target. */
static void check_cast(neap_mapping_cast cast, const char *const values[], const char *const wants[],
                       int line) {
    const map spec = {.entries = {{.to = TEXT("x"), FROM(A), .cast = cast}}};
    neap_mapping *m = compile(&spec, line);
    neap_buf json = {0}, out = {0};
    for (size_t i = 0; values[i] != NULL; i++) {
        json.len = 0;
        neap_buf_printf(&json, "{\"a\":%s}", values[i]);
        run(m, json.data, json.len, &out);
        json.len = 0;
        if (strncmp(wants[i], "expected", 8) == 0) neap_buf_printf(&json, "x: %s", wants[i]);
        else neap_buf_printf(&json, "{\"x\":%s}\n", wants[i]);
        neap_buf_add(&json, "", 1);
        check_str(out.data + 1, json.data, __FILE__, line, values[i]);
    }
    neap_mapping_free(m);
    neap_buf_free(&json);
    neap_buf_free(&out);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define CAST(cast, values, wants) check_cast((cast), (values), (wants), __LINE__)

static void test_cast_string(void) {
    CAST(NEAP_MAPPING_STRING,
         LIST("\"x\\n\"", "12", "-0", "1.50", "true", "false", "[1, \"\\u00e9\"]", "{\"k\":1,\"k\":2}"),
         LIST("\"x\\n\"", "\"12\"", "\"0\"", "\"1.5\"", "\"true\"", "\"false\"",
              "\"[1,\\\"\xC3\xA9\\\"]\"", "\"{\\\"k\\\":2}\""));
}

static void test_cast_integer(void) {
    CAST(NEAP_MAPPING_INTEGER,
         LIST("12", "-3.0", "-0.0", "1e18", "\"0012\"", "\"-7\"", "\"9223372036854775807\"",
              "\"-9223372036854775808\""),
         LIST("12", "-3", "0", "1000000000000000000", "12", "-7", "9223372036854775807",
              "-9223372036854775808"));
    CAST(NEAP_MAPPING_INTEGER,
         LIST("1.5", "1e19", "\"\"", "\"-\"", "\"1 \"", "\"+1\"", "\"1.0\"",
              "\"9223372036854775808\"", "true", "[]", "{}"),
         LIST("expected an integer, got a number (1.5)", "expected an integer, got a number (1e19)",
              "expected an integer, got a string (\"\")", "expected an integer, got a string (\"-\")",
              "expected an integer, got a string (\"1 \")",
              "expected an integer, got a string (\"+1\")",
              "expected an integer, got a string (\"1.0\")",
              "expected an integer, got a string (\"9223372036854775808\")",
              "expected an integer, got a boolean (true)", "expected an integer, got a list",
              "expected an integer, got an object"));
}

static void test_cast_number(void) {
    CAST(NEAP_MAPPING_NUMBER, LIST("12", "1.50", "\"-1.50e1\"", "\"7\"", "\"-0\"", "\"-0.0\""),
         LIST("12", "1.5", "-15.0", "7", "0", "-0.0"));
    CAST(NEAP_MAPPING_NUMBER,
         LIST("\"\"", "\" 1\"", "\"1\\n\"", "\"01\"", "\"1e999\"", "\"12345678901234567890\"", "\"1 2\"",
              "\"nan\"", "\"-x1\"", "false"),
         LIST("expected a number, got a string (\"\")", "expected a number, got a string (\" 1\")",
              "expected a number, got a string (\"1\\n\")",
              "expected a number, got a string (\"01\")",
              "expected a number, got a string (\"1e999\")",
              "expected a number, got a string (\"12345678901234567890\")",
              "expected a number, got a string (\"1 2\")",
              "expected a number, got a string (\"nan\")",
              "expected a number, got a string (\"-x1\")",
              "expected a number, got a boolean (false)"));
}

static void test_cast_boolean(void) {
    CAST(NEAP_MAPPING_BOOLEAN, LIST("true", "false", "\"true\"", "\"false\"", "1", "0", "1.0", "-0"),
         LIST("true", "false", "true", "false", "true", "false", "true", "false"));
    CAST(NEAP_MAPPING_BOOLEAN, LIST("2", "0.5", "\"1\"", "\"True\"", "[]"),
         LIST("expected a boolean, got a number (2)", "expected a boolean, got a number (0.5)",
              "expected a boolean, got a string (\"1\")",
              "expected a boolean, got a string (\"True\")", "expected a boolean, got a list"));
}

static void test_cast_date(void) {
    CAST(NEAP_MAPPING_DATE,
         LIST("\"2024-02-29\"", "\"2000-02-29T10:00\"", "\"0001-12-31 x\\n\""),
         LIST("\"2024-02-29\"", "\"2000-02-29\"", "\"0001-12-31\""));
    CAST(NEAP_MAPPING_DATE,
         LIST("\"2023-02-29\"", "\"1900-02-29\"", "\"0000-01-01\"", "\"2024-04-31\"", "\"2024-13-01\"",
              "\"2024-1-01\"", "\"2024-01-01x\"", "\"2024-01-0\"", "20240101"),
         LIST("expected a date (YYYY-MM-DD), got a string (\"2023-02-29\")",
              "expected a date (YYYY-MM-DD), got a string (\"1900-02-29\")",
              "expected a date (YYYY-MM-DD), got a string (\"0000-01-01\")",
              "expected a date (YYYY-MM-DD), got a string (\"2024-04-31\")",
              "expected a date (YYYY-MM-DD), got a string (\"2024-13-01\")",
              "expected a date (YYYY-MM-DD), got a string (\"2024-1-01\")",
              "expected a date (YYYY-MM-DD), got a string (\"2024-01-01x\")",
              "expected a date (YYYY-MM-DD), got a string (\"2024-01-0\")",
              "expected a date (YYYY-MM-DD), got a number (20240101)"));
}

static void test_cast_list(void) {
    CAST(NEAP_MAPPING_LIST, LIST("[1]", "\"x\\n\"", "1.50", "true", "{}"),
         LIST("[1]", "[\"x\\n\"]", "[1.5]", "[true]", "expected a list, got an object"));
}

/* Casts of what split and at leave. */
static void test_cast_of_parts(void) {
    const map m = {.entries = {{.to = TEXT("s"),
                                FROM(A),
                                .split = TEXT(";"),
                                .cast = NEAP_MAPPING_STRING},
                               {.to = TEXT("l"), FROM(A), .split = TEXT(";"), .cast = NEAP_MAPPING_LIST},
                               {.to = TEXT("i"), FROM(B), .at = 1, .cast = NEAP_MAPPING_INTEGER},
                               {.to = TEXT("n"), FROM(B), .at = 2, .cast = NEAP_MAPPING_NUMBER},
                               {.to = TEXT("t"), FROM(B), .at = 3, .cast = NEAP_MAPPING_STRING},
                               {.to = TEXT("o"), FROM(B), .at = 3, .cast = NEAP_MAPPING_LIST}}};
    MAP(m, "{\"a\":\"x;\\n\",\"b\":[\"5\",\"\\u0036.0\",7.5]}",
        "{\"s\":\"[\\\"x\\\",\\\"\\\\n\\\"]\",\"l\":[\"x\",\"\\n\"],\"i\":5,\"n\":6.0,\"t\":\"7.5\",\"o\":[7.5]}\n");
}

/* ---- CSV ---- */

static void test_csv(void) {
    const map m = {.format = NEAP_MAPPING_CSV,
                   .entries = {{.to = TEXT("a"), FROM(A)},
                               {.to = TEXT("b,\"c\""), FROM(B), .cast = NEAP_MAPPING_LIST},
                               {.to = TEXT("d"), .constant = TEXT("null")},
                               {.to = TEXT("e"), FROM(C), .split = TEXT(";")}}};
    const map one = {.format = NEAP_MAPPING_CSV, .entries = {{.to = TEXT("a"), FROM(A)}}};
    neap_mapping *p = compile(&m, __LINE__);
    neap_buf head = {0};
    CHECK(neap_mapping_is_csv(p));
    CHECK_EQ_INT(neap_mapping_head(p, &head), 0);
    neap_buf_add(&head, "", 1);
    CHECK_STR(head.data, "a,\"b,\"\"c\"\"\",d,e\n");
    neap_mapping_free(p);
    neap_buf_free(&head);
    MAP(m, "{\"a\":\"x,\\\"y\\\"\\n\",\"b\":1}", "\"x,\"\"y\"\"\n\",[1],,\n");
    MAP(m, "{\"a\":1.50,\"b\":\"q\",\"c\":\"r;s\"}", "1.5,\"[\"\"q\"\"]\",,\"[\"\"r\"\",\"\"s\"\"]\"\n");
    MAP(m, "{\"a\":true,\"b\":null}", "true,,,\n");
    MAP(m, "{\"a\":{\"k\":\"\\u00e9\"},\"b\":[]}", "\"{\"\"k\"\":\"\"\xC3\xA9\"\"}\",[],,\n");
    MAP(one, "{}", "\"\"\n");
    MAP(one, "{\"a\":\"\\u00e9\"}", "\xC3\xA9\n");
}

/* ---- faults ---- */

static void test_records(void) {
    const map m = {.entries = {{.to = TEXT("x"), FROM(A)}}};
    MAP(m, "[{}]", "a record is a list, an object expected");
    MAP(m, "null", "a record is null, an object expected");
    MAP(m, "12.50", "a record is a number (12.5), an object expected");
    MAP(m, "\"a\\n\"", "a record is a string (\"a\\n\"), an object expected");
    MAP(m, "[1,", "line 1, column 4: the text ends before a value");
    MAP(m, "[1] 2", "line 1, column 5: expected the end of the text behind its one value, got '2'");
    MAP(m, "{} {}", "line 1, column 4: expected the end of the text behind its one value, got '{'");
    MAP(m, "", "line 1, column 1: the text ends before it begins");
    MAP(m, "{\"a\":1,}", "line 1, column 7: comma before '}'");
    MAP(m, "{\"a\" 1}", "line 1, column 6: expected ':' behind a key, got '1'");
    MAP(m, "{\"a\":tru}", "line 1, column 6: unknown word tru");
    MAP(m, "{\"a\":truex}", "line 1, column 10: expected ',' or '}', got 'x'");
    MAP(m, "{\"a\":\"\xFF\"}", "line 1, column 7: byte 0xFF is not UTF-8 here");
    MAP(m, "{\"z\":[\"\x01\"]}", "line 1, column 8: control character 0x01 in a string needs an escape");
    MAP(m, "<html>", "line 1, column 1: this is HTML or XML, not JSON");
}

/* 1000 levels, of which the record is the first. */
static void test_depth(void) {
    const map all = {.rest = true};
    neap_buf json = {0}, want = {0};
    for (int levels = 999; levels <= 1000; levels++) {
        json.len = want.len = 0;
        neap_buf_puts(&json, "{\"a\":");
        for (int i = 0; i < levels; i++) neap_buf_puts(&json, "[");
        for (int i = 0; i < levels; i++) neap_buf_puts(&json, "]");
        neap_buf_puts(&json, "}");
        neap_buf_add(&want, json.data, json.len);
        if (levels == 1000) want.len = 0;
        neap_buf_puts(&want, levels < 1000 ? "\n" : "line 1, column 1005: more than 1000 levels of nesting");
        neap_buf_add(&want, "", 1);
        check_map(&all, json.data, json.len, want.data, __LINE__);
    }
    neap_buf_free(&json);
    neap_buf_free(&want);
}

/* Messages cut names and values between characters. */
static void test_long_message(void) {
    char name[202], json[300], want[600];
    const neap_mapping_text way = TEXT("a");
    map m = {.entries = {{.from = &way, .from_len = 1, .cast = NEAP_MAPPING_DATE}}};
    for (int i = 0; i < 200; i += 2) memcpy(name + i, "\xC3\xA9", 2);
    name[200] = name[201] = '\0';
    m.entries[0].to = (neap_mapping_text){name, 200};
    snprintf(json, sizeof json, "{\"a\":\"x%s\"}", name);
    snprintf(want, sizeof want, "%.100s: expected a date (YYYY-MM-DD), got a string (\"x%.58s...\")", name, name);
    check_map(&m, json, strlen(json), want, __LINE__);
}

/* ---- compiling ---- */

static void check_refused(const neap_mapping_entry *entries, size_t count, const char *want, int line) {
    neap_mapping *m = NULL;
    neap_err err = {0};
    int rc = neap_mapping_new(&m, NEAP_MAPPING_NDJSON, false, false, &err);
    for (size_t i = 0; rc == 0 && i < count; i++) rc = neap_mapping_add(m, &entries[i], &err);
    check_int(rc, NEAP_EINVAL, __FILE__, line, want);
    check_str(err.message, want, __FILE__, line, "message");
    neap_mapping_free(m);
}

#define REFUSED(want, ...)                                                                         \
    do {                                                                                           \
        const neap_mapping_entry entries[] = {__VA_ARGS__};                                        \
        check_refused(entries, sizeof entries / sizeof *entries, (want), __LINE__);                \
    } while (0)

static void test_entries(void) {
    const neap_mapping_text broken[] = {TEXT("\xFF")};
    neap_mapping *m = NULL;
    neap_err err = {0};
    REFUSED("an entry without a target", {FROM(A)});
    REFUSED("a target's name is not UTF-8", {.to = TEXT("\xFF"), FROM(A)});
    REFUSED("x: a second entry for this target", {.to = TEXT("x"), FROM(A)}, {.to = TEXT("x"), FROM(B)});
    REFUSED("x: either a way or a constant is expected", {.to = TEXT("x")});
    REFUSED("x: either a way or a constant is expected", {.to = TEXT("x"), FROM(A), .constant = TEXT("1")});
    REFUSED("x: a constant goes with nothing else", {.to = TEXT("x"), .constant = TEXT("1"), .at = 1});
    REFUSED("x: the delimiter is empty or not UTF-8", {.to = TEXT("x"), FROM(A), .split = TEXT("")});
    REFUSED("x: the way is not UTF-8", {.to = TEXT("x"), FROM(broken)});
    REFUSED("x: a way has at most 64 steps", {.to = TEXT("x"), .from = A, .from_len = 65});
    REFUSED("x: the default is no JSON: line 1, column 3: the text ends inside an array",
            {.to = TEXT("x"), FROM(A), .otherwise = TEXT("[1")});
    CHECK_EQ_INT(neap_mapping_new(&m, NEAP_MAPPING_CSV, true, false, &err), NEAP_EINVAL);
    CHECK_STR(err.message, "CSV has no columns for the rest");
}

/* Many entries find their members through a table that has grown. */
static void test_many_entries(void) {
    neap_mapping *m = NULL;
    neap_buf json = {0}, want = {0}, out = {0};
    CHECK_EQ_INT(neap_mapping_new(&m, NEAP_MAPPING_NDJSON, false, false, NULL), 0);
    for (int i = 0; i < 500; i++) {
        char to[16], from[16];
        neap_mapping_text way = {from, (size_t)snprintf(from, sizeof from, "f%d", i)};
        neap_mapping_entry e = {.to = {to, (size_t)snprintf(to, sizeof to, "t%d", i)}, .from = &way, .from_len = 1};
        CHECK_EQ_INT(neap_mapping_add(m, &e, NULL), 0);
        neap_buf_printf(&json, "%s\"f%d\":%d", i ? "," : "{", 499 - i, 499 - i);
        neap_buf_printf(&want, "%s\"t%d\":%d", i ? "," : "{", i, i);
    }
    neap_buf_puts(&json, "}");
    neap_buf_puts(&want, "}\n");
    neap_buf_add(&want, "", 1);
    run(m, json.data, json.len, &out);
    CHECK_STR(out.data + 1, want.data);
    neap_mapping_free(m);
    neap_buf_free(&json);
    neap_buf_free(&want);
    neap_buf_free(&out);
}

/* ---- what was never there ---- */

/* The targets that nothing was there for, each with a blank. */
static void check_unseen(const neap_mapping *m, uint64_t since, const char *want, int line) {
    neap_buf names = {0};
    neap_mapping_text name;
    size_t at = 0;
    while ((name = neap_mapping_unseen(m, since, &at)).s != NULL)
        CHECK(neap_buf_add(&names, name.s, name.len) == 0 && neap_buf_puts(&names, " ") == 0);
    neap_buf_add(&names, "", 1);
    check_str(names.data, want, __FILE__, line, "unseen");
    neap_buf_free(&names);
}

#define UNSEEN(m, since, want) check_unseen((m), (since), (want), __LINE__)

#define RUN(m, json, out) run((m), (json), sizeof(json) - 1, (out))

static void test_unseen(neap_mapping_format format) {
    const map spec = {.format = format,
                      .entries = {{.to = TEXT("x"), FROM(A), .cast = NEAP_MAPPING_INTEGER},
                                  {.to = TEXT("deep"), FROM(A_B_C)},
                                  {.to = TEXT("plain"), FROM(B)},
                                  {.to = TEXT("made"), FROM(C), .otherwise = TEXT("1")},
                                  {.to = TEXT("k"), .constant = TEXT("1")}}};
    neap_mapping *m = compile(&spec, __LINE__);
    neap_buf out = {0};
    UNSEEN(m, 0, "x deep plain ");
    RUN(m, "{\"b\":null,\"z\":1}", &out);
    UNSEEN(m, 0, "x deep ");
    RUN(m, "{\"a\":\"old\",\"b\":1}", &out); /* a fault of the first entry: the others saw nothing */
    UNSEEN(m, 0, "deep ");
    UNSEEN(m, 1, "deep plain ");
    CHECK_EQ_INT(neap_mapping_count(m), 2);
    RUN(m, "{\"a\":{\"b\":{\"c\":1}},\"a\":2}", &out); /* of equal keys the last */
    UNSEEN(m, 0, "deep ");
    RUN(m, "{\"a\":{\"b\":{\"c\":1}}", &out);
    RUN(m, "[]", &out);
    CHECK_EQ_INT(neap_mapping_count(m), 3);
    UNSEEN(m, 3, "x deep plain ");
    neap_mapping_free(m);
    neap_buf_free(&out);
}

int main(void) {
    test_rename();
    test_numbers();
    test_ways();
    test_any_case();
    test_rest();
    test_rest_of_longer_way();
    test_equal_keys();
    test_many_equal_keys();
    test_default();
    test_constant();
    test_split();
    test_at();
    test_cast_string();
    test_cast_integer();
    test_cast_number();
    test_cast_boolean();
    test_cast_date();
    test_cast_list();
    test_cast_of_parts();
    test_csv();
    test_records();
    test_depth();
    test_long_message();
    test_entries();
    test_many_entries();
    test_unseen(NEAP_MAPPING_NDJSON);
    test_unseen(NEAP_MAPPING_CSV);
    return check_report();
}
