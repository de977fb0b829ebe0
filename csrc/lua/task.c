/* task.c: tasks, the unit of concurrency: how one begins, is resumed and ends. Lua: neap.native.task. See
 * spec/lua/task_spec.lua.
 *
 * A task is one anchored coroutine. It ends when its function has returned and its children have
 * ended; if it fails or is cancelled, its children are cancelled first. Whoever is resumed is resumed
 * here, in task_step, from a job of the loop. task_wait.c is how one waits, task_left.c how without a coroutine. */
#include <assert.h>
#include <string.h>

#include "stroke.h"
#include "task_own.h"
#include "thread.h"

const char l_task_stray_yield_key;

/* --- the end of a task --------------------------------------------------------------------- */

static void list_add(l_task_list *list, l_task *t) {
    t->next = NULL;
    t->prev = list->last;
    if (list->last != NULL) list->last->next = t;
    else list->first = t;
    list->last = t;
}

static void list_remove(l_task_list *list, l_task *t) {
    if (t->prev != NULL) t->prev->next = t->next;
    else list->first = t->next;
    if (t->next != NULL) t->next->prev = t->prev;
    else list->last = t->prev;
    t->next = t->prev = NULL;
}

/* It is none of those any more that have not ended; a child stays in its parent's list, which hears of it. */
static void unlink_task(l_task *t) {
    if (t->parent == NULL) list_remove(&t->rt->roots, t);
    t->rt->task_count--;
}

static void complete_waiters(l_task *t) {
    task_waiter *w = t->waiters;
    t->waiters = NULL;
    while (w != NULL) {
        task_waiter *next = w->next;
        w->task = NULL;
        t->observed |= w->observes;
        l_op_complete(w->op);
        w = next;
    }
}

/* Lets another task have its coroutine if nothing of this one is left there. Allocates nothing. */
static void give_coroutine(l_task *t) {
    if (t->outcome != OUTCOME_OK || t->nresults > 0 || t->shown || t->rt->idle_list == 0) return;
    if (t->co != NULL) l_task_leave_thread(t);
}

/* Lets the collector have it. */
static void release(l_task *t) {
    give_coroutine(t);
    luaL_unref(t->rt->L, LUA_REGISTRYINDEX, t->anchor); /* existing keys: allocates nothing */
    t->anchor = LUA_NOREF;
}

int l_task_push_cancelled(lua_State *L) {
    return l_failf(L, NEAP_ECANCELLED, "the task was cancelled");
}

/* Throws if a script has closed or resumed a coroutine that had ended, and with it what is on its stack: it may
 * have kept it by coroutine.running. */
static void check_results(lua_State *L, const l_task *t, int count) {
    if (lua_gettop(t->co) < count) luaL_error(L, "the task's coroutine was closed, and its results with it");
}

void l_task_copy_results(lua_State *L, int idx) {
    const l_task *t = lua_touserdata(L, idx);
    int i, count = t->nresults;
    if (count == 0) return;
    if (t->co == NULL) {
        lua_getiuservalue(L, idx, USER_COROUTINE);
        return;
    }
    check_results(L, t, count);
    luaL_checkstack(L, count + 1, "too many results");
    if (!lua_checkstack(t->co, count)) luaL_error(L, "stack overflow (too many results)");
    for (i = 0; i < count; i++) lua_pushvalue(t->co, lua_gettop(t->co) - count + 1);
    lua_xmove(t->co, L, count);
}

/* Protected call around on_done: [task] -> results for the callback. */
static int call_done(lua_State *L) {
    l_task *t = lua_touserdata(L, 1);
    int count = t->nresults;
    l_task_push(L, t);
    if (t->outcome == OUTCOME_CANCELLED) {
        (void)l_task_push_cancelled(L);
        t->on_done(t->ud, L, true, 1);
        return 0;
    }
    l_task_copy_results(L, 2);
    t->on_done(t->ud, L, t->outcome != OUTCOME_OK, count);
    return 0;
}

