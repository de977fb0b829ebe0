/* test_http1_write.c: requests as core/http1.h writes them, byte for byte. */
#include "check.h"
#include "core/http1.h"

#define AGENT "User-Agent: neap\r\n"
#define ENCODING "Accept-Encoding: gzip\r\n"
#define ACCEPT "Accept: */*\r\n"
#define HOST "Host: h\r\n"
#define AS(name) .method = (name), .url = "http://h/"

static neap_field field(const char *name, const char *value) {
    return (neap_field){name, value, strlen(name), strlen(value)};
}

/* A request of up to four fields; body NULL: none. */
typedef struct request {
    const char *method, *url;
    neap_field fields[4];
    const char *added; /* lines that end in "|" */
    const char *body;
} request;

static void make_added(neap_buf *out, const char *lines) {
    size_t i;
    neap_buf_puts(out, lines);
    for (i = 0; i < out->len; i++) {
        if (out->data[i] == '|') out->data[i] = '\0';
    }
}

/* Written behind what the buffer has; there is room for what the caller appends without moving. */
static void check(request q, const char *want) {
    neap_buf out = {0}, added = {0};
    neap_url url;
    neap_err err;
    neap_http1_request r = {.method = q.method, .url = &url, .fields = q.fields, .added = &added, .behind = 5000};
    while (r.field_count < 4 && q.fields[r.field_count].name != NULL) r.field_count++;
    CHECK_EQ_INT(neap_url_parse(&url, q.url, strlen(q.url), &err), 0);
    if (q.added != NULL) make_added(&added, q.added);
    r.has_body = q.body != NULL;
    r.body_len = q.body != NULL ? strlen(q.body) : 0;
    neap_buf_puts(&out, "before");
    CHECK_EQ_INT(neap_http1_write(&out, &r), 0);
    CHECK(out.cap - out.len >= 5000);
    neap_buf_add(&out, "", 1);
    CHECK_STR(out.data + 6, want);
    CHECK_MEM(out.data, 6, "before", 6);
    neap_buf_free(&out);
    neap_buf_free(&added);
}

static void test_methods(void) {
#define REST HOST ACCEPT AGENT ENCODING
    check((request){AS("GET")}, "GET / HTTP/1.1\r\n" REST "\r\n");
    check((request){AS("HEAD")}, "HEAD / HTTP/1.1\r\n" REST "\r\n");
    check((request){AS("DELETE")}, "DELETE / HTTP/1.1\r\n" REST "\r\n");
    check((request){AS("OPTIONS")}, "OPTIONS / HTTP/1.1\r\n" REST "\r\n");
    check((request){AS("M-SEARCH")}, "M-SEARCH / HTTP/1.1\r\n" REST "\r\n");
    check((request){AS("POST")}, "POST / HTTP/1.1\r\n" REST "Content-Length: 0\r\n\r\n");
    check((request){AS("PUT")}, "PUT / HTTP/1.1\r\n" REST "Content-Length: 0\r\n\r\n");
    check((request){AS("PATCH")}, "PATCH / HTTP/1.1\r\n" REST "Content-Length: 0\r\n\r\n");
    check((request){AS("post")}, "post / HTTP/1.1\r\n" REST "\r\n");
    check((request){AS("GET"), .body = ""}, "GET / HTTP/1.1\r\n" REST "Content-Length: 0\r\n\r\n");
    check((request){AS("POST"), .body = "0123456789"},
          "POST / HTTP/1.1\r\n" REST "Content-Length: 10\r\n\r\n");
    check((request){AS("DELETE"), .body = "x"}, "DELETE / HTTP/1.1\r\n" REST "Content-Length: 1\r\n\r\n");
}

static void check_target(const char *url, const char *target, const char *host) {
    char want[600];
    snprintf(want, sizeof want, "GET %s HTTP/1.1\r\nHost: %s\r\n" ACCEPT AGENT ENCODING "\r\n", target, host);
    check((request){.method = "GET", .url = url}, want);
}

static void test_targets(void) {
    check_target("http://h", "/", "h");
    check_target("http://h?", "/?", "h");
    check_target("http://h?a=1", "/?a=1", "h");
    check_target("http://h?a=/b?", "/?a=/b?", "h");
    check_target("http://h#x", "/", "h");
    check_target("http://h/a#x?y", "/a", "h");
    check_target("http://h//a/../b", "//b", "h");
    check_target("http://h/%20%C3%A9?q=%26", "/%20%C3%A9?q=%26", "h");
    check_target("http://Example.COM/", "/", "Example.COM");
    check_target("http://h:80/", "/", "h");
    check_target("http://h:443/", "/", "h:443");
    check_target("http://h:1/", "/", "h:1");
    check_target("http://h:65535/", "/", "h:65535");
    check_target("https://h/", "/", "h");
    check_target("https://h:443/", "/", "h");
    check_target("https://h:80/", "/", "h:80");
    check_target("http://127.0.0.1:8080/a", "/a", "127.0.0.1:8080");
    check_target("http://[::1]/", "/", "[::1]");
    check_target("http://[2001:db8::ff]:8080/?x", "/?x", "[2001:db8::ff]:8080");
    check_target("https://[::1]:443", "/", "[::1]");
}

