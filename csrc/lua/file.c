/* file.c: binding of core/file.h. Lua: neap.native.file. See spec/lua/file_spec.lua.
 *
 * Everything that touches the disk waits in a task; only buffered writes return at once. Natives
 * that wait leave their file at index 1 or FILE_AT, where the results look for it. */
#include "../core/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "l_file.h"
#include "l_json.h"

#define FILE_MT "neap.File"
#define FILEOP_MT "neap.FileOp"

enum { FILE_AT = 3, READ_SIZE = 64 * 1024 };

/* What scripts hold. */
typedef struct l_file {
    const void *tag;     /* &file_tag */
    neap_file *f;        /* owned; NULL before it is open and once closed */
    size_t buffer;       /* bytes that write() may leave to a later one */
    lua_Integer written; /* bytes that were put, whether they have left the buffer or not */
    lua_Integer records; /* lines of JSON among them */
    bool closing;        /* a close, commit or abort has begun: closed for everybody else */
    bool atomic;         /* wants commit */
} l_file;

static const char file_tag;

/* One wait for one operation: a userdata on the waiting native's stack. */
typedef struct l_fileop {
    l_op op;           /* first member: see fileop_cancel */
    neap_fileop *core; /* owned */
    neap_file *path;   /* owned; of an operation about a path */
    bool closes;       /* the file at index 1 is closed afterwards, well or not */
    int (*results)(lua_State *L, neap_file_result *); /* pushes them after success */
} l_fileop;

/* Raises Lua's memory error for a code that says so; no other can come. */
static void check_memory(lua_State *L, int rc) {
    if (rc < 0) luaL_error(L, "not enough memory");
}

/* --- waiting ------------------------------------------------------------------------------- */

static void on_done(neap_fileop *core) {
    l_fileop *u = core->ud;
    l_op_complete(&u->op);
}

static void fileop_close(l_fileop *u) {
    neap_fileop_free(u->core);
    neap_file_free(u->path);
    u->core = NULL;
    u->path = NULL;
}

static void fileop_cancel(l_op *op) {
    fileop_close((l_fileop *)op);
}

static int l_fileop_gc(lua_State *L) {
    l_fileop *u = lua_touserdata(L, 1);
    fileop_close(u);
    l_op_forget(&u->op);
    return 0;
}

/* nil, err; err.code is the system's name of the error ("ENOENT"). */
static int push_failure(lua_State *L, const neap_file_result *r) {
    l_fail(L, &r->err);
    if (r->name != NULL) {
        lua_pushstring(L, r->name);
        lua_setfield(L, -2, "code");
    }
    return 2;
}

static void free_file(l_file *u) {
    neap_file *f = u->f;
    u->f = NULL;
    u->closing = true;
    neap_file_free(f);
}

static int fileop_push(lua_State *L, l_op *op) {
    l_fileop *u = (l_fileop *)op;
    neap_file_result *r = &u->core->result;
    int count;
    if (u->closes) free_file(lua_touserdata(L, 1));
    count = r->err.code < 0 ? push_failure(L, r) : u->results(L, r);
    fileop_close(u);
    return count;
}

static l_fileop *new_fileop(lua_State *L, int (*results)(lua_State *, neap_file_result *)) {
    l_fileop *u = lua_newuserdatauv(L, sizeof *u, 0);
    *u = (l_fileop){.op = {.cancel = fileop_cancel, .push = fileop_push}, .results = results};
    luaL_setmetatable(L, FILEOP_MT);
    return u;
}

/* Starts an operation on f and waits for it: the tail call of a native. */
static int wait_for(lua_State *L, l_fileop *u, neap_file *f, const neap_file_req *req) {
    check_memory(L, neap_file_start(f, &u->core, req, on_done, u));
    return l_await(L, -1, &u->op);
}

static int push_true(lua_State *L, neap_file_result *r) {
    (void)r;
    lua_pushboolean(L, 1);
    return 1;
}

/* --- open ---------------------------------------------------------------------------------- */

/* As in http_response.c: cheaper than luaL_checkudata, for whoever writes records. */
static l_file *to_file(lua_State *L, int idx) {
    l_file *u = lua_touserdata(L, idx);
    if (u != NULL && lua_rawlen(L, idx) == sizeof *u && u->tag == &file_tag) return u;
    return luaL_checkudata(L, idx, FILE_MT);
}

