/* secret.c: binding of core/secret.h, credential.h and redact.h. Lua: neap.native.secret. See
 * spec/lua/secret_spec.lua. Values from the environment, files and commands never become Lua
 * strings; a secret has no method that shows it. */
#include "secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/process.h"
#include "../core/redact.h"
#include "box.h"

#define SECRET_MT "neap.Secret"
#define CREDENTIAL_MT "neap.Credential"
#define READ_MT "neap.SecretRead"

/* Userdata of a secret, and of a credential. */
typedef struct l_secret {
    neap_secret *s; /* one reference; NULL only before it is filled */
} l_secret;
typedef struct l_credential {
    neap_credential *c; /* likewise */
} l_credential;

static int check_memory(lua_State *L, int rc) {
    return rc == NEAP_ENOMEM ? luaL_error(L, "not enough memory") : rc;
}

neap_secret *l_secret_check(lua_State *L, int idx) {
    l_secret *u = luaL_checkudata(L, idx, SECRET_MT);
    luaL_argcheck(L, u->s != NULL, idx, "bug: empty secret");
    return u->s;
}

neap_credential *l_secret_check_credential(lua_State *L, int idx) {
    l_credential *u = luaL_checkudata(L, idx, CREDENTIAL_MT);
    luaL_argcheck(L, u->c != NULL, idx, "bug: empty credential");
    return u->c;
}

/* --- secrets ---------------------------------------------------------------------------------- */

/* Pushes a userdata to be filled.                                                    [-0, +1, m] */
static l_secret *push_secret(lua_State *L) {
    l_secret *u = lua_newuserdatauv(L, sizeof *u, 0);
    u->s = NULL;
    luaL_setmetatable(L, SECRET_MT);
    return u;
}

neap_secret **l_secret_push(lua_State *L) {
    return &push_secret(L)->s;
}

static int l_secret_gc(lua_State *L) {
    l_secret *u = lua_touserdata(L, 1);
    neap_secret_unref(u->s);
    u->s = NULL;
    return 0;
}

static int l_secret_tostring(lua_State *L) {
    lua_pushliteral(L, "***");
    return 1;
}

/* secret.literal(text) -> secret | nil, err                                        [-1, +1|2, m] */
static int l_secret_literal(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    l_secret *u = push_secret(L);
    if (check_memory(L, neap_secret_new(&u->s, text, len)) == 0) return 1;
    return l_failf(L, NEAP_ESETTINGS, "a secret must not be empty or hold control characters");
}

/* secret.is(value) -> boolean                                                        [-1, +1, -] */
static int l_secret_is(lua_State *L) {
    lua_pushboolean(L, luaL_testudata(L, 1, SECRET_MT) != NULL);
    return 1;
}

/* secret:fingerprint() -> 16 hexadecimal digits, see neap_secret_fingerprint          [-1, +1, m] */
static int l_secret_fingerprint(lua_State *L) {
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, neap_secret_fingerprint(l_secret_check(L, 1)));
    lua_pushstring(L, text);
    return 1;
}

/* secret:equals(other) -> boolean, in a time that tells nothing about where they differ */
static int l_secret_equals(lua_State *L) {
    const neap_secret *a = l_secret_check(L, 1), *b = l_secret_check(L, 2);
    lua_pushboolean(L, neap_secret_same(neap_secret_bytes(a), neap_secret_len(a), neap_secret_bytes(b),
                                        neap_secret_len(b)));
    return 1;
}

/* secret.redact(text) -> text                                                        [-1, +1, m] */
static int l_secret_redact(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    neap_buf *out;
    lua_settop(L, 1);
    if (!neap_redact_found(text, len)) return 1;
    out = l_box_push(L);
    check_memory(L, neap_redact(out, text, len));
    return l_box_take(L, out);
}

/* --- references ------------------------------------------------------------------------------- */

/* A failure of a reference: its name (cut) and what is wrong. */
static int fail_reference(lua_State *L, const char *ref, const neap_err *err) {
    return l_failf(L, err->code, "%.150s %s", ref, err->message);
}

/* Pushes a secret, or its text where the setting is none; the reference is taken over.
 *                                                                                    [-0, +1, m] */
static int push_value(lua_State *L, neap_secret **value, bool plain) {
    if (plain) {
        lua_pushlstring(L, neap_secret_bytes(*value), neap_secret_len(*value));
        neap_secret_unref(*value);
    } else {
        push_secret(L)->s = *value;
    }
    *value = NULL;
    return 1;
}

/* A variable's value, which stays in C unless it is plain. */
static int take_env(lua_State *L, const char *ref, const char *name, bool plain) {
    const char *value = getenv(name);
    neap_err err = {.code = NEAP_ESETTINGS, .message = "is not set"};
    l_secret *u = push_secret(L);
    if (value == NULL) return fail_reference(L, ref, &err);
    if (neap_secret_take(&u->s, value, strlen(value), &err) < 0) {
        return fail_reference(L, ref, &err);
    }
    return plain ? push_value(L, &u->s, true) : 1;
}

