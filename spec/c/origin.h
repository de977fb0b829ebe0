/* origin.h: servers in the thread of the test, which says what they do, byte by byte and in step with the
 * client: whoever waits for something of the other side turns the loop meanwhile. */
#ifndef NEAP_SPEC_ORIGIN_H
#define NEAP_SPEC_ORIGIN_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transfer.h"

typedef struct peer peer;

/* How the bytes of a connection go: in the clear, or as test_transfer_tls.c does it. */
typedef struct peer_way {
    /* Bytes, 0 at the end, -1: not now, -2: broken. */
    ssize_t (*recv)(peer *, void *data, size_t cap);
    ssize_t (*send)(peer *, const void *data, size_t len);
    void (*free)(peer *);
} peer_way;

/* The server's side of a connection. */
struct peer {
    const peer_way *way;
    int fd;
    void *tls;
    neap_buf in;  /* what came and was not dropped */
    bool ended;   /* the client has closed */
};

typedef struct origin {
    int fd, port;
    bool ipv6;
} origin;

#define ORIGIN_PATIENCE_MS 20000

static char origin_url[300];

static inline const char *url_of(const origin *o, const char *path) {
    snprintf(origin_url, sizeof origin_url, o->ipv6 ? "http://[::1]:%d%s" : "http://127.0.0.1:%d%s", o->port, path);
    return origin_url;
}

/* Waits until there is something to do for the loop, or the descriptor (-1: none) is ready. */
static inline bool rest(int fd, short events) {
    struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = neap_loop_fd(loop), .events = POLLIN}};
    int ms = neap_loop_timeout_ms(loop);
    if (poll(fds, 2, ms < 0 || ms > ORIGIN_PATIENCE_MS ? ORIGIN_PATIENCE_MS : ms) != 0 || ms >= 0) return true;
    return check_that(false, __FILE__, __LINE__, "nothing happens any more");
}

static inline bool turn(int fd, short events) {
    neap_loop_dispatch(loop);
    return rest(fd, events);
}

/* Turns the loop until that holds. */
#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        neap_loop_dispatch(loop);                                                                  \
    } while (!(condition) && rest(-1, 0))

/* Turns the loop until it has nothing to do at once. False: it spins. */
static inline bool settle(void) {
    struct pollfd fd = {.events = POLLIN};
    for (int i = 0; i < 1000; i++) {
        neap_loop_dispatch(loop);
        fd.fd = neap_loop_fd(loop);
        if (neap_loop_timeout_ms(loop) != 0 && poll(&fd, 1, 0) == 0) return true;
    }
    return false;
}

/* receive: bytes of the system's buffer for what comes, so that clients have to wait early; 0: as usual. */
static inline bool origin_open(origin *o, bool ipv6, int receive, int backlog) {
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr *addr = ipv6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
    socklen_t len = ipv6 ? sizeof a6 : sizeof a4;
    *o = (origin){.fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .ipv6 = ipv6};
    if (receive > 0) setsockopt(o->fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
    if (o->fd < 0 || bind(o->fd, addr, len) < 0 || listen(o->fd, backlog) < 0 || getsockname(o->fd, addr, &len) < 0) {
        if (o->fd >= 0) close(o->fd);
        return false;
    }
    o->port = ntohs(ipv6 ? a6.sin6_port : a4.sin_port);
    return true;
}

static inline void origin_close(origin *o) {
    close(o->fd);
}

static inline ssize_t peer_plain_recv(peer *p, void *data, size_t cap) {
    ssize_t n = recv(p->fd, data, cap, 0);
    if (n >= 0) return n;
    return errno == EAGAIN ? -1 : -2;
}

static inline ssize_t peer_plain_send(peer *p, const void *data, size_t len) {
    ssize_t n = send(p->fd, data, len, MSG_NOSIGNAL);
    if (n >= 0) return n;
    return errno == EAGAIN ? -1 : -2;
}

static const peer_way peer_plain = {peer_plain_recv, peer_plain_send, NULL};

/* Is there a connection that nobody has accepted yet? */
static inline bool peer_try(peer *p, const origin *o) {
    int on = 1;
    *p = (peer){.way = &peer_plain, .fd = accept4(o->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (p->fd >= 0) setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return p->fd >= 0;
}

static inline void peer_accept(peer *p, const origin *o) {
    while (!peer_try(p, o)) {
        if (!turn(o->fd, POLLIN)) exit(check_report());
    }
}

/* Reads once, at most cap bytes; waits for them. */
static inline void peer_read(peer *p, size_t cap) {
    ssize_t n;
    if (neap_buf_reserve(&p->in, cap) < 0) abort();
    while ((n = p->way->recv(p, p->in.data + p->in.len, cap)) == -1) {
        if (!turn(p->fd, POLLIN)) exit(check_report());
    }
    if (n > 0) p->in.len += (size_t)n;
    else p->ended = true;
}

/* Reads until that many bytes are in, or the client has closed. */
static inline void peer_take(peer *p, size_t len) {
    while (p->in.len < len && !p->ended) peer_read(p, 16384);
}

/* Reads a request that has no body, or the head of one. */
static inline void peer_request(peer *p) {
    while (!holds(&p->in, "\r\n\r\n") && !p->ended) peer_read(p, 1024);
    CHECK(!p->ended);
}

/* Reads the rest of a request whose head is in; its body is that. */
static inline void peer_body(peer *p, const char *body, size_t len) {
    size_t head = (size_t)((char *)memmem(p->in.data, p->in.len, "\r\n\r\n", 4) - p->in.data) + 4;
    peer_take(p, head + len);
    CHECK(p->in.len == head + len && memcmp(p->in.data + head, body, len) == 0);
}

/* Reads and drops all until the client closes; how many bytes. */
static inline size_t peer_drain(peer *p) {
    size_t len = 0;
    while (!p->ended) {
        p->in.len = 0;
        peer_read(p, 65536);
        len += p->in.len;
    }
    return len;
}

/* Sends all of it, unless the client has closed. */
static inline void peer_send(peer *p, const void *data, size_t len) {
    size_t sent = 0;
    while (sent < len) {
        ssize_t n = p->way->send(p, (const char *)data + sent, len - sent);
        if (n == -2) return;
        if (n == -1 && !turn(p->fd, POLLOUT)) exit(check_report());
        if (n > 0) sent += (size_t)n;
    }
}

static inline void peer_say(peer *p, const char *text) {
    peer_send(p, text, strlen(text));
}

/* Takes a request and answers it with its path; the connection stays. */
static inline void peer_answer(peer *p) {
    char path[200] = "", text[400];
    peer_request(p);
    neap_buf_add(&p->in, "", 1);
    sscanf(p->in.data, "%*s %199s", path);
    snprintf(text, sizeof text, "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n%s", strlen(path), path);
    p->in.len = 0;
    peer_say(p, text);
}

static inline void peer_close(peer *p) {
    if (p->way->free != NULL) p->way->free(p);
    close(p->fd);
    neap_buf_free(&p->in);
    p->fd = -1;
}

static inline void peer_reset(peer *p) {
    struct linger hard = {1, 0};
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    peer_close(p);
}

#endif
