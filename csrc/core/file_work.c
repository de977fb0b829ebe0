/* file_work.c: see file_work.h. Plain blocking POSIX; steps return 0 or an errno. */
#include "file_work.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { CHUNK = 64 * 1024 };

int neap_file_work_wait(int fd, short events, int wake) {
    struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = wake, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0) {
        if (errno != EINTR) return errno;
    }
    return fds[0].revents != 0 ? 0 : ECANCELED;
}

/* --- opening ------------------------------------------------------------------------------- */

/* What is made is the owner's to write, whatever the process's umask: nginx's is 0. */
enum { FILE_MODE = 0644, DIR_MODE = 0755 };

static int open_at(const char *path, int flags, int *out) {
    *out = open(path, flags | O_CLOEXEC | O_NOCTTY, FILE_MODE);
    return *out < 0 ? errno : 0;
}

/* Notes what kind of file it is; a directory opens for reading and then cannot be read. */
static int look_at(neap_file_fd *f) {
    struct stat st;
    if (fstat(f->fd, &st) < 0) return errno;
    f->regular = S_ISREG(st.st_mode);
    return S_ISDIR(st.st_mode) ? EISDIR : 0;
}

static int close_fd(neap_file_fd *f) {
    int fd = f->fd;
    f->fd = -1;
    if (fd < 0 || f->borrowed) return 0;
    return close(fd) < 0 && errno != EINTR ? errno : 0;
}

/* A name nobody else uses, beside the target, so that rename stays within one file system. */
static int name_temp(const char *target, char **out) {
    unsigned char random[5];
    size_t room = strlen(target) + sizeof ".tmp-" + 2 * sizeof random;
    int rc = uv_random(NULL, NULL, random, sizeof random, 0, NULL);
    if (rc < 0) return -rc;
    *out = malloc(room);
    if (*out == NULL) return ENOMEM;
    snprintf(*out, room, "%s.tmp-%02x%02x%02x%02x%02x", target, random[0], random[1], random[2],
             random[3], random[4]);
    return 0;
}

static int create_temp(neap_file_fd *f) {
    int rc = EEXIST;
    for (int tries = 0; rc == EEXIST && tries < 100; tries++) {
        free(f->temp);
        f->temp = NULL;
        rc = name_temp(f->target, &f->temp);
        if (rc == 0) rc = open_at(f->temp, O_WRONLY | O_CREAT | O_EXCL, &f->fd);
    }
    if (rc == 0) return 0;
    free(f->temp);
    f->temp = NULL;
    return rc;
}

/* Where a path leads: through links, or the path itself while nothing is there. */
static int find_target(neap_file_fd *f, const char *path) {
    f->target = realpath(path, NULL);
    if (f->target == NULL && errno != ENOENT) return errno;
    if (f->target == NULL) f->target = strdup(path);
    return f->target == NULL ? ENOMEM : 0;
}

static int open_atomic(neap_file_fd *f, const char *path) {
    struct stat st;
    bool exists = stat(path, &st) == 0;
    int rc;
    if (!exists && errno != ENOENT) return errno;
    if (exists && S_ISDIR(st.st_mode)) return EISDIR;
    if (exists && !S_ISREG(st.st_mode)) return open_at(path, O_WRONLY | O_NONBLOCK, &f->fd);
    if (exists && access(path, W_OK) < 0) return errno;
    rc = find_target(f, path);
    if (rc == 0) rc = create_temp(f);
    if (rc == 0 && exists && fchmod(f->fd, st.st_mode & 07777) < 0) rc = errno;
    return rc;
}

/* Removes what an atomic file that was not committed left. */
static void drop_temp(neap_file_fd *f) {
    if (f->temp == NULL) return;
    unlink(f->temp);
    free(f->temp);
    f->temp = NULL;
}

/* O_NONBLOCK keeps the opening of a FIFO from waiting for its other end; reads wait by poll. */
static int open_mode(neap_file_fd *f, const char *path, neap_file_mode mode) {
    static const int flags[] = {
        [NEAP_FILE_R] = O_RDONLY | O_NONBLOCK,
        [NEAP_FILE_W] = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK,
        [NEAP_FILE_A] = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK,
        [NEAP_FILE_WX] = O_WRONLY | O_CREAT | O_EXCL,
    };
    return mode == NEAP_FILE_ATOMIC ? open_atomic(f, path) : open_at(path, flags[mode], &f->fd);
}

static int do_open(neap_file_work *w) {
    int rc = open_mode(w->fd, w->path, w->mode);
    w->verb = "open";
    if (rc == 0) rc = look_at(w->fd);
    if (rc == 0) return 0;
    close_fd(w->fd);
    drop_temp(w->fd);
    return rc;
}

