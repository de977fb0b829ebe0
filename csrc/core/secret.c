/* secret.c: see secret.h. A secret is one mapping: the record, then the bytes. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"
#include "redact.h"

struct neap_secret {
    atomic_uint refs; /* the record goes with the last one */
    size_t len;       /* of bytes, without the NUL */
    char bytes[];     /* NUL-terminated */
};

void neap_secret_wipe(void *p, size_t len) {
    explicit_bzero(p, len);
}

bool neap_secret_same(const void *a, size_t a_len, const void *b, size_t b_len) {
    const volatile unsigned char *x = a, *y = b; /* each byte is looked at */
    unsigned differ = 0;
    if (a_len != b_len) return false;
    for (size_t i = 0; i < a_len; i++) differ |= (unsigned)(x[i] ^ y[i]);
    return differ == 0;
}

void *neap_secret_alloc(size_t len) {
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    /* Both are best effort: RLIMIT_MEMLOCK may be zero, and a kernel may know no DONTDUMP. */
    (void)mlock(p, len);
#ifdef MADV_DONTDUMP
    (void)madvise(p, len, MADV_DONTDUMP);
#endif
    return p;
}

void neap_secret_release(void *p, size_t len) {
    if (p == NULL) return;
    neap_secret_wipe(p, len);
    (void)munmap(p, len); /* unlocks, too */
}

/* Control characters would end a header field, or the line of a log. */
static bool is_plain(const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < 0x20 || c == 0x7f) return false;
    }
    return len > 0;
}

static size_t size_of(size_t len) {
    return sizeof(neap_secret) + len + 1;
}

int neap_secret_new(neap_secret **out, const char *bytes, size_t len) {
    neap_secret *s;
    *out = NULL;
    if (!is_plain(bytes, len)) return NEAP_EINVAL;
    if (len > SIZE_MAX / 8) return NEAP_ENOMEM;
    s = neap_secret_alloc(size_of(len));
    if (s == NULL) return NEAP_ENOMEM;
    atomic_init(&s->refs, 1);
    s->len = len;
    memcpy(s->bytes, bytes, len);
    if (neap_redact_add(s->bytes, len) < 0) {
        neap_secret_release(s, size_of(len));
        return NEAP_ENOMEM;
    }
    *out = s;
    return 0;
}

neap_secret *neap_secret_ref(neap_secret *s) {
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void neap_secret_unref(neap_secret *s) {
    if (s == NULL || atomic_fetch_sub(&s->refs, 1) > 1) return;
    neap_redact_remove(s->bytes, s->len);
    neap_secret_release(s, size_of(s->len));
}

const char *neap_secret_bytes(const neap_secret *s) {
    return s->bytes;
}

size_t neap_secret_len(const neap_secret *s) {
    return s->len;
}

/* FNV-1a, then the finish of splitmix64. */
uint64_t neap_secret_fingerprint(const neap_secret *s) {
    uint64_t h = 0xcbf29ce484222325u;
    size_t i;
    for (i = 0; i < s->len; i++) h = (h ^ (unsigned char)s->bytes[i]) * 0x100000001b3u;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

int neap_secret_take(neap_secret **out, const char *bytes, size_t len, neap_err *err) {
    int rc;
    *out = NULL;
    if (len > 0 && bytes[len - 1] == '\n') len--;
    if (len > 0 && bytes[len - 1] == '\r') len--;
    if (len == 0) return neap_err_set(err, NEAP_ESETTINGS, "is empty");
    rc = neap_secret_new(out, bytes, len);
    if (rc == NEAP_EINVAL) {
        return neap_err_set(err, NEAP_ESETTINGS, "has a control character or more than one line");
    }
    return rc < 0 ? neap_err_set(err, rc, "out of memory") : 0;
}

/* --- reading from a file ---------------------------------------------------------------------- */

/* One byte more than allowed shows that a file is too long. */
#define READ_MAX (NEAP_SECRET_FILE_MAX + 1)

struct neap_secret_read {
    uv_work_t work;
    neap_loop *loop;
    void (*done)(void *ud, neap_secret *, const neap_err *err); /* NULL: abandoned */
    void *ud;
    char *bytes;   /* READ_MAX of secret memory */
    size_t len;    /* of what was read */
    neap_err err;  /* of the worker; code 0: read */
    char path[];   /* NUL-terminated */
};

static int fail_errno(neap_err *err) {
    char why[128];
    int number = errno;
    return neap_err_set(err, NEAP_ESETTINGS, "cannot be read: %s",
                        strerror_r(number, why, sizeof why));
}

static int read_all(neap_secret_read *r, int fd) {
    struct stat st;
    if (fstat(fd, &st) < 0) return fail_errno(&r->err);
    if (!S_ISREG(st.st_mode)) return neap_err_set(&r->err, NEAP_ESETTINGS, "is not a regular file");
    while (r->len < READ_MAX) {
        ssize_t n = read(fd, r->bytes + r->len, READ_MAX - r->len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(&r->err);
        if (n == 0) return 0;
        r->len += (size_t)n;
    }
    return neap_err_set(&r->err, NEAP_ESETTINGS, "has more than %d bytes", NEAP_SECRET_FILE_MAX);
}

/* On a thread of the pool. O_NONBLOCK: opening a FIFO must not wait for its writer. */
static void read_work(uv_work_t *work) {
    neap_secret_read *r = work->data;
    int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        fail_errno(&r->err);
        return;
    }
    read_all(r, fd);
    close(fd);
}

static void read_free(neap_secret_read *r) {
    neap_secret_release(r->bytes, READ_MAX);
    free(r);
}

static void read_done(uv_work_t *work, int status) {
    neap_secret_read *r = work->data;
    neap_secret *s = NULL;
    (void)status; /* cancelled before it began: then it is abandoned, too */
    neap_loop_release(r->loop);
    if (r->done != NULL) {
        if (r->err.code == 0) neap_secret_take(&s, r->bytes, r->len, &r->err);
        r->done(r->ud, s, &r->err);
    }
    read_free(r);
}

int neap_secret_read_start(neap_secret_read **out, neap_loop *loop, const char *path,
                           void (*done)(void *ud, neap_secret *, const neap_err *err), void *ud) {
    size_t path_len = strlen(path);
    neap_secret_read *r = calloc(1, sizeof *r + path_len + 1);
    if (r == NULL) return NEAP_ENOMEM;
    r->bytes = neap_secret_alloc(READ_MAX);
    r->loop = loop;
    r->done = done;
    r->ud = ud;
    r->work.data = r;
    memcpy(r->path, path, path_len + 1);
    if (r->bytes == NULL || uv_queue_work(neap_loop_uv(loop), &r->work, read_work, read_done) < 0) {
        read_free(r);
        return NEAP_ENOMEM;
    }
    neap_loop_hold(loop);
    *out = r;
    return 0;
}

void neap_secret_read_cancel(neap_secret_read *r) {
    r->done = NULL;
    uv_cancel((uv_req_t *)&r->work); /* may be running: then its end finds nobody */
}
