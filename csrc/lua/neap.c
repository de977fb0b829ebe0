/* neap.c: the public C API; see include/neap/neap.h. In libneap and the CLI, not in neap.so. */
#include <neap/neap.h>

#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime.h"
#include "task.h"

struct neap {
    lua_State *L;
    l_runtime *rt; /* lives in L */
};

/* One started script: what to call at its end. Owned by the task that runs. */
typedef struct start {
    neap_done on_done;
    void *ud;
} start;

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

int neap_new(neap **out) {
    neap *n = calloc(1, sizeof *n);
    if (n == NULL) return NEAP_ENOMEM;
    n->L = luaL_newstate();
    if (n->L != NULL) lua_pushcfunction(n->L, open_state);
    if (n->L == NULL || lua_pcall(n->L, 0, 1, 0) != LUA_OK) {
        if (n->L != NULL) fprintf(stderr, "neap: %s\n", lua_tostring(n->L, -1));
        if (n->L != NULL) lua_close(n->L);
        free(n);
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

void neap_free(neap *n) {
    if (n == NULL) return;
    l_runtime_cancel_all(n->rt);
    lua_close(n->L);
    free(n);
}

int neap_load(neap *n, const char *name, const char *source, size_t len, int *script, char *message,
              size_t message_len) {
    lua_State *L = n->L;
    const char *chunk;
    int rc = 0;
    if (!lua_checkstack(L, 4)) return NEAP_ENOMEM;
    chunk = lua_pushfstring(L, "@%s", name);
    if (luaL_loadbufferx(L, source, len, chunk, "t") == LUA_OK) {
        *script = luaL_ref(L, LUA_REGISTRYINDEX);
    } else {
        if (message != NULL) snprintf(message, message_len, "%s", lua_tostring(L, -1));
        rc = NEAP_EINVAL;
    }
    lua_settop(L, 0);
    return rc;
}

static const char *result_text(lua_State *L, bool failed, int count, size_t *len) {
    *len = 0;
    if (count == 0 || (!failed && lua_isnil(L, -count))) return "";
    if (failed) return luaL_tolstring(L, -count, len);
    lua_getglobal(L, "neap");
    lua_getfield(L, -1, "json");
    lua_getfield(L, -1, "encode");
    lua_pushvalue(L, -3 - count);
    lua_call(L, 1, 1);
    return luaL_tolstring(L, -1, len);
}

static void start_done(void *ud, lua_State *L, bool failed, int count) {
    start s = *(start *)ud;
    size_t len;
    const char *text = result_text(L, failed, count, &len);
    free(ud);
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
    if (s == NULL) return NEAP_ENOMEM;
    *s = (start){on_done, ud};
    lua_pushcfunction(n->L, start_script);
    lua_pushinteger(n->L, script);
    lua_pushlightuserdata(n->L, s);
    if (lua_pcall(n->L, 2, 0, 0) == LUA_OK) return 0;
    lua_settop(n->L, 0);
    free(s);
    return NEAP_EINVAL;
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

