/* mapping.c: binding of core/mapping.h. Lua: neap.native.mapping. See spec/lua/mapping_native_spec.lua. */
#include <string.h>

#include "l_mapping.h"

#define PROGRAM_MT "neap.MappingProgram"
#define KEEP ((size_t)256 * 1024) /* bytes: a larger buffer is not kept between lines */
#define SPEC 1                    /* stack index of compile's table */

/* A userdata. */
typedef struct l_program {
    neap_mapping *mapping; /* owned; NULL within compile and once finalised */
    neap_buf line;         /* owned: the last line; survives errors */
} l_program;

static l_program *check_program(lua_State *L, int idx) {
    l_program *program = luaL_checkudata(L, idx, PROGRAM_MT);
    luaL_argcheck(L, program->mapping != NULL, idx, "the program is gone");
    return program;
}

neap_mapping *l_mapping_check(lua_State *L, int idx) {
    return check_program(L, idx)->mapping;
}

/* ---- compile ---- */

/* Raises about entry `at`, or about the whole table (0). */
static int refuse(lua_State *L, lua_Integer at, const char *what) {
    if (at > 0) what = lua_pushfstring(L, "entry %I: %s", (LUAI_UACINT)at, what);
    return luaL_argerror(L, SPEC, what);
}

/* Raises if the table at idx has a string key that is not in the list, or an integer key beyond count. */
static void check_fields(lua_State *L, int idx, lua_Integer at, const char *const names[], lua_Integer count) {
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        bool known = lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= count;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        for (int i = 0; name != NULL && names[i] != NULL && !known; i++) known = strcmp(name, names[i]) == 0;
        if (!known && name != NULL) refuse(L, at, lua_pushfstring(L, "unknown field '%s'", name));
        if (!known) refuse(L, at, "a key that is no field");
        lua_pop(L, 1);
    }
}

/* Pushes field `name` of the table at idx, which must be of that type or nil. Is it there? */
static bool push_field(lua_State *L, int idx, lua_Integer at, const char *name, int type) {
    lua_pushstring(L, name);
    lua_rawget(L, idx);
    if (lua_isnil(L, -1)) return false;
    if (lua_type(L, -1) != type)
        refuse(L, at, lua_pushfstring(L, "'%s': %s expected, got %s", name, lua_typename(L, type),
                                      luaL_typename(L, -1)));
    return true;
}

/* Gets a text, which stays on the stack. */
static neap_mapping_text get_text(lua_State *L, int idx, lua_Integer at, const char *name) {
    neap_mapping_text text = {0};
    if (push_field(L, idx, at, name, LUA_TSTRING)) text.s = lua_tolstring(L, -1, &text.len);
    return text;
}

/* Gets one of the names in a NULL-ended list, by its place from 1; 0 for nil. */
static int get_choice(lua_State *L, int idx, lua_Integer at, const char *name, const char *const choices[]) {
    const char *given;
    if (!push_field(L, idx, at, name, LUA_TSTRING)) return 0;
    given = lua_tostring(L, -1);
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(given, choices[i]) == 0) return i + 1;
    }
    return refuse(L, at, lua_pushfstring(L, "'%s': unknown name '%s'", name, given));
}

static size_t get_place(lua_State *L, int idx, lua_Integer at) {
    lua_Integer place;
    if (!push_field(L, idx, at, "at", LUA_TNUMBER)) return 0;
    place = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
    if (place < 1) refuse(L, at, "'at': an integer from 1 expected");
    return (size_t)place;
}

/* Gets the way's steps, which stay on the stack. Returns their count. */
static size_t get_way(lua_State *L, int idx, lua_Integer at, neap_mapping_text *steps) {
    static const char *const none[] = {NULL};
    size_t count;
    int list;
    if (!push_field(L, idx, at, "from", LUA_TTABLE)) return 0;
    list = lua_gettop(L);
    count = lua_rawlen(L, list);
    if (count < 1 || count > NEAP_MAPPING_STEPS_MAX)
        refuse(L, at, lua_pushfstring(L, "'from': 1 to %d steps expected", NEAP_MAPPING_STEPS_MAX));
    check_fields(L, list, at, none, (lua_Integer)count);
    for (size_t i = 0; i < count; i++) {
        if (lua_rawgeti(L, list, (lua_Integer)i + 1) != LUA_TSTRING)
            refuse(L, at, "'from': a list of strings expected");
        steps[i].s = lua_tolstring(L, -1, &steps[i].len);
    }
    return count;
}

/* Adds the entry on top of the stack, and pops it. */
static void add_entry(lua_State *L, neap_mapping *mapping, lua_Integer at) {
    static const char *const names[] = {"to", "from", "constant", "default", "cast", "split", "at", NULL};
    static const char *const casts[] = {"string", "integer", "number", "boolean", "date", "list", NULL};
    int idx = lua_gettop(L);
    neap_mapping_text steps[NEAP_MAPPING_STEPS_MAX];
    neap_mapping_entry entry = {.from = steps};
    neap_err err;
    int rc;
    if (!lua_istable(L, idx)) refuse(L, at, "a table expected");
    check_fields(L, idx, at, names, 0);
    entry.to = get_text(L, idx, at, "to");
    entry.from_len = get_way(L, idx, at, steps);
    entry.constant = get_text(L, idx, at, "constant");
    entry.otherwise = get_text(L, idx, at, "default");
    entry.cast = (neap_mapping_cast)get_choice(L, idx, at, "cast", casts);
    entry.split = get_text(L, idx, at, "split");
    entry.at = get_place(L, idx, at);
    rc = neap_mapping_add(mapping, &entry, &err);
    if (rc == NEAP_ENOMEM) luaL_error(L, "not enough memory");
    if (rc < 0) refuse(L, at, err.message);
    lua_settop(L, idx - 1);
}

