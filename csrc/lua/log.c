/* log.c: binding of core/log.h: one log for each runtime. Lua: neap.native.log. See
 * spec/lua/log_spec.lua. */
#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/redact.h"

#define LOG_MT "neap.Log"

static const char log_key; /* its address is the registry's key of the log */

/* The userdata. User value 1: the function that gets the lines, or nil. */
typedef struct l_log {
    neap_log *log; /* owned */
    lua_State *L;  /* to call the function on; anchored while in use */
} l_log;

static const char *const levels[] = {"error", "warn", "info", "debug", "trace", NULL};
static const char *const formats[] = {"text", "json", NULL};

static int l_log_gc(lua_State *L) {
    l_log *u = lua_touserdata(L, 1);
    neap_log_free(u->log);
    u->log = NULL;
    return 0;
}

/* Pushes the runtime's log, making it if need be. THROWS out of memory.              [-0, +1, m] */
static l_log *push_log(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_log_gc}, {NULL, NULL}};
    l_log *u;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &log_key) != LUA_TNIL) {
        u = lua_touserdata(L, -1);
        if (u->log == NULL) luaL_error(L, "the log is closed"); /* finalised, at lua_close */
        return u;
    }
    lua_pop(L, 1);
    l_new_class(L, LOG_MT, none, metas);
    u = lua_newuserdatauv(L, sizeof *u, 1);
    *u = (l_log){0};
    luaL_setmetatable(L, LOG_MT);
    if (neap_log_new(&u->log) < 0) luaL_error(L, "not enough memory");
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    u->L = lua_tothread(L, -1);
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &log_key);
    return u;
}

neap_log *l_log_get(lua_State *L) {
    neap_log *log = push_log(L)->log;
    lua_pop(L, 1);
    return log;
}

/* --- lines to a function ---------------------------------------------------------------------- */

typedef struct line {
    const char *text;
    size_t len;
} line;

/* Protected part: [line] ->. */
static int call_function(lua_State *L) {
    const line *l = lua_touserdata(L, 1);
    push_log(L);
    lua_getiuservalue(L, -1, 1);
    lua_pushlstring(L, l->text, l->len);
    lua_call(L, 1, 0);
    return 0;
}

static void write_stderr(const char *text, size_t len) {
    ssize_t n = write(STDERR_FILENO, text, len);
    n += write(STDERR_FILENO, "\n", 1);
    (void)n; /* nowhere left to say so */
}

/* neap_log_sink; also reached from callbacks of the core, so it never throws. What the function
 * cannot take goes to stderr, with the reason: no line is lost. */
static void give_line(void *ud, neap_log_level level, const char *text, size_t len) {
    l_log *u = ud;
    lua_State *L = u->L;
    line l = {text, len};
    const char *why = "no memory for it";
    (void)level;
    if (!lua_checkstack(L, 4)) {
        write_stderr(text, len);
        return;
    }
    lua_pushcfunction(L, call_function);
    lua_pushlightuserdata(L, &l);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK) return;
    if (lua_type(L, -1) == LUA_TSTRING) why = lua_tostring(L, -1);
    write_stderr(text, len);
    if (neap_redact_found(why, strlen(why))) why = "***";
    write_stderr("log function failed:", 20);
    write_stderr(why, strlen(why));
    lua_pop(L, 1);
}

/* Sets the function at idx, or the descriptor again for nil. */
static void set_function(lua_State *L, int idx) {
    l_log *u = push_log(L);
    lua_pushvalue(L, idx);
    neap_log_set_sink(u->log, lua_isnil(L, -1) ? NULL : give_line, u);
    lua_setiuservalue(L, -2, 1);
    lua_pop(L, 1);
}

/* log.capture(function(line)) : lines go there, without newline; log.capture() : to the
 * descriptor */
static int l_log_capture(lua_State *L) {
    lua_settop(L, 1);
    if (!lua_isnil(L, 1)) luaL_checktype(L, 1, LUA_TFUNCTION);
    set_function(L, 1);
    return 0;
}

/* --- settings --------------------------------------------------------------------------------- */

static int check_name(lua_State *L, const char *field, const char *const names[]) {
    const char *got = lua_tostring(L, -1);
    for (int i = 0; got != NULL && names[i] != NULL; i++) {
        if (strcmp(got, names[i]) == 0) return i;
    }
    return luaL_error(L, "bad %s for log.configure", field);
}

static void set_option(lua_State *L, l_log *u, const char *key) {
    if (strcmp(key, "level") == 0) {
        neap_log_set_level(u->log, (neap_log_level)check_name(L, key, levels));
    } else if (strcmp(key, "format") == 0) {
        neap_log_set_format(u->log, (neap_log_format)check_name(L, key, formats));
    } else if (strcmp(key, "fd") == 0) {
        luaL_argcheck(L, lua_isinteger(L, -1), 1, "fd must be an integer");
        neap_log_set_fd(u->log, (int)lua_tointeger(L, -1));
    } else if (strcmp(key, "on_line") == 0) {
        luaL_argcheck(L, lua_isfunction(L, -1), 1, "on_line must be a function");
        set_function(L, lua_gettop(L));
    } else {
        luaL_error(L, "unknown option '%s' for log.configure", key);
    }
}

