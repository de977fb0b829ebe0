/* terminal.c: what display needs to know of the terminal. Lua: neap.native.terminal. */
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "l_common.h"

/* terminal.is_terminal(fd) -> boolean */
static int l_terminal_is_terminal(lua_State *L) {
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

/* terminal.width(fd) -> columns, 80 when unknown */
static int l_terminal_width(lua_State *L) {
    struct winsize size = {0};
    int known = ioctl((int)luaL_checkinteger(L, 1), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    lua_pushinteger(L, known ? size.ws_col : 80);
    return 1;
}

/* terminal.uptime() -> real seconds, for the pace of display only: logic reads neap.native.clock */
static int l_terminal_uptime(lua_State *L) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    lua_pushnumber(L, (double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
    return 1;
}

int luaopen_neap_terminal(lua_State *L) {
    static const luaL_Reg funcs[] = {{"is_terminal", l_terminal_is_terminal},
                                     {"width", l_terminal_width},
                                     {"uptime", l_terminal_uptime},
                                     {NULL, NULL}};
    luaL_newlib(L, funcs);
    return 1;
}
