/* json.c: binding of core/json.h: decoding, marks and options; json_encode.c encodes. Lua:
 * neap.native.json. See spec/lua/json_spec.lua. */
#include <string.h>

#include "../core/json.h"
#include "../core/json_sort.h"
#include "box.h"
#include "l_json.h"

#define DECODER_MT "neap.json.Decoder"
#define DEPTH_DEFAULT 1000
#define DEPTH_MAX 100000 /* a level takes up to four stack slots of LUAI_MAXSTACK's million */
#define HINTS 64         /* a power of two */
#define NAMES 64         /* the same */
#define NAME_LONGEST 40      /* bytes: longer strings are not interned by Lua */

/* ---- options ---- */

void l_json_check_opts(lua_State *L, int idx, const char *const names[]) {
    if (lua_isnoneornil(L, idx)) return;
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        int i = 0;
        while (name != NULL && names[i] != NULL && strcmp(name, names[i]) != 0) i++;
        if (name == NULL) luaL_argerror(L, idx, "option names are strings");
        if (names[i] == NULL)
            luaL_argerror(L, idx, lua_pushfstring(L, "unknown option '%s'", name));
        lua_pop(L, 1);
    }
}

/* Pushes an option, if it is given. Returns its type. */
static int push_opt(lua_State *L, int idx, const char *name) {
    if (lua_isnoneornil(L, idx)) return LUA_TNIL;
    lua_pushstring(L, name);
    if (lua_rawget(L, idx) != LUA_TNIL) return lua_type(L, -1);
    lua_pop(L, 1);
    return LUA_TNIL;
}

static void bad_opt(lua_State *L, int idx, const char *name, const char *wanted) {
    luaL_argerror(L, idx, lua_pushfstring(L, "option '%s': %s expected", name, wanted));
}

bool l_json_opt_bool(lua_State *L, int idx, const char *name) {
    bool value;
    int type = push_opt(L, idx, name);
    if (type == LUA_TNIL) return false;
    if (type != LUA_TBOOLEAN) bad_opt(L, idx, name, "boolean");
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

lua_Integer l_json_opt_int(lua_State *L, int idx, const char *name, lua_Integer otherwise,
                           lua_Integer min, lua_Integer max) {
    lua_Integer value;
    int is_int = 0, type = push_opt(L, idx, name);
    if (type == LUA_TNIL) return otherwise;
    value = type == LUA_TNUMBER ? lua_tointegerx(L, -1, &is_int) : 0;
    if (!is_int || value < min || value > max)
        bad_opt(L, idx, name, lua_pushfstring(L, "integer from %I to %I", (LUAI_UACINT)min,
                                              (LUAI_UACINT)max));
    lua_pop(L, 1);
    return value;
}

bool l_json_opt_either(lua_State *L, int idx, const char *name, const char *first,
                       const char *second) {
    const char *given;
    bool is_second;
    int type = push_opt(L, idx, name);
    if (type == LUA_TNIL) return false;
    given = type == LUA_TSTRING ? lua_tostring(L, -1) : "";
    is_second = strcmp(given, second) == 0;
    if (!is_second && strcmp(given, first) != 0)
        bad_opt(L, idx, name, lua_pushfstring(L, "'%s' or '%s'", first, second));
    lua_pop(L, 1);
    return is_second;
}

/* ---- decoding ---- */

/* One open container. */
typedef struct l_level {
    lua_Integer count; /* items or members so far */
    int index;         /* stack index of the table; with `ordered` an object's key list is next */
    unsigned context;  /* which hint its size belongs to; its items' contexts follow from it */
} l_level;

/* A key that was met before; its string is in the decoder's table of names. */
typedef struct l_name {
    const char *s; /* NULL: none yet */
    size_t len;
} l_name;

/* State of a decoding; see JSON_STATE. User value 1: the table of names. */
typedef struct l_decoder {
    neap_json_reader reader; /* owned */
    neap_buf levels;         /* owned: l_level[], as many as were ever needed */
    l_json_options options;
    bool busy;               /* in use by a call */
    int names_index;         /* where the table of names is on the stack */
    unsigned context;        /* of the next value */
    /* How large the last container of a context was, so that the next is made in that size and its
     * table need not grow. Capped, so that a text cannot make many large tables of tiny objects. */
    unsigned char hints[HINTS];
    l_name names[NAMES]; /* records have the same keys: to compare one is cheaper than to intern it */
} l_decoder;

static int decoder_gc(lua_State *L) {
    l_decoder *d = luaL_checkudata(L, 1, DECODER_MT);
    neap_json_reader_deinit(&d->reader);
    neap_buf_free(&d->levels);
    return 0;
}

/* Pushes a new decoder. */
static l_decoder *push_decoder(lua_State *L) {
    l_decoder *d = lua_newuserdatauv(L, sizeof *d, 1);
    *d = (l_decoder){0};
    luaL_setmetatable(L, DECODER_MT);
    lua_createtable(L, NAMES, 0);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, -1);
    lua_replace(L, JSON_STATE);
    return d;
}

