/* task_wait.c: how a task waits. A native that waits yields one private sentinel (FEASIBILITY.md 4);
 * lua/neap/coroutine.lua passes it up through coroutines of the script's own. See spec/lua/task_spec.lua. */
#include <assert.h>

#include "task_own.h"

const char l_task_sentinel;
const char l_task_passing_key;

static const char cannot_wait[] =
    "cannot wait here: waiting works in tasks (neap.run, neap.spawn, workflows), not while a module "
    "is being required, in callbacks of table.sort or string.gsub, in __tostring or __gc, nor in a "
    "__close that runs because its task failed or was cancelled";

static const char plain_coroutine[] =
    "cannot wait here: Lua's own coroutine.resume or coroutine.wrap runs this coroutine and would take the "
    "wait for a yielded value; use those of neap.coroutine";

/* Does L pass waits up to its task: is it the task's own, or does neap.coroutine run it? */
static bool passes_waits(lua_State *L, const l_task *current) {
    bool passes = L == current->co;
    if (passes) return true;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &l_task_passing_key);
    lua_pushthread(L);
    lua_rawget(L, -2);
    passes = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return passes;
}

/* Why nothing can wait here; NULL: it can. */
static const char *why_no_wait(lua_State *L) {
    const l_task *current = l_runtime_get(L)->current;
    if (current == NULL || !lua_isyieldable(L)) return cannot_wait;
    return passes_waits(L, current) ? NULL : plain_coroutine;
}

void l_check_can_wait(lua_State *L) {
    const char *why = why_no_wait(L);
    if (why != NULL) luaL_error(L, "%s", why);
}

static int yield_to_loop(lua_State *L, l_op *op);

/* The wait is over, well or not: task and op let go of each other. */
static l_op *detach(l_task *t) {
    l_op *op = t->op;
    t->op = NULL;
    if (op != NULL) op->task = NULL;
    return op;
}

void l_op_forget(l_op *op) {
    if (op->task != NULL) detach(op->task);
}

void l_task_stop_waiting(l_task *t) {
    l_op *op = detach(t);
    if (op != NULL && !op->done) op->cancel(op);
}

void l_task_waited(l_task *t, lua_State *L) {
    lua_pushnil(L);
    l_task_set(L, t, USER_OP);
    (void)detach(t);
}

/* A script that resumes a waiting coroutine by hand, not through the coroutine functions that Neap puts
 * in place, comes here before its time. */
static int await_resumed(lua_State *L, int status, lua_KContext ctx) {
    l_op *op = (l_op *)ctx; /* NOLINT(performance-no-int-to-ptr): Lua's own way to carry it */
    (void)status;
    if (!op->done) {
        if (op->task == NULL) return luaL_error(L, "this wait was given up");
        if (op->task != l_runtime_get(L)->current)
            return luaL_error(L, "another task is waiting in this coroutine");
        return yield_to_loop(L, op);
    }
    if (op->task != NULL) l_task_waited(op->task, L);
    return op->push(L, op);
}

static int yield_to_loop(lua_State *L, l_op *op) {
    lua_pushlightuserdata(L, (void *)&l_task_sentinel);
    return lua_yieldk(L, 1, (lua_KContext)op, await_resumed);
}

void l_task_wait_for(l_task *t, lua_State *L, int idx, l_op *op) {
    lua_pushvalue(L, idx);
    l_task_set(L, t, USER_OP);
    op->task = t;
    t->op = op;
}

int l_await(lua_State *L, int idx, l_op *op) {
    l_task *current = l_runtime_get(L)->current;
    const char *why;
    if (op->task != NULL) return luaL_error(L, "another task is already waiting for this object");
    if (op->done) return op->push(L, op);
    why = why_no_wait(L);
    if (why != NULL) {
        op->cancel(op);
        return luaL_error(L, "%s", why);
    }
    l_task_stop_waiting(current); /* in a coroutine of its own that it has turned its back on */
    l_task_forget_left(current);
    l_task_wait_for(current, L, idx, op);
    return yield_to_loop(L, op);
}

void l_task_wake(l_task *t) {
    if (t->state == TASK_RUNNING) return; /* it looks at op->done before it goes to sleep */
    t->state = TASK_READY;
    neap_loop_post(t->rt->loop, &t->job);
}

void l_op_complete(l_op *op) {
    op->done = true;
    if (op->task != NULL) l_task_wake(op->task);
}

void l_op_reset(l_op *op) {
    assert(op->task == NULL);
    op->done = false;
}
