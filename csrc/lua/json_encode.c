/* json_encode.c: Lua values to JSON through core/json.h; part of json.c's binding. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/json.h"
#include "json_members.h"
#include "l_json.h"

#define ENCODER_MT "neap.json.Encoder"
#define DEPTH_MAX 1000 /* also bounds the recursion on the C stack */
#define INDENT_MAX 16
#define NOT_IN_ORDER 1 /* encode_items: the keys did not come as 1, 2, 3 */
#define FEW L_MEMBERS_MAX /* keys of an object that are sorted on the stack */

enum { USER_ANCHOR = 1, USER_MEMBERS = 2 }; /* user values */

/* State of an encoding; see JSON_STATE. While it is used it is on the stack, below the value. User values: a table of
 * the strings in `keys`, empty between calls; the keys that members remembers. */
typedef struct l_encoder {
    neap_buf out;            /* owned: the text */
    neap_buf keys;           /* owned: l_key[], a stack of the keys of the open sorted objects */
    neap_json_writer writer; /* of out */
    l_members members;       /* of the last record; owned */
    int anchor;              /* stack index of the table of strings, one above that of the encoder */
    bool remembers;          /* what is encoded is a record: its members may be those of the last one */
    bool busy;               /* in use by a call */
    bool sorted;             /* option */
    bool is_cut;             /* path lost its outer part */
    size_t path_at;          /* where path begins */
    char path[120];          /* of the value refused, filled from its end towards the root */
    char what[104];          /* is wrong */
} l_encoder;

static int encode_scalar(lua_State *L, l_encoder *e, int idx, int type);
static int encode_table(lua_State *L, l_encoder *e);
static int encode_value(lua_State *L, l_encoder *e);

/* ---- errors ---- */

__attribute__((format(printf, 2, 3))) static int refuse(l_encoder *e, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->what, sizeof e->what, fmt, args);
    va_end(args);
    return NEAP_EINVAL;
}

/* Puts a step in front of the path, while there is room. */
static void add_step(l_encoder *e, const char *step, size_t len) {
    if (e->is_cut || len > e->path_at) {
        e->is_cut = true;
        return;
    }
    e->path_at -= len;
    memcpy(e->path + e->path_at, step, len);
}

static int at_index(l_encoder *e, int rc, lua_Integer i) {
    char step[32];
    int len = snprintf(step, sizeof step, "[%lld]", (long long)i);
    add_step(e, step, (size_t)len);
    return rc;
}

static bool is_name(const char *s, size_t len) {
    if (len == 0 || (*s >= '0' && *s <= '9')) return false;
    for (size_t i = 0; i < len; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z');
        if (!letter && s[i] != '_' && (s[i] < '0' || s[i] > '9')) return false;
    }
    return true;
}

/* Adds .name or ["any key"]; of the latter only what prints in ASCII. */
static int at_key(l_encoder *e, int rc, const char *s, size_t len) {
    char step[48];
    size_t at = 0;
    bool name = is_name(s, len);
    if (!name) step[at++] = '[';
    step[at++] = name ? '.' : '"';
    for (size_t i = 0; i < len && i < 40; i++) step[at++] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
    if (!name) {
        step[at++] = '"';
        step[at++] = ']';
    }
    add_step(e, step, at);
    return rc;
}

static int refuse_key(lua_State *L, l_encoder *e, int idx) {
    if (lua_type(L, idx) == LUA_TNUMBER && !lua_isinteger(L, idx))
        return refuse(e, "a key that is a fraction has no JSON form");
    return refuse(e, "a key of type %s has no JSON form", luaL_typename(L, idx));
}

static int refuse_mixed(l_encoder *e) {
    return refuse(e, "a table with integer and string keys has no JSON form");
}

/* ---- arrays ---- */

/* What the keys of a table are. */
typedef struct l_shape {
    lua_Integer integers; /* how many */
    lua_Integer lowest;   /* of these */
    lua_Integer highest;
    bool has_strings;
} l_shape;