/* Pushes a decoder that nobody uses, and its names. */
static l_decoder *take_decoder(lua_State *L) {
    l_decoder *d = lua_touserdata(L, JSON_STATE);
    if (d == NULL || d->busy) d = push_decoder(L);
    else lua_pushvalue(L, JSON_STATE); /* a nested call may replace the upvalue; the stack keeps ours */
    lua_getiuservalue(L, -1, 1);
    d->names_index = lua_gettop(L);
    d->busy = true;
    return d;
}

static void release_decoder(l_decoder *d) {
    if (d->reader.scratch.cap > JSON_KEEP) neap_buf_free(&d->reader.scratch);
    if (d->levels.cap > JSON_KEEP) neap_buf_free(&d->levels);
    d->busy = false;
}

/* The innermost open container. */
static l_level *top_level(l_decoder *d) {
    return (l_level *)(void *)d->levels.data + (d->reader.depth - 1);
}

/* A context from a key: objects and arrays under the same key tend to have the same size. */
static unsigned key_context(const char *s, size_t len) {
    if (len == 0) return 1;
    return (unsigned)(len * 31 + (unsigned char)s[0] * 7 + (unsigned char)s[len - 1] * 2);
}

/* Pushes the table of the container that was just begun. */
static void begin_container(lua_State *L, l_decoder *d, bool is_object) {
    l_level *level;
    size_t want = d->reader.depth * sizeof *level;
    unsigned context = (d->context & ~1u) | is_object;
    int hint = d->hints[context % HINTS];
    luaL_checkstack(L, 8, "JSON nested too deeply");
    if (d->levels.cap < want && neap_buf_reserve(&d->levels, want) < 0)
        l_failf(L, NEAP_ENOMEM, "not enough memory");
    lua_createtable(L, is_object ? 0 : hint, is_object ? hint : 0);
    level = top_level(d);
    level->index = lua_gettop(L);
    level->count = 0;
    level->context = context;
    if (is_object && d->options.ordered) lua_createtable(L, hint, 0);
    d->context = context * 5 + 2; /* of items; a key overrides it */
}

/* Gives the object its own metatable with its keys, which are on top; pops them. */
static void set_order(lua_State *L) {
    lua_createtable(L, 0, 2);
    lua_insert(L, -2);
    lua_setfield(L, -2, "keys");
    lua_pushliteral(L, JSON_OBJECT_MT);
    lua_setfield(L, -2, "__name");
    lua_setmetatable(L, -2);
}

/* Completes the container whose level is not open any more; its table is left on top. */
static void end_container(lua_State *L, l_decoder *d, bool is_object) {
    l_level *level = (l_level *)(void *)d->levels.data + d->reader.depth;
    d->hints[level->context % HINTS] = (unsigned char)(level->count < 64 ? level->count : 64);
    if (!is_object) {
        lua_pushvalue(L, JSON_ARRAYS);
        lua_setmetatable(L, -2);
    } else if (d->options.ordered) {
        set_order(L);
    }
    if (d->reader.depth > 0) d->context = top_level(d)->context * 5 + 2;
}

/* Refuses the key that was just read, naming it as far as it fits and prints. */
static bool refuse_duplicate(neap_json_reader *r) {
    char shown[48];
    size_t len = r->str_len < sizeof shown ? r->str_len : sizeof shown;
    while (len < r->str_len && len > 0 && ((unsigned char)r->str[len] & 0xC0) == 0x80) len--;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)r->str[i];
        shown[i] = c < 0x20 || c == 0x7F ? '?' : r->str[i];
    }
    neap_json_reader_refuse(r, "the key \"%.*s\" comes twice", (int)len, shown);
    return false;
}

/* Pushes the string of a key. */
static void push_name(lua_State *L, l_decoder *d, const char *s, size_t len) {
    unsigned place = key_context(s, len) % NAMES;
    l_name *name = &d->names[place];
    if (name->len == len && name->s != NULL && memcmp(name->s, s, len) == 0) {
        lua_rawgeti(L, d->names_index, (lua_Integer)place + 1);
        return;
    }
    lua_pushlstring(L, s, len);
    if (len > NAME_LONGEST) return;
    lua_pushvalue(L, -1);
    lua_rawseti(L, d->names_index, (lua_Integer)place + 1);
    *name = (l_name){lua_tostring(L, -1), len};
}

