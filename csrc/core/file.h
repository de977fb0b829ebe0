/* file.h: files without blocking the loop: every operation is one trip to libuv's thread pool.
 *
 * A neap_file is an open file or a request about a path. Its operations run one at a time, in the
 * order they were started. While one is under way the loop is held, so a virtual clock waits; on a
 * virtual clock what cannot block for long (paths, regular files) runs at once and completes by a
 * job, so that the same run takes the same course.
 *
 * An operation owns its buffers until the pool is done with them, whoever goes away meanwhile.
 * Reads and writes on pipes and terminals can be woken: closing never waits for somebody to type.
 *
 * Atomic files are written under a name of their own beside their target, and renamed over it by
 * commit, after fsync of file and before fsync of directory. Symbolic links are followed, the mode
 * of an existing target is kept; a target that is no regular file is written directly. */
#ifndef NEAP_CORE_FILE_H
#define NEAP_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "loop.h"

typedef struct neap_file neap_file;
typedef struct neap_fileop neap_fileop;

typedef enum neap_file_mode {
    NEAP_FILE_R,     /* read */
    NEAP_FILE_W,     /* write, emptied first */
    NEAP_FILE_A,     /* append */
    NEAP_FILE_WX,    /* write; the file must not exist */
    NEAP_FILE_ATOMIC /* write; nothing is seen at the path before commit */
} neap_file_mode;

typedef enum neap_file_kind {
    NEAP_FILE_OPEN,   /* path, mode */
    NEAP_FILE_READ,   /* up to n bytes into result.data; none at the end */
    NEAP_FILE_WRITE,  /* all that was put */
    NEAP_FILE_SYNC,   /* the same, and fsync */
    NEAP_FILE_COMMIT, /* an atomic file: all that was put, fsync, close, rename, fsync directory */
    NEAP_FILE_CLOSE,  /* all that was put, close; an atomic file that was not committed vanishes */
    /* About paths, each on a neap_file of its own: */
    NEAP_FILE_RENAME,  /* path, to */
    NEAP_FILE_REMOVE,  /* path */
    NEAP_FILE_SIZE,    /* path; result.size */
    NEAP_FILE_EXISTS,  /* path; result.size 1 or 0 */
    NEAP_FILE_READ_ALL, /* path, n: the whole file into result.data; NEAP_ETOOLARGE beyond n bytes */
    NEAP_FILE_MAKE_DIR, /* path: with those above it; fine if it is there; result.data: its absolute path */
    NEAP_FILE_SAME      /* path, to: one file, there or not? result.size 1 or 0 */
} neap_file_kind;

/* What to do. Strings are copied by neap_file_start. */
typedef struct neap_file_req {
    neap_file_kind kind;
    neap_file_mode mode; /* of OPEN */
    const char *path;    /* NUL-terminated, not empty */
    const char *to;      /* of RENAME and SAME */
    size_t n;            /* of READ and READ_ALL; READ gives at most NEAP_FILE_READ_MAX */
} neap_file_req;

#define NEAP_FILE_READ_MAX ((size_t)16 << 20)

/* How an operation ended. */
typedef struct neap_file_result {
    neap_err err;     /* code 0, NEAP_EINVAL (the system refused), NEAP_ETOOLARGE,
                         NEAP_ECANCELLED (the file was freed), NEAP_ENOMEM */
    const char *name; /* of the system's error, "ENOENT"; NULL if it was none. Static. */
    neap_buf data;    /* what was read; owned by the operation, may be taken */
    int64_t size;
} neap_file_result;

/* Called once, from a job, from libuv or within neap_file_free: only note it and post a job. */
typedef void (*neap_file_done)(neap_fileop *);

/* One operation; its starter's until neap_fileop_free. Fields below `ud` are private. */
struct neap_fileop {
    neap_file_result result; /* valid once done was called */
    neap_file_done done;     /* NULL: nobody is told */
    void *ud;
    struct neap_fileop *next;    /* in the file's queue */
    neap_file *file;             /* NULL once done was called */
    struct neap_file_work *work; /* owned; what the pool works on */
    bool queued;                 /* the file, and maybe the pool, still needs it */
    bool released;               /* its starter freed it: goes when it leaves the queue */
};

/* Makes a file that is not open yet: start OPEN, or a path operation. 0 or NEAP_ENOMEM. */
int neap_file_new(neap_file **out, neap_loop *);
/* Wraps a descriptor that stays open in the end (standard input, ...); name is for messages. Who wants
 * to close it after neap_file_free has to wait until the loop holds nothing of the file: the thread
 * pool may be in an abandoned read or write. */
int neap_file_new_fd(neap_file **out, neap_loop *, int fd, const char *name);
/* Closes without waiting; NULL is fine. Operations not done end now with NEAP_ECANCELLED; what was
 * put is still written out unless that could block for long; an atomic file that was not committed
 * vanishes. */
void neap_file_free(neap_file *);

/* Adds bytes to what the next WRITE, SYNC, COMMIT or CLOSE writes. 0 or NEAP_ENOMEM. */
int neap_file_put(neap_file *, const char *bytes, size_t len);
/* The buffer that put adds to, for whoever makes the bytes right there; good until the next call. */
neap_buf *neap_file_buffer(neap_file *);
/* How many bytes were put and not handed to an operation. */
size_t neap_file_pending(const neap_file *);

/* Starts an operation behind those under way; done is never called before this returns.
 * 0 or NEAP_ENOMEM. */
int neap_file_start(neap_file *, neap_fileop **out, const neap_file_req *, neap_file_done,
                    void *ud);

/* Frees an operation; before its end that cancels it: what was put before is written all the same,
 * a COMMIT that has not begun does not happen, what a READ still gets comes with the next. NULL is
 * fine. */
void neap_fileop_free(neap_fileop *);

#endif