/* --- reading ------------------------------------------------------------------------------- */

/* One read(2) of up to n bytes; *got 0 at the end. */
static int read_some(const neap_file_fd *f, char *to, size_t n, size_t *got) {
    for (;;) {
        ssize_t len;
        int rc = f->regular ? 0 : neap_file_work_wait(f->fd, POLLIN, f->wake_r);
        if (rc != 0) return rc;
        len = read(f->fd, to, n);
        *got = len > 0 ? (size_t)len : 0;
        if (len >= 0) return 0;
        if (errno != EINTR && errno != EAGAIN) return errno;
    }
}

static int do_read(neap_file_work *w) {
    size_t n = w->n < NEAP_FILE_READ_MAX ? w->n : NEAP_FILE_READ_MAX;
    w->verb = "read";
    if (neap_buf_reserve(&w->data, n) < 0) return ENOMEM;
    return read_some(w->fd, w->data.data, n, &w->data.len);
}

static int read_to_end(neap_file_work *w) {
    size_t got = 1;
    while (got > 0) {
        size_t room = w->n - w->data.len < CHUNK ? w->n - w->data.len + 1 : CHUNK;
        int rc;
        if (neap_buf_reserve(&w->data, room) < 0) return ENOMEM;
        rc = read_some(w->fd, w->data.data + w->data.len, room, &got);
        if (rc != 0) return rc;
        w->data.len += got;
        if (w->data.len > w->n) return EFBIG;
    }
    return 0;
}

static int do_read_all(neap_file_work *w) {
    int rc = do_open(w);
    if (rc != 0) return rc;
    w->verb = "read";
    rc = read_to_end(w);
    close_fd(w->fd);
    if (rc == EFBIG) w->code = NEAP_ETOOLARGE;
    return rc;
}

/* --- writing ------------------------------------------------------------------------------- */

/* One write(2) that answers EPIPE instead of raising SIGPIPE, whatever the process does with that
 * signal: it is blocked, and taken back if this write caused it. */
static ssize_t write_quietly(int fd, const char *from, size_t len) {
    sigset_t pipe_only, before, pending;
    ssize_t rc;
    int saved, sig;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    rc = write(fd, from, len);
    saved = errno;
    if (rc < 0 && saved == EPIPE && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE))
        sigwait(&pipe_only, &sig);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return rc;
}

/* A pipe that is ready takes PIPE_BUF bytes without blocking, and maybe no more. */
static int write_all(const neap_file_fd *f, const char *from, size_t len) {
    while (len > 0) {
        size_t n = f->regular || len < PIPE_BUF ? len : PIPE_BUF;
        ssize_t done;
        int rc = f->regular ? 0 : neap_file_work_wait(f->fd, POLLOUT, f->wake_r);
        if (rc != 0) return rc;
        done = f->regular ? write(f->fd, from, n) : write_quietly(f->fd, from, n);
        if (done < 0 && errno != EINTR && errno != EAGAIN) return errno;
        if (done > 0) {
            from += done;
            len -= (size_t)done;
        }
    }
    return 0;
}

static int do_write(neap_file_work *w) {
    neap_file_fd *f = w->fd;
    w->verb = "write";
    if (f->write_errno == 0 && w->data.len > 0)
        f->write_errno = f->fd < 0 ? EBADF : write_all(f, w->data.data, w->data.len);
    w->data.len = 0; /* whoever has the work keeps or frees the buffer */
    return f->write_errno;
}

/* Devices and pipes have nothing to sync: EINVAL, EROFS, ENOTSUP. */
static int sync_fd(int fd) {
    if (fsync(fd) == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP) return 0;
    return errno;
}

static int do_sync(neap_file_work *w) {
    int rc = do_write(w);
    return rc != 0 ? rc : sync_fd(w->fd->fd);
}

/* Makes the new name itself survive a crash. */
static int sync_directory_of(const char *path) {
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd, rc;
    if (dir == NULL) return ENOMEM;
    rc = open_at(dir, O_RDONLY | O_DIRECTORY, &fd);
    free(dir);
    if (rc == EACCES) return 0; /* a directory may be writable and not readable */
    if (rc != 0) return rc;
    rc = sync_fd(fd);
    close(fd);
    return rc;
}

static int publish(neap_file_fd *f) {
    if (rename(f->temp, f->target) < 0) return errno;
    free(f->temp);
    f->temp = NULL;
    return sync_directory_of(f->target);
}