/* Pushes a key. False: refused as a duplicate. */
static bool push_key(lua_State *L, l_decoder *d) {
    neap_json_reader *r = &d->reader;
    l_level *level = top_level(d);
    bool known;
    push_name(L, d, r->str, r->str_len);
    d->context = key_context(r->str, r->str_len);
    level->count++;
    if (!d->options.ordered && !d->options.unique) return true;
    lua_pushvalue(L, -1);
    known = lua_rawget(L, level->index) != LUA_TNIL;
    lua_pop(L, 1);
    if (known && d->options.unique) return refuse_duplicate(r);
    if (d->options.ordered && !known) {
        lua_pushvalue(L, -1);
        lua_rawseti(L, level->index + 1, (lua_Integer)lua_rawlen(L, level->index + 1) + 1);
    }
    return true;
}

/* Pushes a big integer's digits. False: refused. */
static bool push_bigint(lua_State *L, l_decoder *d) {
    if (!d->options.big_strings) {
        neap_json_reader_refuse(&d->reader, "integer beyond 64 bit");
        return false;
    }
    lua_pushlstring(L, d->reader.str, d->reader.str_len);
    return true;
}

/* Puts the value on top into the innermost container. */
static void store(lua_State *L, l_decoder *d) {
    l_level *level = top_level(d);
    if (d->reader.in_object) lua_rawset(L, level->index);
    else lua_rawseti(L, level->index, ++level->count);
}

/* Decodes the text that the reader holds onto the stack. False: the reader has the error. */
static bool decode_text(lua_State *L, l_decoder *d) {
    neap_json_reader *r = &d->reader;
    for (;;) {
        switch (neap_json_reader_next(r)) {
        case NEAP_JSON_ERROR: return false;
        case NEAP_JSON_END: return true;
        case NEAP_JSON_OBJECT_BEGIN: begin_container(L, d, true); continue;
        case NEAP_JSON_ARRAY_BEGIN: begin_container(L, d, false); continue;
        case NEAP_JSON_OBJECT_END: end_container(L, d, true); break;
        case NEAP_JSON_ARRAY_END: end_container(L, d, false); break;
        case NEAP_JSON_KEY:
            if (!push_key(L, d)) return false;
            continue;
        case NEAP_JSON_STRING: lua_pushlstring(L, r->str, r->str_len); break;
        case NEAP_JSON_INTEGER: lua_pushinteger(L, r->integer); break;
        case NEAP_JSON_FLOAT: lua_pushnumber(L, r->number); break;
        case NEAP_JSON_BIGINT:
            if (!push_bigint(L, d)) return false;
            break;
        case NEAP_JSON_TRUE: lua_pushboolean(L, 1); break;
        case NEAP_JSON_FALSE: lua_pushboolean(L, 0); break;
        case NEAP_JSON_NULL: lua_pushlightuserdata(L, NULL); break;
        }
        if (r->depth > 0) store(L, d);
    }
}

/* Pushes nil and the reader's error with its place. */
static int fail_decode(lua_State *L, l_decoder *d) {
    const neap_json_reader *r = &d->reader;
    l_fail(L, &r->err);
    lua_pushinteger(L, (lua_Integer)r->line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, (lua_Integer)r->column);
    lua_setfield(L, -2, "column");
    lua_pushboolean(L, r->truncated);
    lua_setfield(L, -2, "truncated");
    return 2;
}

l_json_options l_json_check_options(lua_State *L, int idx) {
    l_json_options o;
    o.depth = (size_t)l_json_opt_int(L, idx, "depth", DEPTH_DEFAULT, 1, DEPTH_MAX);
    o.unique = l_json_opt_either(L, idx, "duplicates", "last", "error");
    o.big_strings = l_json_opt_either(L, idx, "bigint", "error", "string");
    o.ordered = l_json_opt_bool(L, idx, "ordered");
    return o;
}

/* Starts a decoding of text with a decoder that was taken. */
static void start_decoder(l_decoder *d, const char *text, size_t len, const l_json_options *options) {
    d->options = *options;
    d->context = 0;
    neap_json_reader_start(&d->reader, text, len, options->depth);
}

/* json.decode(s, opts?) -> value | nil, err                                [-0, +1|2, e] */
static int l_json_decode(lua_State *L) {
    static const char *const names[] = {"depth", "duplicates", "bigint", "ordered", NULL};
    size_t len;
    const char *text;
    l_json_options options;
    l_decoder *d;
    int results = 1;
    luaL_checktype(L, 1, LUA_TSTRING);
    text = lua_tolstring(L, 1, &len);
    lua_settop(L, 2);
    l_json_check_opts(L, 2, names);
    options = l_json_check_options(L, 2);
    d = take_decoder(L);
    start_decoder(d, text, len, &options);
    if (!decode_text(L, d)) {
        lua_settop(L, 4); /* the error needs room, and the half-made tables are garbage */
        results = fail_decode(L, d);
    }
    release_decoder(d);
    return results;
}

