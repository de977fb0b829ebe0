/* binding.h: what test_binding_alloc.c and test_binding_life.c run: scripts that use every binding, each
 * a task that returns true, against a server in this process. On a virtual clock: files are then read
 * and written on the loop's thread. */
#ifndef NEAP_SPEC_BINDING_H
#define NEAP_SPEC_BINDING_H

#include <lualib.h>
#include <unistd.h>

#include "../../csrc/core/exchange.h"
#include "../../csrc/lua/runtime.h"
#include "alloc.h"

/* --- a server -------------------------------------------------------------------------------- */

/* Answers /full with a piece whenever there is room, eight of them, else with one piece; that of /json
 * is JSON. Laid out as
 * the userdata of csrc/lua/sandbox.c, whose class it gets. */
typedef struct server {
    neap_handler handler;
    lua_State *S; /* something to close */
} server;

static int left; /* pieces */
static const char *piece;

static void write_more(neap_exchange *ex) {
    while (left > 0) {
        int rc = ex->ops->write(ex, piece, 16);
        left--;
        if (rc < 0) break;
        if (rc > 0) return;
    }
    ex->ops->end(ex);
}

static void handle(neap_handler *handler, neap_exchange *ex) {
    static const neap_field fields[] = {{"Content-Type", "text/plain", 12, 10}, {"X", "y", 1, 1}};
    (void)handler;
    left = strcmp(ex->target, "/full") == 0 ? 8 : 1;
    piece = strcmp(ex->target, "/json") == 0 ? "{\"a\":[1, \"two\"]}" : "0123456789abcdef";
    ex->on_drain = write_more;
    if (ex->ops->head(ex, 200, fields, 2, left * 16) < 0) ex->ops->abort(ex);
    else write_more(ex);
}

static void push_server(lua_State *L) {
    server *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (server){{handle}, luaL_newstate()};
    luaL_setmetatable(L, "neap.Sandbox");
}

/* --- scripts --------------------------------------------------------------------------------- */

/* What every script has; runs before memory ends. */
static const char prelude[] =
    "function native(name) return require('neap.native.' .. name) end\n"
    "task, clock, event = native 'task', native 'clock', native 'event'\n"
    "flow, http, csv, file = native 'flow', native 'http', native 'csv', native 'file'\n"
    "route, check = native 'route', native 'check'\n"
    "secret, log, json, url = native 'secret', native 'log', native 'json', native 'url'\n"
    "sandbox, errors = native 'sandbox', require 'neap.error'\n"
    "concurrency, co = require 'neap.concurrency', require 'neap.coroutine'\n"
    "require 'neap.sandbox.router'\n"
    "function by_hand(c) task.passing[c] = true; return coroutine.resume(c) end\n"
    "function bug() local kind, t = 'spawned', task.spawn(clock.sleep, 1); t:await(); return kind end\n";

/* An idle runtime is one on which this works. */
static const char afterwards[] =
    "task.run(function() assert(bug() == 'spawned') end)\n"
    "log.capture()\n"
    "collectgarbage() collectgarbage()\n"
    "local s = task.stats()\n"
    "return s.tasks + s.timers + s.jobs + s.holds + s.handles\n";

