/* embed.h: what is in Lua inside the binary, made by csrc/cmake/embed.lua at build time: the library
 * (lua/neap), compiled, and as text the definitions and the bundled recipes (scripts). */
#ifndef NEAP_LUA_EMBED_H
#define NEAP_LUA_EMBED_H

#include <stddef.h>

struct neap_embed {
    const char *name; /* "neap.cli.run", or a recipe's path "scripts/opm/ping.lua" */
    const char *data; /* a compiled module, or text, NUL-terminated */
    size_t len;       /* bytes of it */
};

/* Sorted by name in byte order; neap_embed_count entries. */
extern const struct neap_embed neap_embed[];
extern const size_t neap_embed_count;

#endif
