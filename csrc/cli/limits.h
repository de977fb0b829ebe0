/* limits.h: limits of the command's own scripts. Lua: neap.native.limits, in the command only. */
#ifndef NEAP_CLI_LIMITS_H
#define NEAP_CLI_LIMITS_H

#include <neap/neap.h>

#include <lua.h>

/* Makes `require "neap.native.limits"` set those of `n`, borrowed, whose state is L.      [-0, +0, m] */
void limits_preload(lua_State *L, neap *n);

#endif
