/* task.h: tasks for C: what the public API and the sandbox need of task.c. */
#ifndef NEAP_LUA_TASK_H
#define NEAP_LUA_TASK_H

#include "l_common.h"

/* Called when a task has ended, from a job of the loop; the results (or the error value when failed) are
 * on top of L's stack, `count` of them, and are popped afterwards. Protected: if it throws, or memory
 * ends on the way to it, it is called again with what was thrown as the failure; if that throws too, a
 * last time with L NULL and no results, where it must not throw. */
typedef void (*l_task_done)(void *ud, lua_State *L, bool failed, int count);

/* Starts a task from a function and nargs arguments on top of L's stack; pops them. It runs from the
 * loop, never now. parent NULL: a root task. The task is borrowed, alive until on_done was called.
 * May throw (memory). */
l_task *l_task_start(lua_State *L, int nargs, l_task *parent, l_task_done on_done, void *ud);
/* Its on_done throws nothing where there are no results: then it is called without protection, which costs as much as
 * starting the task. */
void l_task_plain_done(l_task *task);
/* Cancels; on_done gets an error of kind `cancelled`. Never throws. */
void l_task_cancel(l_task *task);
/* The same from a job of the loop: nothing of the task runs before it, nor in here. Never throws. */
void l_task_cancel_soon(l_task *task);
/* Pushes the userdata of a task that has not ended. */
void l_task_push(lua_State *L, l_task *task);
/* Keeps the value on top alive until on_done of that task was called; pops it, and the one kept before is let go.
 * Never throws. */
void l_task_keep(lua_State *L, l_task *task);
/* Pushes the traceback kept when a task failed, across the tasks that started it; nil if none. */
void l_task_push_traceback(lua_State *L, l_task *task);

#endif
