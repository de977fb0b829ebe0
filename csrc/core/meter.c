/* meter.c: see meter.h. Here is what counts; meter_text.c writes, meter_sum.c adds texts. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "err.h"
#include "json_scan.h"
#include "meter_own.h"

#define NAME_MAX_LEN 200 /* bytes of a name that become a label */

/* --- series --------------------------------------------------------------------------------------- */

static void init_list(neap_meter_list *l) {
    *l = (neap_meter_list){.end = &l->first};
}

static void free_list(neap_meter_list *l) {
    for (neap_meter_series *s = l->first, *next; s != NULL; s = next) {
        next = s->next;
        free(s->labels);
        free(s);
    }
}

int neap_meter_new(neap_meter **out) {
    neap_meter *m = calloc(1, sizeof *m);
    if (m == NULL) return NEAP_ENOMEM;
    init_list(&m->endpoints);
    init_list(&m->waits);
    init_list(&m->scripts);
    init_list(&m->vendors);
    *out = m;
    return 0;
}

void neap_meter_free(neap_meter *m) {
    if (m == NULL) return;
    while (m->gates != NULL) neap_meter_close_gate(m->gates);
    free_list(&m->endpoints);
    free_list(&m->waits);
    free_list(&m->scripts);
    free_list(&m->vendors);
    free(m);
}

/* Adds one character, as a label's value has it; returns its length in the name. */
static size_t add_char(neap_buf *b, const char *p, const char *end, int *rc) {
    int len = 1;
    if ((unsigned char)*p >= 0x80) len = neap_json__utf8_len(p, end);
    if (len <= 0 || (unsigned char)*p < 0x20 || *p == 0x7f) *rc |= neap_buf_puts(b, *p == '\n' ? "\\n" : "?");
    else if (*p == '"' || *p == '\\') *rc |= neap_buf_add(b, (char[]){'\\', *p}, 2);
    else *rc |= neap_buf_add(b, p, (size_t)len);
    return len <= 0 ? 1 : (size_t)len;
}

static int add_label(neap_buf *b, const char *name, const char *value) {
    const char *end = value + strlen(value), *p = value;
    int rc = neap_buf_puts(b, b->len > 0 ? "," : "");
    rc |= neap_buf_puts(b, name) | neap_buf_puts(b, "=\"");
    while (p < end && p - value < NAME_MAX_LEN) p += add_char(b, p, end, &rc);
    return rc | neap_buf_puts(b, "\"");
}

/* Makes the labels' text. The caller frees; NULL: out of memory. */
static char *make_labels(const char *const *names, const char *const *values, size_t count) {
    neap_buf b = {0};
    int rc = 0;
    for (size_t i = 0; i < count; i++) rc |= add_label(&b, names[i], values[i]);
    rc |= neap_buf_add(&b, "", 1);
    if (rc == 0) return b.data;
    neap_buf_free(&b);
    return NULL;
}

static neap_meter_series *find(const neap_meter_list *l, const char *labels) {
    neap_meter_series *s = l->first;
    while (s != NULL && strcmp(s->labels, labels) != 0) s = s->next;
    return s;
}

/* Finds a series or makes one of `size` bytes. NULL: out of memory. */
static neap_meter_series *get(neap_meter_list *l, size_t size, const char *const *names,
                              const char *const *values, size_t count) {
    static const char *const others[] = {"other", "other"};
    char *labels = make_labels(names, values, count);
    neap_meter_series *s = labels != NULL ? find(l, labels) : NULL;
    if (s == NULL && labels != NULL && l->count >= NEAP_METER_SERIES_MAX) {
        free(labels);
        labels = make_labels(names, others, count);
        if (labels != NULL) s = find(l, labels);
    }
    if (s == NULL && labels != NULL) s = calloc(1, size);
    if (s == NULL || s->labels != NULL) {
        free(labels);
        return s;
    }
    s->labels = labels;
    *l->end = s;
    l->end = &s->next;
    l->count++;
    return s;
}

neap_meter_endpoint *neap_meter_get_endpoint(neap_meter *m, const char *vendor, const char *endpoint,
                                             bool is_login) {
    static const char *const names[] = {"vendor", "endpoint"};
    neap_meter_endpoint *e =
        (neap_meter_endpoint *)get(&m->endpoints, sizeof *e, names, (const char *[]){vendor, endpoint}, 2);
    if (e != NULL && is_login) e->is_login = true;
    return e;
}

neap_meter_wait *neap_meter_get_wait(neap_meter *m, const char *vendor, const char *limit) {
    static const char *const names[] = {"vendor", "limit"};
    return (neap_meter_wait *)get(&m->waits, sizeof(neap_meter_wait), names, (const char *[]){vendor, limit}, 2);
}

neap_meter_script *neap_meter_get_script(neap_meter *m, const char *name) {
    static const char *const names[] = {"script"};
    return (neap_meter_script *)get(&m->scripts, sizeof(neap_meter_script), names, &name, 1);
}

/* --- gates ---------------------------------------------------------------------------------------- */

static const neap_meter_vendor *get_vendor(neap_meter *m, const char *name) {
    static const char *const names[] = {"vendor"};
    neap_meter_vendor_series *s = (neap_meter_vendor_series *)get(&m->vendors, sizeof *s, names, &name, 1);
    if (s == NULL) return NULL;
    s->vendor.retry = neap_meter_get_wait(m, name, "retry");
    s->vendor.pause = neap_meter_get_wait(m, name, "pause");
    s->vendor.gate = neap_meter_get_wait(m, name, "gate");
    return s->vendor.retry != NULL && s->vendor.pause != NULL && s->vendor.gate != NULL ? &s->vendor : NULL;
}

