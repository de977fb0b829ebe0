/* test_json_alloc.c: the JSON binding when memory ends: the n-th allocation fails, for n = 1, 2 and
 * so on, until none does. Lua's allocations through the state's allocator; the buffers' too where
 * the test is linked with -Wl,--wrap=realloc. A leak or a wild access is ASan's or valgrind's to
 * see; lost Lua memory is counted. */
#include <lualib.h>
#include <stdlib.h>

#include "../../csrc/lua/l_common.h"
#include "check.h"

static long countdown;    /* allocations until one fails; negative: none does */
static bool for_ever;     /* all after it fail too; else only one, which Lua tries again */
static bool has_failed;   /* one did */
static size_t lua_memory; /* bytes that the state holds */

static bool fails_now(void) {
    if (countdown < 0) return false;
    if (countdown > 0) {
        countdown--;
        return false;
    }
    if (!for_ever) countdown = -1;
    return has_failed = true;
}

/* Weak, as it exists only with the linker's --wrap=realloc. */
extern void *__real_realloc(void *p, size_t size) __attribute__((weak));
void *__wrap_realloc(void *p, size_t size);

void *__wrap_realloc(void *p, size_t size) {
    return fails_now() ? NULL : __real_realloc(p, size);
}

static void *allocate(void *ud, void *p, size_t old, size_t size) {
    void *block;
    (void)ud;
    if (p == NULL) old = 0; /* then it is a type, see lua_Alloc */
    if (size == 0) {
        free(p);
        lua_memory -= old;
        return NULL;
    }
    if (size > old && fails_now()) return NULL;
    block = malloc(size);
    if (block == NULL) abort();
    if (p != NULL) memcpy(block, p, old < size ? old : size);
    free(p);
    lua_memory += size - old;
    return block;
}

/* Runs a chunk with the n-th allocation failing. The status of lua_pcall. */
static int run(const char *chunk, long n) {
    lua_State *L;
    int status;
    countdown = -1;
    L = lua_newstate(allocate, NULL);
    luaL_requiref(L, "_G", luaopen_base, 0);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "json", luaopen_neap_json, 1);
    lua_settop(L, 0);
    CHECK_EQ_INT(luaL_loadstring(L, chunk), LUA_OK);
    has_failed = false;
    countdown = n;
    status = lua_pcall(L, 0, 1, 0);
    countdown = -1;
    if (status == LUA_OK) CHECK(lua_toboolean(L, 1));
    lua_settop(L, 0);
    lua_getglobal(L, "json"); /* whatever happened, the codec works on */
    lua_getfield(L, -1, "encode");
    lua_getfield(L, 1, "decode");
    lua_pushliteral(L, "{\"a\":[1,\"\\n\"]}");
    CHECK_EQ_INT(lua_pcall(L, 1, 1, 0), LUA_OK);
    CHECK_EQ_INT(lua_pcall(L, 1, 1, 0), LUA_OK);
    CHECK_STR(lua_tostring(L, -1), "{\"a\":[1,\"\\n\"]}");
    lua_close(L);
    CHECK_EQ_INT(lua_memory, 0);
    return status;
}

static void check_chunk(const char *chunk) {
    for (int mode = 0; mode < 2; mode++) {
        long n = 0;
        int status;
        for_ever = mode == 1;
        do {
            status = run(chunk, n++);
            if (for_ever && has_failed) CHECK(status == LUA_ERRMEM || status == LUA_ERRRUN);
        } while (has_failed && n < 2000);
        CHECK_EQ_INT(status, LUA_OK);
        CHECK(n > 5); /* something did fail */
    }
}

int main(void) {
    check_chunk("local t = json.decode('{\"a\":[1,2.5,true,null,[],{}],'\n"
                ".. '\"b\\\\n\":\"\\\\u00e9 x\"}')\n"
                "return t.a[2] == 2.5 and t['b\\n'] == '\\u{e9} x'");
    check_chunk("local t = json.decode('[' .. ('[[1,\"\\\\t\"],'):rep(40) .. '0' .. (']'):rep(41),"
                "{ ordered = true })\n"
                "return t and true or true");
    check_chunk("local t = json.decode('{\"z\":1,\"y\":{\"x\":[{\"w\":2}]}}', { ordered = true })\n"
                "return json.encode(t) == '{\"z\":1,\"y\":{\"x\":[{\"w\":2}]}}'");
    check_chunk("local t, e = json.decode('[1,{\"a\":[}]')\n"
                "return t == nil and e.column == 10 and e.kind == 'decode'");
    check_chunk("local s = json.encode({ a = { 1, 2.5, 'x\\n' }, b = { c = json.null } },"
                "{ sorted = true, indent = 2 })\n"
                "return #s > 40");
    check_chunk("local s = json.encode({ ('x'):rep(500), ('\\1'):rep(500), { { {} } } })\n"
                "return #s == 2 + 502 + 3002 + 2 + 6");
    check_chunk("local s, e = json.encode({ a = { 1, print } })\n"
                "return s == nil and e.kind == 'invalid'");
    check_chunk("local t = json.object({ b = 1, a = 2 }, { 'b', 'a', 'b' })\n"
                "return json.encode(t) == '{\"b\":1,\"a\":2}' and json.is_array(json.array())");
    return check_report();
}
