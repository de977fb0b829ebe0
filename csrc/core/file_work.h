/* file_work.h: the blocking half of file.c and process.c: what runs in a thread of the pool. */
#ifndef NEAP_CORE_FILE_WORK_H
#define NEAP_CORE_FILE_WORK_H

#include "file.h"

/* An open file, as the pool sees it. Between operations it belongs to the loop's thread. */
typedef struct neap_file_fd {
    int fd;             /* -1: not open */
    bool borrowed;      /* never closed */
    bool regular;       /* reads and writes do not wait for anybody */
    char *path;         /* owned; as given, for messages */
    char *target;       /* owned; an atomic file's final path, links followed; else NULL */
    char *temp;         /* owned; its name until commit; NULL afterwards */
    int write_errno;    /* the first write that failed; every later one fails alike */
    int wake_r, wake_w; /* a pipe that ends waiting; -1: none */
} neap_file_fd;

/* One operation: arguments in, results out. */
typedef struct neap_file_work {
    neap_file_kind kind;
    neap_file_mode mode;
    char *path, *to;  /* owned */
    size_t n;
    neap_file_fd *fd; /* the file's */
    neap_buf data;    /* bytes to write, or read */
    int64_t size;
    int code;         /* NEAP_ code, 0: fine */
    int sys;          /* errno behind NEAP_EINVAL */
    const char *verb; /* what failed: "open", "read", ... */
} neap_file_work;

/* Does the work; blocks. */
void neap_file_work_run(neap_file_work *);

/* Waits until fd is ready for poll(2) events or wake is readable (-1: none); ready wins. 0, or an
 * errno: ECANCELED when woken. */
int neap_file_work_wait(int fd, short events, int wake);

#endif
