/* split.c: binding of core/split.h. Lua: neap.native.split. See spec/lua/split_spec.lua.
 *
 * A record is decoded where it lies in the splitter, and decoding may run finalizers, which may do anything
 * with the reader: meanwhile it is busy. One that an error has left busy (memory ended) stays so: whoever went
 * on would miss a record. */
#include "../core/split.h"

#include <string.h>

#include "l_file.h"
#include "l_mapping.h"
#include "l_sink.h"
#include "l_split.h"

#define READER_MT "neap.SplitReader"
#define RECORD_MAX (16 << 20) /* bytes, if nothing else is asked for */
#define FRAME_MAX (4 << 20)   /* bytes */
#define WAY_MAX 64            /* keys */
#define LINES_KEEP (1 << 20)  /* bytes: a larger buffer of mapped lines is not kept */

static const char reader_tag;

struct l_reader {
    l_sink sink;
    const void *tag;        /* &reader_tag until it is finalised */
    neap_split split;       /* owned */
    neap_buf lines;         /* owned: what text() hands out; survives errors */
    l_json_options options; /* of decoding */
    bool is_busy;           /* see above */
    bool is_misfed;         /* bytes came while it was busy, and are lost */
};

/* ---- the sink ---- */

static void sink_feed(l_sink *sink, const char *bytes, size_t len) {
    l_reader *u = (l_reader *)sink; /* its first member */
    if (u->is_busy) u->is_misfed = true;
    else (void)neap_split_feed(&u->split, bytes, len);
}

static void sink_finish(l_sink *sink) {
    l_reader *u = (l_reader *)sink;
    if (u->is_busy) u->is_misfed = true;
    else (void)neap_split_finish(&u->split);
}

/* ---- readers ---- */

/* As in http_response.c: cheaper than luaL_checkudata, and as safe. */
l_reader *l_split_check(lua_State *L, int idx) {
    l_reader *u = lua_touserdata(L, idx);
    if (u != NULL && lua_rawlen(L, idx) == sizeof *u && u->tag == &reader_tag) return u;
    luaL_checkudata(L, idx, READER_MT);
    luaL_argerror(L, idx, "the reader is gone"); /* finalised, at lua_close */
    return NULL;
}

static l_reader *check_reader(lua_State *L) {
    return l_split_check(L, 1);
}

static l_reader *check_idle(lua_State *L) {
    l_reader *u = check_reader(L);
    if (u->is_busy) luaL_error(L, "this reader is in use, or an error broke it off");
    if (u->is_misfed) luaL_error(L, "bug: bytes came while this reader was in use");
    return u;
}

/* Pushes nil and the fault. */
static int fail(lua_State *L, const l_reader *u) {
    l_fail(L, &u->split.err);
    lua_pushboolean(L, u->split.truncated);
    lua_setfield(L, -2, "truncated");
    return 2;
}

/* Pushes true, or nil and the fault. */
static int push_outcome(lua_State *L, const l_reader *u, int rc) {
    if (rc < 0) return fail(L, u);
    lua_pushboolean(L, 1);
    return 1;
}

/* reader:feed(bytes) -> true | nil, err once a fault stands before every record not taken yet. Raises after
 * finish.                                                                            [-0, +1|2, e] */
static int l_split_feed(lua_State *L) {
    l_reader *u = check_idle(L);
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    int rc = neap_split_feed(&u->split, bytes, len);
    if (rc == NEAP_EINVAL && u->split.err.code == 0) return luaL_error(L, "this reader is finished");
    return push_outcome(L, u, rc);
}

/* reader:finish() -> true | nil, err: no more bytes follow. Idempotent. As feed.    [-0, +1|2, e] */
static int l_split_finish(lua_State *L) {
    l_reader *u = check_idle(L);
    return push_outcome(L, u, neap_split_finish(&u->split));
}

/* Decodes the record where it lies. */
bool l_split_push_easy(lua_State *L, l_reader *u) {
    neap_split_record record;
    size_t len;
    if (u->is_busy || u->is_misfed || !neap_split_peek(&u->split, &record)) return false;
    u->is_busy = true;
    len = l_json_push_first(L, record.text, record.len, &u->options);
    u->is_busy = false;
    if (len > 0) neap_split_take(&u->split, len);
    return len > 0;
}

/* reader:next() -> value | nil: none at present, or the end | nil, err again and again. The error's message
 * names the record, its `truncated` says that the document ended too early.           [-0, +1|2, e] */
