/* fuzz_webhook.c: what neap.webhook reads of senders; the properties are in webhook.lua. */
#include "lua_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return lua_fuzz("webhook", data, size);
}
