/* runtime.h: what one lua_State has of Neap: its loop, its tasks, its random numbers. */
#ifndef NEAP_LUA_RUNTIME_H
#define NEAP_LUA_RUNTIME_H

#include "../core/random.h"
#include "l_common.h"

/* A list through l_task.next and prev. */
typedef struct l_task_list {
    l_task *first, *last;
} l_task_list;

struct l_runtime {
    lua_State *L;       /* main thread of the state */
    neap_loop *loop;    /* owned if owns_loop, else another runtime's, which outlives this one */
    bool owns_loop;
    l_task *current;    /* the task that runs now; NULL outside */
    l_task_list roots;  /* tasks without a parent that have not ended */
    unsigned task_count; /* that have not ended, children too */
    uint64_t tasks_started;
    int idle_list;  /* registry reference of coroutines that wait for a task, 0: none is kept; see thread.h */
    int idle_count; /* of them */
    struct neap_meter *meter; /* owned; NULL: nothing was counted yet; see meter.h */
    neap_random random;
    int64_t time_limit_ns;   /* of a stroke; 0: none */
    struct l_stroke *stroke; /* the one that runs; NULL: none; see stroke.h */
};

/* Makes the state's runtime, anchored in its registry; loop NULL: one of its own. Also makes the
 * natives and the embedded library loadable by `require`. 0 or a negative code; may throw. */
int l_runtime_open(lua_State *L, neap_loop *loop);
/* Sets the collector of a state that is ours, not a host's: its steps are small, so that with many tasks none of
 * them holds the loop up, and a cycle begins at half as much again as was left by the last one. */
void l_runtime_tune(lua_State *L);
/* Limits how long scripts may compute at one stroke, between two waits; past it a task fails (kind `timeout`). 0: no
 * limit. Costs up to twice the time of what computes. May throw (memory). */
void l_runtime_set_time_limit(l_runtime *rt, int64_t ns);
/* Cancels all tasks; from a job of the loop. */
void l_runtime_end_all(l_runtime *rt);
/* The same without telling whoever started them: the state is about to be closed. Idempotent. */
void l_runtime_cancel_all(l_runtime *rt);
/* Ends all tasks without running anything of them: the state is being closed. */
void l_runtime_drop_all(l_runtime *rt);

/* The runtime's random numbers, for jitter; seeded by the clock unless a seed was given. */
neap_random *l_random(lua_State *L);

struct neap;
/* The state of a public runtime (include/neap/neap.h), for the CLI. Borrowed. */
lua_State *neap__state(struct neap *);
/* Changes the limit of its memory (neap_options), for the CLI; 0: none. Beyond it already, nothing grows until enough
 * was freed. */
void neap__set_memory_limit(struct neap *, size_t bytes);

/* Fills package.preload with neap.native.* and puts the embedded library in front of the searchers
 * (neap.c). May throw. */
void l_preload(lua_State *L);

#endif
