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

/* A key of an object whose keys are sorted. */
typedef struct l_key {
    const char *s;     /* kept alive by whatever is at index */
    size_t len;        /* bytes */
    lua_Integer index; /* of the string: in a table or on the stack */
} l_key;

/* Zero-initialised is valid: nothing is remembered. Whoever has one keeps the anchor of l_members_learn. */
typedef struct l_members {
    neap_buf text;                       /* owned: the keys as JSON, sorted, each with its colon; then a block */
    size_t ends[L_MEMBERS_MAX];          /* where each of them ends in text */
    unsigned char places[L_MEMBERS_MAX]; /* of each of them: how many lua_next brings before it */
    const void *keys[L_MEMBERS_MAX];     /* as lua_next brings them: short strings, which are unique in Lua */
    int count;                           /* 0: nothing is remembered */
    int misses;                          /* objects with other keys since the last one with these */
} l_members;

/* Pushes the values of the object at t where its keys are those remembered: the one at place p is then at
 * t + 2 + 2 * p. False: they are others; then there is rubbish above t.                      [-0, +n, m] */
bool l_members_push(lua_State *L, int t, l_members *);
/* Remembers the keys of an object that l_members_push refused, if it is worth while: sorted, on the stack above
 * t in the order of lua_next, with their values. Pushes the table that keeps them alive; false: nothing is
 * pushed, what was remembered stays.                                                         [-0, +0|1, m] */
bool l_members_learn(lua_State *L, int t, l_members *, const l_key *sorted, int count);

/* Writes the key number i, from 0, before its value. 0 or NEAP_ENOMEM. A block is copied as a whole, what is too much
 * of it is written over. */
static inline int l_members_put_key(const l_members *m, neap_json_writer *w, int i) {
    size_t from = i > 0 ? m->ends[i - 1] : 0, len = m->ends[i] - from;
    neap_buf *b = w->out;
    if (len > L_MEMBERS_BLOCK || b->cap - b->len < L_MEMBERS_BLOCK + 1)
        return neap_json_writer_raw_key(w, m->text.data + from, len);
    b->data[b->len] = ',';
    b->len += i > 0;
    memcpy(b->data + b->len, m->text.data + from, L_MEMBERS_BLOCK);
    b->len += len;
    neap_json_writer_pass_key(w);
    return 0;
}

#endif
