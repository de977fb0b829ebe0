/* meter_text.c: the text of a meter, in the text format of Prometheus, version 0.0.4. See meter.h. Numbers are
 * written without floating point: whatever the locale, and exact when texts are summed up. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "loop.h"
#include "meter_own.h"

/* Text on its way out, in pieces. */
typedef struct writer {
    neap_write_fn write;
    void *ud;
    int64_t now;
    const char *name; /* of the family that is being written */
    size_t len;
    char text[1024];
} writer;

/* Labels that come behind those of the series: names and values in turn, then NULL. */
typedef const char *const more[];

static void flush(writer *w) {
    if (w->len > 0) w->write(w->ud, w->text, w->len);
    w->len = 0;
}

static void put(writer *w, const char *s) {
    size_t len = strlen(s);
    while (len > 0) {
        size_t part = sizeof w->text - w->len;
        if (part > len) part = len;
        memcpy(w->text + w->len, s, part);
        w->len += part;
        s += part;
        len -= part;
        if (w->len == sizeof w->text) flush(w);
    }
}

/* The value, and the end of the line. */
static void put_count(writer *w, uint64_t n) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64 "\n", n);
    put(w, text);
}

static void put_seconds(writer *w, int64_t ns) {
    char text[32];
    int len = snprintf(text, sizeof text, "%" PRId64 ".%09d", ns / NEAP_SECOND, (int)(ns % NEAP_SECOND));
    while (text[len - 1] == '0') len--;
    if (text[len - 1] == '.') len--;
    text[len] = '\0';
    put(w, text);
    put(w, "\n");
}

/* A sample up to its value. labels NULL: it has none. */
static void put_name(writer *w, const char *suffix, const char *labels, more others) {
    put(w, w->name);
    put(w, suffix);
    if (labels != NULL) {
        put(w, "{");
        put(w, labels);
        for (; *others != NULL; others += 2) {
            put(w, ",");
            put(w, others[0]);
            put(w, "=\"");
            put(w, others[1]);
            put(w, "\"");
        }
        put(w, "}");
    }
    put(w, " ");
}

static void put_sample(writer *w, const char *labels, more others, uint64_t n) {
    put_name(w, "", labels, others);
    put_count(w, n);
}

static const char *const bounds[] = {
#define X(ns, le) le,
    NEAP_METER_BUCKETS(X)
#undef X
    "+Inf"};

/* status NULL: the series has no such label. */
static void put_histogram(writer *w, const char *labels, const char *status, const neap_meter_histogram *h) {
    uint64_t count = 0;
    const char *own[] = {"status", status, NULL};
    if (status == NULL) own[0] = NULL;
    for (int i = 0; i < NEAP_METER_BUCKET_COUNT; i++) {
        const char *with_status[] = {"status", status, "le", bounds[i], NULL};
        count += h->counts[i];
        put_name(w, "_bucket", labels, status != NULL ? with_status : with_status + 2);
        put_count(w, count);
    }
    put_name(w, "_sum", labels, own);
    put_seconds(w, h->sum_ns);
    put_name(w, "_count", labels, own);
    put_count(w, count);
}

/* --- families: each writes the samples of one series ------------------------------------------------ */

static const char *const none[] = {NULL};

/* A sample with one label of its own, if there was any. */
static void put_seen(writer *w, const char *labels, const char *name, const char *value, uint64_t count) {
    more own = {name, value, NULL};
    if (count > 0) put_sample(w, labels, own, count);
}

static void put_calls(writer *w, const void *series) {
    const neap_meter_endpoint *e = series;
    for (int i = 0; i < NEAP_METER_OUTCOMES; i++) {
        more outcome = {"outcome", i == 0 ? "ok" : neap_err_kind(-i), NULL};
        if (i == 0 || e->calls[i] > 0) put_sample(w, e->series.labels, outcome, e->calls[i]);
    }
}

static void put_call_time(writer *w, const void *series) {
    const neap_meter_endpoint *e = series;
    put_histogram(w, e->series.labels, NULL, &e->call_time);
}

static void put_sends(writer *w, const void *series) {
    const neap_meter_endpoint *e = series;
    put_sample(w, e->series.labels, none, e->sends);
}

static void put_send_time(writer *w, const void *series) {
    const neap_meter_endpoint *e = series;
    put_histogram(w, e->series.labels, NULL, &e->send_time);
}

static void put_login_sends(writer *w, const void *series) {
    const neap_meter_endpoint *e = series;
    if (e->is_login) put_sends(w, series);
}

static void put_retries(writer *w, const void *series) {
    const neap_meter_endpoint *e = series;
    for (int i = 0; i < NEAP_METER_REASONS; i++) {
        char status[16] = "other status";
        if (e->statuses[i].status > 0) snprintf(status, sizeof status, "%d", e->statuses[i].status);
        put_seen(w, e->series.labels, "reason", status, e->statuses[i].count);
    }
    for (int i = 0; i <= NEAP_FAILURE_OTHER; i++)
        put_seen(w, e->series.labels, "reason", neap_failure_name((neap_failure)i), e->failures[i]);
}

static void put_waits(writer *w, const void *series) {
    const neap_meter_wait *wait = series;
    put_sample(w, wait->series.labels, none, wait->count);
}

