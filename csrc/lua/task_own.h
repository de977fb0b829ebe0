/* task_own.h: the record of a task, for the files that are tasks: task.c (its life), task_wait.c
 * (waiting for anything), task_left.c (without a coroutine), task_await.c (for others), task_run.c (the module, and
 * running a root task) and loop.c (root tasks of a host that is a Lua program). */
#ifndef NEAP_LUA_TASK_OWN_H
#define NEAP_LUA_TASK_OWN_H

#include "runtime.h"
#include "task.h"

#define TASK_MT "neap.Task"

typedef enum task_state {
    TASK_READY,   /* will be resumed by its job */
    TASK_RUNNING, /* is being resumed */
    TASK_WAITING, /* yielded; its op or its last child will wake it */
    TASK_ENDING,  /* function is over, children are not */
    TASK_ENDED,
} task_state;

typedef enum task_outcome { OUTCOME_OK, OUTCOME_ERROR, OUTCOME_CANCELLED } task_outcome;

/* The userdata itself. User value 1: the coroutine; of a task that has ended without one the error, if there is one; 2:
 * the awaited task whose failure was last raised here, after a failure of its own the traceback (string); 3: the
 * userdata of op; 4: what is attached to it; 5: what its on_done needs; 6: what it was left with, see has_left. */
enum {
    USER_COROUTINE = 1,
    USER_RAISED,
    USER_TRACEBACK = USER_RAISED,
    USER_OP,
    USER_ATTACHED,
    USER_KEPT,
    USER_LEFT,
    USER_VALUES = USER_LEFT
};

struct l_task {
    const void *tag;    /* l_task_check's, for ever: the collector runs nothing of it */
    l_runtime *rt;
    lua_State *co;      /* borrowed from user value 1; results or error stay on its stack; NULL: there are none, or it
                         * waits without one */
    l_task *parent;     /* NULL for a root, and after the end, unless in the parent's `failed` */
    l_task_list live;   /* children that have not ended */
    l_task_list failed; /* ended children whose failure nobody has observed, still anchored */
    l_task *next, *prev; /* in one of the parent's two lists; the runtime's while it has not ended, without a parent */
    l_op *op;           /* what it waits for, until it is resumed; op->task is this task */
    struct task_waiter *waiters; /* who awaits it */
    neap_job job;       /* queued while READY */
    l_task_done on_done;
    void *ud;           /* of on_done */
    int anchor;         /* its place in the registry until it has ended: in the order of starting, in which the
                         * collector goes through many tasks three times as fast as in that of a hash */
    int nargs;          /* for the first resume */
    int nresults;       /* on co's stack at the end */
    uint8_t state;      /* task_state */
    uint8_t outcome;    /* task_outcome */
    bool cancel_asked;  /* while running */
    bool observed;      /* somebody awaited the failure, or took it over */
    bool stop_children; /* cancel what is left of them: failure or cancellation */
    bool busy;          /* being ended: its children go, its <close> variables run */
    bool shown;         /* a script may have its coroutine */
    bool done_is_plain; /* see l_task_plain_done */
    bool has_left;      /* the object in USER_LEFT (l_leave) is what it goes on with, or has gone on with and not waited
                         * since: nobody but the task may know yet that it is to be closed */
    bool is_work;       /* what is attached to it is told how its function has ended: see task_left.c */
};

/* One who waits for the end of a task. */
typedef struct task_waiter {
    l_op *op;                 /* to be completed */
    l_task *task;             /* NULL: not, or no longer, in its list of waiters */
    struct task_waiter *next;
    bool observes;            /* takes the outcome over; see l_task.observed */
} task_waiter;

/* The task at idx. THROWS if it is something else. */
l_task *l_task_check(lua_State *L, int idx);
/* Is t below `ancestor`? */
bool l_task_is_descendant(const l_task *t, const l_task *ancestor);
/* Somebody took the outcome over: it is no failure of the parent's any more. */
void l_task_observe(l_task *t);
/* Pushes nil and the error of a cancelled task; returns 2. May throw. */
int l_task_push_cancelled(lua_State *L);
/* Copies the results, or the error, of the ended task at idx to L. May throw. */
void l_task_copy_results(lua_State *L, int idx);

/* Sets that user value of a task that has not been let go: the value on top, which it pops. Allocates nothing. */
void l_task_set(lua_State *L, l_task *t, int user_value);

/* Stops what it waits for. */
void l_task_stop_waiting(l_task *t);
/* It waits for op, part of the userdata at idx of L. Allocates nothing. */
void l_task_wait_for(l_task *t, lua_State *L, int idx, l_op *op);
/* That is over: task and op, if it still has one, let go of each other. Allocates nothing. */
void l_task_waited(l_task *t, lua_State *L);
/* [function, arguments] on the main stack -> [error if it fails]; what is called may be the script's. */
bool l_task_call_in_stroke(l_runtime *rt, int nargs);
/* Has it resumed soon. */
void l_task_wake(l_task *t);

/* Has its function, which has returned that many values, left (l_leave)? Then it has no coroutine any more after
 * l_task_leave_thread, which allocates nothing, and one again after l_task_take_thread; false: no memory for it, the
 * error is in its place. */
bool l_task_has_left(const l_task *t, int nresults);
void l_task_leave_thread(l_task *t);
bool l_task_take_thread(l_task *t);
/* Closes the object that it has left; of a task that has failed perhaps once more. False: the error of that is on top of
 * the main stack. Never throws. */
bool l_task_close_left(l_task *t);
/* Lets go of it: it is known to whoever runs. */
void l_task_forget_left(l_task *t);
/* Tells whom it works for of its failure, perhaps once more. Never throws. */
void l_task_settle_failed(l_task *t);

/* Its address is the value that a waiting native yields. */
extern const char l_task_sentinel;
/* Registry key of the message of a task that yields what only a coroutine may; ready made, for it is
 * needed where nothing may fail. */
extern const char l_task_stray_yield_key;
/* Registry key of the coroutines that neap.coroutine is running: coroutine -> true, weak. */
extern const char l_task_passing_key;

/* Functions of the module, defined in task_await.c. */
int l_task_spawn(lua_State *L);
int l_task_spawn_work(lua_State *L);
int l_task_detach(lua_State *L);
int l_task_await(lua_State *L);
int l_task_first(lua_State *L);
/* Makes the class of waits. */
void l_task_open_waits(lua_State *L);

#endif
