/* http_response.c: responses of the http binding. Lua: the class neap.Response.
 *
 * A response is its transfer: made before the transfer starts, anchored by the waiting native or by
 * the script. Of what the core borrows to the end, URL and body are its user values, and the method
 * is copied. */
#include <stddef.h>
#include <string.h>

#include "../core/token.h"
#include "l_http.h"
#include "l_sink.h"
#include "secret.h"

#define PIECE ((size_t)64 * 1024) /* bytes that are poured at a time */

/* One wait for a piece: a userdata on the reader's stack, the response at 1. An op of its own, so that
 * a task that takes a piece between another's wake-up and its turn leaves that one's wait intact. */
typedef struct l_read {
    l_op op;
    l_response *from;
    l_sink *sink;  /* of pour, which takes what comes at once; kept by the user value */
    bool is_poured;
    int (*take)(lua_State *L, l_response *u); /* pushes what was waited for, or waits again */
} l_read;

static const char response_tag;

/* As in flow_call.c: cheaper than luaL_checkudata, and as safe. */
static l_response *check_response(lua_State *L) {
    l_response *u = lua_touserdata(L, 1);
    if (u != NULL && lua_rawlen(L, 1) == sizeof *u && u->tag == &response_tag) return u;
    luaL_checkudata(L, 1, L_RESPONSE_MT);
    luaL_argerror(L, 1, "the response is gone"); /* finalised, at lua_close */
    return NULL;
}

static l_response *of_op(l_op *op) {
    return (l_response *)(void *)((char *)op - offsetof(l_response, op));
}

/* --- a transfer's callbacks -------------------------------------------------------------------- */

static void enter(l_response *u, l_client *c) {
    u->client = c;
    u->next = c->first;
    if (u->next != NULL) u->next->prev = u;
    c->first = u;
}

static void leave(l_response *u) {
    if (u->client == NULL) return;
    if (u->prev != NULL) u->prev->next = u->next;
    else u->client->first = u->next;
    if (u->next != NULL) u->next->prev = u->prev;
    u->next = u->prev = NULL;
    u->client = NULL;
}

/* Keeps of the transfer what can be asked for later. */
static void note(l_response *u) {
    u->status = neap_transfer_status(u->t);
    u->sent = neap_transfer_departed(u->t);
    u->cut = neap_transfer_truncated(u->t);
}

static void on_depart(void *ud, int64_t now_ns) {
    l_response *u = ud;
    if (u->call != NULL) neap_call_depart(u->call, now_ns);
}

static void on_head(void *ud) {
    l_response *u = ud;
    note(u);
    u->headed = true;
    if (u->call != NULL) neap_call_answer(u->call, neap_transfer_answer_ns(u->t));
    u->call = NULL;
    if (u->streamed) {
        neap_transfer_pause(u->t); /* until somebody reads */
        l_op_complete(&u->op);
    }
}

static void wake_reader(l_response *u) {
    l_op *op = u->reader;
    u->reader = NULL;
    if (op != NULL) l_op_complete(op);
}

/* Hands a piece to the sink that waits for it, without a copy in the queue, which is empty then. */
static bool pour_directly(l_response *u, const char *data, size_t len) {
    l_read *r = (l_read *)(void *)u->reader;
    if (r == NULL || r->sink == NULL || u->queue.len > 0) return false;
    r->sink->feed(r->sink, data, len);
    r->is_poured = true;
    return true;
}

static void on_body(void *ud, const char *data, size_t len) {
    l_response *u = ud;
    if (pour_directly(u, data, len)) {
        neap_transfer_pause(u->t);
    } else if (neap_buf_add(&u->queue, data, len) < 0) {
        u->err = (neap_err){.code = NEAP_ENOMEM};
        u->done = true;
        leave(u);
        neap_transfer_cancel(u->t);
        u->t = NULL;
    } else if (u->queue.len > u->room) {
        neap_transfer_pause(u->t);
    } else {
        return; /* more is collected before anybody looks at it */
    }
    wake_reader(u);
}

