/* store.c: binding of core/store.h: sessions that all processes of the user share. Its limits are
 * made by flow.limit{ store = }; its inboxes are in store_inbox.c. Lua: neap.native.store. See
 * spec/lua/store_spec.lua.
 *
 * A session is the table { secret = token, generation = n, obtained_at = seconds, slid_at = seconds }:
 * the token never becomes a string; the generation grows by 1 with every login; slid_at is when the
 * token was last known to be good, at first obtained_at. Times are Unix seconds. A key is a text that
 * names vendor, base URL and account.
 *
 * What waits returns nil, err where the file fails (kind "limit"; one line that says what to do) or the
 * store is closed meanwhile ("cancelled"). A closed store raises. */
#include "store.h"

#include "secret.h"

#define STORE_MT "neap.Store"
#define STOREOP_MT "neap.StoreOp"

/* What scripts hold. */
typedef struct l_store {
    neap_store *s; /* a reference; NULL once closed */
} l_store;

/* One wait for one op: a userdata on the waiting native's stack. User value 1: the store of an open. */
typedef struct l_storeop {
    l_op op;             /* first member: see storeop_cancel */
    neap_store_op *core; /* owned */
    int (*results)(lua_State *L, neap_store_result *); /* pushes them after success */
    l_store *opens;      /* of user value 1: closed again if it cannot be opened */
} l_storeop;

static l_store *to_store(lua_State *L, int idx) {
    return luaL_checkudata(L, idx, STORE_MT);
}

neap_store *l_store_check(lua_State *L, int idx) {
    l_store *u = to_store(L, idx);
    if (u->s == NULL) luaL_error(L, "this store is closed");
    return u->s;
}

static void close_store(l_store *u) {
    neap_store *s = u->s;
    u->s = NULL;
    if (s == NULL) return;
    neap_store_close(s);
    neap_store_unref(s);
}

/* --- waiting -------------------------------------------------------------------------------- */

static void on_done(neap_store_op *core) {
    l_storeop *u = core->ud;
    l_op_complete(&u->op);
}

static void storeop_cancel(l_op *op) {
    l_storeop *u = (l_storeop *)op;
    neap_store_op_free(u->core);
    u->core = NULL;
    if (u->opens != NULL) close_store(u->opens);
}

static int l_storeop_gc(lua_State *L) {
    l_storeop *u = lua_touserdata(L, 1);
    neap_store_op_free(u->core);
    u->core = NULL;
    l_op_forget(&u->op);
    return 0;
}

static int storeop_push(lua_State *L, l_op *op) {
    l_storeop *u = (l_storeop *)op;
    neap_store_result *r = &u->core->result;
    int count;
    if (r->err.code < 0) {
        if (u->opens != NULL) close_store(u->opens);
        count = l_fail(L, &r->err);
    } else {
        count = u->results(L, r);
    }
    neap_store_op_free(u->core);
    u->core = NULL;
    return count;
}

static l_storeop *new_op(lua_State *L, int (*results)(lua_State *, neap_store_result *)) {
    l_storeop *u = lua_newuserdatauv(L, sizeof *u, 1);
    *u = (l_storeop){.op = {.cancel = storeop_cancel, .push = storeop_push}, .results = results};
    luaL_setmetatable(L, STOREOP_MT);
    return u;
}

int l_store_wait(lua_State *L, neap_store *s, const neap_store_req *req,
                 int (*results)(lua_State *, neap_store_result *)) {
    l_storeop *u;
    int rc;
    l_check_can_wait(L);
    u = new_op(L, results);
    rc = neap_store_start(s, &u->core, req, on_done, u);
    if (rc < 0) return l_failf(L, rc, "%s", neap_store_strerror(rc));
    return l_await(L, -1, &u->op);
}

void l_store_tell(lua_State *L, neap_store *s, const neap_store_req *req) {
    if (neap_store_start(s, NULL, req, NULL, NULL) == NEAP_ENOMEM) luaL_error(L, "not enough memory");
}

/* --- results -------------------------------------------------------------------------------- */

