/* url.c: binding of core/url.h. Lua: neap.native.url. See spec/lua/url_spec.lua. */
#include "../core/url.h"

#include "box.h"

/* Raises for want of memory; the box is the collector's. */
static int check_memory(lua_State *L, int rc) {
    return rc == NEAP_ENOMEM ? luaL_error(L, "not enough memory") : rc;
}

static void set_span(lua_State *L, const char *key, const char *s, size_t len) {
    lua_pushlstring(L, s, len);
    lua_setfield(L, -2, key);
}

/* url.parse(text) -> { scheme, host, port, path, query, origin } | nil, err          [-1, +1|2, m]
 * host without brackets and as written; path at least "/"; query nil where there is no "?". */
static int l_url_parse(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    neap_url u;
    neap_err err;
    neap_buf *origin;
    if (neap_url_parse(&u, text, len, &err) < 0) return l_fail(L, &err);
    origin = l_box_push(L);
    check_memory(L, neap_url_add_origin(origin, &u));
    lua_createtable(L, 0, 6);
    lua_pushstring(L, u.https ? "https" : "http");
    lua_setfield(L, -2, "scheme");
    lua_pushinteger(L, u.port);
    lua_setfield(L, -2, "port");
    set_span(L, "host", u.host.data, u.host.len);
    if (u.path.len > 0) set_span(L, "path", u.path.data, u.path.len);
    else set_span(L, "path", "/", 1);
    if (u.query.data != NULL) set_span(L, "query", u.query.data, u.query.len);
    l_box_take(L, origin);
    lua_setfield(L, -2, "origin");
    return 1;
}

typedef int combine(neap_buf *out, const char *a, size_t a_len, const char *b, size_t b_len,
                    neap_err *err);

static int combine_two(lua_State *L, combine *fn) {
    size_t a_len, b_len;
    const char *a = luaL_checklstring(L, 1, &a_len), *b = luaL_checklstring(L, 2, &b_len);
    neap_buf *out = l_box_push(L);
    neap_err err;
    int rc = fn(out, a, a_len, b, b_len, &err);
    return rc < 0 ? l_fail(L, &err) : l_box_take(L, out);
}

/* url.join(base, path) -> text | nil, err : exactly one slash between              [-2, +1|2, m] */
static int l_url_join(lua_State *L) {
    size_t base_len, path_len, size;
    const char *base = luaL_checklstring(L, 1, &base_len), *path = luaL_checklstring(L, 2, &path_len);
    luaL_Buffer b;
    neap_buf out = {0};
    neap_err err;
    if (base_len > SIZE_MAX / 8 || path_len > SIZE_MAX / 8) return luaL_error(L, "not enough memory");
    size = base_len + 1 + path_len;
    out.data = luaL_buffinitsize(L, &b, size);
    out.cap = size; /* all there can be, so that it is never grown */
    if (neap_url_join(&out, base, base_len, path, path_len, &err) < 0) return l_fail(L, &err);
    luaL_pushresultsize(&b, out.len);
    return 1;
}

/* url.resolve(base, reference) -> text | nil, err : what a Location means          [-2, +1|2, m] */
static int l_url_resolve(lua_State *L) {
    return combine_two(L, neap_url_resolve);
}

/* url.encode(text) -> text with all but unreserved characters as %XX                 [-1, +1, m] */
static int l_url_encode(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    neap_buf *out = l_box_push(L);
    check_memory(L, neap_url_encode(out, text, len));
    return l_box_take(L, out);
}

/* Pushes field i of the pair on the top as text.                                     [-0, +1, e] */
static const char *pair_text(lua_State *L, int i, size_t *len) {
    lua_rawgeti(L, -i, i); /* the pair is at -1 for the name, at -2 for the value */
    luaL_argcheck(L, lua_isstring(L, -1), 1, "{ name, value } expected, both text or numbers");
    return lua_tolstring(L, -1, len);
}

/* url.query({ { name, value }, ... }) -> "a=b&c=d", encoded                          [-1, +1, e] */
static int l_url_query(lua_State *L) {
    neap_buf *out;
    luaL_checktype(L, 1, LUA_TTABLE);
    out = l_box_push(L);
    for (lua_Integer i = 1; lua_rawgeti(L, 1, i) != LUA_TNIL; i++) {
        size_t name_len, value_len;
        const char *name, *value;
        luaL_argcheck(L, lua_istable(L, -1), 1, "list of { name, value } expected");
        name = pair_text(L, 1, &name_len);
        value = pair_text(L, 2, &value_len);
        check_memory(L, neap_url_add_query(out, name, name_len, value, value_len));
        lua_pop(L, 3);
    }
    if (out->len > 0) neap_buf_shift(out, 1); /* its question mark */
    return l_box_take(L, out);
}

/* url.same_origin(a, b) -> boolean | nil, err                                      [-2, +1|2, m] */
static int l_url_same_origin(lua_State *L) {
    size_t a_len, b_len;
    const char *a = luaL_checklstring(L, 1, &a_len), *b = luaL_checklstring(L, 2, &b_len);
    neap_url x, y;
    neap_err err;
    if (neap_url_parse(&x, a, a_len, &err) < 0) return l_fail(L, &err);
    if (neap_url_parse(&y, b, b_len, &err) < 0) return l_fail(L, &err);
    lua_pushboolean(L, neap_url_same_origin(&x, &y));
    return 1;
}

/* url.is_loopback(host) -> boolean                                                   [-1, +1, e] */
static int l_url_is_loopback(lua_State *L) {
    size_t len;
    const char *host = luaL_checklstring(L, 1, &len);
    lua_pushboolean(L, neap_url_is_loopback(host, len));
    return 1;
}

int luaopen_neap_url(lua_State *L) {
    static const luaL_Reg funcs[] = {{"parse", l_url_parse},
                                     {"join", l_url_join},
                                     {"resolve", l_url_resolve},
                                     {"encode", l_url_encode},
                                     {"query", l_url_query},
                                     {"same_origin", l_url_same_origin},
                                     {"is_loopback", l_url_is_loopback},
                                     {NULL, NULL}};
    luaL_newlib(L, funcs);
    return 1;
}
