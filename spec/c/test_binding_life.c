/* test_binding_life.c: the scripts of binding.h while what they use goes away: collection at every
 * allocation and at every instruction, cancelling and lua_close at every moment. */
#include "binding.h"

enum { LATEST = 12, ROUNDS = 8 }; /* moments: half a second of virtual time apart; jobs within each */

static void load(lua_State *L, const char *script) {
    CHECK_EQ_INT(luaL_loadbuffer(L, script, strlen(script), "=script"), LUA_OK);
}

/* --- collection ------------------------------------------------------------------------------ */

static void collect(lua_State *L, lua_Debug *ar) {
    (void)ar;
    lua_gc(L, LUA_GCCOLLECT);
}

typedef enum how { SQUEEZE, EVERY_FEW, GENERATIONAL, RESTLESS } how;

static void set_collector(lua_State *L, how h) {
    if (h == SQUEEZE) alloc_fail(ALLOC_FAIL_EACH, 0);
    if (h == EVERY_FEW) lua_sethook(L, collect, LUA_MASKCOUNT, 3);
    if (h == GENERATIONAL) lua_gc(L, LUA_GCGEN, 1, 1);
    if (h == RESTLESS) lua_gc(L, LUA_GCINC, 1, 1000, 1);
}

static void check_collected(const char *script, how h) {
    lua_State *L = open_state();
    lua_getglobal(L, "task");
    lua_getfield(L, -1, "run");
    load(L, script);
    set_collector(L, h);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) CHECK_STR(luaL_tolstring(L, -1, NULL), "no error");
    else CHECK(lua_toboolean(L, -1));
    alloc_succeed();
    lua_sethook(L, NULL, 0, 0);
    lua_settop(L, 0);
    check_alive(L);
    alloc_close(L);
}

/* --- the end at every moment ----------------------------------------------------------------- */

/* The script runs as the root task `it`; then this, up to a moment: after `half` half seconds and
 * `rounds` trips through the queue of jobs. */
static const char moment[] =
    "local half, rounds, cancel = ...\n"
    "task.run(function()\n"
    "  if half > 0 then clock.sleep(half / 2) end\n"
    "  local function nothing() end\n"
    "  for _ = 1, rounds do task.spawn(nothing):await() end\n"
    "  if cancel then\n"
    "    it:cancel()\n"
    "    pcall(it.await, it)\n"
    "    assert(it:status() ~= 'waiting')\n"
    "    it = nil\n"
    "  end\n"
    "end)\n";

static lua_State *run_until(const char *script, int half, int rounds, bool cancel) {
    lua_State *L = open_state();
    lua_getglobal(L, "task");
    lua_getfield(L, -1, "spawn");
    load(L, script);
    CHECK_EQ_INT(lua_pcall(L, 1, 1, 0), LUA_OK);
    lua_setglobal(L, "it");
    load(L, moment);
    lua_pushinteger(L, half);
    lua_pushinteger(L, rounds);
    lua_pushboolean(L, cancel);
    if (lua_pcall(L, 3, 0, 0) != LUA_OK) CHECK_STR(luaL_tolstring(L, -1, NULL), "no error");
    lua_settop(L, 0);
    return L;
}

static void check_moments(const char *script) {
    for (int half = 0; half < LATEST; half++) {
        for (int rounds = 0; rounds < ROUNDS; rounds++) {
            lua_State *L = run_until(script, half, rounds, true);
            check_alive(L);
            alloc_close(L);
            alloc_close(run_until(script, half, rounds, false)); /* with all of it alive */
        }
    }
}

/* --- odd ends -------------------------------------------------------------------------------- */