/* Pushes a program without entries. */
static l_program *new_program(lua_State *L) {
    static const char *const formats[] = {"ndjson", "csv", NULL};
    l_program *program;
    bool rest, any_case;
    int format, rc;
    neap_err err;
    format = get_choice(L, SPEC, 0, "format", formats);
    rest = push_field(L, SPEC, 0, "rest", LUA_TBOOLEAN) && lua_toboolean(L, -1);
    any_case = push_field(L, SPEC, 0, "any_case", LUA_TBOOLEAN) && lua_toboolean(L, -1);
    lua_settop(L, SPEC);
    program = lua_newuserdatauv(L, sizeof *program, 0);
    *program = (l_program){0};
    luaL_setmetatable(L, PROGRAM_MT);
    rc = neap_mapping_new(&program->mapping, format == 2 ? NEAP_MAPPING_CSV : NEAP_MAPPING_NDJSON, rest, any_case,
                          &err);
    if (rc == NEAP_ENOMEM) luaL_error(L, "not enough memory");
    if (rc < 0) refuse(L, 0, err.message);
    return program;
}

/* mapping.compile{ format = "ndjson"|"csv", rest = boolean?, any_case = boolean?, entries... } -> program.
 * Default: ndjson. An entry is { to =, from = { step... }, cast =?, default = json?, split =?, at =? } or
 * { to =, constant = json }; see core/mapping.h. Raises on whatever else is in the table.   [-0, +1, e] */
static int l_mapping_compile(lua_State *L) {
    static const char *const names[] = {"format", "rest", "any_case", NULL};
    l_program *program;
    lua_Integer count;
    luaL_checktype(L, SPEC, LUA_TTABLE);
    lua_settop(L, SPEC);
    luaL_checkstack(L, NEAP_MAPPING_STEPS_MAX + 20, NULL);
    count = (lua_Integer)lua_rawlen(L, SPEC);
    check_fields(L, SPEC, 0, names, count);
    program = new_program(L);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, SPEC, i);
        add_entry(L, program->mapping, i);
    }
    if (count == 0 && neap_mapping_is_csv(program->mapping)) refuse(L, 0, "CSV needs an entry for each column");
    return 1;
}

/* ---- programs ---- */

/* Pushes the line, of which a large buffer is not kept. */
static int push_line(lua_State *L, l_program *program) {
    lua_pushlstring(L, program->line.data, program->line.len);
    if (program->line.cap > KEEP) neap_buf_free(&program->line);
    return 1;
}

/* program:line(json_text) -> text, with its "\n" | nil, err of kind decode       [-0, +1|2, e] */
static int l_program_line(lua_State *L) {
    l_program *program = check_program(L, 1);
    neap_err err;
    size_t len;
    const char *json;
    int rc;
    luaL_checktype(L, 2, LUA_TSTRING);
    json = lua_tolstring(L, 2, &len);
    program->line.len = 0;
    rc = neap_mapping_apply(program->mapping, json, len, &program->line, &err);
    return rc < 0 ? l_fail(L, &err) : push_line(L, program);
}

/* program:head() -> row of column names, with its "\n" | nil: it is not CSV        [-0, +1, e] */
static int l_program_head(lua_State *L) {
    l_program *program = check_program(L, 1);
    if (!neap_mapping_is_csv(program->mapping)) {
        lua_pushnil(L);
        return 1;
    }
    program->line.len = 0;
    if (neap_mapping_head(program->mapping, &program->line) < 0) return luaL_error(L, "not enough memory");
    return push_line(L, program);
}

/* program:count() -> how many records it has read                                 [-0, +1, e] */
static int l_program_count(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)neap_mapping_count(check_program(L, 1)->mapping));
    return 1;
}

/* program:unseen(since = 0) -> targets of the entries without a default whose member no record had, the first
 * `since` records aside; null is had                                                [-0, +1, e] */
static int l_program_unseen(lua_State *L) {
    neap_mapping *mapping = check_program(L, 1)->mapping;
    lua_Integer since = luaL_optinteger(L, 2, 0);
    neap_mapping_text name;
    size_t at = 0;
    luaL_argcheck(L, since >= 0, 2, "a number of records expected");
    lua_newtable(L);
    while ((name = neap_mapping_unseen(mapping, (uint64_t)since, &at)).s != NULL) {
        lua_pushlstring(L, name.s, name.len);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
    return 1;
}

static int l_program_gc(lua_State *L) {
    l_program *program = luaL_checkudata(L, 1, PROGRAM_MT);
    neap_mapping_free(program->mapping);
    neap_buf_free(&program->line);
    *program = (l_program){0};
    return 0;
}

int luaopen_neap_mapping(lua_State *L) {
    static const luaL_Reg methods[] = {{"line", l_program_line}, {"head", l_program_head}, {"count", l_program_count},
                                       {"unseen", l_program_unseen}, {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_program_gc}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"compile", l_mapping_compile}, {NULL, NULL}};
    l_new_class(L, PROGRAM_MT, methods, metas);
    luaL_newlib(L, funcs);
    return 1;
}
