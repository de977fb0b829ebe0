/* json_members.c: see json_members.h. */
#include "json_members.h"

#define PATIENCE 16     /* objects with other keys, one after the other, until these are forgotten */
#define SHORT_STRING 40 /* bytes; longer strings of Lua are not unique (LUAI_MAXSHORTLEN) */

bool l_members_push(lua_State *L, int t, l_members *m) {
    int i = 0;
    if (m->count == 0) return false;
    lua_pushnil(L);
    while (lua_next(L, t)) {
        if (i == m->count || lua_topointer(L, -2) != m->keys[i]) {
            m->misses++;
            return false;
        }
        i++;
        lua_pushvalue(L, -2); /* for lua_next */
    }
    if (i == m->count) m->misses = 0;
    else m->misses++;
    return i == m->count;
}

static bool is_worth_while(const l_members *m, const l_key *sorted, int count) {
    if (count > L_MEMBERS_MAX || (m->count > 0 && m->misses < PATIENCE)) return false;
    for (int i = 0; i < count; i++) {
        if (sorted[i].len > SHORT_STRING) return false;
    }
    return count > 0;
}

bool l_members_learn(lua_State *L, int t, l_members *m, const l_key *sorted, int count) {
    static const char block[L_MEMBERS_BLOCK];
    if (!is_worth_while(m, sorted, count)) return false;
    m->count = m->misses = 0;
    m->text.len = 0;
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        neap_json_writer w = {.out = &m->text, .depth = 1, .place = i > 0 ? NEAP_JSON__NEXT : NEAP_JSON__START};
        size_t at = m->text.len;
        int place = ((int)sorted[i].index - t - 1) / 2;
        lua_pushvalue(L, (int)sorted[i].index);
        lua_rawseti(L, -2, i + 1);
        if (neap_json_writer_key(&w, sorted[i].s, sorted[i].len) < 0) return true;
        m->keys[place] = lua_topointer(L, (int)sorted[i].index);
        m->places[i] = (unsigned char)place;
        m->at[i] = (unsigned short)at;
        m->lens[i] = (unsigned short)(m->text.len - at);
    }
    if (neap_buf_add(&m->text, block, sizeof block) == 0) m->count = count;
    return true;
}
