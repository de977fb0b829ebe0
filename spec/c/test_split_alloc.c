/* test_split_alloc.c: core/split.h and its binding when memory ends: the n-th allocation fails, for n = 1, 2
 * and so on. What comes out is the beginning of what comes out otherwise, then the fault, for good. */
#include "../../csrc/core/split.h"
#include "alloc.h"

#include <lualib.h>

extern void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_realloc(void *p, size_t size) {
    return alloc_fails() ? NULL : __real_realloc(p, size);
}

static const neap_split_key way[] = {{"data", 4}};

static void add(neap_buf *out, const char *bytes, size_t len) {
    alloc_fault mode = alloc_mode;
    alloc_mode = ALLOC_FAIL_NONE; /* what the test itself asks for is not counted */
    CHECK_EQ_INT(neap_buf_add(out, bytes, len), 0);
    alloc_mode = mode;
}

/* Reads text in pieces of 50 bytes. Returns the splitter's code. */
static int read_all(bool is_lines, const char *text, size_t len, neap_buf *out) {
    neap_split_options o = {.is_lines = is_lines, .way = way, .way_len = !is_lines,
                            .record_max = 1000000, .frame_max = 1000000, .depth_max = 100};
    neap_split s;
    neap_split_record r;
    int rc = neap_split_init(&s, &o);
    for (size_t at = 0; rc >= 0 && at < len; at += 50) {
        rc = neap_split_feed(&s, text + at, len - at < 50 ? len - at : 50);
        while (neap_split_next(&s, &r) > 0) add(out, r.text, r.len);
    }
    if (rc >= 0) rc = neap_split_finish(&s);
    while (rc >= 0 && (rc = neap_split_next(&s, &r)) > 0) add(out, r.text, r.len);
    if (rc < 0) {
        CHECK_EQ_INT(s.err.code, rc);
        CHECK_EQ_INT(neap_split_next(&s, &r), rc);
    } else {
        size_t frame_len = 0;
        const char *frame = neap_split_frame(&s, &frame_len);
        CHECK(frame != NULL);
        add(out, frame, frame_len);
    }
    neap_split_deinit(&s);
    return rc;
}

static void check_text(bool is_lines, const char *text, size_t len, int want) {
    neap_buf whole = {0}, got = {0};
    long n = 0;
    CHECK_EQ_INT(read_all(is_lines, text, len, &whole), want);
    do {
        int rc;
        got.len = 0;
        alloc_fail(ALLOC_FAIL_REST, n++);
        rc = read_all(is_lines, text, len, &got);
        if (rc == NEAP_ENOMEM) CHECK(alloc_failed && got.len <= whole.len);
        else CHECK(rc == want && got.len == whole.len); /* shrinking a buffer may fail */
        if (got.len <= whole.len) CHECK_MEM(got.data, got.len, whole.data, got.len);
        alloc_succeed();
    } while (alloc_failed);
    CHECK(n > 1);
    neap_buf_free(&whole);
    neap_buf_free(&got);
}

/* A record that makes the buffer grow and shrink again, among small ones. */
static void check_giant(void) {
    size_t len = 700000;
    char *text = malloc(len);
    memset(text, ' ', len);
    memcpy(text, "{\"x\":[3],\"data\":[1,\"", 20);
    memcpy(text + len - 24, "\",{},[]],\"d\\u0061t\":5} ", 23);
    check_text(false, text, len, 0);
    free(text);
}

/* --- the binding ------------------------------------------------------------------------------ */

/* Reads until the end or an error; records are missing at the end only. */
static const char chunk[] =
    "local text = '{\"data\":[{\"n\":1,\"s\":\"\\\\u00e9\"},{\"n\":2,\"l\":[{},[]]},{\"n\":3}],\"x\":[7]}'\n"
    "local ok, err = pcall(function()\n"
    "  reader = split.reader { way = { 'data' }, ordered = true }\n"
    "  for i = 1, #text, 20 do\n"
    "    assert(reader:feed(text:sub(i, i + 19)))\n"
    "    for record in reader.next, reader do seen = seen + 1; assert(record.n == seen) end\n"
    "  end\n"
    "  assert(reader:finish())\n"
    "  assert(reader:next() == nil and reader:frame() == '{\"data\":[],\"x\":[7]}')\n"
    "end)\n"
    "if not ok then error(err, 0) end\n"
    "return seen == 3 and reader:count() == 3";

static const char map_chunk[] =
    "local program = mapping.compile { format = 'ndjson', { to = 'x', from = { 'n' } } }\n"
    "local ok, err = pcall(function()\n"
    "  reader = split.reader { format = 'ndjson' }\n"
    "  assert(reader:feed(('{\"n\":1}\\n'):rep(40)))\n"
    "  for text, count in function() return reader:text(program, 99) end do\n"
    "    seen = seen + count\n"
    "    assert(text == ('{\"x\":1}\\n'):rep(count))\n"
    "  end\n"
    "  assert(reader:finish())\n"
    "end)\n"
    "if not ok then error(err, 0) end\n"
    "return seen == 40 and reader:frame() == ''";

/* Whoever goes on after an error misses no record. */
static const char afterwards[] =
    "if not reader then return true end\n"
    "local ok, record = pcall(reader.next, reader)\n"
    "return not ok or record == nil or reader:count() == seen + 1";

static bool run_chunk(lua_State *L, const char *text) {
    return luaL_loadstring(L, text) == LUA_OK && lua_pcall(L, 0, 1, 0) == LUA_OK && lua_toboolean(L, -1);
}

static void check_binding(const char *text) {
    for (alloc_fault f = ALLOC_FAIL_ONE; f <= ALLOC_FAIL_EACH; f++) {
        long n = 0;
        bool is_done;
        do {
            lua_State *L = lua_newstate(alloc_lua, NULL);
            luaL_requiref(L, "_G", luaopen_base, 0);
            luaL_requiref(L, "string", luaopen_string, 1);
            luaL_requiref(L, "split", luaopen_neap_split, 1);
            luaL_requiref(L, "mapping", luaopen_neap_mapping, 1);
            lua_pushinteger(L, 0);
            lua_setglobal(L, "seen");
            lua_settop(L, 0);
            alloc_fail(f, n++);
            is_done = run_chunk(L, text);
            alloc_succeed();
            CHECK(is_done || alloc_failed);
            lua_settop(L, 0);
            CHECK(run_chunk(L, afterwards));
            alloc_close(L);
        } while (alloc_failed && n < 2000);
        CHECK(is_done);
        CHECK(n > 5);
    }
}

int main(void) {
    static const char lines[] = "{\"a\":1}\n{\"b\":\"0123456789012345678901234567890123456789\"}\n[]";
    static const char wrong[] = "{\"\\u0061\":1,\"data\":[{\"\\u0061\":2}, {\"\\u0061\":";
    static const char frame[] = "{\"\\u0061\":1,\"data\":[{\"\\u0061\":2}], \"\\u0062\" [";
    check_text(true, lines, sizeof lines - 1, 0);
    check_text(false, wrong, sizeof wrong - 1, NEAP_EDECODE);
    check_text(false, frame, sizeof frame - 1, NEAP_EDECODE);
    check_giant();
    check_binding(chunk);
    check_binding(map_chunk);
    return check_report();
}
