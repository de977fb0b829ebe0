/* test_file.c: core/file.h on a real and on a virtual clock, in a directory of its own. */
#include "../../csrc/core/file.h"
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static neap_loop *loop;
static bool running;

static void on_done(neap_fileop *op) {
    *(bool *)op->ud = true;
    running = false;
}

/* One operation that is waited for; the caller frees it. */
static neap_fileop *run(neap_file *f, neap_file_req req) {
    neap_fileop *op = NULL;
    bool done = false;
    CHECK_EQ_INT(neap_file_start(f, &op, &req, on_done, &done), 0);
    CHECK(!done);
    while (!done) {
        running = true;
        neap_loop_run(loop, &running);
    }
    return op;
}

static int code_of(neap_file *f, neap_file_req req) {
    neap_fileop *op = run(f, req);
    int code = op->result.err.code;
    neap_fileop_free(op);
    return code;
}

static neap_file *new_file(void) {
    neap_file *f = NULL;
    CHECK_EQ_INT(neap_file_new(&f, loop), 0);
    return f;
}

static neap_file *open_file(const char *path, neap_file_mode mode) {
    neap_file *f = new_file();
    neap_file_req req = {.kind = NEAP_FILE_OPEN, .path = path, .mode = mode};
    CHECK_EQ_INT(code_of(f, req), 0);
    return f;
}

static int do_kind(neap_file *f, neap_file_kind kind) {
    return code_of(f, (neap_file_req){.kind = kind});
}

static void put(neap_file *f, const char *text) {
    CHECK_EQ_INT(neap_file_put(f, text, strlen(text)), 0);
}

/* What a path holds, read without the code under test; "" if nothing is there. */
static void check_content(const char *path, const char *want, int line) {
    char got[256] = "";
    FILE *f = fopen(path, "rb");
    if (f != NULL) {
        got[fread(got, 1, sizeof got - 1, f)] = '\0';
        fclose(f);
    }
    check_str(got, want, __FILE__, line, path);
}

#define CONTENT(path, want) check_content((path), (want), __LINE__)

static void make(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    fputs(text, f);
    fclose(f);
}

/* How many entries the directory has: temporary files must be gone. */
static int count_entries(void) {
    DIR *d = opendir(".");
    int n = -2;
    while (readdir(d) != NULL) n++;
    closedir(d);
    return n;
}

static void check_idle(void) {
    neap_loop_stats s;
    neap_loop_get_stats(loop, &s);
    CHECK_EQ_INT(s.jobs, 0);
    CHECK_EQ_INT(s.holds, 0);
    CHECK_EQ_INT(s.timers, 0);
}

static void check_read(neap_file *f, size_t n, const char *want) {
    neap_fileop *op = run(f, (neap_file_req){.kind = NEAP_FILE_READ, .n = n});
    CHECK_EQ_INT(op->result.err.code, 0);
    CHECK_MEM(op->result.data.data, op->result.data.len, want, strlen(want));
    neap_fileop_free(op);
}

static void test_write_and_read(void) {
    neap_file *f = open_file("a", NEAP_FILE_W);
    put(f, "hello");
    CHECK_EQ_INT(neap_file_pending(f), 5);
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_WRITE), 0);
    CONTENT("a", "hello");
    put(f, ", tide");
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_SYNC), 0);
    put(f, "!");
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_CLOSE), 0);
    neap_file_free(f);
    CONTENT("a", "hello, tide!");
    f = open_file("a", NEAP_FILE_A);
    put(f, "?");
    neap_file_free(f); /* writes what was put */
    f = open_file("a", NEAP_FILE_R);
    check_read(f, 5, "hello");
    check_read(f, 100, ", tide!?");
    check_read(f, 100, "");
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_CLOSE), 0);
    CHECK_EQ_INT(code_of(f, (neap_file_req){.kind = NEAP_FILE_READ, .n = 1}), NEAP_EINVAL);
    neap_file_free(f);
    unlink("a");
}

static void check_fault(neap_file_req req, const char *name, const char *message) {
    neap_file *f = new_file();
    neap_fileop *op = run(f, req);
    CHECK_EQ_INT(op->result.err.code, NEAP_EINVAL);
    CHECK_STR(op->result.name, name);
    CHECK_STR(op->result.err.message, message);
    neap_fileop_free(op);
    neap_file_free(f);
}

