/* store.c: see store.h. The loop's half: the queue of the thread, and what comes back from it. */
#include "store.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "store_work.h"

enum { CLOSING_MS = 1000 };

/* The private half of an op. While it is queued, or in the thread's hands, only `op` and `done` belong
 * to the loop. */
typedef struct neap_store_private {
    neap_store_work work;     /* first: the lists are lists of these */
    neap_store *store;        /* NULL: done */
    neap_store_op *op;        /* NULL: nobody waits any more */
    neap_store_done *done;
    neap_store_result result;
} private;

/* Ops in order. */
typedef struct list {
    neap_store_work *first, **end; /* end: where the next goes */
} list;

struct neap_store {
    unsigned refs;
    neap_loop *loop;
    neap_store_client *clients;
    int64_t numbers;      /* last one given out */
    bool closed;
    bool handle_gone;     /* wake is: the memory is only the references' */
    bool virtual_clock;
    uv_async_t wake;      /* the thread has finished something */
    uv_thread_t thread;
    neap_store_file file; /* the thread's */
    uv_mutex_t lock;      /* of what follows */
    uv_cond_t news;       /* something queued, or closing */
    uv_cond_t stop;       /* closing */
    list queued, finished;
    bool closing;
};

static void append(list *l, neap_store_work *w) {
    w->next = NULL;
    *l->end = w;
    l->end = &w->next;
}

static neap_store_work *take_all(list *l) {
    neap_store_work *first = l->first;
    l->first = NULL;
    l->end = &l->first;
    return first;
}

/* --- ops -------------------------------------------------------------------------------------- */

static void destroy(private *p) {
    free((char *)p->work.req.scope);
    free((char *)p->work.req.key);
    free((char *)p->work.req.body);
    free((neap_store_slot *)p->work.req.slots);
    neap_secret_unref(p->work.req.token);
    neap_secret_unref(p->result.token);
    free(p->result.entry);
    free(p);
}

/* Copies what there is; *ok becomes false where memory ends. */
static char *copy_text(const char *text, bool *ok) {
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL) *ok = false;
    return copy;
}

static void *copy_bytes(const void *bytes, size_t size, bool *ok) {
    void *copy = size > 0 ? malloc(size) : NULL;
    if (copy != NULL) memcpy(copy, bytes, size);
    else if (size > 0) *ok = false;
    return copy;
}

static bool copy_req(private *p, const neap_store_req *req) {
    bool ok = true;
    p->work.req = *req;
    p->work.req.slots = copy_bytes(req->slots, req->slot_count * sizeof *req->slots, &ok);
    p->work.req.body = copy_bytes(req->body, req->body_len, &ok);
    p->work.req.scope = copy_text(req->scope, &ok);
    p->work.req.key = copy_text(req->key, &ok);
    p->work.req.token = req->token != NULL ? neap_secret_ref(req->token) : NULL;
    return ok;
}

/* What an op of these is good for ends with the store. */
static bool is_claim(neap_store_kind kind) {
    return kind == NEAP_STORE_OPEN || kind == NEAP_STORE_SESSION_GET ||
           kind == NEAP_STORE_SESSION_LEASE || kind == NEAP_STORE_SLOTS_ASK ||
           kind == NEAP_STORE_INBOX_TAKE || kind == NEAP_STORE_INBOX_SEEN;
}

/* Back on the loop's thread. */
static void complete(private *p) {
    neap_store_op *op = p->op;
    neap_loop_release(p->store->loop);
    p->store = NULL;
    if (op == NULL) {
        destroy(p);
    } else {
        op->result = p->result;
        p->done(op);
    }
}

static void complete_all(neap_store_work *w) {
    while (w != NULL) {
        neap_store_work *next = w->next;
        complete((private *)w); /* work is its first member */
        w = next;
    }
}

static void on_wake(uv_async_t *wake) {
    neap_store *s = wake->data;
    neap_store_work *done;
    uv_mutex_lock(&s->lock);
    done = take_all(&s->finished);
    uv_mutex_unlock(&s->lock);
    complete_all(done);
}