static l_file *check_still_open(lua_State *L, l_file *u) {
    if (u->f == NULL || u->closing) luaL_error(L, "this file is closed");
    return u;
}

static l_file *check_open_at(lua_State *L, int idx) {
    return check_still_open(L, to_file(L, idx));
}

static l_file *check_open(lua_State *L) {
    return check_open_at(L, 1);
}

neap_buf *l_file_begin(lua_State *L, int idx) {
    return neap_file_buffer(check_open_at(L, idx)->f);
}

void l_file_end(lua_State *L, int idx, size_t bytes) {
    to_file(L, idx)->written += (lua_Integer)bytes;
}

static l_file *new_file(lua_State *L) {
    l_file *u = lua_newuserdatauv(L, sizeof *u, 0);
    *u = (l_file){.tag = &file_tag};
    luaL_setmetatable(L, FILE_MT);
    return u;
}

/* A path without NUL bytes, not empty. */
static const char *check_path(lua_State *L, int idx) {
    size_t len;
    const char *path = luaL_checklstring(L, idx, &len);
    luaL_argcheck(L, len > 0 && strlen(path) == len, idx, "not a path");
    return path;
}

static int push_opened(lua_State *L, neap_file_result *r) {
    (void)r;
    lua_pushvalue(L, FILE_AT);
    return 1;
}

static int open_and_wait(lua_State *L, const char *path, neap_file_mode mode) {
    neap_file_req req = {.kind = NEAP_FILE_OPEN, .path = path, .mode = mode};
    l_file *u;
    lua_settop(L, FILE_AT - 1);
    l_check_can_wait(L);
    u = new_file(L); /* at FILE_AT */
    u->atomic = mode == NEAP_FILE_ATOMIC;
    check_memory(L, neap_file_new(&u->f, l_loop(L)));
    return wait_for(L, new_fileop(L, push_opened), u->f, &req);
}

/* file.open(path, [mode]) -> file | nil, err; mode "r" (default), "w", "a", "wx". Yields. */
static int l_file_open(lua_State *L) {
    static const char *const names[] = {"r", "w", "a", "wx", NULL};
    static const neap_file_mode modes[] = {NEAP_FILE_R, NEAP_FILE_W, NEAP_FILE_A, NEAP_FILE_WX};
    const char *path = check_path(L, 1);
    return open_and_wait(L, path, modes[luaL_checkoption(L, 2, "r", names)]);
}

/* file.atomic(path) -> file | nil, err; commit() puts it at path, whole. Yields. */
static int l_file_atomic(lua_State *L) {
    return open_and_wait(L, check_path(L, 1), NEAP_FILE_ATOMIC);
}

static int wrap_fd(lua_State *L, int fd, const char *name) {
    l_file *u = new_file(L);
    check_memory(L, neap_file_new_fd(&u->f, l_loop(L), fd, name));
    return 1;
}

/* file.stdin(), file.stdout() -> file; its close leaves the descriptor open. [-0, +1, m] */
static int l_file_stdin(lua_State *L) {
    return wrap_fd(L, 0, "standard input");
}

static int l_file_stdout(lua_State *L) {
    return wrap_fd(L, 1, "standard output");
}

/* --- methods ------------------------------------------------------------------------------- */

static int push_read(lua_State *L, neap_file_result *r) {
    if (r->data.len == 0) lua_pushnil(L);
    else lua_pushlstring(L, r->data.data, r->data.len);
    return 1;
}

/* file:read([n]) -> string of 1 to n bytes | nil at the end | nil, err. Yields. */
static int l_file_read(lua_State *L) {
    lua_Integer n = luaL_optinteger(L, 2, READ_SIZE);
    neap_file_req req = {.kind = NEAP_FILE_READ};
    l_fileop *wait;
    check_open(L);
    luaL_argcheck(L, n >= 1, 2, "a positive number of bytes expected");
    l_check_can_wait(L);
    req.n = (size_t)n;
    wait = new_fileop(L, push_read);
    return wait_for(L, wait, check_open(L)->f, &req); /* as in write */
}