static int l_split_next(lua_State *L) {
    l_reader *u = check_idle(L);
    neap_split_record record;
    neap_err err;
    bool is_good;
    int rc;
    if (l_split_push_easy(L, u)) return 1;
    rc = neap_split_next(&u->split, &record);
    if (rc < 0) return fail(L, u);
    if (rc == 0) {
        lua_pushnil(L);
        return 1;
    }
    u->is_busy = true;
    is_good = l_json_push_with(L, record.text, record.len, &u->options, &err);
    u->is_busy = false;
    if (is_good) return 1;
    neap_split_refuse(&u->split, &record, err.code, err.message);
    return fail(L, u);
}

/* reader:skip(n) -> how many of n records at hand were dropped: taken, but not decoded   [-0, +1, e] */
static int l_split_skip(lua_State *L) {
    l_reader *u = check_idle(L);
    lua_Integer n = luaL_checkinteger(L, 2), dropped = 0;
    neap_split_record record;
    luaL_argcheck(L, n >= 0, 2, "a number of records expected");
    while (dropped < n && neap_split_next(&u->split, &record) > 0) dropped++;
    lua_pushinteger(L, dropped);
    return 1;
}

/* reader:count() -> records taken                                                     [-0, +1, -] */
static int l_split_count(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_reader(L)->split.count);
    return 1;
}

/* reader:bytes() -> bytes that were fed                                               [-0, +1, -] */
static int l_split_bytes(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_reader(L)->split.bytes);
    return 1;
}

/* reader:hash() -> integer: of the bytes of all records taken, in their order         [-0, +1, -] */
static int l_split_hash(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)neap_split_hash(&check_reader(L)->split));
    return 1;
}

/* reader:found() -> boolean: the array at the way has begun; of NDJSON always true    [-0, +1, -] */
static int l_split_found(lua_State *L) {
    lua_pushboolean(L, neap_split_found(&check_reader(L)->split));
    return 1;
}

/* reader:frame() -> text: the document with [] in place of its records | nil before the end, which is when
 * all of them are taken, and after a fault. Of NDJSON it is empty.                    [-0, +1, m] */
static int l_split_frame(lua_State *L) {
    size_t len;
    const char *text = neap_split_frame(&check_idle(L)->split, &len);
    if (text == NULL) lua_pushnil(L);
    else lua_pushlstring(L, text, len);
    return 1;
}

/* Maps the next record. 1, 0 or a code, as neap_split_next. */
static int map_record(l_reader *u, neap_mapping *mapping, neap_buf *lines) {
    neap_split_record record;
    neap_err err;
    int rc;
    if (u->options.depth >= NEAP_MAPPING_DEPTH && neap_split_peek(&u->split, &record)) {
        size_t len = neap_mapping_try(mapping, record.text, record.len, lines);
        if (len > 0) {
            neap_split_take(&u->split, len);
            return 1;
        }
    }
    rc = neap_split_next(&u->split, &record);
    if (rc <= 0) return rc;
    rc = neap_mapping_apply(mapping, record.text, record.len, lines, &err);
    return rc < 0 ? neap_split_refuse(&u->split, &record, rc, err.message) : 1;
}

/* Maps the records at hand until there are max bytes of lines. Sets how many; returns the last one's code. */
static int map_records(l_reader *u, neap_mapping *mapping, size_t max, neap_buf *lines, lua_Integer *count) {
    size_t start = lines->len;
    int rc = 1;
    for (*count = 0; lines->len - start < max; (*count)++) {
        rc = map_record(u, mapping, lines);
        if (rc <= 0) break;
    }
    return rc;
}

/* Pushes the lines. */
static void push_lines(lua_State *L, l_reader *u) {
    u->is_busy = true; /* whoever went on after an error here would miss these records */
    lua_pushlstring(L, u->lines.data, u->lines.len);
    u->is_busy = false;
    if (u->lines.cap > LINES_KEEP) neap_buf_free(&u->lines);
}

/* reader:text(program, max, file?) -> text, count: lines of the records at hand, mapped, until they are max bytes
 * or a little more; never a part of one. With a file they go into its buffer, and text is true | nil: none at
 * present, or the end | nil, err as of next, which is also what a record is told by that cannot be mapped.
 *                                                                                     [-0, +1|2, e] */
