/* json_names.h: the keys that a decoder has met, as Lua strings. Records of one kind have the same keys in the same
 * order: to compare the text with the key that came next in the last one is cheaper than to look for its end and to
 * intern it. */
#ifndef NEAP_LUA_JSON_NAMES_H
#define NEAP_LUA_JSON_NAMES_H

#include "l_common.h"

#define L_NAMES 128 /* places; a power of two, and place 0 is nobody's */
#define L_FIRSTS 64 /* contexts in which objects begin; a power of two */
#define L_NAME_LONGEST 40 /* bytes: longer strings are not interned by Lua */
#define L_NAME_JSON (L_NAME_LONGEST + 3)

/* A key that was met. */
typedef struct l_name {
    const char *s; /* of its Lua string, which is in the table of names; NULL: the place is free */
    unsigned char len;
    unsigned char json_len;
    char json[L_NAME_JSON]; /* how it stands in most texts: with its quotes and colon; empty: JSON escapes it */
} l_name;

/* Zero-initialised is empty. What is beside it: a table, where the string of place i is at i. */
typedef struct l_names {
    l_name names[L_NAMES];
    /* The place of the key that came behind that of place i, or as the first in context i - L_NAMES; 0: none did.
     * Whoever reads an object keeps in a byte behind what it is, see l_names_begin. */
    unsigned char next[L_NAMES + L_FIRSTS];
} l_names;

/* Where an object begins: what its first key comes behind. */
static inline unsigned char l_names_begin(unsigned context) {
    return (unsigned char)(L_NAMES + context % L_FIRSTS);
}

/* Gets the key that is likely to come; its json is empty if nothing is known, or JSON escapes it. */
static inline const l_name *l_names_guess(const l_names *n, unsigned char behind) {
    return &n->names[n->next[behind]];
}

/* Pushes the string of the guess, and moves *behind to it. `table` is the stack index of the table of names.
 *                                                                                       [-0, +1, -] */
static inline void l_names_push_guess(lua_State *L, int table, const l_names *n, unsigned char *behind) {
    *behind = n->next[*behind];
    lua_rawgeti(L, table, *behind);
}

/* Pushes the string of a key, and remembers it as what comes there.                      [-0, +1, m] */
void l_names_push(lua_State *L, int table, l_names *, unsigned char *behind, const char *s, size_t len);

/* A number from a key: objects and arrays under the same key tend to be alike. */
static inline unsigned l_names_context(const char *s, size_t len) {
    if (len == 0) return 1;
    return (unsigned)(len * 31 + (unsigned char)s[0] * 7 + (unsigned char)s[len - 1] * 2);
}

#endif
