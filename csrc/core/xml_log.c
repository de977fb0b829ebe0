/* xml_log.c: see xml_log.h. */
#include "xml_log.h"

#include <string.h>

#include "err.h"

/* Adds an entry, for which there is room. */
static void put(neap_buf *log, char letter, const char *text, size_t len) {
    char *to = log->data + log->len;
    to[0] = letter;
    if (len > 0) memcpy(to + 1, text, len);
    to[len + 1] = '\0';
    log->len += len + 2;
}

static int try_put(neap_buf *log, char letter, const char *text, size_t len) {
    if (neap_buf_reserve(log, len + 2) < 0) return NEAP_ENOMEM;
    put(log, letter, text, len);
    return 0;
}

int neap_xml_log_start(neap_buf *log, const char *name) {
    return try_put(log, 'S', name, strlen(name));
}

int neap_xml_log_attribute(neap_buf *log, const char *name, const char *value) {
    size_t name_len = strlen(name), value_len = strlen(value);
    if (neap_buf_reserve(log, name_len + value_len + 4) < 0) return NEAP_ENOMEM;
    put(log, 'A', name, name_len);
    put(log, 'V', value, value_len);
    return 0;
}

int neap_xml_log_text(neap_buf *log, const char *text, size_t len) {
    return try_put(log, 'T', text, len);
}

int neap_xml_log_end(neap_buf *log) {
    return try_put(log, 'E', "", 0);
}

size_t neap_xml_log_skip(const neap_buf *log, size_t from) {
    const char *at = log->data + from;
    size_t open = 0;
    do {
        if (*at == 'S') open++;
        else if (*at == 'E') open--;
        at += strlen(at) + 1;
    } while (open > 0);
    return (size_t)(at - log->data);
}