static int check_start(const neap_store *s) {
    if (s->closed) return NEAP_ECANCELLED;
    return neap_loop_is_virtual(s->loop) && !s->virtual_clock ? NEAP_EBUG : 0;
}

static private *new_op(neap_store *s, neap_store_op **out, const neap_store_req *req) {
    neap_store_op *op = out != NULL ? calloc(1, sizeof *op) : NULL;
    private *p = calloc(1, sizeof *p);
    if (p == NULL || (out != NULL && op == NULL) || !copy_req(p, req)) {
        if (p != NULL) destroy(p);
        free(op);
        return NULL;
    }
    p->store = s;
    p->work.result = &p->result;
    p->op = op;
    if (op == NULL) return p;
    op->rest = p;
    *out = op;
    return p;
}

int neap_store_start(neap_store *s, neap_store_op **out, const neap_store_req *req,
                     neap_store_done *done, void *ud) {
    int rc = check_start(s);
    private *p = rc == 0 ? new_op(s, out, req) : NULL;
    if (p == NULL) return rc < 0 ? rc : NEAP_ENOMEM;
    p->done = done;
    if (p->op != NULL) p->op->ud = ud;
    neap_loop_hold(s->loop);
    uv_mutex_lock(&s->lock);
    append(&s->queued, &p->work);
    uv_cond_signal(&s->news);
    uv_mutex_unlock(&s->lock);
    return 0;
}

void neap_store_op_free(neap_store_op *op) {
    private *p;
    if (op == NULL) return;
    p = op->rest;
    if (p->store != NULL) p->op = NULL; /* under way */
    else destroy(p);
    free(op);
}

const char *neap_store_strerror(int code) {
    switch (code) {
    case NEAP_ECANCELLED: return "the state store is closed";
    case NEAP_EBUG: return "the state store works on a real clock only";
    case NEAP_EINVAL: return "the path of the state file is empty";
    case NEAP_ENOMEM: return "out of memory";
    default: return "the state store failed";
    }
}

