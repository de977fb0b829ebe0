/* l_file.h: what other bindings need of file.c: to put into an open file's buffer what never was a Lua string. */
#ifndef NEAP_LUA_L_FILE_H
#define NEAP_LUA_L_FILE_H

#include "../core/buf.h"
#include "l_common.h"

/* Gets what the file at idx keeps back, to append to it; good until the next call of Lua. THROWS if it is no file,
 * or closed. Whoever has put enough calls write in Lua, which hands it on. */
neap_buf *l_file_begin(lua_State *L, int idx);
/* Counts what was appended. */
void l_file_end(lua_State *L, int idx, size_t bytes);

#endif
