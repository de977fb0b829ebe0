/* fuzz_definition.c: the loader of vendor definitions; the properties are in definition.lua. */
#include "lua_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return lua_fuzz("definition", data, size);
}
