/* server.h: HTTP/1.1 for one neap_handler: `neap serve`, `neap sandbox`.
 *
 * libmicrohttpd runs without threads: its epoll descriptor and its time-out live in the loop
 * (FEASIBILITY.md 9). A request is read whole, becomes a neap_exchange, and its connection stays
 * suspended until the handler has something to send; a client that leaves meanwhile is noticed, and
 * one that ends its sending side before its answer is complete counts as such, as in nginx. A
 * head that others may read as that of another request is answered with 400 or 501 (head.c). A
 * connection on which nothing moves for idle_s seconds ends, a suspended one never does. Real clock
 * only. */
#ifndef NEAP_SERVER_SERVER_H
#define NEAP_SERVER_SERVER_H

#include <stdint.h>

#include "../core/err.h"
#include "../core/exchange.h"
#include "../core/log.h"
#include "../core/loop.h"

typedef struct neap_server neap_server;

/* Largest request body, if the options do not say; a bigger one is answered with 413 and reaches no
 * handler. */
#define NEAP_SERVER_MAX_BODY ((size_t)64 << 20)
/* Seconds that a client may take for its next byte, and for taking the next one, if the options do not say. */
#define NEAP_SERVER_IDLE_S 60

/* Zero-initialised is the default. Borrowed for the call of neap_server_open. */
typedef struct neap_server_options {
    const char *address; /* IPv4 or IPv6, in figures; NULL: 127.0.0.1 */
    uint16_t port;       /* 0: any free one */
    size_t body_limit;   /* bytes; 0: NEAP_SERVER_MAX_BODY */
    unsigned idle_s;     /* 0: NEAP_SERVER_IDLE_S */
    neap_log *log;       /* gets a line per request at level debug, as long as the server lives; NULL: none */
} neap_server_options;

/* Listens. The handler is borrowed and must outlive the server. `options` may be NULL.
 * 0, NEAP_ENOMEM, NEAP_EINVAL for another kind of address, NEAP_ESETTINGS without libmicrohttpd, or
 * NEAP_ENETWORK; *err is filled ("cannot listen on 127.0.0.1:8080: Address already in use"). */
int neap_server_open(neap_server **out, neap_loop *, neap_handler *, const neap_server_options *options,
                     neap_err *err);
/* The port it listens on. */
uint16_t neap_server_port(const neap_server *);
/* Requests that have begun and are not completely answered. */
unsigned neap_server_requests(const neap_server *);
/* Stops listening and closes connections without a request; each other one is closed behind its answer.
 * `on_idle` (may be NULL) is called once from the loop when no request is left. Again: only another
 * on_idle. Not from a handler's `handle` or a callback of an exchange. */
void neap_server_stop(neap_server *, void (*on_idle)(void *ud), void *ud);
/* Stops listening and drops every connection. Exchanges still held by the handler stay valid, and
 * answer NEAP_ECANCELLED, until it ends them; it is told by on_gone, from the loop. NULL is allowed. */
void neap_server_close(neap_server *);

#endif
