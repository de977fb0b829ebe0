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

static void open_json(lua_State *L) {
    luaL_requiref(L, "_G", luaopen_base, 0);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "json", luaopen_neap_json, 1);
}

/* Whatever happened, the codec works on. */
static void check_codec(lua_State *L) {
    lua_getglobal(L, "json");
    lua_getfield(L, -1, "encode");
    lua_getfield(L, 1, "decode");
    lua_pushliteral(L, "{\"a\":[1,\"\\n\"]}");
    CHECK_EQ_INT(lua_pcall(L, 1, 1, 0), LUA_OK);
    CHECK_EQ_INT(lua_pcall(L, 1, 1, 0), LUA_OK);
    CHECK_STR(lua_tostring(L, -1), "{\"a\":[1,\"\\n\"]}");
}

static void check_chunk(const char *source) {
    alloc_chunk chunk = {source, open_json, check_codec};
    alloc_try(source, 0, alloc_run_chunk, &chunk);
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
    check_chunk("local s = json.sort('{ \"b\": [1, {\"d\": 1, \"c\\\\n\": {}}], \"a\": 1.0 }')\n"
                "return s == '{\"a\":1.0,\"b\":[1,{\"c\\\\n\":{},\"d\":1}]}'");
    return check_report();
}
