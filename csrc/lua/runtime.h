/* runtime.h: what one lua_State has of Neap: its loop, its tasks, its random numbers. */
#ifndef NEAP_LUA_RUNTIME_H
#define NEAP_LUA_RUNTIME_H

#include "../core/random.h"
#include "l_common.h"

struct l_runtime {
    lua_State *L;       /* main thread of the state */
    neap_loop *loop;    /* owned if owns_loop, else another runtime's, which outlives this one */
    bool owns_loop;
    l_task *current;    /* the task that runs now; NULL outside */
    l_task *tasks;      /* all that have not ended, a list through l_task.next */
    unsigned task_count;
    neap_random random;
};

/* Makes the state's runtime, anchored in its registry; loop NULL: one of its own. Also makes the
 * natives and the embedded library loadable by `require`. 0 or a negative code; may throw. */
int l_runtime_open(lua_State *L, neap_loop *loop);
/* Sets the collector of a state that is ours, not a host's: its steps are small, so that with many tasks none of
 * them holds the loop up, and a cycle begins at half as much again as was left by the last one. */
void l_runtime_tune(lua_State *L);
/* Cancels all tasks; idempotent. */
void l_runtime_cancel_all(l_runtime *rt);
/* Ends all tasks without running anything of them: the state is being closed. */
void l_runtime_drop_all(l_runtime *rt);

/* The runtime's random numbers, for jitter; seeded by the clock unless a seed was given. */
neap_random *l_random(lua_State *L);

struct neap;
/* The state of a public runtime (include/neap/neap.h), for the CLI. Borrowed. */
lua_State *neap__state(struct neap *);

/* Fills package.preload with neap.native.* and puts the embedded library in front of the searchers
 * (neap.c). May throw. */
void l_preload(lua_State *L);

#endif
