/* process.h: runs a command and catches what it prints, for `cmd:` references of secrets.
 *
 * The command gets /bin/sh -c, standard input from /dev/null, standard error as ours. It runs in a
 * thread of libuv's pool that starts it, reads, and waits for exactly this child. uv_spawn would
 * install a SIGCHLD handler for the whole process, which belongs to the host (nginx has its own);
 * this way none is installed anywhere. A host that reaps every child, or ignores SIGCHLD, takes the
 * exit status away: then the run fails and says so. */
#ifndef NEAP_CORE_PROCESS_H
#define NEAP_CORE_PROCESS_H

#include "buf.h"
#include "err.h"
#include "loop.h"

typedef struct neap_process neap_process;

/* Called once, from libuv: only note it and post a job. */
typedef void (*neap_process_done)(neap_process *);

/* What a command may print unless told otherwise, in bytes. */
#define NEAP_PROCESS_OUT_MAX ((size_t)1 << 20)

/* One run. The result fields are valid once done was called. */
struct neap_process {
    neap_err err; /* code 0: it ran to its end; NEAP_EINVAL: could not be run; NEAP_ETOOLARGE */
    int status;   /* exit status; 128 + signal if one killed it */
    neap_buf out; /* its output, taken for a secret: wiped when freed */
    void *ud;     /* the starter's */
    struct neap_process_run *run; /* private */
};

/* Starts a command; holds the loop while it runs. max 0: NEAP_PROCESS_OUT_MAX. `done` is never
 * called before this returns. 0 or NEAP_ENOMEM. */
int neap_process_start(neap_process **out, neap_loop *, const char *command, size_t max,
                       neap_process_done done, void *ud);

/* Frees a run; before its end that stops the command (SIGTERM, half a second later SIGKILL) without
 * waiting for it, and done is not called. NULL is fine. */
void neap_process_free(neap_process *);

#endif
