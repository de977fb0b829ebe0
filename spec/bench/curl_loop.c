/* curl_loop.c: the plain libcurl loop that row g1 compares with: multi_socket on epoll as in libcurl's
 * own examples, one pooled handle per request in flight, keep-alive, no JSON.
 *
 *     curl_loop URL CALLS IN_FLIGHT */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* The body that clients/load.lua encodes. */
static const char body[] =
    "{\"active\":true,\"amount\":12.5,\"email\":\"ren@example.com\",\"id\":7519,\"name\":\"Lin Ren\"}";

/* One handle and the answer that it is receiving. */
typedef struct request {
    CURL *easy;
    size_t len;
    char answer[4096];
} request;

/* The whole program. */
typedef struct loop {
    CURLM *multi;
    int epoll_fd;
    long timeout_ms; /* libcurl's, -1 for none */
    long left;       /* requests to start */
    long live;       /* under way */
    long failed;
} loop;

static void check(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "curl_loop: %s\n", what);
    exit(1);
}

static size_t on_data(char *data, size_t size, size_t count, void *ud) {
    request *r = ud;
    size_t len = size * count;
    if (len > sizeof r->answer - r->len) return 0;
    memcpy(r->answer + r->len, data, len);
    r->len += len;
    return len;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *known) {
    loop *l = ud;
    struct epoll_event e = {.data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (what != CURL_POLL_OUT) e.events |= EPOLLIN;
    if (what != CURL_POLL_IN) e.events |= EPOLLOUT;
    check(epoll_ctl(l->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
    if (known == NULL) curl_multi_assign(l->multi, fd, l);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ud) {
    (void)multi;
    ((loop *)ud)->timeout_ms = timeout_ms;
    return 0;
}

static void start(loop *l, request *r) {
    l->left--;
    l->live++;
    r->len = 0;
    check(curl_multi_add_handle(l->multi, r->easy) == CURLM_OK, "add_handle");
}

static request *new_request(const char *url, struct curl_slist *headers) {
    request *r = calloc(1, sizeof *r);
    check(r != NULL, "memory");
    r->easy = curl_easy_init();
    check(r->easy != NULL, "memory");
    curl_easy_setopt(r->easy, CURLOPT_URL, url);
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE, (long)sizeof body - 1);
    curl_easy_setopt(r->easy, CURLOPT_USERAGENT, "curl_loop");
    curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(r->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, 60000L);
    curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
    return r;
}

static void drain(loop *l) {
    CURLMsg *msg;
    int queued;
    while ((msg = curl_multi_info_read(l->multi, &queued)) != NULL) {
        char *private = NULL;
        request *r;
        long status = 0;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
        curl_easy_getinfo(msg->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        r = (request *)(void *)private;
        l->live--;
        if (msg->data.result != CURLE_OK || status != 200) l->failed++;
        curl_multi_remove_handle(l->multi, r->easy);
        if (l->left > 0) start(l, r);
    }
}

static void turn(loop *l) {
    struct epoll_event events[64];
    int i, running, wait = l->timeout_ms < 0 || l->timeout_ms > 1000 ? 1000 : (int)l->timeout_ms;
    int n = epoll_wait(l->epoll_fd, events, 64, wait);
    if (n == 0) curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    for (i = 0; i < n; i++) {
        int bits = 0;
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) bits |= CURL_CSELECT_IN;
        if (events[i].events & EPOLLOUT) bits |= CURL_CSELECT_OUT;
        curl_multi_socket_action(l->multi, events[i].data.fd, bits, &running);
    }
    drain(l);
}

int main(int argc, char **argv) {
    loop l = {.timeout_ms = -1};
    struct curl_slist *headers = NULL;
    long i, in_flight;
    check(argc == 4, "URL CALLS IN_FLIGHT expected");
    l.left = atol(argv[2]);
    in_flight = atol(argv[3]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Accept: application/json");
    headers = curl_slist_append(headers, "X-Api-Key: 00000000-0000-4000-8000-000000000000");
    l.multi = curl_multi_init();
    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    check(headers != NULL && l.multi != NULL && l.epoll_fd >= 0, "set-up");
    curl_multi_setopt(l.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(l.multi, CURLMOPT_SOCKETDATA, &l);
    curl_multi_setopt(l.multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(l.multi, CURLMOPT_TIMERDATA, &l);
    curl_multi_setopt(l.multi, CURLMOPT_MAXCONNECTS, 4096L);
    for (i = 0; i < in_flight && l.left > 0; i++) start(&l, new_request(argv[1], headers));
    while (l.live > 0) turn(&l);
    check(l.failed == 0, "requests failed");
    return 0; /* what is left goes with the process */
}
