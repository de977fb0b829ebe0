/* thread.h: coroutines for tasks, used again (thread.c). Not where scripts have Lua's own coroutine functions: from
 * coroutine.running they may keep one, which must not become somebody else's. */
#ifndef NEAP_LUA_THREAD_H
#define NEAP_LUA_THREAD_H

#include "runtime.h"

/* Has finished coroutines kept from now on. May throw. */
void l_thread_open(lua_State *L, l_runtime *rt);
/* Pushes one with an empty stack and the hook of the main thread, new or used. May throw. */
lua_State *l_thread_push(lua_State *L, l_runtime *rt);
/* Pops one that has returned, whose stack is empty and whom nobody else has. Allocates nothing; never throws. */
void l_thread_keep(lua_State *L, l_runtime *rt);
/* Lets the collector have all that are kept. Allocates nothing; never throws. */
void l_thread_drop(lua_State *L, l_runtime *rt);

#endif
