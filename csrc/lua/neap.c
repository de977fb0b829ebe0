/* neap.c: the public C API; see include/neap/neap.h. In libneap and the CLI, not in neap.so. */
#include <neap/neap.h>

#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#include "../core/pool.h"
#include "runtime.h"
#include "task.h"

typedef struct start start;

struct neap {
    lua_State *L;
    neap_pool pool; /* the memory of L */
    l_runtime *rt;  /* lives in L */
    start *starts; /* owned: those whose end has not been told */
};

/* One started script: what to call at its end. */
struct start {
    neap_done on_done;
    void *ud;
    neap *n;
    start *next, *prev; /* in n->starts */
};

const char *neap_version(void) {
    return NEAP_VERSION;
}

int luaopen_neap(lua_State *L); /* module.c */
int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);
int luaopen_lpeg(lua_State *L);

static int open_state(lua_State *L) {
    static const luaL_Reg modules[] = {{"neap", luaopen_neap},
                                       {"cjson", luaopen_cjson},
                                       {"cjson.safe", luaopen_cjson_safe},
                                       {"lpeg", luaopen_lpeg},
                                       {NULL, NULL}};
    l_runtime_tune(L);
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(L, modules, 0);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "neap");
    lua_call(L, 1, 1);
    lua_setglobal(L, "neap");
    lua_pushlightuserdata(L, l_runtime_get(L));
    return 1;
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
    if (n->L != NULL) lua_close(n->L);
    neap_pool_deinit(&n->pool);
    free(n);
}

int neap_new(neap **out) {
    neap *n = calloc(1, sizeof *n);
    if (n == NULL) return NEAP_ENOMEM;
    n->L = lua_newstate(alloc, &n->pool);
    if (n->L != NULL) lua_atpanic(n->L, panic);
    if (n->L != NULL) lua_pushcfunction(n->L, open_state);
    if (n->L == NULL || lua_pcall(n->L, 0, 1, 0) != LUA_OK) {
        if (n->L != NULL) fprintf(stderr, "neap: %s\n", lua_tostring(n->L, -1));
        free_neap(n);
        return NEAP_ENOMEM;
    }
    n->rt = lua_touserdata(n->L, -1);
    lua_settop(n->L, 0);
    *out = n;
    return 0;
}

lua_State *neap__state(neap *n) {
    return n->L;
}

static void free_start(start *s) {
    if (s->prev != NULL) s->prev->next = s->next;
    else s->n->starts = s->next;
    if (s->next != NULL) s->next->prev = s->prev;
    free(s);
}

void neap_free(neap *n) {
    start *s, *next;
    if (n == NULL) return;
    l_runtime_cancel_all(n->rt);
    lua_close(n->L);
    n->L = NULL;
    for (s = n->starts; s != NULL; s = next) {
        next = s->next;
        free(s);
    }
    free_neap(n);
}

/* Text on its way into the state. */
typedef struct source_text {
    const char *name, *source;
    size_t len;
} source_text;

/* Protected: [text] -> reference of the compiled chunk; raises what is wrong with it. */
static int load_script(lua_State *L) {
    const source_text *text = lua_touserdata(L, 1);
    const char *chunk = lua_pushfstring(L, "@%s", text->name);
    if (luaL_loadbufferx(L, text->source, text->len, chunk, "t") != LUA_OK) return lua_error(L);
    lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
    return 1;
}

int neap_load(neap *n, const char *name, const char *source, size_t len, int *script, char *message,
              size_t message_len) {
    lua_State *L = n->L;
    source_text text = {name, source, len};
    int status;
    lua_pushcfunction(L, load_script);
    lua_pushlightuserdata(L, &text);
    status = lua_pcall(L, 1, 1, 0);
    if (status == LUA_OK) *script = (int)lua_tointeger(L, -1);
    else if (message != NULL) snprintf(message, message_len, "%s", lua_tostring(L, -1));
    lua_settop(L, 0);
    if (status == LUA_ERRMEM) return NEAP_ENOMEM;
    return status == LUA_OK ? 0 : NEAP_EINVAL;
}

/* The text of what a task left on the stack; a result that is no JSON makes it a failure. */
static const char *result_text(lua_State *L, bool *failed, int count, size_t *len) {
    *len = 0;
    if (count == 0 || (!*failed && lua_isnil(L, -count))) return "";
    if (*failed) return luaL_tolstring(L, -count, len);
    lua_getglobal(L, "neap");
    lua_getfield(L, -1, "json");
    lua_getfield(L, -1, "encode");
    lua_pushvalue(L, -3 - count);
    lua_call(L, 1, 2);
    *failed = lua_isnil(L, -2);
    return luaL_tolstring(L, *failed ? -1 : -2, len);
}

static void start_done(void *ud, lua_State *L, bool failed, int count) {
    static const char no_memory[] = "not enough memory";
    start s = *(start *)ud;
    size_t len = sizeof no_memory - 1;
    const char *text = L != NULL ? result_text(L, &failed, count, &len) : no_memory;
    free_start(ud);
    if (s.on_done != NULL) s.on_done(s.ud, !failed, text, len);
}

static int start_script(lua_State *L) {
    int script = (int)lua_tointeger(L, 1);
    void *ud = lua_touserdata(L, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, script);
    luaL_checktype(L, -1, LUA_TFUNCTION);
    l_task_start(L, 0, NULL, start_done, ud);
    return 0;
}

int neap_start(neap *n, int script, neap_done on_done, void *ud) {
    start *s = malloc(sizeof *s);
    int status;
    if (s == NULL) return NEAP_ENOMEM;
    *s = (start){.on_done = on_done, .ud = ud, .n = n, .next = n->starts};
    if (s->next != NULL) s->next->prev = s;
    n->starts = s;
    lua_pushcfunction(n->L, start_script);
    lua_pushinteger(n->L, script);
    lua_pushlightuserdata(n->L, s);
    status = lua_pcall(n->L, 2, 0, 0);
    if (status == LUA_OK) return 0;
    lua_settop(n->L, 0);
    free_start(s);
    return status == LUA_ERRMEM ? NEAP_ENOMEM : NEAP_EINVAL;
}

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

