/* server.h: HTTP/1.1 on the loopback interface for one neap_handler: `neap sandbox` and listeners.
 *
 * libmicrohttpd runs without threads: its epoll descriptor and its time-out live in the loop
 * (FEASIBILITY.md 9). A request is read whole, becomes a neap_exchange, and its connection stays
 * suspended until the handler has something to send. Real clock only. */
#ifndef NEAP_SERVER_SERVER_H
#define NEAP_SERVER_SERVER_H

#include <stdint.h>

#include "../core/err.h"
#include "../core/exchange.h"
#include "../core/loop.h"

typedef struct neap_server neap_server;

/* Largest request body; a bigger one is answered with 413 and reaches no handler. */
#define NEAP_SERVER_MAX_BODY ((size_t)64 << 20)

/* Listens on 127.0.0.1:port (0: any free one). The handler is borrowed and must outlive the server.
 * 0, NEAP_ENOMEM, NEAP_ESETTINGS without libmicrohttpd, or NEAP_ENETWORK with *err filled ("port 8080
 * is in use"). */
int neap_server_open(neap_server **out, neap_loop *, neap_handler *, uint16_t port, neap_err *err);
/* The port it listens on. */
uint16_t neap_server_port(const neap_server *);
/* Stops listening and drops every connection. Exchanges still held by the handler stay valid, and
 * answer NEAP_ECANCELLED, until it ends them. NULL is allowed. */
void neap_server_close(neap_server *);

#endif
