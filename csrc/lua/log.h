/* log.h: the runtime's log, for other bindings. */
#ifndef NEAP_LUA_LOG_H
#define NEAP_LUA_LOG_H

#include "../core/log.h"
#include "l_common.h"

/* The one log of a state, made at the first call; borrowed, lives as long as the state. THROWS
 * out of memory, the first time only. */
neap_log *l_log_get(lua_State *L);

#endif