bool l_json_push_with(lua_State *L, const char *text, size_t len, const l_json_options *options, neap_err *err) {
    int top = lua_gettop(L);
    l_decoder *d = take_decoder(L);
    bool good;
    start_decoder(d, text, len, options);
    good = decode_text(L, d);
    lua_settop(L, top + 2 + good);
    release_decoder(d);
    if (!good) *err = d->reader.err;
    if (!good && err->code == NEAP_ENOMEM) l_push_error(L, err); /* throws */
    lua_rotate(L, top + 1, good); /* the decoder and its names go */
    lua_settop(L, top + good);
    return good;
}

bool l_json_push(lua_State *L, const char *text, size_t len, bool ordered) {
    l_json_options options = {.depth = DEPTH_DEFAULT, .ordered = ordered};
    neap_err err;
    return l_json_push_with(L, text, len, &options, &err);
}

static void open_decoder_class(lua_State *L) {
    static const luaL_Reg metas[] = {{"__gc", decoder_gc}, {NULL, NULL}}, none[] = {{NULL, NULL}};
    l_new_class(L, DECODER_MT, none, metas);
}

void l_json_push_upvalues(lua_State *L) {
    open_decoder_class(L);
    luaL_newmetatable(L, JSON_ARRAY_MT);
    lua_pushnil(L);
}

/* ---- marks ---- */

/* THROWS if the table at 1 has a metatable that is not one of ours. */
static void check_unmarked(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!lua_getmetatable(L, 1)) return;
    if (!lua_rawequal(L, -1, JSON_ARRAYS)) {
        lua_pushliteral(L, "__name");
        lua_rawget(L, -2);
        lua_pushliteral(L, JSON_OBJECT_MT);
        luaL_argcheck(L, lua_rawequal(L, -1, -2), 1, "the table has a metatable of its own");
    }
    lua_settop(L, 2);
}

/* json.array(t?) -> t                                                       [-0, +1, e] */
static int l_json_array(lua_State *L) {
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    check_unmarked(L);
    lua_pushvalue(L, JSON_ARRAYS);
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

/* json.is_array(v) -> boolean                                               [-0, +1, -] */
static int l_json_is_array(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, lua_type(L, 1) == LUA_TTABLE && lua_getmetatable(L, 1) &&
                           lua_rawequal(L, -1, JSON_ARRAYS));
    return 1;
}

/* Pushes a copy of the list of keys at 2, each key once. */
static void copy_keys(lua_State *L) {
    lua_Integer count = luaL_len(L, 2), kept = 0;
    lua_newtable(L); /* the copy */
    lua_newtable(L); /* key -> true */
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_geti(L, 2, i) != LUA_TSTRING) luaL_argerror(L, 2, "list of strings expected");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TNIL) {
            lua_pushvalue(L, -2);
            lua_pushboolean(L, 1);
            lua_rawset(L, -5);
            lua_pushvalue(L, -2);
            lua_rawseti(L, -5, ++kept);
        }
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

/* json.object(t?, keys?) -> t                                               [-0, +1, e] */
static int l_json_object(lua_State *L) {
    lua_settop(L, 2);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    check_unmarked(L);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_pushvalue(L, 1);
    copy_keys(L);
    set_order(L);
    return 1;
}

/* json.sort(s) -> s with all keys sorted, in its own tokens | nil, err; see core/json_sort.h [-0, +1|2, m] */
static int l_json_sort(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    neap_buf *out = l_box_push(L);
    neap_err err;
    return neap_json_sort(out, text, len, &err) < 0 ? l_fail(L, &err) : l_box_take(L, out);
}

/* ---- module ---- */

static const luaL_Reg funcs[] = {{"encode", l_json_encode},
                                 {"decode", l_json_decode},
                                 {"array", l_json_array},
                                 {"is_array", l_json_is_array},
                                 {"object", l_json_object},
                                 {"sort", l_json_sort},
                                 {NULL, NULL}};

int luaopen_neap_json(lua_State *L) {
    open_decoder_class(L);
    l_json_encode_init(L);
    luaL_newlibtable(L, funcs);
    luaL_newmetatable(L, JSON_ARRAY_MT);
    lua_pushnil(L);
    luaL_setfuncs(L, funcs, 2);
    lua_pushlightuserdata(L, NULL); /* what cjson.null is */
    lua_setfield(L, -2, "null");
    return 1;
}
