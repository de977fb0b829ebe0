/* json_decode.c: JSON to Lua values through core/json.h; part of json.c's binding. Members as they are in nearly all
 * data are taken at once, see core/json_member.h; the reader sees all else. */
#include <string.h>

#include "../core/json_member.h"
#include "json_names.h"
#include "l_json.h"

#define DECODER_MT "neap.json.Decoder"
#define DEPTH_DEFAULT 1000
#define DEPTH_MAX 100000 /* a level takes up to four stack slots of LUAI_MAXSTACK's million */
#define HINTS 64         /* a power of two */
#define STACK_PER_LEVEL 8 /* slots; whoever begins has those of the first */

/* One open container. */
typedef struct l_level {
    lua_Integer count; /* items or members so far */
    int index;         /* stack index of the table; with `ordered` an object's key list is next */
    unsigned context;  /* which hint its size belongs to; its items' contexts follow from it */
    unsigned char behind; /* of an object: what its next key comes behind, see json_names.h */
} l_level;

/* State of a decoding; see JSON_STATE. User value 1: the table of names. */
typedef struct l_decoder {
    neap_json_reader reader; /* owned */
    neap_buf levels;         /* owned: l_level[], as many as were ever needed */
    l_json_options options;
    bool busy;               /* in use by a call */
    bool is_first;           /* something may follow the value, an object */
    int names_index;         /* where the table of names is on the stack */
    unsigned context;        /* of the next value */
    /* How large the last container of a context was, so that the next is made in that size and its
     * table need not grow. Capped, so that a text cannot make many large tables of tiny objects. */
    unsigned char hints[HINTS];
    l_names names;
} l_decoder;

static int decoder_gc(lua_State *L) {
    l_decoder *d = luaL_checkudata(L, 1, DECODER_MT);
    neap_json_reader_deinit(&d->reader);
    neap_buf_free(&d->levels);
    return 0;
}

/* Pushes a new decoder, which takes the place of the last one. */
static l_decoder *push_new_decoder(lua_State *L) {
    l_decoder *d = lua_newuserdatauv(L, sizeof *d, 1);
    *d = (l_decoder){0};
    luaL_setmetatable(L, DECODER_MT);
    lua_createtable(L, L_NAMES - 1, 0);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, -1);
    lua_replace(L, JSON_STATE);
    return d;
}

