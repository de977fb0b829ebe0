/* l_common.h: what every binding shares; the only header that includes lua.h.
 *
 * Waiting. A native that waits embeds an l_op in its userdata, starts its operation, and ends with
 * `return l_await(L, idx, &u->op);`. The core's callback calls l_op_complete; the task is resumed from
 * the loop's job queue and the native's `push` leaves the results. Completion before the await is fine.
 * Cancelling a task calls the op's `cancel`; after that neither push nor a resume follows. While a
 * task waits it keeps the userdata alive, so whatever else the operation touches must be kept alive by
 * the userdata (user values), not by the stack of a coroutine that others may close. */
#ifndef NEAP_LUA_COMMON_H
#define NEAP_LUA_COMMON_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "../core/err.h"
#include "../core/loop.h"

typedef struct l_runtime l_runtime; /* one per lua_State; see runtime.h */
typedef struct l_task l_task;       /* one anchored coroutine; see task.c */

/* The runtime of a state, and its loop. Borrowed; live as long as the state. */
l_runtime *l_runtime_get(lua_State *L);
neap_loop *l_loop(lua_State *L);

/* One pending wait of one task. Embedded in a userdata. */
typedef struct l_op {
    l_task *task;                             /* who waits, or has yet to wake; NULL: nobody (yet) */
    bool done;                                /* completed, maybe before anybody waits */
    void (*cancel)(struct l_op *);            /* stops the operation; must not throw, may come once */
    int (*push)(lua_State *L, struct l_op *); /* pushes results, returns their count; may throw */
} l_op;

/* THROWS "cannot wait here: ..." outside a task or across a C boundary. Call it before starting an
 * operation that would be lost. */
void l_check_can_wait(lua_State *L);
/* Waits for op, part of the userdata at idx, as the tail call of a native. THROWS if another task waits
 * on the same op. Yields. */
int l_await(lua_State *L, int idx, l_op *op);
/* May the Lua function that calls this native end now and wait without its coroutine? It may where the task would end
 * with it: there is no other function on the stack. */
bool l_may_leave(lua_State *L);
/* Waits for op, which nobody waits for, part of the userdata at idx, without a coroutine: the native returns what this
 * pushes, a light userdata, and the function that called it has to return that at once. Once op is done the task goes on
 * with object(), in another coroutine; op is not asked for its results. If it is cancelled instead it calls the object's
 * __close(object, nil); if it fails before the object has waited again __close(object, true), perhaps a second time.
 * Only where l_may_leave allows it; never throws. */
int l_leave(lua_State *L, int idx, int object, l_op *op);
/* Marks done and queues the waiting task, if any. From core callbacks; never throws. */
void l_op_complete(l_op *op);
/* Makes an op ready for its next use; op->task must be NULL: check, for scripts share objects. */
void l_op_reset(l_op *op);
/* The op's userdata is being finalised, and its operation is over: at lua_close that may come before
 * the end of the task that waits. For __gc; never throws. */
void l_op_forget(l_op *op);

/* Pushes nil and an error object (class neap.Error with kind and message). Returns 2; may throw
 * out of memory. NEAP_ENOMEM raises Lua's own memory error. */
int l_fail(lua_State *L, const neap_err *err);
/* The same from a code and a formatted message. */
int l_failf(lua_State *L, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Pushes only the error object. */
void l_push_error(lua_State *L, const neap_err *err);

/* Seconds (a number, not NaN, >= 0, at most 1e9) at idx, as nanoseconds or milliseconds, rounded up.
 * THROWS on a wrong type or range. */
int64_t l_check_seconds_ns(lua_State *L, int idx);
int64_t l_check_seconds_ms(lua_State *L, int idx);

/* Makes a metatable `name` (also its __name) with methods as __index and metas. Leaves the stack as
 * it was. */
void l_new_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *metas);
/* The metatable's key of the one error class, made by l_common.c, completed by lua/neap/error.lua. */
#define L_ERROR_MT "neap.Error"

/* Each binding file has one of these; they push the module's table. neap.native.<name> */
int luaopen_neap_json(lua_State *L);
int luaopen_neap_csv(lua_State *L);
int luaopen_neap_check(lua_State *L);
int luaopen_neap_file(lua_State *L);
int luaopen_neap_secret(lua_State *L);
int luaopen_neap_log(lua_State *L);
int luaopen_neap_loop(lua_State *L);
int luaopen_neap_mapping(lua_State *L);
int luaopen_neap_meter(lua_State *L);
int luaopen_neap_task(lua_State *L);
int luaopen_neap_clock(lua_State *L);
int luaopen_neap_flow(lua_State *L);
int luaopen_neap_handler(lua_State *L);
int luaopen_neap_hmac(lua_State *L);
int luaopen_neap_http(lua_State *L);
int luaopen_neap_route(lua_State *L);
int luaopen_neap_sandbox(lua_State *L);
int luaopen_neap_split(lua_State *L);
int luaopen_neap_store(lua_State *L);
int luaopen_neap_url(lua_State *L);
int luaopen_neap_server(lua_State *L); /* only with NEAP_WITH_SERVER */
int luaopen_neap_embed(lua_State *L);
int luaopen_neap_event(lua_State *L);
int luaopen_neap_terminal(lua_State *L);
int luaopen_neap_xml(lua_State *L);

#endif
