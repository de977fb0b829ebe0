/* connection.h: one connection to an origin, and the exchange on it. Private to origin.c.
 *
 * libcurl opens it (names, addresses, TLS: CURLOPT_CONNECT_ONLY) and keeps it; the bytes of HTTP/1.1 go
 * through here (http1.h), straight to the socket, or through libcurl where it is encrypted.
 *
 * Met in 7.88: once a second, opening a connection closes every other that no handle is attached to, has
 * something to read and is believed idle (lib/url.c, prune_dead_connections). curl_easy_send attaches; so it
 * is called as soon as the connection is there, over TLS with the request. */
#ifndef NEAP_CORE_CONNECTION_H
#define NEAP_CORE_CONNECTION_H

#include "curl_multi.h"
#include "http1.h"
#include "transfer_ops.h"

typedef struct neap_connection neap_connection;

/* A request as it goes over the wire. */
typedef struct neap_outgoing {
    neap_buf head;     /* and the body behind it, if it is small */
    bool has_body;     /* in head */
    bool no_answer_body; /* the method is HEAD */
    bool keeps;        /* the connection may be used again afterwards */
} neap_outgoing;

/* What the owner is told; from inside neap_connection_begin and _flow, too. */
typedef struct neap_connection_events {
    /* The transfer's exchange is over, the connection is good for another. */
    void (*idle)(neap_connection *, neap_transfer *);
    /* The connection is about to be freed: the owner lets go of it. The transfer that it had, if any, ends;
     * unsent: it does not, for nothing of it left (the server had closed the kept connection), and another
     * connection may carry it. */
    void (*closed)(neap_connection *, neap_transfer *, bool unsent);
} neap_connection_events;

struct neap_connection {
    const neap_connection_events *events;
    void *owner;
    neap_connection *next, *prev; /* the owner's: idle ones of an origin */
    neap_connection *newer, *older; /* the owner's: idle ones of all origins */
    char *buffer;          /* for what is read: NEAP_CONNECTION_BUFFER bytes, shared by all of an owner */
    neap_curl_multi *multi;
    CURL *easy;            /* holds the connection */
    neap_transfer *t;      /* whose exchange is under way, or for whom it is opened; NULL: idle */
    neap_http1_reader reader;
    neap_outgoing *out;    /* t's */
    size_t head_sent, body_sent;
    neap_job more;         /* reads on, where a turn was not enough */
    uv_poll_t poll;
    int fd;                /* -1: not open yet */
    int armed;             /* events that poll watches */
    int64_t idle_since_ns; /* of the loop */
    long connect_ms;       /* the time that there is for opening */
    bool is_tls;
    bool is_opened;        /* or it failed to: libcurl is through with it */
    bool is_polled;        /* poll is libuv's */
    bool is_used;          /* it has carried an exchange before */
    bool is_shut;          /* the flow of the body is held back */
    bool is_deaf;          /* the server takes no more of the request */
    bool is_answered;      /* the answer is complete, the request is not */
    bool is_clean;         /* nothing has come behind the answer */
    char error[CURL_ERROR_SIZE];
};

#define NEAP_CONNECTION_BUFFER ((size_t)64 * 1024)

/* Begins to open a connection for a transfer, which then departs on it. origin: "https://host:port/". The
 * multi handle's `done` is neap_connection_opened. NULL: no memory. */
neap_connection *neap_connection_open(neap_curl_multi *, const char *origin, neap_transfer *, neap_outgoing *,
                                      const neap_connection_events *, void *owner, char *buffer);
/* libcurl is through: neap_curl_multi's `done`. */
void neap_connection_opened(void *connection, CURLcode rc);
/* Is an idle one still good? If not the owner closes it. */
bool neap_connection_is_alive(neap_connection *);
/* Sends a transfer's request over an idle one. What goes out stays where it is until the exchange has ended; it
 * is overwritten when it has left, if it holds a secret. */
void neap_connection_begin(neap_connection *, neap_transfer *, neap_outgoing *);
/* The transfer takes more of its body. */
void neap_connection_flow(neap_connection *);
/* Closes, whatever goes on; tells nobody, and nothing of the transfer. */
void neap_connection_close(neap_connection *);

#endif
