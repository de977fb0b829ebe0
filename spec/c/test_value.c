/* test_value.c: include/neap/value.h. */
#include <math.h>
#include <neap/value.h>
#include <stdlib.h>

#include "check.h"
#include "core/err.h"

/* Writes a value and frees it. */
static void check_json(neap_value *v, const char *want) {
    size_t len = 0;
    char *text = neap_value_json(v, &len);
    CHECK_STR(text, want);
    CHECK_EQ_INT(len, strlen(want));
    free(text);
    neap_value_free(v);
}

static void test_kinds(void) {
    check_json(neap_null(), "null");
    check_json(NULL, "null");
    check_json(neap_boolean(7), "true");
    check_json(neap_boolean(0), "false");
    check_json(neap_integer(INT64_MIN), "-9223372036854775808");
    check_json(neap_integer(INT64_MAX), "9223372036854775807");
    check_json(neap_number(1), "1.0");
    check_json(neap_number(0.1), "0.1");
    check_json(neap_string("a\"\n\xc3\xa9"), "\"a\\\"\\n\xc3\xa9\"");
    check_json(neap_string_len("a\0b", 3), "\"a\\u0000b\"");
    check_json(neap_string_len(NULL, 0), "\"\"");
    check_json(neap_array(), "[]");
    check_json(neap_object(), "{}");
}

static void test_refused(void) {
    CHECK(neap_number(NAN) == NULL);
    CHECK(neap_number(INFINITY) == NULL);
    CHECK(neap_string(NULL) == NULL);
    CHECK(neap_string("\xff") == NULL);
    CHECK(neap_string("\xc3") == NULL);         /* cut off */
    CHECK(neap_string("\xed\xa0\x80") == NULL); /* a surrogate */
    CHECK(neap_string_len(NULL, 1) == NULL);
}

/* Everything takes NULL and what is of another kind. */
static void test_wrong_kind(void) {
    neap_value *v = neap_string("x");
    size_t len = 9;
    CHECK_EQ_INT(neap_value_type(NULL), NEAP_NULL);
    CHECK_EQ_INT(neap_value_boolean(v), 0);
    CHECK_EQ_INT(neap_value_integer(v), 0);
    CHECK(neap_value_number(v) == 0);
    CHECK_EQ_INT(neap_value_count(v), 0);
    CHECK(neap_value_get(v, "a") == NULL);
    CHECK(neap_value_get(NULL, "a") == NULL);
    CHECK(neap_value_at(v, 0) == NULL);
    CHECK(neap_value_name_at(v, 0) == NULL);
    CHECK(neap_value_string(NULL, &len) == NULL);
    CHECK_EQ_INT(len, 0);
    neap_value_free(v);
    neap_value_free(NULL);
}

static void test_object(void) {
    neap_value *o = neap_object();
    size_t len;
    CHECK_EQ_INT(neap_value_set(o, "b", neap_integer(1)), 0);
    CHECK_EQ_INT(neap_value_set(o, "a", neap_string("x")), 0);
    CHECK_EQ_INT(neap_value_set(o, "b", neap_number(2.5)), 0); /* at its old place */
    CHECK_EQ_INT(neap_value_count(o), 2);
    CHECK_STR(neap_value_name_at(o, 0), "b");
    CHECK_STR(neap_value_name_at(o, 1), "a");
    CHECK(neap_value_name_at(o, 2) == NULL);
    CHECK(neap_value_number(neap_value_get(o, "b")) == 2.5);
    CHECK_EQ_INT(neap_value_integer(neap_value_get(o, "b")), 0); /* a number is no integer */
    CHECK_STR(neap_value_string(neap_value_at(o, 1), &len), "x");
    CHECK_EQ_INT(len, 1);
    CHECK(neap_value_get(o, "c") == NULL);
    CHECK(neap_value_get(o, NULL) == NULL);
    check_json(o, "{\"b\":2.5,\"a\":\"x\"}");
}

/* Beyond a few members an index finds them. */
static void test_many_members(void) {
    neap_value *o = neap_object();
    char name[16];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            snprintf(name, sizeof name, "n%d", i);
            if (neap_value_set(o, name, neap_integer(i + round)) < 0) CHECK(false);
        }
    }
    CHECK_EQ_INT(neap_value_count(o), 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        if (neap_value_integer(neap_value_get(o, name)) != i + 1) CHECK_EQ_INT(i, -1);
        if (strcmp(neap_value_name_at(o, (size_t)i), name) != 0) CHECK_STR(neap_value_name_at(o, (size_t)i), name);
    }
    CHECK(neap_value_get(o, "n5000") == NULL);
    neap_value_free(o);
}

