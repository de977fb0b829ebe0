/* transfer_body.c: the body of an answer, from what the carrier brings to what the callbacks get.
 *
 * A streamed body waits as it came, compressed, and is inflated a piece at a time, when the consumer has
 * taken the piece before: whatever its bytes inflate to, little of it is in memory. A buffered one is
 * inflated at once, up to its cap. */
#include <strings.h>

#include "redact.h"
#include "transfer_ops.h"

#define MIB ((uint64_t)1024 * 1024)
/* Caps on the inflated body when the request names none. The one of a streamed body is for the disk, not
 * for memory: far beyond every listing and report, and yet an end. */
#define BODY_MAX (64 * MIB)
#define STREAM_MAX (4096 * MIB)
/* What inflates further than so many times is no data, once there is that much of it: pages of JSON or XML
 * reach 10 to 100, deflate itself 1032. */
#define RATIO_MAX 256
#define RATIO_FROM (4 * MIB)
/* What comes may be more than what it inflates to (deflate adds 1 in 1000), but not by more than that: blocks
 * and members without content would go on for ever. */
#define CODED_MORE (4 * MIB)
/* Of a streamed body that is inflated at a time. */
#define PIECE ((size_t)64 * 1024)
/* Room made for what a buffered body inflates to: that many times what came, at least that much. */
#define ROOM_RATIO 4
#define ROOM_LEAST ((size_t)1024)
/* A secret may lie across two pieces of a streamed body: the last bytes wait for the next piece. */
#define SCRUB_CARRY ((size_t)4 * 1024)

bool neap_transfer__is_streamed(const neap_transfer *t) {
    return t->cbs.on_body != NULL;
}

/* --- codings ----------------------------------------------------------------------------------- */

static bool is_named(const neap_field *f, const char *name, size_t len) {
    return f->name_len == len && strncasecmp(f->name, name, len) == 0;
}

static bool is_value(const neap_field *f, const char *value, size_t len) {
    return f->value_len == len && strncasecmp(f->value, value, len) == 0;
}

/* The value of a field of that name; empty if there is none. */
static neap_field find_field(const neap_transfer *t, const char *name, size_t len) {
    size_t i, count = neap_head_field_count(&t->head);
    for (i = 0; i < count; i++) {
        neap_field f = neap_head_field(&t->head, i);
        if (is_named(&f, name, len)) return f;
    }
    return (neap_field){0};
}

/* libcurl would inflate a transfer coding that nobody asked for, without bounds. */
static int check_transfer_coding(neap_transfer *t) {
    size_t i, count = neap_head_field_count(&t->head);
    for (i = 0; i < count; i++) {
        neap_field f = neap_head_field(&t->head, i);
        if (!is_named(&f, "Transfer-Encoding", 17) || f.value_len == 0) continue;
        if (is_value(&f, "chunked", 7) || is_value(&f, "identity", 8)) continue;
        return neap_transfer__fail(t, NEAP_EDECODE, "reply has a transfer coding other than chunked");
    }
    return 0;
}

/* At the first byte of the body: answers without one may name any coding. */
static int find_coding(neap_transfer *t) {
    neap_field f = find_field(t, "Content-Encoding", 16);
    neap_err err;
    int rc = check_transfer_coding(t);
    t->coding_known = true;
    if (rc < 0 || f.value_len == 0) return rc;
    rc = neap_inflater_open(&t->inflater, f.value, f.value_len, &err);
    return rc < 0 ? neap_transfer__fail(t, rc, "%s", err.message) : 0;
}

/* --- caps -------------------------------------------------------------------------------------- */

static int check_size(neap_transfer *t) {
    uint64_t cap = t->req.max_body;
    if (cap == 0) cap = neap_transfer__is_streamed(t) ? STREAM_MAX : BODY_MAX;
    if (t->body_total > cap || (t->coded_total > CODED_MORE && t->coded_total - CODED_MORE > cap)) {
        return neap_transfer__fail(t, NEAP_ETOOLARGE, "reply larger than %llu bytes", (unsigned long long)cap);
    }
    if (t->inflater != NULL && t->body_total > RATIO_FROM && t->body_total / RATIO_MAX > t->coded_total) {
        return neap_transfer__fail(t, NEAP_ETOOLARGE,
                                   "reply inflates without bound: to %llu bytes from %llu, more than %d to 1",
                                   (unsigned long long)t->body_total, (unsigned long long)t->coded_total,
                                   RATIO_MAX);
    }
    return 0;
}

/* --- what the carrier brings --------------------------------------------------------------------- */

static int keep(neap_transfer *t, neap_buf *b, const char *data, size_t len) {
    if (neap_buf_add(b, data, len) == 0) return 0;
    return neap_transfer__fail(t, NEAP_ENOMEM, "not enough memory");
}

static int take_plain(neap_transfer *t, const char *data, size_t len) {
    t->body_total += len;
    return check_size(t) < 0 ? t->end.code : keep(t, &t->body, data, len);
}

