/* neap_host.c: what a host sets and asks of a runtime: settings, the log, metrics. See include/neap/neap.h. */
#include <string.h>

#include "../core/secret.h"
#include "log.h"
#include "meter.h"
#include "neap_own.h"
#include "secret.h"

/* --- settings --------------------------------------------------------------------------------- */

typedef struct setting {
    const char *function; /* of neap.host */
    const char *name, *value; /* value NULL: none */
    size_t len;
} setting;

/* Protected: [setting] -> ; function(name, value?). */
static int call_host(lua_State *L) {
    const setting *s = lua_touserdata(L, 1);
    neap__push_function(L, "neap.host", s->function);
    lua_pushstring(L, s->name);
    if (s->value != NULL) lua_pushlstring(L, s->value, s->len);
    lua_call(L, s->value != NULL ? 2 : 1, 0);
    return 0;
}

/* Protected: [setting] -> ; host.set_secret(name, secret). */
static int set_secret(lua_State *L) {
    const setting *s = lua_touserdata(L, 1);
    int rc;
    neap__push_function(L, "neap.host", "set_secret");
    lua_pushstring(L, s->name);
    rc = neap_secret_new(l_secret_push(L), s->value, s->len);
    if (rc < 0) {
        (void)l_failf(L, rc == NEAP_ENOMEM ? rc : NEAP_ESETTINGS,
                      "%.100s: a secret must not be empty or hold control characters", s->name);
        return lua_error(L);
    }
    lua_call(L, 2, 0);
    return 0;
}

int neap_set(neap *n, const char *name, const char *value) {
    setting s = {"set", name, value, value != NULL ? strlen(value) : 0};
    if (name == NULL || value == NULL) return neap__fail(n, NEAP_EINVAL, "neap_set: a name and a value expected");
    return neap__call(n, call_host, &s);
}

int neap_set_secret(neap *n, const char *name, const char *bytes, size_t len) {
    setting s = {NULL, name, bytes, len};
    if (name == NULL || bytes == NULL)
        return neap__fail(n, NEAP_EINVAL, "neap_set_secret: a name and a value expected");
    return neap__call(n, set_secret, &s);
}

int neap_add_path(neap *n, const char *dir) {
    setting s = {.function = "add_path", .name = dir};
    if (dir == NULL || dir[0] == '\0') return neap__fail(n, NEAP_EINVAL, "neap_add_path: a folder expected");
    return neap__call(n, call_host, &s);
}

/* --- the log ---------------------------------------------------------------------------------- */

/* neap_log_sink */
static void give_line(void *ud, neap_log_level level, const char *line, size_t len) {
    const neap *n = ud;
    n->log(n->log_ud, (neap_level)((int)level + (int)NEAP_ERROR), line, len);
}

/* The public levels begin at 1. */
static neap_log_level level_of(int level) {
    if (level == 0) return NEAP_LOG_INFO;
    if (level < (int)NEAP_ERROR) return NEAP_LOG_ERROR;
    return level > (int)NEAP_TRACE ? NEAP_LOG_TRACE : (neap_log_level)(level - (int)NEAP_ERROR);
}

void neap__open_log(lua_State *L, neap *n, const neap_options *options) {
    neap_log *log = l_log_get(L);
    if (options == NULL) return;
    neap_log_set_level(log, level_of(options->log_level));
    if (options->log == NULL) return;
    n->log = options->log;
    n->log_ud = options->log_ud;
    neap_log_set_format(log, NEAP_LOG_PLAIN);
    neap_log_set_sink(log, give_line, n);
}

/* --- metrics ---------------------------------------------------------------------------------- */

void neap_get_metrics(const neap *n, neap_metrics *out) {
    l_meter_totals(n->rt, out);
}

int neap_write_metrics(neap *n, neap_write_fn write, void *ud) {
    l_meter_write(n->rt, write, ud);
    return 0;
}

int neap_sum_metrics(const char *const *texts, const size_t *lens, size_t count, neap_write_fn write, void *ud) {
    return neap_meter_sum(texts, lens, count, write, ud);
}