static void test_faults(void) {
    make("there", "x");
    check_fault((neap_file_req){.kind = NEAP_FILE_OPEN, .path = "none"}, "ENOENT",
                "cannot open none: No such file or directory");
    check_fault((neap_file_req){.kind = NEAP_FILE_OPEN, .path = "."}, "EISDIR",
                "cannot open .: Is a directory");
    check_fault((neap_file_req){.kind = NEAP_FILE_OPEN, .path = ".", .mode = NEAP_FILE_ATOMIC},
                "EISDIR", "cannot open .: Is a directory");
    check_fault((neap_file_req){.kind = NEAP_FILE_OPEN, .path = "there", .mode = NEAP_FILE_WX},
                "EEXIST", "cannot open there: File exists");
    check_fault((neap_file_req){.kind = NEAP_FILE_OPEN, .path = "no/x", .mode = NEAP_FILE_ATOMIC},
                "ENOENT", "cannot open no/x: No such file or directory");
    check_fault((neap_file_req){.kind = NEAP_FILE_REMOVE, .path = "none"}, "ENOENT",
                "cannot remove none: No such file or directory");
    check_fault((neap_file_req){.kind = NEAP_FILE_READ_ALL, .path = "."}, "EISDIR",
                "cannot open .: Is a directory");
    unlink("there");
}

static void test_long_path(void) {
    char path[600];
    neap_file *f = new_file();
    neap_fileop *op;
    memset(path, 'x', sizeof path);
    memcpy(path + sizeof path - 5, "/end", 5);
    op = run(f, (neap_file_req){.kind = NEAP_FILE_OPEN, .path = path});
    CHECK(strstr(op->result.err.message, "cannot open ...xxx") != NULL);
    CHECK(strstr(op->result.err.message, "/end: File name too long") != NULL);
    neap_fileop_free(op);
    neap_file_free(f);
}

static int64_t size_of(neap_file_kind kind, const char *path) {
    neap_file *f = new_file();
    neap_fileop *op = run(f, (neap_file_req){.kind = kind, .path = path});
    int64_t size = op->result.err.code < 0 ? op->result.err.code : op->result.size;
    neap_fileop_free(op);
    neap_file_free(f);
    return size;
}

static void test_paths(void) {
    neap_file *f = new_file();
    make("a", "1234567");
    CHECK_EQ_INT(size_of(NEAP_FILE_SIZE, "a"), 7);
    CHECK_EQ_INT(size_of(NEAP_FILE_SIZE, "b"), NEAP_EINVAL);
    CHECK_EQ_INT(size_of(NEAP_FILE_EXISTS, "a"), 1);
    CHECK_EQ_INT(size_of(NEAP_FILE_EXISTS, "b"), 0);
    CHECK_EQ_INT(size_of(NEAP_FILE_EXISTS, "a/b"), 0);
    CHECK_EQ_INT(code_of(f, (neap_file_req){.kind = NEAP_FILE_RENAME, .path = "a", .to = "b"}), 0);
    CONTENT("b", "1234567");
    CHECK_EQ_INT(code_of(f, (neap_file_req){.kind = NEAP_FILE_REMOVE, .path = "b"}), 0);
    CHECK_EQ_INT(count_entries(), 0);
    neap_file_free(f);
}

static void test_read_all(void) {
    neap_file *f = new_file();
    neap_fileop *op;
    make("a", "1234567");
    op = run(f, (neap_file_req){.kind = NEAP_FILE_READ_ALL, .path = "a", .n = 7});
    CHECK_MEM(op->result.data.data, op->result.data.len, "1234567", 7);
    neap_fileop_free(op);
    op = run(f, (neap_file_req){.kind = NEAP_FILE_READ_ALL, .path = "a", .n = 6});
    CHECK_EQ_INT(op->result.err.code, NEAP_ETOOLARGE);
    CHECK_STR(op->result.err.message, "a is larger than 6 bytes");
    neap_fileop_free(op);
    neap_file_free(f);
    unlink("a");
}

