/* test_process.c: core/process.h with real commands. */
#include "../../csrc/core/process.h"
#include "check.h"

#include <signal.h>
#include <stdlib.h>

static neap_loop *loop;
static bool running;

static void on_done(neap_process *p) {
    *(bool *)p->ud = true;
    running = false;
}

static neap_process *run(const char *command, size_t max) {
    neap_process *p = NULL;
    bool done = false;
    CHECK_EQ_INT(neap_process_start(&p, loop, command, max, on_done, &done), 0);
    CHECK(!done);
    while (!done) {
        running = true;
        neap_loop_run(loop, &running);
    }
    return p;
}

static void check_run(const char *command, int status, const char *out) {
    neap_process *p = run(command, 0);
    CHECK_STR(p->err.message, "");
    CHECK_EQ_INT(p->status, status);
    CHECK_MEM(p->out.data, p->out.len, out, strlen(out));
    neap_process_free(p);
}

static void test_results(void) {
    check_run("printf abc", 0, "abc");
    check_run("printf 'a\\n' && printf b; exit 3", 3, "a\nb");
    check_run("no-such-command 2>/dev/null", 127, "");
    check_run("kill -TERM $$", 128 + SIGTERM, "");
    check_run("cat", 0, ""); /* standard input is empty */
    check_run("exec >&-; exit 4", 4, "");
}

static void test_much(void) {
    neap_process *p = run("head -c 1048576 /dev/zero", 0);
    CHECK_EQ_INT(p->err.code, 0);
    CHECK_EQ_INT(p->out.len, 1048576);
    neap_process_free(p);
    p = run("cat /dev/zero", 0);
    CHECK_EQ_INT(p->err.code, NEAP_ETOOLARGE);
    CHECK_STR(p->err.message, "the command printed more than 1048576 bytes");
    CHECK_EQ_INT(p->out.len, 0);
    neap_process_free(p);
}

/* Freed early: the command is stopped, nobody is told, the loop comes to rest. */
static void test_cancel(const char *command) {
    neap_process *p = NULL;
    neap_loop_stats s;
    bool done = false;
    CHECK_EQ_INT(neap_process_start(&p, loop, command, 0, on_done, &done), 0);
    neap_process_free(p);
    do {
        neap_loop_dispatch(loop);
        neap_loop_get_stats(loop, &s);
    } while (s.holds > 0);
    CHECK(!done);
}

static void on_child(int sig) {
    (void)sig;
}

int main(void) {
    struct sigaction mine = {.sa_handler = on_child}, now;
    sigaction(SIGCHLD, &mine, NULL);
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    test_results();
    test_much();
    test_cancel("exec sleep 1000");
    test_cancel("exec >&-; exec sleep 1000");
    test_cancel("trap '' TERM; while :; do :; done");
    sigaction(SIGCHLD, NULL, &now);
    CHECK(now.sa_handler == on_child); /* the host's handler is untouched */
    mine.sa_handler = SIG_IGN;
    sigaction(SIGCHLD, &mine, NULL);
    {
        neap_process *p = run("printf abc", 0);
        CHECK_STR(p->err.message,
                  "cannot learn the exit status of the command: No child processes");
        neap_process_free(p);
    }
    neap_loop_close(loop);
    return check_report();
}