/* Each returns true; run as a plain chunk, then the state is closed. */
static const char *const oddities[] = {
    /* a wait in a coroutine that is resumed by hand, forgotten and collected */
    "task.run(function()\n"
    "  local e = event.new()\n"
    "  local c = coroutine.create(function() e:wait() end)\n"
    "  assert(by_hand(c))\n"
    "  c = nil\n"
    "  collectgarbage() collectgarbage()\n"
    "  clock.sleep(1)\n"
    "  e:signal()\n"
    "  e:broadcast()\n"
    "end)\n"
    "return true",
    /* the same, and the task ends or fails before the wait does */
    "local e = event.new()\n"
    "for _, fails in ipairs { false, true } do\n"
    "  pcall(task.run, function()\n"
    "    local c = coroutine.create(function() clock.sleep(5) end)\n"
    "    assert(by_hand(c))\n"
    "    c = coroutine.create(function() e:wait() end)\n"
    "    assert(by_hand(c))\n"
    "    if fails then error 'x' end\n"
    "  end)\n"
    "  collectgarbage()\n"
    "  e:broadcast()\n"
    "end\n"
    "return true",
    /* ... and resumed by hand later: told that it was given up */
    "return task.run(function()\n"
    "  local c = coroutine.create(function() clock.sleep(5) end)\n"
    "  assert(by_hand(c))\n"
    "  clock.sleep(1)\n"
    "  local ok, err = coroutine.resume(c)\n"
    "  return not ok and err:find 'given up' ~= nil\n"
    "end)",
    /* ... and without a sign that the wait is passed on: refused before it begins */
    "return task.run(function()\n"
    "  local ok, err = coroutine.resume(coroutine.create(function() clock.sleep(5) end))\n"
    "  return not ok and err:find 'use those of neap.coroutine' ~= nil\n"
    "end)",
    /* another task resumes a coroutine in which one waits: an error there, none of them spins */
    "return task.run(function()\n"
    "  local c = coroutine.create(function() clock.sleep(5) end)\n"
    "  local a = task.spawn(function() return co.resume(c) end)\n"
    "  clock.sleep(1)\n"
    "  local ok, err = coroutine.resume(c)\n"
    "  assert(not ok and err:find 'another task is waiting')\n"
    "  local done = a:await()\n"
    "  return done == false\n"
    "end)",
    /* another task closes it, and what it waited for goes */
    "return task.run(function()\n"
    "  local e = event.new()\n"
    "  local c = coroutine.create(function() e:wait() end)\n"
    "  local a = task.spawn(function() return co.resume(c) end)\n"
    "  clock.sleep(1)\n"
    "  assert(coroutine.close(c))\n"
    "  collectgarbage() collectgarbage()\n"
    "  e:signal()\n"
    "  return a:await() == false\n"
    "end)",
    /* the same with a send, whose call and client nobody else holds */
    "return task.run(function()\n"
    "  local c = coroutine.create(function()\n"
    "    local q = flow.queue { gate = flow.gate { name = 'g' } }\n"
    "    local call = flow.call(q, flow.policy {}, true)\n"
    "    call:admit()\n"
    "    http.open { handler = server }:send({ method = 'GET', url = 'https://h/x' }, call)\n"
    "  end)\n"
    "  local a = task.spawn(function() return co.resume(c) end)\n"
    "  while coroutine.status(c) ~= 'suspended' or a:status() == 'ready' do\n"
    "    task.spawn(function() end):await()\n"
    "  end\n"
    "  assert(coroutine.close(c))\n"
    "  collectgarbage() collectgarbage()\n"
    "  return a:await() == false\n"
    "end)",
    /* a task's own coroutine, resumed and closed by another */
    "return task.run(function()\n"
    "  local c, d\n"
    "  local a = task.spawn(function() c = coroutine.running(); clock.sleep(2) end)\n"
    "  local b = task.spawn(function() d = coroutine.running(); clock.sleep(2) end)\n"
    "  clock.sleep(1)\n"
    "  assert(not coroutine.resume(c))\n"
    "  assert(coroutine.close(d))\n"
    "  collectgarbage()\n"
    "  assert(not pcall(a.await, a))\n"
    "  return not pcall(b.await, b)\n"
    "end)",
    /* neap.run within a turn of the loop */
    "local ran, why\n"
    "task.run(function()\n"
    "  local t = task.spawn(function()\n"
    "    local _ <close> = setmetatable({}, { __close = function()\n"
    "      ran, why = pcall(task.run, function() end)\n"
    "    end })\n"
    "    clock.sleep(9)\n"
    "  end)\n"
    "  clock.sleep(1)\n"
    "  t:cancel()\n"
    "end)\n"
    "return ran == false and why:find 'inside a task' ~= nil",
    /* closed twice, used afterwards */
    "return task.run(function()\n"
    "  local c = http.open { handler = server }\n"
    "  local r = assert(c:open { method = 'GET', url = 'https://h/full' })\n"
    "  r:close() r:close()\n"
    "  local piece, err = r:read()\n"
    "  assert(piece == nil and err.kind == 'cancelled' and #r:headers() == 0)\n"
    "  c:close() c:close()\n"
    "  assert(not pcall(c.send, c, { method = 'GET', url = 'https://h/x' }))\n"
    "  local f = assert(file.open('plain', 'w'))\n"
    "  assert(f:close() and f:close() and not pcall(f.write, f, 'x'))\n"
    "  local call = flow.call(flow.queue { gate = flow.gate {} }, flow.policy {}, true)\n"
    "  call:finish() call:finish()\n"
    "  return not pcall(call.admit, call) and not pcall(call.settle, call, 200)\n"
    "end)",
    /* a client closed under those who wait */
    "return task.run(function()\n"
    "  local c = http.open { handler = server }\n"
    "  local r = assert(c:open { method = 'GET', url = 'https://h/full' })\n"
    "  local a = task.spawn(c.send, c, { method = 'GET', url = 'https://h/x' })\n"
    "  local b = task.spawn(r.read, r)\n"
    "  task.spawn(function() c:close() end):await()\n"
    "  local _, ea = a:await()\n"
    "  b:await()\n"
    "  return ea == nil or ea.kind == 'cancelled'\n"
    "end)",
    /* tasks that wait for all sorts of things when the state closes; the newest things go first */
    "old = flow.queue { gate = flow.gate {} }\n"
    "for _, wait in ipairs {\n"
    "  function() clock.sleep(99) end,\n"
    "  function() event.new():wait() end,\n"
    "  function() task.spawn(clock.sleep, 99):await() end,\n"
    "  function()\n"
    "    local limit = flow.limit { shape = 'window', count = 1, period = 99 }\n"
    "    local q = flow.queue { limits = { limit }, gate = flow.gate {} }\n"
    "    local p = flow.policy {}\n"
    "    task.spawn(function() flow.call(q, p, true):admit(); clock.sleep(99) end)\n"
    "    flow.call(q, p, true):admit()\n"
    "    flow.call(q, p, true):admit()\n"
    "  end,\n"
    "  function()\n"
    "    local c = http.open { handler = silent }\n"
    "    task.spawn(c.send, c, { method = 'GET', url = 'https://h/x' })\n"
    "    c:open { method = 'GET', url = 'https://h/x' }\n"
    "  end,\n"
    "  function()\n"
    "    local r = http.open { handler = server }:open { method = 'GET', url = 'https://h/full' }\n"
    "    task.spawn(r.read, r)\n"
    "    clock.sleep(99)\n"
    "  end,\n"
    "} do task.spawn(wait) end\n"
    "task.run(clock.sleep, 1)\n"
    "return true",
    /* finalisers that use what has been finalised, and start tasks, when the state closes */
    "local held = {}\n"
    "keep = setmetatable({}, { __gc = function()\n"
    "  for _, use in ipairs(held) do\n"
    "    for _ = 1, 2 do pcall(use) end\n"
    "  end\n"
    "  pcall(task.spawn, clock.sleep, 1)\n"
    "  pcall(task.run, clock.sleep, 1)\n"
    "end })\n"
    "task.run(function()\n"
    "  local c = http.open { handler = server }\n"
    "  local r = assert(c:send { method = 'GET', url = 'https://h/x' })\n"
    "  local s = assert(c:open { method = 'GET', url = 'https://h/full' })\n"
    "  local l = flow.limit { shape = 'window', count = 1, period = 1 }\n"
    "  local g = flow.gate { name = ('name'):rep(20) }\n"
    "  local q = flow.queue { limits = { l }, gate = g }\n"
    "  local p = flow.policy {}\n"
    "  local call, reader = flow.call(q, p, true), csv.reader()\n"
    "  local f = assert(file.open('plain', 'w'))\n"
    "  local key = assert(secret.literal 'some-secret-text')\n"
    "  local pass = assert(secret.credential { { place = 'header', name = 'K', secret = key },\n"
    "    origins = { 'https://h' } })\n"
    "  local t, e = task.current(), event.new()\n"
    "  held = {\n"
    "    function() r:body() end, function() r:header 'x' end, function() r:headers() end,\n"
    "    function() s:read() end, function() s:close() end, function() return tostring(s) end,\n"
    "    function() c:send { method = 'GET', url = 'https://h/x' } end, function() c:close() end,\n"
    "    function() q:peek() end, function() g:pause(1) end, function() return g:state() end,\n"
    "    function() return flow.queue { limits = { l }, gate = g }:peek() end,\n"
    "    function() return flow.call(q, p, true):blocked() end,\n"
    "    function() return call:blocked() end, function() return call:attempts() end,\n"
    "    function() call:admit() end, function() call:finish() end,\n"
    "    function() return call:probing() end, function() call:settle(200) end,\n"
    "    function() reader:feed 'a' end, function() reader:finish() end, function() reader:row() end,\n"
    "    function() f:write 'x' end, function() f:close() end, function() return tostring(f) end,\n"
    "    function() return key:equals(key) end, function() return tostring(key) end,\n"
    "    function() return pass:check 'https://h/' end,\n"
    "    function() t:await() end, function() t:cancel() end, function() return t:traceback() end,\n"
    "    function() e:signal() end, function() e:wait() end,\n"
    "    function() return task.stats() end, function() log.write('error', 'late') end,\n"
    "    function() return secret.redact 'some-secret-text' end,\n"
    "    function() task.spawn(function() end) end,\n"
    "  }\n"
    "end)\n"
    "log.capture(function() end)\n"
    "return true",
};

