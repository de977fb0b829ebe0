/* Test of the sandbox's state (csrc/lua/sandbox.c, exchange.c, lua/neap/sandbox) with a carrier of
 * its own, on a virtual clock: back pressure, clients that leave, errors, closing under way. */
#include "../../csrc/lua/sandbox.h"

#include <string.h>
#include <lualib.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../csrc/core/buf.h"
#include "../../csrc/lua/runtime.h"
#include "check.h"

static const char simulator[] =
    "return { new = function(env)\n"
    "  local sim = { count = 0 }\n"
    "  function sim:endpoint(req) return req.path:match '%a+' end\n"
    "  function sim:respond(req)\n"
    "    self.count = self.count + 1\n"
    "    if req.endpoint == 'echo' then return { json = { got = req:json(), tag = req.headers.tag } } end\n"
    "    if req.endpoint == 'boom' then error('kaputt', 0) end\n"
    "    if req.endpoint == 'sleep' then env.sleep(100); return { body = 'awake' } end\n"
    "    return { stream = function(write)\n"
    "      for i = 1, 5 do\n"
    "        if not write('part' .. i) then self.left = i; return end\n"
    "      end\n"
    "    end }\n"
    "  end\n"
    "  function sim:snapshot() return { count = self.count, left = self.left } end\n"
    "  return sim\n"
    "end }\n";

/* One request and what came back. */
typedef struct visit {
    neap_exchange ex; /* first */
    neap_buf body;
    int status;
    int write_rc;     /* what write answers */
    bool drain;       /* on_drain is owed */
    bool ended, aborted;
} visit;

static lua_State *L;
static neap_loop *loop;

static int op_head(neap_exchange *ex, int status, const neap_field *fields, size_t count,
                   long long length) {
    visit *v = (visit *)ex;
    (void)fields;
    (void)length;
    CHECK(count >= 1);
    v->status = status;
    return 0;
}

static int op_write(neap_exchange *ex, const char *data, size_t len) {
    visit *v = (visit *)ex;
    if (v->write_rc < 0) return v->write_rc;
    neap_buf_add(&v->body, data, len);
    v->drain = v->write_rc > 0;
    return v->write_rc;
}

static void op_end(neap_exchange *ex) {
    ((visit *)ex)->ended = true;
}

static void op_abort(neap_exchange *ex) {
    ((visit *)ex)->aborted = true;
}

static const neap_exchange_ops ops = {op_head, op_write, op_end, op_abort};

static void start(visit *v, neap_handler *handler, const char *target, int write_rc) {
    static const neap_field fields[] = {{"Host", "here", 4, 4}, {"Tag", "x", 3, 1}};
    *v = (visit){.write_rc = write_rc};
    v->ex = (neap_exchange){.ops = &ops, .method = "POST", .target = target, .fields = fields,
                            .field_count = 2, .body = "[1,2]", .body_len = 5};
    handler->handle(handler, &v->ex);
}

static const char *text(visit *v) {
    neap_buf_add(&v->body, "", 1);
    return v->body.data;
}

/* Runs a chunk that leaves nothing on the stack. */
static void run(const char *chunk) {
    if (luaL_dostring(L, chunk) != LUA_OK) CHECK_STR(lua_tostring(L, -1), "no error");
    lua_settop(L, 0);
}

static neap_handler *open_sandbox(const char *path) {
    lua_pushstring(L, path);
    lua_setglobal(L, "path");
    run("sandbox = assert(require('neap.native.sandbox').open {"
        "  config = { seed = 1, vendors = { demo = path } } })");
    lua_getglobal(L, "sandbox");
    return l_sandbox_check_handler(L, 1);
}

static void test_answers(neap_handler *h) {
    visit v;
    start(&v, h, "/demo/echo", 0);
    CHECK_EQ_INT(v.status, 0); /* never from inside handle */
    neap_loop_dispatch(loop);
    CHECK_EQ_INT(v.status, 200);
    CHECK_STR(text(&v), "{\"got\":[1,2],\"tag\":\"x\"}");
    CHECK(v.ended && !v.aborted);
    neap_buf_free(&v.body);
    start(&v, h, "/demo/boom", 0);
    neap_loop_dispatch(loop);
    CHECK_EQ_INT(v.status, 500);
    CHECK(strstr(text(&v), ":7: kaputt\"}") != NULL); /* where it went wrong */
    neap_buf_free(&v.body);
}

static void test_back_pressure(neap_handler *h) {
    visit v;
    int drains = 0;
    start(&v, h, "/demo/list", 1);
    neap_loop_dispatch(loop);
    CHECK_EQ_INT(v.body.len, 5);
    while (v.drain) {
        v.drain = false;
        v.ex.on_drain(&v.ex);
        neap_loop_dispatch(loop);
        drains++;
    }
    CHECK_EQ_INT(drains, 5);
    CHECK(v.ended);
    CHECK_STR(text(&v), "part1part2part3part4part5");
    neap_buf_free(&v.body);
}

static void test_client_leaves(neap_handler *h) {
    visit v;
    start(&v, h, "/demo/list", 1);
    neap_loop_dispatch(loop);
    v.write_rc = NEAP_ECANCELLED;
    v.ex.on_drain(&v.ex);
    neap_loop_dispatch(loop);
    CHECK(v.ended);
    run("assert(sandbox:inspect('demo').left == 2)");
    neap_buf_free(&v.body);
}

static void test_time(neap_handler *h) {
    visit v;
    int64_t before = neap_loop_now_ns(loop);
    start(&v, h, "/demo/sleep", 0);
    neap_loop_dispatch(loop);
    CHECK_EQ_INT(neap_loop_now_ns(loop) - before, 100 * NEAP_SECOND);
    CHECK_STR(text(&v), "awake");
    neap_buf_free(&v.body);
}

/* Closing drops what waits for room, what has not begun, and what comes later. */
static void test_close(neap_handler *h) {
    visit waiting, fresh, late;
    start(&waiting, h, "/demo/list", 1);
    neap_loop_dispatch(loop);
    start(&fresh, h, "/demo/list", 0);
    run("sandbox:close(); sandbox:close()");
    CHECK(waiting.aborted && !waiting.ended);
    CHECK(fresh.aborted && fresh.status == 0);
    start(&late, h, "/demo/echo", 0);
    CHECK(late.aborted);
    neap_loop_dispatch(loop);
    neap_buf_free(&waiting.body);
}

static const char *write_simulator(char *path) {
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, simulator, sizeof simulator - 1) > 0);
    close(fd);
    return path;
}

int main(void) {
    char path[] = "/tmp/neap-test-sandbox-XXXXXX";
    neap_handler *h;
    neap_loop_stats stats;
    L = luaL_newstate();
    luaL_openlibs(L);
    if (l_runtime_open(L, NULL) < 0) return 2;
    loop = l_loop(L);
    neap_loop_set_virtual(loop, INT64_C(1767225600000));
    h = open_sandbox(write_simulator(path));
    test_answers(h);
    test_back_pressure(h);
    test_client_leaves(h);
    test_time(h);
    test_close(h);
    neap_loop_get_stats(loop, &stats);
    CHECK_EQ_INT(stats.jobs + stats.timers + stats.handles, 0);
    lua_close(L);
    unlink(path);
    return check_report();
}
