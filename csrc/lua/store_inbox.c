/* store_inbox.c: the inboxes of a store: methods of neap.native.store. See spec/lua/inbox_spec.lua.
 *
 * An inbox is named by a text; it is there once something is in it. A key tells its entries apart, a
 * body is any bytes. What waits returns nil, err where the file fails or the store is closed meanwhile.
 * An entry that was taken is named by its number and its attempt: who has lost its lease changes
 * nothing. */
#include <string.h>

#include "store.h"

/* A text without NUL bytes, not empty. */
static const char *check_text(lua_State *L, int idx) {
    size_t len;
    const char *text = luaL_checklstring(L, idx, &len);
    luaL_argcheck(L, len > 0 && strlen(text) == len, idx, "a text without NUL bytes expected");
    return text;
}

static neap_store_req make_req(lua_State *L, neap_store_kind kind) {
    return (neap_store_req){.kind = kind, .now_ms = neap_loop_wall_ms(l_loop(L))};
}

/* For ops of one key. */
static neap_store_req make_key_req(lua_State *L, neap_store_kind kind) {
    neap_store_req req = make_req(L, kind);
    req.scope = check_text(L, 2);
    req.key = check_text(L, 3);
    return req;
}

/* For ops of an entry that was taken. */
static neap_store_req make_entry_req(lua_State *L, neap_store_kind kind) {
    neap_store_req req = make_req(L, kind);
    req.number = luaL_checkinteger(L, 2);
    req.generation = luaL_checkinteger(L, 3);
    req.ttl_ms = l_check_seconds_ms(L, 4);
    return req;
}

static int64_t check_away(lua_State *L, int idx, int64_t ms) {
    luaL_argcheck(L, ms <= NEAP_STORE_AWAY_MAX_MS, idx, "at most an hour expected");
    return ms;
}

static int new_results(lua_State *L, neap_store_result *r) {
    lua_pushboolean(L, r->verdict == NEAP_STORE_DONE);
    return 1;
}

/* store:inbox_put(scope, key, body, again) -> true: new | false: a repeat | nil, err
 * Adds an entry, once. again: one that is done, or being handled, is handled once more with this body,
 * and only one that waits is a repeat. Yields.                                     [-5, +1|2, e] */
static int l_inbox_put(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_key_req(L, NEAP_STORE_INBOX_PUT);
    req.body = luaL_checklstring(L, 4, &req.body_len);
    req.again = lua_toboolean(L, 5);
    return l_store_wait(L, s, &req, new_results);
}

static int seen_results(lua_State *L, neap_store_result *r) {
    lua_pushboolean(L, r->verdict == NEAP_STORE_DONE);
    if (r->verdict == NEAP_STORE_DONE) return 1;
    lua_pushstring(L, r->generation > 0 ? "done" : "open");
    return 2;
}

/* store:inbox_seen(scope, key, ttl) -> true: new | false, "done" or "open": a repeat | nil, err: notes a
 * key for ttl seconds. Yields.                                                     [-4, +1|2, e] */
static int l_inbox_seen(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_key_req(L, NEAP_STORE_INBOX_SEEN);
    req.ttl_ms = l_check_seconds_ms(L, 4);
    return l_store_wait(L, s, &req, seen_results);
}

/* store:inbox_keep(scope, key, ttl) -> true | false: it is an entry to be handled | nil, err: what was
 * seen is done, and known for ttl seconds. Yields.                                 [-4, +1|2, e] */
static int l_inbox_keep(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_key_req(L, NEAP_STORE_INBOX_KEEP);
    req.ttl_ms = l_check_seconds_ms(L, 4);
    return l_store_wait(L, s, &req, new_results);
}

/* store:inbox_forget(scope, key): takes a key out that is done or was only seen. Does not wait, but
 * comes after all that was asked before.                                            [-3, +0, e] */
static int l_inbox_forget(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_key_req(L, NEAP_STORE_INBOX_FORGET);
    l_store_tell(L, s, &req);
    return 0;
}

static void push_entry(lua_State *L, const neap_store_entry *e) {
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, e->number);
    lua_setfield(L, -2, "number");
    lua_pushinteger(L, e->attempt);
    lua_setfield(L, -2, "attempt");
    lua_pushnumber(L, (double)e->received_ms / 1e3);
    lua_setfield(L, -2, "received_at");
    lua_pushstring(L, e->key);
    lua_setfield(L, -2, "key");
    lua_pushlstring(L, e->body, e->body_len);
    lua_setfield(L, -2, "body");
}

static int take_results(lua_State *L, neap_store_result *r) {
    if (r->entry != NULL) {
        push_entry(L, r->entry);
        return 1;
    }
    lua_pushboolean(L, 0);
    if (r->until_ms == 0) return 1;
    lua_pushnumber(L, (double)r->until_ms / 1e3);
    return 2;
}

/* store:inbox_take(scope, ttl) -> entry | false, due | nil, err
 * Takes the oldest entry that waits, for ttl seconds: { number, attempt (from 1), received_at, key,
 * body }. false: none does; due is when the next one will, Unix seconds, nil: there is none. A lease ends with
 * inbox_done, inbox_release, the store, or after ttl seconds. Yields.              [-3, +1|2, e] */
static int l_inbox_take(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_req(L, NEAP_STORE_INBOX_TAKE);
    req.scope = check_text(L, 2);
    req.ttl_ms = check_away(L, 3, l_check_seconds_ms(L, 3));
    return l_store_wait(L, s, &req, take_results);
}

/* store:inbox_renew(number, attempt, ttl) -> boolean | nil, err: the lease goes on; false: it was
 * another's by then. Yields.                                                       [-4, +1|2, e] */
static int l_inbox_renew(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_entry_req(L, NEAP_STORE_INBOX_RENEW);
    check_away(L, 4, req.ttl_ms);
    return l_store_wait(L, s, &req, new_results);
}

/* store:inbox_release(number, attempt, delay): it was not handled, and waits again after delay seconds.
 * Does not wait, but comes before all that is asked later.                          [-4, +0, e] */
static int l_inbox_release(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_entry_req(L, NEAP_STORE_INBOX_RELEASE);
    check_away(L, 4, req.ttl_ms);
    l_store_tell(L, s, &req);
    return 0;
}

/* store:inbox_done(number, attempt, keep): it was handled; its key is known for keep seconds. As
 * inbox_release: where it cannot be written, the entry comes back.                  [-4, +0, e] */
static int l_inbox_done(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_entry_req(L, NEAP_STORE_INBOX_DONE);
    l_store_tell(L, s, &req);
    return 0;
}

const luaL_Reg l_store_inbox_methods[] = {
    {"inbox_put", l_inbox_put},
    {"inbox_seen", l_inbox_seen},
    {"inbox_keep", l_inbox_keep},
    {"inbox_forget", l_inbox_forget},
    {"inbox_take", l_inbox_take},
    {"inbox_renew", l_inbox_renew},
    {"inbox_release", l_inbox_release},
    {"inbox_done", l_inbox_done},
    {NULL, NULL}};
