/* store.h: the state store, for other bindings. */
#ifndef NEAP_LUA_STORE_H
#define NEAP_LUA_STORE_H

#include "../core/store.h"
#include "l_common.h"

/* The open store at idx, borrowed while the value lives. THROWS on another type, or a closed one. */
neap_store *l_store_check(lua_State *L, int idx);

/* Starts what is asked of the store and waits for it, as the tail call of a native. Results pushes what
 * comes of success; a failure is nil, err. Yields. THROWS where one cannot wait. */
int l_store_wait(lua_State *L, neap_store *, const neap_store_req *,
                 int (*results)(lua_State *L, neap_store_result *));
/* Starts it; nobody is told how it went. THROWS without memory. */
void l_store_tell(lua_State *L, neap_store *, const neap_store_req *);

/* The methods of store_inbox.c. */
extern const luaL_Reg l_store_inbox_methods[];

#endif
