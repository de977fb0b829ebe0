/* fuzz_argument.c: the arguments of `neap call`; the properties are in argument.lua. */
#include "lua_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return lua_fuzz("argument", data, size);
}
