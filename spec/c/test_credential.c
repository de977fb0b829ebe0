/* test_credential.c: core/credential.h and core/url.h. Fault runs: test_secret_faults.c. */
#include <stdlib.h>

#include "check.h"
#include "core/credential.h"
#include "core/err.h"
#include "core/url.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* --- URLs ------------------------------------------------------------------------------------- */

static int parse(neap_url *u, const char *text) {
    neap_err err;
    return neap_url_parse(u, text, strlen(text), &err);
}

static void check_span(neap_span s, const char *want) {
    if (want == NULL) CHECK(s.data == NULL);
    else CHECK_MEM(s.data, s.len, want, strlen(want));
}

static void test_parse(void) {
    static const struct {
        const char *text, *host, *path, *query, *target;
        int port;
        bool https, ipv6;
    } cases[] = {
        {"https://api.example.com", "api.example.com", "", NULL, "", 443, true, false},
        {"HTTP://API.example.com:8080/a/b?x=1&y#frag", "API.example.com", "/a/b", "x=1&y",
         "/a/b?x=1&y", 8080,
         false, false},
        {"https://h/?", "h", "/", "", "/?", 443, true, false},
        {"https://h?q", "h", "", "q", "?q", 443, true, false},
        {"https://h#f?/", "h", "", NULL, "", 443, true, false},
        {"http://[::1]:9/x", "::1", "/x", NULL, "/x", 9, false, true},
        {"http://[2001:DB8::2]", "2001:DB8::2", "", NULL, "", 80, false, true},
        {"http://127.0.0.1:/", "127.0.0.1", "/", NULL, "/", 80, false, false},
        {"https://h:00443/@:", "h", "/@:", NULL, "/@:", 443, true, false},
        {"https://h/\xc3\xa9", "h", "/\xc3\xa9", NULL, "/\xc3\xa9", 443, true, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        neap_url u;
        if (!CHECK(parse(&u, cases[i].text) == 0)) continue;
        check_span(u.host, cases[i].host);
        check_span(u.path, cases[i].path);
        check_span(u.query, cases[i].query);
        check_span(u.target, cases[i].target);
        CHECK_EQ_INT(u.port, cases[i].port);
        CHECK_EQ_INT(u.https, cases[i].https);
        CHECK_EQ_INT(u.ipv6, cases[i].ipv6);
    }
}

static void test_parse_refused(void) {
    static const char *const cases[] = {
        "", "https", "https:", "https://", "https:///x", "http://:80", "ftp://h", "//h/x", "/x",
        "h",
        "https:h", "https:/h", "https://u@h", "https://u:p@h/", "https://h\\@evil", "https://h\\x",
        "https://h h/", "https://h/ x", "https://h/\n", "https://h/\x7f", "https://h:0",
        "https://h:65536",
        "https://h:99999999999", "https://h:8x", "https://h:-1", "https://h%41",
        "https://h\xc3\xa9",
        "https://[::1", "https://[]", "https://[::1]x", "https://[fe80::1%25eth0]/",
        "https://[1.2.3.4]",
        "https://80", "http://80:80/x", "https://h.80", "https://1.2.3", "https://1.2.3.4.5",
        "https://1.2.3.256", "https://01.2.3.4", "https://0x7f.0.0.1", "https://0x7f000001",
        "https://1.2.3.0X", "https://2130706433", "https://1.2.3.4.", "https://80.", "https://127.1",
        "https://999999999999999999999999999999.1",
        "https://[::1]:", "https://h,x", "https://h;x", " https://h", "file:///etc/passwd"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        neap_url u;
        bool empty_port = strcmp(cases[i], "https://[::1]:") == 0;
        if (!CHECK_EQ_INT(parse(&u, cases[i]), empty_port ? 0 : NEAP_EINVAL)) puts(cases[i]);
    }
}

static void test_origins(void) {
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"https://api.example.com/x", "HTTPS://API.EXAMPLE.COM:443?y", true},
        {"http://h", "http://h:80/", true},
        {"http://h", "https://h", false},
        {"https://h", "https://h:444", false},
        {"https://h", "https://h.", false},
        {"https://example.com", "https://example.com.evil.org", false},
        {"https://example.com", "https://xexample.com", false},
        {"http://[::1]", "http://[0:0:0::1]", true},
        {"http://[::1]", "http://[::2]", false},
        {"http://[::1]", "http://localhost", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        neap_url a, b;
        CHECK_EQ_INT(parse(&a, cases[i].a) | parse(&b, cases[i].b), 0);
        if (!CHECK(neap_url_same_origin(&a, &b) == cases[i].same)) puts(cases[i].b);
        CHECK(neap_url_same_origin(&b, &a) == cases[i].same);
    }
}

