/* watch.c: see watch.h. */
#include "watch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

struct neap_watch {
    uv_poll_t poll;      /* its data is this watch */
    neap_watches *owner;
    int fd;
    int wanted;          /* events the owner asked for; 0: idle */
    int armed;           /* events libuv has */
    bool inited;         /* libuv has it; only once it was wanted: a socket that was not may be closed
                            without a word, and libuv would then meddle with its number's next owner */
    bool opened;         /* a connection's, not a resolver's */
    bool kept;           /* and established: stays registered while idle */
};

static neap_watch *find(const neap_watches *ws, int fd) {
    return (size_t)fd < ws->cap ? ws->items[fd] : NULL;
}

static int grow(neap_watches *ws, int fd) {
    size_t cap = ws->cap > 0 ? ws->cap : 64;
    neap_watch **items;
    if ((size_t)fd < ws->cap) return 0;
    while (cap <= (size_t)fd) cap *= 2;
    items = realloc(ws->items, cap * sizeof *items);
    if (items == NULL) return NEAP_ENOMEM;
    memset(items + ws->cap, 0, (cap - ws->cap) * sizeof *items);
    ws->items = items;
    ws->cap = cap;
    return 0;
}

static neap_watch *add(neap_watches *ws, int fd) {
    neap_watch *w;
    if (grow(ws, fd) < 0) return NULL;
    w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    w->owner = ws;
    w->fd = fd;
    ws->items[fd] = w;
    return w;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void arm(neap_watch *w) {
    if (!w->inited) w->inited = uv_poll_init(w->owner->uv, &w->poll, w->fd) == 0;
    w->poll.data = w;
    if (!w->inited) return; /* no memory: libcurl's time-outs are left */
    w->armed = w->wanted;
    if (w->wanted == 0) uv_poll_stop(&w->poll);
    else uv_poll_start(&w->poll, w->wanted, on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    neap_watch *w = poll->data;
    if (status < 0) w->armed = 0; /* libuv has dropped it already */
    if (w->wanted == 0) { /* idle: it would stay readable for ever */
        arm(w);
        return;
    }
    w->owner->ready(w->owner->ud, w->fd, events, status < 0);
    if (!uv_is_closing((uv_handle_t *)poll) && w->wanted != 0 && w->armed != w->wanted) arm(w);
}

int neap_watch_opened(neap_watches *ws, int fd) {
    neap_watch *w = find(ws, fd);
    int wanted = w != NULL ? w->wanted : 0;
    neap_watch_forget(ws, fd);
    w = add(ws, fd);
    if (w == NULL) return NEAP_ENOMEM;
    w->opened = true;
    return neap_watch_want(ws, fd, wanted);
}

int neap_watch_want(neap_watches *ws, int fd, int events) {
    neap_watch *w = find(ws, fd);
    if (w == NULL) {
        if (events == 0) return 0;
        w = add(ws, fd);
        if (w == NULL) return NEAP_ENOMEM;
    }
    if (events == 0 && w->wanted != 0 && !w->kept) {
        neap_watch_forget(ws, fd);
        return 0;
    }
    w->wanted = events;
    w->kept = w->kept || (w->opened && (events & UV_READABLE) != 0);
    if (events != 0 && events != w->armed) arm(w);
    return 0;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void neap_watch_forget(neap_watches *ws, int fd) {
    neap_watch *w = find(ws, fd);
    if (w == NULL) return;
    ws->items[fd] = NULL;
    if (w->inited) uv_close((uv_handle_t *)&w->poll, on_closed); /* out of epoll before it returns */
    else free(w);
}

void neap_watches_deinit(neap_watches *ws) {
    size_t fd;
    for (fd = 0; fd < ws->cap; fd++) neap_watch_forget(ws, (int)fd);
    free(ws->items);
    ws->items = NULL;
    ws->cap = 0;
}
