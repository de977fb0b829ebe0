/* sandbox.c: a second lua_State on the same loop, in which the simulators of vendors run. Lua:
 * neap.native.sandbox. See spec/lua/sandbox_spec.lua.
 *
 * The two states share C functions and the loop, never a Lua value: settings go in, and snapshots
 * come out, as JSON text. Every exchange becomes a task of the sandbox's state. */
#include "sandbox.h"

#include <lualib.h>
#include <string.h>

#include "runtime.h"
#include "task.h"

#define SANDBOX_MT "neap.Sandbox"

/* Registry keys in the sandbox's state: what `require "neap.sandbox"(config)` returned. */
static const char handler_key, inspect_key, close_key;

typedef struct l_sandbox {
    neap_handler handler; /* first: handle gets the sandbox back from it */
    lua_State *S;         /* owned; NULL once closed */
} l_sandbox;

/* Modules that the product may have linked in: they are preloaded in the second state as well. */
static const char *const linked[] = {"lpeg", "cjson", "cjson.safe"};
enum { LINKED = sizeof linked / sizeof linked[0] };

/* What the new state is made from; text is anchored on the stack of the state that opens it. */
typedef struct setup {
    neap_loop *loop;
    lua_CFunction opens[LINKED]; /* NULL: found by package.cpath, if at all */
    const char *path, *cpath;
    const char *lua_dir;         /* NULL: none */
    const char *config;
    size_t config_len;
} setup;

static l_sandbox *check_sandbox(lua_State *L, int idx) {
    l_sandbox *s = luaL_checkudata(L, idx, SANDBOX_MT);
    luaL_argcheck(L, s->S != NULL, idx, "the sandbox is closed");
    return s;
}

neap_handler *l_sandbox_check_handler(lua_State *L, int idx) {
    return &check_sandbox(L, idx)->handler;
}

/* In the sandbox's state: [exchange] -> ; starts its task. */
static int start_exchange(lua_State *S) {
    neap_exchange *ex = lua_touserdata(S, 1);
    lua_rawgetp(S, LUA_REGISTRYINDEX, &handler_key);
    (void)l_exchange_push(S, ex);
    l_task_start(S, 1, NULL, NULL, NULL);
    return 0;
}

static void handle(neap_handler *handler, neap_exchange *ex) {
    lua_State *S = ((l_sandbox *)handler)->S;
    if (S == NULL || !lua_checkstack(S, 4)) {
        ex->ops->abort(ex);
        return;
    }
    lua_pushcfunction(S, start_exchange);
    lua_pushlightuserdata(S, ex);
    if (lua_pcall(S, 1, 0, 0) == LUA_OK) return;
    lua_pop(S, 1);
    l_exchange_release(ex);
    ex->ops->abort(ex); /* now: its client waits */
}

/* Opening. */

/* Gets package.<name> of L as text; it stays on the stack. */
static const char *push_package_text(lua_State *L, const char *name) {
    lua_getglobal(L, LUA_LOADLIBNAME);
    if (lua_istable(L, -1)) lua_getfield(L, -1, name);
    return lua_tostring(L, -1);
}