/* Takes exchanges and never answers: they are aborted at the end of the test. */
static neap_exchange *taken[8];
static size_t taken_count;

static void keep(neap_handler *handler, neap_exchange *ex) {
    (void)handler;
    if (taken_count < sizeof taken / sizeof *taken) taken[taken_count++] = ex;
}

static void push_silent(lua_State *L) {
    server *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (server){{keep}, luaL_newstate()};
    luaL_setmetatable(L, "neap.Sandbox");
}

static void check_oddity(const char *script, bool squeezed) {
    lua_State *L = open_state();
    push_silent(L);
    lua_setglobal(L, "silent");
    load(L, script);
    if (squeezed) alloc_fail(ALLOC_FAIL_EACH, 0);
    if (lua_pcall(L, 0, 1, 0) != LUA_OK) {
        CHECK_STR(luaL_tolstring(L, -1, NULL), "no error");
    } else if (!CHECK(lua_toboolean(L, -1))) {
        fprintf(stderr, "    of: %.70s\n", script);
    }
    alloc_succeed();
    for (size_t i = 0; i < taken_count; i++) taken[i]->ops->abort(taken[i]);
    taken_count = 0;
    alloc_close(L);
}

int main(int argc, char **argv) {
    char dir[] = "/tmp/neap-life-XXXXXX";
    if (!enter_directory(dir)) return 1;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        if (argc > 1 && (size_t)atoi(argv[1]) != i) continue;
        for (how h = SQUEEZE; h <= RESTLESS; h++) check_collected(scripts[i], h);
        check_moments(scripts[i]);
    }
    for (size_t i = 0; i < sizeof oddities / sizeof *oddities; i++) {
        if (argc > 1 && (size_t)atoi(argv[1]) != 100 + i) continue;
        check_oddity(oddities[i], false);
        check_oddity(oddities[i], true);
    }
    leave_directory(dir);
    return check_report();
}
