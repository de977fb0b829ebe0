/* task_left.c: waiting without a coroutine, which is half of what a waiting call needs. It serves nothing where only the
 * call is left on its stack, as the script's function has ended with `return vendor:endpoint{ ... }`: then the call
 * returns, too, and leaves an object with which the task goes on once the wait is over. See l_leave, and
 * spec/lua/left_spec.lua.
 *
 * A coroutine closes what it has to; here the task has to see to it that the object is closed, wherever an error comes
 * (memory, the limit of time): from l_leave until it has waited again, when the object's own frame is on the stack. */
#include "task_own.h"
#include "thread.h"

/* Its address is what a function that leaves returns. */
static const char left;

/* --- work ---------------------------------------------------------------------------------- */

static int work_told(lua_State *L, int status, lua_KContext ctx) {
    (void)L, (void)status, (void)ctx;
    return 0;
}

/* [values, or the error] -> settle, object, how it ended, values */
static void push_settle(lua_State *L, l_task *t, bool ok) {
    luaL_checkstack(L, 4, "too many results");
    l_task_push(L, t);
    lua_getiuservalue(L, -1, USER_ATTACHED);
    lua_getfield(L, -1, "settle");
    lua_replace(L, -3);
    lua_pushboolean(L, ok);
    lua_rotate(L, 1, 3);
}

/* [values, or the error] */
static int work_done(lua_State *L, int status, lua_KContext ctx) {
    (void)ctx;
    if (lua_touserdata(L, 1) == (const void *)&left) return 1;
    push_settle(L, l_runtime_get(L)->current, status == LUA_OK || status == LUA_YIELD);
    lua_callk(L, lua_gettop(L) - 1, 0, 0, work_told);
    return 0;
}

/* What is at the bottom of a task that works for somebody: [function, arguments] -> . Yields. */
static int l_task_work(lua_State *L) {
    int status = lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, work_done);
    return work_done(L, status, 0);
}

/* task.spawn_work(owner, parent, fn, ...) -> task: a child of a task whose function is not over, with `owner` attached
 * to it. However fn ends, except by being cancelled, the task calls owner:settle(ok, what fn returned or raised); once
 * more with the error if that fails.
 *                                                                                     [-n, +1, e] */
int l_task_spawn_work(lua_State *L) {
    l_task *parent = l_task_check(L, 2), *t;
    luaL_argcheck(L, parent->state < TASK_ENDING, 2, "the task has ended");
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_pushcfunction(L, l_task_work);
    lua_insert(L, 3);
    t = l_task_start(L, lua_gettop(L) - 3, parent, NULL, NULL);
    t->is_work = true;
    l_task_push(L, t);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, USER_ATTACHED);
    return 1;
}

/* --- leaving ------------------------------------------------------------------------------- */

bool l_may_leave(lua_State *L) {
    const l_task *current = l_runtime_get(L)->current;
    lua_Debug ar;
    if (current == NULL || current->co != L || current->shown || current->op != NULL) return false;
    if (!lua_isyieldable(L)) return false; /* a finaliser, which may be at the bottom, too */
    return !lua_getstack(L, current->is_work ? 3 : 2, &ar); /* the native, its caller, l_task_work */
}

int l_leave(lua_State *L, int idx, int object, l_op *op) {
    l_task *current = l_runtime_get(L)->current;
    l_task_wait_for(current, L, idx, op);
    lua_pushvalue(L, object);
    l_task_set(L, current, USER_LEFT);
    current->has_left = true;
    lua_pushlightuserdata(L, (void *)&left);
    return 1;
}

void l_task_forget_left(l_task *t) {
    if (!t->has_left) return;
    t->has_left = false;
    lua_pushnil(t->rt->L);
    l_task_set(t->rt->L, t, USER_LEFT);
}

bool l_task_has_left(const l_task *t, int nresults) {
    return nresults == 1 && lua_touserdata(t->co, -1) == (const void *)&left;
}

void l_task_leave_thread(l_task *t) {
    lua_State *L = t->rt->L;
    lua_settop(t->co, 0);
    t->co = NULL;
    l_task_push(L, t);
    lua_getiuservalue(L, -1, USER_COROUTINE);
    l_thread_keep(L, t->rt);
    lua_pushnil(L);
    lua_setiuservalue(L, -2, USER_COROUTINE);
    lua_pop(L, 1);
}

/* --- going on ------------------------------------------------------------------------------ */

/* Protected: [task] -> ; a coroutine for the task, with the object on its stack. */
static int take_thread(lua_State *L) {
    l_task *t = lua_touserdata(L, 1);
    lua_State *co;
    l_task_push(L, t);
    co = l_thread_push(L, t->rt);
    if (t->is_work) lua_pushcfunction(co, l_task_work);
    lua_getiuservalue(L, 2, USER_LEFT);
    lua_xmove(L, co, 1);
    lua_setiuservalue(L, 2, USER_COROUTINE);
    t->co = co;
    t->nargs = t->is_work ? 1 : 0;
    return 0;
}

bool l_task_take_thread(l_task *t) {
    lua_State *L = t->rt->L;
    l_task_waited(t, L);
    lua_pushcfunction(L, take_thread);
    lua_pushlightuserdata(L, t);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK) return true;
    l_task_set(L, t, USER_COROUTINE);
    return false;
}

/* --- ends ---------------------------------------------------------------------------------- */

/* Protected: [object, has the task failed?] -> ; calls its __close. */
static int close_object(lua_State *L) {
    if (!luaL_getmetafield(L, 1, "__close")) return 0;
    lua_insert(L, 1);
    lua_call(L, 2, 0);
    return 0;
}

bool l_task_close_left(l_task *t) {
    lua_State *L = t->rt->L;
    lua_pushcfunction(L, close_object);
    l_task_push(L, t);
    lua_getiuservalue(L, -1, USER_LEFT);
    lua_remove(L, -2);
    if (t->outcome == OUTCOME_ERROR) lua_pushboolean(L, 1);
    else lua_pushnil(L);
    l_task_forget_left(t);
    return l_task_call_in_stroke(t->rt, 2);
}

/* Protected: [task] -> . */
static int settle_failed(lua_State *L) {
    l_task *t = lua_touserdata(L, 1);
    l_task_push(L, t);
    l_task_copy_results(L, 2);
    lua_rotate(L, 1, 1);
    lua_settop(L, 1);
    push_settle(L, t, false);
    lua_call(L, 3, 0);
    return 0;
}

void l_task_settle_failed(l_task *t) {
    lua_State *L = t->rt->L;
    if (!t->is_work) return;
    lua_pushcfunction(L, settle_failed);
    lua_pushlightuserdata(L, t);
    if (!l_task_call_in_stroke(t->rt, 1)) lua_pop(L, 1);
}