static void on_done(void *ud, const neap_err *err) {
    l_response *u = ud;
    note(u);
    u->err = *err;
    u->done = true;
    u->call = NULL;
    leave(u);
    l_op_complete(&u->op);
    wake_reader(u);
}

static const neap_transfer_cbs send_cbs = {on_depart, on_head, NULL, on_done};
static const neap_transfer_cbs open_cbs = {on_depart, on_head, on_body, on_done};

/* Ends a transfer under way without waking anybody; what has come stays. */
static void stop(l_response *u, const char *why) {
    if (u->done) return;
    u->done = true;
    u->call = NULL;
    neap_err_set(&u->err, NEAP_ECANCELLED, "%s", why);
    if (u->t == NULL) return;
    note(u);
    leave(u);
    neap_transfer_cancel(u->t);
    u->t = NULL;
}

static void cancel_transfer(l_op *op) {
    stop(of_op(op), "cancelled");
}

/* A wait for a piece that is given up costs nothing: the piece will be queued. */
static void cancel_read(l_op *op) {
    ((l_read *)(void *)op)->from->reader = NULL;
}

/* --- results ------------------------------------------------------------------------------------ */

int l_response_fail(lua_State *L, const l_response *u) {
    l_fail(L, &u->err);
    lua_pushboolean(L, u->sent);
    lua_setfield(L, -2, "sent");
    lua_pushboolean(L, u->cut);
    lua_setfield(L, -2, "truncated");
    return 2;
}

bool l_response_is_refusal(const l_response *u) {
    return u->cut && u->headed && u->status >= 400;
}

/* send: the whole answer is in. The call is at 3, the response at 4. */
static int push_sent(lua_State *L, l_op *op) {
    l_response *u = of_op(op);
    lua_pushnil(L);
    lua_setiuservalue(L, 4, 3);
    if (u->err.code != 0 && !(l_response_is_refusal(u) && lua_isuserdata(L, 3))) return l_response_fail(L, u);
    lua_pushvalue(L, 4);
    return 1;
}

/* open: the head is in. */
static int push_opened(lua_State *L, l_op *op) {
    l_response *u = of_op(op);
    if (!u->headed) return l_response_fail(L, u);
    lua_pushvalue(L, 4);
    return 1;
}

static int push_taken(lua_State *L, l_op *op) {
    l_read *r = (l_read *)(void *)op;
    if (!r->is_poured) return r->take(L, r->from);
    lua_pushboolean(L, 1);
    return 1;
}

/* Waits until there are more than `room` bytes, or the end; then `take` goes on. What the native has on
 * its stack, `count` values, stays there; the sink, if there is one, is at 2. */
static int wait_piece(lua_State *L, l_response *u, int count, size_t room, l_sink *sink,
                      int (*take)(lua_State *, l_response *)) {
    l_read *r;
    if (u->reader != NULL) return luaL_error(L, "another task is already reading this response");
    l_check_can_wait(L);
    lua_settop(L, count);
    r = lua_newuserdatauv(L, sizeof *r, sink != NULL);
    *r = (l_read){.op = {.cancel = cancel_read, .push = push_taken}, .from = u, .sink = sink, .take = take};
    if (sink != NULL) {
        lua_pushvalue(L, 2);
        lua_setiuservalue(L, -2, 1);
    }
    u->reader = &r->op;
    u->room = room;
    neap_transfer_resume(u->t);
    return l_await(L, -1, &r->op);
}

/* read: a piece, or the end; or neither, when another task was faster. */
static int take_piece(lua_State *L, l_response *u) {
    if (u->queue.len > 0) {
        lua_pushlstring(L, u->queue.data, u->queue.len);
        u->queue.len = 0;
        return 1;
    }
    if (!u->done) return wait_piece(L, u, 1, 0, NULL, take_piece);
    if (u->err.code != 0) return l_response_fail(L, u);
    lua_pushnil(L);
    return 1;
}

