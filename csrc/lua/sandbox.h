/* sandbox.h: the Lua state in which simulators run, as others see it. */
#ifndef NEAP_LUA_SANDBOX_H
#define NEAP_LUA_SANDBOX_H

#include "../core/exchange.h"
#include "l_common.h"

/* Who answers for the sandbox at idx; lives as long as that userdata, and drops every exchange once
 * the sandbox is closed. THROWS on a wrong type. */
neap_handler *l_sandbox_check_handler(lua_State *L, int idx);

/* Makes the class of exchanges in a state (exchange.c). May throw. */
void l_exchange_open(lua_State *L);
/* Pushes a userdata that owns the exchange: collected or closed unended, it aborts it. May throw,
 * and has then not taken the exchange. */
void l_exchange_push(lua_State *L, neap_exchange *ex);
/* Aborts an exchange for which no handler runs, whether it was taken or not. Never throws. */
void l_exchange_drop(neap_exchange *ex);

#endif
