/* transfer.h: what the tests of transfers share: a loop, a transfer and what it reported. */
#ifndef NEAP_SPEC_TRANSFER_H
#define NEAP_SPEC_TRANSFER_H

#include <strings.h>

#include "../../csrc/core/transfer.h"
#include "check.h"

/* One transfer and what it reported. */
typedef struct probe {
    neap_loop *loop;
    neap_transfer *t;
    bool running; /* false: done */
    unsigned departs, heads, pieces, dones;
    int64_t depart_ns;
    neap_err err;
    neap_buf body;    /* streamed */
    size_t biggest;   /* piece of it */
    size_t pause_at;  /* pause once that many bytes are in; 0: never */
    bool cancel_in_head, cancel_in_body;
    void (*departing)(void *ud); /* called when the request leaves; may be NULL */
    void *ud;
} probe;

static neap_loop *loop;

static void on_depart(void *ud, int64_t now_ns) {
    probe *p = ud;
    p->departs++;
    p->depart_ns = now_ns;
    if (p->departing != NULL) p->departing(p->ud);
}

static void on_head(void *ud) {
    probe *p = ud;
    p->heads++;
    if (!p->cancel_in_head) return;
    neap_transfer_cancel(p->t);
    p->running = false;
}

static void on_body(void *ud, const char *data, size_t len) {
    probe *p = ud;
    p->pieces++;
    if (len > p->biggest) p->biggest = len;
    neap_buf_add(&p->body, data, len);
    if (p->cancel_in_body) {
        neap_transfer_cancel(p->t);
        p->running = false;
    } else if (p->pause_at > 0 && p->body.len >= p->pause_at) {
        neap_transfer_pause(p->t);
        p->running = false; /* gives the test its turn */
    }
}

static void on_done(void *ud, const neap_err *err) {
    probe *p = ud;
    p->dones++;
    p->err = *err;
    p->running = false;
}

static const neap_transfer_cbs buffered = {on_depart, on_head, NULL, on_done};
static const neap_transfer_cbs streamed = {on_depart, on_head, on_body, on_done};

static inline int start(probe *p, neap_http *h, const neap_request *req, const neap_transfer_cbs *cbs) {
    int rc;
    *p = (probe){.loop = loop, .running = true};
    rc = neap_transfer_start(&p->t, h, req, cbs, p, &p->err);
    if (rc < 0) p->running = false;
    return rc;
}

static inline void run(probe *p) {
    p->running = true;
    neap_loop_run(loop, &p->running);
}

static inline void end(probe *p) {
    neap_transfer_free(p->t);
    neap_buf_free(&p->body);
}

static inline const char *body_of(const probe *p) {
    static char text[4096];
    const neap_buf *b = neap_transfer_body(p->t);
    snprintf(text, sizeof text, "%.*s", (int)b->len, b->data != NULL ? b->data : "");
    return text;
}

static inline const char *field_of(const probe *p, const char *name) {
    static char text[4096];
    size_t i;
    for (i = 0; i < neap_transfer_field_count(p->t); i++) {
        neap_field f = neap_transfer_field(p->t, i);
        if (f.name_len != strlen(name) || strncasecmp(f.name, name, f.name_len) != 0) continue;
        snprintf(text, sizeof text, "%.*s", (int)f.value_len, f.value);
        return text;
    }
    return NULL;
}

static inline bool holds(const neap_buf *b, const char *text) {
    return b->len > 0 && memmem(b->data, b->len, text, strlen(text)) != NULL;
}

/* Nothing is left of any transfer. */
static inline void check_idle(void) {
    neap_loop_stats stats;
    neap_loop_get_stats(loop, &stats);
    CHECK_EQ_INT(stats.timers, 0);
    CHECK_EQ_INT(stats.jobs, 0);
    CHECK_EQ_INT(stats.holds, 0);
}

#endif
