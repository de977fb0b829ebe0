/* meter_own.h: the series of a meter, for the files that are meters: meter.c (counting), meter_text.c (writing). */
#ifndef NEAP_CORE_METER_OWN_H
#define NEAP_CORE_METER_OWN_H

#include "meter.h"

/* Upper bounds of a histogram's buckets, in nanoseconds, and as their labels say it in seconds. X(ns, le) */
#define NEAP_METER_BUCKETS(X)                                                                                    \
    X(5000000, "0.005")                                                                                          \
    X(10000000, "0.01")                                                                                          \
    X(25000000, "0.025")                                                                                         \
    X(50000000, "0.05")                                                                                          \
    X(100000000, "0.1")                                                                                          \
    X(250000000, "0.25")                                                                                         \
    X(500000000, "0.5")                                                                                          \
    X(1000000000, "1")                                                                                           \
    X(2500000000, "2.5")                                                                                         \
    X(5000000000, "5")                                                                                           \
    X(10000000000, "10")                                                                                         \
    X(30000000000, "30")                                                                                         \
    X(60000000000, "60")

enum {
#define X(ns, le) NEAP_METER_BUCKET_##ns,
    NEAP_METER_BUCKETS(X)
#undef X
    NEAP_METER_BUCKET_INF,
    NEAP_METER_BUCKET_COUNT
};

enum {
    NEAP_METER_OUTCOMES = 16, /* ok, then the codes of error.h by their number */
    NEAP_METER_CLASSES = 6,   /* dropped, then the first digit of the status */
    NEAP_METER_REASONS = 12   /* statuses of one endpoint that were followed by another send */
};

typedef struct neap_meter_histogram {
    uint64_t counts[NEAP_METER_BUCKET_COUNT]; /* of each bucket alone */
    int64_t sum_ns;
} neap_meter_histogram;

typedef struct neap_meter_series {
    struct neap_meter_series *next;
    char *labels; /* owned: name="value",..., escaped */
} neap_meter_series;

/* In the order of their making. */
typedef struct neap_meter_list {
    neap_meter_series *first, **end;
    size_t count;
} neap_meter_list;

typedef struct neap_meter_reason {
    int status; /* 0: none yet, or all others */
    uint64_t count;
} neap_meter_reason;

/* Each kind of series begins with its neap_meter_series. */
struct neap_meter_endpoint {
    neap_meter_series series;
    bool is_login;
    uint64_t calls[NEAP_METER_OUTCOMES];
    uint64_t sends;
    neap_meter_reason statuses[NEAP_METER_REASONS]; /* in the order of meeting; the last one is for all others */
    uint64_t failures[NEAP_FAILURE_OTHER + 1];
    neap_meter_histogram call_time, send_time;
};

struct neap_meter_wait {
    neap_meter_series series;
    uint64_t count;   /* waits that began */
    uint64_t waiting; /* calls that wait now */
    int64_t sum_ns;   /* up to since_ns, of all of them together */
    int64_t since_ns;
};

struct neap_meter_script {
    neap_meter_series series;
    uint64_t begun, ended;
    uint64_t counts[NEAP_METER_CLASSES];
    neap_meter_histogram times[NEAP_METER_CLASSES];
};

typedef struct neap_meter_vendor_series {
    neap_meter_series series;
    neap_meter_vendor vendor;
} neap_meter_vendor_series;

struct neap_meter {
    neap_meter_list endpoints, waits, scripts, vendors;
    neap_meter_gate *gates;
};

/* What a wait's sum is at `now`. */
int64_t neap_meter__sum_ns(const neap_meter_wait *, int64_t now);
/* The repeats of an endpoint. */
uint64_t neap_meter__retries(const neap_meter_endpoint *);

#endif