/* The same after a failure of call_done: [task, error]. */
static int call_done_failed(lua_State *L) {
    const l_task *t = lua_touserdata(L, 1);
    t->on_done(t->ud, L, true, 1);
    return 0;
}

bool l_task_call_in_stroke(l_runtime *rt, int nargs) {
    l_stroke stroke;
    int status;
    l_stroke_begin(rt, &stroke, rt->L);
    status = lua_pcall(rt->L, nargs, 0, 0);
    l_stroke_end(rt, &stroke);
    return status == LUA_OK;
}

static void tell_done(const l_task *t) {
    lua_State *L = t->rt->L;
    if (t->on_done == NULL) return;
    if (t->done_is_plain && t->outcome == OUTCOME_OK && t->nresults == 0) {
        t->on_done(t->ud, L, false, 0);
        return;
    }
    lua_pushcfunction(L, call_done);
    lua_pushlightuserdata(L, (void *)t);
    if (l_task_call_in_stroke(t->rt, 1)) return;
    lua_pushcfunction(L, call_done_failed);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, (void *)t);
    lua_insert(L, -2);
    if (l_task_call_in_stroke(t->rt, 2)) return;
    lua_pop(L, 1);
    t->on_done(t->ud, NULL, true, 0);
}

/* Takes the value at the top of child's stack over as the parent's own failure. */
static int adopt_failure(lua_State *L) {
    l_task *child = lua_touserdata(L, 1), *parent = lua_touserdata(L, 2);
    if (!lua_checkstack(parent->co, 1)) luaL_error(L, "not enough memory");
    l_task_push(L, parent);
    l_task_push(L, child);
    lua_getiuservalue(L, 4, USER_TRACEBACK);
    lua_setiuservalue(L, 3, USER_TRACEBACK);
    l_task_copy_results(L, 4);
    lua_xmove(L, parent->co, 1);
    return 0;
}

static void adopt(l_task *parent, l_task *child) {
    lua_State *L = parent->rt->L;
    lua_pushcfunction(L, adopt_failure);
    lua_pushlightuserdata(L, child);
    lua_pushlightuserdata(L, parent);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) { /* then parent fails with that */
        lua_settop(parent->co, 0);
        lua_xmove(L, parent->co, 1);
    }
    child->observed = true;
    parent->outcome = OUTCOME_ERROR;
    parent->nresults = 1;
}

/* Somebody has seen how t ended: its failure no longer becomes its parent's. */
void l_task_observe(l_task *t) {
    t->observed = true;
    if (t->state != TASK_ENDED || t->parent == NULL) return;
    list_remove(&t->parent->failed, t);
    t->parent = NULL;
    release(t);
}

static void task_end(l_task *t);

bool l_task_is_descendant(const l_task *t, const l_task *ancestor) {
    for (t = t->parent; t != NULL; t = t->parent) {
        if (t == ancestor) return true;
    }
    return false;
}

/* Those that run, or wait for one that does, only take note: they stay in the list. The parent does
 * not end in here; end_if_alone follows. */
static void cancel_children(l_task *parent) {
    l_task *t = parent->live.first;
    bool busy = parent->busy;
    parent->stop_children = parent->busy = true;
    while (t != NULL) {
        if (t->cancel_asked) {
            t = t->next;
        } else {
            l_task_cancel(t);
            t = parent->live.first; /* ending one may have ended others */
        }
    }
    parent->busy = busy;
}

static void end_if_alone(l_task *t) {
    if (t->state == TASK_ENDING && !t->busy && t->live.first == NULL) task_end(t);
}

/* A child has ended: its unobserved failure becomes the parent's, at the latest when the parent's
 * function is over, and the last child lets an ending parent end. */
static void child_ended(l_task *parent, l_task *child) {
    bool lost = child->outcome == OUTCOME_ERROR && !child->observed;
    list_remove(&parent->live, child);
    if (lost && parent->state != TASK_ENDING) {
        list_add(&parent->failed, child);
        return;
    }
    if (lost && parent->outcome == OUTCOME_OK) {
        adopt(parent, child);
        cancel_children(parent);
    }
    child->parent = NULL;
    release(child);
    end_if_alone(parent);
}