/* Hands the sink what is in the queue, a part of it where it is much, so that it is not there twice. */
static void feed_some(l_response *u, l_sink *sink) {
    size_t len = u->queue.len < PIECE ? u->queue.len : PIECE;
    sink->feed(sink, u->queue.data, len);
    neap_buf_shift(&u->queue, len);
    if (u->queue.len == 0 && u->queue.cap > PIECE) neap_buf_free(&u->queue);
}

/* pour: the same, into the sink at 2. */
static int pour_piece(lua_State *L, l_response *u) {
    l_sink *sink = l_sink_check(L, 2);
    if (u->queue.len > 0) {
        feed_some(u, sink);
        lua_pushboolean(L, 1);
        return 1;
    }
    if (!u->done) return wait_piece(L, u, 2, 0, sink, pour_piece);
    if (u->err.code != 0) return l_response_fail(L, u);
    sink->finish(sink);
    lua_pushnil(L);
    return 1;
}

/* collect: is what has come, at most as much as 2 says, the whole body? */
static int collect_pieces(lua_State *L, l_response *u) {
    size_t max = (size_t)lua_tointeger(L, 2);
    bool is_more = u->queue.len > max;
    if (!is_more && !u->done) return wait_piece(L, u, 3, max, NULL, collect_pieces);
    if (!is_more && u->err.code != 0) return l_response_fail(L, u);
    if (is_more && lua_toboolean(L, 3)) l_response_abort(u, "the rest is not needed");
    else if (is_more && u->t != NULL) neap_transfer_lift_total(u->t);
    lua_pushboolean(L, !is_more);
    return 1;
}

/* --- for http.c --------------------------------------------------------------------------------- */

void l_response_init(l_response *u, bool streamed, int (*push)(lua_State *, l_op *)) {
    memset(u, 0, sizeof *u);
    u->tag = &response_tag;
    u->streamed = streamed;
    u->op = (l_op){.cancel = cancel_transfer, .push = push};
}

l_response *l_response_push_retired(lua_State *L) {
    l_response *u = lua_newuserdatauv(L, sizeof *u, 4);
    u->tag = NULL;
    luaL_setmetatable(L, L_RESPONSE_MT);
    return u;
}

void l_response_retire(lua_State *L) {
    l_response *u = lua_touserdata(L, -1);
    l_response_drop(u);
    u->tag = NULL;
    lua_pushnil(L);
    lua_setiuservalue(L, -2, L_RESPONSE_BODY);
}

void l_response_take(l_response *u, l_response *from) {
    l_response_init(u, false, push_sent);
    u->t = from->t; /* over: it calls nobody any more */
    from->t = NULL;
    u->status = from->status;
    u->headed = from->headed;
    u->sent = from->sent;
    u->cut = from->cut;
    u->done = true;
}

void l_response_drop(l_response *u) {
    l_response_abort(u, "the response was closed");
    neap_transfer_free(u->t);
    u->t = NULL;
    neap_buf_free(&u->queue);
}

l_response *l_response_push(lua_State *L, int client, bool streamed) {
    l_response *u = lua_newuserdatauv(L, sizeof *u, 4);
    l_response_init(u, streamed, streamed ? push_opened : push_sent);
    luaL_setmetatable(L, L_RESPONSE_MT);
    lua_pushvalue(L, client);
    lua_setiuservalue(L, -2, 1);
    return u;
}

int l_response_start(l_response *u, l_client *c, const neap_request *req) {
    const neap_transfer_cbs *cbs = u->streamed ? &open_cbs : &send_cbs;
    int rc = neap_transfer_start(&u->t, c->http, req, cbs, u, &u->err);
    if (rc < 0) u->done = true;
    else enter(u, c);
    return rc;
}

void l_response_abort(l_response *u, const char *why) {
    stop(u, why);
    if (u->op.task != NULL) l_op_complete(&u->op);
    wake_reader(u);
}

/* --- Lua ------------------------------------------------------------------------------------------ */

/* response:status() -> integer; 0 without an answer */
static int l_response_status(lua_State *L) {
    lua_pushinteger(L, check_response(L)->status);
    return 1;
}