static void drop_inflater(neap_transfer *t) {
    neap_inflater_close(t->inflater);
    t->inflater = NULL;
}

/* Adds to the body what the bytes inflate to, `room` bytes of it at most. What is beyond a cap is not told. */
static int inflate_some(neap_transfer *t, const char *data, size_t len, size_t room, size_t *used) {
    size_t before = t->body.len;
    neap_err err;
    int rc = neap_inflater_run(t->inflater, data, len, &t->body, room, used, &err);
    t->coded_total += *used;
    t->body_total += t->body.len - before;
    if (rc < 0) {
        neap_transfer__fail(t, rc, "%s", err.message);
    } else {
        rc = check_size(t);
        if (rc < 0) t->body.len = before;
    }
    if (rc < 0) drop_inflater(t);
    return rc;
}

static int take_coded(neap_transfer *t, const char *data, size_t len) {
    size_t used;
    int rc;
    do {
        size_t room = len * ROOM_RATIO > ROOM_LEAST ? len * ROOM_RATIO : ROOM_LEAST;
        rc = inflate_some(t, data, len, room < PIECE ? room : PIECE, &used);
        data += used;
        len -= used;
    } while (rc == 0 && (len > 0 || neap_inflater_is_full(t->inflater)));
    return rc;
}

int neap_transfer__data(neap_transfer *t, const char *data, size_t len) {
    bool streamed = neap_transfer__is_streamed(t);
    int rc;
    if (t->end.code != 0) return t->end.code;
    t->heard += len;
    rc = t->coding_known ? 0 : find_coding(t);
    if (rc < 0) return rc;
    if (t->inflater == NULL) rc = take_plain(t, data, len);
    else if (streamed) rc = keep(t, &t->coded, data, len);
    else rc = take_coded(t, data, len);
    if (rc == 0 && streamed) neap_loop_post(t->loop, &t->job);
    return rc;
}

bool neap_transfer__full(const neap_transfer *t, size_t max) {
    return neap_transfer__is_streamed(t) && t->body.len + t->coded.len > max;
}

/* --- what the callbacks get ---------------------------------------------------------------------- */

static bool has_coded(const neap_transfer *t) {
    return t->coded.len > 0 || (t->inflater != NULL && neap_inflater_is_full(t->inflater));
}

/* Fills the queue of a streamed body up to a piece. What came before a failure is told, nothing after. */
static void inflate_piece(neap_transfer *t) {
    size_t from = 0, used;
    int rc = 0;
    if (t->inflater == NULL) return;
    while (rc == 0 && t->body.len < PIECE && (from < t->coded.len || neap_inflater_is_full(t->inflater))) {
        rc = inflate_some(t, t->coded.data + from, t->coded.len - from, PIECE - t->body.len, &used);
        from += used;
    }
    neap_buf_shift(&t->coded, rc < 0 ? t->coded.len : from);
    if (rc < 0) neap_loop_post(t->loop, &t->job); /* the carrier does not know yet */
}

size_t neap_transfer__ready(neap_transfer *t) {
    inflate_piece(t);
    if (has_coded(t)) neap_loop_post(t->loop, &t->job); /* the next piece */
    if (!t->scrub) return t->body.len;
    neap_redact_buf(&t->body, NEAP_REDACT_BODY);
    if (t->ended && !has_coded(t)) return t->body.len;
    return t->body.len > SCRUB_CARRY ? t->body.len - SCRUB_CARRY : 0;
}

/* The codings end with a mark of their own, whatever the length said. */
static void check_end(neap_transfer *t) {
    if (t->end.code != 0 || neap_inflater_is_complete(t->inflater)) return;
    t->cut = true;
    neap_transfer__fail(t, NEAP_ENETWORK, "reply cut short: its compressed body ends after %llu bytes",
                        (unsigned long long)t->coded_total);
}

bool neap_transfer__settle_body(neap_transfer *t) {
    if (has_coded(t)) return false;
    if (t->inflater != NULL) check_end(t);
    drop_inflater(t);
    if (neap_transfer__is_streamed(t)) return t->body.len == 0;
    if (t->scrub && !t->req.holds_token) neap_redact_buf(&t->body, NEAP_REDACT_BODY);
    return true;
}

const neap_buf *neap_transfer_body(const neap_transfer *t) {
    return &t->body;
}

void neap_transfer_scrub_body(neap_transfer *t) {
    if (t->scrub && t->req.holds_token) neap_redact_buf(&t->body, NEAP_REDACT_BODY);
}

void neap_transfer_drop_body(neap_transfer *t) {
    if (t->scrub || t->req.holds_token) neap_buf_wipe(&t->body);
    else neap_buf_free(&t->body);
}

void neap_transfer__free_body(neap_transfer *t) {
    neap_transfer_drop_body(t);
    if (t->scrub) neap_buf_wipe(&t->coded);
    else neap_buf_free(&t->coded);
    neap_inflater_close(t->inflater);
}
