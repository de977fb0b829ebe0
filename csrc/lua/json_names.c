/* json_names.c: see json_names.h. A key has two places to be at. */
#include "json_names.h"

#include <string.h>

#include "../core/json_scan.h"

static bool is_name(const l_name *name, const char *s, size_t len) {
    return name->len == len && name->s != NULL && neap_json__is_same(name->s, s, len);
}

/* Gets the place of a key, which may be another one's by now. */
static unsigned char place_of(const l_names *n, const char *s, size_t len) {
    unsigned first = (neap_json__hash(s, len) % (L_NAMES / 2)) * 2, second = first + 1;
    if (first == 0) first = second;
    if (is_name(&n->names[first], s, len) || n->names[first].s == NULL) return (unsigned char)first;
    return (unsigned char)second;
}

/* Pushes the string that was made for a key, and keeps it. */
static void keep(lua_State *L, int table, l_name *name, unsigned char place, const char *s, size_t len) {
    lua_pushlstring(L, s, len);
    lua_pushvalue(L, -1);
    lua_rawseti(L, table, place);
    s = lua_tostring(L, -1);
    *name = (l_name){.s = s, .len = (unsigned char)len};
    if (neap_json__skip_text(s, s + len) < s + len) return;
    name->json[0] = name->json[len + 1] = '"';
    memcpy(name->json + 1, s, len);
    name->json[len + 2] = ':';
    name->json_len = (unsigned char)(len + 3);
}

void l_names_push(lua_State *L, int table, l_names *n, unsigned char *behind, const char *s, size_t len) {
    unsigned char place;
    if (len > L_NAME_LONGEST) {
        lua_pushlstring(L, s, len);
        return;
    }
    place = place_of(n, s, len);
    n->next[*behind] = place;
    *behind = place;
    if (is_name(&n->names[place], s, len)) lua_rawgeti(L, table, place);
    else keep(L, table, &n->names[place], place, s, len);
}
