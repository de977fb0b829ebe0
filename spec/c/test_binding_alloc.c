/* test_binding_alloc.c: the bindings when memory ends: the n-th allocation fails, for n = 1, 2 and so
 * on, until none does; Lua's through the state's allocator, C's through the linker's --wrap. Whatever
 * happens, the script fails for lack of memory or does not fail at all, the loop is idle afterwards,
 * and the runtime goes on. */
#include "alloc_wrap.h"
#include "binding.h"

/* --- runs ------------------------------------------------------------------------------------ */

/* [failure] -> its kind and message as one text. */
static int to_text(lua_State *L) {
    if (!lua_istable(L, 1)) {
        luaL_tolstring(L, 1, NULL);
        return 1;
    }
    lua_getfield(L, 1, "kind");
    lua_getfield(L, 1, "message");
    lua_pushfstring(L, "%s: %s", lua_tostring(L, 2), lua_tostring(L, 3));
    return 1;
}

/* Opening a state in a state takes thousands of allocations. */
static char sandbox[] =
    "local s <close> = assert(sandbox.open { config = { seed = 1, vendors = {} } })\n"
    "local c <close> = http.open { handler = s }\n"
    "local r = assert(c:send { method = 'GET', url = 'https://h/x' })\n"
    "return r:status() == 404";

/* Is the failure on top of the stack one for lack of memory? A simulator that lacks it, while it makes an answer,
 * breaks the connection. */
static bool is_memory_error(lua_State *L, const char *script) {
    lua_pushcfunction(L, to_text);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) return false;
    if (strstr(lua_tostring(L, -1), "memory") != NULL) return true;
    if (script == sandbox && strstr(lua_tostring(L, -1), "connection reset") != NULL) return true;
    fprintf(stderr, "    an error of another kind: %s\n", lua_tostring(L, -1));
    return false;
}

/* task.run(script) with that fault after n allocations. Did it get through? */
static bool run_task(lua_State *L, const char *script, alloc_fault fault, long n) {
    int status;
    lua_getglobal(L, "task");
    lua_getfield(L, -1, "run");
    CHECK_EQ_INT(luaL_loadbuffer(L, script, strlen(script), "=script"), LUA_OK);
    alloc_fail(fault, n);
    status = lua_pcall(L, 1, 1, 0);
    alloc_succeed();
    if (status == LUA_OK) {
        CHECK(lua_toboolean(L, -1));
    } else if (!alloc_failed) {
        CHECK_STR(lua_tostring(L, -1), "no error");
    } else {
        CHECK(is_memory_error(L, script));
    }
    lua_settop(L, 0);
    return status == LUA_OK;
}

static void run_script(void *ud, alloc_fault fault, long n) {
    lua_State *L = open_state();
    bool through = run_task(L, ud, fault, n);
    if (!alloc_failed) CHECK(through);
    check_alive(L);
    alloc_close(L);
}

int main(int argc, char **argv) {
    char dir[] = "/tmp/neap-alloc-XXXXXX";
    if (!enter_directory(dir)) return 1;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        if (argc < 2 || (size_t)atoi(argv[1]) == i) alloc_try(scripts[i], 0, run_script, (void *)scripts[i]);
    }
    if (argc < 2 || strcmp(argv[1], "sandbox") == 0) alloc_try(sandbox, 40, run_script, sandbox);
    leave_directory(dir);
    return check_report();
}
