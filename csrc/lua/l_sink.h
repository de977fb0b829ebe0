/* l_sink.h: what takes the bytes of a body as they arrive: the readers of records (split.c, csv.c, xml.c),
 * so that a body reaches them without becoming Lua strings (response:pour in http_response.c). */
#ifndef NEAP_LUA_L_SINK_H
#define NEAP_LUA_L_SINK_H

#include "l_common.h"

/* The first member of a reader's userdata. What a reader does not like it tells when it is asked for a
 * record, not here; neither function may throw. */
typedef struct l_sink {
    void (*feed)(struct l_sink *, const char *bytes, size_t len);
    void (*finish)(struct l_sink *); /* the bytes end here; idempotent */
} l_sink;

/* Says that userdata with the metatable on top of the stack begin with an l_sink.       [-0, +0, m] */
void l_sink_mark(lua_State *L);
/* Gets the sink at idx. THROWS if it is none. */
l_sink *l_sink_check(lua_State *L, int idx);

#endif
