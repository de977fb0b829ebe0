/* watch.h: libcurl's sockets on libuv, with as few system calls as it takes (PERFORMANCE.md "lazy
 * epoll"). Private to curl_multi.c.
 *
 * A keep-alive connection is read, idle, read again. libcurl asks to watch it and to forget it each
 * time; here it stays registered while idle, and only a change of what is wanted costs a call. If an
 * idle one becomes readable (the server closed it) it is dropped from epoll, and libcurl finds out
 * when it wants to use it again. */
#ifndef NEAP_CORE_WATCH_H
#define NEAP_CORE_WATCH_H

#include <stddef.h>
#include <uv.h>

typedef struct neap_watch neap_watch;

/* Called from libuv: the descriptor is ready for `events` (UV_READABLE, UV_WRITABLE); failed: it is
 * in error, which reading it will tell. */
typedef void (*neap_watch_cb)(void *ud, int fd, int events, int failed);

/* All watched descriptors of one owner. */
typedef struct neap_watches {
    uv_loop_t *uv;
    neap_watch **items; /* by descriptor, NULL where there is none */
    size_t cap;
    neap_watch_cb ready;
    void *ud;           /* of ready */
} neap_watches;

/* Adds a socket just made for a connection. It is kept while idle once it has been read from, until
 * neap_watch_forget. 0 or NEAP_ENOMEM.
 *
 * Met in 7.88: a socket that is still connecting when its attempt is given up (time-out, the other
 * address family won) is closed without CLOSESOCKETFUNCTION (lib/cf-socket.c, cf_socket_close "not
 * active"), and libcurl only asks to watch it no more. Its number may be this one's already; then
 * libcurl takes the new socket for watched, and does not ask, so what was wanted is carried over. */
int neap_watch_opened(neap_watches *, int fd);
/* Sets what is wanted of a descriptor; 0: nothing. One that is not kept, a connecting socket or a
 * resolver's, is forgotten then: its number may come back at once, and libuv refuses a number that
 * it still has (EEXIST). 0 or NEAP_ENOMEM. */
int neap_watch_want(neap_watches *, int fd, int events);
/* Forgets a descriptor; before it is closed. */
void neap_watch_forget(neap_watches *, int fd);
/* Forgets all. Memory of watchers is freed by libuv's next turn, without touching the owner. */
void neap_watches_deinit(neap_watches *);

#endif
