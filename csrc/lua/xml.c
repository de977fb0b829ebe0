/* xml.c: binding of core/xml.h. Lua: neap.native.xml. See spec/lua/xml_spec.lua.
 *
 * Nothing of Lua runs inside expat: the core's callbacks only write down what was read, and tables are
 * made of it between two pieces of the text. */
#include "../core/xml.h"

#include <string.h>

#include "l_common.h"

#define READER_MT "neap.XmlReader"
#define DEPTH_DEFAULT 100
#define DEPTH_MAX 1000     /* each level is a slot of Lua's stack, and some calls of neap.xml */
#define PIECE (256 * 1024) /* bytes of text between two looks at what was read */

/* One decoding. On Lua's stack, above `base`: the open elements, the innermost on top. */
typedef struct l_reader {
    neap_xml xml;
    neap_buf log; /* owned: what was read: a letter, then strings with their NUL */
} l_reader;

/* ---- writing down ---- */

static int put(l_reader *r, char letter, const char *text, size_t len) {
    if (neap_buf_reserve(&r->log, len + 2) < 0) return NEAP_ENOMEM;
    neap_buf_add(&r->log, &letter, 1);
    neap_buf_add(&r->log, text, len);
    return neap_buf_add(&r->log, "", 1);
}

static int on_start(void *ud, const char *name) {
    return put(ud, 'S', name, strlen(name));
}

static int on_attribute(void *ud, const char *name, const char *value) {
    int rc = put(ud, 'A', name, strlen(name));
    return rc < 0 ? rc : put(ud, 'V', value, strlen(value));
}

static int on_text(void *ud, const char *text, size_t len) {
    return put(ud, 'T', text, len);
}

static int on_end(void *ud, const char *name) {
    (void)name;
    return put(ud, 'E', "", 0);
}

/* ---- making tables ---- */

/* Pushes a new element, made a child of the one on top unless it is the root. */
static void begin_element(lua_State *L, int base, const char *name) {
    bool is_root = lua_gettop(L) == base;
    luaL_checkstack(L, 6, "XML nested too deeply");
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    if (is_root) return;
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
}

static void add_attribute(lua_State *L, const char *name, const char *value) {
    if (lua_getfield(L, -1, "attributes") == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, "attributes");
    }
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static void set_text(lua_State *L, const char *text) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, "text");
}

/* Makes of what was written down elements on the stack above base; the root stays when it ends. */
static void make_elements(lua_State *L, l_reader *r, int base) {
    const char *at = r->log.data, *end = at + r->log.len, *name = NULL;
    while (at < end) {
        const char *text = at + 1;
        switch (*at) {
        case 'S': begin_element(L, base, text); break;
        case 'A': name = text; break;
        case 'V': add_attribute(L, name, text); break;
        case 'T': set_text(L, text); break;
        default:
            if (lua_gettop(L) > base + 1) lua_pop(L, 1);
        }
        at = text + strlen(text) + 1;
    }
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

/* Pushes nil and the reader's error with its place. */
static int fail_decode(lua_State *L, const neap_xml *x) {
    l_fail(L, &x->err);
    lua_pushinteger(L, (lua_Integer)x->line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, (lua_Integer)x->column);
    lua_setfield(L, -2, "column");
    lua_pushboolean(L, x->truncated);
    lua_setfield(L, -2, "truncated");
    return 2;
}

/* Gets the option `depth` from the table at idx, if there is one. THROWS on any other name. */
static size_t check_depth(lua_State *L, int idx) {
    lua_Integer depth = DEPTH_DEFAULT;
    if (lua_isnoneornil(L, idx)) return DEPTH_DEFAULT;
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        int is_integer = 0;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (strcmp(name, "depth") != 0)
            luaL_argerror(L, idx, lua_pushfstring(L, "unknown option '%s'", name));
        if (lua_type(L, -1) == LUA_TNUMBER) depth = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || depth < 1 || depth > DEPTH_MAX)
            luaL_argerror(L, idx, lua_pushfstring(L, "option 'depth': integer from 1 to %d expected",
                                                  DEPTH_MAX));
        lua_pop(L, 1);
    }
    return (size_t)depth;
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
        results = fail_decode(L, &r->xml);
    }
    reader_close(r);
    return results;
}

int luaopen_neap_xml(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", reader_gc}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"decode", l_xml_decode}, {NULL, NULL}};
    l_new_class(L, READER_MT, none, metas);
    luaL_newlib(L, funcs);
    return 1;
}
