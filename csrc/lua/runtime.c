/* runtime.c: see runtime.h. The runtime is a userdata in the registry, made before anything else of
 * Neap: at lua_close it is therefore finalised last. */
#include "runtime.h"

#include "../core/meter.h"

static const char runtime_key;

l_runtime *l_runtime_get(lua_State *L) {
    l_runtime *rt;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &runtime_key);
    rt = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return rt;
}

neap_loop *l_loop(lua_State *L) {
    return l_runtime_get(L)->loop;
}

neap_random *l_random(lua_State *L) {
    return &l_runtime_get(L)->random;
}

static int runtime_gc(lua_State *L) {
    l_runtime *rt = lua_touserdata(L, 1);
    l_runtime_drop_all(rt); /* also those that a finaliser started a moment ago */
    if (rt->owns_loop) neap_loop_close(rt->loop);
    rt->owns_loop = false;
    neap_meter_free(rt->meter);
    rt->meter = NULL;
    return 0;
}

static lua_State *main_thread(lua_State *L) {
    lua_State *main;
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    main = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main;
}

int l_runtime_open(lua_State *L, neap_loop *loop) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", runtime_gc}, {NULL, NULL}};
    l_runtime *rt;
    int rc = 0;
    if (l_runtime_get(L) != NULL) return 0;
    l_new_class(L, "neap.Runtime", none, metas);
    rt = lua_newuserdatauv(L, sizeof *rt, 0);
    *rt = (l_runtime){.L = main_thread(L), .loop = loop};
    luaL_setmetatable(L, "neap.Runtime");
    if (loop == NULL) {
        rc = neap_loop_open(&rt->loop);
        rt->owns_loop = rc == 0;
    }
    if (rc == 0) {
        neap_random_seed(&rt->random,
                         (uint64_t)neap_loop_now_ns(rt->loop) ^ (uint64_t)neap_loop_wall_ms(rt->loop));
        lua_rawsetp(L, LUA_REGISTRYINDEX, &runtime_key);
        l_preload(L);
    } else {
        lua_pop(L, 1);
    }
    return rc;
}

void l_runtime_tune(lua_State *L) {
    lua_gc(L, LUA_GCINC, 150, 8, 11); /* per cent; units of work per 16 bytes; a step each 2^11 bytes */
}
