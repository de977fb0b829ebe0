/* xml.c: binding of core/xml.h. Lua: neap.native.xml. See spec/lua/xml_spec.lua. */
#include "../core/xml.h"

#include <string.h>

#include "../core/xml_log.h"
#include "l_xml.h"

#define READER_MT "neap.XmlReader"
#define PIECE (256 * 1024) /* bytes of text between two looks at what was read */

/* One decoding. On Lua's stack, above `base`: the open elements, the innermost on top. */
typedef struct l_reader {
    neap_xml xml;
    neap_buf log; /* owned: what was read and is no table yet */
} l_reader;

static int on_start(void *ud, const char *name) {
    l_reader *r = ud;
    return neap_xml_log_start(&r->log, name);
}

static int on_attribute(void *ud, const char *name, const char *value) {
    l_reader *r = ud;
    return neap_xml_log_attribute(&r->log, name, value);
}

static int on_text(void *ud, const char *text, size_t len) {
    l_reader *r = ud;
    return neap_xml_log_text(&r->log, text, len);
}

static int on_end(void *ud, const char *name) {
    l_reader *r = ud;
    (void)name;
    return neap_xml_log_end(&r->log);
}

/* Makes of what was written down elements on the stack above base. */
static void make_elements(lua_State *L, l_reader *r, int base) {
    l_xml_make(L, &r->log, 0, r->log.len, base);
    r->log.len = 0;
}

/* ---- module ---- */

static void reader_close(l_reader *r) {
    neap_xml_deinit(&r->xml);
    neap_buf_free(&r->log);
}

static int reader_gc(lua_State *L) {
    reader_close(luaL_checkudata(L, 1, READER_MT));
    return 0;
}

/* Pushes a reader that is ready, or THROWS. */
static l_reader *push_reader(lua_State *L, size_t max_depth) {
    static const neap_xml_events events = {on_start, on_attribute, on_text, on_end};
    l_reader *r = lua_newuserdatauv(L, sizeof *r, 0);
    *r = (l_reader){.xml = {.finished = true}};
    luaL_setmetatable(L, READER_MT);
    if (neap_xml_init(&r->xml, &events, r, max_depth, 0) < 0)
        luaL_error(L, "not enough memory");
    return r;
}

size_t l_xml_check_option(lua_State *L, int arg, const char *name, lua_Integer max) {
    int is_integer = 0;
    lua_Integer value = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &is_integer) : 0;
    if (!is_integer || value < 1 || value > max)
        luaL_argerror(L, arg, lua_pushfstring(L, "option '%s': integer from 1 to %I expected", name,
                                              (LUAI_UACINT)max));
    return (size_t)value;
}

/* Gets the option `depth` from the table at idx, if there is one. THROWS on any other name. */
static size_t check_depth(lua_State *L, int idx) {
    size_t depth = XML_NESTING_DEFAULT;
    if (lua_isnoneornil(L, idx)) return depth;
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (strcmp(name, "depth") != 0)
            luaL_argerror(L, idx, lua_pushfstring(L, "unknown option '%s'", name));
        depth = l_xml_check_option(L, idx, name, XML_NESTING_MAX);
        lua_pop(L, 1);
    }
    return depth;
}

/* xml.decode(text, { depth = 100 }?) -> element | nil, err                      [-0, +1|2, e]
 * element: { name=, attributes={ [name]=value }?, text=?, [1..n]=child elements } */
static int l_xml_decode(lua_State *L) {
    size_t len, max_depth;
    const char *text;
    l_reader *r;
    int rc = 0, base, results = 1;
    luaL_checktype(L, 1, LUA_TSTRING);
    text = lua_tolstring(L, 1, &len);
    lua_settop(L, 2);
    max_depth = check_depth(L, 2);
    r = push_reader(L, max_depth);
    base = lua_gettop(L);
    do {
        size_t piece = len < PIECE ? len : PIECE;
        len -= piece;
        rc = neap_xml_feed(&r->xml, text, piece, len == 0);
        text += piece;
        if (rc == 0) make_elements(L, r, base);
    } while (rc == 0 && len > 0);
    if (rc < 0) {
        lua_settop(L, base); /* the error needs room, and the half-made tables are garbage */
        results = l_xml_fail(L, &r->xml, 0);
    }
    reader_close(r);
    return results;
}

int luaopen_neap_xml(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", reader_gc}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {
        {"decode", l_xml_decode}, {"records", l_xml_records}, {NULL, NULL}};
    l_new_class(L, READER_MT, none, metas);
    l_xml_records_open(L);
    luaL_newlib(L, funcs);
    return 1;
}