static void put_wait_time(writer *w, const void *series) {
    const neap_meter_wait *wait = series;
    put_name(w, "", wait->series.labels, none);
    put_seconds(w, neap_meter__sum_ns(wait, w->now));
}

static void put_waiting(writer *w, const void *series) {
    const neap_meter_wait *wait = series;
    put_sample(w, wait->series.labels, none, wait->waiting);
}

static const char *const classes[NEAP_METER_CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

static void put_exchanges(writer *w, const void *series) {
    const neap_meter_script *s = series;
    for (int i = 0; i < NEAP_METER_CLASSES; i++)
        put_seen(w, s->series.labels, "status", classes[i], s->counts[i]);
}

static void put_exchange_time(writer *w, const void *series) {
    const neap_meter_script *s = series;
    for (int i = 0; i < NEAP_METER_CLASSES; i++)
        if (s->counts[i] > 0) put_histogram(w, s->series.labels, classes[i], &s->times[i]);
}

static void put_exchanges_live(writer *w, const void *series) {
    const neap_meter_script *s = series;
    put_sample(w, s->series.labels, none, s->begun - s->ended);
}

/* --- the text --------------------------------------------------------------------------------------- */

static void put_head(writer *w, const char *name, const char *type, const char *help) {
    const char *const parts[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) put(w, parts[i]);
    w->name = name;
}

static void put_family(writer *w, const neap_meter_list *l, const char *name, const char *type,
                       void (*put_series)(writer *, const void *series), const char *help) {
    put_head(w, name, type, help);
    for (const neap_meter_series *s = l != NULL ? l->first : NULL; s != NULL; s = s->next) put_series(w, s);
}

static void put_number(writer *w, const char *name, const char *type, uint64_t n, const char *help) {
    put_head(w, name, type, help);
    put_sample(w, NULL, none, n);
}

/* How many of the vendor's gates let nobody pass. */
static uint64_t count_shut(const neap_meter *m, const neap_meter_vendor *vendor, int64_t now) {
    uint64_t n = 0;
    for (const neap_meter_gate *g = m->gates; g != NULL; g = g->next)
        if (g->vendor == vendor && g->shut_until_ns > now) n++;
    return n;
}

static void put_gates(writer *w, const neap_meter *m) {
    put_head(w, "neap_gates_shut", "gauge", "Groups of endpoints that are held back because the vendor is down.");
    for (const neap_meter_series *s = m != NULL ? m->vendors.first : NULL; s != NULL; s = s->next) {
        const neap_meter_vendor *v = &((const neap_meter_vendor_series *)s)->vendor;
        put_sample(w, s->labels, none, count_shut(m, v, w->now));
    }
}

static void put_endpoints(writer *w, const neap_meter_list *l) {
    put_family(w, l, "neap_calls_total", "counter", put_calls,
               "Calls of vendors that have ended, by what came of them.");
    put_family(w, l, "neap_call_duration_seconds", "histogram", put_call_time,
               "Time from the making of a call to its end, with its waits and all its sends.");
    put_family(w, l, "neap_sends_total", "counter", put_sends, "Requests sent, or tried to, repeats included.");
    put_family(w, l, "neap_send_duration_seconds", "histogram", put_send_time,
               "Time from the first byte of a request to the end of its answer.");
    put_family(w, l, "neap_login_sends_total", "counter", put_login_sends, "Those of them that were logins.");
    put_family(w, l, "neap_retries_total", "counter", put_retries,
               "Sends after the first of a call, by how the one before ended.");
}

static void put_all_waits(writer *w, const neap_meter_list *l) {
    put_family(w, l, "neap_waits_total", "counter", put_waits, "Waits of calls that began, by what was waited for.");
    put_family(w, l, "neap_wait_seconds_total", "counter", put_wait_time,
               "Time that calls have waited, all together, those that wait now included.");
    put_family(w, l, "neap_calls_waiting", "gauge", put_waiting, "Calls that wait now.");
}

static void put_scripts(writer *w, const neap_meter_list *l) {
    put_family(w, l, "neap_exchanges_total", "counter", put_exchanges, "Requests answered, by class of status.");
    put_family(w, l, "neap_exchange_duration_seconds", "histogram", put_exchange_time,
               "Time from a request to the end of its answer.");
    put_family(w, l, "neap_exchanges_live", "gauge", put_exchanges_live, "Requests that are being answered.");
}

void neap_meter_write(const neap_meter *m, const neap_meter_state *state, neap_write_fn write, void *ud) {
    writer w = {.write = write, .ud = ud, .now = state->now};
    put_number(&w, "neap_tasks_live", "gauge", state->tasks_live, "Tasks that have not ended.");
    put_number(&w, "neap_tasks_started_total", "counter", state->tasks_started, "Tasks that were started.");
    put_number(&w, "neap_memory_bytes", "gauge", state->memory, "Memory that scripts hold.");
    put_endpoints(&w, m != NULL ? &m->endpoints : NULL);
    put_all_waits(&w, m != NULL ? &m->waits : NULL);
    put_gates(&w, m);
    put_scripts(&w, m != NULL ? &m->scripts : NULL);
    flush(&w);
}