static void test_add_origin(void) {
    static const char *const cases[][2] = {{"HTTPS://Api.Example.COM:443/Path",
                                            "https://api.example.com"},
                                           {"http://h:8080", "http://h:8080"},
                                           {"http://[2001:DB8::1]:81/", "http://[2001:db8::1]:81"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        neap_buf out = {0};
        neap_url u;
        CHECK_EQ_INT(parse(&u, cases[i][0]), 0);
        CHECK_EQ_INT(neap_url_add_origin(&out, &u), 0);
        CHECK_MEM(out.data, out.len, cases[i][1], strlen(cases[i][1]));
        neap_buf_free(&out);
    }
}

static void test_loopback(void) {
    static const char *const yes[] = {"localhost", "LocalHost", "a.localhost", "127.0.0.1",
                                      "127.255.0.9",
                                      "::1", "[::1]", "0:0:0:0:0:0:0:1"};
    static const char *const no[] = {"", "localhost.evil.com", "notlocalhost", "127.0.0.1.evil.com",
                                     "127.1",
                                     "2130706433", "0x7f.0.0.1", "128.0.0.1", "::2",
                                         "::ffff:127.0.0.1", "10.0.0.1",
                                     "[", "[]", "0127.0.0.1", "localhost."};
    for (size_t i = 0; i < COUNT(yes); i++) CHECK(neap_url_is_loopback(yes[i], strlen(yes[i])));
    for (size_t i = 0; i < COUNT(no); i++) {
        if (!CHECK(!neap_url_is_loopback(no[i], strlen(no[i])))) puts(no[i]);
    }
}

typedef int combine(neap_buf *, const char *, size_t, const char *, size_t, neap_err *);

static void check_combined(combine *fn, const char *a, const char *b, const char *want) {
    neap_buf out = {0};
    neap_err err = {0};
    int rc;
    CHECK_EQ_INT(neap_buf_puts(&out, "|"), 0);
    rc = fn(&out, a, strlen(a), b, strlen(b), &err);
    CHECK_EQ_INT(rc, want != NULL ? 0 : NEAP_EINVAL);
    CHECK_EQ_INT(err.code, want != NULL ? 0 : NEAP_EINVAL);
    if (want == NULL) CHECK_EQ_INT(out.len, 1);
    else if (!CHECK_MEM(out.data + 1, out.len - 1, want, strlen(want))) {
        printf("%s + %s = %.*s\n", a, b, (int)out.len, out.data);
    }
    neap_buf_free(&out);
}

static void test_join(void) {
    static const char *const cases[][3] = {
        {"https://h", "x", "https://h/x"},
        {"https://h/", "/x", "https://h/x"},
        {"https://h/base", "x/", "https://h/base/x/"},
        {"https://h/base/", "/x?y=1", "https://h/base/x?y=1"},
        {"https://h/base//", "//x", "https://h/base/x"},
        {"https://h/base", "../x", "https://h/base/../x"},
        {"https://h/base/", "", "https://h/base/"},
        {"https://h/base", "?q=1", "https://h/base?q=1"},
        {"https://h/base?x", "y", NULL},
        {"https://h/base#x", "y", NULL},
        {"not a url", "y", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_combined(neap_url_join, cases[i][0], cases[i][1], cases[i][2]);
    }
}

/* RFC 3986 section 5.4, with http in place of its `http://a/b/c/d;p?q`; fragments are dropped. */
static void test_resolve(void) {
    static const char *const cases[][2] = {
        {"g:h", NULL}, {"g", "http://a/b/c/g"}, {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"}, {"//g", "http://g"}, {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"}, {"g#s", "http://a/b/c/g"}, {"g?y#s", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"}, {"g;x", "http://a/b/c/g;x"}, {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"}, {"..", "http://a/b/"}, {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"}, {"../../", "http://a/"}, {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"}, {"../../../../g", "http://a/g"}, {"/./g", "http://a/g"},
        {"/../g", "http://a/g"}, {"g.", "http://a/b/c/g."}, {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"}, {"./../g", "http://a/b/g"}, {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"}, {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"}, {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"}, {"http:g", NULL},
        {"HTTPS://Other.com:8/x/../y?z", "HTTPS://Other.com:8/y?z"},
        {"javascript:alert(1)", NULL}, {"file:///etc/passwd", NULL}, {"//u@evil/", NULL},
        {"///x", NULL},
        {"/a b\xc3\xa9", "http://a/a%20b%C3%A9"}, {"/a\r\nX: y", NULL},
        {"\\\\evil\\x", "http://a/b/c/\\\\evil\\x"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_combined(neap_url_resolve, "http://a/b/c/d;p?q", cases[i][0], cases[i][1]);
    }
    check_combined(neap_url_resolve, "https://h", "x", "https://h/x");
    check_combined(neap_url_resolve, "https://h", "?x", "https://h?x");
    check_combined(neap_url_resolve, "https://h/a", "//[::1]:8/x", "https://[::1]:8/x");
    check_combined(neap_url_resolve, "no url", "x", NULL);
}

static void test_resolve_nul(void) {
    neap_buf out = {0};
    neap_err err;
    CHECK_EQ_INT(neap_url_resolve(&out, "http://a/", 9, "/x\0@evil", 8, &err), NEAP_EINVAL);
    neap_buf_free(&out);
}

static void test_encode(void) {
    neap_buf out = {0};
    CHECK_EQ_INT(neap_url_encode(&out, "aZ0-._~ /?&=+%\xc3\xa9", 16), 0);
    CHECK_MEM(out.data, out.len, "aZ0-._~%20%2F%3F%26%3D%2B%25%C3%A9", 34);
    neap_buf_free(&out);
    CHECK_EQ_INT(neap_buf_puts(&out, "http://h/"), 0);
    CHECK_EQ_INT(neap_url_add_query(&out, "a b", 3, "1", 1), 0);
    CHECK_EQ_INT(neap_url_add_query(&out, "c", 1, "", 0), 0);
    CHECK_MEM(out.data, out.len, "http://h/?a%20b=1&c=", 20);
    neap_buf_free(&out);
}

/* --- credentials ------------------------------------------------------------------------------ */

static neap_secret *make_secret(const char *text) {
    neap_secret *s;
    CHECK_EQ_INT(neap_secret_new(&s, text, strlen(text)), 0);
    return s;
}

static void put(neap_credential *c, neap_placement where, const char *name, const char *value) {
    neap_secret *s = make_secret(value);
    CHECK_EQ_INT(neap_credential_put(c, where, name, s), 0);
    neap_secret_unref(s);
}

static neap_credential *make_for(const char *url) {
    neap_credential *c;
    CHECK_EQ_INT(neap_credential_new(&c), 0);
    CHECK_EQ_INT(neap_credential_allow(c, url), 0);
    return c;
}

static void test_put(void) {
    neap_credential *c = make_for("https://h"), *again;
    neap_secret *s = make_secret("value"), *binary = make_secret("\xff\xfe-value");
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_HEADER, "X Y", s), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_HEADER, "X\r\nY", s), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_HEADER, "", s), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_HEADER, NULL, s), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_BODY, "", s), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_BODY, "a\nb", s), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_BODY, "key", binary), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_QUERY, "", s), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_BASIC, "a:b", s), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_BASIC, "", s), 0);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_BEARER, NULL, s), 0);
    CHECK_EQ_INT(neap_credential_put(c, NEAP_IN_HEADER, "X-Key", binary), 0);
    CHECK_EQ_INT(neap_credential_allow(c, "not a url"), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_allow(c, "https://"), NEAP_EINVAL);
    again = neap_credential_ref(c);
    neap_credential_unref(c);
    neap_credential_unref(again);
    neap_credential_unref(NULL);
    neap_secret_unref(s);
    neap_secret_unref(binary);
}

