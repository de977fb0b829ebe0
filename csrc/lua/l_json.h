/* l_json.h: what json.c and json_encode.c share. */
#ifndef NEAP_LUA_JSON_H
#define NEAP_LUA_JSON_H

#include "l_common.h"

#define JSON_ARRAY_MT "neap.json.array"   /* one metatable for all arrays */
#define JSON_OBJECT_MT "neap.json.object" /* __name of each object's own, with its `keys` */

/* Functions that work in buffers have these upvalues: their state is kept from call to call, so
 * that a call allocates nothing in C. A call inside a call (from a finalizer) finds it busy and
 * makes a new one; so does the next call after an error was thrown. */
#define JSON_ARRAYS lua_upvalueindex(1) /* the metatable of arrays */
#define JSON_STATE lua_upvalueindex(2)  /* nil, or the userdata */

#define JSON_KEEP (256 * 1024) /* bytes: a larger buffer is not kept between calls */

/* Decodes text, which must stay; for functions with the upvalues above. Objects may remember the order of
 * their keys. False: it is no JSON, and nothing is pushed. THROWS out of memory.        [-0, +0|1, e] */
bool l_json_push(lua_State *L, const char *text, size_t len, bool ordered);
/* Pushes the upvalues above, for a function of another file.                            [-0, +2, m] */
void l_json_push_upvalues(lua_State *L);

/* json.encode(v, opts?) -> string | nil, err                               [-0, +1|2, e] */
int l_json_encode(lua_State *L);

/* Makes the metatable of the encoder's state. */
void l_json_encode_init(lua_State *L);

/* Checks the options at idx (or none): THROWS on a name that is not in the NULL-ended list. */
void l_json_check_opts(lua_State *L, int idx, const char *const names[]);
/* Gets one option; idx is none, nil or a table. THROWS on a wrong type or range. */
bool l_json_opt_bool(lua_State *L, int idx, const char *name);
lua_Integer l_json_opt_int(lua_State *L, int idx, const char *name, lua_Integer otherwise,
                           lua_Integer min, lua_Integer max);
/* Whether the option is `second` rather than `first` (the default). */
bool l_json_opt_either(lua_State *L, int idx, const char *name, const char *first,
                       const char *second);

#endif
