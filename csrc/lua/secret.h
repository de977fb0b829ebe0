/* secret.h: secrets and credentials, for other bindings. */
#ifndef NEAP_LUA_SECRET_H
#define NEAP_LUA_SECRET_H

#include "../core/credential.h"
#include "l_common.h"

/* The secret or credential at idx, borrowed while the value lives. THROW on another type. */
neap_secret *l_secret_check(lua_State *L, int idx);
neap_credential *l_secret_check_credential(lua_State *L, int idx);
/* Pushes a secret to be filled at once: *place takes a reference, which the value then owns. While it
 * is NULL nobody may see the value.                                                     [-0, +1, m] */
neap_secret **l_secret_push(lua_State *L);

#endif