static void test_misuse(void) {
    neap_value *o = neap_object(), *a = neap_array(), *inner = neap_array();
    CHECK_EQ_INT(neap_value_set(NULL, "a", neap_null()), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_set(a, "a", neap_null()), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_set(o, NULL, neap_null()), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_set(o, "\xff", neap_null()), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_set(o, "a", NULL), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_add(o, neap_null()), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_add(a, NULL), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_add(NULL, neap_null()), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_add(a, inner), 0);
    CHECK_EQ_INT(neap_value_add(a, inner), NEAP_EINVAL); /* it has a place: neither moved nor freed */
    CHECK_EQ_INT(neap_value_set(o, "a", inner), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_add(inner, a), NEAP_EINVAL); /* into what is inside it */
    CHECK_EQ_INT(neap_value_add(a, a), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_count(a), 1);
    CHECK_EQ_INT(neap_value_count(o), 0);
    CHECK(neap_value_json(a, NULL) == NULL); /* nobody shall take it for what it was to be */
    neap_value_free(o);
    neap_value_free(a);
}

/* A member that was lost deep inside is not lost sight of. */
static void test_incomplete(void) {
    neap_value *o = neap_object(), *list = neap_array();
    CHECK_EQ_INT(neap_value_add(list, neap_number(NAN)), NEAP_EINVAL);
    CHECK_EQ_INT(neap_value_set(o, "list", list), 0);
    CHECK(neap_value_json(o, NULL) == NULL);
    CHECK_EQ_INT(neap_value_set(o, "list", neap_array()), 0);
    check_json(o, "{\"list\":[]}");
}

/* An array in an array in an array ... */
static neap_value *nest(int depth) {
    neap_value *v = neap_array();
    for (int i = 1; i < depth; i++) {
        neap_value *outer = neap_array();
        if (neap_value_add(outer, v) < 0) {
            neap_value_free(outer);
            return NULL;
        }
        v = outer;
    }
    return v;
}

static void test_depth(void) {
    neap_value *deep = nest(1000), *o = neap_object();
    CHECK(deep != NULL);
    CHECK(nest(1001) == NULL);
    CHECK_EQ_INT(neap_value_set(o, "a", deep), NEAP_EINVAL); /* freed */
    CHECK_EQ_INT(neap_value_set(o, "a", nest(999)), 0);
    CHECK_EQ_INT(neap_value_set(o, "a", neap_null()), 0); /* what was deep is gone */
    deep = neap_array();
    CHECK_EQ_INT(neap_value_add(deep, o), 0);
    CHECK_EQ_INT(neap_value_set(o, "b", nest(998)), 0);
    CHECK_EQ_INT(neap_value_set(o, "c", nest(999)), NEAP_EINVAL);
    neap_value_free(deep);
}

static void test_depth_of_texts(void) {
    char text[2002];
    memset(text, '[', 1001);
    memset(text + 1001, ']', 1001);
    CHECK(neap_value_parse(text, 2002) == NULL);
    neap_value_free(neap_value_parse(text + 1, 2000));
    CHECK(neap_value_parse(text + 1, 1999) == NULL);
}

static void check_same(const char *text, const char *want) {
    neap_value *v = neap_value_parse(text, strlen(text));
    if (CHECK(v != NULL)) check_json(v, want);
}

static void test_parse(void) {
    static const char *const none[] = {"", " ", "[1,", "{\"a\" 1}", "[1]x", "nul", "\"\xff\"", "{\"a\":1,}",
                                       "9223372036854775808", "[9223372036854775808]", "1e999"};
    check_same(" {\"a\" : [1, -2.5e3, \"x\\u00e9\\n\", true, false, null, {}, []]} ",
               "{\"a\":[1,-2500.0,\"x\xc3\xa9\\n\",true,false,null,{},[]]}");
    check_same("{\"a\":{\"x\":1},\"b\":2,\"a\":{\"y\":[3]}}", "{\"a\":{\"y\":[3]},\"b\":2}");
    check_same("{\"a\\u0000b\":1,\"a\":2}", "{\"a\\u0000b\":1,\"a\":2}");
    check_same("7", "7");
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        if (!CHECK(neap_value_parse(none[i], strlen(none[i])) == NULL)) fprintf(stderr, "    [%s]\n", none[i]);
    }
    CHECK(neap_value_parse(NULL, 0) == NULL);
}

int main(void) {
    test_kinds();
    test_refused();
    test_wrong_kind();
    test_object();
    test_many_members();
    test_misuse();
    test_incomplete();
    test_depth();
    test_depth_of_texts();
    test_parse();
    return check_report();
}
