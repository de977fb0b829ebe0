/* xml_records.c: binding of core/xml_records.h, for xml.c. Lua: neap.native.xml.records. See
 * spec/lua/xml_records_spec.lua.
 *
 * A record becomes a table when it is asked for, and the frame after the end. */
#include "../core/xml_records.h"

#include <string.h>

#include "../core/xml_log.h"
#include "l_sink.h"
#include "l_xml.h"

#define READER_MT "neap.XmlRecords"
#define RECORD_MOST ((lua_Integer)1 << 30)

typedef struct l_reader {
    l_sink sink;              /* its first member */
    neap_xml_records records; /* held while a table is made: what is finalized then may come back here */
    neap_buf way;             /* owned: see neap_xml_records_cfg */
    size_t made;              /* where the record that is made ends */
    uint64_t bytes;           /* fed */
} l_reader;

static void sink_feed(l_sink *sink, const char *bytes, size_t len) {
    l_reader *r = (l_reader *)sink;
    r->bytes += len;
    neap_xml_records_feed(&r->records, bytes, len);
}

static void sink_finish(l_sink *sink) {
    l_reader *r = (l_reader *)sink;
    neap_xml_records_finish(&r->records);
}

/* ---- methods ---- */

static l_reader *check_reader(lua_State *L) {
    return luaL_checkudata(L, 1, READER_MT);
}

/* Gets the reader for a call that takes records: no other may be in the middle of it. */
static l_reader *check_idle(lua_State *L) {
    l_reader *r = check_reader(L);
    if (r->records.held) luaL_error(L, "this XML reader is in use");
    return r;
}

static bool has_failed(const l_reader *r) {
    return r->records.xml.err.code < 0;
}

/* Pushes nil and what is wrong with the document. Returns 2. */
static int push_fault(lua_State *L, const l_reader *r) {
    const neap_xml_records *records = &r->records;
    return l_xml_fail(L, &records->xml, records->in_record ? records->whole + 1 : 0);
}

static int push_outcome(lua_State *L, const l_reader *r) {
    if (has_failed(r)) return push_fault(L, r);
    lua_pushboolean(L, 1);
    return 1;
}

/* reader:feed(bytes) -> true | nil, err; records before a fault come out all the same. Raises after
 * finish.                                                                       [-0, +1|2, e] */
static int l_records_feed(lua_State *L) {
    l_reader *r = check_reader(L);
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    if (r->records.ended && !has_failed(r)) return luaL_error(L, "this XML reader is finished");
    sink_feed(&r->sink, bytes, len);
    return push_outcome(L, r);
}

/* reader:finish() -> true | nil, err; idempotent                                [-0, +1|2, e] */
static int l_records_finish(lua_State *L) {
    l_reader *r = check_reader(L);
    sink_finish(&r->sink);
    return push_outcome(L, r);
}

/* [reader] -> element of the next record */
static int make_record(lua_State *L) {
    l_reader *r = lua_touserdata(L, 1);
    const neap_xml_records *records = &r->records;
    r->made = l_xml_make(L, &records->log, records->taken, records->ready, 1);
    return 1;
}

/* reader:next() -> element | nil: none is whole at present, or the end | nil, err  [-0, +1|2, e] */
static int l_records_next(lua_State *L) {
    l_reader *r = check_idle(L);
    int status;
    if (r->records.taken == r->records.ready) {
        if (has_failed(r)) return push_fault(L, r);
        lua_pushnil(L);
        return 1;
    }
    lua_pushcfunction(L, make_record);
    lua_pushvalue(L, 1);
    r->records.held = true;
    status = lua_pcall(L, 1, 1, 0);
    r->records.held = false;
    if (status != LUA_OK) return lua_error(L); /* the record is the next one still */
    neap_xml_records_take(&r->records, r->made);
    return 1;
}

/* reader:skip(n) -> how many of n records at hand were dropped                     [-0, +1, e] */
static int l_records_skip(lua_State *L) {
    neap_xml_records *records = &check_idle(L)->records;
    lua_Integer n = luaL_checkinteger(L, 2), done = 0;
    luaL_argcheck(L, n >= 0, 2, "a number from 0 expected");
    for (; done < n && records->taken < records->ready; done++)
        neap_xml_records_take(records, neap_xml_log_skip(&records->log, records->taken));
    lua_pushinteger(L, done);
    return 1;
}

/* reader:count() -> records taken or skipped                                       [-0, +1, e] */
static int l_records_count(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_reader(L)->records.count);
    return 1;
}

/* reader:bytes() -> bytes fed                                                      [-0, +1, e] */
static int l_records_bytes(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_reader(L)->bytes);
    return 1;
}

/* reader:hash() -> integer over the records taken or skipped, in order             [-0, +1, e] */
static int l_records_hash(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_reader(L)->records.hash);
    return 1;
}

/* reader:found() -> has the list begun that the records are in, and is it no text?  [-0, +1, e] */
static int l_records_found(lua_State *L) {
    lua_pushboolean(L, check_reader(L)->records.found);
    return 1;
}

