/* xml_element.c: see l_xml.h. */
#include "l_xml.h"

#include <string.h>

/* The functions below push a string first, for it moves when the log grows, which what the collector
 * finalizes may make it do. Gets where the next letter is. */
static size_t push_string(lua_State *L, const neap_buf *log, size_t at) {
    size_t len = strlen(log->data + at + 1);
    lua_pushlstring(L, log->data + at + 1, len);
    return at + len + 2;
}

/* [name] -> a new element, made a child of the one below unless it is the root. */
static void begin_element(lua_State *L, int base) {
    bool is_root = lua_gettop(L) == base + 1;
    lua_createtable(L, 0, 2);
    lua_insert(L, -2);
    lua_setfield(L, -2, "name");
    if (is_root) return;
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
}

/* [element, name, value] -> [element] */
static void add_attribute(lua_State *L) {
    if (lua_getfield(L, -3, "attributes") == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, -5, "attributes");
    }
    lua_insert(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* Ends the element on top; the root stays. Was it the root? */
static bool end_element(lua_State *L, int base) {
    if (lua_gettop(L) == base + 1) return true;
    lua_pop(L, 1);
    return false;
}

size_t l_xml_make(lua_State *L, const neap_buf *log, size_t from, size_t end, int base) {
    while (from < end) {
        char letter = log->data[from];
        if (letter == 'E') {
            from += 2;
            if (end_element(L, base)) break;
            continue;
        }
        luaL_checkstack(L, 6, "XML nested too deeply");
        from = push_string(L, log, from);
        if (letter == 'S') begin_element(L, base);
        else if (letter == 'V') add_attribute(L);
        else if (letter == 'T') lua_setfield(L, -2, "text");
        /* 'A': the name stays for the value that follows */
    }
    return from;
}

int l_xml_fail(lua_State *L, const neap_xml *x, uint64_t record) {
    l_fail(L, &x->err);
    if (record > 0) {
        lua_pushfstring(L, "record %I: %s", (LUAI_UACINT)record, x->err.message);
        lua_setfield(L, -2, "message");
    }
    lua_pushinteger(L, (lua_Integer)x->line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, (lua_Integer)x->column);
    lua_setfield(L, -2, "column");
    lua_pushboolean(L, x->truncated);
    lua_setfield(L, -2, "truncated");
    return 2;
}
