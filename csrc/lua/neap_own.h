/* neap_own.h: the record of a public runtime (include/neap/neap.h), for the files that are that API: neap.c (its
 * life, the loop), neap_task.c (tasks), neap_script.c (scripts and serving), neap_host.c (settings, the log,
 * metrics). */
#ifndef NEAP_LUA_NEAP_OWN_H
#define NEAP_LUA_NEAP_OWN_H

#include <neap/neap.h>

#include "../core/pool.h"
#include "runtime.h"

/* A script: references in the registry. */
typedef struct neap_script {
    int chunk;
    int service; /* a neap.Service of it; LUA_NOREF: nobody has asked for it yet */
    int answer;  /* its function that answers exchanges */
} neap_script;

/* A host that stops. */
typedef struct neap_stop {
    bool begun;     /* nothing is started any more */
    bool told;      /* background tasks are cancelled */
    int64_t due_ns; /* when all others are; INT64_MAX: never */
    neap_job job;
    neap_timer timer;
} neap_stop;

struct neap {
    lua_State *L;
    neap_pool pool; /* the memory of L */
    l_runtime *rt;  /* lives in L */
    neap_task *tasks; /* owned: those whose end has not been told */
    neap_script *scripts; /* owned; script 1 is the first */
    int script_count;
    int encode, sorted, decode; /* those of neap.native.json, and { sorted = true }: references in the registry */
    neap_stop stop;
    neap_job collect; /* posted when the limit has refused memory */
    neap_log_fn log;
    void *log_ud;
    neap_err err; /* of the last function that failed */
};

/* Calls fn with `arg` as a light userdata, protected; results are none. 0, or the code of what was raised, which
 * n->err then has. Leaves the stack as it was: it may be somebody's in the middle of a call. */
int neap__call(neap *n, lua_CFunction fn, void *arg);
/* Notes why a function fails, with the code's kind in front as an error object's text has it. Returns the code. */
int neap__fail(neap *n, int code, const char *message);
/* The code of the error value at idx: by its kind; NEAP_ENOMEM, or NEAP_EBUG, for a text.       [-0, +0, m] */
int neap__error_code(lua_State *L, int idx);
/* Push the value at idx as text without secrets, and such text as one line.                    [-0, +1, e] */
const char *neap__push_text(lua_State *L, int idx, size_t *len);
const char *neap__push_line(lua_State *L, int idx, size_t *len);
/* Pushes a function of a module of the library.                                                [-0, +1, e] */
void neap__push_function(lua_State *L, const char *module, const char *name);

/* Has a starting task begin with what `push` leaves: a function and `nargs` arguments.  */
typedef struct neap_start_with {
    void (*push)(lua_State *L, neap *n, void *ud);
    void *ud;
    int nargs;
} neap_start_with;
/* Starts it; NULL: n->err says why. */
neap_task *neap__start(neap *n, const neap_start_with *with, neap_done on_done, void *ud);

/* Gets a script; NULL: there is none, n->err says so. */
neap_script *neap__script(neap *n, int script);

/* Sets the log up as the host wants it. May throw. */
void neap__open_log(lua_State *L, neap *n, const neap_options *options);

/* What of a runtime's end does not throw: nothing of the host is called any more. */
void neap__close_tasks(neap *n);

#endif