static void check_refused(const neap_credential *c, const char *url, const char *message) {
    neap_err err = {0};
    CHECK_EQ_INT(neap_credential_check(c, url, &err), message != NULL ? NEAP_EAUTH : 0);
    if (message != NULL) CHECK_STR(err.message, message);
}

static void test_check(void) {
    neap_credential *c = make_for("https://API.example.com/base"), *none;
    CHECK_EQ_INT(neap_credential_allow(c, "http://example.org"), 0);
    CHECK_EQ_INT(neap_credential_allow(c, "http://127.0.0.1:8080"), 0);
    CHECK_EQ_INT(neap_credential_allow(c, "http://[::1]:8080"), 0);
    check_refused(c, "https://api.example.com/x", NULL);
    check_refused(c, "https://api.EXAMPLE.com:443", NULL);
    check_refused(c, "http://127.0.0.1:8080/x?y", NULL);
    check_refused(c, "http://[0::1]:8080/", NULL);
    check_refused(c, "https://api.example.com:444/secret",
                  "credential of https://api.example.com "
                  "must not go to https://api.example.com:444");
    check_refused(c, "https://evil.com?token=1",
                  "credential of https://api.example.com must not go to https://evil.com:443");
    check_refused(c, "http://api.example.com/",
                  "credential of https://api.example.com must not go to http://api.example.com:80");
    check_refused(c, "http://[::2]/",
                  "credential of https://api.example.com must not go to http://[::2]:80");
    check_refused(c, "http://example.org/",
                  "credential refused: plain http is for loopback only, use https");
    check_refused(c, "https://api.example.com@evil.com/",
                  "credential refused: URL holds a user name; use a credential instead");
    check_refused(c, "https://api.example.com\\@evil.com/",
                  "credential refused: URL holds a user name; use a credential instead");
    neap_credential_unref(c);
    CHECK_EQ_INT(neap_credential_new(&none), 0);
    check_refused(none, "https://h/", "credential of no origin must not go to https://h:443");
    CHECK_EQ_INT(neap_credential_check(none, "https://h/", NULL), NEAP_EAUTH);
    neap_credential_unref(none);
}

