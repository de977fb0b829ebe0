/* connection_own.h: what connection.c and connection_exchange.c have of each other. */
#ifndef NEAP_CORE_CONNECTION_OWN_H
#define NEAP_CORE_CONNECTION_OWN_H

#include <sys/types.h>

#include "connection.h"

/* What a socket says in place of a number of bytes. */
#define NEAP_NONE_NOW ((ssize_t)-1)
#define NEAP_BROKEN ((ssize_t)-2)

/* Bytes read; 0 where the server has closed. */
ssize_t neap_connection__receive(neap_connection *, char *data, size_t cap);
/* Bytes taken. */
ssize_t neap_connection__send(neap_connection *, const char *data, size_t len);
/* Has neap_connection__ready called for these events of libuv. */
void neap_connection__watch(neap_connection *, int events);
void neap_connection__ready(uv_poll_t *, int status, int events);
/* Ends exchange and connection; what became of the transfer is recorded. */
void neap_connection__give_up(neap_connection *);
/* The connection's job: reads on. */
void neap_connection__more(neap_job *);

#endif
