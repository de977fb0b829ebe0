/* library.c: see library.h. */
#include "library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- what opening leaves in memory ------------------------------------------------------------ */

static int count_object(struct dl_phdr_info *info, size_t size, void *count) {
    (void)info, (void)size;
    ++*(size_t *)count;
    return 0;
}

static size_t count_objects(void) {
    size_t count = 0;
    dl_iterate_phdr(count_object, &count);
    return count;
}

static void *pointer_to(uintptr_t address) {
    void *p;
    memcpy(&p, &address, sizeof p);
    return p;
}

/* Was something relocated in what is not writable? */
static bool has_text_relocations(const struct dl_phdr_info *info) {
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Dyn) * d;
        if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
        for (d = pointer_to(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr); d->d_tag != DT_NULL; d++) {
            if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL) != 0)) return true;
        }
    }
    return false;
}

/* Gives back the pages of an object that are as in its file, unless it is one of the first *left. */
static int drop_clean(struct dl_phdr_info *info, size_t size, void *left) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size;
    if (*(size_t *)left > 0) {
        --*(size_t *)left;
        return 0;
    }
    if (has_text_relocations(info)) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        uintptr_t from = (info->dlpi_addr + h->p_vaddr) / page * page;
        uintptr_t to = info->dlpi_addr + h->p_vaddr + h->p_filesz;
        if (h->p_type != PT_LOAD || (h->p_flags & PF_W) != 0) continue;
        (void)madvise(pointer_to(from), to - from, MADV_DONTNEED);
    }
    return 0;
}

void neap_library_trim(const neap_library *lib) {
    size_t left = lib->first;
    if (lib->open) dl_iterate_phdr(drop_clean, &left);
}

/* --- opening ----------------------------------------------------------------------------------- */

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
    void *handle;
    lib->first = count_objects();
    handle = dlopen(lib->file, RTLD_NOW | RTLD_LOCAL);
    if (handle != NULL && find_functions(lib, handle)) {
        lib->open = true;
        neap_library_trim(lib);
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
