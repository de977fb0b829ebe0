/* sandbox.h: the Lua state in which simulators run, as others see it. */
#ifndef NEAP_LUA_SANDBOX_H
#define NEAP_LUA_SANDBOX_H

#include "handler.h"

/* Who answers for the sandbox at idx; lives as long as that userdata, and drops every exchange once
 * the sandbox is closed. THROWS on a wrong type. */
neap_handler *l_sandbox_check_handler(lua_State *L, int idx);

#endif
