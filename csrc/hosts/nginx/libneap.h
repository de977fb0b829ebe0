/* libneap.h: libneap, opened by a worker, or nginx -t, for itself: no name of it, or of the Lua that it brings, is
 * seen by other modules of nginx, such as one with LuaJIT; and it sees its own before theirs. */
#ifndef NGX_NEAP_LIBNEAP_H
#define NGX_NEAP_LIBNEAP_H

#include <neap/neap.h>

/* The functions that are used. */
#define NGX_NEAP_FUNCTIONS(X)                                                                                    \
    X(version)                                                                                                   \
    X(version_number)                                                                                            \
    X(new)                                                                                                       \
    X(free)                                                                                                      \
    X(message)                                                                                                   \
    X(poll_fd)                                                                                                   \
    X(dispatch)                                                                                                  \
    X(live)                                                                                                      \
    X(drain)                                                                                                     \
    X(set)                                                                                                       \
    X(set_secret)                                                                                                \
    X(add_path)                                                                                                  \
    X(load)                                                                                                      \
    X(start)                                                                                                     \
    X(background)                                                                                                \
    X(serve)                                                                                                     \
    X(open)                                                                                                      \
    X(init)                                                                                                      \
    X(write_metrics)                                                                                             \
    X(sum_metrics)

typedef struct ngx_neap_library {
#define X(name) __typeof__(neap_##name) *(name);
    NGX_NEAP_FUNCTIONS(X)
#undef X
} ngx_neap_library;

/* The library of this process; its functions are NULL before it is open. */
extern ngx_neap_library ngx_neap;

/* Opens it: `path`, or where that is empty the file NEAP_LIBRARY_FILE from where the loader looks. NULL, or
 * what is wrong; borrowed. It stays open for good. */
const char *ngx_neap_library_open(const char *path);

#endif
