/* test_token.c: core/token.h. */
#include "check.h"
#include "core/token.h"

#include <stdlib.h>

/* Takes the token out of a copy of exact size (for ASan). */
static int take(neap_secret **out, const char *answer, const char *member, neap_err *err) {
    size_t len = strlen(answer);
    char *copy = malloc(len > 0 ? len : 1);
    int rc;
    memcpy(copy, answer, len);
    rc = neap_token_take(out, copy, len, member, err);
    free(copy);
    return rc;
}

static void check_token(const char *answer, const char *member, const char *want) {
    neap_err err = {0};
    neap_secret *s;
    CHECK_EQ_INT(take(&s, answer, member, &err), 0);
    if (s == NULL) return;
    CHECK_STR(neap_secret_bytes(s), want);
    neap_secret_unref(s);
}

static void check_none(const char *answer, const char *member, const char *why) {
    neap_err err = {0};
    neap_secret *s;
    CHECK_EQ_INT(take(&s, answer, member, &err), NEAP_EDECODE);
    CHECK(s == NULL);
    CHECK_STR(err.message, why);
}

static void test_text(void) {
    static const char *const none = "the answer to the login is no token";
    check_token("\"e30..Zm9v\"", NULL, "e30..Zm9v");
    check_token(" \"a\\u0062c\" ", NULL, "abc");
    check_token("e30..Zm9v", NULL, "e30..Zm9v"); /* without quotes */
    check_token("\"7\"", NULL, "7");
    check_token(" e30..Zm9v\r\n", NULL, "e30..Zm9v");
    check_token("0f8fad5b-d9cb-469f-a165-70867728950e", NULL, "0f8fad5b-d9cb-469f-a165-70867728950e");
    check_none("12345", NULL, none);
    check_none("1e5", NULL, none);
    check_none("true", NULL, none);
    check_none("null", NULL, none);
    check_none("Maintenance", NULL, none);
    check_none("\"tok1\" garbage", NULL, none);
    check_none("\"tok1\"\"x\"", NULL, none);
    check_none("\"a\" x", NULL, none);
    check_none("", NULL, none);
    check_none("\"\"", NULL, none);
    check_none("\"abc", NULL, none);
    check_none("\"a\\nb\"", NULL, none);
    check_none("{\"token\":\"abc\"}", NULL, none);
    check_none("[\"abc\"]", NULL, none);
    check_none("<html>", NULL, none);
    check_none("not found", NULL, none);
    check_none("\"Invalid user name or password\"", NULL, none); /* a complaint */
}

static void test_member(void) {
    static const char *const none = "the answer to the login has no text \"token\"";
    check_token("{\"token\":\"abc\"}", "token", "abc");
    check_token("{\"other\":{\"token\":\"no\"},\"list\":[1,{}],\"token\":\"yes\"}", "token", "yes");
    check_none("{\"tokens\":\"abc\"}", "token", none);
    check_none("{\"token\":5}", "token", none);
    check_none("{\"token\":null}", "token", none);
    check_none("{\"token\":\"\"}", "token", none);
    check_none("{\"token\":\"not you\"}", "token", none);
    check_none("{\"token\":\"a", "token", none);
    check_none("{\"token\":\"a1\"} x", "token", none);
    check_none("[{\"token\":\"abc\"}]", "token", none);
    check_none("\"abc\"", "token", none);
    check_none("abc", "token", none);
}

static void test_long(void) {
    neap_err err = {0};
    neap_secret *s;
    char *answer = malloc(16386);
    memset(answer, 'a', 16386);
    answer[0] = answer[16385] = '"';
    CHECK_EQ_INT(neap_token_take(&s, answer, 16386, NULL, &err), 0);
    neap_secret_unref(s);
    answer = realloc(answer, 16387);
    answer[16385] = 'a';
    answer[16386] = '"';
    CHECK_EQ_INT(neap_token_take(&s, answer, 16387, NULL, &err), NEAP_EDECODE);
    free(answer);
}

static void test_fingerprint(void) {
    neap_secret *a, *b, *c;
    CHECK_EQ_INT(neap_secret_new(&a, "key-1", 5), 0);
    CHECK_EQ_INT(neap_secret_new(&b, "key-1", 5), 0);
    CHECK_EQ_INT(neap_secret_new(&c, "key-2", 5), 0);
    CHECK(neap_secret_fingerprint(a) == neap_secret_fingerprint(b));
    CHECK(neap_secret_fingerprint(a) != neap_secret_fingerprint(c));
    neap_secret_unref(a);
    neap_secret_unref(b);
    neap_secret_unref(c);
}

int main(void) {
    test_text();
    test_member();
    test_long();
    test_fingerprint();
    return check_report();
}
