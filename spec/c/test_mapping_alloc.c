/* test_mapping_alloc.c: core/mapping.h and its binding when memory ends: the n-th allocation fails, for n = 1, 2
 * and so on, until none does. */
#include "alloc.h"

#include <lualib.h>

#include "../../csrc/core/mapping.h"

extern void *__real_calloc(size_t count, size_t size);
extern void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size) {
    return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return alloc_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size) {
    return alloc_fails() ? NULL : __real_realloc(p, size);
}

#define TEXT(s)                                                                                    \
    { s, sizeof(s) - 1 }

static const neap_mapping_text WAY[] = {TEXT("o"), TEXT("p")}, CELL[] = {TEXT("s")}, LIST[] = {TEXT("l")};

static const neap_mapping_entry entries[] = {
    {.to = TEXT("deep"), .from = WAY, .from_len = 2, .otherwise = TEXT("[\"\\u00e9\"]")},
    {.to = TEXT("cell"), .from = CELL, .from_len = 1, .split = TEXT(";"), .at = 2, .cast = NEAP_MAPPING_NUMBER},
    {.to = TEXT("text"), .from = LIST, .from_len = 1, .cast = NEAP_MAPPING_STRING},
    {.to = TEXT("item"), .from = LIST, .from_len = 1, .at = 2, .cast = NEAP_MAPPING_INTEGER},
    {.to = TEXT("string"), .from = LIST, .from_len = 1, .at = 3},
    {.to = TEXT("constant"), .constant = TEXT("{\"k\":\"\\n\",\"k\":2}")},
};

/* More than are compared each with each, and some of them equal. */
#define FIVE_KEYS(c) "\"" c "0\":0,\"" c "1\":1,\"" c "2\":2,\"" c "3\":3,\"" c "4\":4,"
#define MANY_KEYS                                                                                  \
    "{\"x\":{" FIVE_KEYS("a") FIVE_KEYS("b") FIVE_KEYS("c") FIVE_KEYS("d") FIVE_KEYS("e")          \
    FIVE_KEYS("a") "\"z\":0}}"

/* Compiles and maps. The first code that is not 0; `out` has the line, or nothing. */
static int map(neap_mapping_format format, const char *json, neap_buf *out) {
    neap_mapping *m = NULL;
    neap_err err = {0};
    int rc = neap_mapping_new(&m, format, format == NEAP_MAPPING_NDJSON, true, &err);
    for (size_t i = 0; rc == 0 && i < sizeof entries / sizeof *entries; i++)
        rc = neap_mapping_add(m, &entries[i], &err);
    if (rc == 0) rc = neap_mapping_apply(m, json, strlen(json), out, &err);
    CHECK(rc == err.code);
    if (rc == NEAP_ENOMEM) CHECK_STR(err.message, "not enough memory");
    neap_mapping_free(m);
    return rc;
}

static void check_core(neap_mapping_format format, const char *json, int want) {
    long n = 0;
    int rc;
    do {
        neap_buf out = {0};
        alloc_fail(ALLOC_FAIL_ONE, n++);
        rc = map(format, json, &out);
        alloc_succeed();
        CHECK(alloc_failed ? rc == NEAP_ENOMEM && out.len == 0 : rc == want);
        neap_buf_free(&out);
    } while (alloc_failed && n < 1000);
    CHECK_EQ_INT(rc, want);
    CHECK(n > 20);
}

/* A record that failed for want of memory maps once there is some. */
static void check_again(void) {
    static const char json[] = "{\"O\":{\"p\":\"\\n\"},\"s\":\"a;1.50\","
                               "\"x\":{\"k\":1,\"k\":[\"\\\"\"]},\"l\":[0,\"7\"]}";
    neap_mapping *m = NULL;
    neap_buf first = {0};
    CHECK_EQ_INT(neap_mapping_new(&m, NEAP_MAPPING_NDJSON, true, true, NULL), 0);
    CHECK_EQ_INT(neap_mapping_add(m, &entries[0], NULL), 0);
    alloc_fail(ALLOC_FAIL_ONE, 0);
    for (long n = 1; neap_mapping_apply(m, json, sizeof json - 1, &first, NULL) == NEAP_ENOMEM; n++) {
        CHECK_EQ_INT(first.len, 0);
        alloc_fail(ALLOC_FAIL_ONE, n % 3);
    }
    alloc_succeed();
    neap_buf_add(&first, "", 1);
    CHECK_STR(first.data, "{\"deep\":\"\\n\",\"O\":{\"p\":\"\\n\"},"
                          "\"s\":\"a;1.50\",\"x\":{\"k\":[\"\\\"\"]},\"l\":[0,\"7\"]}\n");
    neap_mapping_free(m);
    neap_buf_free(&first);
}

/* Runs a chunk with that fault after n allocations. The status of lua_pcall. */
static int run(const char *chunk, alloc_fault fault, long n) {
    lua_State *L = lua_newstate(alloc_lua, NULL);
    int status;
    luaL_requiref(L, "_G", luaopen_base, 0);
    luaL_requiref(L, "mapping", luaopen_neap_mapping, 1);
    lua_settop(L, 0);
    CHECK_EQ_INT(luaL_loadstring(L, chunk), LUA_OK);
    alloc_fail(fault, n);
    status = lua_pcall(L, 0, 1, 0);
    alloc_succeed();
    if (status == LUA_OK) CHECK(lua_toboolean(L, 1));
    alloc_close(L);
    return status;
}

static void check_chunk(const char *chunk) {
    for (alloc_fault f = ALLOC_FAIL_ONE; f <= ALLOC_FAIL_REST; f++) {
        long n = 0;
        int status;
        do {
            status = run(chunk, f, n++);
        } while (alloc_failed && n < 2000);
        CHECK_EQ_INT(status, LUA_OK);
        CHECK(n > 5);
    }
}

int main(void) {
    static const char good[] = "{\"o\":{\"p\":{\"a\":\"\\u0041\\n\"}},\"s\":\"a;1.50\",\"l\":[1,\"2\",\"\\\"\"],"
                               "\"x\":{\"k\":1,\"k\":{\"j\":[]}},\"x\":[2.5]}";
    static const char bad[] = "{\"o\":1,\"x\":{\"k\":1,\"k\":2},\"s\":\"a;b\"}";
    check_core(NEAP_MAPPING_NDJSON, good, 0);
    check_core(NEAP_MAPPING_CSV, good, 0);
    check_core(NEAP_MAPPING_NDJSON, bad, NEAP_EDECODE);
    check_core(NEAP_MAPPING_NDJSON, MANY_KEYS, 0);
    check_again();
    check_chunk("local p = mapping.compile { rest = true, { to = 'x', from = { 'a', 'b' }, split = ';' },\n"
                "{ to = 'y', constant = '[1,\"\\\\n\"]' } }\n"
                "return p:line '{\"a\":{\"b\":\"1;2\"},\"c\":{\"k\":1,\"k\":2}}' ==\n"
                "'{\"x\":[\"1\",\"2\"],\"y\":[1,\"\\\\n\"],\"a\":{\"b\":\"1;2\"},\"c\":{\"k\":2}}\\n'");
    check_chunk("local p = mapping.compile { format = 'csv', { to = 'x', from = { 'a' }, cast = 'list' } }\n"
                "local t, e = p:line '[]'\n"
                "return p:head() == 'x\\n' and p:line '{\"a\":1.5}' == '[1.5]\\n' and t == nil and e.kind == 'decode'");
    check_chunk("local ok, message = pcall(mapping.compile, { { to = 'x', from = { 'a' }, default = '[' } })\n"
                "return not ok");
    return check_report();
}
