/* peak.c: runs a command and writes how much memory it had at most, for specs.
 *
 *     peak FILE COMMAND [ARGS...]
 *
 * FILE gets the largest resident set in KiB. Ends with the command's own code. Signals that a terminal or
 * timeout(1) sends go to the command. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;

static void pass_on(int number) {
    if (child > 0) kill(child, number);
}

static int write_peak(const char *path, long kib) {
    FILE *out = fopen(path, "we");
    if (out == NULL) return 1;
    fprintf(out, "%ld\n", kib);
    return fclose(out);
}

int main(int argc, char **argv) {
    struct rusage used;
    pid_t pid;
    int status;
    if (argc < 3) return 2;
    pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (pid < 0) return 126;
    child = pid;
    signal(SIGTERM, pass_on);
    signal(SIGINT, pass_on);
    while (wait4(pid, &status, 0, &used) < 0) continue;
    if (write_peak(argv[1], used.ru_maxrss) != 0) return 126;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