/* Looks at every key. 0 or refused. */
static int find_shape(lua_State *L, l_encoder *e, int t, l_shape *shape) {
    *shape = (l_shape){.lowest = LUA_MAXINTEGER, .highest = LUA_MININTEGER};
    lua_pushnil(L);
    while (lua_next(L, t)) {
        lua_pop(L, 1);
        if (lua_isinteger(L, -1)) {
            lua_Integer key = lua_tointeger(L, -1);
            shape->integers++;
            if (key < shape->lowest) shape->lowest = key;
            if (key > shape->highest) shape->highest = key;
        } else if (lua_type(L, -1) == LUA_TSTRING) {
            shape->has_strings = true;
        } else {
            return refuse_key(L, e, -1);
        }
    }
    return 0;
}

static int refuse_hole(lua_State *L, l_encoder *e, int t) {
    lua_Integer i = 1;
    while (lua_rawgeti(L, t, i) != LUA_TNIL) {
        lua_pop(L, 1);
        i++;
    }
    return refuse(e, "an array with nothing at index %lld has no JSON form", (long long)i);
}

/* Checks that the keys are 1..n, in whatever order they come. */
static int check_array(lua_State *L, l_encoder *e, int t, bool marked, lua_Integer *len) {
    l_shape shape;
    int rc = find_shape(L, e, t, &shape);
    lua_settop(L, t);
    if (rc < 0) return rc;
    if (shape.has_strings && shape.integers > 0) return refuse_mixed(e);
    if (shape.has_strings && marked)
        return refuse(e, "an array with string keys has no JSON form");
    if (shape.lowest < 1)
        return refuse(e, "the integer key %lld has no JSON form", (long long)shape.lowest);
    if (shape.highest != shape.integers) return refuse_hole(L, e, t);
    *len = shape.integers;
    return 0;
}

/* Encodes the items as lua_next brings them, which is in order for nearly every array. 0, refused,
 * or NOT_IN_ORDER with some of them written. */
static int encode_items(lua_State *L, l_encoder *e, int t) {
    lua_Integer i = 0;
    lua_pushnil(L);
    while (lua_next(L, t)) {
        int rc;
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) != i + 1) return NOT_IN_ORDER;
        i++;
        rc = encode_value(L, e);
        if (rc < 0) return at_index(e, rc, i);
        lua_pop(L, 1);
    }
    return 0;
}

static int encode_indexed(lua_State *L, l_encoder *e, int t, lua_Integer len) {
    for (lua_Integer i = 1; i <= len; i++) {
        int rc;
        lua_rawgeti(L, t, i);
        rc = encode_value(L, e);
        if (rc < 0) return at_index(e, rc, i);
        lua_pop(L, 1);
    }
    return 0;
}

static int encode_array(lua_State *L, l_encoder *e, int t, bool marked) {
    neap_json_writer before = e->writer;
    size_t start = e->out.len;
    lua_Integer len = 0;
    int rc = neap_json_writer_begin(&e->writer, '[');
    if (rc == 0) rc = encode_items(L, e, t);
    if (rc == NOT_IN_ORDER) {
        lua_settop(L, t);
        rc = check_array(L, e, t, marked, &len);
        e->writer = before;
        e->out.len = start;
        if (rc == 0) rc = neap_json_writer_begin(&e->writer, '[');
        if (rc == 0) rc = encode_indexed(L, e, t, len);
    }
    return rc < 0 ? rc : neap_json_writer_end(&e->writer, ']');
}

/* ---- objects ---- */

/* Writes a key and its value; the value is on top. */
static int encode_member(lua_State *L, l_encoder *e, const char *key, size_t len) {
    int rc = neap_json_writer_key(&e->writer, key, len);
    if (rc == NEAP_EINVAL) refuse(e, "the key is not UTF-8");
    if (rc == 0) rc = encode_value(L, e);
    return rc < 0 ? at_key(e, rc, key, len) : 0;
}

static int encode_unsorted(lua_State *L, l_encoder *e, int t) {
    lua_pushnil(L);
    while (lua_next(L, t)) {
        size_t len;
        const char *key;
        int rc;
        if (lua_type(L, -2) != LUA_TSTRING) {
            return lua_isinteger(L, -2) ? refuse_mixed(e) : refuse_key(L, e, -2);
        }
        key = lua_tolstring(L, -2, &len);
        rc = encode_member(L, e, key, len);
        if (rc < 0) return rc;
        lua_pop(L, 1);
    }
    return 0;
}