static int flush_and_wait(lua_State *L, l_file *u, neap_file_kind kind) {
    neap_file_req req = {.kind = kind};
    l_fileop *wait;
    l_check_can_wait(L);
    wait = new_fileop(L, push_true);
    check_open(L); /* as in write */
    wait->closes = u->closing = kind == NEAP_FILE_COMMIT || kind == NEAP_FILE_CLOSE;
    return wait_for(L, wait, u->f, &req);
}

/* file:write(s, ...) -> true | nil, err. Yields unless the buffer takes it. */
static int l_file_write(lua_State *L) {
    l_file *u = check_open(L);
    int i, top = lua_gettop(L);
    size_t len, all = neap_file_pending(u->f);
    for (i = 2; i <= top; i++) {
        luaL_checklstring(L, i, &len);
        all += len;
    }
    check_open(L); /* still: to make strings of numbers may run a finalizer */
    if (all >= u->buffer && all > 0) l_check_can_wait(L);
    for (i = 2; i <= top; i++) {
        const char *s = lua_tolstring(L, i, &len);
        check_memory(L, neap_file_put(u->f, s, len));
        u->written += (lua_Integer)len;
    }
    if (all >= u->buffer && all > 0) return flush_and_wait(L, u, NEAP_FILE_WRITE);
    lua_pushboolean(L, 1);
    return 1;
}

/* Takes the line of a record. NEAP_EDECODE: it is none; NEAP_ECANCELLED: the file was closed meanwhile. */
static int put_record(void *ud, const char *line, size_t len) {
    l_file *u = ud;
    int rc;
    if (u->f == NULL || u->closing) return NEAP_ECANCELLED;
    if (*line != '{') return NEAP_EDECODE;
    rc = neap_file_put(u->f, line, len);
    if (rc < 0) return rc;
    u->written += (lua_Integer)len;
    u->records++;
    return 0;
}

/* What write_records has on the stack. */
enum { NEXT_AT = 2, ENCODER_AT = 4, RECORD_AT = 6 };

/* Pushes nil, err and the record that was refused with this code. */
static int refuse_record(lua_State *L, l_file *u, int rc) {
    check_still_open(L, u);
    if (rc == NEAP_EDECODE) l_failf(L, rc, "an object expected");
    else if (rc != NEAP_EINVAL) check_memory(L, rc);
    lua_pushvalue(L, RECORD_AT);
    return 3;
}

/* Puts the record that next() has just given, and up to `left` - 1 behind it. A continuation. */
static int put_records(lua_State *L, int status, lua_KContext left) {
    l_file *u = lua_touserdata(L, 1);
    (void)status;
    for (; !lua_isnil(L, RECORD_AT); left--) {
        int rc = l_json_put_line(L, ENCODER_AT, put_record, u);
        if (rc < 0) return refuse_record(L, u, rc);
        if (left <= 1 || neap_file_pending(u->f) >= u->buffer) break;
        lua_settop(L, RECORD_AT - 1);
        lua_pushvalue(L, NEXT_AT);
        lua_callk(L, 0, 1, left - 1, put_records);
    }
    lua_pushboolean(L, !lua_isnil(L, RECORD_AT));
    return 1;
}

/* file:write_records(next, max) -> may there be more? | nil, err, record: up to `max` objects that next() gives before
 * nil, as lines of JSON, their keys sorted, without a Lua string on the way; fewer if the buffer is full, which the
 * next write() hands on. err (kind "decode" for what is no object) is about `record`; the others are written. Waits
 * only where next() does. */
static int l_file_write_records(lua_State *L) {
    lua_Integer max = luaL_checkinteger(L, 3);
    check_open(L);
    luaL_checkany(L, NEXT_AT);
    luaL_argcheck(L, max >= 1, 3, "a positive number of records expected");
    lua_settop(L, 3);
    l_json_begin_lines(L);
    lua_pushvalue(L, NEXT_AT);
    lua_callk(L, 0, 1, max, put_records);
    return put_records(L, LUA_OK, max);
}

/* file:records() -> how many records write_records() has put so far. */
static int l_file_records(lua_State *L) {
    lua_pushinteger(L, to_file(L, 1)->records);
    return 1;
}

