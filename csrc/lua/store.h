/* store.h: the state store, for other bindings. */
#ifndef NEAP_LUA_STORE_H
#define NEAP_LUA_STORE_H

#include "../core/store.h"
#include "l_common.h"

/* The open store at idx, borrowed while the value lives. THROWS on another type, or a closed one. */
neap_store *l_store_check(lua_State *L, int idx);

#endif