/* reader:root() -> name of the root | nil before it                                [-0, +1, e] */
static int l_records_root(lua_State *L) {
    const neap_buf *frame = &check_reader(L)->records.frame;
    lua_pushstring(L, frame->len > 0 ? frame->data + 1 : NULL);
    return 1;
}

/* reader:frame() -> the root without the records in it | nil before the end, or after a fault
 *                                                                                  [-0, +1, e] */
static int l_records_frame(lua_State *L) {
    l_reader *r = check_reader(L);
    const neap_buf *frame = &r->records.frame;
    lua_settop(L, 1);
    if (!r->records.ended || has_failed(r) || frame->len == 0) lua_pushnil(L);
    else l_xml_make(L, frame, 0, frame->len, 1);
    return 1;
}

static int l_records_gc(lua_State *L) {
    l_reader *r = check_reader(L);
    neap_xml_records_deinit(&r->records);
    neap_buf_free(&r->way);
    return 0;
}

/* ---- options ---- */

/* Reads the way on top of the stack: a list of names. Gets how many they are. */
static size_t read_way(lua_State *L, neap_buf *way) {
    int list = lua_gettop(L);
    lua_Integer n = lua_istable(L, list) ? luaL_len(L, list) : -1;
    luaL_argcheck(L, n >= 0, 1, "option 'way': list of names expected");
    for (lua_Integer i = 1; i <= n; i++) {
        const char *name = lua_geti(L, list, i) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        size_t len = strlen(name);
        luaL_argcheck(L, len > 0 && len == lua_rawlen(L, -1), 1, "option 'way': names expected");
        if (neap_buf_add(way, name, len + 1) < 0) luaL_error(L, "not enough memory");
        lua_pop(L, 1);
    }
    return (size_t)n;
}

/* Reads the option on top of the stack. */
static void read_option(lua_State *L, const char *name, neap_xml_records_cfg *cfg, neap_buf *way) {
    if (strcmp(name, "way") == 0 || strcmp(name, "depth") == 0) {
        luaL_argcheck(L, cfg->depth == 0, 1, "options 'way' and 'depth' exclude each other");
        cfg->depth = *name == 'w' ? read_way(L, way) + 1
                                  : l_xml_check_option(L, 1, name, XML_NESTING_MAX - 1);
    } else if (strcmp(name, "max_record") == 0) {
        cfg->max_record = l_xml_check_option(L, 1, name, RECORD_MOST);
    } else if (strcmp(name, "nesting") == 0) {
        cfg->nesting = l_xml_check_option(L, 1, name, XML_NESTING_MAX);
    } else {
        luaL_argerror(L, 1, lua_pushfstring(L, "unknown option '%s'", name));
    }
}

/* Reads the table of options, if there is one. The way is in the buffer. */
static neap_xml_records_cfg check_options(lua_State *L, neap_buf *way) {
    neap_xml_records_cfg cfg = {.nesting = XML_NESTING_DEFAULT};
    if (!lua_isnil(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
        lua_pushnil(L);
        while (lua_next(L, 1)) {
            const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
            read_option(L, name, &cfg, way);
            lua_pop(L, 1);
        }
    }
    if (cfg.depth == 0) cfg.depth = 1;
    cfg.way = way->data;
    luaL_argcheck(L, cfg.depth < cfg.nesting, 1, "the records are deeper than 'nesting' allows");
    return cfg;
}

/* xml.records{ depth = 1, way = {}, max_record = 16 MiB, nesting = 100 }? -> reader, an l_sink
 *
 * Records are the elements with `depth` others around them; with a way, those in the elements of these
 * names, one within the other, in any letter case: { "data" } reads <root><data><record/>.
 * max_record: bytes that a record may take here, and all that is beside records together. nesting:
 * elements inside each other, all of them counted.                                 [-0, +1, e] */
int l_xml_records(lua_State *L) {
    neap_xml_records_cfg cfg;
    l_reader *r;
    lua_settop(L, 1);
    r = lua_newuserdatauv(L, sizeof *r, 0);
    *r = (l_reader){.sink = {sink_feed, sink_finish}};
    luaL_setmetatable(L, READER_MT);
    cfg = check_options(L, &r->way);
    if (neap_xml_records_init(&r->records, &cfg) < 0) return luaL_error(L, "not enough memory");
    return 1;
}

void l_xml_records_open(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"feed", l_records_feed},   {"finish", l_records_finish}, {"next", l_records_next},
        {"skip", l_records_skip},   {"count", l_records_count},   {"bytes", l_records_bytes},
        {"hash", l_records_hash},   {"found", l_records_found},   {"root", l_records_root},
        {"frame", l_records_frame}, {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_records_gc}, {NULL, NULL}};
    l_new_class(L, READER_MT, methods, metas);
    luaL_getmetatable(L, READER_MT);
    l_sink_mark(L);
    lua_pop(L, 1);
}
