/* file.c: see file.h. The half that runs on the loop's thread: the queue of one file, its trips to
 * the thread pool, and what becomes of operations whose owners have gone. */
#include "file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_work.h"

struct neap_file {
    neap_loop *loop;
    neap_file_fd fd;           /* the pool's while `running` */
    neap_buf out;              /* what was put */
    neap_buf spare;            /* empty: of the last write, for the next one */
    neap_buf unread;           /* what a read got that was cancelled meanwhile */
    neap_fileop *first, *last; /* the queue; the first is running */
    uv_work_t trip;            /* to the pool */
    neap_job settled;          /* queued: the first operation ran at once and is to complete */
    bool running;              /* trip or settled is under way for first */
    bool woken;                /* a byte is in the wake pipe */
    bool orphan;               /* the owner freed it: frees itself when the queue is empty */
};

#define SPARE_MAX ((size_t)256 * 1024) /* bytes: a larger buffer is not kept for the next write */

static void start_next(neap_file *);

/* --- operations ---------------------------------------------------------------------------- */

static void free_work(neap_file_work *w) {
    if (w == NULL) return;
    free(w->path);
    free(w->to);
    neap_buf_free(&w->data);
    free(w);
}

static void destroy_op(neap_fileop *op) {
    free_work(op->work);
    neap_buf_free(&op->result.data);
    free(op);
}

static bool copy_string(char **to, const char *from) {
    if (from == NULL) return true;
    *to = strdup(from);
    return *to != NULL;
}

static neap_fileop *new_op(neap_file *f, const neap_file_req *req) {
    neap_fileop *op = calloc(1, sizeof *op);
    neap_file_work *w = calloc(1, sizeof *w);
    if (op == NULL || w == NULL || !copy_string(&w->path, req->path) ||
        !copy_string(&w->to, req->to)) {
        free_work(w);
        free(op);
        return NULL;
    }
    w->kind = req->kind;
    w->mode = req->mode;
    w->n = req->n;
    w->fd = &f->fd;
    op->work = w;
    op->file = f;
    return op;
}

static bool takes_data(neap_file_kind kind) {
    return kind == NEAP_FILE_WRITE || kind == NEAP_FILE_SYNC || kind == NEAP_FILE_COMMIT ||
           kind == NEAP_FILE_CLOSE;
}

static neap_fileop *dequeue(neap_file *f) {
    neap_fileop *op = f->first;
    f->first = op->next;
    if (f->first == NULL) f->last = NULL;
    op->next = NULL;
    return op;
}

static void enqueue(neap_file *f, neap_fileop *op) {
    if (takes_data(op->work->kind)) {
        op->work->data = f->out;
        f->out = f->spare;
        f->spare = (neap_buf){0};
    }
    if (f->last != NULL) f->last->next = op;
    else f->first = op;
    f->last = op;
    op->queued = true;
}

/* --- results ------------------------------------------------------------------------------- */

/* A path as it fits a message: the end of a long one says more than its beginning. */
static void set_error(neap_fileop *op, const neap_file_work *w) {
    const char *path = w->path != NULL ? w->path : w->fd->path;
    size_t len = path != NULL ? strlen(path) : 0;
    const char *cut = len > 160 ? "..." : "";
    neap_file_result *r = &op->result;
    if (len > 160) path += len - 160;
    if (w->code == NEAP_ETOOLARGE) {
        neap_err_set(&r->err, w->code, "%s%s is larger than %zu bytes", cut, path, w->n);
    } else if (w->code == NEAP_ECANCELLED) {
        neap_err_set(&r->err, w->code, "the file was closed");
    } else if (w->code < 0) {
        neap_err_set(&r->err, w->code, "cannot %s %s%s: %s", w->verb, cut, path ? path : "file",
                     strerror(w->sys));
        if (w->sys != 0) r->name = uv_err_name(uv_translate_sys_error(w->sys));
    }
}

static void set_result(neap_fileop *op) {
    neap_file_work *w = op->work;
    set_error(op, w);
    op->result.size = w->size;
    if (w->code == 0) {
        op->result.data = w->data;
        w->data = (neap_buf){0};
    }
}

/* Remembers the path of a file that has just been opened, for the messages of its operations. */
static void keep_path(neap_file *f, neap_file_work *w) {
    if (w->kind != NEAP_FILE_OPEN || w->code < 0) return;
    f->fd.path = w->path;
    w->path = NULL;
}

