/* module.c: the entry of `require "neap"` and the list of natives that every product has. */
#include <neap/neap.h>

#include "../core/libcurl.h"
#include "../core/store.h"
#include "../core/xml.h"
#include "runtime.h"
#ifdef NEAP_WITH_SERVER
#include "../server/libmicrohttpd.h"
#endif

static void set_version(lua_State *L, const char *name, const char *version) {
    lua_pushstring(L, version);
    lua_setfield(L, -2, name);
}

/* libcurl and what matters of what it is built on. Its own curl_version() starts LDAP to ask for one
 * more, which takes a third of the time that the whole program needs to start. */
static void set_curl_version(lua_State *L) {
    const curl_version_info_data *info;
    neap_err err;
    if (neap_libcurl_open(&err) < 0) {
        set_version(L, "libcurl", err.message);
        return;
    }
    info = curl_version_info(CURLVERSION_NOW);
    lua_pushfstring(L, "%s %s", info->version, info->ssl_version != NULL ? info->ssl_version : "");
    if (info->libz_version != NULL) lua_pushfstring(L, " zlib/%s", info->libz_version);
    else lua_pushliteral(L, "");
    if (info->nghttp2_version != NULL) lua_pushfstring(L, " nghttp2/%s", info->nghttp2_version);
    else lua_pushliteral(L, "");
    lua_concat(L, 3);
    lua_setfield(L, -2, "libcurl");
}

#ifdef NEAP_WITH_SERVER
static void set_server_version(lua_State *L) {
    neap_err err;
    int rc = neap_libmicrohttpd_open(&err);
    set_version(L, "libmicrohttpd", rc < 0 ? err.message : MHD_get_version());
}
#endif

/* native.version() -> { neap=, lua=, libcurl=, libuv=, ... } of what is used, or why it cannot be */
static int l_version(lua_State *L) {
    lua_newtable(L);
    set_version(L, "neap", NEAP_VERSION);
    set_version(L, "lua", LUA_RELEASE);
    set_curl_version(L);
    set_version(L, "expat", neap_xml_version());
    set_version(L, "libuv", uv_version_string());
    set_version(L, "sqlite", neap_store_version());
#ifdef NEAP_WITH_SERVER
    set_server_version(L);
#endif
    return 1;
}

static int luaopen_version(lua_State *L) {
    lua_pushcfunction(L, l_version);
    return 1;
}

void l_preload(lua_State *L) {
    static const luaL_Reg natives[] = {{"neap.native.check", luaopen_neap_check},
                                       {"neap.native.clock", luaopen_neap_clock},
                                       {"neap.native.csv", luaopen_neap_csv},
                                       {"neap.native.event", luaopen_neap_event},
                                       {"neap.native.file", luaopen_neap_file},
                                       {"neap.native.flow", luaopen_neap_flow},
                                       {"neap.native.handler", luaopen_neap_handler},
                                       {"neap.native.hmac", luaopen_neap_hmac},
                                       {"neap.native.http", luaopen_neap_http},
                                       {"neap.native.json", luaopen_neap_json},
                                       {"neap.native.log", luaopen_neap_log},
                                       {"neap.native.loop", luaopen_neap_loop},
                                       {"neap.native.mapping", luaopen_neap_mapping},
                                       {"neap.native.meter", luaopen_neap_meter},
                                       {"neap.native.route", luaopen_neap_route},
                                       {"neap.native.sandbox", luaopen_neap_sandbox},
                                       {"neap.native.secret", luaopen_neap_secret},
#ifdef NEAP_WITH_SERVER
                                       {"neap.native.server", luaopen_neap_server},
#endif
                                       {"neap.native.split", luaopen_neap_split},
                                       {"neap.native.store", luaopen_neap_store},
                                       {"neap.native.task", luaopen_neap_task},
                                       {"neap.native.terminal", luaopen_neap_terminal},
                                       {"neap.native.url", luaopen_neap_url},
                                       {"neap.native.version", luaopen_version},
                                       {"neap.native.xml", luaopen_neap_xml},
                                       {NULL, NULL}};
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(L, natives, 0);
    lua_pop(L, 1);
    luaL_requiref(L, "neap.native.embed", luaopen_neap_embed, 0); /* adds the searcher */
    lua_pop(L, 1);
}

/* require "neap" -> the library's table. The entry of neap.so; a preloaded module elsewhere. */
NEAP_API int luaopen_neap(lua_State *L);
int luaopen_neap(lua_State *L) {
    if (l_runtime_open(L, NULL) < 0) return luaL_error(L, "neap: cannot open an event loop");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "neap.init");
    lua_call(L, 1, 1);
    return 1;
}

