/* neap_script.c: scripts of the public C API, and exchanges that they answer. See include/neap/neap.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler.h"
#include "neap_own.h"

/* --- loading ---------------------------------------------------------------------------------- */

/* Text on its way into the state. */
typedef struct source {
    neap *n;
    const char *name, *text; /* text NULL: name is a file's */
    size_t len;
    int script;
} source;

neap_script *neap__script(neap *n, int script) {
    char message[48];
    if (script > 0 && script <= n->script_count) return &n->scripts[script - 1];
    snprintf(message, sizeof message, "there is no script %d", script);
    neap__fail(n, NEAP_EINVAL, message);
    return NULL;
}

/* Makes room for one script more. THROWS out of memory. */
static neap_script *add_script(lua_State *L, neap *n) {
    neap_script *scripts = realloc(n->scripts, ((size_t)n->script_count + 1) * sizeof *scripts);
    if (scripts == NULL) luaL_error(L, "not enough memory");
    n->scripts = scripts;
    return &scripts[n->script_count];
}

/* Adds the folder of a file to those in which vendors are looked for. */
static void add_folder(lua_State *L, const char *path) {
    const char *slash = strrchr(path, '/');
    neap__push_function(L, "neap.host", "add_path");
    if (slash == NULL) lua_pushliteral(L, ".");
    else if (slash == path) lua_pushliteral(L, "/");
    else lua_pushlstring(L, path, (size_t)(slash - path));
    lua_call(L, 1, 0);
}

/* Pushes the compiled text, or raises what is wrong with it. */
static void push_chunk(lua_State *L, const source *s) {
    const char *chunk = lua_pushfstring(L, "@%s", s->name);
    int status = s->text != NULL ? luaL_loadbufferx(L, s->text, s->len, chunk, "t") : luaL_loadfilex(L, s->name, "t");
    if (status == LUA_OK) return;
    if (status == LUA_ERRMEM) lua_error(L);
    (void)l_failf(L, status == LUA_ERRFILE ? NEAP_ESETTINGS : NEAP_EINVAL, "%s", "");
    lua_pushvalue(L, -3); /* all of it: secrets are masked before it is cut */
    lua_setfield(L, -2, "message");
    lua_error(L);
}

/* Protected: [source] -> */
static int load_script(lua_State *L) {
    source *s = lua_touserdata(L, 1);
    neap_script *script;
    push_chunk(L, s);
    if (s->text == NULL) add_folder(L, s->name);
    script = add_script(L, s->n);
    lua_settop(L, 3);
    *script = (neap_script){luaL_ref(L, LUA_REGISTRYINDEX), LUA_NOREF, LUA_NOREF};
    s->script = ++s->n->script_count;
    return 0;
}

static int load(source *s, int *script) {
    int rc = neap__call(s->n, load_script, s);
    if (rc == 0) *script = s->script;
    return rc;
}

int neap_load(neap *n, const char *name, const char *text, size_t len, int *script) {
    source s = {.n = n, .name = name, .text = text != NULL ? text : "", .len = text != NULL ? len : 0};
    if (name == NULL) return neap__fail(n, NEAP_EINVAL, "neap_load: a name expected");
    return load(&s, script);
}

int neap_load_file(neap *n, const char *path, int *script) {
    source s = {.n = n, .name = path};
    if (path == NULL) return neap__fail(n, NEAP_EINVAL, "neap_load_file: a file expected");
    return load(&s, script);
}

/* --- serving ---------------------------------------------------------------------------------- */

/* Pushes the name of a script, which its chunk has.                                            [-0, +1, m] */
static void push_name(lua_State *L, const neap_script *script) {
    lua_Debug ar;
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->chunk);
    lua_getinfo(L, ">S", &ar);
    lua_pushstring(L, ar.source + 1); /* behind the @ */
}

/* Protected: [script] -> ; makes what answers by it. */
static int open_service(lua_State *L) {
    neap_script *script = lua_touserdata(L, 1);
    neap__push_function(L, "neap.serve", "script");
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->chunk);
    push_name(L, script);
    lua_call(L, 2, 1);
    lua_getfield(L, -1, "answer");
    luaL_unref(L, LUA_REGISTRYINDEX, script->answer); /* of an attempt without memory for what follows */
    script->answer = LUA_NOREF;
    script->answer = luaL_ref(L, LUA_REGISTRYINDEX);
    script->service = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* The script as what answers; NULL: n->err says why not. */
static neap_script *service(neap *n, int script) {
    neap_script *s = neap__script(n, script);
    if (s != NULL && s->service == LUA_NOREF && neap__call(n, open_service, s) < 0) return NULL;
    return s;
}

int neap_serve(neap *n, int script, neap_exchange *exchange) {
    const neap_script *s;
    if (n->stop.begun && n->stop.due_ns <= neap_loop_now_ns(n->rt->loop))
        return neap__fail(n, NEAP_ECANCELLED, "the runtime is stopping");
    s = service(n, script);
    if (s == NULL) return n->err.code;
    if (l_handler_start(n->L, s->answer, exchange) < 0)
        return neap__fail(n, NEAP_ENOMEM, "not enough memory");
    return 0;
}

/* Leaves service.prepare and the service. */
static void push_open(lua_State *L, neap *n, void *ud) {
    const neap_script *script = ud;
    (void)n;
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->service);
    lua_getfield(L, -1, "prepare");
    lua_insert(L, -2);
}

int neap_open(neap *n, int script) {
    neap_script *s = service(n, script);
    neap_start_with with = {push_open, s, 1};
    if (s == NULL) return n->err.code;
    return neap__start(n, &with, NULL, NULL) != NULL ? 0 : n->err.code;
}

/* Leaves the function that runs the first script. */
static void push_first(lua_State *L, neap *n, void *ud) {
    const neap_script *script = ud;
    (void)n;
    neap__push_function(L, "neap.serve", "init");
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->chunk);
    lua_call(L, 1, 1);
}

int neap_init(neap *n, int script) {
    neap_script *s = neap__script(n, script);
    neap_start_with with = {push_first, s, 0};
    if (s == NULL) return NEAP_EINVAL;
    return neap__start(n, &with, NULL, NULL) != NULL ? 0 : n->err.code;
}