static const char *const scripts[] = {
    /* tasks: await, results, failure, cancel, <close>, children */
    "local t = task.spawn(function(...) clock.sleep(1); return ... end, 1, 2, 3)\n"
    "local a, b, c = t:await()\n"
    "assert(a == 1 and b == 2 and c == 3)\n"
    "local closed\n"
    "local u = task.spawn(function()\n"
    "  local guard <close> = setmetatable({}, { __close = function() closed = {} end })\n"
    "  task.spawn(function() clock.sleep(50) end)\n"
    "  clock.sleep(100)\n"
    "end)\n"
    "clock.sleep(1)\n"
    "u:cancel()\n"
    "local r, e = u:await()\n"
    "assert(r == nil and e.kind == 'cancelled', e)\n"
    "assert(closed)\n"
    "return true",
    "local t = task.spawn(function() clock.sleep(1); error({ kind = 'mine' }) end)\n"
    "local ok, e = pcall(t.await, t)\n"
    "if type(e) == 'string' then error(e, 0) end\n"
    "return not ok and e.kind == 'mine' and type(t:traceback()) == 'string' or t:traceback() == nil",
    /* a failure that nobody awaits becomes the parent's */
    "local t = task.spawn(function()\n"
    "  task.spawn(function() error({ kind = 'mine' }) end)\n"
    "  clock.sleep(1)\n"
    "end)\n"
    "local ok, e = pcall(t.await, t)\n"
    "if type(e) == 'string' then error(e, 0) end\n"
    "return not ok and e.kind == 'mine'",
    /* a yield that only a coroutine may do, and waits inside coroutines */
    "local f = co.wrap(function() clock.sleep(1); co.yield(2); clock.sleep(1); return 3 end)\n"
    "assert(f() == 2 and f() == 3)\n"
    "local t = task.spawn(function() coroutine.yield(1) end)\n"
    "local ok, e = pcall(t.await, t)\n"
    "assert(not ok)\n"
    "if e:find 'memory' then error(e, 0) end\n"
    "return e == 'coroutine.yield outside a coroutine'",
    /* a task of a host that is a Lua program: told once, or nobody is for lack of memory */
    "local told, got = 0, nil\n"
    "native('loop').start(function() clock.sleep(1); return 7 end, function(ok, v) told, got = told + 1, v end)\n"
    "local t = native('loop').start(clock.sleep, function(ok, e) told, got = told + 1, e end)\n"
    "clock.sleep(2)\n"
    "if told < 2 or type(got) == 'string' and got:find 'memory' then error('not enough memory', 0) end\n"
    "return told == 2 and t:status() == 'failed' and (got == 7 or tostring(got):find 'bad argument' ~= nil)",
    /* the first of several to end, as neap.map needs it: also when a worker dies at its first step */
    "local function work(s, fails) clock.sleep(s); if fails then error { kind = 'mine' } end; return s end\n"
    "local live = { task.spawn(work, 3), task.spawn(work, 1), task.spawn(work, 2, true) }\n"
    "local order = {}\n"
    "while #live > 0 do\n"
    "  local t = table.remove(live, task.first(live))\n"
    "  local ok, v = pcall(t.await, t)\n"
    "  if type(v) == 'string' then error(v, 0) end\n"
    "  order[#order + 1] = ok and v or v.kind\n"
    "end\n"
    "local pair = { task.spawn(clock.sleep, 9), task.spawn(clock.sleep, 9) }\n"
    "local waits = task.spawn(task.first, pair)\n"
    "clock.sleep(1)\n"
    "waits:cancel()\n"
    "pair[1]:cancel()\n"
    "assert(order[1] == 1 and order[2] == 'mine' and order[3] == 3 and task.first(pair) == 1)\n"
    "return not pcall(task.first, {}) and not pcall(task.first, { 1 })",
    /* the library's helpers */
    "local v, e = concurrency.deadline(1, clock.sleep, 10)\n"
    "assert(v == nil and e.kind == 'timeout', e)\n"
    "return true",
    /* events */
    "local e, woken = event.new(), 0\n"
    "local function wait() e:wait(); woken = woken + 1 end\n"
    "local a, b, c = task.spawn(wait), task.spawn(wait), task.spawn(wait)\n"
    "clock.sleep(1)\n"
    "b:cancel()\n"
    "e:signal()\n"
    "e:broadcast()\n"
    "a:await() c:await()\n"
    "return woken == 2",
    /* limits, gates, calls */
    "local q = flow.queue { limits = { flow.limit { shape = 'window', count = 1, period = 5 } },\n"
    "  gate = flow.gate { name = 'g' } }\n"
    "local p = flow.policy { { status = { 503 }, backoff = 'constant', base = 1, retries = 1 } }\n"
    "local function call(status)\n"
    "  local c <close> = flow.call(q, p, true)\n"
    "  assert(c:wait() and c:admit())\n"
    "  local verdict = c:settle { status = status }\n"
    "  if verdict == 'retry' then assert(c:admit()); verdict = c:settle { status = 200 } end\n"
    "  c:finish()\n"
    "  assert(#c:attempts() > 0)\n"
    "  return verdict\n"
    "end\n"
    "local a, b, c = task.spawn(call, 200), task.spawn(call, 503), task.spawn(call, 200)\n"
    "clock.sleep(1)\n"
    "c:cancel()\n"
    "assert(q:peek().limits[1].count == 1)\n"
    "return a:await() == 'ok' and b:await() == 'ok'",
    /* the probe gives up, the group is down for those who wait */
    "local q = flow.queue { gate = flow.gate { name = 'g' } }\n"
    "local p = flow.policy { { status = { 503 }, backoff = 'constant', base = 1, retries = 1, gate = true } }\n"
    "local function call()\n"
    "  local c <close> = flow.call(q, p, true)\n"
    "  local ok, err\n"
    "  repeat\n"
    "    ok, err = c:admit()\n"
    "    if not ok then return err.kind, err.cause end\n"
    "  until c:settle { status = 503 } ~= 'retry'\n"
    "  return 'over'\n"
    "end\n"
    "local a, b, c = task.spawn(call), task.spawn(call), task.spawn(call)\n"
    "local x, y, z = a:await(), b:await(), c:await()\n"
    "return x == 'over' and y == 'outage' and z == 'outage'",
    /* places, for tasks and for calls */
    "local p, q = flow.places(1), flow.queue { gate = flow.gate {} }\n"
    "local c <close> = flow.call(q, flow.policy { { status = { 503 }, backoff = 'constant', base = 1,\n"
    "  retries = 1 } }, true)\n"
    "assert(c:admit())\n"
    "c:settle { status = 503 }\n"
    "assert(p:take())\n"
    "local function wait() local w = p:ask(); assert(w:wait()); p:release() end\n"
    "local a, b = task.spawn(wait), task.spawn(wait)\n"
    "clock.sleep(0.5)\n"
    "b:cancel()\n"
    "p:release()\n"
    "a:await()\n"
    "assert(c:wait(p) and not p:has_room() and c:take_place())\n"
    "return p:release()",
    /* waits without a coroutine: over, cancelled, of a task that works for somebody */
    "local q = flow.queue { gate = flow.gate { name = 'g' } }\n"
    "local p = flow.policy { { status = { 503 }, backoff = 'constant', base = 1, retries = 1 } }\n"
    "local Left, owner = {}, { settle = function(o, ok, value) o.ok, o.value = ok, value end }\n"
    "local leaving\n"
    "function Left.__close(x, err) if leaving ~= x or err then x.c:finish() end leaving = nil end\n"
    "function Left.__call(x)\n"
    "  local _ <close> = x\n"
    "  repeat\n"
    "    local left = x.c:blocked() and x.c:wait(nil, x)\n"
    "    if type(left) == 'userdata' then leaving = x; return left end\n"
    "    assert(x.c:waited() and x.c:admit())\n"
    "    x.sends = (x.sends or 0) + 1\n"
    "  until x.c:settle { status = x.sends == 1 and 503 or 200 } ~= 'retry'\n"
    "  return x.sends\n"
    "end\n"
    "local function call() return setmetatable({ c = flow.call(q, p, true) }, Left)() end\n"
    "local a, b, w = task.spawn(call), task.spawn(call), task.spawn_work(owner, task.current(), call)\n"
    "clock.sleep(0.5)\n"
    "b:cancel()\n"
    "local sends = a:await()\n"
    "w:await()\n"
    "if not owner.ok then error(owner.value) end\n"
    "return sends == 2 and owner.value == 2",
    /* http */
    "local c <close> = http.open { handler = server }\n"
    "local pass = assert(secret.credential {\n"
    "  { place = 'header', name = 'K', secret = assert(secret.literal 'the-secret-text') },\n"
    "  origins = { 'https://h' } })\n"
    "local r, e = c:send { method = 'POST', url = 'https://h/x', headers = { 'A', 'b' }, body = 'text',\n"
    "  credential = pass, timeout = 5, first_byte_timeout = 4, low_speed_time = 3 }\n"
    "assert(r, e)\n"
    "assert(r:status() == 200 and #r:body() == 16 and r:header 'x' == 'y' and #r:headers() == 2)\n"
    "local s <close> = assert(c:open({ method = 'GET', url = 'https://h/full' }))\n"
    "local size = 0\n"
    "for piece, err in s.read, s do size = size + #piece end\n"
    "local left <close> = assert(c:open({ method = 'GET', url = 'https://h/full' }))\n"
    "local t = task.spawn(c.send, c, { method = 'GET', url = 'https://h/x' })\n"
    "clock.sleep(0)\n"
    "t:cancel()\n"
    "local _, why = s:read()\n"
    "if why then error(why) end\n"
    "return size == 128 or size",
    /* calls by a route: a decoded answer, one to look at, one that nobody waits for any more */
    "local c <close> = http.open { handler = server }\n"
    "local pass = assert(secret.credential {\n"
    "  { place = 'header', name = 'K', secret = assert(secret.literal 'the-secret-text') },\n"
    "  origins = { 'https://h' } })\n"
    "local r = route.open { http = c, queue = flow.queue { gate = flow.gate {} }, policy = flow.policy {},\n"
    "  repeatable = true, credential = pass, timeout = 5, method = 'POST', headers = { 'A', 'b' } }\n"
    "local function send(target)\n"
    "  local call <close> = r:call()\n"
    "  assert(call:try_admit() or call:admit())\n"
    "  local res, err, value = call:send('https://h' .. target, '{}')\n"
    "  if err then error(err) end\n"
    "  if res then call:settle(res:status()) end\n"
    "  return res and #res:body() or #call:answer():body(), value\n"
    "end\n"
    "local t = task.spawn(send, '/json')\n"
    "local size, value = send '/json'\n"
    "t:cancel()\n"
    "local other, none = send '/x'\n"
    "return size == 16 and value.a[2] == 'two' and other == 16 and none == nil",
    /* checks of objects */
    "local plain = check.object { { name = 'a', kind = 'string' }, { name = 'b', kind = 'integer', needed = true },\n"
    "  { name = 'c', kind = 'other', check = function(v) return { v } and v end } }\n"
    "return plain { a = 'x', b = 1, c = 2 } and not plain { a = 'x' }",
    /* csv */
    "local r, rows = csv.reader(), {}\n"
    "assert(r:feed 'a,\"b\"\"c\"\\r\\nx')\n"
    "for row in r.row, r do rows[#rows + 1] = csv.format_row(row) end\n"
    "assert(r:feed(('y'):rep(300) .. ',z') and r:finish())\n"
    "for row in r.row, r do rows[#rows + 1] = csv.format_row(row) end\n"
    "return #rows == 2 and rows[1] == 'a,\"b\"\"c\"\\n'",
    /* files */
    "local f = assert(file.open('plain', 'w'))\n"
    "f:buffer(100)\n"
    "assert(f:write('ab', ('c'):rep(200)) and f:write 'd' and f:sync() and f:close())\n"
    "local a = assert(file.atomic 'whole')\n"
    "assert(a:write 'x' and a:commit())\n"
    "local n, g = 0, assert(file.open 'plain')\n"
    "while true do\n"
    "  local piece, err = g:read(50)\n"
    "  if err then error(err) end\n"
    "  if not piece then break end\n"
    "  n = n + #piece\n"
    "end\n"
    "assert(g:close())\n"
    "assert(file.read_all 'whole' == 'x' and file.size 'plain' == 203)\n"
    "assert(file.rename('whole', 'other') and file.remove 'other' and file.exists 'plain')\n"
    "assert(#file.list '.' >= 1)\n"
    "local none, why = file.open 'nowhere/x'\n"
    "assert(none == nil)\n"
    "if why.kind == 'memory' then error(why) end\n"
    "local b <close> = assert(file.atomic 'dropped')\n"
    "b:buffer(64)\n"
    "local i, more, failed = 0\n"
    "local function next_record()\n"
    "  i = i + 1\n"
    "  if i % 2 == 1 then return { id = i // 2 + 1, name = 'n', list = { i // 2 + 1, { x = i // 2 + 1 } } } end\n"
    "  return i <= 8 and { [('k'):rep(41)] = i // 2, name = 'n' } or nil\n"
    "end\n"
    "repeat\n"
    "  more, failed = b:write_records(next_record, 3)\n"
    "  if failed then error(failed) end\n"
    "  assert(b:write '')\n"
    "until i >= 8\n"
    "return n == 203 and b:written() == 392",
    /* secrets */
    "local f = assert(file.open('key', 'w'))\n"
    "assert(f:write 'secret-of-a-file' and f:close())\n"
    "local a, b = assert(secret.literal 'first-secret'), assert(secret.from 'file:key')\n"
    "local c = assert(secret.from 'env:NEAP_TEST_KEY')\n"
    "assert(secret.read_plain 'file:key' == 'secret-of-a-file')\n"
    "assert(not a:equals(b) and tostring(a) == '***')\n"
    "assert(secret.redact('a secret-of-a-file') == 'a ***')\n"
    "local p = assert(secret.credential { { place = 'query', name = 'k', secret = c },\n"
    "  { place = 'header', name = 'K', secret = b }, origins = { 'https://h', 'https://i' } })\n"
    "local ok, err = p:check 'https://other/'\n"
    "if ok == nil and err.kind ~= 'auth' then error(err) end\n"
    "return p:check 'https://h/x' == true",
    /* the log */
    "local lines = {}\n"
    "log.configure { level = 'debug', format = 'json' }\n"
    "log.capture(function(line) lines[#lines + 1] = line end)\n"
    "log.write('info', 'hello', { a = 1, b = 'x', c = true, d = {} })\n"
    "log.write('warn', ('long '):rep(100))\n"
    "log.capture()\n"
    "return #lines == 2",
    /* URLs, the clock */
    "assert(url.parse 'https://h/a?b'.path == '/a')\n"
    "assert(url.join('https://h/base', '/x') == 'https://h/base/x')\n"
    "assert(url.resolve('https://h/a/b', '../c') == 'https://h/c')\n"
    "assert(url.query { { 'a b', 1 }, { 'c', ('x'):rep(200) } })\n"
    "return url.encode 'a b' == 'a%20b' and #clock.iso() == 24",
    /* signatures */
    "local hmac, key = native 'hmac', secret.literal 'Jefe'\n"
    "assert(hmac.hex(hmac.sign('sha1', key, 'what do ya want ', 'for nothing?')):sub(1, 8) == 'effcdf6a')\n"
    "local bytes, e = hmac.sign_base64('sha256', key, 'x')\n"
    "assert(#bytes == 32 and #hmac.digest('sha256', 'x') == 32, e)\n"
    "assert(hmac.parse_base64(hmac.base64(bytes)) == bytes and hmac.parse_hex(hmac.hex(bytes)) == bytes)\n"
    "local none, failed = hmac.sign_base64('sha256', secret.literal 'no key', 'x')\n"
    "if none == nil and failed.kind ~= 'settings' then error(failed) end\n"
    "return hmac.equal(bytes, bytes) and hmac.matches(key, 'Jefe') and not hmac.parse_hex 'x'",
};

