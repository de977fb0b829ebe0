/* signals.h: SIGINT and SIGTERM: the first asks the command to end early (lua/neap/cli), the second
 * ends the process at once. */
#ifndef NEAP_CLI_SIGNALS_H
#define NEAP_CLI_SIGNALS_H

#include "lua/l_common.h"

typedef struct signals {
    uv_signal_t handles[2];
    neap_job job;   /* tells Lua, outside libuv's callback */
    lua_State *L;
    int signum;     /* of the first signal; 0: none yet */
} signals;

/* Starts listening. The struct must live until signals_close. */
void signals_open(signals *, lua_State *L);
void signals_close(signals *);

#endif
