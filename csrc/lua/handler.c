/* handler.c: a Lua function that answers HTTP exchanges, each in a task of its own. Lua: neap.native.handler. See
 * spec/lua/serve_spec.lua. */
#include "handler.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "runtime.h"
#include "sandbox.h"
#include "task.h"

#define HANDLER_MT "neap.Handler"

/* What tells a failure apart, and a NUL. */
enum { ID_SIZE = 17 };

typedef struct l_handler {
    neap_handler handler; /* first: handle gets the handler back from it */
    lua_State *L;         /* main thread of its state */
    int ref;              /* of its function in the registry */
} l_handler;

/* --- one exchange ----------------------------------------------------------------------------- */

/* The client has left. From the carrier, which may be in the middle of an op: the task ends in a job. */
static void on_gone(neap_exchange *ex) {
    l_exchange *u = ex->ud;
    u->gone = true;
    if (u->ex == NULL) return; /* it is just being ended */
    if (u->task != NULL) neap_loop_post(u->rt->loop, &u->job);
}

static void end_task(neap_job *job) {
    l_exchange *u = job->ud;
    if (u->task != NULL) l_task_cancel(u->task);
}

static neap_log_field field(const char *key, const char *value) {
    return (neap_log_field){.key = key, .key_len = strlen(key), .value = value, .value_len = strlen(value)};
}

/* Tells the log what a task has failed with: a limit, of which lua/neap/serve.lua cannot tell.
 * `id` is what the client gets to know of it.                                            [-0, +1, m] */
static void log_failure(lua_State *L, const l_exchange *u, const char *error, char id[ID_SIZE]) {
    static const char message[] = "request failed";
    neap_log_field fields[] = {field("error", error), field("method", u->ex->method), field("path", u->ex->target),
                               field("id", "")};
    fields[2].value_len = strcspn(u->ex->target, "?"); /* behind it may be secrets that nobody knows */
    snprintf(id, ID_SIZE, "%016" PRIx64, neap_random_next(l_random(L)));
    fields[3].value = id;
    fields[3].value_len = ID_SIZE - 1;
    neap_log_write(l_log_get(L), NEAP_LOG_ERROR, neap_loop_wall_ms(l_loop(L)), message, sizeof message - 1, fields,
                   sizeof fields / sizeof fields[0]);
}

/* The same of a task that has answered: of a child of it, which went on.                   [-0, +1, m] */
static void log_late_failure(lua_State *L) {
    static const char message[] = "request failed after its answer";
    const char *error = luaL_tolstring(L, -1, NULL);
    neap_log_field said = field("error", error);
    neap_log_write(l_log_get(L), NEAP_LOG_ERROR, neap_loop_wall_ms(l_loop(L)), message, sizeof message - 1, &said, 1);
}

/* Ends an exchange that nobody has answered. */
static void answer(l_exchange *u, int status, const char *body) {
    static const neap_field type[] = {{"Content-Type", "application/json", 12, 16}};
    neap_exchange *ex = l_exchange_take(u);
    size_t len = strlen(body);
    int rc = u->headed || u->gone ? -1 : 0;
    if (rc == 0) rc = ex->ops->head(ex, status, type, len > 0, (long long)len);
    if (rc == 0 && len > 0 && strcmp(ex->method, "HEAD") != 0) rc = ex->ops->write(ex, body, len);
    u->status = rc < 0 ? 0 : status;
    if (rc < 0) ex->ops->abort(ex);
    else ex->ops->end(ex);
}

/* Is the error on top that of a task which the host has cancelled?                          [-0, +0, m] */
static bool is_cancelled(lua_State *L) {
    bool is = false;
    if (lua_type(L, -1) != LUA_TTABLE) return false;
    lua_pushliteral(L, "kind");
    if (lua_rawget(L, -2) == LUA_TSTRING) is = strcmp(lua_tostring(L, -1), neap_err_kind(NEAP_ECANCELLED)) == 0;
    lua_pop(L, 1);
    return is;
}