/* The task is over, children too: tell everybody, let the collector have it. */
static void task_end(l_task *t) {
    if (t->state == TASK_ENDED) return;
    t->state = TASK_ENDED;
    unlink_task(t);
    neap_loop_unpost(t->rt->loop, &t->job);
    while (t->failed.first != NULL) l_task_observe(t->failed.first);
    complete_waiters(t);
    tell_done(t);
    if (t->parent != NULL) child_ended(t->parent, t);
    else release(t);
}

/* Its function has returned. */
static void task_returned(l_task *t, int nresults) {
    l_task_stop_waiting(t);
    t->nresults = nresults;
    t->outcome = OUTCOME_OK;
    t->state = TASK_ENDING;
    if (t->failed.first != NULL) adopt(t, t->failed.first);
    if (t->outcome != OUTCOME_OK || t->cancel_asked) cancel_children(t);
    end_if_alone(t);
}

/* Closes what was left, too, if that is known to nobody else. */
static bool close_both(l_task *t) {
    bool ok = t->co == NULL || l_stroke_close(t->rt, t->co);
    if (!t->has_left || l_task_close_left(t)) return ok;
    if (t->co != NULL || t->outcome == OUTCOME_ERROR) { /* it has failed already */
        lua_pop(t->rt->L, 1);
        return ok;
    }
    l_task_set(t->rt->L, t, USER_COROUTINE);
    return false;
}

/* Runs the pending <close> variables, which cannot wait, and empties the coroutine. False: an error is left, on its
 * stack or in its place, the one it had failed with or one of theirs. */
static bool close_thread(l_task *t) {
    l_task *current = t->rt->current;
    bool ok;
    t->rt->current = NULL;
    t->busy = true;
    ok = close_both(t);
    t->busy = false;
    t->rt->current = current;
    return ok;
}

void l_task_cancel(l_task *t) {
    if (t->state == TASK_ENDED) return;
    t->cancel_asked = true;
    if (t->state == TASK_RUNNING) return; /* task_step sees to it at the next yield */
    if (t->state == TASK_ENDING) {
        if (!t->stop_children) cancel_children(t);
        end_if_alone(t);
        return;
    }
    neap_loop_unpost(t->rt->loop, &t->job);
    l_task_stop_waiting(t);
    t->state = TASK_ENDING;
    t->outcome = OUTCOME_CANCELLED;
    cancel_children(t);
    t->nresults = 0;
    if (!close_thread(t)) {
        t->nresults = 1;
        t->outcome = OUTCOME_ERROR;
    }
    end_if_alone(t);
}

static void cancel_step(neap_job *job) {
    l_task_cancel(job->ud);
}

void l_task_cancel_soon(l_task *t) {
    if (t->state == TASK_ENDED) return;
    if (t->state == TASK_RUNNING) {
        t->cancel_asked = true;
        return;
    }
    t->job.run = cancel_step; /* in place of its next step, should that be queued */
    neap_loop_post(t->rt->loop, &t->job);
}

/* --- running ------------------------------------------------------------------------------- */

/* [task, child] -> [+1]: the traceback of child's failure, if that is what t has failed with; else
 * nil. */
static int push_raised_traceback(lua_State *L, const l_task *t, int child_idx) {
    const l_task *child = lua_touserdata(L, child_idx);
    bool has_error = child != NULL && child->co != NULL && lua_gettop(child->co) > 0;
    int same = 0;
    if (has_error && lua_checkstack(child->co, 1) && lua_checkstack(t->co, 1)) {
        lua_pushvalue(child->co, -1);
        lua_xmove(child->co, t->co, 1);
        same = lua_rawequal(t->co, -1, -2);
        lua_pop(t->co, 1);
    }
    if (!same) return 0;
    return lua_getiuservalue(L, child_idx, USER_TRACEBACK) == LUA_TSTRING;
}

