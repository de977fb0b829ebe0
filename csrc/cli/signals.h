/* signals.h: SIGINT, SIGTERM and SIGHUP: the first asks the command to end early (lua/neap/cli), the second
 * ends the process at once, even if a script never gives the thread back. */
#ifndef NEAP_CLI_SIGNALS_H
#define NEAP_CLI_SIGNALS_H

#include "lua/l_common.h"

typedef struct signals {
    uv_poll_t watch; /* on the read end of the pipe that the handler writes to */
    neap_job job;    /* tells Lua, outside libuv's callback */
    lua_State *L;
    int read_fd;
} signals;

/* Starts listening; one at a time in a process. The struct must live until signals_close. Without
 * descriptors the signals keep their default meaning. */
void signals_open(signals *, lua_State *L);
void signals_close(signals *);

#endif
