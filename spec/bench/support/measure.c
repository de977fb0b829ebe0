/* measure.c: runs a command and says what it cost, for the benches.
 *
 *     measure [-n RUNS] [-o FILE] COMMAND [ARGS...]
 *
 * One line per run: microseconds of wall, user and system time, and the most memory that it or one of
 * its descendants had, in KiB. On standard output, or in FILE where the command needs that itself. Ends
 * with the command's own code if that is not 0. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long long us(struct timeval t) {
    return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

/* Runs it once. Returns its exit code. */
static int run(char **argv, FILE *out) {
    struct rusage used;
    int status;
    long long begun = now_us();
    pid_t pid = vfork();
    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) < 0) return 126;
    fprintf(out, "%lld %lld %lld %ld\n", now_us() - begun, us(used.ru_utime), us(used.ru_stime),
            used.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
    FILE *out = stdout;
    int runs = 1, option, code = 0;
    while ((option = getopt(argc, argv, "+n:o:")) != -1) {
        if (option == 'n') runs = atoi(optarg);
        else if (option == 'o') out = fopen(optarg, "we");
        else return 2;
    }
    if (out == NULL || optind == argc) return 2;
    while (runs-- > 0 && code == 0) code = run(argv + optind, out);
    if (fclose(out) != 0) return 1;
    return code;
}
