/* box.h: a neap_buf that the collector owns, for C text that Lua calls may interrupt by
 * throwing. */
#ifndef NEAP_LUA_BOX_H
#define NEAP_LUA_BOX_H

#include "../core/buf.h"
#include "l_common.h"

#define L_BOX_MT "neap.Box"

static inline int l_box_gc(lua_State *L) {
    neap_buf_wipe(lua_touserdata(L, 1));
    return 0;
}

/* Pushes an empty box; borrowed while it is on the stack. THROWS out of memory.      [-0, +1, m] */
static inline neap_buf *l_box_push(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_box_gc}, {NULL, NULL}};
    neap_buf *b;
    l_new_class(L, L_BOX_MT, none, metas);
    b = lua_newuserdatauv(L, sizeof *b, 0);
    *b = (neap_buf){0};
    luaL_setmetatable(L, L_BOX_MT);
    return b;
}

/* Pushes the text of a box and empties it, without waiting for the collector.        [-0, +1, m] */
static inline int l_box_take(lua_State *L, neap_buf *b) {
    lua_pushlstring(L, b->data != NULL ? b->data : "", b->len);
    neap_buf_wipe(b);
    return 1;
}

#endif
