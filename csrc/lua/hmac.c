/* hmac.c: binding of core/hmac.h and core/encoding.h. Lua: neap.native.hmac. See spec/lua/hmac_spec.lua.
 * The key is a secret and stays in C. */
#include "../core/hmac.h"

#include "../core/encoding.h"
#include "box.h"
#include "secret.h"

/* Texts of one signature. */
enum { MAX_PIECES = 16 };

static int check_memory(lua_State *L, int rc) {
    return rc == NEAP_ENOMEM ? luaL_error(L, "not enough memory") : rc;
}

static neap_hmac_algorithm check_algorithm(lua_State *L, int idx) {
    static const char *const names[] = {"sha1", "sha256", "sha512", NULL};
    static const neap_hmac_algorithm algorithms[] = {NEAP_HMAC_SHA1, NEAP_HMAC_SHA256, NEAP_HMAC_SHA512};
    return algorithms[luaL_checkoption(L, idx, NULL, names)];
}

/* Pushes the bytes of a signature, or nil and an error. */
static int push_result(lua_State *L, int rc, const neap_hmac *made, const neap_err *err) {
    if (rc < 0) return l_fail(L, err);
    lua_pushlstring(L, (const char *)made->bytes, made->len);
    return 1;
}

static int sign(lua_State *L, neap_hmac_form form) {
    neap_span pieces[MAX_PIECES];
    neap_hmac made;
    neap_err err;
    neap_hmac_algorithm algorithm = check_algorithm(L, 1);
    const neap_secret *secret = l_secret_check(L, 2);
    int i, count = lua_gettop(L) - 2, rc;
    luaL_argcheck(L, count <= MAX_PIECES, 3, "too many texts");
    for (i = 0; i < count; i++) pieces[i].data = luaL_checklstring(L, i + 3, &pieces[i].len);
    rc = neap_hmac_sign(&made, algorithm, secret, form, pieces, (size_t)count, &err);
    return push_result(L, rc, &made, &err);
}

/* hmac.sign("sha1" | "sha256" | "sha512", secret, text...) -> bytes | nil, err : of the texts as one, at most
 * sixteen                                                                           [-n, +1|2, m] */
static int l_hmac_sign(lua_State *L) {
    return sign(L, NEAP_HMAC_PLAIN);
}

/* hmac.sign_base64(algorithm, secret, text...) -> bytes | nil, err (settings: the secret is no base64); the key
 * is what the secret says in base64, with whsec_ before it or not                   [-n, +1|2, m] */
static int l_hmac_sign_base64(lua_State *L) {
    return sign(L, NEAP_HMAC_BASE64);
}

/* hmac.digest(algorithm, text) -> bytes | nil, err                                  [-2, +1|2, m] */
static int l_hmac_digest(lua_State *L) {
    neap_hmac made;
    neap_err err;
    neap_hmac_algorithm algorithm = check_algorithm(L, 1);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    return push_result(L, neap_hmac_digest(&made, algorithm, text, len, &err), &made, &err);
}

/* hmac.equal(a, b) -> boolean, in a time that tells their lengths only              [-2, +1, -] */
static int l_hmac_equal(lua_State *L) {
    size_t a_len, b_len;
    const char *a = luaL_checklstring(L, 1, &a_len), *b = luaL_checklstring(L, 2, &b_len);
    lua_pushboolean(L, neap_secret_same(a, a_len, b, b_len));
    return 1;
}

/* hmac.matches(secret, text) -> boolean: is that the secret? In such a time, too.   [-2, +1, -] */
static int l_hmac_matches(lua_State *L) {
    const neap_secret *secret = l_secret_check(L, 1);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    lua_pushboolean(L, neap_secret_same(neap_secret_bytes(secret), neap_secret_len(secret), text, len));
    return 1;
}

/* Pushes what fn makes of the text at 1. */
static int write_text(lua_State *L, int (*fn)(neap_buf *, const void *, size_t)) {
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    neap_buf *out = l_box_push(L);
    check_memory(L, fn(out, bytes, len));
    return l_box_take(L, out);
}

/* Pushes the bytes that fn reads in the text at 1, or nil. */
static int read_text(lua_State *L, int (*fn)(neap_buf *, const char *, size_t)) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    neap_buf *out = l_box_push(L);
    if (check_memory(L, fn(out, text, len)) == 0) return l_box_take(L, out);
    lua_pushnil(L);
    return 1;
}

/* hmac.hex(bytes) -> text, hmac.base64(bytes) -> text                                [-1, +1, m] */
static int l_hmac_hex(lua_State *L) {
    return write_text(L, neap_hex_fmt);
}

static int l_hmac_base64(lua_State *L) {
    return write_text(L, neap_base64_fmt);
}

/* hmac.parse_hex(text) -> bytes | nil, hmac.parse_base64(text) -> bytes | nil; see core/encoding.h
 *                                                                                    [-1, +1, m] */
static int l_hmac_parse_hex(lua_State *L) {
    return read_text(L, neap_hex_parse);
}

static int l_hmac_parse_base64(lua_State *L) {
    return read_text(L, neap_base64_parse);
}

int luaopen_neap_hmac(lua_State *L) {
    static const luaL_Reg funcs[] = {{"sign", l_hmac_sign},
                                     {"sign_base64", l_hmac_sign_base64},
                                     {"digest", l_hmac_digest},
                                     {"equal", l_hmac_equal},
                                     {"matches", l_hmac_matches},
                                     {"hex", l_hmac_hex},
                                     {"base64", l_hmac_base64},
                                     {"parse_hex", l_hmac_parse_hex},
                                     {"parse_base64", l_hmac_parse_base64},
                                     {NULL, NULL}};
    luaL_newlib(L, funcs);
    return 1;
}
