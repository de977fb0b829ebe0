/* neap.h: the public C API of libneap: a runtime for vendor integrations in a host's own loop.
 *
 * A runtime belongs to the thread that made it; several may exist. The host watches one descriptor
 * and calls neap_dispatch when it is readable (DESIGN.md 7):
 *
 *     neap *n;
 *     if (neap_new(&n) < 0) ...
 *     neap_load(n, "flow", source, len, &script, message, sizeof message);
 *     neap_start(n, script, on_done, ud);
 *     while (neap_live(n) > 0) {
 *         struct pollfd p = {neap_poll_fd(n), POLLIN, 0};
 *         poll(&p, 1, neap_timeout_ms(n));
 *         neap_dispatch(n);
 *     }
 *     neap_free(n);
 */
#ifndef NEAP_NEAP_H
#define NEAP_NEAP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NEAP_API __attribute__((visibility("default")))

#define NEAP_VERSION "0.1.0"

typedef struct neap neap;

/* Makes a runtime. 0, or negative when memory or descriptors are short. The caller frees it. */
NEAP_API int neap_new(neap **out);

/* Cancels every task, closes every connection, frees. No callback comes any more. NULL is fine. */
NEAP_API void neap_free(neap *);

/* Compiles Lua text (no bytecode); nothing runs yet. `name` appears in messages. 0 and *script (a
 * number > 0, valid until neap_free), or negative and a one-line message in `message` (may be NULL). */
NEAP_API int neap_load(neap *, const char *name, const char *source, size_t len, int *script,
                       char *message, size_t message_len);

/* Called once from neap_dispatch when a task has ended: ok is 1 and text its first result (as JSON;
 * "" for none), or ok is 0 and text the error message. Borrowed for the time of the call. */
typedef void (*neap_done)(void *ud, int ok, const char *text, size_t len);

/* Starts a script as a task; it first runs in the next neap_dispatch. on_done may be NULL. 0 or
 * negative (unknown script, no memory). */
NEAP_API int neap_start(neap *, int script, neap_done on_done, void *ud);

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

/* The version of the library that is loaded, e.g. "0.1.0". Static storage. */
NEAP_API const char *neap_version(void);

#ifdef __cplusplus
}
#endif

#endif