static void set_seconds(lua_State *L, const char *name, int64_t ms) {
    lua_pushnumber(L, (double)ms / 1e3);
    lua_setfield(L, -2, name);
}

static void push_session(lua_State *L, const neap_store_result *r) {
    lua_createtable(L, 0, 4);
    *l_secret_push(L) = neap_secret_ref(r->token);
    lua_setfield(L, -2, "secret");
    lua_pushinteger(L, r->generation);
    lua_setfield(L, -2, "generation");
    set_seconds(L, "obtained_at", r->obtained_ms);
    set_seconds(L, "slid_at", r->slid_ms);
}

static int session_results(lua_State *L, neap_store_result *r) {
    if (r->verdict == NEAP_STORE_DONE) push_session(L, r);
    else lua_pushnil(L);
    return 1;
}

static int lease_results(lua_State *L, neap_store_result *r) {
    if (r->verdict == NEAP_STORE_NEWER) {
        lua_pushliteral(L, "newer");
        push_session(L, r);
        return 2;
    }
    if (r->verdict == NEAP_STORE_DONE) {
        lua_pushliteral(L, "granted");
        return 1;
    }
    lua_pushliteral(L, "held");
    lua_pushnumber(L, (double)r->until_ms / 1e3);
    return 2;
}

static int put_results(lua_State *L, neap_store_result *r) {
    if (r->verdict == NEAP_STORE_DONE) lua_pushinteger(L, r->generation);
    else lua_pushboolean(L, 0);
    return 1;
}

static int change_results(lua_State *L, neap_store_result *r) {
    lua_pushboolean(L, r->verdict == NEAP_STORE_DONE);
    return 1;
}

/* The store: user value 1 of the op, which the waiting native left on top of its stack. */
static int open_results(lua_State *L, neap_store_result *r) {
    (void)r;
    lua_getiuservalue(L, 2, 1);
    return 1;
}

/* --- natives -------------------------------------------------------------------------------- */

/* store.open(path) -> store | nil, err: opens the state file, which is made if need be, with the
 * directories above it. nil: not writable, locked for 5 s, damaged, of a newer Neap, or of something
 * else. Should it be moved or removed later, all that waits fails from then on, kind "limit". Yields.
 *                                                                                [-1, +1|2, e] */
static int l_store_open(lua_State *L) {
    neap_store_cfg cfg = {.path = luaL_checkstring(L, 1)};
    neap_store_req req = {.kind = NEAP_STORE_OPEN};
    l_storeop *op;
    l_store *u;
    int rc;
    lua_settop(L, 1);
    l_check_can_wait(L);
    op = new_op(L, open_results);
    u = lua_newuserdatauv(L, sizeof *u, 0);
    u->s = NULL;
    luaL_setmetatable(L, STORE_MT);
    lua_setiuservalue(L, 2, 1);
    rc = neap_store_open(&u->s, l_loop(L), &cfg);
    if (rc == 0) rc = neap_store_start(u->s, &op->core, &req, on_done, op);
    if (rc < 0) {
        close_store(u);
        return l_failf(L, rc, "%s", neap_store_strerror(rc));
    }
    op->opens = u;
    return l_await(L, 2, &op->op);
}

/* store:close(): idempotent; also __close and __gc. Who waits gets nil, err; what is only written is
 * written; leases end. May take as long as a last write to the disk.               [-1, +0, e] */
static int l_store_close(lua_State *L) {
    close_store(to_store(L, 1));
    return 0;
}

static int l_store_tostring(lua_State *L) {
    lua_pushstring(L, to_store(L, 1)->s != NULL ? STORE_MT : STORE_MT " (closed)");
    return 1;
}

static neap_store_req make_req(lua_State *L, neap_store_kind kind) {
    return (neap_store_req){.kind = kind,
                            .key = luaL_checkstring(L, 2),
                            .now_ms = neap_loop_wall_ms(l_loop(L))};
}

static int64_t check_generation(lua_State *L, int idx) {
    int64_t generation = luaL_checkinteger(L, idx);
    luaL_argcheck(L, generation > 0, idx, "generation of a session expected");
    return generation;
}

