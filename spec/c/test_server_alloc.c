/* test_server_alloc.c: csrc/server when memory ends: the n-th allocation fails, for n = 1, 2 and so on, until none
 * does. A request is answered or its connection ends, and the next one is answered. */
#include "alloc_wrap.h"
#include "serving.h"

/* Answers with what the server has to copy, and gives up where it cannot. */
static void answer(neap_handler *h, neap_exchange *ex) {
    neap_field field = {"X-Tab", "a\tb", 5, 3};
    (void)h;
    handler.asked++;
    if (ex->ops->head(ex, 200, &field, 1, -1) < 0 || ex->ops->write(ex, ex->body, ex->body_len) < 0 ||
        ex->ops->write(ex, ".", 1) < 0) {
        ex->ops->abort(ex);
        return;
    }
    ex->ops->end(ex);
}

#define REQUEST "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"

/* Memory ends while `in` has room: what the client itself needs is there. */
static void ask(const neap_server *s, neap_buf *in, const char *until) {
    in->len = 0;
    request(s, REQUEST, in, until);
}

static void run_request(void *ud, alloc_fault fault, long n) {
    neap_server *s = open_server();
    neap_buf in = {0};
    (void)ud;
    handler.handler.handle = answer;
    CHECK_EQ_INT(neap_buf_reserve(&in, 65536), 0);
    alloc_fail(fault, n);
    ask(s, &in, "0\r\n\r\n");
    alloc_succeed();
    if (!alloc_failed) CHECK(has(&in, "hello") && has(&in, "X-Tab: a b\r\n"));
    CHECK(in.len == 0 || begins(in.data, "HTTP/1.1 200 ") || begins(in.data, "HTTP/1.1 5"));
    ask(s, &in, "0\r\n\r\n");
    CHECK(has(&in, "hello"));
    settle();
    CHECK_EQ_INT(neap_server_requests(s), 0);
    neap_buf_free(&in);
    close_server(s);
}

static void run_open(void *ud, alloc_fault fault, long n) {
    neap_server *s = NULL;
    neap_err err = {0};
    int rc;
    (void)ud;
    alloc_fail(fault, n);
    rc = neap_server_open(&s, loop, &handler.handler, NULL, &err);
    alloc_succeed();
    CHECK_EQ_INT(rc < 0, alloc_failed);
    CHECK((s != NULL) == (rc == 0));
    CHECK(rc == 0 || err.message[0] != '\0');
    close_server(s);
}

int main(void) {
    if (neap_loop_open(&loop) < 0) return 2;
    alloc_try("request", 0, run_request, NULL);
    run_open(NULL, ALLOC_FAIL_ONE, 0);
    run_open(NULL, ALLOC_FAIL_ONE, 1);
    run_open(NULL, ALLOC_FAIL_ONE, 2);
    neap_loop_close(loop);
    return check_report();
}