int neap_meter_open_gate(neap_meter *m, neap_meter_gate *g, const char *vendor) {
    const neap_meter_vendor *v = get_vendor(m, vendor);
    if (v == NULL) return NEAP_ENOMEM;
    neap_meter_close_gate(g);
    *g = (neap_meter_gate){.vendor = v, .next = m->gates, .link = &m->gates};
    if (g->next != NULL) g->next->link = &g->next;
    m->gates = g;
    return 0;
}

void neap_meter_close_gate(neap_meter_gate *g) {
    if (g->link != NULL) {
        *g->link = g->next;
        if (g->next != NULL) g->next->link = g->link;
    }
    *g = (neap_meter_gate){0};
}

void neap_meter_set_gate(neap_meter_gate *g, int64_t shut_until_ns) {
    g->shut_until_ns = shut_until_ns;
}

/* --- counting ------------------------------------------------------------------------------------- */

static const int64_t bounds_ns[] = {
#define X(ns, le) INT64_C(ns),
    NEAP_METER_BUCKETS(X)
#undef X
};

static void observe(neap_meter_histogram *h, int64_t ns) {
    int i = 0;
    if (ns < 0) ns = 0;
    while (i < NEAP_METER_BUCKET_COUNT - 1 && ns > bounds_ns[i]) i++;
    h->counts[i]++;
    h->sum_ns += ns;
}

static void add_status(neap_meter_endpoint *e, int status) {
    int i = 0;
    while (i < NEAP_METER_REASONS - 1 && e->statuses[i].status != 0 && e->statuses[i].status != status) i++;
    if (i < NEAP_METER_REASONS - 1) e->statuses[i].status = status;
    e->statuses[i].count++;
}

void neap_meter_add_send(neap_meter_endpoint *e, bool is_repeat, int status, neap_failure failure) {
    if (e == NULL) return;
    e->sends++;
    if (!is_repeat) return;
    if (status > 0) add_status(e, status);
    else e->failures[failure == NEAP_FAILURE_NONE ? NEAP_FAILURE_OTHER : failure]++;
}

void neap_meter_add_send_time(neap_meter_endpoint *e, int64_t ns) {
    if (e != NULL) observe(&e->send_time, ns);
}

void neap_meter_add_call(neap_meter_endpoint *e, int code, int64_t ns) {
    if (e == NULL) return;
    e->calls[code <= 0 && code > -NEAP_METER_OUTCOMES ? -code : -NEAP_EBUG]++;
    if (ns >= 0) observe(&e->call_time, ns);
}

int64_t neap_meter__sum_ns(const neap_meter_wait *w, int64_t now) {
    return w->waiting > 0 && now > w->since_ns ? w->sum_ns + (int64_t)w->waiting * (now - w->since_ns) : w->sum_ns;
}

static void advance(neap_meter_wait *w, int64_t now) {
    w->sum_ns = neap_meter__sum_ns(w, now);
    w->since_ns = now;
}

void neap_meter_enter(neap_meter_wait *w, size_t count, int64_t now) {
    if (w == NULL) return;
    advance(w, now);
    w->waiting += count;
}

void neap_meter_leave(neap_meter_wait *w, size_t count, int64_t now) {
    if (w == NULL) return;
    advance(w, now);
    w->waiting -= count < w->waiting ? count : w->waiting;
}

void neap_meter_add_waits(neap_meter_wait *w, size_t count) {
    if (w != NULL) w->count += count;
}

void neap_meter_begin_exchange(neap_meter_script *s) {
    if (s != NULL) s->begun++;
}

void neap_meter_end_exchange(neap_meter_script *s, int status, int64_t ns) {
    int class = status >= 100 && status < 600 ? status / 100 : 0;
    if (s == NULL) return;
    s->ended++;
    s->counts[class]++;
    observe(&s->times[class], ns);
}

/* --- sums ----------------------------------------------------------------------------------------- */

uint64_t neap_meter__retries(const neap_meter_endpoint *e) {
    uint64_t sum = 0;
    for (int i = 0; i < NEAP_METER_REASONS; i++) sum += e->statuses[i].count;
    for (int i = 0; i <= NEAP_FAILURE_OTHER; i++) sum += e->failures[i];
    return sum;
}

static void sum_endpoint(const neap_meter_endpoint *e, neap_metrics *out) {
    for (int i = 0; i < NEAP_METER_OUTCOMES; i++) {
        out->calls += e->calls[i];
        if (i > 0) out->calls_failed += e->calls[i];
    }
    out->sends += e->sends;
    out->retries += neap_meter__retries(e);
}

void neap_meter_totals(const neap_meter *m, const neap_meter_state *state, neap_metrics *out) {
    *out = (neap_metrics){
        .tasks_started = state->tasks_started, .tasks_live = state->tasks_live, .memory = state->memory};
    if (m == NULL) return;
    for (neap_meter_series *s = m->endpoints.first; s != NULL; s = s->next)
        sum_endpoint((const neap_meter_endpoint *)s, out);
    for (neap_meter_series *s = m->waits.first; s != NULL; s = s->next) {
        const neap_meter_wait *w = (const neap_meter_wait *)s;
        out->waits += w->count;
        out->wait_seconds += (double)neap_meter__sum_ns(w, state->now) / 1e9;
    }
    for (neap_meter_series *s = m->scripts.first; s != NULL; s = s->next)
        out->exchanges += ((const neap_meter_script *)s)->begun;
}