/* The owner of a read has gone: its bytes wait for the next one, before those that wait already. */
static void keep_unread(neap_file *f, neap_file_work *w) {
    if (w->kind != NEAP_FILE_READ || w->code < 0 || w->data.len == 0) return;
    if (neap_buf_add(&w->data, f->unread.data, f->unread.len) < 0) return;
    neap_buf_free(&f->unread);
    f->unread = w->data;
    w->data = (neap_buf){0};
}

/* Keeps the buffer of bytes that were written, so that the next one need not grow. */
static void keep_spare(neap_file *f, neap_file_work *w) {
    if (!takes_data(w->kind)) return;
    w->data.len = 0;
    if (f->spare.data != NULL || w->data.cap > SPARE_MAX) neap_buf_free(&w->data);
    if (w->data.data != NULL) f->spare = w->data;
    w->data = (neap_buf){0};
}

/* Takes the first operation, whose work is done, off the queue. Its owner may have been told
 * already, when the file was freed. */
static void complete(neap_file *f) {
    neap_fileop *op = dequeue(f);
    neap_file_done done = op->done;
    bool told = op->file == NULL;
    f->running = false;
    op->queued = false;
    op->file = NULL;
    op->done = NULL;
    keep_path(f, op->work);
    keep_spare(f, op->work);
    if (op->released) {
        keep_unread(f, op->work);
        destroy_op(op);
    } else if (!told) {
        set_result(op);
        if (done != NULL) done(op);
    }
}

/* --- running ------------------------------------------------------------------------------- */

/* Writes out what was put and closes, here and now. */
static void close_now(neap_file *f) {
    neap_file_work w = {.kind = NEAP_FILE_CLOSE, .fd = &f->fd, .data = f->out};
    f->out = (neap_buf){0};
    neap_file_work_run(&w);
    neap_buf_free(&w.data);
}

static void destroy_file(neap_file *f) {
    close_now(f);
    if (f->fd.wake_r >= 0) close(f->fd.wake_r);
    if (f->fd.wake_w >= 0) close(f->fd.wake_w);
    free(f->fd.path);
    free(f->fd.target);
    free(f->fd.temp);
    neap_buf_free(&f->unread);
    neap_buf_free(&f->spare);
    free(f);
}

/* Nobody is left to wait: does the rest at once. The wake pipe keeps it from blocking. */
static void finish_orphan(neap_file *f) {
    while (f->first != NULL) {
        neap_file_work_run(f->first->work);
        complete(f);
    }
    destroy_file(f);
}

static void advance(neap_file *f) {
    if (f->running) return; /* done started another one */
    if (f->orphan) finish_orphan(f);
    else if (f->first != NULL) start_next(f);
}

static void run_trip(uv_work_t *trip) {
    const neap_file *f = trip->data;
    neap_file_work_run(f->first->work);
}

static void end_trip(uv_work_t *trip, int status) {
    neap_file *f = trip->data;
    (void)status; /* never cancelled */
    neap_loop_release(f->loop);
    complete(f);
    advance(f);
}

static void run_settled(neap_job *job) {
    neap_file *f = job->ud;
    complete(f);
    advance(f);
}

/* Makes the pipe that wakes a waiting read or write; empties it if it was used. */
static void ready_wake(neap_file *f) {
    int ends[2];
    char byte;
    if (f->fd.wake_r < 0) {
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return;
        f->fd.wake_r = ends[0];
        f->fd.wake_w = ends[1];
    }
    if (f->woken) f->woken = read(f->fd.wake_r, &byte, 1) < 0; /* wake puts in one at most */
}

static void wake(neap_file *f) {
    if (f->woken || f->fd.wake_w < 0) return;
    f->woken = write(f->fd.wake_w, "", 1) == 1;
}

/* Can this operation keep its thread waiting for somebody else? */
static bool may_wait(const neap_file *f, const neap_file_work *w) {
    struct stat st;
    if (w->kind == NEAP_FILE_READ_ALL)
        return w->path != NULL && stat(w->path, &st) == 0 && !S_ISREG(st.st_mode);
    return f->fd.fd >= 0 && !f->fd.regular;
}

/* A read may find what an earlier one left. */
static bool serve_unread(neap_file *f, neap_file_work *w) {
    size_t len = f->unread.len < w->n ? f->unread.len : w->n;
    if (w->kind != NEAP_FILE_READ || len == 0) return false;
    if (neap_buf_add(&w->data, f->unread.data, len) < 0) {
        w->code = NEAP_ENOMEM;
        w->verb = "read";
        return true;
    }
    neap_buf_shift(&f->unread, len);
    return true;
}

static void settle(neap_file *f) {
    f->settled.run = run_settled;
    f->settled.ud = f;
    neap_loop_post(f->loop, &f->settled);
}