/* [task] -> ; keeps the traceback, behind that of the awaited task that the failure came from. */
static int keep_traceback(lua_State *L) {
    l_task *t = lua_touserdata(L, 1);
    l_task_push(L, t);
    lua_getiuservalue(L, 2, USER_RAISED);
    if (push_raised_traceback(L, t, 3)) {
        lua_pushliteral(L, "\nawaited by another task, ");
        luaL_traceback(L, t->co, NULL, 0);
        lua_concat(L, 3);
    } else {
        luaL_traceback(L, t->co, NULL, 0);
    }
    lua_setiuservalue(L, 2, USER_TRACEBACK);
    return 0;
}

/* The part that all failures have in common; what is in its coroutine is still to be closed. */
static void begin_failure(l_task *t) {
    lua_State *L = t->rt->L;
    l_task_stop_waiting(t);
    lua_pushcfunction(L, keep_traceback);
    lua_pushlightuserdata(L, t);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
    t->state = TASK_ENDING;
    t->outcome = OUTCOME_ERROR;
    t->nresults = 1;
    cancel_children(t); /* before what they may use is closed */
}

/* An error ended it, or it has yielded what only a coroutine may: then no error is there yet. */
static void task_failed(l_task *t) {
    begin_failure(t);
    if (close_thread(t)) lua_rawgetp(t->co, LUA_REGISTRYINDEX, &l_task_stray_yield_key);
    l_task_settle_failed(t);
    end_if_alone(t);
}

/* The limit of time ended it, wherever it was: even if its function has returned meanwhile. */
static void task_stopped(l_task *t, l_stroke *stroke) {
    lua_State *L = t->rt->L;
    if (lua_checkstack(t->co, 1)) lua_pushnil(t->co); /* in place of an error */
    begin_failure(t);
    close_thread(t);
    lua_settop(t->co, 0);
    lua_pushcfunction(L, l_stroke_error);
    lua_pushlightuserdata(L, stroke);
    lua_pcall(L, 1, 1, 0); /* without memory it says that */
    lua_xmove(L, t->co, 1);
    l_task_settle_failed(t);
    end_if_alone(t);
}

static void task_yielded(l_task *t, int nresults) {
    bool ours = nresults == 1 && lua_touserdata(t->co, -1) == (const void *)&l_task_sentinel;
    lua_pop(t->co, nresults);
    t->state = TASK_WAITING;
    if (t->cancel_asked) {
        l_task_cancel(t);
    } else if (!ours) {
        task_failed(t);
    } else if (t->op == NULL || t->op->done) { /* completed between the await and here */
        l_task_wake(t);
    }
}

/* There was no memory for its coroutine. */
static void task_lost(l_task *t) {
    t->state = TASK_ENDING;
    t->outcome = OUTCOME_ERROR;
    t->nresults = 1;
    cancel_children(t);
    (void)close_thread(t);
    l_task_settle_failed(t);
    end_if_alone(t);
}

static void task_left(l_task *t) {
    l_task_leave_thread(t);
    t->state = TASK_WAITING;
    if (t->cancel_asked) l_task_cancel(t);
    else if (t->op == NULL || t->op->done) l_task_wake(t);
}

static void task_step(neap_job *job) {
    l_task *t = job->ud;
    l_task *outer = t->rt->current;
    l_stroke stroke;
    int status, nresults = 0, nargs;
    if (t->co == NULL && !l_task_take_thread(t)) {
        task_lost(t);
        return;
    }
    nargs = t->nargs;
    t->nargs = 0;
    t->state = TASK_RUNNING;
    t->rt->current = t;
    l_stroke_begin(t->rt, &stroke, t->co);
    status = lua_resume(t->co, t->rt->L, nargs, &nresults);
    l_stroke_end(t->rt, &stroke);
    t->rt->current = outer;
    if (stroke.stopped) {
        task_stopped(t, &stroke);
    } else if (status == LUA_YIELD) {
        task_yielded(t, nresults);
    } else if (status == LUA_OK && l_task_has_left(t, nresults)) {
        task_left(t);
    } else if (status == LUA_OK) {
        task_returned(t, nresults);
    } else {
        task_failed(t);
    }
}

