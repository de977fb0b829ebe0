/* stroke.h: how long scripts compute: a stroke is what Lua runs between two waits of a task, and a runtime may
 * limit its time. Then every coroutine has a hook that looks at the clock; without a limit none has. */
#ifndef NEAP_LUA_STROKE_H
#define NEAP_LUA_STROKE_H

#include "runtime.h"

/* One stroke, on the stack of whoever runs it. Past the limit the coroutine that runs is suspended for good, by a
 * yield that no pcall sees. Where it cannot yield, in a callback of a C function, an error is raised; who catches
 * it gets half the time once more, to tidy up, then a quarter, and so on: the time stays below twice the limit. */
typedef struct l_stroke {
    struct l_stroke *outer; /* the one that it interrupts */
    int64_t begin_ns;
    int64_t end_ns;         /* when it is stopped; 0: there was no limit when it began */
    int64_t left_ns;        /* what the last stop gave it */
    int64_t took_ns;        /* until it was stopped first */
    int64_t looked_ns;      /* the last look at the clock */
    lua_State *running;     /* the innermost coroutine, as far as neap.coroutine runs them */
    lua_State *suspended;   /* the coroutine that the limit has suspended, yet to be closed; NULL: none */
    bool stopped;           /* the limit was passed: whatever came of it then, it has failed */
    char where[LUA_IDSIZE + 16]; /* it was stopped, "script.lua:12"; "": not in Lua */
} l_stroke;

/* Begins a stroke that runs co, in the memory of the caller, and ends it. Nothing between them may throw. What it
 * interrupts gets its time back at the end. */
void l_stroke_begin(l_runtime *rt, l_stroke *stroke, lua_State *co);
void l_stroke_end(l_runtime *rt, l_stroke *stroke);

/* Something dear has happened (memory was refused, after a whole collection): has the clock looked at soon. Allocates
 * nothing; takes an l_runtime, as a callback of a pool. */
void l_stroke_hurry(void *runtime);

/* Runs the pending <close> variables of a coroutine that does not run, in a stroke of their own, and empties it.
 * False: an error is left on its stack, the one it had failed with or one of theirs. */
bool l_stroke_close(l_runtime *rt, lua_State *co);

/* Protected: [stroke] -> the error of one that was stopped, a neap.Error of kind `timeout`. */
int l_stroke_error(lua_State *L);

/* resume(co, ...) -> true, values | false, err: as Lua's own; also looks at the clock, and stops whoever has resumed
 * a coroutine that was stopped. For lua/neap/coroutine.lua. */
int l_stroke_resume(lua_State *L);

/* Has the global setmetatable see to it that __gc functions are limited, too (finaliser.c). May throw. */
void l_finaliser_guard(lua_State *L);

#endif