static void test_fields(void) {
    check((request){AS("GET"), .fields = {field("X-A", "b"), field("X-Empty", ""), field("X-A", "c")}},
          "GET / HTTP/1.1\r\n" HOST ACCEPT "X-A: b\r\nX-Empty:\r\nX-A: c\r\n" AGENT ENCODING "\r\n");
    check((request){AS("GET"), .fields = {field("host", "other:1")}},
          "GET / HTTP/1.1\r\n" ACCEPT "host: other:1\r\n" AGENT ENCODING "\r\n");
    check((request){AS("GET"), .fields = {field("ACCEPT", "text/html")}},
          "GET / HTTP/1.1\r\n" HOST "ACCEPT: text/html\r\n" AGENT ENCODING "\r\n");
    check((request){AS("GET"), .fields = {field("User-agent", "")}},
          "GET / HTTP/1.1\r\n" HOST ACCEPT "User-agent:\r\n" ENCODING "\r\n");
    check((request){AS("GET"), .fields = {field("accept-encoding", "identity")}},
          "GET / HTTP/1.1\r\n" HOST ACCEPT "accept-encoding: identity\r\n" AGENT "\r\n");
    check((request){AS("GET"), .fields = {field("Accept-Language", "de"), field("User-Agents", "x"),
                                               field("Hos", "x"), field("Hosts", "x")}},
          "GET / HTTP/1.1\r\n" HOST ACCEPT "Accept-Language: de\r\nUser-Agents: x\r\nHos: x\r\nHosts: x\r\n" AGENT
          ENCODING "\r\n");
    check((request){AS("GET"), .fields = {field("Host", "a"), field("Accept", "b"), field("User-Agent", "c"),
                                               field("Accept-Encoding", "d")}},
          "GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\nUser-Agent: c\r\nAccept-Encoding: d\r\n\r\n");
}

static void test_added(void) {
    check((request){AS("GET"), .fields = {field("X-A", "b")}, .added = "X-Key: s3cr3t|X-Empty:|"},
          "GET / HTTP/1.1\r\n" HOST ACCEPT "X-A: b\r\nX-Key: s3cr3t\r\nX-Empty:\r\n" AGENT ENCODING "\r\n");
    check((request){AS("POST"), .added = "user-agent: me|Host: there|ACCEPT:*|Accept-Encoding:|", .body = "1"},
          "POST / HTTP/1.1\r\nuser-agent: me\r\nHost: there\r\nACCEPT:*\r\nAccept-Encoding:\r\n"
          "Content-Length: 1\r\n\r\n");
}

/* Whatever is long, there is room. */
static void test_long(void) {
    static char host[8000], path[70000], value[70000], want[150000];
    neap_url url = {.port = 12345};
    neap_field f = {"X-Long", value, 6, sizeof value};
    neap_buf out = {0}, added = {0};
    neap_http1_request r = {.method = "POST", .url = &url, .fields = &f, .field_count = 1, .added = &added,
                            .has_body = true, .body_len = (size_t)-1};
    int len;
    memset(host, 'h', sizeof host);
    memset(path, '/', sizeof path);
    memset(value, 'v', sizeof value);
    url.host = (neap_span){host, sizeof host};
    url.target = (neap_span){path, sizeof path};
    for (int i = 0; i < 200; i++) neap_buf_add(&added, "a:", 3);
    len = snprintf(want, sizeof want, "POST %.*s HTTP/1.1\r\nHost: %.*s:12345\r\n" ACCEPT "X-Long: %.*s\r\n",
                   (int)sizeof path, path, (int)sizeof host, host, (int)sizeof value, value);
    for (int i = 0; i < 200; i++) len += snprintf(want + len, sizeof want - (size_t)len, "a:\r\n");
    len += snprintf(want + len, sizeof want - (size_t)len, AGENT ENCODING "Content-Length: %zu\r\n\r\n", (size_t)-1);
    CHECK_EQ_INT(neap_http1_write(&out, &r), 0);
    CHECK_MEM(out.data, out.len, want, (size_t)len);
    neap_buf_free(&out);
    r.behind = (size_t)-1 / 2;
    CHECK_EQ_INT(neap_http1_write(&out, &r), NEAP_ENOMEM);
    CHECK(out.len == 0 && out.data == NULL);
    neap_buf_free(&added);
}

static bool keeps(const char *name, const char *value) {
    neap_field fields[] = {field("X-A", "close"), field(name, value)};
    return neap_http1_keeps(&(neap_http1_request){.fields = fields, .field_count = 2});
}

static void test_keeps(void) {
    CHECK(neap_http1_keeps(&(neap_http1_request){0}));
    CHECK(keeps("X-B", "close") && keeps("Connections", "close") && keeps("connection", "Keep-Alive"));
    CHECK(!keeps("Connection", "close") && !keeps("CONNECTION", "Upgrade") && !keeps("Connection", "") &&
          !keeps("Connection", "keep-alive, close"));
}

int main(void) {
    test_methods();
    test_targets();
    test_fields();
    test_added();
    test_long();
    test_keeps();
    return check_report();
}