static int l_split_text(lua_State *L) {
    l_reader *u = check_idle(L);
    neap_mapping *mapping = l_mapping_check(L, 2);
    lua_Integer max = luaL_checkinteger(L, 3), count;
    bool is_filed = !lua_isnoneornil(L, 4);
    neap_buf *lines = is_filed ? l_file_begin(L, 4) : &u->lines;
    size_t start;
    int rc;
    luaL_argcheck(L, max > 0, 3, "a number of bytes expected");
    if (!is_filed) lines->len = 0;
    start = lines->len;
    rc = map_records(u, mapping, (size_t)max, lines, &count);
    if (count == 0 && rc < 0) return fail(L, u);
    if (count == 0) {
        lua_pushnil(L);
        return 1;
    }
    if (is_filed) {
        l_file_end(L, 4, lines->len - start);
        lua_pushboolean(L, 1);
    } else {
        push_lines(L, u);
    }
    lua_pushinteger(L, count);
    return 2;
}

static int l_split_gc(lua_State *L) {
    l_reader *u = check_reader(L);
    neap_split_deinit(&u->split);
    neap_buf_free(&u->lines);
    u->tag = NULL;
    return 0;
}

/* ---- module ---- */

/* Reads the option `way` into keys, whose names the list keeps, which it leaves on the stack. Returns how
 * many. */
static size_t check_way(lua_State *L, neap_split_key keys[WAY_MAX]) {
    lua_Integer len;
    if (lua_getfield(L, 1, "way") == LUA_TNIL) return 0;
    luaL_argcheck(L, lua_istable(L, -1), 1, "option 'way': a list of keys expected");
    len = (lua_Integer)lua_rawlen(L, -1);
    luaL_argcheck(L, len <= WAY_MAX, 1, "option 'way': too many keys");
    for (lua_Integer i = 0; i < len; i++) {
        luaL_argcheck(L, lua_rawgeti(L, -1, i + 1) == LUA_TSTRING, 1, "option 'way': keys are strings");
        keys[i].name = lua_tolstring(L, -1, &keys[i].len);
        lua_pop(L, 1);
    }
    return (size_t)len;
}

/* split.reader{ format = "json"|"ndjson", way =, max_record =, max_frame = (bytes), depth =, and as of
 * json.decode: ordered =, bigint =, duplicates = } -> reader. Feed it, or have response:pour do so.
 *                                                                                     [-0, +1, e] */
static int l_split_reader(lua_State *L) {
    static const char *const names[] = {"format",  "way",    "max_record", "max_frame", "depth",
                                        "ordered", "bigint", "duplicates", NULL};
    neap_split_key keys[WAY_MAX];
    neap_split_options o = {.way = keys};
    l_reader *u;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    u = lua_newuserdatauv(L, sizeof *u, 0);
    memset(u, 0, sizeof *u);
    u->tag = &reader_tag;
    u->sink = (l_sink){.feed = sink_feed, .finish = sink_finish};
    luaL_setmetatable(L, READER_MT);
    l_json_check_opts(L, 1, names);
    u->options = l_json_check_options(L, 1);
    o.is_lines = l_json_opt_either(L, 1, "format", "json", "ndjson");
    o.record_max = (size_t)l_json_opt_int(L, 1, "max_record", RECORD_MAX, 1, INT32_MAX);
    o.frame_max = (size_t)l_json_opt_int(L, 1, "max_frame", FRAME_MAX, 1, INT32_MAX);
    o.depth_max = u->options.depth;
    o.way_len = check_way(L, keys); /* nothing is allocated from here on, so they stay */
    luaL_argcheck(L, !o.is_lines || o.way_len == 0, 1, "option 'way': NDJSON has none");
    if (neap_split_init(&u->split, &o) < 0) return luaL_error(L, "not enough memory");
    lua_settop(L, 2);
    return 1;
}

/* Makes the class of readers, as sinks; next decodes, see l_json.h. */
static void open_class(lua_State *L) {
    static const luaL_Reg methods[] = {{"feed", l_split_feed},   {"finish", l_split_finish},
                                       {"skip", l_split_skip},   {"count", l_split_count},
                                       {"bytes", l_split_bytes}, {"hash", l_split_hash},
                                       {"found", l_split_found}, {"frame", l_split_frame},
                                       {"text", l_split_text},   {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_split_gc}, {NULL, NULL}};
    l_new_class(L, READER_MT, methods, metas);
    luaL_getmetatable(L, READER_MT);
    l_sink_mark(L);
    lua_getfield(L, -1, "__index");
    l_json_push_upvalues(L);
    lua_pushcclosure(L, l_split_next, 2);
    lua_setfield(L, -2, "next");
    lua_pop(L, 2);
}

int luaopen_neap_split(lua_State *L) {
    static const luaL_Reg funcs[] = {{"reader", l_split_reader}, {"pull", l_split_pull}, {NULL, NULL}};
    open_class(L);
    l_split_pull_init(L);
    luaL_newlib(L, funcs);
    return 1;
}