static void start_next(neap_file *f) {
    neap_fileop *op = f->first;
    bool waits = may_wait(f, op->work);
    f->running = true;
    if (serve_unread(f, op->work)) {
        settle(f);
    } else if (neap_loop_is_virtual(f->loop) && !waits) {
        neap_file_work_run(op->work);
        settle(f);
    } else {
        if (waits) ready_wake(f);
        f->trip.data = f;
        neap_loop_hold(f->loop);
        uv_queue_work(neap_loop_uv(f->loop), &f->trip, run_trip, end_trip);
    }
}

/* --- public -------------------------------------------------------------------------------- */

int neap_file_new(neap_file **out, neap_loop *loop) {
    neap_file *f = calloc(1, sizeof *f);
    if (f == NULL) return NEAP_ENOMEM;
    f->loop = loop;
    f->fd.fd = f->fd.wake_r = f->fd.wake_w = -1;
    *out = f;
    return 0;
}

int neap_file_new_fd(neap_file **out, neap_loop *loop, int fd, const char *name) {
    struct stat st;
    char *path = strdup(name);
    if (path == NULL || neap_file_new(out, loop) < 0) {
        free(path);
        return NEAP_ENOMEM;
    }
    (*out)->fd.path = path;
    (*out)->fd.fd = fd;
    (*out)->fd.borrowed = true;
    (*out)->fd.regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    return 0;
}

int neap_file_put(neap_file *f, const char *bytes, size_t len) {
    return neap_buf_add(&f->out, bytes, len);
}

neap_buf *neap_file_buffer(neap_file *f) {
    return &f->out;
}

size_t neap_file_pending(const neap_file *f) {
    return f->out.len;
}

int neap_file_start(neap_file *f, neap_fileop **out, const neap_file_req *req, neap_file_done done,
                    void *ud) {
    neap_fileop *op = new_op(f, req);
    if (op == NULL) return NEAP_ENOMEM;
    op->done = done;
    op->ud = ud;
    enqueue(f, op);
    *out = op;
    if (!f->running) start_next(f);
    return 0;
}

static void unlink_op(neap_file *f, const neap_fileop *op) {
    neap_fileop *before = f->first;
    while (before->next != op) before = before->next;
    before->next = op->next;
    if (f->last == op) f->last = before;
}

/* What a cancelled operation that waits in the queue still has to do: write. false: nothing. */
static bool reduce(neap_fileop *op) {
    if (op->work->kind == NEAP_FILE_COMMIT) op->work->kind = NEAP_FILE_WRITE;
    return takes_data(op->work->kind);
}

/* Leaves an operation to its file. */
static void release_op(neap_fileop *op) {
    neap_file *f = op->file;
    neap_file_kind kind = op->work->kind;
    op->done = NULL;
    op->released = true;
    if (op != f->first) {
        if (reduce(op)) return;
        unlink_op(f, op);
        destroy_op(op);
    } else if (f->settled.next != NULL) {
        neap_loop_unpost(f->loop, &f->settled);
        run_settled(&f->settled);
    } else if (kind == NEAP_FILE_READ || kind == NEAP_FILE_READ_ALL) {
        wake(f);
    }
}

void neap_fileop_free(neap_fileop *op) {
    if (op == NULL) return;
    if (op->file != NULL) release_op(op);
    else if (op->queued) op->released = true;
    else destroy_op(op);
}

/* Tells the owner of an operation that its file is gone. */
static void tell_cancelled(neap_fileop *op) {
    neap_file_done done = op->done;
    op->file = NULL;
    op->done = NULL;
    neap_err_set(&op->result.err, NEAP_ECANCELLED, "the file was closed");
    if (done != NULL) done(op);
}

static void cancel_queue(neap_file *f) {
    neap_fileop *op, *next;
    for (op = f->first; op != NULL; op = next) {
        next = op->next;
        if ((op != f->first || !f->running) && !reduce(op)) {
            if (op == f->first) dequeue(f);
            else unlink_op(f, op);
            op->queued = false;
        }
        if (!op->released) tell_cancelled(op);
    }
}

void neap_file_free(neap_file *f) {
    if (f == NULL) return;
    f->orphan = true;
    if (f->settled.next != NULL) {
        neap_loop_unpost(f->loop, &f->settled);
        complete(f);
    }
    cancel_queue(f);
    if (!f->running && f->fd.fd >= 0 && !f->fd.regular) ready_wake(f);
    wake(f);
    if (!f->running) finish_orphan(f);
}
