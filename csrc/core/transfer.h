/* transfer.h: one HTTP transfer from the calling side, over the network or in-process.
 *
 * A neap_http owns what transfers share: the connection cache, pooled handles, transport. A
 * neap_transfer is one request: filled by the caller, started once, reports through its callbacks
 * from jobs of the loop (never from inside start, a libcurl callback or each other). After on_done,
 * or after neap_transfer_cancel, nothing is called any more. Redirects are never followed here. */
#ifndef NEAP_CORE_TRANSFER_H
#define NEAP_CORE_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "credential.h"
#include "err.h"
#include "exchange.h"
#include "loop.h"

/* Limits of one transfer, in milliseconds; 0 means none. */
typedef struct neap_timeouts {
    int64_t connect_ms;    /* name lookup, TCP and TLS */
    int64_t first_byte_ms; /* from the request's departure to the first byte of the answer */
    int64_t total_ms;      /* the whole transfer, waiting for a connection included; a paused transfer's
                              clock stands still */
    int64_t low_speed_ms;  /* less than 1 byte per second for that long; not while paused */
} neap_timeouts;

/* What a request asks for. All is borrowed: method and fields for the call of neap_transfer_start, the rest until
 * on_done. */
typedef struct neap_request {
    const char *method;
    const char *url;
    const neap_field *fields;
    size_t field_count;
    bool is_checked;  /* method and fields have passed neap_request_check */
    const char *body; /* NULL: none */
    size_t body_len;
    const neap_credential *credential; /* NULL: none; added at the last moment, in C */
    neap_timeouts timeouts;
    bool holds_token; /* the answer may be a new secret, or one that is known: its body is not scrubbed before
                         neap_transfer_scrub_body; buffered only */
    uint64_t max_body; /* cap on the inflated body of the answer; 0: 64 MiB when buffered, 4 GiB when streamed */
} neap_request;

/* Refuses a method or field that would split or reframe the request: NEAP_EINVAL, *err filled; else 0. */
int neap_request_check(const neap_request *, neap_err *err);

typedef struct neap_transfer neap_transfer;

/* Callbacks; all but on_done may be NULL. */
typedef struct neap_transfer_cbs {
    /* The request leaves now: connection ready, first byte about to be sent. May not come (connect
     * failed). Called synchronously; must only record. */
    void (*on_depart)(void *ud, int64_t now_ns);
    /* Status and fields of the final answer are in (1xx are skipped). */
    void (*on_head)(void *ud);
    /* A piece of the inflated body. Absent: the body is buffered, see neap_transfer_body. A body that
     * inflates to more than 4 MiB and 256 times what came fails as too large, streamed or not. */
    void (*on_body)(void *ud, const char *data, size_t len);
    /* The end: err->code 0 for a complete answer of any status. Always the last call. */
    void (*on_done)(void *ud, const neap_err *err);
} neap_transfer_cbs;

/* Shared settings of a neap_http. All text is copied. */
typedef struct neap_http_cfg {
    long connections_per_host;   /* 0: 512 */
    const char *ca_file;         /* PEM; NULL: the system's */
    const char *client_cert;     /* PEM; NULL: none */
    const char *client_key;
    neap_handler *inproc;        /* non-NULL: every transfer goes to this handler, no network */
} neap_http_cfg;

typedef struct neap_http neap_http;

/* Opens; libcurl itself is initialised at the first transfer over the network. 0 or NEAP_ENOMEM. */
int neap_http_open(neap_http **out, neap_loop *, const neap_http_cfg *);
/* Cancels what is under way and frees. */
void neap_http_close(neap_http *);

/* Starts. 0, or a negative code with *err filled (bad URL, credential refused for this origin:
 * NEAP_EAUTH; no memory); then no callback comes. */
int neap_transfer_start(neap_transfer **out, neap_http *, const neap_request *,
                        const neap_transfer_cbs *, void *ud, neap_err *err);
/* Streaming only: holds back further on_body calls; resume lets them flow again. Between the two a virtual
 * clock does not wait for the transfer. */
void neap_transfer_pause(neap_transfer *);
void neap_transfer_resume(neap_transfer *);
/* From now on the whole of it may take as long as it takes; the other limits stay. */
void neap_transfer_lift_total(neap_transfer *);
/* Abandons a transfer that has not reported done; also frees it. */
void neap_transfer_cancel(neap_transfer *);
/* Frees after on_done (may be called from inside it). */
void neap_transfer_free(neap_transfer *);

/* The answer; valid from on_head until free. Status 0 before the head. */
int neap_transfer_status(const neap_transfer *);
size_t neap_transfer_field_count(const neap_transfer *);
neap_field neap_transfer_field(const neap_transfer *, size_t i); /* fields in order of arrival */
/* Buffered body, complete at on_done (partial after a failure). Already scrubbed of the credential's
 * secrets (redact.h). Borrowed. */
const neap_buf *neap_transfer_body(const neap_transfer *);
/* Scrubs the body of an answer that was not yet; before anybody reads it as text. */
void neap_transfer_scrub_body(neap_transfer *);
/* Frees the buffered body before the transfer, after on_done. */
void neap_transfer_drop_body(neap_transfer *);
/* Departed at all: a failure after it is ambiguous. Monotonic time of departure, and of the answer's
 * first byte (0: none yet). */
bool neap_transfer_departed(const neap_transfer *);
/* The answer began and was cut short. */
bool neap_transfer_truncated(const neap_transfer *);
int64_t neap_transfer_depart_ns(const neap_transfer *);
int64_t neap_transfer_answer_ns(const neap_transfer *);

#endif
