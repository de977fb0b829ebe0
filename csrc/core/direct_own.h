/* direct_own.h: what direct.c, the carrier, and origin.c, its connections, have of each other. */
#ifndef NEAP_CORE_DIRECT_OWN_H
#define NEAP_CORE_DIRECT_OWN_H

#include "connection.h"

/* A transfer that was started: it waits, or has a connection. */
typedef struct neap_ticket {
    neap_outgoing out;
    struct neap_origin *origin;
    neap_transfer *t;
    neap_connection *c;          /* NULL: it waits */
    struct neap_ticket *next, *prev; /* in the origin's queue; next: among the spare ones, too */
} neap_ticket;

typedef struct neap_origin {
    struct neap_direct *direct;
    struct neap_origin *next, *prev;
    neap_job job;                /* gives connections to those that wait */
    neap_ticket *first, *last;   /* who waits */
    neap_connection *idle;       /* the one used last first */
    unsigned count;              /* connections, idle ones too */
    uint32_t hash;
    bool https;
    uint16_t port;
    neap_span host;              /* in text */
    char text[];                 /* "https://host:port/" */
} neap_origin;

/* Lists of origins: a host may speak to thousands, one for each of its tenants. */
#define NEAP_ORIGIN_LISTS 256

/* What the transfers of one neap_http share. */
typedef struct neap_direct {
    neap_curl_multi *multi;
    neap_origin *origins[NEAP_ORIGIN_LISTS]; /* by hash */
    unsigned idle;               /* connections of all origins */
    neap_connection *newest, *oldest; /* of them, by the time of last use */
    unsigned long limit;         /* connections per origin */
    neap_ticket *spare;
    unsigned spares;
    char *buffer;
} neap_direct;

/* The origin of a URL; NULL: no memory. */
neap_origin *neap_origin_of(neap_direct *, const neap_url *);
/* Queues a ticket of this origin: its job gives it a connection. */
void neap_origin_queue(neap_origin *, neap_ticket *);
/* Takes a ticket out of the queue, or closes its connection in the middle. */
void neap_origin_leave(neap_ticket *);
/* Closes all connections; nobody waits for one. */
void neap_origins_close(neap_direct *);

/* Takes the ticket from a transfer that has ended, or was dropped. */
void neap_ticket_put(neap_transfer *);

#endif