/* --- states ---------------------------------------------------------------------------------- */

static lua_State *open_state(void) {
    lua_State *L = lua_newstate(alloc_lua, NULL);
    luaL_openlibs(L);
    CHECK_EQ_INT(l_runtime_open(L, NULL), 0);
    neap_loop_set_virtual(l_loop(L), INT64_C(1790000000000));
    if (luaL_dostring(L, prelude) != LUA_OK) CHECK_STR(lua_tostring(L, -1), "no error");
    lua_settop(L, 0);
    push_server(L);
    lua_setglobal(L, "server");
    return L;
}

static void check_alive(lua_State *L) {
    if (luaL_dostring(L, afterwards) != LUA_OK) CHECK_STR(lua_tostring(L, -1), "no error");
    else CHECK_EQ_INT(lua_tointeger(L, -1), 0);
    lua_settop(L, 0);
}

/* A directory for the files of the scripts, and what they ask the environment for. */
static bool enter_directory(char *dir) {
    setenv("NEAP_TEST_KEY", "secret-of-the-environment", 1);
    return mkdtemp(dir) != NULL && chdir(dir) == 0;
}

static void leave_directory(const char *dir) {
    unlink("plain");
    unlink("key");
    unlink("whole");
    unlink("other");
    CHECK_EQ_INT(chdir("/"), 0);
    CHECK_EQ_INT(rmdir(dir), 0);
}

#endif
