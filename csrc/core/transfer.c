/* transfer.c: the front of a transfer, the same for every carrier (transfer_ops.h); transfer_body.c is its
 * other half.
 *
 * One timer per transfer stands for all of its limits. It is only ever moved to an earlier deadline;
 * when it fires it looks which limit has run out, if any, and is armed again. So an ordinary transfer
 * costs one insertion into the loop's heap, whatever the number of its limits. */
#include "transfer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "curl.h"
#include "curl_multi.h"
#include "direct.h"
#include "inproc.h"
#include "transfer_ops.h"

#define NS_PER_MS (NEAP_SECOND / 1000)

/* --- limits -------------------------------------------------------------------------------- */

/* The transfer's own clock: the loop's less the time it was paused. */
static int64_t run_ns(const neap_transfer *t) {
    return (t->paused ? t->pause_ns : neap_loop_now_ns(t->loop)) - t->paused_ns;
}

static int64_t total_due(const neap_transfer *t) {
    return t->req.timeouts.total_ms > 0 ? t->start_run_ns + t->req.timeouts.total_ms * NS_PER_MS
                                        : INT64_MAX;
}

static int64_t first_byte_due(const neap_transfer *t) {
    if (t->req.timeouts.first_byte_ms <= 0 || !t->departed || t->answer_ns != 0) return INT64_MAX;
    return t->depart_run_ns + t->req.timeouts.first_byte_ms * NS_PER_MS;
}

static int64_t low_speed_due(const neap_transfer *t) {
    if (t->req.timeouts.low_speed_ms <= 0 || t->answer_ns == 0) return INT64_MAX;
    return t->window_run_ns + t->req.timeouts.low_speed_ms * NS_PER_MS;
}

