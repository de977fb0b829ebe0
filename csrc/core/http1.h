/* http1.h: HTTP/1.1 messages (RFC 9112) from the client's side: requests are written, answers read. No
 * sockets and no clock.
 *
 * Neap reads and writes them itself: libcurl's own HTTP takes 75 k instructions for a request and its answer,
 * as much as all the rest of a vendor call, for it prints each header line character by character. */
#ifndef NEAP_CORE_HTTP1_H
#define NEAP_CORE_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "exchange.h"
#include "url.h"

/* A request without its body. */
typedef struct neap_http1_request {
    const char *method;
    const neap_url *url;
    const neap_field *fields;
    size_t field_count;
    const neap_buf *added; /* more fields: "Name: value\0Name: value\0" */
    bool has_body;
    size_t body_len;
    size_t behind;         /* room to be made for what the caller appends: growing would leave a copy of a
                              secret behind */
} neap_http1_request;

/* Appends the request line, the fields and the blank line. What Neap adds itself (Host, Accept, User-Agent,
 * Accept-Encoding) gives way to a field of that name; Content-Length is there for a body, and for POST, PUT
 * and PATCH without one (RFC 9110 8.6). Neither method nor fields are checked. 0 or NEAP_ENOMEM. */
int neap_http1_write(neap_buf *out, const neap_http1_request *);

/* Does the request leave the connection open for others? Not if it has a Connection field of its own. */
bool neap_http1_keeps(const neap_http1_request *);

/* Who gets an answer. A negative result ends the reading with NEAP_HTTP1_REFUSED. */
typedef struct neap_http1_sink {
    /* A line of the head, its end included or not; also the blank one, those of 1xx answers, and trailers. */
    int (*line)(void *ud, const char *line, size_t len);
    /* Part of the body, its transfer coding undone. */
    int (*data)(void *ud, const char *data, size_t len);
} neap_http1_sink;

typedef enum neap_http1_result {
    NEAP_HTTP1_MORE,      /* the answer goes on */
    NEAP_HTTP1_DONE,      /* it is complete */
    NEAP_HTTP1_REFUSED,   /* by the sink */
    NEAP_HTTP1_NOT_HTTP,  /* what comes is no answer of HTTP/1.x, or leaves open where it ends */
    NEAP_HTTP1_TOO_LARGE, /* a line of more than 100 KiB, or 512 KiB of lines */
    NEAP_HTTP1_BROKEN,    /* the body is not framed as the head says, or the end came too early */
    NEAP_HTTP1_NO_MEMORY,
} neap_http1_result;

typedef enum neap_http1_state {
    NEAP_HTTP1_STATUS,
    NEAP_HTTP1_FIELDS,
    NEAP_HTTP1_BODY,       /* of known length */
    NEAP_HTTP1_REST,       /* a body that ends with the connection */
    NEAP_HTTP1_CHUNK_SIZE,
    NEAP_HTTP1_CHUNK,
    NEAP_HTTP1_CHUNK_END,
    NEAP_HTTP1_TRAILERS,
    NEAP_HTTP1_COMPLETE,
} neap_http1_state;

/* Reads one answer. Only neap_http1_reader_begin and _deinit touch it from outside; got, length and persistent
 * may be read. */
typedef struct neap_http1_reader {
    neap_http1_state state;
    bool no_body;       /* of an answer to HEAD */
    bool wanted;        /* the request does not say that the connection is to end */
    bool is_1_0;        /* the answer is of HTTP/1.0 */
    bool persistent;    /* the connection may serve another request */
    bool chunked, coded; /* transfer codings; chunked: it is the last; coded: there is another */
    bool framing;       /* the last field said how the answer is framed */
    int status;
    int64_t length;     /* Content-Length; -1: none */
    uint64_t left;      /* of the body or the chunk */
    uint64_t got;       /* of the body */
    size_t lines;       /* bytes of lines so far, chunk sizes left out */
    neap_buf line;      /* the beginning of a line that has not ended */
    const neap_http1_sink *sink;
    void *ud;           /* the sink's */
} neap_http1_reader;

/* Zero-initialised is a valid reader to begin with. no_body: the request is HEAD; wanted: it does not say that
 * the connection is to end. */
void neap_http1_reader_begin(neap_http1_reader *, bool no_body, bool wanted, const neap_http1_sink *, void *ud);
/* Reads; *used is less than len only behind the end of the answer, or where reading ended. */
neap_http1_result neap_http1_read(neap_http1_reader *, const char *data, size_t len, size_t *used);
/* The connection has ended: DONE if that is the end of the answer. */
neap_http1_result neap_http1_read_end(neap_http1_reader *);
void neap_http1_reader_deinit(neap_http1_reader *);

#endif