static const char task_tag;

/* As in flow_call.c: cheaper than luaL_checkudata, and as safe. */
l_task *l_task_check(lua_State *L, int idx) {
    l_task *t = lua_touserdata(L, idx);
    if (t != NULL && lua_rawlen(L, idx) == sizeof *t && t->tag == &task_tag) return t;
    return luaL_checkudata(L, idx, TASK_MT);
}

static void link_task(l_task *t, l_task *parent) {
    t->rt->task_count++;
    t->rt->tasks_started++;
    t->parent = parent;
    list_add(parent != NULL ? &parent->live : &t->rt->roots, t);
}

l_task *l_task_start(lua_State *L, int nargs, l_task *parent, l_task_done on_done, void *ud) {
    l_runtime *rt = l_runtime_get(L);
    int fn = lua_gettop(L) - nargs;
    l_task *t = lua_newuserdatauv(L, sizeof *t, USER_VALUES);
    memset(t, 0, sizeof *t);
    t->tag = &task_tag;
    t->rt = rt;
    t->anchor = LUA_NOREF;
    t->state = TASK_ENDED; /* until it is linked: the collector finds nothing to do */
    luaL_setmetatable(L, TASK_MT);
    t->co = l_thread_push(L, rt);
    lua_setiuservalue(L, -2, USER_COROUTINE);
    if (!lua_checkstack(t->co, nargs + 1)) luaL_error(L, "stack overflow (too many arguments)");
    t->anchor = luaL_ref(L, LUA_REGISTRYINDEX); /* until the end; nothing throws from here on */
    lua_xmove(L, t->co, nargs + 1);
    assert(lua_gettop(L) == fn - 1);
    (void)fn;
    t->nargs = nargs;
    t->on_done = on_done;
    t->ud = ud;
    t->job.run = task_step;
    t->job.ud = t;
    link_task(t, parent);
    t->state = TASK_READY;
    neap_loop_post(rt->loop, &t->job);
    return t;
}

void l_task_plain_done(l_task *t) {
    t->done_is_plain = true;
}

void l_task_push(lua_State *L, l_task *t) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->anchor);
}

void l_task_set(lua_State *L, l_task *t, int user_value) {
    l_task_push(L, t);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, user_value);
    lua_pop(L, 1);
}

void l_task_keep(lua_State *L, l_task *t) {
    l_task_set(L, t, USER_KEPT);
}

void l_task_push_traceback(lua_State *L, l_task *t) {
    l_task_push(L, t);
    if (lua_isnil(L, -1)) return;
    if (lua_getiuservalue(L, -1, USER_TRACEBACK) != LUA_TSTRING) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_remove(L, -2);
}

void l_runtime_end_all(l_runtime *rt) {
    l_task *t;
    while ((t = rt->roots.last) != NULL) {
        while (t->state == TASK_ENDING && t->live.first != NULL) t = t->live.first;
        if (t->state == TASK_RUNNING) break; /* the state closes under a running task: no more to do */
        l_task_cancel(t);
    }
}

/* Only roots have somebody to be told. */
void l_runtime_cancel_all(l_runtime *rt) {
    for (l_task *t = rt->roots.first; t != NULL; t = t->next) t->on_done = NULL;
    l_runtime_end_all(rt);
}

/* Ends a task without children, without running anything of it, nor telling anybody: the state closes. */
static void drop(l_task *t) {
    t->on_done = NULL;
    neap_loop_unpost(t->rt->loop, &t->job);
    l_task_stop_waiting(t);
    unlink_task(t);
    if (t->parent != NULL) list_remove(&t->parent->live, t);
    t->parent = NULL;
    t->state = TASK_ENDED;
}

void l_runtime_drop_all(l_runtime *rt) {
    l_task *t;
    while ((t = rt->roots.last) != NULL) {
        while (t->live.first != NULL) t = t->live.first;
        drop(t);
    }
}