int64_t neap_store_numbers(neap_store *s, size_t count) {
    int64_t first = s->numbers + 1;
    s->numbers += (int64_t)count;
    return first;
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool pause_thread(void *ud, int ms, int waited_ms) {
    neap_store *s = ud;
    bool closing;
    uv_mutex_lock(&s->lock);
    (void)uv_cond_timedwait(&s->stop, &s->lock, (uint64_t)ms * 1000000);
    closing = s->closing;
    uv_mutex_unlock(&s->lock);
    return !closing || waited_ms < CLOSING_MS;
}

/* Splits off what nobody can use any more. */
static neap_store_work *drop_claims(neap_store_work *w, list *dropped) {
    list kept = {NULL, &kept.first};
    while (w != NULL) {
        neap_store_work *next = w->next;
        bool claim = is_claim(w->req.kind);
        if (claim) neap_err_set(&w->result->err, NEAP_ECANCELLED, "the state store was closed");
        append(claim ? dropped : &kept, w);
        w = next;
    }
    return kept.first;
}

/* Waits for ops, and takes them all; NULL: closing, and nothing is left. */
static neap_store_work *await_batch(neap_store *s) {
    neap_store_work *batch;
    uv_mutex_lock(&s->lock);
    while (s->queued.first == NULL && !s->closing) uv_cond_wait(&s->news, &s->lock);
    batch = take_all(&s->queued);
    if (s->closing) batch = drop_claims(batch, &s->finished);
    uv_mutex_unlock(&s->lock);
    return batch;
}

static void give_back(neap_store *s, neap_store_work *batch) {
    uv_mutex_lock(&s->lock);
    while (batch != NULL) {
        neap_store_work *next = batch->next;
        append(&s->finished, batch);
        batch = next;
    }
    uv_mutex_unlock(&s->lock);
    uv_async_send(&s->wake);
}

static void run_thread(void *ud) {
    neap_store *s = ud;
    neap_store_work *batch;
    neap_store_file_open(&s->file);
    while ((batch = await_batch(s)) != NULL) {
        neap_store_file_run(&s->file, batch);
        give_back(s, batch);
    }
    if (s->file.db != NULL) neap_store_file_release(&s->file);
    neap_store_file_close(&s->file);
}

/* Signals are the host's: none is delivered to this thread. */
static int start_thread(neap_store *s) {
    sigset_t all, before;
    int rc;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = uv_thread_create(&s->thread, run_thread, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static void free_store(neap_store *s) {
    free(s->file.path);
    uv_cond_destroy(&s->stop);
    uv_cond_destroy(&s->news);
    uv_mutex_destroy(&s->lock);
    free(s);
}

/* SQLite reads a name that begins with "file:" as a URI, and ":memory:" is none of a file. */
static char *copy_path(const char *path) {
    size_t len = strlen(path);
    char *copy = malloc(len + 3);
    if (copy == NULL) return NULL;
    memcpy(copy, "./", 2);
    memcpy(copy + (path[0] == '/' ? 0 : 2), path, len + 1);
    return copy;
}

static neap_store *new_store(neap_loop *loop, const neap_store_cfg *cfg) {
    neap_store *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    *s = (neap_store){.refs = 1, .loop = loop, .virtual_clock = cfg->virtual_clock};
    s->queued.end = &s->queued.first;
    s->finished.end = &s->finished.first;
    s->wake.data = s;
    s->file = (neap_store_file){.path = copy_path(cfg->path), .pause = pause_thread, .ud = s};
    s->file.busy_ms = cfg->busy_ms > 0 ? cfg->busy_ms : NEAP_STORE_BUSY_MS;
    uv_mutex_init(&s->lock);
    uv_cond_init(&s->news);
    uv_cond_init(&s->stop);
    if (s->file.path != NULL &&
        uv_random(NULL, NULL, &s->file.owner, sizeof s->file.owner, 0, NULL) == 0)
        return s;
    free_store(s);
    return NULL;
}

static void on_handle_gone(uv_handle_t *wake) {
    neap_store *s = wake->data;
    s->handle_gone = true;
    if (s->refs == 0) free_store(s);
}

int neap_store_open(neap_store **out, neap_loop *loop, const neap_store_cfg *cfg) {
    neap_store *s;
    if (cfg->path[0] == '\0') return NEAP_EINVAL;
    if (neap_loop_is_virtual(loop) && !cfg->virtual_clock) return NEAP_EBUG;
    s = new_store(loop, cfg);
    if (s == NULL) return NEAP_ENOMEM;
    if (uv_async_init(neap_loop_uv(loop), &s->wake, on_wake) < 0) {
        free_store(s);
        return NEAP_ENOMEM;
    }
    uv_unref((uv_handle_t *)&s->wake); /* an idle store is nothing to wait for */
    if (start_thread(s) < 0) {
        s->refs = 0;
        uv_close((uv_handle_t *)&s->wake, on_handle_gone);
        return NEAP_ENOMEM;
    }
    *out = s;
    return 0;
}

static void end_thread(neap_store *s) {
    uv_mutex_lock(&s->lock);
    s->closing = true;
    uv_cond_signal(&s->news);
    uv_cond_signal(&s->stop);
    uv_mutex_unlock(&s->lock);
    uv_thread_join(&s->thread);
}

void neap_store_close(neap_store *s) {
    neap_store_client *c;
    if (s->closed) return;
    for (c = s->clients; c != NULL; c = c->next) c->closing(c);
    s->closed = true;
    end_thread(s);
    complete_all(take_all(&s->finished));
    uv_close((uv_handle_t *)&s->wake, on_handle_gone);
}

neap_store *neap_store_ref(neap_store *s) {
    s->refs++;
    return s;
}

void neap_store_unref(neap_store *s) {
    if (s == NULL || --s->refs > 0) return;
    neap_store_close(s);
    assert(s->clients == NULL && s->queued.first == NULL);
    if (s->handle_gone) free_store(s);
}

void neap_store_add_client(neap_store *s, neap_store_client *c) {
    c->prev = NULL;
    c->next = s->clients;
    if (c->next != NULL) c->next->prev = c;
    s->clients = c;
}

void neap_store_del_client(neap_store *s, neap_store_client *c) {
    if (c->next != NULL) c->next->prev = c->prev;
    if (c->prev != NULL) c->prev->next = c->next;
    else s->clients = c->next;
}
