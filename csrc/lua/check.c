/* check.c: a quick yes for objects whose fields are right and are sent as they are; whatever is not is for
 * lua/neap/schema, which has the words. Lua: neap.native.check. See spec/lua/schema_spec.lua. */
#include <math.h>
#include <string.h>

#include "l_common.h"

typedef enum check_kind {
    CHECK_STRING,
    CHECK_INTEGER,
    CHECK_NUMBER,
    CHECK_BOOLEAN,
    CHECK_OTHER /* a function in Lua knows */
} check_kind;

/* One declared field. */
typedef struct check_field {
    check_kind kind;
    bool nullable;
    bool needed;       /* its absence is a fault, or is filled in */
    lua_Integer least, most; /* of an integer, or of a string's characters */
    lua_Number min, max;
} check_field;

/* A userdata. */
typedef struct check_plan {
    int needed; /* how many fields are */
    check_field fields[];
} check_plan;

/* Upvalues of a check: the plan; name -> place in it; place -> the check in Lua. */
#define PLAN lua_upvalueindex(1)
#define PLACES lua_upvalueindex(2)
#define CHECKS lua_upvalueindex(3)

/* Where the values of a check are. */
enum { OBJECT = 1, OPTIONS, NAME, VALUE };

static size_t utf8_more(unsigned char c) {
    if (c >= 0xc2 && c <= 0xdf) return 1;
    if ((c & 0xf0) == 0xe0) return 2;
    return c >= 0xf0 && c <= 0xf4 ? 3 : 0;
}

/* Length of the UTF-8 sequence at s, which ends in NUL; 0 if it is none (RFC 3629 section 4). */
static size_t utf8_step(const unsigned char *s) {
    size_t more = utf8_more(*s);
    if (*s < 0x80) return 1;
    if (more == 0 || (*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f)) return 0;
    if ((*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f)) return 0;
    for (size_t i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
    }
    return more + 1;
}

/* Characters of a text; -1 if it is not UTF-8. */
static lua_Integer utf8_count(const char *text, size_t len) {
    const unsigned char *s = (const unsigned char *)text, *end = s + len;
    lua_Integer count = 0;
    while (s < end) {
        uint64_t eight;
        size_t step = 0;
        if (end - s >= 8) {
            memcpy(&eight, s, 8);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) step = 8;
        }
        if (step == 0) {
            step = utf8_step(s);
            if (step == 0) return -1;
            count++;
        } else {
            count += 8;
        }
        s += step;
    }
    return count;
}

static bool is_string(lua_State *L, const check_field *f) {
    size_t len;
    const char *s;
    lua_Integer count;
    if (lua_type(L, VALUE) != LUA_TSTRING) return false;
    s = lua_tolstring(L, VALUE, &len);
    count = utf8_count(s, len);
    return count >= f->least && count <= f->most;
}

static bool is_integer(lua_State *L, const check_field *f) {
    lua_Integer n;
    if (!lua_isinteger(L, VALUE)) return false;
    n = lua_tointeger(L, VALUE);
    return n >= f->least && n <= f->most;
}

static bool is_number(lua_State *L, const check_field *f) {
    lua_Number n;
    if (lua_type(L, VALUE) != LUA_TNUMBER) return false;
    n = lua_tonumber(L, VALUE);
    return isfinite(n) && n >= f->min && n <= f->max;
}

/* Asks the field's own check. Is what would be sent the value itself? 5.0 equals 5. May throw. */
static bool is_other(lua_State *L, lua_Integer place) {
    lua_rawgeti(L, CHECKS, place);
    lua_pushvalue(L, VALUE);
    lua_pushvalue(L, OPTIONS);
    lua_call(L, 2, 1);
    return lua_rawequal(L, VALUE, -1) && lua_isinteger(L, VALUE) == lua_isinteger(L, -1);
}

static bool is_right(lua_State *L, const check_field *f, lua_Integer place) {
    if (f->nullable && lua_islightuserdata(L, VALUE) && lua_touserdata(L, VALUE) == NULL) return true;
    switch (f->kind) {
    case CHECK_STRING: return is_string(L, f);
    case CHECK_INTEGER: return is_integer(L, f);
    case CHECK_NUMBER: return is_number(L, f);
    case CHECK_BOOLEAN: return lua_isboolean(L, VALUE);
    case CHECK_OTHER: break;
    }
    return is_other(L, place);
}

