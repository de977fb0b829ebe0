/* embed.c: the library and recipes inside the binary. Lua: neap.native.embed, and a searcher that
 * finds "neap.x.y" in $NEAP_LUA_DIR first (for development), then here. */
#include "embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l_common.h"

static const struct neap_embed *find(const char *name) {
    size_t low = 0, high = neap_embed_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(neap_embed[mid].name, name);
        if (order == 0) return &neap_embed[mid];
        if (order < 0) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

/* Pushes the path of a module below dir, NULL if no such file can be read there. */
static const char *push_override(lua_State *L, const char *dir, const char *name) {
    static const char *const shapes[] = {"%s/%s.lua", "%s/%s/init.lua", NULL};
    const char *const *shape;
    const char *relative = luaL_gsub(L, name, ".", "/");
    for (shape = shapes; *shape != NULL; shape++) {
        const char *path = lua_pushfstring(L, *shape, dir, relative);
        FILE *f = fopen(path, "r");
        if (f != NULL) {
            fclose(f);
            return path;
        }
        lua_pop(L, 1);
    }
    return NULL;
}

/* Searcher: name -> loader, path; or a text that says where it looked. */
static int l_embed_search(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    const char *dir = getenv("NEAP_LUA_DIR");
    const char *path;
    const struct neap_embed *e;
    if (strncmp(name, "neap.", 5) != 0) return 0;
    path = dir != NULL ? push_override(L, dir, name) : NULL;
    if (path != NULL) {
        if (luaL_loadfile(L, path) != LUA_OK) return lua_error(L);
        lua_pushstring(L, path);
        return 2;
    }
    e = find(strcmp(name, "neap.init") == 0 ? "neap" : name); /* lua/neap/init.lua */
    if (e == NULL) {
        lua_pushfstring(L, "no embedded module '%s'", name);
        return 1;
    }
    lua_pushfstring(L, "=%s", name);
    if (luaL_loadbufferx(L, e->data, e->len, lua_tostring(L, -1), "bt") != LUA_OK) return lua_error(L);
    lua_pushfstring(L, ":embedded:%s", name);
    return 2;
}

/* embed.source(name) -> string | nil */
static int l_embed_source(lua_State *L) {
    const struct neap_embed *e = find(luaL_checkstring(L, 1));
    if (e == NULL) lua_pushnil(L);
    else lua_pushlstring(L, e->data, e->len);
    return 1;
}

/* embed.names(prefix) -> sorted list of names that begin with it */
static int l_embed_names(lua_State *L) {
    size_t i, prefix_len;
    const char *prefix = luaL_checklstring(L, 1, &prefix_len);
    lua_Integer n = 0;
    lua_newtable(L);
    for (i = 0; i < neap_embed_count; i++) {
        if (strncmp(neap_embed[i].name, prefix, prefix_len) != 0) continue;
        lua_pushstring(L, neap_embed[i].name);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* Puts the searcher behind package.preload's. */
static void add_searcher(lua_State *L) {
    lua_Integer i;
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    for (i = luaL_len(L, -1); i >= 2; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushcfunction(L, l_embed_search);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
}

int luaopen_neap_embed(lua_State *L) {
    static const luaL_Reg funcs[] = {{"source", l_embed_source}, {"names", l_embed_names}, {NULL, NULL}};
    add_searcher(L);
    luaL_newlib(L, funcs);
    return 1;
}