static size_t key_count(const l_encoder *e) {
    return e->keys.len / sizeof(l_key);
}

static l_key *key_at(const l_encoder *e, size_t i) {
    return (l_key *)(void *)e->keys.data + i;
}

/* Adds the string on top to the keys, and pops it. */
static int add_key(lua_State *L, l_encoder *e) {
    l_key key = {.index = (lua_Integer)key_count(e) + 1};
    key.s = lua_tolstring(L, -1, &key.len);
    lua_rawseti(L, e->anchor, key.index);
    return neap_buf_add(&e->keys, &key, sizeof key);
}

/* Adds the keys of the order (the list on top) that the object has, and replaces the list by the
 * set of these keys. */
static int add_ordered(lua_State *L, l_encoder *e, int t) {
    int list = lua_gettop(L), seen = list + 1, rc = 0;
    lua_newtable(L);
    for (lua_Integer i = 1; rc == 0 && lua_rawgeti(L, list, i) != LUA_TNIL; i++) {
        bool is_new = lua_type(L, -1) == LUA_TSTRING;
        lua_pushvalue(L, -1);
        is_new = is_new && lua_rawget(L, t) != LUA_TNIL;
        lua_settop(L, seen + 1);
        lua_pushvalue(L, -1);
        is_new = is_new && lua_rawget(L, seen) == LUA_TNIL;
        lua_settop(L, seen + 1);
        if (is_new) {
            lua_pushvalue(L, -1);
            lua_pushboolean(L, 1);
            lua_rawset(L, seen);
            rc = add_key(L, e);
        }
        lua_settop(L, seen);
    }
    lua_settop(L, seen);
    lua_replace(L, list);
    return rc;
}

/* Adds the keys of the object that are not in the set at `seen` (0: no set). */
static int add_rest(lua_State *L, l_encoder *e, int t, int seen) {
    int rc = 0;
    lua_pushnil(L);
    while (lua_next(L, t)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            return lua_isinteger(L, -1) ? refuse_mixed(e) : refuse_key(L, e, -1);
        }
        if (seen != 0) {
            bool known;
            lua_pushvalue(L, -1);
            known = lua_rawget(L, seen) != LUA_TNIL;
            lua_pop(L, 1);
            if (known) continue;
        }
        lua_pushvalue(L, -1);
        rc = add_key(L, e);
        if (rc < 0) return rc;
    }
    return 0;
}

