/* exchange.h: one HTTP exchange seen from the serving side, whoever carries it: nginx, libmicrohttpd, a host's own
 * server, or the in-process transport. A handler gets the request whole, answers in pieces, and is told when to
 * pause, so an answer of any size is flat in memory.
 *
 * A host that serves HTTP makes one per request, fills it, and hands it to neap_serve (neap.h). */
#ifndef NEAP_EXCHANGE_H
#define NEAP_EXCHANGE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One header field. Borrowed text, name as sent, both without a line break. */
typedef struct neap_field {
    const char *name, *value;
    size_t name_len, value_len;
} neap_field;

typedef struct neap_exchange neap_exchange;

/* What the carrier does for the handler; called from neap_dispatch and neap_wait, and from neap_free, which ends what
 * is left; on their thread. */
typedef struct neap_exchange_ops {
    /* Sends status and fields, once, before any body. `length` is the body's, -1 if unknown.
     * 0, NEAP_ENOMEM, or NEAP_ECANCELLED when the client has gone. */
    int (*head)(neap_exchange *, int status, const neap_field *fields, size_t count, long long length);
    /* Takes all of the bytes. 0: go on; 1: taken, but wait for on_drain before more; negative: gone. */
    int (*write)(neap_exchange *, const char *data, size_t len);
    /* Ends the body. The exchange must not be used afterwards. */
    void (*end)(neap_exchange *);
    /* Drops the connection as a crash would. Not to be used afterwards. */
    void (*abort)(neap_exchange *);
} neap_exchange_ops;

/* One exchange. Made and freed by the carrier; alive until the handler called end or abort. A client that leaves
 * does not free it: ops then answer NEAP_ECANCELLED until end or abort. */
struct neap_exchange {
    const neap_exchange_ops *ops;
    /* The request. Borrowed by the handler until on_gone, end or abort. */
    const char *method;       /* "GET" */
    const char *target;       /* path and query as sent: "/hook?x=1" */
    const char *scheme;       /* "http" or "https"; NULL: "http" */
    const char *client;       /* the peer's address: "192.0.2.1"; NULL: unknown */
    const neap_field *fields; /* request header fields */
    size_t field_count;
    const char *body;         /* whole request body; NULL when there was none, or it is in a file */
    size_t body_len;
    const char *body_path;    /* the file with it; NULL when it is in memory */
    /* The handler's. The carrier zeroes them and calls what is set, on the thread of the runtime, at any time. */
    void *ud;
    void (*on_drain)(neap_exchange *); /* more may be written, or the client has gone */
    void (*on_gone)(neap_exchange *);  /* the client has left before the end: what is borrowed ends with this call */
};

#ifdef __cplusplus
}
#endif

#endif
