/* main.c: the neap command: a runtime, one task that runs lua/neap/cli/init.lua, signals. Everything
 * that a command does is Lua. */
#include <neap/neap.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "limits.h"
#include "lua/runtime.h"
#include "lua/task.h"
#include "signals.h"

enum { EXIT_BUG = 1 };

/* The command's task: has it ended, and with which exit code. */
typedef struct command {
    bool running;
    int code;
} command;

static void command_done(void *ud, lua_State *L, bool failed, int count) {
    command *c = ud;
    c->running = false;
    if (!failed && count > 0 && lua_isinteger(L, -count)) {
        c->code = (int)lua_tointeger(L, -count);
        return;
    }
    c->code = EXIT_BUG;
    if (count > 0) fprintf(stderr, "neap: bug: %s\n", luaL_tolstring(L, -count, NULL));
}

/* [argc, argv, command, neap] -> starts neap.cli.main(arguments) */
static int start_command(lua_State *L) {
    int i, argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    void *c = lua_touserdata(L, 3);
    limits_preload(L, lua_touserdata(L, 4));
    lua_getglobal(L, "require");
    lua_pushliteral(L, "neap.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    lua_createtable(L, argc, 0);
    for (i = 1; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    l_task_start(L, 1, NULL, command_done, c);
    return 0;
}

static int run(neap *n, int argc, char **argv) {
    lua_State *L = neap__state(n);
    command c = {.running = true};
    signals s;
    lua_pushcfunction(L, start_command);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    lua_pushlightuserdata(L, &c);
    lua_pushlightuserdata(L, n);
    if (lua_pcall(L, 4, 0, 0) != LUA_OK) {
        fprintf(stderr, "neap: %s\n", luaL_tolstring(L, -1, NULL));
        return EXIT_BUG;
    }
    signals_open(&s, L);
    if (!neap_loop_run(l_loop(L), &c.running)) {
        fprintf(stderr, "neap: bug: deadlock: every task waits for another\n");
        c.code = EXIT_BUG;
    }
    signals_close(&s);
    return c.code;
}

/* Takes the place of standard streams that are closed, or the next descriptors that are opened would be them. To
 * use one is still an error: it is open the other way. */
static void fill_standard(void) {
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest free one: fd */
    }
}

int main(int argc, char **argv) {
    neap *n;
    int code;
    fill_standard();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write, not the end (TRAPS.md 86) */
    signal(SIGXFSZ, SIG_IGN); /* so is a file beyond its limit */
    if (neap_new(&n, NULL) < 0) return EXIT_BUG;
    code = run(n, argc, argv);
    neap_free(n);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) code = EXIT_BUG;
    return code;
}