static void check_headers(const neap_applied *a, const char *want, size_t len) {
    CHECK_MEM(a->headers.data, a->headers.len, want, len);
}

static void test_apply_all(void) {
    neap_credential *c = make_for("https://h");
    neap_applied a;
    neap_err err;
    static const char headers[] = "X-Key: k1\"\\\0"
                                  "Authorization: Basic dXNlcjpwYXNz\0Authorization: Bearer tok";
    put(c, NEAP_IN_HEADER, "X-Key", "k1\"\\");
    put(c, NEAP_IN_BODY, "api_key", "b\"1\\/\xc3\xa9");
    put(c, NEAP_IN_BODY, "sec\"ond", "b2");
    put(c, NEAP_IN_QUERY, "tok en", "a/b c+d&e=f");
    put(c, NEAP_IN_QUERY, "n", "1");
    put(c, NEAP_IN_BASIC, "user", "pass");
    put(c, NEAP_IN_BEARER, NULL, "tok");
    CHECK_EQ_INT(neap_credential_apply(c, "https://h/p?x=1#frag", " {\"a\":1}\n", 9, &a, &err), 0);
    CHECK_STR(a.url.data, "https://h/p?x=1&tok%20en=a%2Fb%20c%2Bd%26e%3Df&n=1");
    CHECK_EQ_INT(a.url.len, strlen(a.url.data));
    check_headers(&a, headers, sizeof headers);
    CHECK_EQ_INT(neap_buf_add(&a.body, "", 1), 0);
    CHECK_STR(a.body.data,
              " {\"api_key\":\"b\\\"1\\\\/\xc3\xa9\",\"sec\\\"ond\":\"b2\",\"a\":1}\n");
    neap_applied_deinit(&a);
    CHECK(a.url.data == NULL && a.body.data == NULL);
    CHECK_EQ_INT(neap_credential_apply(c, "https://h/p", "{ }", 3, &a, &err), 0);
    CHECK_MEM(a.body.data, a.body.len,
              "{\"api_key\":\"b\\\"1\\\\/\xc3\xa9\",\"sec\\\"ond\":\"b2\" }", 40);
    CHECK(strncmp(a.url.data, "https://h/p?tok%20en=", 21) == 0);
    neap_applied_deinit(&a);
    neap_credential_unref(c);
}