static int64_t min_ns(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void arm(neap_transfer *t) {
    int64_t due = min_ns(total_due(t), min_ns(first_byte_due(t), low_speed_due(t)));
    if (t->ended || t->paused || due == INT64_MAX) return;
    due += t->paused_ns;
    if (t->timer.place != 0 && t->timer.due_ns <= due) return;
    if (neap_timer_start(t->loop, &t->timer, due) < 0) {
        neap_transfer__fail(t, NEAP_ENOMEM, "not enough memory");
        neap_loop_post(t->loop, &t->job);
    }
}

/* Has the present window seen less than 1 byte per second? If not, the next one begins. */
static bool is_too_slow(neap_transfer *t) {
    size_t least = (size_t)((t->req.timeouts.low_speed_ms + 999) / 1000);
    if (t->heard - t->window_heard < least) return true;
    t->window_heard = t->heard;
    t->window_run_ns = run_ns(t);
    return false;
}

static double seconds(int64_t ms) {
    return (double)ms / 1000;
}

static void on_timer(neap_timer *timer) {
    neap_transfer *t = timer->ud;
    int64_t now = run_ns(t);
    const neap_timeouts *limits = &t->req.timeouts;
    if (t->ended || t->paused) return;
    if (now >= total_due(t)) {
        neap_transfer__fail(t, NEAP_ETIMEOUT, "no complete reply within %g s",
                            seconds(limits->total_ms));
    } else if (now >= first_byte_due(t)) {
        neap_transfer__fail(t, NEAP_ETIMEOUT, "no reply within %g s of the request",
                            seconds(limits->first_byte_ms));
    } else if (now >= low_speed_due(t) && is_too_slow(t)) {
        neap_transfer__fail(t, NEAP_ETIMEOUT, "reply stalled: less than 1 byte/s for %g s",
                            seconds(limits->low_speed_ms));
    } else {
        arm(t);
        return;
    }
    neap_loop_post(t->loop, &t->job);
}

/* A virtual clock waits for the network; but not for a transfer that waits for its consumer, or the two
 * would wait for each other. */
static void hold_clock(neap_transfer *t) {
    bool holding = t->http != NULL && t->http->carrier->is_network && !t->ended && !t->paused;
    if (holding == t->holding) return;
    t->holding = holding;
    if (holding) neap_loop_hold(t->loop);
    else neap_loop_release(t->loop);
}

/* --- what the carrier reports -------------------------------------------------------------- */

void neap_transfer__depart(neap_transfer *t) {
    neap_loop_update(t->loop);
    t->depart_ns = neap_loop_now_ns(t->loop);
    t->depart_run_ns = run_ns(t);
    t->departed = true;
    arm(t);
    if (t->cbs.on_depart != NULL) t->cbs.on_depart(t->ud, t->depart_ns);
}

static void stamp_answer(neap_transfer *t) {
    if (t->answer_ns != 0) return;
    neap_loop_update(t->loop);
    t->answer_ns = neap_loop_now_ns(t->loop);
    if (t->answer_ns == 0) t->answer_ns = 1; /* 0 says "none"; a virtual clock begins there */
    t->window_run_ns = run_ns(t);
    t->window_heard = t->heard;
    arm(t);
}

int neap_transfer__line(neap_transfer *t, const char *line, size_t len) {
    bool complete = t->head.complete;
    int rc = neap_head_line(&t->head, line, len);
    t->heard += len;
    if (t->head.status >= 200) stamp_answer(t);
    if (rc == 0 && t->head.complete && !complete) {
        if (t->scrub) rc = neap_head_scrub(&t->head);
        neap_loop_post(t->loop, &t->job);
    }
    if (rc == NEAP_ETOOLARGE) return neap_transfer__fail(t, rc, "reply header too large");
    return rc < 0 ? neap_transfer__fail(t, rc, "not enough memory") : 0;
}

int neap_transfer__fail(neap_transfer *t, int code, const char *fmt, ...) {
    va_list args;
    if (t->end.code != 0) return t->end.code;
    t->end.code = code;
    va_start(args, fmt);
    vsnprintf(t->end.message, sizeof t->end.message, fmt, args);
    va_end(args);
    return code;
}

void neap_transfer__cut(neap_transfer *t, long long got, long long length) {
    t->cut = true;
    if (length > 0) {
        neap_transfer__fail(t, NEAP_ENETWORK, "reply cut short: %lld of %lld bytes", got, length);
    } else {
        neap_transfer__fail(t, NEAP_ENETWORK, "reply cut short after %lld bytes", got);
    }
}

void neap_transfer__finish(neap_transfer *t, const neap_err *err) {
    if (t->end.code == 0) t->end = *err;
    t->ended = true;
    t->wire = NULL;
    hold_clock(t);
    neap_timer_stop(t->loop, &t->timer);
    neap_applied_deinit(&t->applied); /* from here on req and url must not be read */
    neap_loop_post(t->loop, &t->job);
}

/* --- telling the callbacks ----------------------------------------------------------------- */

static void leave_http(neap_transfer *t) {
    if (t->http == NULL) return;
    if (t->prev != NULL) t->prev->next = t->next;
    else t->http->live = t->next;
    if (t->next != NULL) t->next->prev = t->prev;
    t->next = t->prev = NULL;
    t->http = NULL;
}

static void destroy(neap_transfer *t) {
    neap_head_deinit(&t->head);
    neap_transfer__free_body(t);
    neap_applied_deinit(&t->applied);
    free(t);
}

/* A limit has run out, or memory: the carrier does not know yet. */
static void end_failed(neap_transfer *t) {
    if (t->ended || t->end.code == 0) return;
    t->http->carrier->drop(t);
    neap_transfer__finish(t, &t->end);
}

static void tell_head(neap_transfer *t) {
    if (t->head_told || !t->head.complete) return;
    t->head_told = true;
    if (t->cbs.on_head != NULL) t->cbs.on_head(t->ud);
}

static void tell_body(neap_transfer *t) {
    size_t len;
    if (!neap_transfer__is_streamed(t) || t->paused) return;
    len = neap_transfer__ready(t);
    if (len == 0) return;
    t->cbs.on_body(t->ud, t->body.data, len);
    neap_buf_shift(&t->body, len);
}

static void tell_done(neap_transfer *t) {
    neap_err end;
    if (!t->ended || t->done_told || !neap_transfer__settle_body(t)) return;
    end = t->end;
    t->done_told = true;
    leave_http(t);
    t->cbs.on_done(t->ud, &end);
}

static void on_job(neap_job *job) {
    neap_transfer *t = job->ud;
    t->busy = true;
    end_failed(t);
    tell_head(t);
    if (!t->gone) tell_body(t);
    if (!t->gone && !t->ended) t->http->carrier->flow(t);
    if (!t->gone) tell_done(t);
    t->busy = false;
    if (t->gone) destroy(t);
}

/* --- life ---------------------------------------------------------------------------------- */

/* RFC 9110 5.6.2. */
static bool is_tchar(char c) {
    char lower = (char)(c | 0x20);
    if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-') return true;
    return c != '\0' && strchr("!#$%&'*+.^_`|~", c) != NULL;
}

static bool is_token(const char *s, size_t len) {
    size_t i;
    for (i = 0; i < len && is_tchar(s[i]); i++) continue;
    return i == len && len > 0;
}

static bool is_value(const char *s, size_t len) {
    size_t i;
    for (i = 0; i < len; i++) {
        if ((unsigned char)s[i] < ' ' && s[i] != '\t') return false;
        if (s[i] == 0x7f) return false;
    }
    return true;
}

static bool is_named(const neap_field *f, const char *name) {
    return f->name_len == strlen(name) && strncasecmp(f->name, name, f->name_len) == 0;
}

/* RFC 9112 11.1 and 11.2. */
int neap_request_check(const neap_request *req, neap_err *err) {
    size_t i;
    if (!is_token(req->method, strlen(req->method))) {
        return neap_err_set(err, NEAP_EINVAL, "not an HTTP method");
    }
    for (i = 0; i < req->field_count; i++) {
        const neap_field *f = &req->fields[i];
        if (!is_token(f->name, f->name_len) || !is_value(f->value, f->value_len)) {
            return neap_err_set(err, NEAP_EINVAL, "bad header field no. %zu", i + 1);
        }
        if (is_named(f, "Content-Length") || is_named(f, "Transfer-Encoding")) {
            return neap_err_set(err, NEAP_EINVAL, "%.*s is set by the transport",
                                (int)f->name_len, f->name);
        }
    }
    return 0;
}

static int apply_credential(neap_transfer *t, neap_err *err) {
    neap_request *req = &t->req;
    int rc;
    if (req->credential == NULL) return 0;
    t->scrub = true;
    rc = neap_credential_apply_at(req->credential, &t->url, req->url, req->body, req->body_len, &t->applied, err);
    if (rc < 0) return rc;
    if (t->applied.body.len > 0) {
        req->body = t->applied.body.data;
        req->body_len = t->applied.body.len;
    }
    if (t->applied.url.len == 0) return 0;
    req->url = t->applied.url.data;
    return neap_url_parse(&t->url, req->url, t->applied.url.len, err);
}

static void enter_http(neap_transfer *t, neap_http *h) {
    t->http = h;
    t->next = h->live;
    if (h->live != NULL) h->live->prev = t;
    h->live = t;
}

/* Checks, applies the credential, hands the transfer to its carrier. */
static int set_out(neap_transfer *t, neap_err *err) {
    int rc = t->req.is_checked ? 0 : neap_request_check(&t->req, err);
    if (rc == 0) rc = neap_url_parse(&t->url, t->req.url, strlen(t->req.url), err);
    if (rc == 0) rc = apply_credential(t, err);
    if (rc == 0) rc = t->http->carrier->start(t, err);
    return rc;
}

int neap_transfer_start(neap_transfer **out, neap_http *h, const neap_request *req,
                        const neap_transfer_cbs *cbs, void *ud, neap_err *err) {
    neap_transfer *t = calloc(1, sizeof *t);
    int rc;
    if (t == NULL) return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    t->loop = h->loop;
    t->req = *req;
    t->cbs = *cbs;
    t->ud = ud;
    t->job = (neap_job){.run = on_job, .ud = t};
    t->timer = (neap_timer){.cb = on_timer, .ud = t};
    enter_http(t, h);
    rc = set_out(t, err);
    if (rc < 0) {
        leave_http(t);
        destroy(t);
        return rc;
    }
    neap_loop_update(t->loop);
    t->start_run_ns = run_ns(t);
    arm(t);
    hold_clock(t);
    *out = t;
    return 0;
}

void neap_transfer_pause(neap_transfer *t) {
    if (t->paused || t->done_told) return;
    t->pause_ns = neap_loop_now_ns(t->loop);
    t->paused = true;
    hold_clock(t);
}

void neap_transfer_resume(neap_transfer *t) {
    if (!t->paused) return;
    t->paused_ns += neap_loop_now_ns(t->loop) - t->pause_ns;
    t->paused = false;
    if (t->done_told) return;
    hold_clock(t);
    arm(t);
    neap_loop_post(t->loop, &t->job);
}

void neap_transfer_lift_total(neap_transfer *t) {
    t->req.timeouts.total_ms = 0; /* a timer that was armed for it looks again */
}

void neap_transfer_free(neap_transfer *t) {
    if (t == NULL || t->gone) return;
    if (!t->ended && t->http != NULL) t->http->carrier->drop(t);
    t->ended = t->gone = true;
    hold_clock(t);
    neap_timer_stop(t->loop, &t->timer);
    neap_loop_unpost(t->loop, &t->job);
    leave_http(t);
    if (!t->busy) destroy(t);
}

void neap_transfer_cancel(neap_transfer *t) {
    neap_transfer_free(t);
}

/* --- the answer ---------------------------------------------------------------------------- */

int neap_transfer_status(const neap_transfer *t) {
    return t->head.complete ? t->head.status : 0;
}

size_t neap_transfer_field_count(const neap_transfer *t) {
    return neap_head_field_count(&t->head);
}

neap_field neap_transfer_field(const neap_transfer *t, size_t i) {
    return neap_head_field(&t->head, i);
}

bool neap_transfer_departed(const neap_transfer *t) {
    return t->departed;
}

bool neap_transfer_truncated(const neap_transfer *t) {
    return t->cut;
}

int64_t neap_transfer_depart_ns(const neap_transfer *t) {
    return t->depart_ns;
}

int64_t neap_transfer_answer_ns(const neap_transfer *t) {
    return t->answer_ns;
}

/* --- what transfers share ------------------------------------------------------------------ */

static int copy_text(const char **text) {
    if (*text == NULL) return 0;
    *text = strdup(*text);
    return *text != NULL ? 0 : NEAP_ENOMEM;
}

static void free_http(neap_http *h) {
    free((void *)h->cfg.ca_file);
    free((void *)h->cfg.client_cert);
    free((void *)h->cfg.client_key);
    free(h);
}

int neap_http_open(neap_http **out, neap_loop *loop, const neap_http_cfg *cfg) {
    neap_http *h = calloc(1, sizeof *h);
    int rc = 0;
    if (h == NULL) return NEAP_ENOMEM;
    h->loop = loop;
    h->cfg = *cfg;
    if (cfg->inproc != NULL) h->carrier = &neap_inproc_carrier;
    else h->carrier = neap_curl_has_proxy() ? &neap_curl_carrier : &neap_direct_carrier;
    rc |= copy_text(&h->cfg.ca_file); /* all three, so that what is not ours is nowhere left */
    rc |= copy_text(&h->cfg.client_cert);
    rc |= copy_text(&h->cfg.client_key);
    if (rc != 0) {
        free_http(h);
        return NEAP_ENOMEM;
    }
    *out = h;
    return 0;
}

void neap_http_close(neap_http *h) {
    neap_transfer *t, *next;
    if (h == NULL) return;
    for (t = h->live; t != NULL; t = next) {
        next = t->next;
        neap_transfer_cancel(t);
    }
    if (h->shared != NULL) h->carrier->close(h);
    free_http(h);
}