static void find_linked(lua_State *L, setup *from) {
    int i;
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    for (i = 0; i < LINKED; i++) {
        lua_getfield(L, -1, linked[i]);
        from->opens[i] = lua_tocfunction(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void set_package(lua_State *S, const setup *from) {
    int i;
    luaL_getsubtable(S, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    for (i = 0; i < LINKED; i++) {
        if (from->opens[i] == NULL) continue;
        lua_pushcfunction(S, from->opens[i]);
        lua_setfield(S, -2, linked[i]);
    }
    lua_getglobal(S, LUA_LOADLIBNAME);
    if (from->cpath != NULL) {
        lua_pushstring(S, from->cpath);
        lua_setfield(S, -2, "cpath");
    }
    if (from->path != NULL) {
        if (from->lua_dir != NULL) {
            lua_pushfstring(S, "%s/?.lua;%s/?/init.lua;%s", from->lua_dir, from->lua_dir, from->path);
        } else {
            lua_pushstring(S, from->path);
        }
        lua_setfield(S, -2, "path");
    }
    lua_pop(S, 2);
}

/* Calls require "name", leaves the module. */
static void push_module(lua_State *L, const char *name) {
    lua_getglobal(L, "require");
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
}

/* The message of the error object on top. */
static const char *error_text(lua_State *L) {
    if (lua_istable(L, -1)) lua_getfield(L, -1, "message");
    return luaL_tolstring(L, -1, NULL);
}

/* [text] -> value by neap.native.json; THROWS what it finds wrong. */
static void push_decoded(lua_State *L, const char *text, size_t len) {
    push_module(L, "neap.native.json");
    lua_getfield(L, -1, "decode");
    lua_pushlstring(L, text, len);
    lua_call(L, 1, 2);
    if (lua_isnil(L, -2)) luaL_error(L, "bug: not JSON: %s", error_text(L));
    lua_pop(L, 1);
    lua_remove(L, -2);
}

/* Replaces the value on top by its JSON text; THROWS if it has none. */
static const char *to_json(lua_State *L, size_t *len) {
    push_module(L, "neap.native.json");
    lua_getfield(L, -1, "encode");
    lua_pushvalue(L, -3);
    lua_call(L, 1, 2);
    if (lua_isnil(L, -2)) luaL_error(L, "not fit for the sandbox: %s", error_text(L));
    lua_pop(L, 1);
    lua_replace(L, -3);
    lua_pop(L, 1);
    return lua_tolstring(L, -1, len);
}

/* In the new state: [setup] -> true | nil, message. */
static int open_state(lua_State *S) {
    const setup *from = lua_touserdata(S, 1);
    l_runtime_tune(S);
    luaL_openlibs(S);
    if (l_runtime_open(S, from->loop) < 0) return luaL_error(S, "no runtime");
    set_package(S, from);
    l_exchange_open(S);
    push_module(S, "neap.sandbox");
    push_decoded(S, from->config, from->config_len);
    lua_call(S, 1, 3);
    if (lua_isnil(S, -3)) {
        lua_pop(S, 1);
        return 2;
    }
    lua_rawsetp(S, LUA_REGISTRYINDEX, &close_key);
    lua_rawsetp(S, LUA_REGISTRYINDEX, &inspect_key);
    lua_rawsetp(S, LUA_REGISTRYINDEX, &handler_key);
    lua_pushboolean(S, 1);
    return 1;
}

/* The message of a failure inside S, on top of its stack, copied to L as an error. */
static int fail_from(lua_State *L, lua_State *S, int code) {
    const char *message = lua_type(S, -1) == LUA_TSTRING ? lua_tostring(S, -1) : NULL;
    return l_failf(L, code, "%s", message != NULL ? message : "(no message)");
}

/* sandbox.open{ config = table, lua_dir = string? } -> sandbox | nil, err         [-1, +1|2, e] */
static int l_sandbox_open(lua_State *L) {
    setup from = {.loop = l_loop(L)};
    l_sandbox *s;
    int rc;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "lua_dir");
    from.lua_dir = luaL_optstring(L, -1, NULL);
    lua_getfield(L, 1, "config");
    if (lua_isnil(L, -1)) lua_newtable(L);
    from.config = to_json(L, &from.config_len);
    find_linked(L, &from);
    from.path = push_package_text(L, "path");
    from.cpath = push_package_text(L, "cpath");
    s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (l_sandbox){.handler = {handle}};
    luaL_setmetatable(L, SANDBOX_MT);
    s->S = luaL_newstate();
    if (s->S == NULL) return luaL_error(L, "not enough memory");
    lua_pushcfunction(s->S, open_state);
    lua_pushlightuserdata(s->S, &from);
    rc = lua_pcall(s->S, 1, LUA_MULTRET, 0);
    if (rc != LUA_OK) return fail_from(L, s->S, rc == LUA_ERRMEM ? NEAP_ENOMEM : NEAP_EBUG);
    if (lua_gettop(s->S) != 1) return fail_from(L, s->S, NEAP_EINVAL);
    lua_settop(s->S, 0);
    return 1;
}

/* Inspecting. */

/* A question, on its way to the other state; the text is anchored on the asking one's stack. */
typedef struct question {
    const char *vendor;
    const char *what; /* JSON text; NULL: nil */
    size_t what_len;
} question;

/* In the sandbox's state: [question] -> text | nil, message. */
static int inspect_state(lua_State *S) {
    const question *q = lua_touserdata(S, 1);
    size_t len;
    lua_rawgetp(S, LUA_REGISTRYINDEX, &inspect_key);
    lua_pushstring(S, q->vendor);
    if (q->what != NULL) push_decoded(S, q->what, q->what_len);
    else lua_pushnil(S);
    lua_call(S, 2, 2);
    if (!lua_isnil(S, -1)) return 2; /* nil, message */
    lua_pop(S, 1);
    to_json(S, &len);
    return 1;
}

/* sandbox:inspect(vendor, what) -> value | nil, err: what the simulator's snapshot(what) answers */
static int l_sandbox_inspect(lua_State *L) {
    lua_State *S = check_sandbox(L, 1)->S;
    question q = {.vendor = luaL_checkstring(L, 2)};
    const char *text;
    size_t len;
    lua_settop(L, 3);
    if (!lua_isnil(L, 3)) q.what = to_json(L, &q.what_len);
    lua_settop(S, 0);
    if (!lua_checkstack(S, 8)) return luaL_error(L, "not enough memory");
    lua_pushcfunction(S, inspect_state);
    lua_pushlightuserdata(S, &q);
    if (lua_pcall(S, 1, LUA_MULTRET, 0) != LUA_OK) return fail_from(L, S, NEAP_EBUG);
    if (lua_gettop(S) != 1) return fail_from(L, S, NEAP_EINVAL);
    text = lua_tolstring(S, 1, &len);
    push_decoded(L, text, len);
    return 1;
}

/* Closing. */

static int close_state(lua_State *S) {
    lua_rawgetp(S, LUA_REGISTRYINDEX, &close_key);
    if (lua_isfunction(S, -1)) lua_call(S, 0, 0);
    return 0;
}

/* sandbox:close() : cancels what it is answering, writes its log, closes its state. Idempotent; also
 * __gc and __close. */
static int l_sandbox_close(lua_State *L) {
    l_sandbox *s = luaL_checkudata(L, 1, SANDBOX_MT);
    lua_State *S = s->S;
    s->S = NULL;
    if (S == NULL) return 0;
    if (l_runtime_get(S) != NULL) {
        l_runtime_cancel_all(l_runtime_get(S));
        lua_settop(S, 0);
        lua_pushcfunction(S, close_state);
        lua_pcall(S, 0, 0, 0);
    }
    lua_close(S);
    return 0;
}

static int l_sandbox_str(lua_State *L) {
    const l_sandbox *s = luaL_checkudata(L, 1, SANDBOX_MT);
    lua_pushfstring(L, "%s (%s): %p", SANDBOX_MT, s->S != NULL ? "open" : "closed", (const void *)s);
    return 1;
}

int luaopen_neap_sandbox(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"inspect", l_sandbox_inspect}, {"close", l_sandbox_close}, {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_sandbox_close},
                                     {"__close", l_sandbox_close},
                                     {"__tostring", l_sandbox_str},
                                     {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"open", l_sandbox_open}, {NULL, NULL}};
    l_new_class(L, SANDBOX_MT, methods, metas);
    luaL_newlib(L, funcs);
    return 1;
}