/* By bytes, which for UTF-8 is by code points. */
static int compare_keys(const void *a, const void *b) {
    const l_key *x = a, *y = b;
    int order = memcmp(x->s, y->s, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* Pushes the members of a small object, key and value, and gives the keys' order in `keys`. Their number,
 * or -1: there are more, or some keys are no strings. */
static int push_few(lua_State *L, int t, l_key *keys) {
    int count = 0, i;
    lua_pushnil(L);
    while (lua_next(L, t)) {
        l_key key;
        if (count == FEW || lua_type(L, -2) != LUA_TSTRING) return -1;
        key.s = lua_tolstring(L, -2, &key.len);
        key.index = lua_gettop(L) - 1;
        for (i = count++; i > 0 && compare_keys(&keys[i - 1], &key) > 0; i--) keys[i] = keys[i - 1];
        keys[i] = key;
        luaL_checkstack(L, 12, "table nested too deeply");
        lua_pushvalue(L, -2); /* for lua_next */
    }
    return count;
}

/* Adds the key at idx to the path. */
static int at_member(lua_State *L, l_encoder *e, int rc, int idx) {
    size_t len;
    const char *key = lua_tolstring(L, idx, &len);
    return at_key(e, rc, key, len);
}

/* As encode_value, where the value is not on top. */
static int encode_value_at(lua_State *L, l_encoder *e, int idx) {
    int type = lua_type(L, idx), rc;
    if (type != LUA_TTABLE) return encode_scalar(L, e, idx, type);
    lua_pushvalue(L, idx);
    rc = encode_table(L, e);
    lua_pop(L, 1);
    return rc;
}

/* Encodes the members of the record at t, which are those of the last one; their values are above it. */
static int encode_known(lua_State *L, l_encoder *e, int t) {
    const l_members *m = &e->members;
    int rc = 0;
    for (int i = 0; rc == 0 && i < m->count; i++) {
        int at = t + 2 + 2 * m->places[i];
        rc = l_members_put_key(m, &e->writer, i);
        if (rc == 0) rc = encode_value_at(L, e, at);
        if (rc < 0) rc = at_member(L, e, rc, at - 1);
    }
    return rc;
}

static int encode_few(lua_State *L, l_encoder *e, const l_key *keys, int count) {
    int rc = 0;
    for (int i = 0; rc == 0 && i < count; i++) {
        lua_pushvalue(L, (int)keys[i].index + 1);
        rc = encode_member(L, e, keys[i].s, keys[i].len);
        lua_pop(L, 1);
    }
    return rc;
}

/* Encodes the members in a fixed order: the list on top (has_order) first, the others sorted. */
static int encode_sorted(lua_State *L, l_encoder *e, int t, bool has_order) {
    size_t first = key_count(e), last;
    int list = lua_gettop(L), rc = 0;
    if (has_order) rc = add_ordered(L, e, t);
    last = key_count(e);
    if (rc == 0) rc = add_rest(L, e, t, has_order ? list : 0);
    if (rc == 0 && key_count(e) > last + 1)
        qsort(key_at(e, last), key_count(e) - last, sizeof(l_key), compare_keys);
    last = key_count(e);
    lua_settop(L, list);
    for (size_t i = first; rc == 0 && i < last; i++) {
        l_key key = *key_at(e, i);
        lua_rawgeti(L, e->anchor, key.index); /* kept on the stack: a finalizer may change tables */
        lua_pushvalue(L, -1);
        lua_rawget(L, t);
        rc = encode_member(L, e, key.s, key.len);
        lua_pushnil(L);
        lua_rawseti(L, e->anchor, key.index);
        lua_settop(L, list);
    }
    if (rc == 0) e->keys.len = first * sizeof(l_key); /* else release_encoder sees what is left */
    return rc;
}

/* Is it a record, one level below which the writer is? */
static bool is_record(const l_encoder *e, int level) {
    return e->remembers && e->writer.depth == level;
}

/* Encodes the members in the order of their keys. */
static int encode_by_key(lua_State *L, l_encoder *e, int t) {
    l_key keys[FEW];
    int few = push_few(L, t, keys);
    if (few < 0) {
        lua_settop(L, t);
        return encode_sorted(L, e, t, false);
    }
    if (is_record(e, 1) && l_members_learn(L, t, &e->members, keys, few))
        lua_setiuservalue(L, e->anchor - 1, USER_MEMBERS);
    return encode_few(L, e, keys, few);
}

/* Encodes a record that has the members of the last one, which stay above it. False: it has others. */
static bool encode_like_last(lua_State *L, l_encoder *e, int t, int *rc) {
    if (!l_members_push(L, t, &e->members)) {
        lua_settop(L, t);
        return false;
    }
    *rc = neap_json_writer_begin(&e->writer, '{');
    if (*rc == 0) *rc = encode_known(L, e, t);
    if (*rc == 0) *rc = neap_json_writer_end(&e->writer, '}');
    return true;
}

static int encode_object(lua_State *L, l_encoder *e, int t, bool has_order) {
    int rc = neap_json_writer_begin(&e->writer, '{');
    if (rc < 0) return rc;
    if (has_order) rc = encode_sorted(L, e, t, true);
    else rc = e->sorted ? encode_by_key(L, e, t) : encode_unsorted(L, e, t);
    return rc < 0 ? rc : neap_json_writer_end(&e->writer, '}');
}

/* ---- values ---- */

static int refuse_depth(lua_State *L, l_encoder *e, int t) {
    for (int i = e->anchor + 1; i < t; i++) { /* the open tables are on the stack */
        if (lua_rawequal(L, i, t))
            return refuse(e, "a table that contains itself has no JSON form");
    }
    return refuse(e, "more than %d levels of nesting", DEPTH_MAX);
}

/* Looks at the metatable of the table at t: marked as an array, or with an order of keys, which is
 * pushed. */
static void find_mark(lua_State *L, int t, bool *is_array, bool *has_order) {
    *is_array = *has_order = false;
    if (!lua_getmetatable(L, t)) return;
    *is_array = lua_rawequal(L, -1, JSON_ARRAYS);
    if (!*is_array) {
        lua_pushliteral(L, "__name");
        lua_rawget(L, -2);
        lua_pushliteral(L, JSON_OBJECT_MT);
        if (lua_rawequal(L, -1, -2)) {
            lua_pushliteral(L, "keys");
            *has_order = lua_rawget(L, t + 1) == LUA_TTABLE;
        }
    }
    if (*has_order) lua_replace(L, t + 1);
    lua_settop(L, *has_order ? t + 1 : t);
}

/* Encodes the table on top and leaves it there; above a record there may be more. */
static int encode_table(lua_State *L, l_encoder *e) {
    int t = lua_gettop(L), rc;
    bool is_array, has_order, is_object;
    if (e->writer.depth >= DEPTH_MAX) return refuse_depth(L, e, t);
    if (!is_record(e, 0)) luaL_checkstack(L, 12, "table nested too deeply");
    find_mark(L, t, &is_array, &has_order);
    if (!is_array && !has_order && is_record(e, 0) && encode_like_last(L, e, t, &rc)) return rc;
    if (!is_array && !has_order) { /* the first key decides */
        lua_pushnil(L);
        is_object = !lua_next(L, t) || lua_type(L, -2) != LUA_TNUMBER;
        lua_settop(L, t);
    } else {
        is_object = has_order;
    }
    rc = is_object ? encode_object(L, e, t, has_order) : encode_array(L, e, t, is_array);
    lua_settop(L, t);
    return rc;
}

static int encode_number(lua_State *L, l_encoder *e, int idx) {
    double value;
    int rc;
    if (lua_isinteger(L, idx)) return neap_json_writer_int(&e->writer, lua_tointeger(L, idx));
    value = lua_tonumber(L, idx);
    rc = neap_json_writer_double(&e->writer, value);
    if (rc == NEAP_EINVAL)
        refuse(e, "%s has no JSON form", isnan(value) ? "NaN" : "an infinite number");
    return rc;
}

static int encode_string(lua_State *L, l_encoder *e, int idx) {
    size_t len;
    const char *s = lua_tolstring(L, idx, &len);
    int rc = neap_json_writer_string(&e->writer, s, len);
    if (rc == NEAP_EINVAL) refuse(e, "the string is not UTF-8");
    return rc;
}

/* Encodes a value of this type, which is not a table. As encode_value. */
static int encode_scalar(lua_State *L, l_encoder *e, int idx, int type) {
    switch (type) {
    case LUA_TSTRING: return encode_string(L, e, idx);
    case LUA_TNUMBER: return encode_number(L, e, idx);
    case LUA_TBOOLEAN:
        return lua_toboolean(L, idx) ? neap_json_writer_raw(&e->writer, "true", 4)
                                     : neap_json_writer_raw(&e->writer, "false", 5);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, idx) == NULL) return neap_json_writer_raw(&e->writer, "null", 4);
        break;
    default: break;
    }
    return refuse(e, "a value of type %s has no JSON form", lua_typename(L, type));
}

