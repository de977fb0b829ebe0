/* l_json.h: what json.c, json_decode.c and json_encode.c share. */
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

/* How a text is decoded: the options of json.decode. */
typedef struct l_json_options {
    size_t depth;     /* containers inside each other */
    bool unique;      /* `duplicates`: a key that comes twice is an error */
    bool big_strings; /* `bigint`: an integer beyond int64 is a string of digits */
    bool ordered;     /* objects remember the order of their keys */
} l_json_options;

/* Gets those options from the table at idx, or none; its other names are the caller's to check. THROWS on a
 * wrong type or range. */
l_json_options l_json_check_options(lua_State *L, int idx);

/* Decodes text, which must stay; for functions with the upvalues above. False: it is no JSON, err says where,
 * and nothing is pushed. THROWS out of memory.                                          [-0, +0|1, e] */
bool l_json_push_with(lua_State *L, const char *text, size_t len, const l_json_options *, neap_err *err);
/* The same for the object that text begins with, of which len bytes or less belong to it. Gets its length; 0: it
 * does not end there, or is no JSON, and nothing is pushed. For functions that return it and have just begun: ten
 * slots of the stack must be free, and below the object something else is left.          [-0, +0|3, e] */
size_t l_json_push_first(lua_State *L, const char *text, size_t len, const l_json_options *);
/* The same as l_json_push_with by default options, for whom yes or no is enough. */
bool l_json_push(lua_State *L, const char *text, size_t len, bool ordered);
/* Pushes the upvalues above, for a function of another file.                            [-0, +2, m] */
void l_json_push_upvalues(lua_State *L);

/* Gives the object on the stack its own metatable with its keys, a list that is on top; pops that. [-1, +0, m] */
void l_json_set_order(lua_State *L);

/* json.decode(s, opts?) -> value | nil, err                                [-0, +1|2, e] */
int l_json_decode(lua_State *L);
/* Makes the metatable of the decoder's state. */
void l_json_decode_init(lua_State *L);

/* json.encode(v, opts?) -> string | nil, err                               [-0, +1|2, e] */
int l_json_encode(lua_State *L);

/* Pushes what l_json_put_line works with, for any number of lines. For functions with the upvalues of
 * l_json_push_encoder.                                                                  [-0, +2, e] */
void l_json_begin_lines(lua_State *L);
/* Encodes the value on top with sorted keys, and hands the text with its line end to `put`, which must not throw.
 * What l_json_begin_lines has pushed is at idx and behind it, the value right above. Gives the code of `put`,
 * NEAP_ENOMEM, or NEAP_EINVAL of a value without a JSON form; then nil and the error are on top. For functions with
 * those upvalues, too. THROWS. Something is left above the value.                     [-0, +n|2, e] */
int l_json_put_line(lua_State *L, int idx, int (*put)(void *ud, const char *line, size_t len), void *ud);
/* Pushes these upvalues.                                                                [-0, +2, m] */
void l_json_push_encoder(lua_State *L);

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
