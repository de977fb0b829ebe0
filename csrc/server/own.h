/* own.h: what the files of this folder share.
 *
 * One `peer` per connection: libmicrohttpd holds it. One `visit` per request: libmicrohttpd holds it from
 * the request line to the end of the answer, the handler from `handle` to end or abort; it is freed when
 * both have let go. Everything that enters libmicrohttpd runs from `pump`, a job, or from a caller
 * outside; its callbacks only record. */
#ifndef NEAP_SERVER_OWN_H
#define NEAP_SERVER_OWN_H

#include <netinet/in.h>

#include "../core/buf.h"
#include "libmicrohttpd.h"
#include "server.h"

typedef struct peer peer;
typedef struct visit visit;

struct neap_server {
    neap_loop *loop;
    neap_handler *handler;
    struct MHD_Daemon *daemon;
    uv_poll_t *watch;  /* on the daemon's epoll descriptor; freed by its close callback */
    neap_timer timer;  /* the daemon's own time-out */
    neap_job pump;     /* runs the daemon */
    neap_job idle;     /* calls on_idle */
    void (*on_idle)(void *ud);
    void *idle_ud;
    peer *peers;       /* connections */
    peer *left;        /* those whose client has ended its stream */
    unsigned requests; /* visits of theirs */
    neap_log *log;     /* borrowed; may be NULL */
    size_t body_limit;
    uint16_t port;
    bool stopping;
};

/* One connection. Freed by the close callback of its watch. */
struct peer {
    uv_poll_t watch; /* for the client's end of stream: libmicrohttpd looks away while it is suspended */
    neap_server *server;
    struct MHD_Connection *conn;
    visit *visit;    /* the request under way; NULL between two */
    peer *next, *prev;
    int fd;
    int nudges;      /* see neap_peer_nudge_left */
    bool left;       /* the client has ended its stream: in server->left */
};

/* One request. */
struct visit {
    neap_exchange ex;            /* first: the ops get it back from here */
    neap_loop *loop;
    peer *peer;                  /* NULL once libmicrohttpd has let go */
    struct MHD_Connection *conn; /* NULL before the header is in, too */
    neap_job job;                /* begins the handler, resumes the connection, tells of room and of the end */
    char *text;                  /* method and header fields, one block */
    char *target;                /* owned copy */
    char client[INET6_ADDRSTRLEN];
    neap_buf in;                 /* request body */
    neap_buf out;                /* answer's body; bytes before out_pos are with libmicrohttpd */
    size_t out_pos;
    size_t dropped;              /* bytes of a body that is too large */
    int64_t begun_ns;            /* on the loop's clock */
    int status;                  /* of the answer; 0: none yet */
    bool has_body;
    bool too_large;
    bool asked;     /* the request is whole */
    bool held;      /* by the handler */
    bool suspended;
    bool queued;    /* the head is with libmicrohttpd */
    bool ended;
    bool aborted;
    bool waiting;   /* the handler waits for on_drain */
    bool gone;      /* the client left before the end of the answer */
    bool told;      /* the handler knows that */
};

/* --- peer.c ------------------------------------------------------------------------------------- */

/* For MHD_OPTION_NOTIFY_CONNECTION; cls: the server. */
void neap_peer_on_connection(void *cls, struct MHD_Connection *, void **context,
                             enum MHD_ConnectionNotificationCode);
/* The connection's peer; NULL where memory was short. */
peer *neap_peer_of(struct MHD_Connection *);
/* Has libmicrohttpd find an end of stream behind what has arrived: it then closes the connection. */
void neap_peer_finish(peer *);
/* Has it find the end of those streams that it reads and whose client has ended them. */
void neap_peer_nudge_left(neap_server *);

/* --- visit.c: the handler's side ---------------------------------------------------------------- */

/* A request has begun. NULL: no memory. */
visit *neap_visit_open(peer *, const char *target);
/* libmicrohttpd lets go of it; `complete`: the answer is out. */
void neap_visit_leave(visit *, bool complete);
/* The client has ended its stream while its request is with the handler. */
void neap_visit_hang_up(visit *);
/* Suspends the connection until the handler has something for it. */
void neap_visit_suspend(visit *);

/* --- request.c: libmicrohttpd's side ------------------------------------------------------------ */

/* For MHD_OPTION_URI_LOG_CALLBACK, the daemon itself and MHD_OPTION_NOTIFY_COMPLETED; cls: the server. */
void *neap_request_on_uri(void *cls, const char *uri, struct MHD_Connection *);
enum MHD_Result neap_request_on_data(void *cls, struct MHD_Connection *, const char *url, const char *method,
                                     const char *version, const char *data, size_t *len, void **con_cls);
void neap_request_on_completed(void *cls, struct MHD_Connection *, void **con_cls,
                               enum MHD_RequestTerminationCode);

/* --- head.c ------------------------------------------------------------------------------------- */

/* Is the head of a request one that can be read in one way only? 0, or the status to refuse it with; *fault says
 * why, static storage. */
unsigned neap_head_check(struct MHD_Connection *, const char *version, const char **fault);

/* --- access.c ----------------------------------------------------------------------------------- */

/* Logs a request that is over. */
void neap_access_log(const visit *, bool complete);

/* --- listen.c ----------------------------------------------------------------------------------- */

/* Opens a listening socket: its descriptor, *port filled; or a negative code, *err filled. */
int neap_listen_open(const char *address, uint16_t *port, neap_err *err);

#endif
