/* neap.c: the public C API, see include/neap/neap.h: a runtime, its errors, the host's loop. In libneap and the CLI,
 * not in neap.so. */
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/redact.h"
#include "box.h"
#include "neap_own.h"
#include "package.h"
#include "stroke.h"
#include "thread.h"

const char *neap_version(void) {
    return NEAP_VERSION;
}

int neap_version_number(void) {
    return NEAP_VERSION_NUMBER;
}

/* --- errors ----------------------------------------------------------------------------------- */

const char *neap_message(const neap *n) {
    return n->err.message;
}

static int code_of_kind(const char *kind) {
#define X(sym, value, name)                                                                                          \
    if (strcmp(kind, name) == 0) return value;
    NEAP_ERR_LIST(X)
#undef X
    return NEAP_EBUG;
}

/* The field `kind` of an error object, without its metamethods. */
static int code_of_object(lua_State *L, int idx) {
    int code = NEAP_EBUG;
    lua_pushliteral(L, "kind");
    if (lua_rawget(L, idx) == LUA_TSTRING) code = code_of_kind(lua_tostring(L, -1));
    lua_pop(L, 1);
    return code;
}

/* Does a text say what Lua and the bindings say without memory, behind whatever place in a script? */
static bool tells_no_memory(const char *text) {
    static const char words[] = "not enough memory";
    size_t len = strlen(text);
    return len >= sizeof words - 1 && strcmp(text + len - (sizeof words - 1), words) == 0;
}

int neap__error_code(lua_State *L, int idx) {
    idx = lua_absindex(L, idx);
    if (lua_type(L, idx) == LUA_TTABLE) return code_of_object(L, idx);
    if (lua_type(L, idx) == LUA_TSTRING && tells_no_memory(lua_tostring(L, idx))) return NEAP_ENOMEM;
    return NEAP_EBUG;
}

/* Replaces the text on top by what anybody may see of it.                                      [-1, +1, e] */
static void mask_secrets(lua_State *L) {
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    neap_buf *masked;
    if (!neap_redact_found(text, len)) return;
    masked = l_box_push(L);
    if (neap_redact(masked, text, len) < 0) luaL_error(L, "not enough memory");
    l_box_take(L, masked);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

const char *neap__push_text(lua_State *L, int idx, size_t *len) {
    luaL_tolstring(L, idx, NULL);
    mask_secrets(L);
    return lua_tolstring(L, -1, len);
}

const char *neap__push_line(lua_State *L, int idx, size_t *len) {
    const char *text = neap__push_text(L, idx, len);
    if (memchr(text, '\n', *len) == NULL && memchr(text, '\r', *len) == NULL) return text;
    luaL_gsub(L, text, "\n", " ");
    luaL_gsub(L, lua_tostring(L, -1), "\r", " ");
    lua_replace(L, -3);
    lua_pop(L, 1);
    return lua_tolstring(L, -1, len);
}

int neap__fail(neap *n, int code, const char *message) {
    return neap_err_set(&n->err, code, "%s: %s", neap_err_kind(code), message);
}

/* Protected: [runtime, error] -> ; notes what was raised. The text of an object has its kind. */
static int note_error(lua_State *L) {
    size_t len;
    const char *text = neap__push_line(L, 2, &len);
    int code = neap__error_code(L, 2);
    neap *n = lua_touserdata(L, 1);
    if (lua_istable(L, 2)) neap_err_set(&n->err, code, "%s", text);
    else neap__fail(n, code, text);
    return 0;
}

/* Calls what is on the stack. From a callback or an op of the host's this is not the computing of the script that it
 * interrupts (stroke.h). */
static int call_apart(neap *n, int nargs) {
    struct l_stroke *stroke = n->rt != NULL ? n->rt->stroke : NULL;
    int status;
    if (stroke != NULL) n->rt->stroke = NULL;
    status = lua_pcall(n->L, nargs, 0, 0);
    if (stroke != NULL) n->rt->stroke = stroke;
    return status;
}

int neap__call(neap *n, lua_CFunction fn, void *arg) {
    lua_State *L = n->L;
    int top = lua_gettop(L);
    if (!lua_checkstack(L, 4)) return neap__fail(n, NEAP_ENOMEM, "not enough memory");
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, arg);
    if (call_apart(n, 1) == LUA_OK) return 0;
    lua_pushcfunction(L, note_error);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, n);
    lua_insert(L, -2);
    if (call_apart(n, 2) != LUA_OK) neap__fail(n, NEAP_ENOMEM, "not enough memory");
    lua_settop(L, top);
    return n->err.code;
}

