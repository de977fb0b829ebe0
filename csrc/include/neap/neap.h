/* neap.h: the public C API of libneap: a runtime for vendor integrations in a host's own loop.
 *
 * A runtime belongs to the thread that made it; several may exist. The host watches one descriptor
 * and calls neap_dispatch when it is readable:
 *
 *     neap *n;
 *     if (neap_new(&n, NULL) < 0) ...
 *     if (neap_load_file(n, "flow.lua", &script) < 0) puts(neap_message(n));
 *     neap_start(n, script, "{\"day\":\"2026-11-21\"}", on_done, ud);
 *     while (neap_live(n) > 0) {
 *         struct pollfd p = {neap_poll_fd(n), POLLIN, 0};
 *         poll(&p, 1, neap_timeout_ms(n));
 *         neap_dispatch(n);
 *     }
 *     neap_free(n);
 *
 * Functions return 0, or a negative code of error.h; neap_message then says in one line what was wrong, the code's
 * kind in front: "settings: cannot open flow.lua: No such file or directory".
 * Scripts only run in neap_dispatch, and so callbacks only come from there. */
#ifndef NEAP_NEAP_H
#define NEAP_NEAP_H

#include <neap/error.h>
#include <neap/exchange.h>
#include <neap/value.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NEAP_API __attribute__((visibility("default")))

#define NEAP_VERSION "0.1.0"
/* The same as a number that can be compared: 100 for 0.1.0, 10203 for 1.2.3. */
#define NEAP_VERSION_NUMBER 100

/* The version of the library that is loaded. Static storage. */
NEAP_API const char *neap_version(void);
NEAP_API int neap_version_number(void);

typedef struct neap neap;           /* a runtime */
typedef struct neap_task neap_task; /* a script that was started and has not ended */

/* --- a runtime -------------------------------------------------------------------------------- */

typedef enum neap_level { NEAP_ERROR = 1, NEAP_WARN, NEAP_INFO, NEAP_DEBUG, NEAP_TRACE } neap_level;

/* Gets a line of the log, "message key=value ...", without time, level and newline, free of secrets. Borrowed.
 * It may call nothing of the runtime. */
typedef void (*neap_log_fn)(void *ud, neap_level level, const char *line, size_t len);

/* Zero-initialised is the default. All is borrowed for the call of neap_new, but log_ud. */
typedef struct neap_options {
    size_t memory_limit; /* bytes that scripts may hold, all together; beyond, whoever allocates fails with "not
                            enough memory"; 0: no limit */
    int time_limit_ms;   /* how long a script may compute at one stroke, between two waits: longer ones fail (kind
                            `timeout`); 0: no limit. Costs up to twice the time of scripts that compute */
    const char *state;   /* the file of what processes share: sessions, windows; NULL: the user's,
                            ~/.local/state/neap/state.db; "": none */
    neap_log_fn log;     /* NULL: lines go to standard error */
    void *log_ud;
    int log_level;       /* a neap_level: it and all before it are logged; 0: NEAP_INFO */
} neap_options;

/* Makes a runtime; `options` may be NULL: all of them zero. NEAP_ENOMEM when memory, memory_limit
 * or descriptors are short, NEAP_EBUG when the library does not load; options->log is told why. The caller frees it. */
NEAP_API int neap_new(neap **out, const neap_options *options);

/* Cancels every task, closes every connection, frees. No end of a task is told any more; the log may get its last
 * lines before it returns. NULL is fine. Not from a callback. */
NEAP_API void neap_free(neap *);

/* Why the last function that failed did so: one line, without secrets; "" if none has. Borrowed until the next
 * call. */
NEAP_API const char *neap_message(const neap *);

/* --- the host's loop -------------------------------------------------------------------------- */

/* A descriptor that turns readable when there is work. Constant for the runtime's life; the host only
 * polls it. */
NEAP_API int neap_poll_fd(const neap *);

/* Milliseconds until there is work, rounded up; -1: none. Hosts that poll the descriptor need not ask
 * on Linux. */
NEAP_API int neap_timeout_ms(const neap *);

/* Does what is due. Never blocks; called from a callback of its own it returns at once. */
NEAP_API void neap_dispatch(neap *);

/* Tasks alive, for graceful stop. */
NEAP_API int neap_live(const neap *);

/* For hosts without a loop: dispatches and blocks until `task` has ended (its callback has been called). 0;
 * NEAP_EBUG from a callback, or when every task waits for another. NULL, what neap_start returns where it fails:
 * the code of that failure. */
NEAP_API int neap_wait(neap *, neap_task *task);

/* The host is stopping: no script can be started any more (NEAP_ECANCELLED), background tasks are cancelled in the
 * next neap_dispatch, all others when grace_ms have passed; -1: never. Until then exchanges are still answered. Go
 * on dispatching until neap_live is 0. Another call may leave less time, not more. */
NEAP_API void neap_drain(neap *, int64_t grace_ms);

/* --- settings --------------------------------------------------------------------------------- */

