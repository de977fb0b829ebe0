/* l_mapping.h: what other bindings need of mapping.c: the program behind a userdata. */
#ifndef NEAP_LUA_L_MAPPING_H
#define NEAP_LUA_L_MAPPING_H

#include "../core/mapping.h"
#include "l_common.h"

/* Gets the compiled map at idx; the userdata owns it. THROWS if it is none, or gone. */
neap_mapping *l_mapping_check(lua_State *L, int idx);

#endif
