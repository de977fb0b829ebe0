/* test_split_sink.c: csrc/lua/split.c as a sink: fed and finished from C, as response:pour does, also while it
 * decodes a record. */
#include "../../csrc/lua/l_sink.h"
#include "check.h"

#include <lualib.h>

/* pour(reader, bytes): what a body does with its reader; no bytes: its end. */
static int pour(lua_State *L) {
    l_sink *sink = l_sink_check(L, 1);
    size_t len;
    const char *bytes = luaL_optlstring(L, 2, NULL, &len);
    if (bytes != NULL) sink->feed(sink, bytes, len);
    else sink->finish(sink);
    return 0;
}

static void check_script(const char *script) {
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    luaL_requiref(L, "split", luaopen_neap_split, 1);
    lua_register(L, "pour", pour);
    if (luaL_dostring(L, script) != LUA_OK) CHECK_STR(lua_tostring(L, -1), "no error");
    else CHECK(lua_toboolean(L, -1));
    lua_close(L);
}

int main(void) {
    check_script("local reader = split.reader { way = { 'data' } }\n"
                 "pour(reader, '{\"data\":[1,') pour(reader, '2]')\n"
                 "assert(reader:next() == 1 and reader:next() == 2 and reader:next() == nil)\n"
                 "pour(reader, '}') pour(reader) pour(reader)\n"
                 "assert(reader:next() == nil and reader:bytes() == 14)\n"
                 "return reader:frame() == '{\"data\":[]}'");
    /* a fault is told by next */
    check_script("local reader = split.reader {}\n"
                 "pour(reader, '[1,,') pour(reader, '2]') pour(reader)\n"
                 "local first, none, err = reader:next(), reader:next()\n"
                 "return first == 1 and none == nil and err.kind == 'decode'");
    check_script("local reader = split.reader {}\n"
                 "pour(reader)\n"
                 "local none, err = reader:next()\n"
                 "return none == nil and err.truncated");
    /* bytes that come while a record is decoded are refused, not read from under it */
    check_script("local reader, poured = split.reader {}, false\n"
                 "local record = '[' .. ('{\"a\":[\"some text\",{}]},'):rep(5000) .. '0]'\n"
                 "reader:feed('[' .. record)\n"
                 "setmetatable({}, { __gc = function() poured = true; pour(reader, ',1]'); pour(reader) end })\n"
                 "collectgarbage('setpause', 0)\n"
                 "local value = reader:next()\n"
                 "assert(poured and #value == 5001 and value[5000].a[1] == 'some text')\n"
                 "local ok, err = pcall(reader.next, reader)\n"
                 "return not ok and err:find('bug: bytes came', 1, true)");
    check_script("return not pcall(pour, io.stdout) and not pcall(pour, {}) and not pcall(pour)");
    return check_report();
}
