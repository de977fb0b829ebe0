/* access.c: one line of the log per request, at level debug. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "own.h"

/* A field as text; a number goes without quotes. */
static neap_log_field field(const char *key, const char *value, size_t len, bool raw) {
    return (neap_log_field){key, strlen(key), value, len, raw};
}

static neap_log_field text(const char *key, const char *value) {
    if (value == NULL) value = "-";
    return field(key, value, strlen(value), false);
}

/* Without the query, which may hold what is nobody's business. */
static neap_log_field path(const visit *v) {
    const char *target = v->target != NULL ? v->target : "-";
    return field("path", target, strcspn(target, "?"), false);
}

void neap_access_log(const visit *v, bool complete) {
    neap_log *log = v->peer->server->log;
    int64_t spent_ns = neap_loop_now_ns(v->loop) - v->begun_ns;
    char status[16], ms[32];
    neap_log_field fields[6];
    if (log == NULL || !neap_log_enabled(log, NEAP_LOG_DEBUG)) return;
    snprintf(status, sizeof status, "%d", v->status);
    snprintf(ms, sizeof ms, "%" PRId64, spent_ns / (NEAP_SECOND / 1000));
    fields[0] = text("client", v->ex.client);
    fields[1] = text("method", v->ex.method);
    fields[2] = path(v);
    fields[3] = field("status", status, strlen(status), true);
    fields[4] = field("ms", ms, strlen(ms), true);
    fields[5] = text("end", complete ? "complete" : "broken off");
    (void)neap_log_write(log, NEAP_LOG_DEBUG, neap_loop_wall_ms(v->loop), "request", strlen("request"), fields,
                         sizeof fields / sizeof *fields);
}
