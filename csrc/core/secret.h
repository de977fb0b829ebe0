/* secret.h: a value that scripts may use and never see. Reference counted, wiped on the last
 * unref. */
#ifndef NEAP_CORE_SECRET_H
#define NEAP_CORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

typedef struct neap_secret neap_secret;
typedef struct neap_loop neap_loop;

/* Copies the bytes into memory of its own and makes every log and message redact them from now on
 * (redact.h). One reference, the caller's. 0, NEAP_EINVAL (empty, or a control character in it),
 * NEAP_ENOMEM. References may be taken and dropped on any thread. */
int neap_secret_new(neap_secret **out, const char *bytes, size_t len);
neap_secret *neap_secret_ref(neap_secret *);
void neap_secret_unref(neap_secret *); /* NULL is fine */

/* The bytes; borrowed, NUL-terminated. For credential.c and transports only. */
const char *neap_secret_bytes(const neap_secret *);
size_t neap_secret_len(const neap_secret *);

/* A number that tells secrets apart, the same in every process: to name an account by its key. It is
 * too short to give the value away, so only for values that cannot be guessed: keys, not passwords. */
uint64_t neap_secret_fingerprint(const neap_secret *);

/* As new, from what a reference (env:, file:, cmd:) gave: one newline (\n or \r\n) at its end is
 * cut. The message of *err has no part of the value and fits behind "env:NAME ". */
int neap_secret_take(neap_secret **out, const char *bytes, size_t len, neap_err *err);

/* Reading a secret from a file on the thread pool. */
#define NEAP_SECRET_FILE_MAX 65536 /* bytes */
typedef struct neap_secret_read neap_secret_read;

/* Starts reading a regular file (one behind a link is fine) of at most NEAP_SECRET_FILE_MAX
 * bytes. done comes once, from libuv, and must only record: code 0 and a secret that is its own
 * now, or err->code (NEAP_ESETTINGS: not there, not readable, not fit) and NULL. *out is valid
 * until then. The loop is held meanwhile. 0 or NEAP_ENOMEM, then done never comes. */
int neap_secret_read_start(neap_secret_read **out, neap_loop *, const char *path,
                           void (*done)(void *ud, neap_secret *, const neap_err *err), void *ud);
/* Abandons it before done: done does not come any more. */
void neap_secret_read_cancel(neap_secret_read *);

/* Overwrites memory in a way the compiler keeps. */
void neap_secret_wipe(void *p, size_t len);

/* Are both the same bytes? How long it takes depends on the lengths only. */
bool neap_secret_same(const void *a, size_t a_len, const void *b, size_t b_len);

/* Pages of their own for bytes that must stay secret: zeroed, kept out of core files and, where
 * the system lets us, out of swap. NULL without memory. Release wipes; NULL is fine; same len as
 * alloc. */
void *neap_secret_alloc(size_t len);
void neap_secret_release(void *p, size_t len);

#endif