/* One read of a file, or of what a command prints. */
typedef struct l_read {
    l_op op;
    neap_secret_read *read; /* the file's; NULL: done or not started */
    neap_process *process;  /* the command's run, owned */
    neap_secret *value;     /* result, one reference, until pushed */
    neap_err err;           /* code 0: value is there */
    bool plain;             /* asked for as text */
    char ref[];             /* for messages */
} l_read;

static void on_read(void *ud, neap_secret *value, const neap_err *err) {
    l_read *r = ud;
    r->read = NULL;
    r->value = value;
    r->err = *err;
    l_op_complete(&r->op);
}

static void read_cancel(l_op *op) {
    l_read *r = (l_read *)op; /* op is its first member */
    if (r->read != NULL) neap_secret_read_cancel(r->read);
    r->read = NULL;
    neap_process_free(r->process);
    r->process = NULL;
}

static int read_push(lua_State *L, l_op *op) {
    l_read *r = (l_read *)op;
    if (r->err.code < 0) return fail_reference(L, r->ref, &r->err);
    return push_value(L, &r->value, r->plain);
}

static int l_read_gc(lua_State *L) {
    l_read *r = lua_touserdata(L, 1);
    read_cancel(&r->op);
    neap_secret_unref(r->value);
    r->value = NULL;
    l_op_forget(&r->op);
    return 0;
}

/* Pushes a read to be started, for a reference.                                      [-0, +1, e] */
static l_read *push_read(lua_State *L, const char *ref, bool plain) {
    size_t len = strlen(ref);
    l_read *r;
    l_check_can_wait(L);
    r = lua_newuserdatauv(L, sizeof *r + len + 1, 0);
    *r = (l_read){.op = {.cancel = read_cancel, .push = read_push}, .plain = plain};
    memcpy(r->ref, ref, len + 1);
    luaL_setmetatable(L, READ_MT);
    return r;
}

/* Waits for the content of a file; ref is the whole reference. */
static int await_file(lua_State *L, const char *ref, const char *path, bool plain) {
    l_read *r = push_read(L, ref, plain);
    check_memory(L, neap_secret_read_start(&r->read, l_loop(L), path, on_read, r));
    return l_await(L, -1, &r->op);
}

static int take_output(l_read *r, const neap_process *p) {
    if (p->err.code < 0) {
        return neap_err_set(&r->err, NEAP_ESETTINGS, "failed: %.100s", p->err.message);
    }
    if (p->status != 0) {
        return neap_err_set(&r->err, NEAP_ESETTINGS, "failed with exit status %d", p->status);
    }
    return neap_secret_take(&r->value, p->out.data, p->out.len, &r->err);
}

static void on_process(neap_process *p) {
    l_read *r = p->ud;
    take_output(r, p);
    neap_buf_wipe(&p->out);
    l_op_complete(&r->op);
}

/* Waits for what a command prints. */
static int await_command(lua_State *L, const char *ref, const char *command, bool plain) {
    l_read *r = push_read(L, ref, plain);
    check_memory(L, neap_process_start(&r->process, l_loop(L), command, NEAP_SECRET_FILE_MAX,
                                       on_process, r));
    return l_await(L, -1, &r->op);
}