static void test_apply_body(void) {
    static const char *const bad[] = {"", " ", "[]", "[{}]", "{", "}", "\"{}\"", "null", "a=b",
                                      "{}x", "x{}"};
    neap_credential *c = make_for("https://h");
    neap_applied a;
    neap_err err;
    CHECK_EQ_INT(neap_credential_apply(c, "https://h", "[1]", 3, &a, &err), 0);
    CHECK_EQ_INT(a.body.len + a.headers.len + a.url.len, 0);
    neap_applied_deinit(&a);
    put(c, NEAP_IN_BODY, "key", "value");
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_EQ_INT(neap_credential_apply(c, "https://h", bad[i], strlen(bad[i]), &a, &err),
                     NEAP_EINVAL);
        CHECK_STR(err.message, "a credential in the body needs a JSON object there");
        CHECK(a.url.data == NULL && a.headers.data == NULL && a.body.data == NULL);
    }
    CHECK_EQ_INT(neap_credential_apply(c, "https://h", NULL, 0, &a, &err), NEAP_EINVAL);
    CHECK_EQ_INT(neap_credential_apply(c, "https://evil", "{}", 2, &a, &err), NEAP_EAUTH);
    CHECK(a.url.data == NULL && a.body.data == NULL);
    neap_credential_unref(c);
}

static void test_basic(void) {
    static const char *const cases[][3] = {{"", "a", "OmE="},
                                           {"", "ab", "OmFi"},
                                           {"a", "bc", "YTpiYw=="},
                                           {"Aladdin", "open sesame",
                                            "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
                                           {"\xc3\xa9", "\xff\xfe", "w6k6//4="}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        neap_credential *c = make_for("https://h");
        neap_applied a;
        put(c, NEAP_IN_BASIC, cases[i][0], cases[i][1]);
        CHECK_EQ_INT(neap_credential_apply(c, "https://h", NULL, 0, &a, NULL), 0);
        CHECK(strncmp(a.headers.data, "Authorization: Basic ", 21) == 0);
        CHECK_STR(a.headers.data + 21, cases[i][2]);
        neap_applied_deinit(&a);
        neap_credential_unref(c);
    }
}

int main(void) {
    test_parse();
    test_parse_refused();
    test_origins();
    test_add_origin();
    test_loopback();
    test_join();
    test_resolve();
    test_resolve_nul();
    test_encode();
    test_put();
    test_check();
    test_apply_all();
    test_apply_body();
    test_basic();
    return check_report();
}