/* Pushes a decoder that nobody uses, and its names. A nested call may replace the upvalue; the stack keeps ours. */
static l_decoder *take_decoder(lua_State *L) {
    l_decoder *d;
    lua_pushvalue(L, JSON_STATE);
    d = lua_touserdata(L, -1);
    if (d == NULL || d->busy) {
        lua_pop(L, 1);
        d = push_new_decoder(L);
    }
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

/* Pushes the table of the container that was just begun. */
static void begin_container(lua_State *L, l_decoder *d, bool is_object) {
    l_level *level;
    size_t want = d->reader.depth * sizeof *level;
    unsigned context = (d->context & ~1u) | is_object;
    int hint = d->hints[context % HINTS];
    if (d->reader.depth > 1) luaL_checkstack(L, STACK_PER_LEVEL, "JSON nested too deeply");
    if (d->levels.cap < want && neap_buf_reserve(&d->levels, want) < 0)
        l_failf(L, NEAP_ENOMEM, "not enough memory");
    lua_createtable(L, is_object ? 0 : hint, is_object ? hint : 0);
    level = top_level(d);
    level->index = lua_gettop(L);
    level->count = 0;
    level->context = context;
    level->behind = l_names_begin(context);
    if (is_object && d->options.ordered) lua_createtable(L, hint, 0);
    d->context = context * 5 + 2; /* of items; a key overrides it */
}

void l_json_set_order(lua_State *L) {
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
        l_json_set_order(L);
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

/* Pushes a key. False: refused as a duplicate. */
static bool push_key(lua_State *L, l_decoder *d) {
    neap_json_reader *r = &d->reader;
    l_level *level = top_level(d);
    bool known;
    l_names_push(L, d->names_index, &d->names, &level->behind, r->str, r->str_len);
    d->context = l_names_context(r->str, r->str_len);
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

/* ---- easy members ---- */

/* Pushes the key at p, if it is easy. Gets where its value begins, or NULL. Out of line: seldom needed. */
__attribute__((noinline)) static const char *push_new_key(lua_State *L, l_decoder *d, l_level *level, const char *p) {
    const char *end = d->reader.end, *s;
    size_t len;
    p = neap_json__take_string(p, end, &s, &len);
    if (p != NULL) p = neap_json__pass(p, end, ':');
    if (p != NULL) l_names_push(L, d->names_index, &d->names, &level->behind, s, len);
    return p;
}

/* The same, where it is likely the one that came there before. */
static const char *push_easy_key(lua_State *L, l_decoder *d, l_level *level, const char *p) {
    const l_name *guess = l_names_guess(&d->names, level->behind);
    const char *value = NULL;
    if (guess->json_len > 0) value = neap_json__pass_text(p, d->reader.end, guess->json, guess->json_len);
    if (value == NULL) return push_new_key(L, d, level, p);
    l_names_push_guess(L, d->names_index, &d->names, &level->behind);
    return value;
}

static void push_easy_value(lua_State *L, const neap_json_member *m) {
    switch (m->token) {
    case NEAP_JSON_STRING: lua_pushlstring(L, m->s, m->len); break;
    case NEAP_JSON_INTEGER: lua_pushinteger(L, m->integer); break;
    case NEAP_JSON_FLOAT: lua_pushnumber(L, m->number); break;
    case NEAP_JSON_NULL: lua_pushlightuserdata(L, NULL); break;
    default: lua_pushboolean(L, m->token == NEAP_JSON_TRUE); break;
    }
}

/* Leaves the value at p, of the key on top, to the reader. */
static void leave_value(lua_State *L, l_decoder *d, const char *p) {
    size_t len;
    const char *key = lua_tolstring(L, -1, &len);
    d->context = l_names_context(key, len);
    d->reader.at = p;
    d->reader.expect = EXPECT_VALUE;
}

/* Decodes the next members of the innermost object, as long as they are easy; behind a key whose value is not, the
 * reader goes on with that. */
static void decode_members(lua_State *L, l_decoder *d) {
    neap_json_reader *r = &d->reader;
    l_level *level = top_level(d);
    const char *p = neap_json__begin_key(r), *value;
    while (p != NULL && (value = push_easy_key(L, d, level, p)) != NULL) {
        neap_json_member m;
        level->count++;
        p = neap_json__take_value(value, r->end, &m);
        if (p == NULL) {
            leave_value(L, d, value);
            return;
        }
        push_easy_value(L, &m);
        lua_rawset(L, level->index);
        neap_json__go_behind(r, p);
        p = neap_json__pass(p, r->end, ',');
    }
}

/* ---- texts ---- */

/* Gets the next token that is not decoded at once. */
static neap_json_token next_token(lua_State *L, l_decoder *d) {
    neap_json_reader *r = &d->reader;
    if (r->in_object && !d->options.ordered && !d->options.unique) {
        decode_members(L, d);
        if (neap_json__try_end(r)) return NEAP_JSON_OBJECT_END;
    }
    return neap_json_reader_next(r);
}

/* Decodes the text that the reader holds onto the stack, or the container that it begins with. False: the reader
 * has the error. */
static bool decode_text(lua_State *L, l_decoder *d) {
    neap_json_reader *r = &d->reader;
    if (neap_json__try_begin(r)) begin_container(L, d, true);
    for (;;) {
        switch (next_token(L, d)) {
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
        else if (d->is_first) return true;
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
    d->is_first = false;
    neap_json_reader_start(&d->reader, text, len, options->depth);
}

/* json.decode(s, opts?) -> value | nil, err                                [-0, +1|2, e] */
int l_json_decode(lua_State *L) {
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

/* Decodes by a decoder that was taken behind `top`; only the value stays above that, if it is right. */
static bool decode_above(lua_State *L, l_decoder *d, int top) {
    bool good = decode_text(L, d);
    release_decoder(d);
    if (good) lua_copy(L, -1, top + 1);
    lua_settop(L, top + good);
    return good;
}

bool l_json_push_with(lua_State *L, const char *text, size_t len, const l_json_options *options, neap_err *err) {
    int top = lua_gettop(L);
    l_decoder *d;
    luaL_checkstack(L, 2 + STACK_PER_LEVEL, NULL);
    d = take_decoder(L);
    start_decoder(d, text, len, options);
    if (decode_above(L, d, top)) return true;
    *err = d->reader.err;
    if (err->code == NEAP_ENOMEM) l_push_error(L, err); /* throws */
    return false;
}

size_t l_json_push_first(lua_State *L, const char *text, size_t len, const l_json_options *options) {
    l_decoder *d = take_decoder(L);
    bool good;
    start_decoder(d, text, len, options);
    d->is_first = true;
    good = decode_text(L, d);
    release_decoder(d);
    if (good) return (size_t)(d->reader.at - text);
    lua_settop(L, d->names_index - 2);
    return 0;
}

bool l_json_push(lua_State *L, const char *text, size_t len, bool ordered) {
    l_json_options options = {.depth = DEPTH_DEFAULT, .ordered = ordered};
    neap_err err;
    return l_json_push_with(L, text, len, &options, &err);
}

void l_json_decode_init(lua_State *L) {
    static const luaL_Reg metas[] = {{"__gc", decoder_gc}, {NULL, NULL}}, none[] = {{NULL, NULL}};
    l_new_class(L, DECODER_MT, none, metas);
}

void l_json_push_upvalues(lua_State *L) {
    l_json_decode_init(L);
    luaL_newmetatable(L, JSON_ARRAY_MT);
    lua_pushnil(L);
}

