/* peer.c: one connection, and whether its client is still there. */
#include <stdlib.h>
#include <sys/socket.h>

#include "own.h"

/* Events that libmicrohttpd is given to find the end of a stream: it reads on with each. */
enum { NUDGES = 8 };

static peer **list_of(const peer *p) {
    return p->left ? &p->server->left : &p->server->peers;
}

static void peer_link(peer *p) {
    peer **list = list_of(p);
    p->next = *list;
    p->prev = NULL;
    if (p->next != NULL) p->next->prev = p;
    *list = p;
}

static void peer_unlink(peer *p) {
    if (p->prev != NULL) p->prev->next = p->next;
    else *list_of(p) = p->next;
    if (p->next != NULL) p->next->prev = p->prev;
}

/* Told once: the end of a stream stays readable. */
static void on_hang_up(uv_poll_t *watch, int status, int events) {
    peer *p = watch->data;
    (void)status;
    (void)events;
    uv_poll_stop(watch);
    peer_unlink(p);
    p->left = true;
    peer_link(p);
    if (p->visit != NULL && p->visit->asked) neap_visit_hang_up(p->visit);
    neap_loop_post(p->server->loop, &p->server->pump);
}

/* libmicrohttpd watches edges, and misses an end that comes together with data: shutting down makes a new one. */
void neap_peer_nudge_left(neap_server *s) {
    peer *p;
    for (p = s->left; p != NULL; p = p->next) {
        bool reads = p->visit == NULL || (!p->visit->asked && p->visit->status == 0);
        if (!reads || p->nudges == NUDGES) continue;
        p->nudges++;
        shutdown(p->fd, SHUT_RD);
    }
}

static void open_peer(neap_server *s, struct MHD_Connection *conn, void **context) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    peer *p = info != NULL ? calloc(1, sizeof *p) : NULL;
    if (p == NULL) return;
    *p = (peer){.server = s, .conn = conn, .fd = info->connect_fd};
    if (uv_poll_init(neap_loop_uv(s->loop), &p->watch, p->fd) < 0) {
        free(p);
        return;
    }
    p->watch.data = p;
    uv_poll_start(&p->watch, UV_DISCONNECT, on_hang_up);
    peer_link(p);
    *context = p;
}

static void on_watch_closed(uv_handle_t *watch) {
    free(watch->data);
}

/* The descriptor is closed when this has returned. */
static void close_peer(peer *p) {
    if (p->visit != NULL) neap_visit_leave(p->visit, false);
    peer_unlink(p);
    uv_close((uv_handle_t *)&p->watch, on_watch_closed);
}

void neap_peer_on_connection(void *cls, struct MHD_Connection *conn, void **context,
                             enum MHD_ConnectionNotificationCode code) {
    neap_server *s = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        open_peer(s, conn, context);
        return;
    }
    /* At its limit of connections it listens no more, and listens again in a run behind the one that closes some:
     * nothing else may bring that about. */
    neap_loop_post(s->loop, &s->pump);
    if (*context == NULL) return;
    close_peer(*context);
    *context = NULL;
}

peer *neap_peer_of(struct MHD_Connection *conn) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

void neap_peer_finish(peer *p) {
    uv_poll_stop(&p->watch); /* this end is ours, and not the client's */
    shutdown(p->fd, SHUT_RD);
}