/* store:session_get(key) -> session | nil; yields                                [-2, +1|2, e] */
static int l_session_get(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_req(L, NEAP_STORE_SESSION_GET);
    return l_store_wait(L, s, &req, session_results);
}

/* store:session_lease(key, ttl, seen) -> "granted" | "held", until | "newer", session | nil, err
 * Asks for the right to log in. seen: generation of the last session this caller had, nil or 0: none;
 * a session with a greater one is there already: "newer", and no lease. "held": another store of this
 * or another process logs in, until that time at most. A granted lease ends with session_put,
 * session_release, the store, or after ttl seconds. It is the store's: within a runtime one has to
 * take turns oneself. Yields.                                                      [-4, +1|2, e] */
static int l_session_lease(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_req(L, NEAP_STORE_SESSION_LEASE);
    req.ttl_ms = l_check_seconds_ms(L, 3);
    req.generation = luaL_optinteger(L, 4, 0);
    return l_store_wait(L, s, &req, lease_results);
}

/* store:session_put(key, secret) -> generation | false | nil, err: ends the lease with a new token,
 * obtained now. false: the lease had run out and another has it, or has put its own: nothing is
 * changed. Yields.                                                                [-3, +1|2, e] */
static int l_session_put(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_req(L, NEAP_STORE_SESSION_PUT);
    req.token = l_secret_check(L, 3);
    return l_store_wait(L, s, &req, put_results);
}

/* store:session_release(key) -> boolean | nil, err: ends the lease without a token; false: it was
 * another's by then. Yields.                                                      [-2, +1|2, e] */
static int l_session_release(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_req(L, NEAP_STORE_SESSION_RELEASE);
    return l_store_wait(L, s, &req, change_results);
}

/* store:session_drop(key, generation) -> boolean | nil, err: a reply said that the token has expired;
 * false: another generation is there by now, and stays. Yields.                   [-3, +1|2, e] */
static int l_session_drop(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_req(L, NEAP_STORE_SESSION_DROP);
    req.generation = check_generation(L, 3);
    return l_store_wait(L, s, &req, change_results);
}

/* store:session_slide(key, generation, at): the token was good at that time. Only moves forward, and
 * only while the generation is the same. Does not wait, and does not tell whether it could be
 * written: what is lost is a login that comes earlier.                              [-4, +0, e] */
static int l_session_slide(lua_State *L) {
    neap_store *s = l_store_check(L, 1);
    neap_store_req req = make_req(L, NEAP_STORE_SESSION_SLIDE);
    double at = luaL_checknumber(L, 4);
    req.generation = check_generation(L, 3);
    luaL_argcheck(L, at >= 0 && at < 1e12, 4, "Unix seconds expected");
    req.at_ms = (int64_t)(at * 1e3);
    l_store_tell(L, s, &req);
    return 0;
}

static void add_methods(lua_State *L, const luaL_Reg *methods) {
    luaL_getmetatable(L, STORE_MT);
    lua_getfield(L, -1, "__index");
    luaL_setfuncs(L, methods, 0);
    lua_pop(L, 2);
}

int luaopen_neap_store(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg methods[] = {{"close", l_store_close},
                                       {"session_get", l_session_get},
                                       {"session_lease", l_session_lease},
                                       {"session_put", l_session_put},
                                       {"session_release", l_session_release},
                                       {"session_slide", l_session_slide},
                                       {"session_drop", l_session_drop},
                                       {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_store_close},
                                     {"__close", l_store_close},
                                     {"__tostring", l_store_tostring},
                                     {NULL, NULL}};
    static const luaL_Reg op_metas[] = {{"__gc", l_storeop_gc}, {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"open", l_store_open}, {NULL, NULL}};
    l_new_class(L, STORE_MT, methods, metas);
    add_methods(L, l_store_inbox_methods);
    l_new_class(L, STOREOP_MT, none, op_metas);
    luaL_newlib(L, funcs);
    return 1;
}
