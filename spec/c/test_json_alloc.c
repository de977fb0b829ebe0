/* test_json_alloc.c: the JSON binding when memory ends: the n-th allocation fails, for n = 1, 2 and
 * so on, until none does. Lua's allocations through the state's allocator; the buffers' through the
 * linker's --wrap. */
#include "alloc.h"

#include <lualib.h>

extern void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_realloc(void *p, size_t size) {
    return alloc_fails() ? NULL : __real_realloc(p, size);
}

/* Runs a chunk with that fault after n allocations. The status of lua_pcall. */
static int run(const char *chunk, alloc_fault fault, long n) {
    lua_State *L;
    int status;
    L = lua_newstate(alloc_lua, NULL);
    luaL_requiref(L, "_G", luaopen_base, 0);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "json", luaopen_neap_json, 1);
    lua_settop(L, 0);
    CHECK_EQ_INT(luaL_loadstring(L, chunk), LUA_OK);
    alloc_fail(fault, n);
    status = lua_pcall(L, 0, 1, 0);
    alloc_succeed();
    if (status == LUA_OK) CHECK(lua_toboolean(L, 1));
    lua_settop(L, 0);
    lua_getglobal(L, "json"); /* whatever happened, the codec works on */
    lua_getfield(L, -1, "encode");
    lua_getfield(L, 1, "decode");
    lua_pushliteral(L, "{\"a\":[1,\"\\n\"]}");
    CHECK_EQ_INT(lua_pcall(L, 1, 1, 0), LUA_OK);
    CHECK_EQ_INT(lua_pcall(L, 1, 1, 0), LUA_OK);
    CHECK_STR(lua_tostring(L, -1), "{\"a\":[1,\"\\n\"]}");
    alloc_close(L);
    return status;
}

static void check_chunk(const char *chunk) {
    for (alloc_fault f = ALLOC_FAIL_ONE; f <= ALLOC_FAIL_REST; f++) {
        long n = 0;
        int status;
        do {
            status = run(chunk, f, n++);
            if (f == ALLOC_FAIL_REST && alloc_failed) {
                CHECK(status == LUA_ERRMEM || status == LUA_ERRRUN);
            }
        } while (alloc_failed && n < 2000);
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
