/* csv.c: binding of core/csv.h. Lua: neap.native.csv. See spec/lua/csv_spec.lua. */
#include "../core/csv.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l_sink.h"

#define READER_MT "neap.CsvReader"
#define LINE_MT "neap.CsvLine"

/* One reading. */
typedef struct l_reader {
    l_sink sink; /* its first member */
    neap_csv csv;
    uint64_t bytes; /* fed */
    uint64_t count; /* rows taken */
} l_reader;

static l_reader *check_reader(lua_State *L) {
    return luaL_checkudata(L, 1, READER_MT);
}

static void sink_feed(l_sink *sink, const char *bytes, size_t len) {
    l_reader *r = (l_reader *)sink;
    r->bytes += len;
    neap_csv_feed(&r->csv, bytes, len); /* a fault stays in the reader */
}

static void sink_finish(l_sink *sink) {
    l_reader *r = (l_reader *)sink;
    neap_csv_finish(&r->csv);
}

/* csv.reader() -> reader, an l_sink                                               [-0, +1, m] */
static int l_csv_reader(lua_State *L) {
    l_reader *r = lua_newuserdatauv(L, sizeof *r, 0);
    *r = (l_reader){.sink = {sink_feed, sink_finish}};
    neap_csv_init(&r->csv, 0);
    luaL_setmetatable(L, READER_MT);
    return 1;
}

/* Pushes nil and the reader's fault with its line and column. Returns 2. */
static int push_fault(lua_State *L, const neap_csv *csv) {
    l_fail(L, &csv->err);
    lua_pushinteger(L, (lua_Integer)csv->err_line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, (lua_Integer)csv->err_column);
    lua_setfield(L, -2, "column");
    return 2;
}

static int push_outcome(lua_State *L, const neap_csv *csv) {
    if (csv->err.code < 0) return push_fault(L, csv);
    lua_pushboolean(L, 1);
    return 1;
}

/* reader:feed(bytes) -> true | nil, err; rows that were complete come out all the same.
 * Raises after finish.                                                          [-0, +1|2, e] */
static int l_csv_feed(lua_State *L) {
    l_reader *r = check_reader(L);
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    if (r->csv.finished && r->csv.err.code == 0)
        return luaL_error(L, "this CSV reader is finished");
    sink_feed(&r->sink, bytes, len);
    return push_outcome(L, &r->csv);
}

/* reader:finish() -> true | nil, err                                            [-0, +1|2, m] */
static int l_csv_finish(lua_State *L) {
    l_reader *r = check_reader(L);
    sink_finish(&r->sink);
    return push_outcome(L, &r->csv);
}

/* reader:bytes() -> bytes fed                                                     [-0, +1, e] */
static int l_csv_bytes(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_reader(L)->bytes);
    return 1;
}

/* Pushes the cells of the row that is looked at, one after the other into the table on top. What is
 * finalized meanwhile may feed or finish the reader, so that the row moves, but may not take the row. */
static void push_cells(lua_State *L, const l_reader *r, neap_csv_row *row) {
    uint64_t count = r->count;
    for (size_t i = 0, cells = row->len; i < cells; i++) {
        size_t len;
        const char *cell = neap_csv_cell(row, i, &len);
        lua_pushlstring(L, cell, len);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
        if (r->count != count) luaL_error(L, "this CSV reader is in use");
        neap_csv_peek(&r->csv, row);
    }
}

/* Takes the oldest complete row and pushes its list of cells, if there is one. Gets its line, or 0. */
static uint64_t take_row(lua_State *L, l_reader *r) {
    neap_csv_row row;
    if (!neap_csv_peek(&r->csv, &row)) return 0;
    lua_createtable(L, row.len <= INT_MAX ? (int)row.len : 0, 0);
    if (!neap_csv_peek(&r->csv, &row)) luaL_error(L, "this CSV reader is in use");
    push_cells(L, r, &row);
    r->count++;
    neap_csv_next(&r->csv, &row);
    return row.line;
}

/* reader:row() -> list of strings, line | nil while no row is complete          [-0, +1|2, e] */
static int l_csv_row(lua_State *L) {
    uint64_t line = take_row(L, check_reader(L));
    if (line == 0) lua_pushnil(L);
    else lua_pushinteger(L, (lua_Integer)line);
    return line == 0 ? 1 : 2;
}

/* reader:next() -> list of strings, line | nil while no row is complete, and at the end | nil, err: behind
 * the last row before the fault                                                 [-0, +1|2, e] */
static int l_csv_next(lua_State *L) {
    l_reader *r = check_reader(L);
    int results = l_csv_row(L);
    return results == 1 && r->csv.err.code < 0 ? push_fault(L, &r->csv) : results;
}

static int l_csv_gc(lua_State *L) {
    neap_csv_deinit(&check_reader(L)->csv);
    return 0;
}