static const char require_key; /* registry key: Lua's function, whatever scripts make of the global */

void neap__push_function(lua_State *L, const char *module, const char *name) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &require_key);
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

/* --- a runtime -------------------------------------------------------------------------------- */

int luaopen_neap(lua_State *L); /* module.c */
int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);
int luaopen_lpeg(lua_State *L);

/* Makes the library the global `neap`.                                                         [-0, +0, e] */
static void open_library(lua_State *L) {
    static const luaL_Reg modules[] = {{"neap", luaopen_neap},
                                       {"cjson", luaopen_cjson},
                                       {"cjson.safe", luaopen_cjson_safe},
                                       {"lpeg", luaopen_lpeg},
                                       {NULL, NULL}};
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(L, modules, 0);
    lua_pop(L, 1);
    lua_getglobal(L, "require");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &require_key);
    lua_pushliteral(L, "neap");
    lua_call(L, 1, 1);
    lua_setglobal(L, "neap");
    l_package_use_coroutines(L);
}

/* Says that there is a host; and the file of what processes share, NULL: the user's. */
static void configure_host(lua_State *L, const char *state) {
    neap__push_function(L, "neap.host", "configure");
    lua_createtable(L, 0, 2);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "embedded");
    if (state != NULL && state[0] != '\0') lua_pushstring(L, state);
    else if (state != NULL) lua_pushboolean(L, 0);
    else lua_pushnil(L);
    lua_setfield(L, -2, "state");
    lua_call(L, 1, 0);
}

