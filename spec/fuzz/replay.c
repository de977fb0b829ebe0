/* replay.c: runs a fuzzer's corpus as an ordinary test: every file of the directories given. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX ((size_t)1 << 20)

/* Runs one file; copied to memory of exactly its size, so that reading past it is seen. */
static int replay_file(const char *path) {
    static char all[INPUT_MAX];
    FILE *f = fopen(path, "rb");
    size_t len;
    void *exact;
    if (f == NULL) return 0;
    len = fread(all, 1, sizeof all, f);
    fclose(f);
    exact = malloc(len > 0 ? len : 1);
    if (exact == NULL) return 0;
    memcpy(exact, all, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 1;
}

static unsigned replay_directory(const char *dir) {
    unsigned count = 0;
    DIR *d = opendir(dir);
    struct dirent *entry;
    if (d == NULL) return 0;
    while ((entry = readdir(d)) != NULL) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (replay_file(path)) count++;
    }
    closedir(d);
    return count;
}

int main(int argc, char **argv) {
    unsigned count = 0;
    for (int i = 1; i < argc; i++) count += replay_directory(argv[i]);
    printf("%u passed, %u failed\n", count, count == 0);
    return count == 0;
}
