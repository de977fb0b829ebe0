/* err.c: see err.h. */
#include "err.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "redact.h"

const char *neap_err_kind(int code) {
    switch (code) {
#define X(sym, value, kind)                                                                        \
    case value: return kind;
        NEAP_ERR_LIST(X)
#undef X
    default: return "bug";
    }
}

/* A secret that is cut is no longer recognised: masks the text first, then cuts it. */
static void set_message(neap_err *err, const char *text) {
    neap_buf masked = {0};
    size_t len = strlen(text);
    if (!neap_redact_found(text, len)) {
        snprintf(err->message, sizeof err->message, "%s", text);
    } else if (neap_redact(&masked, text, len) == 0) {
        snprintf(err->message, sizeof err->message, "%.*s", (int)masked.len, masked.data);
    } else {
        snprintf(err->message, sizeof err->message, "not enough memory to mask the message");
    }
    neap_buf_wipe(&masked);
}

int neap_err_set(neap_err *err, int code, const char *fmt, ...) {
    char text[4 * NEAP_ERR_MESSAGE_LEN];
    va_list args;
    if (err == NULL) return code;
    err->code = code;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    set_message(err, text);
    return code;
}
