/* libneap.c: see libneap.h. */
#include "libneap.h"
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

ngx_neap_library ngx_neap;

/* Sanitizers refuse RTLD_DEEPBIND; a build with them cannot live beside LuaJIT. */
#ifdef NEAP_WITHOUT_DEEPBIND
static const int flags = RTLD_NOW | RTLD_LOCAL;
#else
static const int flags = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
#endif

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define X(name) {"neap_" #name, offsetof(ngx_neap_library, name)},
    NGX_NEAP_FUNCTIONS(X)
#undef X
};

/* While the major version is 0, every minor version has an interface of its own. */
static int version_series(int number) {
    return number < 10000 ? number / 100 : number / 10000 * 10000;
}

static const char *check_version(const char *path) {
    static char message[256];
    if (version_series(ngx_neap.version_number()) == version_series(NEAP_VERSION_NUMBER)) return NULL;
    snprintf(message, sizeof message, "%s is version %s, this module was built for %s", path, ngx_neap.version(),
             NEAP_VERSION);
    return message;
}

const char *ngx_neap_library_open(const char *path) {
    void *handle;
    size_t i;
    if (path[0] == '\0') path = NEAP_LIBRARY_FILE;
    handle = dlopen(path, flags);
    if (!handle) return dlerror();
    for (i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *function = dlsym(handle, functions[i].name);
        if (!function) return dlerror();
        memcpy((char *)&ngx_neap + functions[i].offset, &function, sizeof function);
    }
    return check_version(path);
}
