/* transfer_ops.h: what transfer.c, the front, shares with the carriers direct.c, curl.c and inproc.c.
 *
 * The carrier moves bytes and reports through the neap_transfer__* functions, from wherever it is,
 * a libcurl callback included: they only record and post the transfer's job. Limits, buffering,
 * pausing, scrubbing and the callbacks are the front's. */
#ifndef NEAP_CORE_TRANSFER_OPS_H
#define NEAP_CORE_TRANSFER_OPS_H

#include "head.h"
#include "inflater.h"
#include "transfer.h"
#include "url.h"

/* How much of a streamed body may be queued before the flow is closed. */
#define NEAP_QUEUE_MAX ((size_t)256 * 1024)
/* Connections to one host unless the settings say otherwise. */
#define NEAP_CONNECTIONS_PER_HOST 512L

/* A way to move requests. */
typedef struct neap_carrier {
    /* Takes on a transfer. 0, or a negative code with *err filled and nothing kept. */
    int (*start)(neap_transfer *, neap_err *);
    /* The queue of a streamed body may have room again. Repeats itself. From the transfer's job. */
    void (*flow)(neap_transfer *);
    /* Abandons a transfer that was started and not finished; reports nothing of it any more. */
    void (*drop)(neap_transfer *);
    /* Frees what start made for all transfers (neap_http.shared); no transfer is left. */
    void (*close)(neap_http *);
    bool is_network; /* what it does takes real time: a virtual clock waits for it */
} neap_carrier;

struct neap_http {
    neap_loop *loop;
    const neap_carrier *carrier;
    void *shared;        /* the carrier's own, NULL until it needs something */
    neap_transfer *live; /* transfers that have not reported done */
    neap_http_cfg cfg;   /* text is owned */
};

struct neap_transfer {
    neap_http *http;        /* NULL after done: the transfer then stands alone */
    neap_loop *loop;
    neap_transfer *next, *prev; /* in http->live */
    neap_transfer_cbs cbs;
    void *ud;
    neap_request req;       /* url and body point into `applied` where a credential changed them */
    neap_applied applied;   /* wiped as soon as the transfer has ended */
    neap_url url;           /* the parts of req.url */
    void *wire;             /* the carrier's own, per transfer; NULL while it has none */
    neap_job job;           /* tells the callbacks */
    neap_timer timer;       /* the earliest of the deadlines, or earlier */

    neap_head head;
    neap_buf body;          /* whole if buffered; else the queue of what on_body has not got */
    neap_buf coded;         /* streamed: what has come and is not inflated yet */
    neap_inflater *inflater; /* NULL: the body is not coded, or not known to be */
    uint64_t body_total;    /* inflated bytes so far */
    uint64_t coded_total;   /* what they were inflated from */
    size_t heard;           /* bytes of head and body so far, for the low-speed limit */
    neap_err end;           /* the first failure */

    /* Times of the loop. The *_run_ns ones are on the transfer's own clock, which stands still
     * while it is paused. */
    int64_t depart_ns, answer_ns; /* 0: not yet */
    int64_t start_run_ns, depart_run_ns;
    int64_t window_run_ns;  /* start of the present low-speed window */
    size_t window_heard;    /* `heard` at its start */
    int64_t paused_ns;      /* length of all pauses that are over */
    int64_t pause_ns;       /* start of the present pause */

    bool paused;
    bool holding;           /* the loop's virtual clock */
    bool scrub;             /* the request carried a secret: keep it out of what comes back */
    bool cut;               /* the answer ended too early */
    bool ended;             /* the carrier is through with it */
    bool departed;
    bool coding_known;      /* inflater is as the head says */
    bool head_told, done_told;
    bool busy;              /* in its job */
    bool gone;              /* freed from inside its job, which then destroys it */
};

/* The request leaves now; again if nothing of it had been taken. */
void neap_transfer__depart(neap_transfer *);
/* A header line of the answer. 0, or negative: the transfer has failed, finish it. */
int neap_transfer__line(neap_transfer *, const char *line, size_t len);
/* Part of the body as it came, its content coding not undone. 0, or negative as above. */
int neap_transfer__data(neap_transfer *, const char *data, size_t len);
/* Is this a streamed transfer with more than max bytes in its queues? */
bool neap_transfer__full(const neap_transfer *, size_t max);
/* The end; the carrier has let go of it already (wire is NULL). An earlier failure of the front
 * wins over err. */
void neap_transfer__finish(neap_transfer *, const neap_err *err);
/* Records a failure to be reported by finish, unless there is one. Returns code. */
int neap_transfer__fail(neap_transfer *, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Is the body told piece by piece? */
bool neap_transfer__is_streamed(const neap_transfer *);
/* Streamed: how many bytes of the queue may go to on_body now; inflates what there is room for. */
size_t neap_transfer__ready(neap_transfer *);
/* Of a body that has ended: is it all told, or if buffered, in `body`? Fails the transfer if something lacks. */
bool neap_transfer__settle_body(neap_transfer *);
/* Frees all memory of the body. */
void neap_transfer__free_body(neap_transfer *);
/* "reply cut short: 512 of 1024 bytes"; length -1: unknown. */
void neap_transfer__cut(neap_transfer *, long long got, long long length);

#endif
