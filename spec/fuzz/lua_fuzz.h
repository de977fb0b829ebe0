/* lua_fuzz.h: fuzzers whose parser is Lua. spec/fuzz/NAME.lua returns a function of the input's
 * bytes; it raises where a property does not hold, and that aborts with a traceback. It runs in a
 * state with the library, in which the lines that the library runs count as coverage. */
#ifndef NEAP_SPEC_LUA_FUZZ_H
#define NEAP_SPEC_LUA_FUZZ_H

#include "fuzz.h"

/* Runs the function of NAME.lua, which is loaded once. */
int lua_fuzz(const char *name, const uint8_t *data, size_t size);

#endif
