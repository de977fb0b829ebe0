/* task_await.c: waiting for other tasks: spawn, await, first. Part of neap.native.task. */
#include "task_own.h"

#define WAIT_MT "neap.TaskWait"

/* One `task:await()`, or one task.first(): a userdata. That of an await needs no finaliser, as it is in
 * the list of its task only while the task that waits keeps it (USER_OP): nothing throws between
 * add_waiter and l_await, and what ends the wait takes it out. That of a first may be over while it is
 * still in the lists of the other tasks. */
typedef struct l_wait {
    l_op op;
    size_t count;
    task_waiter waiters[];
} l_wait;

/* task.detach(fn, ...) -> task: a root, which belongs to nobody and outlives who started it: for what
 * others share. Its failure is lost unless somebody awaits it.                          [-n, +1, m] */
int l_task_detach(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    l_task_push(L, l_task_start(L, lua_gettop(L) - 1, NULL, NULL, NULL));
    return 1;
}

/* task.spawn(fn, ...) -> task: a child of the running task, or a root outside. [-n, +1, m] */
int l_task_spawn(lua_State *L) {
    l_runtime *rt = l_runtime_get(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    l_task_push(L, l_task_start(L, lua_gettop(L) - 1, rt->current, NULL, NULL));
    return 1;
}


/* Remembers for the running task's traceback where a failure came from: the task at index 1. */
static void note_raised(lua_State *L) {
    l_task *current = l_runtime_get(L)->current;
    if (current == NULL) return;
    l_task_push(L, current);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, USER_RAISED);
    lua_pop(L, 1);
}

/* Pushes what the ended task at index 1 returned, or raises what it raised. */
static int push_outcome(lua_State *L, l_task *t) {
    l_task_observe(t);
    if (t->outcome == OUTCOME_CANCELLED) return l_task_push_cancelled(L);
    if (t->outcome == OUTCOME_ERROR) note_raised(L);
    l_task_copy_results(L, 1);
    return t->outcome == OUTCOME_ERROR ? lua_error(L) : t->nresults;
}

static int waiter_push(lua_State *L, l_op *op) {
    (void)op;
    return push_outcome(L, l_task_check(L, 1));
}

static void unlink_waiter(task_waiter *w) {
    task_waiter **at;
    if (w->task == NULL) return;
    for (at = &w->task->waiters; *at != w; at = &(*at)->next) continue;
    *at = w->next;
    w->task = NULL;
}

static void wait_cancel(l_op *op) {
    l_wait *u = (l_wait *)op; /* op is its first member */
    size_t i;
    for (i = 0; i < u->count; i++) unlink_waiter(&u->waiters[i]);
}

static int l_wait_gc(lua_State *L) {
    l_wait *u = lua_touserdata(L, 1);
    l_op_forget(&u->op);
    wait_cancel(&u->op);
    return 0;
}

static void add_waiter(l_wait *u, l_task *t, bool observes) {
    task_waiter *w = &u->waiters[u->count++];
    *w = (task_waiter){.op = &u->op, .task = t, .next = t->waiters, .observes = observes};
    t->waiters = w;
}

/* Pushes a wait with room for `count` tasks. */
static l_wait *push_wait(lua_State *L, size_t count, int (*push)(lua_State *, l_op *)) {
    l_wait *u = lua_newuserdatauv(L, sizeof *u + count * sizeof *u->waiters, 0);
    *u = (l_wait){.op = {.cancel = wait_cancel, .push = push}};
    return u;
}

/* Does t, or one that it awaits, and so on, wait for `current`, awaiting it or as its parent? */
static bool waits_for(const l_task *t, const l_task *current) {
    while (t != NULL && t != current && !l_task_is_descendant(current, t)) {
        if (t->op == NULL || t->op->push != waiter_push) return false;
        t = ((const l_wait *)t->op)->waiters[0].task; /* op is its first member */
    }
    return t != NULL;
}

static void check_no_circle(lua_State *L, const l_task *t) {
    if (waits_for(t, l_runtime_get(L)->current))
        luaL_error(L, "a task cannot await itself or a task that waits for it");
}

/* task:await() -> what its function returned | nil, err when it was cancelled; raises what it
 * raised. Yields. */
int l_task_await(lua_State *L) {
    l_task *t = l_task_check(L, 1);
    l_wait *u;
    if (t->state == TASK_ENDED) return push_outcome(L, t);
    l_check_can_wait(L);
    check_no_circle(L, t);
    u = push_wait(L, 1, waiter_push);
    add_waiter(u, t, true);
    return l_await(L, -1, &u->op);
}

/* Task no. i of the list at 1, which keeps it. THROWS if it is none. */
static l_task *task_of(lua_State *L, lua_Integer i) {
    l_task *t;
    lua_rawgeti(L, 1, i);
    t = l_task_check(L, -1);
    lua_pop(L, 1);
    return t;
}

/* Index of the first task of the list at 1 that has ended; 0: none. THROWS unless all are tasks. */
static lua_Integer first_ended(lua_State *L, lua_Integer count) {
    lua_Integer i, found = 0;
    for (i = count; i >= 1; i--) {
        if (task_of(L, i)->state == TASK_ENDED) found = i;
    }
    return found;
}

/* The list may have changed meanwhile: then 0, and the caller looks for himself. */
static int first_push(lua_State *L, l_op *op) {
    wait_cancel(op);
    lua_pushinteger(L, first_ended(L, (lua_Integer)lua_rawlen(L, 1)));
    return 1;
}

/* task.first(list) -> index of a task of the list that has ended, the first of them; waits for one if
 * need be. Its failure stays to be awaited. Yields.                                [-1, +1, e] */
int l_task_first(lua_State *L) {
    lua_Integer i, count, found;
    l_wait *u;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    count = (lua_Integer)lua_rawlen(L, 1);
    luaL_argcheck(L, count > 0, 1, "list of tasks expected");
    found = first_ended(L, count);
    if (found > 0) {
        lua_pushinteger(L, found);
        return 1;
    }
    l_check_can_wait(L);
    u = push_wait(L, (size_t)count, first_push);
    luaL_setmetatable(L, WAIT_MT);
    for (i = 1; i <= count; i++) check_no_circle(L, task_of(L, i));
    for (i = 1; i <= count; i++) add_waiter(u, task_of(L, i), false);
    return l_await(L, -1, &u->op);
}

void l_task_open_waits(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_wait_gc}, {NULL, NULL}};
    l_new_class(L, WAIT_MT, none, metas);
}
