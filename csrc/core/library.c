/* library.c: see library.h. */
#include "library.h"

#include <dlfcn.h>
#include <string.h>

/* Function pointers leave dlsym as void *; POSIX promises that both look alike. */
static bool find_functions(const neap_library *lib, void *handle) {
    size_t i;
    for (i = 0; i < lib->count; i++) {
        void *function = dlsym(handle, lib->names[i]);
        if (function == NULL) return false;
        memcpy((char *)lib->functions + i * sizeof function, &function, sizeof function);
    }
    return true;
}

static int load(neap_library *lib, neap_err *err) {
    void *handle = dlopen(lib->file, RTLD_NOW | RTLD_LOCAL);
    if (handle != NULL && find_functions(lib, handle)) {
        lib->open = true;
        return 0;
    }
    return neap_err_set(err, NEAP_ESETTINGS, "%s; is Debian's package %s installed?", dlerror(),
                        lib->package);
}

int neap_library_open(neap_library *lib, neap_err *err) {
    int rc;
    pthread_mutex_lock(&lib->lock);
    rc = lib->open ? 0 : load(lib, err);
    pthread_mutex_unlock(&lib->lock);
    return rc;
}
