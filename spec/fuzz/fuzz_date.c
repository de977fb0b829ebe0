/* fuzz_date.c: lang/date.lua and lang/http.lua; the properties are in date.lua. */
#include "lua_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return lua_fuzz("date", data, size);
}