/* Encodes the value on top and leaves it there. 0, NEAP_EINVAL (see refuse), NEAP_ENOMEM. */
static int encode_value(lua_State *L, l_encoder *e) {
    int type = lua_type(L, -1);
    return type == LUA_TTABLE ? encode_table(L, e) : encode_scalar(L, e, -1, type);
}

static int encoder_gc(lua_State *L) {
    l_encoder *e = luaL_checkudata(L, 1, ENCODER_MT);
    neap_buf_free(&e->out);
    neap_buf_free(&e->keys);
    neap_buf_free(&e->members.text);
    return 0;
}

/* Pushes a new encoder, which takes the place of the last one. */
static l_encoder *push_new_encoder(lua_State *L) {
    l_encoder *e = lua_newuserdatauv(L, sizeof *e, 2);
    *e = (l_encoder){0};
    luaL_setmetatable(L, ENCODER_MT);
    lua_pushvalue(L, -1);
    lua_replace(L, JSON_STATE);
    return e;
}

/* Pushes an encoder that nobody uses, and its table. A nested call may replace the upvalue; the stack keeps ours. */
static l_encoder *push_encoder(lua_State *L) {
    l_encoder *e;
    lua_pushvalue(L, JSON_STATE);
    e = lua_touserdata(L, -1);
    if (e == NULL || e->busy) {
        lua_pop(L, 1);
        e = push_new_encoder(L);
    }
    if (lua_getiuservalue(L, -1, USER_ANCHOR) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, -3, USER_ANCHOR);
    }
    return e;
}