/* file:written() -> how many bytes were handed to write() and write_records() so far. */
static int l_file_written(lua_State *L) {
    lua_pushinteger(L, to_file(L, 1)->written);
    return 1;
}

/* file:buffer(bytes) -> file; from now on write() keeps up to that many bytes back. */
static int l_file_buffer(lua_State *L) {
    l_file *u = check_open(L);
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_argcheck(L, n >= 0 && n <= (lua_Integer)NEAP_FILE_READ_MAX, 2, "0 to 16777216 expected");
    u->buffer = (size_t)n;
    lua_settop(L, 1);
    return 1;
}

/* file:flush() -> true | nil, err: hands the buffer to the system. Yields. */
static int l_file_flush(lua_State *L) {
    return flush_and_wait(L, check_open(L), NEAP_FILE_WRITE);
}

/* file:sync() -> true | nil, err: the same, and waits for the disk. Yields. */
static int l_file_sync(lua_State *L) {
    return flush_and_wait(L, check_open(L), NEAP_FILE_SYNC);
}

/* file:commit() -> true | nil, err: an atomic file appears at its path. Yields. */
static int l_file_commit(lua_State *L) {
    l_file *u = check_open(L);
    if (!u->atomic) return luaL_error(L, "only a file of file.atomic has something to commit");
    return flush_and_wait(L, u, NEAP_FILE_COMMIT);
}

/* file:close() -> true | nil, err; again: true. An atomic file that was not committed is dropped.
 * Yields. file:abort() is the same for atomic files. */
static int l_file_close(lua_State *L) {
    l_file *u = to_file(L, 1);
    if (u->f == NULL || u->closing) {
        lua_pushboolean(L, 1);
        return 1;
    }
    return flush_and_wait(L, u, NEAP_FILE_CLOSE);
}

static int l_file_abort(lua_State *L) {
    const l_file *u = to_file(L, 1);
    if (!u->atomic) return luaL_error(L, "only a file of file.atomic can be aborted");
    return l_file_close(L);
}

/* __gc and __close: at once, without waiting. */
static int l_file_gc(lua_State *L) {
    free_file(to_file(L, 1));
    return 0;
}

static int l_file_str(lua_State *L) {
    const l_file *u = to_file(L, 1);
    const char *state = u->f != NULL && !u->closing ? "open" : "closed";
    lua_pushfstring(L, "neap.File (%s): %p", state, (const void *)u);
    return 1;
}

/* --- paths --------------------------------------------------------------------------------- */

static int path_and_wait(lua_State *L, const neap_file_req *req,
                         int (*results)(lua_State *, neap_file_result *)) {
    l_fileop *u;
    l_check_can_wait(L);
    u = new_fileop(L, results);
    check_memory(L, neap_file_new(&u->path, l_loop(L)));
    return wait_for(L, u, u->path, req);
}

/* file.rename(from, to) -> true | nil, err. Yields. */
static int l_file_rename(lua_State *L) {
    neap_file_req req = {.kind = NEAP_FILE_RENAME};
    req.path = check_path(L, 1);
    req.to = check_path(L, 2);
    return path_and_wait(L, &req, push_true);
}

/* file.remove(path) -> true | nil, err. Yields. */
static int l_file_remove(lua_State *L) {
    neap_file_req req = {.kind = NEAP_FILE_REMOVE, .path = check_path(L, 1)};
    return path_and_wait(L, &req, push_true);
}

static int push_size(lua_State *L, neap_file_result *r) {
    lua_pushinteger(L, r->size);
    return 1;
}

/* file.size(path) -> bytes | nil, err. Yields. */
static int l_file_size(lua_State *L) {
    neap_file_req req = {.kind = NEAP_FILE_SIZE, .path = check_path(L, 1)};
    return path_and_wait(L, &req, push_size);
}

static int push_exists(lua_State *L, neap_file_result *r) {
    lua_pushboolean(L, r->size != 0);
    return 1;
}

/* file.exists(path) -> boolean | nil, err (a directory on the way may not be read). Yields. */
static int l_file_exists(lua_State *L) {
    neap_file_req req = {.kind = NEAP_FILE_EXISTS, .path = check_path(L, 1)};
    return path_and_wait(L, &req, push_exists);
}