static void test_atomic_commit(void) {
    neap_file *f;
    struct stat st;
    make("real", "old");
    chmod("real", 0640);
    CHECK_EQ_INT(symlink("real", "link"), 0);
    f = open_file("link", NEAP_FILE_ATOMIC);
    put(f, "new");
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_WRITE), 0);
    CONTENT("real", "old");
    CHECK_EQ_INT(count_entries(), 3);
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_COMMIT), 0);
    neap_file_free(f);
    CONTENT("real", "new");
    CHECK(lstat("link", &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(stat("real", &st) == 0 && (st.st_mode & 0777) == 0640);
    CHECK_EQ_INT(count_entries(), 2);
    unlink("real");
    unlink("link");
}

static void test_atomic_abort(void) {
    neap_file *f = open_file("a", NEAP_FILE_ATOMIC);
    put(f, "x");
    CHECK_EQ_INT(count_entries(), 1);
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_CLOSE), 0);
    CHECK_EQ_INT(count_entries(), 0);
    neap_file_free(f);
    f = open_file("a", NEAP_FILE_ATOMIC);
    put(f, "x");
    neap_file_free(f);
    CHECK_EQ_INT(count_entries(), 0);
}

/* What is no regular file is never replaced. */
static void test_atomic_device(void) {
    struct stat st;
    neap_file *f = open_file("/dev/null", NEAP_FILE_ATOMIC);
    put(f, "x");
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_COMMIT), 0);
    neap_file_free(f);
    CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
}

/* A full disk: the write fails, and so does all that follows; nothing appears at the path. */
static void test_full_disk(void) {
    neap_file *f = open_file("/dev/full", NEAP_FILE_W);
    neap_fileop *op;
    put(f, "x");
    op = run(f, (neap_file_req){.kind = NEAP_FILE_WRITE});
    CHECK_STR(op->result.err.message, "cannot write /dev/full: No space left on device");
    neap_fileop_free(op);
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_SYNC), NEAP_EINVAL);
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_CLOSE), NEAP_EINVAL);
    neap_file_free(f);
}

/* Operations started together run in order. */
static void test_queue(void) {
    neap_file *f = open_file("a", NEAP_FILE_W);
    neap_fileop *ops[20];
    bool done[20] = {false};
    char digit[2] = "a";
    for (int i = 0; i < 20; i++, digit[0]++) {
        put(f, digit);
        CHECK_EQ_INT(neap_file_start(f, &ops[i], &(neap_file_req){.kind = NEAP_FILE_WRITE}, on_done,
                                     &done[i]),
                     0);
    }
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_CLOSE), 0);
    for (int i = 0; i < 20; i++) {
        CHECK(done[i]);
        neap_fileop_free(ops[i]);
    }
    neap_file_free(f);
    CONTENT("a", "abcdefghijklmnopqrst");
    unlink("a");
}

/* Cancelled writes are written, a cancelled commit does not happen. */
static void test_cancel(void) {
    neap_file *f = open_file("a", NEAP_FILE_W);
    neap_fileop *op[3];
    bool done = false;
    const neap_file_kind kinds[] = {NEAP_FILE_WRITE, NEAP_FILE_SYNC, NEAP_FILE_COMMIT};
    for (int i = 0; i < 3; i++) {
        put(f, "x");
        neap_file_start(f, &op[i], &(neap_file_req){.kind = kinds[i]}, on_done, &done);
    }
    for (int i = 2; i >= 0; i--) neap_fileop_free(op[i]);
    CHECK(!done);
    put(f, "y");
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_CLOSE), 0);
    neap_file_free(f);
    CONTENT("a", "xxxy");
    unlink("a");
}

/* Freed while operations are under way: their owners hear of it, the bytes still arrive. */
static void test_free_busy(void) {
    neap_file *f = open_file("a", NEAP_FILE_W);
    neap_fileop *write = NULL, *read = NULL, *sync = NULL;
    bool told[3] = {false};
    neap_loop_stats s = {0};
    put(f, "1");
    neap_file_start(f, &write, &(neap_file_req){.kind = NEAP_FILE_WRITE}, on_done, &told[0]);
    neap_file_start(f, &read, &(neap_file_req){.kind = NEAP_FILE_READ, .n = 9}, on_done, &told[1]);
    put(f, "2");
    neap_file_start(f, &sync, &(neap_file_req){.kind = NEAP_FILE_SYNC}, on_done, &told[2]);
    put(f, "3");
    neap_file_free(f);
    CHECK(told[0] && told[1] && told[2]);
    CHECK_EQ_INT(read->result.err.code, NEAP_ECANCELLED);
    neap_fileop_free(read);
    neap_fileop_free(write);
    do {
        neap_loop_dispatch(loop);
        neap_loop_get_stats(loop, &s);
    } while (s.holds > 0);
    CHECK_EQ_INT(sync->result.err.code, NEAP_ECANCELLED);
    neap_fileop_free(sync);
    CONTENT("a", "123");
    unlink("a");
}