/* [object, options]: does it have declared fields only, all of them right? May throw. */
static bool is_plain(lua_State *L, const check_plan *plan) {
    int needed = 0;
    if (!lua_istable(L, OBJECT) || lua_getmetatable(L, OBJECT)) return false;
    lua_settop(L, OPTIONS);
    lua_pushnil(L);
    while (lua_next(L, OBJECT)) {
        lua_Integer place;
        lua_pushvalue(L, NAME);
        if (lua_rawget(L, PLACES) != LUA_TNUMBER) return false;
        place = lua_tointeger(L, -1);
        if (!is_right(L, &plan->fields[place - 1], place)) return false;
        needed += plan->fields[place - 1].needed;
        lua_settop(L, NAME);
    }
    return needed == plan->needed;
}

/* check(object, options) -> boolean: true: it is right, and sent as it is               [-2, +1, e] */
static int l_check_is_plain(lua_State *L) {
    lua_settop(L, OPTIONS);
    lua_pushboolean(L, is_plain(L, lua_touserdata(L, PLAN)));
    return 1;
}

/* --- making one ----------------------------------------------------------------------------------- */

/* Read field `name` of the table on top; `absent` where it has none. */
static lua_Number get_number(lua_State *L, const char *name, lua_Number absent) {
    lua_Number n;
    lua_getfield(L, -1, name);
    n = luaL_optnumber(L, -1, absent);
    lua_pop(L, 1);
    return n;
}

static lua_Integer get_integer(lua_State *L, const char *name, lua_Integer absent) {
    lua_Integer n;
    lua_getfield(L, -1, name);
    n = luaL_optinteger(L, -1, absent);
    lua_pop(L, 1);
    return n;
}

static bool get_bool(lua_State *L, const char *name) {
    bool value;
    lua_getfield(L, -1, name);
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static void read_bounds(lua_State *L, check_field *f) {
    if (f->kind == CHECK_STRING) {
        f->least = get_integer(L, "min_length", 0);
        f->most = get_integer(L, "max_length", LUA_MAXINTEGER);
    } else if (f->kind == CHECK_INTEGER) {
        f->least = get_integer(L, "min", LUA_MININTEGER);
        f->most = get_integer(L, "max", LUA_MAXINTEGER);
    } else if (f->kind == CHECK_NUMBER) {
        f->min = get_number(L, "min", -HUGE_VAL);
        f->max = get_number(L, "max", HUGE_VAL);
    }
}

/* Reads the field on top. */
static void read_field(lua_State *L, check_field *f) {
    static const char *const kinds[] = {"string", "integer", "number", "boolean", "other", NULL};
    lua_getfield(L, -1, "kind");
    f->kind = (check_kind)luaL_checkoption(L, -1, NULL, kinds);
    lua_pop(L, 1);
    f->nullable = get_bool(L, "nullable");
    f->needed = get_bool(L, "needed");
    read_bounds(L, f);
}

/* check.object{ { name =, kind =, nullable =, needed =, min =, max =, min_length =, max_length =,
 * check = function, for kind "other" }, ... } -> check; integers have integers for bounds  [-1, +1, e] */
static int l_check_object(lua_State *L) {
    lua_Integer count;
    check_plan *plan;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    count = luaL_len(L, 1);
    plan = lua_newuserdatauv(L, sizeof *plan + (size_t)count * sizeof *plan->fields, 0);
    plan->needed = 0;
    lua_createtable(L, 0, (int)count);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, 1, i);
        read_field(L, &plan->fields[i - 1]);
        plan->needed += plan->fields[i - 1].needed;
        lua_getfield(L, -1, "name");
        lua_pushinteger(L, i);
        lua_rawset(L, 3);
        lua_getfield(L, -1, "check");
        lua_rawseti(L, 4, i);
        lua_settop(L, 4);
    }
    lua_pushcclosure(L, l_check_is_plain, 3);
    return 1;
}

int luaopen_neap_check(lua_State *L) {
    static const luaL_Reg funcs[] = {{"object", l_check_object}, {NULL, NULL}};
    luaL_newlib(L, funcs);
    return 1;
}