static int do_commit(neap_file_work *w) {
    neap_file_fd *f = w->fd;
    int rc = do_sync(w), closed = close_fd(f);
    if (rc == 0) rc = closed;
    if (rc == 0 && f->temp != NULL) rc = publish(f);
    if (rc != 0) drop_temp(f);
    return rc;
}

static int do_close(neap_file_work *w) {
    int rc = w->fd->temp == NULL ? do_write(w) : 0;
    int closed = close_fd(w->fd);
    w->verb = "write";
    drop_temp(w->fd);
    return rc != 0 ? rc : closed;
}

/* --- paths --------------------------------------------------------------------------------- */

static int do_rename(neap_file_work *w) {
    w->verb = "rename";
    return rename(w->path, w->to) < 0 ? errno : 0;
}

static int do_remove(neap_file_work *w) {
    w->verb = "remove";
    return unlink(w->path) < 0 ? errno : 0;
}

static int make_one(const char *path) {
    struct stat st;
    if (mkdir(path, DIR_MODE) == 0) return 0;
    if (errno != EEXIST) return errno;
    if (stat(path, &st) < 0) return errno;
    return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
}

static int do_make_dir(neap_file_work *w) {
    char absolute[PATH_MAX];
    int rc = 0;
    w->verb = "make directory";
    for (char *slash = strchr(w->path + 1, '/'); rc == 0 && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        rc = make_one(w->path);
        *slash = '/';
    }
    if (rc == 0) rc = make_one(w->path);
    if (rc != 0) return rc;
    if (realpath(w->path, absolute) == NULL) return errno;
    return neap_buf_add(&w->data, absolute, strlen(absolute)) < 0 ? ENOMEM : 0;
}

static int do_size(neap_file_work *w) {
    struct stat st;
    w->verb = "look at";
    if (stat(w->path, &st) < 0) return errno;
    w->size = st.st_size;
    return 0;
}

static int do_exists(neap_file_work *w) {
    int rc = do_size(w);
    w->size = rc == 0;
    return rc == ENOENT || rc == ENOTDIR ? 0 : rc;
}

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Splits a path before its last name, at a copy of it; what comes before a bare name is ".". */
static const char *split_path(char *copy, const char **name) {
    char *slash = strrchr(copy, '/');
    *name = slash == NULL ? copy : slash + 1;
    if (slash == NULL) return ".";
    *slash = '\0';
    return slash == copy ? "/" : copy;
}

/* Would two names that nothing has yet be one file? They are, in one directory under one name. */
static int compare_new(char *a, char *b, int64_t *same) {
    struct stat dir_a, dir_b;
    const char *name_a, *name_b;
    const char *above_a = split_path(a, &name_a), *above_b = split_path(b, &name_b);
    *same = 0;
    if (strcmp(name_a, name_b) != 0) return 0;
    if (stat(above_a, &dir_a) < 0 || stat(above_b, &dir_b) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
    *same = is_same(&dir_a, &dir_b);
    return 0;
}

static int do_same(neap_file_work *w) {
    struct stat a, b;
    bool has_a = stat(w->path, &a) == 0;
    int rc = has_a || errno == ENOENT ? 0 : errno;
    bool has_b = stat(w->to, &b) == 0;
    if (rc == 0 && !has_b && errno != ENOENT) rc = errno;
    w->verb = "look at";
    w->size = has_a && has_b && is_same(&a, &b);
    if (rc != 0) return rc == ENOTDIR ? 0 : rc;
    return has_a || has_b ? 0 : compare_new(w->path, w->to, &w->size);
}

void neap_file_work_run(neap_file_work *w) {
    static int (*const run[])(neap_file_work *) = {
        [NEAP_FILE_OPEN] = do_open,     [NEAP_FILE_READ] = do_read,
        [NEAP_FILE_WRITE] = do_write,   [NEAP_FILE_SYNC] = do_sync,
        [NEAP_FILE_COMMIT] = do_commit, [NEAP_FILE_CLOSE] = do_close,
        [NEAP_FILE_RENAME] = do_rename, [NEAP_FILE_REMOVE] = do_remove,
        [NEAP_FILE_SIZE] = do_size,     [NEAP_FILE_EXISTS] = do_exists,
        [NEAP_FILE_READ_ALL] = do_read_all, [NEAP_FILE_MAKE_DIR] = do_make_dir,
        [NEAP_FILE_SAME] = do_same,
    };
    w->sys = run[w->kind](w);
    if (w->code != 0 || w->sys == 0) return;
    w->code = w->sys == ENOMEM      ? NEAP_ENOMEM
              : w->sys == ECANCELED ? NEAP_ECANCELLED
                                    : NEAP_EINVAL;
}
