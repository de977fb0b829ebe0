/* origin.c: which connection of an origin carries a transfer: the idle one used last, or a new one, or the first
 * that comes free where there are as many as there may be.
 *
 * A job per origin gives connections to those that wait, so nothing leaves from inside of a start. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "direct_own.h"

/* Idle connections kept, over all origins. */
#define IDLE_MAX 4096

/* --- queues and lists ------------------------------------------------------------------------------ */

static void put_last(neap_origin *o, neap_ticket *k) {
    k->next = NULL;
    k->prev = o->last;
    if (o->last != NULL) o->last->next = k;
    else o->first = k;
    o->last = k;
}

static void put_first(neap_origin *o, neap_ticket *k) {
    k->prev = NULL;
    k->next = o->first;
    if (o->first != NULL) o->first->prev = k;
    else o->last = k;
    o->first = k;
}

static void take_out(neap_origin *o, neap_ticket *k) {
    if (k->prev != NULL) k->prev->next = k->next;
    else o->first = k->next;
    if (k->next != NULL) k->next->prev = k->prev;
    else o->last = k->prev;
}

static void put_newest(neap_direct *d, neap_connection *c) {
    c->newer = NULL;
    c->older = d->newest;
    if (c->older != NULL) c->older->newer = c;
    else d->oldest = c;
    d->newest = c;
    d->idle++;
}

static void take_aged(neap_direct *d, neap_connection *c) {
    if (c->newer != NULL) c->newer->older = c->older;
    else d->newest = c->older;
    if (c->older != NULL) c->older->newer = c->newer;
    else d->oldest = c->newer;
    d->idle--;
}

static void put_idle(neap_origin *o, neap_connection *c) {
    c->prev = NULL;
    c->next = o->idle;
    if (o->idle != NULL) o->idle->prev = c;
    o->idle = c;
    put_newest(o->direct, c);
}

static void take_idle(neap_origin *o, neap_connection *c) {
    if (c->prev != NULL) c->prev->next = c->next;
    else o->idle = c->next;
    if (c->next != NULL) c->next->prev = c->prev;
    take_aged(o->direct, c);
}

static neap_origin **list_of(neap_direct *d, uint32_t hash) {
    return &d->origins[hash % NEAP_ORIGIN_LISTS];
}

static void put_origin(neap_direct *d, neap_origin *o) {
    neap_origin **list = list_of(d, o->hash);
    o->prev = NULL;
    o->next = *list;
    if (o->next != NULL) o->next->prev = o;
    *list = o;
}

static void take_origin(neap_direct *d, neap_origin *o) {
    if (o->prev != NULL) o->prev->next = o->next;
    else *list_of(d, o->hash) = o->next;
    if (o->next != NULL) o->next->prev = o->prev;
}

/* --- connections --------------------------------------------------------------------------------- */

static void close_idle(neap_origin *o, neap_connection *c) {
    take_idle(o, c);
    o->count--;
    neap_connection_close(c);
}

/* One too many: the one that nobody has used for longest goes. */
static void close_oldest(neap_direct *d) {
    neap_connection *c = d->oldest;
    neap_origin *o = c->owner;
    close_idle(o, c);
    neap_loop_post(d->multi->loop, &o->job);
}

static void on_idle(neap_connection *c, neap_transfer *t) {
    neap_origin *o = c->owner;
    neap_ticket_put(t);
    put_idle(o, c);
    if (o->direct->idle > IDLE_MAX) close_oldest(o->direct);
    if (o->first != NULL) neap_loop_post(o->direct->multi->loop, &o->job);
}

static void on_closed(neap_connection *c, neap_transfer *t, bool unsent) {
    neap_origin *o = c->owner;
    o->count--;
    neap_loop_post(o->direct->multi->loop, &o->job);
    if (t == NULL) {
        take_idle(o, c);
    } else if (unsent) {
        neap_ticket *k = t->wire;
        k->c = NULL;
        put_first(o, k);
    } else {
        neap_ticket_put(t);
    }
}

/* An idle connection that is still good, taken out of the list; NULL: none. */
static neap_connection *find_idle(neap_origin *o) {
    while (o->idle != NULL) {
        neap_connection *c = o->idle;
        if (neap_connection_is_alive(c)) {
            take_idle(o, c);
            return c;
        }
        close_idle(o, c);
    }
    return NULL;
}