static int refer_json(lua_State *L, const char *name) {
    neap__push_function(L, "neap.native.json", name);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

/* What makes results the same text every time. */
static int refer_sorted(lua_State *L) {
    lua_createtable(L, 0, 1);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "sorted");
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void configure(lua_State *L, neap *n, const neap_options *options) {
    configure_host(L, options != NULL ? options->state : NULL);
    if (options != NULL && options->time_limit_ms > 0)
        l_runtime_set_time_limit(n->rt, options->time_limit_ms * (NEAP_SECOND / 1000));
}

/* Protected. Twice: the first one calls finalisers, the second frees what they had kept. Idle coroutines go, for
 * their stacks may be large. */
static int collect_all(lua_State *L) {
    l_thread_drop(L, l_runtime_get(L));
    lua_gc(L, LUA_GCCOLLECT);
    lua_gc(L, LUA_GCCOLLECT);
    return 0;
}

static void collect(neap_job *job) {
    (void)neap__call(job->ud, collect_all, NULL);
}

/* The limit has refused a block. Lua has collected then, but called no finaliser, and what waits for one may be all
 * that there is room for: the next collection by itself would come beyond the limit, so never. */
static void on_refusal(void *ud) {
    neap *n = ud;
    l_stroke_hurry(n->rt);
    neap_loop_post(n->rt->loop, &n->collect);
}

typedef struct opening {
    neap *n;
    const neap_options *options; /* NULL: none */
    bool no_loop;                /* descriptors are short */
} opening;

/* A cycle begins when what the last one has left has doubled: a host's runtime lives on little that stays, and makes
 * much with each request that does not. */
enum { HOST_PAUSE = 200 };

static int open_state(lua_State *L) {
    opening *o = lua_touserdata(L, 1);
    neap *n = o->n;
    l_runtime_tune(L);
    if (o->options != NULL) lua_gc(L, LUA_GCINC, HOST_PAUSE, 0, 0);
    luaL_openlibs(L);
    l_package_restrict(L);
    o->no_loop = l_runtime_open(L, NULL) < 0;
    if (o->no_loop) return luaL_error(L, "cannot open an event loop");
    n->rt = l_runtime_get(L);
    n->collect = (neap_job){.run = collect, .ud = n};
    n->pool.on_refusal = on_refusal;
    n->pool.ud = n;
    open_library(L);
    n->encode = refer_json(L, "encode");
    n->sorted = refer_sorted(L);
    n->decode = refer_json(L, "decode");
    neap__open_log(L, n, o->options);
    configure(L, n, o->options);
    return 0;
}

/* For a new block `old` is its type (lua_Alloc), which the pool does not look at. */
static void *alloc(void *pool, void *p, size_t old, size_t size) {
    return neap_pool_realloc(pool, p, old, size);
}

/* Nothing of ours calls Lua unprotected; a host with the state in its hands may. */
static int panic(lua_State *L) {
    fprintf(stderr, "neap: unprotected error in a call of Lua: %s\n", luaL_tolstring(L, -1, NULL));
    return 0;
}

static void free_neap(neap *n) {
    n->pool.on_refusal = NULL;
    if (n->rt != NULL) neap_loop_unpost(n->rt->loop, &n->collect);
    if (n->L != NULL) lua_close(n->L);
    neap_pool_deinit(&n->pool);
    free(n->scripts);
    free(n);
}

static int open_neap(neap *n, const neap_options *options) {
    opening o = {.n = n, .options = options};
    int rc;
    if (options != NULL) n->pool.limit = options->memory_limit;
    n->L = lua_newstate(alloc, &n->pool);
    if (n->L == NULL) return neap__fail(n, NEAP_ENOMEM, "not enough memory");
    lua_atpanic(n->L, panic);
    rc = neap__call(n, open_state, &o);
    if (rc == 0) return 0;
    return o.no_loop || rc == NEAP_ENOMEM || tells_no_memory(n->err.message) ? NEAP_ENOMEM : NEAP_EBUG;
}

/* Nobody can ask a runtime that is not there for its message. */
static void tell_failure(const neap *n, const neap_options *options) {
    char line[NEAP_ERR_MESSAGE_LEN + 64];
    const char *limited = options->memory_limit > 0 ? " (memory_limit)" : "";
    int len = snprintf(line, sizeof line, "no runtime: %s%s", n->err.message,
                       tells_no_memory(n->err.message) ? limited : "");
    options->log(options->log_ud, NEAP_ERROR, line, (size_t)len);
}

int neap_new(neap **out, const neap_options *options) {
    neap *n = calloc(1, sizeof *n);
    int rc;
    if (n == NULL) return NEAP_ENOMEM;
    rc = open_neap(n, options);
    if (rc < 0 && options != NULL && options->log != NULL) tell_failure(n, options);
    if (rc < 0) free_neap(n);
    else *out = n;
    return rc;
}

lua_State *neap__state(neap *n) {
    return n->L;
}

void neap__set_memory_limit(neap *n, size_t bytes) {
    n->pool.limit = bytes;
}

void neap_free(neap *n) {
    if (n == NULL) return;
    neap__close_tasks(n);
    free_neap(n);
}

/* --- the host's loop -------------------------------------------------------------------------- */

int neap_poll_fd(const neap *n) {
    return neap_loop_fd(n->rt->loop);
}

int neap_timeout_ms(const neap *n) {
    return neap_loop_timeout_ms(n->rt->loop);
}

void neap_dispatch(neap *n) {
    neap_loop_dispatch(n->rt->loop);
}

int neap_live(const neap *n) {
    return (int)n->rt->task_count;
}
