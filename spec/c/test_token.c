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
    check_token("12345", NULL, "12345");
    check_none("", NULL, none);
    check_none("\"\"", NULL, none);
    check_none("\"abc", NULL, none);
    check_none("\"a\\nb\"", NULL, none);
    check_none("{\"token\":\"abc\"}", NULL, none);
    check_none("[\"abc\"]", NULL, none);
    check_none("<html>", NULL, none);
    check_none("not found", NULL, none);
}

static void test_member(void) {
    static const char *const none = "the answer to the login has no text \"token\"";
    check_token("{\"token\":\"abc\"}", "token", "abc");
    check_token("{\"other\":{\"token\":\"no\"},\"list\":[1,{}],\"token\":\"yes\"}", "token", "yes");
    check_none("{\"tokens\":\"abc\"}", "token", none);
    check_none("{\"token\":5}", "token", none);
    check_none("{\"token\":null}", "token", none);
    check_none("{\"token\":\"\"}", "token", none);
    check_none("{\"token\":\"a", "token", none);
    check_none("[{\"token\":\"abc\"}]", "token", none);
    check_none("\"abc\"", "token", none);
    check_none("abc", "token", none);
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
    test_fingerprint();
    return check_report();
}
