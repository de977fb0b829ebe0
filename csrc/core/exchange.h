/* exchange.h: one HTTP exchange seen from the serving side, whoever carries it: the in-process
 * transport or libmicrohttpd. A handler gets the request whole, answers in pieces, and is told when
 * to pause, so a reply of any size is flat in memory. */
#ifndef NEAP_CORE_EXCHANGE_H
#define NEAP_CORE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

/* One header field. Borrowed text, name as sent. */
typedef struct neap_field {
    const char *name, *value;
    size_t name_len, value_len;
} neap_field;

typedef struct neap_exchange neap_exchange;

/* What the carrier does for the handler. */
typedef struct neap_exchange_ops {
    /* Sends status and fields, once, before any body. `length` is the body's, -1 if unknown.
     * 0, NEAP_ENOMEM, or NEAP_ECANCELLED when the client has gone. */
    int (*head)(neap_exchange *, int status, const neap_field *fields, size_t count, long long length);
    /* Takes all of the bytes. 0: go on; 1: taken, but wait for on_drain before more; negative: gone. */
    int (*write)(neap_exchange *, const char *data, size_t len);
    /* Ends the body. The exchange must not be used afterwards. */
    void (*end)(neap_exchange *);
    /* Drops the connection as a crash would (faults reset and truncate). Not to be used afterwards. */
    void (*abort)(neap_exchange *);
} neap_exchange_ops;

/* One exchange. Made and freed by the carrier; alive until the handler called end or abort. A
 * client that leaves does not free it: ops then answer NEAP_ECANCELLED until end or abort. */
struct neap_exchange {
    const neap_exchange_ops *ops;
    const char *method;                  /* "GET" */
    const char *target;                  /* path and query as sent: "/omnisegment/x/?tid=OA-1" */
    const neap_field *fields;            /* request header fields */
    size_t field_count;
    const char *body;                    /* whole request body; NULL when there was none */
    size_t body_len;
    void *ud;                            /* the handler's own */
    void (*on_drain)(neap_exchange *);   /* set by the handler: more may be written (or client gone) */
};

/* Who answers. `handle` is called from a job of the loop, never from inside a send. */
typedef struct neap_handler {
    void (*handle)(struct neap_handler *, neap_exchange *);
} neap_handler;

#endif