static const neap_connection_events events = {on_idle, on_closed};

static void open_for(neap_origin *o, neap_ticket *k) {
    static const neap_err no_memory = {NEAP_ENOMEM, "not enough memory"};
    neap_transfer *t = k->t;
    k->c = neap_connection_open(o->direct->multi, o->text, t, &k->out, &events, o, o->direct->buffer);
    if (k->c != NULL) {
        o->count++;
        return;
    }
    neap_ticket_put(t);
    neap_transfer__finish(t, &no_memory);
}

static void free_origin(neap_origin *o) {
    neap_loop_unpost(o->direct->multi->loop, &o->job);
    while (o->idle != NULL) close_idle(o, o->idle);
    take_origin(o->direct, o);
    free(o);
}

/* Gives out connections; an origin with nothing left is forgotten. */
static void on_job(neap_job *job) {
    neap_origin *o = job->ud;
    while (o->first != NULL) {
        neap_ticket *k = o->first;
        neap_connection *c = find_idle(o);
        if (c == NULL && o->count >= o->direct->limit) return;
        take_out(o, k);
        k->c = c;
        if (c != NULL) neap_connection_begin(c, k->t, &k->out);
        else open_for(o, k);
    }
    if (o->count == 0 && o->first == NULL) free_origin(o);
}

/* --- origins --------------------------------------------------------------------------------------- */

/* FNV-1a over port and host, whose case does not matter. */
static uint32_t hash_of(const neap_url *u) {
    uint32_t hash = (UINT32_C(2166136261) ^ u->port) * UINT32_C(16777619);
    size_t i;
    for (i = 0; i < u->host.len; i++) hash = (hash ^ ((unsigned char)u->host.data[i] | 0x20)) * UINT32_C(16777619);
    return hash;
}

static bool is_of(const neap_origin *o, uint32_t hash, const neap_url *u) {
    return o->hash == hash && o->port == u->port && o->https == u->https && o->host.len == u->host.len &&
           strncasecmp(o->host.data, u->host.data, u->host.len) == 0;
}

static neap_origin *new_origin(neap_direct *d, uint32_t hash, const neap_url *u) {
    size_t scheme = u->https ? 8 : 7;
    neap_buf text = {0};
    neap_origin *o = NULL;
    int rc = neap_buf_printf(&text, u->ipv6 ? "%s[%.*s]:%u/" : "%s%.*s:%u/", u->https ? "https://" : "http://",
                             (int)u->host.len, u->host.data, (unsigned)u->port);
    if (rc == 0) o = calloc(1, sizeof *o + text.len + 1);
    if (o != NULL) {
        memcpy(o->text, text.data, text.len);
        o->host = (neap_span){o->text + scheme + (u->ipv6 ? 1 : 0), u->host.len};
        o->hash = hash;
        o->https = u->https;
        o->port = u->port;
        o->direct = d;
        o->job = (neap_job){.run = on_job, .ud = o};
    }
    neap_buf_free(&text);
    return o;
}

neap_origin *neap_origin_of(neap_direct *d, const neap_url *u) {
    uint32_t hash = hash_of(u);
    neap_origin *o = *list_of(d, hash);
    while (o != NULL && !is_of(o, hash, u)) o = o->next;
    if (o != NULL) return o;
    o = new_origin(d, hash, u);
    if (o != NULL) put_origin(d, o);
    return o;
}

/* --- tickets -------------------------------------------------------------------------------------- */

void neap_origin_queue(neap_origin *o, neap_ticket *k) {
    put_last(o, k);
    neap_loop_post(o->direct->multi->loop, &o->job);
}

void neap_origin_leave(neap_ticket *k) {
    neap_origin *o = k->origin;
    if (k->c == NULL) {
        take_out(o, k);
    } else {
        o->count--;
        neap_connection_close(k->c);
    }
    neap_loop_post(o->direct->multi->loop, &o->job);
}

void neap_origins_close(neap_direct *d) {
    size_t i;
    for (i = 0; i < NEAP_ORIGIN_LISTS; i++) {
        neap_origin *o, *next;
        for (o = d->origins[i]; o != NULL; o = next) {
            next = o->next;
            free_origin(o);
        }
    }
}