/* Freed while opening. */
static void test_free_opening(void) {
    neap_file *f = new_file();
    neap_fileop *op = NULL;
    bool told = false;
    neap_loop_stats s = {0};
    neap_file_req req = {.kind = NEAP_FILE_OPEN, .path = "a", .mode = NEAP_FILE_ATOMIC};
    neap_file_start(f, &op, &req, on_done, &told);
    neap_fileop_free(op);
    neap_file_free(f);
    CHECK(!told);
    do {
        neap_loop_dispatch(loop);
        neap_loop_get_stats(loop, &s);
    } while (s.holds > 0);
    CHECK_EQ_INT(count_entries(), 0);
}

/* Until the thread pool has let go of what was freed, too. */
static void drain(void) {
    neap_loop_stats s;
    do {
        neap_loop_dispatch(loop);
        neap_loop_get_stats(loop, &s);
    } while (s.holds > 0 || s.jobs > 0);
}

/* A read that waits for a pipe is cancelled; what comes later is for the next read. */
static void test_pipe(void) {
    int ends[2];
    neap_file *f = NULL;
    neap_fileop *op = NULL;
    bool told = false;
    CHECK_EQ_INT(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ_INT(neap_file_new_fd(&f, loop, ends[0], "the pipe"), 0);
    CHECK_EQ_INT(write(ends[1], "abc", 3), 3);
    check_read(f, 2, "ab");
    check_read(f, 2, "c");
    neap_file_start(f, &op, &(neap_file_req){.kind = NEAP_FILE_READ, .n = 9}, on_done, &told);
    neap_fileop_free(op);
    CHECK_EQ_INT(do_kind(f, NEAP_FILE_SYNC), 0); /* behind the cancelled one */
    CHECK_EQ_INT(write(ends[1], "def", 3), 3);
    check_read(f, 9, "def");
    neap_file_start(f, &op, &(neap_file_req){.kind = NEAP_FILE_READ, .n = 9}, on_done, &told);
    neap_file_free(f); /* does not wait for the other end */
    CHECK(told && op->result.err.code == NEAP_ECANCELLED);
    neap_fileop_free(op);
    CHECK_EQ_INT(write(ends[1], "g", 1), 1); /* the descriptor stayed open */
    drain();
    close(ends[0]);
    close(ends[1]);
}

/* Nobody reads: a write waits and can be ended; a broken pipe is an error, not a signal. */
static void test_full_pipe(void) {
    static char block[1 << 20];
    int ends[2];
    neap_file *f = NULL;
    neap_fileop *op = NULL;
    bool told = false;
    CHECK_EQ_INT(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ_INT(neap_file_new_fd(&f, loop, ends[1], "the pipe"), 0);
    CHECK_EQ_INT(neap_file_put(f, block, sizeof block), 0);
    neap_file_start(f, &op, &(neap_file_req){.kind = NEAP_FILE_WRITE}, on_done, &told);
    put(f, "more");
    neap_file_free(f);
    CHECK(told);
    neap_fileop_free(op);
    drain(); /* the abandoned write has ended: the descriptors may be closed */
    close(ends[0]);
    CHECK_EQ_INT(neap_file_new_fd(&f, loop, ends[1], "the pipe"), 0);
    put(f, "x");
    op = run(f, (neap_file_req){.kind = NEAP_FILE_WRITE});
    CHECK_STR(op->result.name, "EPIPE");
    neap_fileop_free(op);
    neap_file_free(f);
    drain();
    close(ends[1]);
}

static void test_all(void) {
    static void (*const tests[])(void) = {
        test_write_and_read, test_faults,        test_long_path, test_paths, test_read_all,
        test_atomic_commit,  test_atomic_abort,  test_atomic_device, test_full_disk,
        test_queue,          test_cancel,        test_free_busy, test_free_opening,
        test_pipe,           test_full_pipe,
    };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        tests[i]();
        drain();
        check_idle();
    }
    CHECK_EQ_INT(count_entries(), 0);
}

int main(void) {
    char dir[] = "/tmp/neap-file-XXXXXX";
    if (mkdtemp(dir) == NULL || chdir(dir) < 0) return 1;
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    test_all();
    neap_loop_set_virtual(loop, 0);
    test_all();
    neap_loop_close(loop);
    CHECK_EQ_INT(rmdir(dir), 0);
    return check_report();
}
