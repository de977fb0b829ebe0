/* test_secret_faults.c: the n-th allocation fails, for n = 1, 2, ... until all succeed: secret,
 * redact, url, credential, log. The sources are part of this file, so that their allocations are
 * ours. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "check.h"

static long budget; /* allocations that still succeed */

static bool is_spent(void) {
    return budget-- <= 0;
}

static void *fault_calloc(size_t count, size_t size) {
    return is_spent() ? NULL : calloc(count, size);
}

static void *fault_realloc(void *p, size_t size) {
    return is_spent() ? NULL : realloc(p, size);
}

static char *fault_strdup(const char *s) {
    return is_spent() ? NULL : strdup(s);
}

static void *fault_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset) {
    return is_spent() ? MAP_FAILED : mmap(at, len, prot, flags, fd, offset);
}

#undef strdup
#define calloc fault_calloc
#define realloc fault_realloc
#define strdup fault_strdup
#define mmap fault_mmap
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "core/buf.c"
#include "core/credential.c"
#include "core/log.c"
#include "core/redact.c"
#include "core/secret.c"
#include "core/url.c"
/* NOLINTEND(bugprone-suspicious-include) */
#undef calloc
#undef realloc
#undef strdup
#undef mmap

/* One whole run; 0, or NEAP_ENOMEM with nothing left behind. */
typedef int scenario(void);

static int run_secret(void) {
    neap_secret *one = NULL, *two = NULL;
    neap_buf out = {0};
    int rc = neap_secret_new(&one, "first-secret", 12);
    if (rc == 0) rc = neap_secret_new(&two, "second-secret", 13);
    if (rc == 0) rc = neap_redact(&out, "a first-secret, a second-secret", 31);
    if (rc == 0) CHECK_MEM(out.data, out.len, "a ***, a ***", 12);
    neap_buf_free(&out);
    neap_secret_unref(one);
    neap_secret_unref(two);
    CHECK(entry_count == 0 && entries == NULL);
    return rc;
}

static int fill_credential(neap_credential *c, neap_secret *s) {
    int rc = neap_credential_allow(c, "https://h");
    if (rc == 0) rc = neap_credential_put(c, NEAP_IN_HEADER, "X-Key", s);
    if (rc == 0) rc = neap_credential_put(c, NEAP_IN_BODY, "key", s);
    if (rc == 0) rc = neap_credential_put(c, NEAP_IN_QUERY, "key", s);
    return rc < 0 ? rc : neap_credential_put(c, NEAP_IN_BASIC, "user", s);
}

static int run_credential(void) {
    neap_credential *c = NULL;
    neap_secret *s = NULL;
    neap_applied a = {0};
    neap_err err = {0};
    int rc = neap_secret_new(&s, "secret-value", 12);
    if (rc == 0) rc = neap_credential_new(&c);
    if (rc == 0) rc = fill_credential(c, s);
    if (rc == 0) {
        rc = neap_credential_apply(c, "https://h/", "{}", 2, &a, &err);
        CHECK_EQ_INT(err.code, rc);
        CHECK((a.url.data == NULL) == (rc < 0) && (a.body.data == NULL) == (rc < 0));
    }
    neap_applied_deinit(&a);
    neap_credential_unref(c);
    neap_secret_unref(s);
    return rc;
}

static int run_url(void) {
    static const char *const refs[] = {"../x?y", "//other/x", "/a b", "https://h/./x", "?q", ""};
    neap_buf out = {0};
    neap_err err = {0};
    int rc = neap_url_join(&out, "https://h/a/b", 13, "/c", 2, &err);
    for (size_t i = 0; rc == 0 && i < sizeof refs / sizeof refs[0]; i++) {
        neap_buf one = {0};
        rc = neap_url_resolve(&one, "https://h/a/b?c", 15, refs[i], strlen(refs[i]), &err);
        if (rc < 0) CHECK_EQ_INT(one.len, 0);
        neap_buf_free(&one);
    }
    if (rc < 0) CHECK_EQ_INT(err.code, rc);
    if (rc == 0) rc = neap_url_add_query(&out, "name", 4, "a long value that makes it grow", 31);
    neap_buf_free(&out);
    return rc;
}

static unsigned lines;

static void count_line(void *ud, neap_log_level level, const char *text, size_t len) {
    (void)ud;
    (void)level;
    CHECK(len > 0 && text[len - 1] != '\n');
    lines++;
}

static int run_log(void) {
    const neap_log_field f = {"key", 3, "a value that is long enough to make the line grow", 49,
                              false};
    neap_log *log = NULL;
    int rc = neap_log_new(&log);
    if (rc == 0) {
        neap_log_set_sink(log, count_line, NULL);
        rc = neap_log_write(log, NEAP_LOG_INFO, 0, "message", 7, &f, 1);
        neap_log_set_format(log, NEAP_LOG_JSON);
    }
    if (rc == 0) rc = neap_log_write(log, NEAP_LOG_INFO, 0, "message", 7, &f, 1);
    neap_log_free(log);
    return rc;
}

static void check_scenario(scenario *run) {
    long n = 0;
    int rc;
    do {
        budget = n++;
        rc = run();
        CHECK(rc == 0 || rc == NEAP_ENOMEM);
    } while (rc < 0 && n < 1000);
    CHECK_EQ_INT(rc, 0);
    CHECK(n > 2);
}

int main(void) {
    check_scenario(run_secret);
    check_scenario(run_credential);
    check_scenario(run_url);
    check_scenario(run_log);
    CHECK_EQ_INT(lines >= 2, 1);
    return check_report();
}