static bool begins(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_reference(const char *text) {
    return begins(text, "env:") || begins(text, "file:") || begins(text, "cmd:");
}

/* Resolves a reference; a text that is none is perhaps a secret itself, so it is not quoted. */
static int resolve(lua_State *L, const char *ref, bool plain) {
    if (begins(ref, "env:")) return take_env(L, ref, ref + 4, plain);
    if (begins(ref, "file:")) return await_file(L, ref, ref + 5, plain);
    if (begins(ref, "cmd:")) return await_command(L, ref, ref + 4, plain);
    return l_failf(L, NEAP_ESETTINGS,
                   "not a reference: env:NAME, file:PATH or cmd:COMMAND expected");
}

/* secret.from(reference) -> secret | nil, err; yields for file: and cmd:           [-1, +1|2, e] */
static int l_secret_from(lua_State *L) {
    return resolve(L, luaL_checkstring(L, 1), false);
}

/* secret.read_plain(reference) -> text | nil, err : for settings that are no secrets; yields
 * alike                                                                            [-1, +1|2, e] */
static int l_secret_read_plain(lua_State *L) {
    return resolve(L, luaL_checkstring(L, 1), true);
}

/* secret.env(name) -> secret | nil (not set) | nil, err : the variable holds the secret, or a
 * reference to it; yields as from does. For NEAP_<VENDOR>_<SETTING>.               [-1, +1|2, e] */
static int l_secret_env(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    const char *value = getenv(name);
    if (value == NULL) {
        lua_pushnil(L);
        return 1;
    }
    return is_reference(value) ? resolve(L, value, false) : take_env(L, name, name, false);
}

/* --- credentials ------------------------------------------------------------------------------ */

static int l_credential_gc(lua_State *L) {
    l_credential *u = lua_touserdata(L, 1);
    neap_credential_unref(u->c);
    u->c = NULL;
    return 0;
}

static int l_credential_tostring(lua_State *L) {
    lua_pushliteral(L, CREDENTIAL_MT);
    return 1;
}

/* credential:check(url) -> true | nil, err                                         [-2, +1|2, m] */
static int l_credential_check(lua_State *L) {
    neap_credential *c = l_secret_check_credential(L, 1);
    neap_err err;
    if (neap_credential_check(c, luaL_checkstring(L, 2), &err) < 0) return l_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* Puts the placement table on the top of the stack. 0 or NEAP_EINVAL; THROWS on wrong types. */
static int put_placement(lua_State *L, neap_credential *c) {
    static const char *const places[] = {"header", "body", "query", "basic", "bearer", NULL};
    static const neap_placement placements[] = {NEAP_IN_HEADER, NEAP_IN_BODY, NEAP_IN_QUERY,
                                                NEAP_IN_BASIC, NEAP_IN_BEARER};
    int item = lua_gettop(L), rc;
    const char *name;
    neap_secret *s;
    luaL_argcheck(L, lua_istable(L, item), 1, "list of { place, name, secret } expected");
    lua_getfield(L, item, "place");
    lua_getfield(L, item, "name");
    lua_getfield(L, item, "secret");
    name = luaL_optstring(L, item + 2, NULL);
    s = l_secret_check(L, item + 3);
    rc = neap_credential_put(c, placements[luaL_checkoption(L, item + 1, NULL, places)], name, s);
    lua_settop(L, item - 1);
    return check_memory(L, rc);
}

/* Allows the origins in the list at the top of the stack: 0, or the index of a URL that is none. */
static lua_Integer allow_origins(lua_State *L, neap_credential *c) {
    int list = lua_gettop(L);
    luaL_argcheck(L, lua_istable(L, list), 1, "origins: list of URLs expected");
    for (lua_Integer i = 1; lua_rawgeti(L, list, i) != LUA_TNIL; i++) {
        const char *url = luaL_checkstring(L, -1);
        if (check_memory(L, neap_credential_allow(c, url)) < 0) return i;
        lua_pop(L, 1);
    }
    return 0;
}

/* secret.credential{ { place=, name=, secret= }, ..., origins = { url, ... } }
 * -> credential | nil, err                                                         [-1, +1|2, e] */
static int l_secret_credential(lua_State *L) {
    l_credential *u;
    lua_Integer bad;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    u = lua_newuserdatauv(L, sizeof *u, 0);
    u->c = NULL;
    luaL_setmetatable(L, CREDENTIAL_MT);
    check_memory(L, neap_credential_new(&u->c));
    for (lua_Integer i = 1; lua_rawgeti(L, 1, i) != LUA_TNIL; i++) {
        if (put_placement(L, u->c) == 0) continue;
        return l_failf(L, NEAP_ESETTINGS,
                       "credential placement %d: name or secret does not fit there",
                       (int)i);
    }
    lua_getfield(L, 1, "origins");
    bad = allow_origins(L, u->c);
    if (bad > 0) return l_failf(L, NEAP_ESETTINGS, "credential origin %d: not a URL", (int)bad);
    lua_settop(L, 2);
    return 1;
}

int luaopen_neap_secret(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg secret_metas[] = {
        {"__gc", l_secret_gc}, {"__tostring", l_secret_tostring}, {NULL, NULL}};
    static const luaL_Reg secret_methods[] = {{"equals", l_secret_equals},
                                               {"fingerprint", l_secret_fingerprint},
                                               {NULL, NULL}};
    static const luaL_Reg read_metas[] = {{"__gc", l_read_gc}, {NULL, NULL}};
    static const luaL_Reg credential_methods[] = {{"check", l_credential_check}, {NULL, NULL}};
    static const luaL_Reg credential_metas[] = {
        {"__gc", l_credential_gc}, {"__tostring", l_credential_tostring}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"literal", l_secret_literal},
                                     {"from", l_secret_from},
                                     {"env", l_secret_env},
                                     {"read_plain", l_secret_read_plain},
                                     {"redact", l_secret_redact},
                                     {"is", l_secret_is},
                                     {"credential", l_secret_credential},
                                     {NULL, NULL}};
    l_new_class(L, SECRET_MT, secret_methods, secret_metas);
    l_new_class(L, READ_MT, none, read_metas);
    l_new_class(L, CREDENTIAL_MT, credential_methods, credential_metas);
    luaL_newlib(L, funcs);
    return 1;
}
