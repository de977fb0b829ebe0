/* package.h: what of Lua's own libraries is otherwise in a state that is Neap's, not a stock interpreter's. */
#ifndef NEAP_LUA_PACKAGE_H
#define NEAP_LUA_PACKAGE_H

#include "l_common.h"

/* Where a C module would not find the Lua that it is loaded into (a host that keeps libneap's symbols private, as
 * nginx does beside LuaJIT), `require` says so instead of loading it. Elsewhere nothing changes. Lua's libraries are
 * open.                                                                                            [-0, +0, e] */
void l_package_restrict(lua_State *L);

/* Makes neap.coroutine the script's `coroutine`: waits pass through its coroutines, and none escapes the limit of
 * time. The library is loaded.                                                                      [-0, +0, e] */
void l_package_use_coroutines(lua_State *L);

#endif
