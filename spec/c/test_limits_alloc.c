/* test_limits_alloc.c: a task is stopped by the limit of time while memory ends, at one allocation after the other:
 * it fails for one of the two, and the runtime goes on. */
#include "../../csrc/lua/runtime.h"

#include <lualib.h>

#include "alloc.h"

int luaopen_neap(lua_State *L);

enum { LIMIT_NS = 2000000 };

static lua_State *open_limited(void) {
    static const char ready[] = "task, coroutine = require 'neap.native.task', neap.coroutine";
    lua_State *L = lua_newstate(alloc_lua, NULL);
    luaL_openlibs(L);
    luaL_requiref(L, "neap", luaopen_neap, 1);
    CHECK_EQ_INT(luaL_dostring(L, ready), LUA_OK);
    l_runtime_set_time_limit(l_runtime_get(L), LIMIT_NS);
    return L;
}

/* No task is left; another runs. */
static void check_after(lua_State *L) {
    l_runtime *rt = l_runtime_get(L);
    CHECK(rt->task_count == 0 && rt->stroke == NULL && rt->current == NULL);
    CHECK_EQ_INT(luaL_dostring(L, "return task.run(function() return 'fine' end)"), LUA_OK);
    CHECK_STR(lua_tostring(L, -1), "fine");
    lua_settop(L, 0);
}

#define SPIN "local function spin() while true do end end\n"

static const char *const scripts[] = {
    SPIN "local ok, err = pcall(task.run, function() pcall(spin) end) return not ok",
    SPIN "local ok, err = pcall(task.run, function() pcall(coroutine.wrap(spin)) end) return not ok",
    SPIN "local ok, err = pcall(task.run, function() pcall(table.sort, { 1, 2 }, spin) end) return not ok",
    SPIN "local ok, err = pcall(task.run, function()\n"
         "local x <close> = setmetatable({}, { __close = spin }) task.spawn(spin):await() end) return not ok",
    SPIN "setmetatable({}, { __gc = spin }) collectgarbage() return true",
};

static void run(void *ud, alloc_fault fault, long n) {
    lua_State *L = open_limited();
    int status;
    CHECK_EQ_INT(luaL_loadstring(L, ud), LUA_OK);
    alloc_fail(fault, n);
    status = lua_pcall(L, 0, 1, 0);
    alloc_succeed();
    CHECK(status == LUA_OK ? lua_toboolean(L, -1) : alloc_failed);
    lua_settop(L, 0);
    check_after(L);
    alloc_close(L);
}

int main(void) {
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) alloc_try(scripts[i], 0, run, (void *)scripts[i]);
    return check_report();
}