/* log.configure{ level=, format=, fd=, on_line= } : sets what is given               [-1, +0, e] */
static int l_log_configure(lua_State *L) {
    l_log *u;
    luaL_checktype(L, 1, LUA_TTABLE);
    u = push_log(L);
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING, 1, "option names must be strings");
        set_option(L, u, lua_tostring(L, -2));
        lua_pop(L, 1);
    }
    return 0;
}

/* log.level() -> name                                                                [-0, +1, m] */
static int l_log_level(lua_State *L) {
    lua_pushstring(L, neap_log_level_name(neap_log_get_level(l_log_get(L))));
    return 1;
}

/* log.enabled(level) -> boolean                                                      [-1, +1, e] */
static int l_log_enabled(lua_State *L) {
    neap_log_level level = (neap_log_level)luaL_checkoption(L, 1, NULL, levels);
    lua_pushboolean(L, neap_log_enabled(l_log_get(L), level));
    return 1;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b) {
    const neap_log_field *x = a, *y = b;
    size_t len = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = memcmp(x->key, y->key, len);
    if (order != 0) return order;
    return x->key_len < y->key_len ? -1 : x->key_len > y->key_len;
}

/* Text of the value at idx, kept alive by the list of anchors at `anchors`.          [-0, +0, e] */
static const char *text_of(lua_State *L, int idx, int anchors, size_t *len) {
    const char *text = luaL_tolstring(L, idx, len);
    lua_rawseti(L, anchors, (lua_Integer)lua_rawlen(L, anchors) + 1);
    return text;
}

/* Is it what JSON calls a number, too? Not so inf, nan, and a comma from some locale. */
static bool is_json_number(const char *s) {
    return s[strspn(s, "0123456789+-.eE")] == '\0';
}

/* The field whose key is at -2 and value at -1. */
static neap_log_field read_field(lua_State *L, int anchors) {
    neap_log_field f = {0};
    int type = lua_type(L, -1);
    f.key = text_of(L, -2, anchors, &f.key_len);
    f.value = text_of(L, -1, anchors, &f.value_len);
    f.raw = type == LUA_TBOOLEAN || (type == LUA_TNUMBER && is_json_number(f.value));
    return f;
}

static size_t count_fields(lua_State *L, int idx) {
    size_t count = 0;
    if (lua_isnoneornil(L, idx)) return 0;
    luaL_checktype(L, idx, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) count++;
    return count;
}

/* Pushes the fields of the table at idx, sorted, and their anchors.                  [-0, +2, e] */
static neap_log_field *push_fields(lua_State *L, int idx, size_t *count) {
    size_t most = count_fields(L, idx);
    neap_log_field *fields = lua_newuserdatauv(L, (most + 1) * sizeof *fields, 0);
    int anchors;
    *count = 0;
    lua_newtable(L);
    anchors = lua_gettop(L);
    if (most == 0) return fields;
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        if (*count < most) fields[(*count)++] = read_field(L, anchors);
        lua_pop(L, 1);
    }
    qsort(fields, *count, sizeof *fields, compare_keys);
    return fields;
}

/* log.write(level, message [, fields]) : fields is a table of text, numbers, booleans; anything
 * else goes through tostring. Sorted by key.                                       [-2|3, +0, e] */
static int l_log_write(lua_State *L) {
    neap_log_level level = (neap_log_level)luaL_checkoption(L, 1, NULL, levels);
    size_t len, count;
    const char *message;
    neap_log_field *fields;
    lua_State *main;
    l_log *u = push_log(L);
    int rc;
    lua_replace(L, 1);
    if (!neap_log_enabled(u->log, level)) return 0;
    lua_settop(L, 3);
    message = luaL_tolstring(L, 2, &len);
    fields = push_fields(L, 3, &count);
    main = u->L;
    u->L = L; /* the function runs where the script runs */
    rc = neap_log_write(u->log, level, neap_loop_wall_ms(l_loop(L)), message, len, fields, count);
    u->L = main;
    if (rc == NEAP_EBUG) return luaL_error(L, "a log function must not log");
    return rc < 0 ? luaL_error(L, "not enough memory") : 0;
}

int luaopen_neap_log(lua_State *L) {
    static const luaL_Reg funcs[] = {{"configure", l_log_configure},
                                     {"capture", l_log_capture},
                                     {"level", l_log_level},
                                     {"enabled", l_log_enabled},
                                     {"write", l_log_write},
                                     {NULL, NULL}};
    luaL_newlib(L, funcs);
    return 1;
}
