/* l_split.h: what split.c and split_pull.c share. */
#ifndef NEAP_LUA_L_SPLIT_H
#define NEAP_LUA_L_SPLIT_H

#include "l_json.h"

typedef struct l_reader l_reader; /* a userdata */

/* Gets the reader at idx. THROWS if it is none. */
l_reader *l_split_check(lua_State *L, int idx);
/* Pushes the record that comes next, if it is at hand, an object and right; false: reader:next() has to say what
 * there is. As l_json_push_first, for functions with the upvalues of l_json.h.           [-0, +0|3, m] */
bool l_split_push_easy(lua_State *L, l_reader *);

/* split.pull(otherwise) -> next, pull; see split_pull.c                                     [-1, +2, m] */
int l_split_pull(lua_State *L);
/* Makes the class of pulls. */
void l_split_pull_init(lua_State *L);

#endif