/* response:is_cut() -> boolean: is it a refusal whose body was cut short             [-1, +1, e] */
static int l_response_is_cut(lua_State *L) {
    lua_pushboolean(L, check_response(L)->cut);
    return 1;
}

/* response:body(max?) -> string: the whole body, of a response that was sent for. The C copy is given up
 * for the string, which is kept. Of an opened one what was collected and not read yet, at most max bytes of
 * it.                                                                                 [-1|2, +1, m] */
static int l_response_body(lua_State *L) {
    l_response *u = check_response(L);
    const neap_buf *b;
    if (u->streamed) {
        size_t max = (size_t)luaL_optinteger(L, 2, LUA_MAXINTEGER);
        lua_pushlstring(L, u->queue.data != NULL ? u->queue.data : "", u->queue.len < max ? u->queue.len : max);
        return 1;
    }
    if (!u->cached) {
        neap_transfer_scrub_body(u->t);
        b = neap_transfer_body(u->t);
        lua_pushlstring(L, b->data != NULL ? b->data : "", b->len);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, L_RESPONSE_BODY);
        u->cached = true;
        neap_transfer_drop_body(u->t);
        return 1;
    }
    lua_getiuservalue(L, 1, L_RESPONSE_BODY);
    return 1;
}

/* response:secret(member?) -> secret | nil, err: the token in the answer to a login, which is given up
 * for it and never becomes a string. See core/token.h.                               [-2, +1|2, e] */
static int l_response_secret(lua_State *L) {
    l_response *u = check_response(L);
    const char *member = luaL_optstring(L, 2, NULL);
    const neap_buf *b;
    neap_secret **place;
    neap_err err = {0};
    luaL_argcheck(L, !u->streamed && !u->cached, 1, "the body was read already");
    place = l_secret_push(L);
    b = neap_transfer_body(u->t);
    if (neap_token_take(place, b->data != NULL ? b->data : "", b->len, member, &err) < 0)
        return l_fail(L, &err);
    neap_transfer_drop_body(u->t);
    return 1;
}

static bool is_named(const neap_field *f, const char *name, size_t len) {
    size_t i;
    if (f->name_len != len) return false;
    for (i = 0; i < len; i++) {
        char a = f->name[i], b = name[i];
        if (a >= 'A' && a <= 'Z') a = (char)(a | 0x20);
        if (b >= 'A' && b <= 'Z') b = (char)(b | 0x20);
        if (a != b) return false;
    }
    return true;
}

static size_t field_count(const l_response *u) {
    return u->t != NULL && u->headed ? neap_transfer_field_count(u->t) : 0;
}

/* response:header(name) -> string | nil; repeated fields joined by ", " (RFC 9110 5.2) [-2, +1, m] */
static int l_response_header(lua_State *L) {
    const l_response *u = check_response(L);
    size_t len, i, count = field_count(u);
    const char *name = luaL_checklstring(L, 2, &len);
    int found = 0;
    lua_settop(L, 2);
    for (i = 0; i < count; i++) {
        neap_field f = neap_transfer_field(u->t, i);
        if (!is_named(&f, name, len)) continue;
        if (found++ > 0) lua_pushliteral(L, ", ");
        lua_pushlstring(L, f.value, f.value_len);
        if (found > 1) lua_concat(L, 3);
    }
    if (found == 0) lua_pushnil(L);
    return 1;
}

