/* fuzz_letter.c: lines of NDJSON, dead letters among them; the properties are in letter.lua. */
#include "lua_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return lua_fuzz("letter", data, size);
}