/* The task has not answered: a limit has stopped it, the host has cancelled it, or memory is short (L is NULL). */
static void answer_failure(lua_State *L, l_exchange *u, bool failed) {
    char id[ID_SIZE] = "none", body[64];
    bool cancelled = L != NULL && failed && is_cancelled(L);
    bool told = L != NULL && failed && !cancelled && !u->gone;
    if (u->ex == NULL) {
        if (told) log_late_failure(L);
        return;
    }
    if (cancelled) {
        answer(u, 503, "");
        return;
    }
    if (told) log_failure(L, u, luaL_tolstring(L, -1, NULL), id);
    else if (L == NULL && !u->gone) log_failure(u->rt->L, u, "not enough memory", id);
    snprintf(body, sizeof body, "{\"error\":\"internal error\",\"id\":\"%s\"}", id);
    answer(u, 500, body);
}

/* Throws nothing where the task has not failed. */
static void on_done(void *ud, lua_State *L, bool failed, int count) {
    l_exchange *u = ud;
    (void)count;
    answer_failure(L, u, failed);
    if (u->meter != NULL)
        neap_meter_end_exchange(u->meter, u->status, neap_loop_now_ns(u->rt->loop) - u->begun_ns);
    u->task = NULL;
    neap_loop_unpost(u->rt->loop, &u->job);
}

/* Protected: [reference, exchange] -> */
static int start_task(lua_State *L) {
    neap_exchange *ex = lua_touserdata(L, 2);
    l_exchange *u;
    lua_rawgeti(L, LUA_REGISTRYINDEX, lua_tointeger(L, 1));
    u = l_exchange_push(L, ex);
    u->rt = l_runtime_get(L);
    u->job = (neap_job){.run = end_task, .ud = u};
    lua_pushvalue(L, -1);
    lua_insert(L, 1);
    u->task = l_task_start(L, 1, NULL, on_done, u);
    lua_settop(L, 1);
    l_task_keep(L, u->task);
    l_task_plain_done(u->task);
    ex->on_gone = on_gone;
    return 0;
}

int l_handler_start(lua_State *L, int ref, neap_exchange *ex) {
    if (!lua_checkstack(L, 4)) return NEAP_ENOMEM;
    ex->ud = NULL;
    lua_pushcfunction(L, start_task);
    lua_pushinteger(L, ref);
    lua_pushlightuserdata(L, ex);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK) return 0;
    lua_pop(L, 1);
    l_exchange_release(ex);
    return NEAP_ENOMEM;
}

/* --- the module ------------------------------------------------------------------------------- */

static void handle(neap_handler *handler, neap_exchange *ex) {
    l_handler *h = (l_handler *)handler;
    if (h->ref == LUA_NOREF || l_handler_start(h->L, h->ref, ex) < 0) ex->ops->abort(ex);
}

static int l_handler_gc(lua_State *L) {
    l_handler *h = lua_touserdata(L, 1);
    luaL_unref(L, LUA_REGISTRYINDEX, h->ref);
    h->ref = LUA_NOREF;
    return 0;
}

/* handler.new(fn) -> handler: fn(exchange) answers, in a task of its own each              [-1, +1, m] */
static int l_handler_new(lua_State *L) {
    l_handler *h;
    lua_settop(L, 1);
    luaL_argcheck(L, !lua_isnil(L, 1), 1, "a function expected");
    h = lua_newuserdatauv(L, sizeof *h, 0);
    *h = (l_handler){.handler = {handle}, .L = l_runtime_get(L)->L, .ref = LUA_NOREF};
    luaL_setmetatable(L, HANDLER_MT);
    lua_pushvalue(L, 1);
    h->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 1;
}

neap_handler *l_handler_check(lua_State *L, int idx) {
    l_handler *h = luaL_testudata(L, idx, HANDLER_MT);
    return h != NULL ? &h->handler : l_sandbox_check_handler(L, idx);
}

int luaopen_neap_handler(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_handler_gc}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {
        {"new", l_handler_new}, {"answering", l_answer_new}, {"set_handle", l_answer_set_handle}, {NULL, NULL}};
    l_exchange_open(L);
    l_new_class(L, HANDLER_MT, none, metas);
    luaL_newlib(L, funcs);
    return 1;
}