/* Pushes a field's name in lower case.                                                  [-0, +1, m] */
static void push_lower(lua_State *L, const neap_field *f) {
    char small[64];
    char *text = f->name_len <= sizeof small ? small : lua_newuserdatauv(L, f->name_len, 0);
    for (size_t i = 0; i < f->name_len; i++) {
        char c = f->name[i];
        text[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    lua_pushlstring(L, text, f->name_len);
    if (text != small) lua_remove(L, -2);
}

/* response:header_map() -> { ["lower-case name"] = value }, those of one name joined by ", "   [-1, +1, m] */
static int l_response_header_map(lua_State *L) {
    const l_response *u = check_response(L);
    size_t i, count = field_count(u);
    lua_createtable(L, 0, (int)count);
    for (i = 0; i < count; i++) {
        neap_field f = neap_transfer_field(u->t, i);
        push_lower(L, &f);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TSTRING) {
            lua_pushliteral(L, ", ");
            lua_pushlstring(L, f.value, f.value_len);
            lua_concat(L, 3);
        } else {
            lua_pop(L, 1);
            lua_pushlstring(L, f.value, f.value_len);
        }
        lua_rawset(L, -3);
    }
    return 1;
}

/* response:headers() -> { { name=, value= }, ... } in order of arrival               [-1, +1, m] */
static int l_response_headers(lua_State *L) {
    const l_response *u = check_response(L);
    size_t i, count = field_count(u);
    lua_createtable(L, (int)count, 0);
    for (i = 0; i < count; i++) {
        neap_field f = neap_transfer_field(u->t, i);
        lua_createtable(L, 0, 2);
        lua_pushlstring(L, f.name, f.name_len);
        lua_setfield(L, -2, "name");
        lua_pushlstring(L, f.value, f.value_len);
        lua_setfield(L, -2, "value");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* response:read() -> piece | nil at the end | nil, err; yields. One task at a time.  [-1, +1|2, e] */
static int l_response_read(lua_State *L) {
    l_response *u = check_response(L);
    luaL_argcheck(L, u->streamed, 1, "a response that was sent for has its body whole");
    return take_piece(L, u);
}

/* response:pour(reader) -> true: what has come is in the reader | nil: that was all, and the reader is finished |
 * nil, err; yields. The reader is one of neap.native.split, csv or xml.                  [-2, +1|2, e] */
static int l_response_pour(lua_State *L) {
    l_response *u = check_response(L);
    (void)l_sink_check(L, 2);
    luaL_argcheck(L, u->streamed, 1, "a response that was sent for has its body whole");
    return pour_piece(L, u);
}

/* response:collect(max, cut?) -> true: the whole body has come | false: it is longer than max bytes | nil, err;
 * yields. What was collected stays to be read; with `cut` a longer one is not read on, without it the time-out of
 * the request as a whole ends here.                                                     [-2|3, +1|2, e] */
static int l_response_collect(lua_State *L) {
    l_response *u = check_response(L);
    luaL_argcheck(L, luaL_checkinteger(L, 2) >= 0, 2, "a number of bytes expected");
    luaL_argcheck(L, u->streamed, 1, "a response that was sent for has its body whole");
    lua_settop(L, 3);
    return collect_pieces(L, u);
}

/* response:close() : ends a streamed answer early. Idempotent. */
static int l_response_close(lua_State *L) {
    l_response *u = check_response(L);
    if (u->streamed) l_response_drop(u);
    return 0;
}

static int l_response_gc(lua_State *L) {
    l_response *u = lua_touserdata(L, 1);
    if (u->tag != &response_tag) return 0; /* retired */
    l_response_drop(u);
    u->tag = NULL;
    return 0;
}

static int l_response_str(lua_State *L) {
    const l_response *u = check_response(L);
    lua_pushfstring(L, "%s (%d): %p", L_RESPONSE_MT, u->status, (const void *)u);
    return 1;
}

void l_response_open_class(lua_State *L) {
    static const luaL_Reg methods[] = {{"status", l_response_status},
                                       {"is_cut", l_response_is_cut},
                                       {"body", l_response_body},
                                       {"secret", l_response_secret},
                                       {"header", l_response_header},
                                       {"headers", l_response_headers},
                                       {"header_map", l_response_header_map},
                                       {"read", l_response_read},
                                       {"pour", l_response_pour},
                                       {"collect", l_response_collect},
                                       {"close", l_response_close},
                                       {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_response_gc},
                                     {"__close", l_response_close},
                                     {"__tostring", l_response_str},
                                     {NULL, NULL}};
    l_new_class(L, L_RESPONSE_MT, methods, metas);
}