/* Sets a setting of a vendor ("opm.base_url"), or one of the scripts' own, a name without a dot, which they get by
 * neap.setting(name). Before a script opens the vendor; the last word wins, also over environment and files.
 * NEAP_ESETTINGS: there is no such vendor or setting, or the value is none for it; a secret's must be a reference,
 * "env:NAME" or "file:PATH"; a host that has the secret itself calls neap_set_secret. */
NEAP_API int neap_set(neap *, const char *name, const char *value);

/* The same for a secret's value itself. Copied to memory that is kept out of core files; the caller wipes its own.
 * Scripts can use it, never see it: neap.secret(name). */
NEAP_API int neap_set_secret(neap *, const char *name, const char *bytes, size_t len);

/* Adds a folder in which `require` looks for modules, and for vendors in its folder vendors/; behind those before. */
NEAP_API int neap_add_path(neap *, const char *dir);

/* --- scripts ---------------------------------------------------------------------------------- */

/* Compiles Lua text (no bytecode); nothing runs yet. `name` appears in messages. *script is a number > 0, valid
 * until neap_free. NEAP_EINVAL: syntax. */
NEAP_API int neap_load(neap *, const char *name, const char *source, size_t len, int *script);
/* The same from a file, whose folder is added as by neap_add_path. NEAP_ESETTINGS: not readable. */
NEAP_API int neap_load_file(neap *, const char *path, int *script);

/* How a task has ended. Borrowed for the time of the callback. */
typedef struct neap_result {
    int code;          /* 0, or the error's */
    const char *text;  /* the script's first result as JSON, keys sorted, "" for none; or the error as one line */
    size_t len;
    const char *trace; /* of an error: where it came from, several lines; NULL: nobody knows */
} neap_result;

/* Called once from neap_dispatch when a task has ended. It may call everything but neap_free; neap_wait fails. A
 * script fails by an error that it raises, or by returning nil and an error. */
typedef void (*neap_done)(void *ud, const neap_result *result);

/* Starts a script as a task; it first runs in the next neap_dispatch. `args` is a JSON text (NULL: none), which it
 * gets as its only argument; where it returns a workflow, that runs, with them as its args. on_done may be NULL: then
 * an error is logged. A script may be started often. NULL: neap_message says why. The task is borrowed, valid until
 * on_done has returned. */
NEAP_API neap_task *neap_start(neap *, int script, const char *args, neap_done on_done, void *ud);
/* The same with a value (value.h), which stays the caller's. NULL fails: it is what the makers of values return
 * without memory. */
NEAP_API neap_task *neap_start_value(neap *, int script, const neap_value *args, neap_done on_done, void *ud);

/* Makes it a background task: neap_drain ends it at once. NULL is fine; a task whose on_done has returned is not. */
NEAP_API void neap_background(neap_task *);
/* Cancels; on_done comes with NEAP_ECANCELLED from the next neap_dispatch. NULL is fine; a task whose on_done has
 * returned is not. */
NEAP_API void neap_cancel(neap_task *);

/* --- serving ---------------------------------------------------------------------------------- */

/* Has a script answer an exchange: it returns, once, the function of a request (or a neap.handler), which is kept
 * and called in a task of its own for each. 0: the exchange is the script's; NEAP_ECANCELLED when the grace of
 * neap_drain is over, or NEAP_ENOMEM: it is still the host's. */
NEAP_API int neap_serve(neap *, int script, neap_exchange *);

/* Has a script that answers run in the next neap_dispatch, not when the first exchange comes: what it does by
 * itself begins, and what is wrong with it is logged. */
NEAP_API int neap_open(neap *, int script);

/* Has neap_serve wait for a script that is run first, once, in the next neap_dispatch; if it fails, the exchanges
 * are answered with 500. */
NEAP_API int neap_init(neap *, int script);

/* --- metrics ---------------------------------------------------------------------------------- */

/* Since neap_new. */
typedef struct neap_metrics {
    uint64_t tasks_started;
    uint64_t tasks_live;
    uint64_t exchanges;      /* requests that scripts were given */
    uint64_t calls;          /* of vendors, that have ended, those refused before a send included */
    uint64_t calls_failed;
    uint64_t sends;          /* requests that were sent, or tried to, repeats included */
    uint64_t retries;        /* sends after the first of a call */
    uint64_t waits;          /* of calls for a limit, a retry or a gate */
    double wait_seconds;     /* in sum */
    size_t memory;           /* bytes that scripts hold */
} neap_metrics;

NEAP_API void neap_get_metrics(const neap *, neap_metrics *out);

/* Gets a piece of text. Borrowed. */
typedef void (*neap_write_fn)(void *ud, const char *text, size_t len);

/* Writes all there is, by vendor, endpoint and limit, in the text format of Prometheus. */
NEAP_API int neap_write_metrics(neap *, neap_write_fn, void *ud);
/* Writes the sum of such texts, from several runtimes or processes. */
NEAP_API int neap_sum_metrics(const char *const *texts, const size_t *lens, size_t count, neap_write_fn, void *ud);

#ifdef __cplusplus
}
#endif

#endif
