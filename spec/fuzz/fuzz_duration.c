/* fuzz_duration.c: lang/duration.lua; the properties are in duration.lua. */
#include "lua_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return lua_fuzz("duration", data, size);
}