/* The shortest text that reads back as the same number; 1.0 stays 1.0, as in JSON. */
static size_t fmt_float(char *to, size_t room, double x) {
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(to, room, "%.*g", digits, x);
        if (strtod(to, NULL) == x) break;
    }
    if (strpbrk(to, ".en") == NULL) len += snprintf(to + len, room - (size_t)len, ".0");
    return (size_t)len;
}

/* Raises about cell `at` of the list. */
static int refuse(lua_State *L, int list, lua_Integer at, const char *why) {
    return luaL_argerror(L, list, lua_pushfstring(L, "cell %I is %s", (LUAI_UACINT)at, why));
}

static int put_number(lua_State *L, neap_buf *line, int list, lua_Integer at) {
    char text[64];
    size_t len;
    if (lua_isinteger(L, -1)) {
        len = (size_t)snprintf(text, sizeof text, LUA_INTEGER_FMT, lua_tointeger(L, -1));
    } else {
        double x = lua_tonumber(L, -1);
        if (!isfinite(x)) return refuse(L, list, at, "no finite number");
        len = fmt_float(text, sizeof text, x);
    }
    return neap_csv_put_cell(line, (size_t)at - 1, text, len);
}

/* Adds the value on top of the stack as cell `at` (from 1). THROWS on a type that is no cell. */
static int put_value(lua_State *L, neap_buf *line, int list, lua_Integer at) {
    size_t index = (size_t)at - 1, len;
    const char *text;
    switch (lua_type(L, -1)) {
    case LUA_TNIL: return neap_csv_put_cell(line, index, "", 0);
    case LUA_TNUMBER: return put_number(L, line, list, at);
    case LUA_TBOOLEAN:
        text = lua_toboolean(L, -1) ? "true" : "false";
        return neap_csv_put_cell(line, index, text, strlen(text));
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        return neap_csv_put_cell(line, index, text, len);
    case LUA_TLIGHTUSERDATA: /* neap.null is cjson.null, the NULL pointer */
        if (lua_touserdata(L, -1) == NULL) return neap_csv_put_cell(line, index, "", 0);
        break;
    default: break;
    }
    return refuse(L, list, at, lua_pushfstring(L, "a %s, not for CSV", luaL_typename(L, -1)));
}

/* The list's length: its field n where it has one, so that it may hold nil. */
static lua_Integer check_length(lua_State *L, int list) {
    lua_Integer n;
    luaL_checktype(L, list, LUA_TTABLE);
    lua_getfield(L, list, "n");
    n = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : luaL_len(L, list);
    lua_pop(L, 1);
    luaL_argcheck(L, n >= 1, list, "a row has at least one cell");
    return n;
}

/* csv.format_row(list) -> line with its "\n"; list.n may give the length. Strings, numbers and
 * booleans are cells, nil and neap.null empty ones; raises on others.            [-0, +1, e] */
static int l_csv_format_row(lua_State *L) {
    neap_buf *line = lua_touserdata(L, lua_upvalueindex(1));
    lua_Integer n = check_length(L, 1);
    int rc = 0;
    lua_settop(L, 1);
    line->len = 0;
    for (lua_Integer i = 1; i <= n && rc == 0; i++) {
        lua_geti(L, 1, i);
        rc = put_value(L, line, 1, i);
        lua_pop(L, 1);
    }
    if (rc == 0) rc = neap_csv_put_end(line, 0);
    if (rc < 0) return luaL_error(L, "not enough memory");
    lua_pushlstring(L, line->data, line->len);
    if (line->cap > (size_t)1 << 20) neap_buf_free(line);
    return 1;
}

static int l_csv_line_gc(lua_State *L) {
    neap_buf_free(luaL_checkudata(L, 1, LINE_MT));
    return 0;
}

int luaopen_neap_csv(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"feed", l_csv_feed}, {"finish", l_csv_finish}, {"row", l_csv_row},
        {"next", l_csv_next}, {"bytes", l_csv_bytes},   {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_csv_gc}, {NULL, NULL}};
    static const luaL_Reg line_metas[] = {{"__gc", l_csv_line_gc}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"reader", l_csv_reader}, {NULL, NULL}};
    neap_buf *line;
    l_new_class(L, READER_MT, methods, metas);
    luaL_getmetatable(L, READER_MT);
    l_sink_mark(L);
    lua_pop(L, 1);
    l_new_class(L, LINE_MT, none, line_metas);
    luaL_newlib(L, funcs);
    line = lua_newuserdatauv(L, sizeof *line, 0); /* survives errors in the middle of a row */
    *line = (neap_buf){0};
    luaL_setmetatable(L, LINE_MT);
    lua_pushcclosure(L, l_csv_format_row, 1);
    lua_setfield(L, -2, "format_row");
    return 1;
}