/* file.same(a, b) -> boolean | nil, err: do two paths name one file, which need not be there yet?
 * Links are followed. Yields. */
static int l_file_same(lua_State *L) {
    neap_file_req req = {.kind = NEAP_FILE_SAME};
    req.path = check_path(L, 1);
    req.to = check_path(L, 2);
    return path_and_wait(L, &req, push_exists);
}

static int push_all(lua_State *L, neap_file_result *r) {
    lua_pushlstring(L, r->data.len > 0 ? r->data.data : "", r->data.len);
    return 1;
}

/* file.make_dir(path) -> its absolute path, without links | nil, err: with the directories above it; one that is
 * there is fine. Yields. */
static int l_file_make_dir(lua_State *L) {
    neap_file_req req = {.kind = NEAP_FILE_MAKE_DIR, .path = check_path(L, 1)};
    return path_and_wait(L, &req, push_all);
}

/* file.read_all(path, [max]) -> string | nil, err (kind "too_large" beyond max bytes, by default
 * 64 MiB). Yields. */
static int l_file_read_all(lua_State *L) {
    neap_file_req req = {.kind = NEAP_FILE_READ_ALL, .path = check_path(L, 1)};
    lua_Integer max = luaL_optinteger(L, 2, 64 * 1024 * 1024);
    luaL_argcheck(L, max >= 0, 2, "a number of bytes expected");
    req.n = (size_t)max;
    return path_and_wait(L, &req, push_all);
}

static int push_entries(lua_State *L, struct dirent **entries, int count) {
    int i;
    lua_createtable(L, count, 0);
    for (i = 0; i < count; i++) {
        lua_pushstring(L, entries[i]->d_name);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* Protected: [entries, count] -> list. */
static int l_file_entries(lua_State *L) {
    return push_entries(L, lua_touserdata(L, 1), (int)lua_tointeger(L, 2));
}

/* file.list(directory) -> sorted list of its entries, nil if it cannot be read. Does not wait: it is for
 * the few small directories of vendors and recipes. */
static int l_file_list(lua_State *L) {
    struct dirent **entries = NULL;
    int i, rc, count = scandir(luaL_checkstring(L, 1), &entries, NULL, alphasort);
    if (count < 0) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushcfunction(L, l_file_entries);
    lua_pushlightuserdata(L, entries);
    lua_pushinteger(L, count);
    rc = lua_pcall(L, 2, 1, 0);
    for (i = 0; i < count; i++) free(entries[i]);
    free(entries);
    return rc == LUA_OK ? 1 : lua_error(L);
}

int luaopen_neap_file(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg op_metas[] = {{"__gc", l_fileop_gc}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"read", l_file_read},
                                       {"write", l_file_write},
                                       {"written", l_file_written},
                                       {"records", l_file_records},
                                       {"buffer", l_file_buffer},
                                       {"flush", l_file_flush},
                                       {"sync", l_file_sync},
                                       {"commit", l_file_commit},
                                       {"abort", l_file_abort},
                                       {"close", l_file_close},
                                       {NULL, NULL}};
    static const luaL_Reg metas[] = {{"__gc", l_file_gc},
                                     {"__close", l_file_gc},
                                     {"__tostring", l_file_str},
                                     {NULL, NULL}};
    static const luaL_Reg funcs[] = {{"open", l_file_open},
                                     {"atomic", l_file_atomic},
                                     {"stdin", l_file_stdin},
                                     {"stdout", l_file_stdout},
                                     {"rename", l_file_rename},
                                     {"remove", l_file_remove},
                                     {"make_dir", l_file_make_dir},
                                     {"size", l_file_size},
                                     {"exists", l_file_exists},
                                     {"same", l_file_same},
                                     {"read_all", l_file_read_all},
                                     {"list", l_file_list},
                                     {NULL, NULL}};
    l_new_class(L, FILEOP_MT, none, op_metas);
    l_new_class(L, FILE_MT, methods, metas);
    luaL_getmetatable(L, FILE_MT);
    lua_getfield(L, -1, "__index");
    l_json_push_encoder(L);
    lua_pushcclosure(L, l_file_write_records, 2);
    lua_setfield(L, -2, "write_records");
    luaL_newlib(L, funcs);
    return 1;
}
