/* json_members.h: remembers the keys of the object that was encoded last, sorted and as JSON. Records of one
 * kind have the same keys, and lua_next brings those of tables that were made alike in the same order. */
#ifndef NEAP_LUA_JSON_MEMBERS_H
#define NEAP_LUA_JSON_MEMBERS_H

#include <string.h>

#include "../core/buf.h"
#include "../core/json.h"
#include "l_common.h"

#define L_MEMBERS_MAX 16
#define L_MEMBERS_BLOCK 16 /* bytes that are copied at once */
#define L_MEMBERS_ROOM 256 /* bytes, more than a key takes: 40 of Lua, each at most six of JSON, quotes, colon, comma */
#define L_MEMBERS_STACK (2 * L_MEMBERS_MAX + 12) /* slots that l_members_push and encoding what it pushes need */

/* A key of an object whose keys are sorted. */
typedef struct l_key {
    const char *s;     /* kept alive by whatever is at index */
    size_t len;        /* bytes */
    lua_Integer index; /* of the string: in a table or on the stack */
} l_key;

/* Zero-initialised is valid: nothing is remembered. Whoever has one keeps the anchor of l_members_learn. */
typedef struct l_members {
    neap_buf text;                       /* owned: the keys as JSON, sorted, with commas and colons; then a block */
    unsigned short at[L_MEMBERS_MAX];    /* where each of them begins in text */
    unsigned short lens[L_MEMBERS_MAX];  /* their bytes there */
    unsigned char places[L_MEMBERS_MAX]; /* of each of them: how many lua_next brings before it */
    const void *keys[L_MEMBERS_MAX];     /* as lua_next brings them: short strings, which are unique in Lua */
    int count;                           /* 0: nothing is remembered */
    int misses;                          /* objects with other keys since the last one with these */
} l_members;

/* Pushes the values of the object at t where its keys are those remembered: the one at place p is then at
 * t + 2 + 2 * p. False: they are others; then there is rubbish above t. Needs L_MEMBERS_STACK slots.
 *                                                                                           [-0, +n, -] */
bool l_members_push(lua_State *L, int t, l_members *);
/* Remembers the keys of an object that l_members_push refused, if it is worth while: sorted, on the stack above
 * t in the order of lua_next, with their values. Pushes the table that keeps them alive; false: nothing is
 * pushed, what was remembered stays.                                                         [-0, +0|1, m] */
bool l_members_learn(lua_State *L, int t, l_members *, const l_key *sorted, int count);

/* Writes the key number i, from 0, before its value. 0 or NEAP_ENOMEM. A block is copied as a whole, what is too much
 * of it is written over. */
static inline int l_members_put_key(const l_members *m, neap_json_writer *w, int i) {
    const char *key = m->text.data + m->at[i];
    size_t len = m->lens[i];
    neap_buf *b = w->out;
    if (b->cap - b->len < L_MEMBERS_ROOM && neap_buf_reserve(b, L_MEMBERS_ROOM) < 0) return NEAP_ENOMEM;
    memcpy(b->data + b->len, key, L_MEMBERS_BLOCK);
    if (len > L_MEMBERS_BLOCK)
        memcpy(b->data + b->len + L_MEMBERS_BLOCK, key + L_MEMBERS_BLOCK, len - L_MEMBERS_BLOCK);
    b->len += len;
    neap_json_writer_pass_key(w);
    return 0;
}

#endif