/* Begins with an encoder that is below its table, at `anchor`. */
static void start_encoder(l_encoder *e, int anchor, bool sorted, int indent) {
    e->busy = true;
    e->anchor = anchor;
    e->out.len = e->keys.len = 0;
    e->path_at = sizeof e->path;
    e->is_cut = e->remembers = false;
    e->sorted = sorted;
    e->writer = (neap_json_writer){.out = &e->out, .indent = indent};
}

static void release_encoder(lua_State *L, l_encoder *e) {
    if (e->out.cap > JSON_KEEP) neap_buf_free(&e->out);
    if (e->keys.cap > JSON_KEEP || e->keys.len > 0) { /* large, or left full by a failure */
        lua_pushnil(L);
        lua_setiuservalue(L, e->anchor - 1, USER_ANCHOR);
    }
    if (e->keys.cap > JSON_KEEP) neap_buf_free(&e->keys);
    e->busy = false;
}

/* Pushes nil and the error of a refused value. */
static int fail_encode(lua_State *L, const l_encoder *e, int rc) {
    if (rc != NEAP_EINVAL) return l_failf(L, rc, "not enough memory");
    return l_failf(L, rc, "$%s%.*s: %s", e->is_cut ? "..." : "", (int)(sizeof e->path - e->path_at),
                   e->path + e->path_at, e->what);
}

int l_json_encode(lua_State *L) {
    static const char *const names[] = {"sorted", "indent", NULL};
    l_encoder *e;
    bool sorted;
    int rc, indent, results = 1;
    luaL_checkany(L, 1);
    lua_settop(L, 2);
    l_json_check_opts(L, 2, names);
    sorted = l_json_opt_bool(L, 2, "sorted");
    indent = (int)l_json_opt_int(L, 2, "indent", 0, 0, INDENT_MAX);
    e = push_encoder(L);
    start_encoder(e, lua_gettop(L), sorted, indent);
    lua_pushvalue(L, 1);
    rc = encode_value(L, e);
    if (rc == 0) lua_pushlstring(L, e->out.data, e->out.len);
    else results = fail_encode(L, e, rc);
    release_encoder(L, e);
    return results;
}

void l_json_begin_lines(lua_State *L) {
    luaL_checkstack(L, 3 + L_MEMBERS_STACK, "too many arguments"); /* with the record */
    (void)push_encoder(L);
}

/* Gets the encoder at idx; another one takes its place if an error has left it in use. */
static l_encoder *encoder_at(lua_State *L, int idx) {
    l_encoder *e = lua_touserdata(L, idx);
    if (!e->busy) return e;
    e = push_encoder(L);
    lua_replace(L, idx + 1);
    lua_replace(L, idx);
    return e;
}

int l_json_put_line(lua_State *L, int idx, int (*put)(void *ud, const char *line, size_t len), void *ud) {
    l_encoder *e = encoder_at(L, idx);
    int rc, refused;
    start_encoder(e, idx + 1, true, 0);
    e->remembers = true;
    rc = refused = encode_value(L, e);
    if (rc == 0) rc = neap_json_writer_break(&e->writer);
    if (rc == 0) rc = put(ud, e->out.data, e->out.len);
    if (refused == NEAP_EINVAL) fail_encode(L, e, rc);
    release_encoder(L, e);
    return rc;
}

void l_json_push_encoder(lua_State *L) {
    l_json_encode_init(L);
    luaL_newmetatable(L, JSON_ARRAY_MT);
    lua_pushnil(L);
}

void l_json_encode_init(lua_State *L) {
    static const luaL_Reg metas[] = {{"__gc", encoder_gc}, {NULL, NULL}}, none[] = {{NULL, NULL}};
    l_new_class(L, ENCODER_MT, none, metas);
}
