/* library.h: a shared library that is opened where it is first needed, instead of at start-up.
 *
 * libcurl brings thirty libraries along, libmicrohttpd ten: to load and relocate them takes longer
 * than all else that a command without network does. They stay open for good, for their threads and
 * exit handlers may outlive whoever used them. */
#ifndef NEAP_CORE_LIBRARY_H
#define NEAP_CORE_LIBRARY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* One library, static memory: see NEAP_LIBRARY. */
typedef struct neap_library {
    const char *file;         /* its soname */
    const char *package;      /* of Debian, for messages */
    const char *const *names; /* of the functions wanted */
    void *functions;          /* a struct of pointers to them, in this order */
    size_t count;
    pthread_mutex_t lock;
    size_t first;             /* objects of this process that were there before it */
    bool open;                /* the functions are there */
} neap_library;

/* Opens it unless it is open; from any thread. 0, or NEAP_ESETTINGS with *err saying what is
 * missing: then none of the functions may be called, and the next call tries again. */
int neap_library_open(neap_library *, neap_err *err);

/* Gives memory back: to link thirty libraries the loader reads the names and relocations of them all, and to
 * initialise them more of their code runs than ever after; 6 MiB that nobody looks at again. They are pages
 * of files: what is needed after all comes back. Opening ends with it; so should an initialisation. */
void neap_library_trim(const neap_library *);

/* All of a file such as libz.c: the table neap_<noun> of a header such as libz.h, whose FUNCTIONS lists what is
 * used, and neap_<noun>_open. The file's `library` is what was opened. */
#define NEAP_LIBRARY(noun, soname, debian_package, FUNCTIONS)                                      \
    struct noun noun;                                                                              \
    static const char *const names[] = {FUNCTIONS(NEAP_LIBRARY_NAME)};                             \
    static neap_library library = {                                                                \
        .file = (soname),                                                                          \
        .package = (debian_package),                                                               \
        .names = names,                                                                            \
        .functions = &(noun),                                                                      \
        .count = sizeof names / sizeof *names,                                                     \
        .lock = PTHREAD_MUTEX_INITIALIZER,                                                         \
    };                                                                                             \
    int noun##_open(neap_err *err) {                                                               \
        return neap_library_open(&library, err);                                                   \
    }
#define NEAP_LIBRARY_NAME(name) #name,

#endif
