/* process.c: see process.h. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file_work.h"
#include "secret.h"

enum { CHUNK = 4096, STOP_MS = 500 };

/* The private half; `out`, `code` and what follows are the pool's while the trip is under way. */
typedef struct neap_process_run {
    neap_loop *loop;
    neap_process *owner;     /* NULL once freed */
    neap_process_done done;
    uv_work_t trip;
    int wake[2];             /* a pipe: a byte in it stops the command */
    char *command;           /* owned */
    size_t max;
    neap_buf out;
    int code, sys, status;   /* NEAP_ code; errno behind it; as in neap_process */
    const char *what;        /* what failed */
} neap_process_run;

static int fail(neap_process_run *r, int code, int sys, const char *what) {
    r->code = code;
    r->sys = sys;
    r->what = what;
    return code;
}

/* --- in the pool --------------------------------------------------------------------------- */

static int set_attr(posix_spawnattr_t *attr) {
    sigset_t none, usual;
    int rc;
    sigemptyset(&none);
    sigemptyset(&usual); /* what this process may ignore and shells rely on */
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGCHLD);
    rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (rc == 0) rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0) rc = posix_spawnattr_setsigdefault(attr, &usual);
    return rc;
}

static int set_files(posix_spawn_file_actions_t *files, int out) {
    int rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    return rc != 0 ? rc : posix_spawn_file_actions_adddup2(files, out, 1);
}

/* Starts the shell with its output to `out`. 0 or an errno. */
static int spawn(const neap_process_run *r, int out, pid_t *pid) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc != 0) return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        char sh[] = "sh", c[] = "-c";
        char *argv[] = {sh, c, r->command, NULL};
        rc = set_attr(&attr);
        if (rc == 0) rc = set_files(&files, out);
        if (rc == 0) rc = posix_spawn(pid, "/bin/sh", &files, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* Makes room without leaving an old copy behind, as realloc would. */
static int reserve_wiped(neap_buf *b, size_t more) {
    neap_buf grown = {0};
    if (b->cap - b->len >= more) return 0;
    if (neap_buf_reserve(&grown, 2 * b->len + more) < 0) return NEAP_ENOMEM;
    neap_buf_add(&grown, b->data, b->len);
    neap_buf_wipe(b);
    *b = grown;
    return 0;
}

/* Reads until the command's output ends. 0, or the run has failed. */
static int read_out(neap_process_run *r, int fd) {
    for (;;) {
        ssize_t len;
        int rc = neap_file_work_wait(fd, POLLIN, r->wake[0]);
        if (rc != 0) return fail(r, NEAP_ECANCELLED, rc, "read the output of");
        if (reserve_wiped(&r->out, CHUNK) < 0) return fail(r, NEAP_ENOMEM, 0, "run");
        len = read(fd, r->out.data + r->out.len, CHUNK);
        if (len == 0) return 0;
        if (len < 0 && errno != EINTR) return fail(r, NEAP_EINVAL, errno, "read the output of");
        if (len > 0) r->out.len += (size_t)len;
        if (r->out.len > r->max) return fail(r, NEAP_ETOOLARGE, 0, "run");
    }
}

/* Has the child ended? Notes how. */
static bool reap(neap_process_run *r, pid_t pid) {
    int status;
    pid_t rc = waitpid(pid, &status, WNOHANG);
    if (rc == 0 || (rc < 0 && errno == EINTR)) return false;
    if (rc < 0) {
        if (r->code == 0) fail(r, NEAP_EINVAL, errno, "learn the exit status of");
    } else {
        r->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return true;
}

/* Waits for the child's end up to limit_ms (-1: for ever) or, with wake >= 0, until woken. A child
 * ends right after its output as a rule, so this looks often at first. */
static bool wait_end(neap_process_run *r, pid_t pid, int wake, int limit_ms) {
    struct pollfd fd = {.fd = wake, .events = POLLIN};
    int waited = 0, step = 1;
    while (!reap(r, pid)) {
        if (limit_ms >= 0 && waited >= limit_ms) return false;
        if (poll(&fd, 1, step) > 0) return false;
        waited += step;
        if (step < 50) step *= 2;
    }
    return true;
}

static void stop(neap_process_run *r, pid_t pid) {
    kill(pid, SIGTERM);
    if (wait_end(r, pid, -1, STOP_MS)) return;
    kill(pid, SIGKILL);
    wait_end(r, pid, -1, -1);
}

static void run_trip(uv_work_t *trip) {
    neap_process_run *r = trip->data;
    int ends[2], rc;
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        fail(r, NEAP_EINVAL, errno, "run");
        return;
    }
    rc = spawn(r, ends[1], &pid);
    close(ends[1]);
    if (rc != 0) fail(r, NEAP_EINVAL, rc, "run");
    else if (read_out(r, ends[0]) < 0) stop(r, pid);
    else if (!wait_end(r, pid, r->wake[0], -1)) stop(r, pid);
    close(ends[0]);
}

/* --- on the loop's thread ------------------------------------------------------------------ */

static void free_run(neap_process_run *r) {
    if (r->wake[0] >= 0) close(r->wake[0]);
    if (r->wake[1] >= 0) close(r->wake[1]);
    neap_buf_wipe(&r->out);
    free(r->command);
    free(r);
}

/* The command itself stays out of the message: people write passwords into them. */
static void set_result(neap_process *p, neap_process_run *r) {
    p->status = r->status;
    if (r->code == NEAP_ETOOLARGE) {
        neap_err_set(&p->err, r->code, "the command printed more than %zu bytes", r->max);
    } else if (r->code < 0) {
        neap_err_set(&p->err, r->code, "cannot %s the command: %s", r->what,
                     strerror(r->code == NEAP_ENOMEM ? ENOMEM : r->sys));
    } else {
        p->out = r->out;
        r->out = (neap_buf){0};
    }
}

static void end_trip(uv_work_t *trip, int status) {
    neap_process_run *r = trip->data;
    neap_process *p = r->owner;
    neap_process_done done = r->done;
    (void)status; /* never cancelled */
    neap_loop_release(r->loop);
    if (p != NULL) {
        set_result(p, r);
        p->run = NULL;
    }
    free_run(r);
    if (p != NULL) done(p);
}

static neap_process_run *new_run(neap_loop *loop, const char *command, size_t max) {
    neap_process_run *r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->loop = loop;
    r->max = max > 0 ? max : NEAP_PROCESS_OUT_MAX;
    r->wake[0] = r->wake[1] = -1;
    r->command = strdup(command);
    if (r->command == NULL || pipe2(r->wake, O_CLOEXEC | O_NONBLOCK) < 0) {
        free_run(r);
        return NULL;
    }
    return r;
}

int neap_process_start(neap_process **out, neap_loop *loop, const char *command, size_t max,
                       neap_process_done done, void *ud) {
    neap_process *p = calloc(1, sizeof *p);
    neap_process_run *r = p != NULL ? new_run(loop, command, max) : NULL;
    if (r == NULL) {
        free(p);
        return NEAP_ENOMEM;
    }
    p->ud = ud;
    p->run = r;
    r->owner = p;
    r->done = done;
    r->trip.data = r;
    neap_loop_hold(loop);
    uv_queue_work(neap_loop_uv(loop), &r->trip, run_trip, end_trip);
    *out = p;
    return 0;
}

void neap_process_free(neap_process *p) {
    if (p == NULL) return;
    if (p->run != NULL) {
        ssize_t wrote = write(p->run->wake[1], "", 1); /* an empty pipe takes it */
        (void)wrote;
        p->run->owner = NULL;
    }
    neap_buf_wipe(&p->out);
    free(p);
}
