/* test_secret.c: core/secret.h and core/redact.h. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "core/err.h"
#include "core/loop.h"
#include "core/redact.h"
#include "core/secret.h"

static neap_secret *make(const char *text) {
    neap_secret *s;
    CHECK_EQ_INT(neap_secret_new(&s, text, strlen(text)), 0);
    return s;
}

/* Text as redact leaves it, from both functions, on heap memory of exact size (for ASan). */
static void check_redacted(const char *text, const char *want) {
    size_t len = strlen(text);
    neap_buf in = {0}, out = {0};
    in.data = malloc(len > 0 ? len : 1);
    memcpy(in.data, text, len);
    in.len = in.cap = len;
    CHECK_EQ_INT(neap_redact_found(in.data, len), strcmp(text, want) != 0);
    CHECK_EQ_INT(neap_redact(&out, in.data, len), 0);
    CHECK_EQ_INT(neap_buf_add(&out, "", 1), 0);
    CHECK_STR(out.data, want);
    CHECK_EQ_INT(neap_redact_buf(&in, 0), 0);
    CHECK_MEM(in.data, in.len, want, strlen(want));
    neap_buf_free(&in);
    neap_buf_free(&out);
}

static void test_life(void) {
    neap_secret *s, *again;
    CHECK_EQ_INT(neap_secret_new(&s, "", 0), NEAP_EINVAL);
    CHECK(s == NULL);
    CHECK_EQ_INT(neap_secret_new(&s, "a\nb", 3), NEAP_EINVAL);
    CHECK_EQ_INT(neap_secret_new(&s, "a\0b", 3), NEAP_EINVAL);
    CHECK_EQ_INT(neap_secret_new(&s, "abc\x7f", 4), NEAP_EINVAL);
    neap_secret_unref(NULL);
    s = make("hunter22");
    CHECK_STR(neap_secret_bytes(s), "hunter22");
    CHECK_EQ_INT(neap_secret_len(s), 8);
    again = neap_secret_ref(s);
    neap_secret_unref(s);
    check_redacted("is hunter22.", "is ***.");
    neap_secret_unref(again);
    check_redacted("is hunter22.", "is hunter22.");
}

static void test_take(void) {
    static const struct {
        const char *in, *value, *why;
    } cases[] = {{"key-1", "key-1", NULL},
                 {"key-1\n", "key-1", NULL},
                 {"key-1\r\n", "key-1", NULL},
                 {"key-1\n\n", NULL, "has a control character or more than one line"},
                 {"", NULL, "is empty"},
                 {"\n", NULL, "is empty"},
                 {"one\ntwo\n", NULL, "has a control character or more than one line"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        neap_secret *s;
        neap_err err = {0};
        int rc = neap_secret_take(&s, cases[i].in, strlen(cases[i].in), &err);
        CHECK_EQ_INT(rc, cases[i].value != NULL ? 0 : NEAP_ESETTINGS);
        if (rc == 0) CHECK_STR(neap_secret_bytes(s), cases[i].value);
        else CHECK_STR(err.message, cases[i].why);
        neap_secret_unref(s);
    }
}

static void test_wipe(void) {
    char text[] = "secret";
    char *page = neap_secret_alloc(5000);
    neap_secret_wipe(text, sizeof text);
    CHECK_MEM(text, sizeof text, "\0\0\0\0\0\0", 7);
    if (CHECK(page != NULL)) memset(page, 'x', 5000);
    neap_secret_release(page, 5000);
    neap_secret_release(NULL, 5000);
}

static void test_plain_forms(void) {
    neap_secret *s = make("s3cr3t-Key!");
    check_redacted("", "");
    check_redacted("nothing here, s3cr3t-Ke", "nothing here, s3cr3t-Ke");
    check_redacted("s3cr3t-Key!", "***");
    check_redacted("xs3cr3t-Key!x", "x***x");
    check_redacted("s3cr3t-Key!s3cr3t-Key!", "******");
    check_redacted("s3cr3t-Keys3cr3t-Key!", "s3cr3t-Key***");
    check_redacted("?k=s3cr3t-Key%21&x=1", "?k=***&x=1");
    check_redacted("%733cr3t%2dKey!", "***");
    check_redacted("\\u00733cr3t-Key\\u0021", "***");
    check_redacted("s3cr3t-Key&#33; s3cr3t-Key&#x21;", "*** ***");
    check_redacted("S3CR3T-KEY!", "S3CR3T-KEY!");
    neap_secret_unref(s);
}

static void test_encoded_forms(void) {
    neap_secret *s = make("a b/c+d\"e\\f\xc3\xa9&\xf0\x9f\x98\x80<z>");
    check_redacted("[a b/c+d\"e\\f\xc3\xa9&\xf0\x9f\x98\x80<z>]", "[***]");
    check_redacted("a%20b%2Fc%2Bd%22e%5Cf%C3%A9%26%F0%9F%98%80%3Cz%3E.", "***.");
    check_redacted("a%20b%2fc%2bd%22e%5cf%c3%a9%26%f0%9f%98%80%3cz%3e.", "***.");
    check_redacted("a+b/c%2Bd%22e%5Cf%c3%A9&%F0%9f%98%80<z>.", "***.");
    check_redacted("{\"k\":\"a b/c+d\\\"e\\\\f\xc3\xa9&\xf0\x9f\x98\x80<z>\"}", "{\"k\":\"***\"}");
    check_redacted("\"a b\\/c+d\\\"e\\\\f\\u00e9\\u0026\\ud83d\\ude00\\u003cz\\u003E\"", "\"***\"");
    check_redacted("\"a b\\u002fc+d\\u0022e\\u005Cf\\u00E9&\\uD83D\\uDE00<z>\"", "\"***\"");
    check_redacted("a b/c+d&quot;e\\f\xc3\xa9&amp;&#128512;&lt;z&gt;", "***");
    check_redacted("a b/c+d&#34;e\\f&#xE9;&amp;&#x1f600;&lt;z>", "***");
    check_redacted("a b/c+d\\\"e\\\\f\\u00e9&\\ud83d", "a b/c+d\\\"e\\\\f\\u00e9&\\ud83d");
    neap_secret_unref(s);
    s = make("\\n\"x");
    check_redacted("\\\\n\\\"x", "***");
    check_redacted("\\n\"x", "***");
    check_redacted("\\n\\\"x", "\\n\\\"x"); /* a newline, a quote, an x */
    neap_secret_unref(s);
    s = make("%41&amp;\\\\");
    check_redacted("%41&amp;\\\\", "***");
    check_redacted("%2541%26amp%3B%5C%5c", "***");
    neap_secret_unref(s);
}

static void base64(const char *alphabet, const char *text, size_t len, char *out) {
    size_t i = 0;
    for (; i < len; i += 3) {
        unsigned v = (unsigned)(unsigned char)text[i] << 16;
        if (i + 1 < len) v |= (unsigned)(unsigned char)text[i + 1] << 8;
        if (i + 2 < len) v |= (unsigned char)text[i + 2];
        *out++ = alphabet[v >> 18 & 63];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
        *out++ = i + 2 < len ? alphabet[v & 63] : '=';
    }
    *out = '\0';
}

/* Every way to stand in the middle of base64: nothing of the secret may be left. */
static void test_base64(void) {
    static const char std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char *const secrets[] = {"\xfb\xff\xbf~~~?", "p\xffssw\xf8rd", "abcd", "abcde",
                                          "0123456789abcdef"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        neap_secret *s = make(secrets[i]);
        size_t len = strlen(secrets[i]);
        for (size_t before = 0; before < 7; before++) {
            for (size_t after = 0; after < 4; after++) {
                char text[64], coded[128], left[128];
                memset(text, 'U', sizeof text);
                memcpy(text + before, secrets[i], len);
                for (int web = 0; web < 2; web++) {
                    neap_buf out = {0};
                    base64(web ? url : std, text, before + len + after, coded);
                    CHECK_EQ_INT(neap_redact(&out, coded, strlen(coded)), 0);
                    CHECK_EQ_INT(neap_buf_add(&out, "", 1), 0);
                    base64(std, text, before / 3 * 3, left);
                    left[before * 8 / 6] = '\0'; /* whole characters of what goes before */
                    CHECK(strncmp(out.data, left, strlen(left)) == 0);
                    CHECK(strncmp(out.data + before * 8 / 6, "***", 3) == 0);
                    CHECK(strlen(out.data) <= before * 8 / 6 + 3 + after * 8 / 6 + 3);
                    neap_buf_free(&out);
                }
            }
        }
        neap_secret_unref(s);
    }
}

static void test_base64_texts(void) {
    neap_secret *s = make("tok/en?>>~\xff");
    check_redacted("Authorization: Basic dXNlcjp0b2svZW4/Pj5+/w==",
                   "Authorization: Basic dXNlcj***");
    check_redacted("x=dXNlcjp0b2svZW4%2FPj5%2B%2Fw%3D%3D", "x=dXNlcj***%3D%3D");
    check_redacted("\"dXNlcjp0b2svZW4\\/Pj5+\\/w==\"", "\"dXNlcj***\"");
    check_redacted("dXNlcjp0b2svZW4_Pj5-_w", "dXNlcj***");
    neap_secret_unref(s);
}

static void test_overlaps(void) {
    neap_secret *longer = make("abcdefgh"), *prefix = make("abcd"), *next = make("ghijkl");
    check_redacted("abcdefgh", "***");
    check_redacted("abcd", "***");
    check_redacted("-abcdefghijkl-", "-***-");
    check_redacted("abcde ghijkl", "***e ***");
    neap_secret_unref(longer);
    check_redacted("abcdefgh", "***efgh");
    neap_secret_unref(prefix);
    neap_secret_unref(next);
    longer = make("abab!abab");
    check_redacted("abab!abab!abab!abab", "***");
    neap_secret_unref(longer);
}

static void test_short(void) {
    neap_secret *a = make("a"), *ab = make("x9"), *abc = make("p!q");
    check_redacted("a banana, a", "* banana, *");
    check_redacted("a", "*");
    check_redacted("a_ _a \xc3\xa9" "a", "a_ _a \xc3\xa9" "a");
    check_redacted("x9 x9x x-x9", "** x9x x-**");
    check_redacted("(p!q) pp!q p!q!", "(***) pp!q ***!");
    check_redacted("%61 \\u0061", "%61 \\u0061");
    neap_secret_unref(a);
    neap_secret_unref(ab);
    neap_secret_unref(abc);
    check_redacted("a x9", "a x9");
}

/* What is short stays in a body: there it is likelier to be data. */
static void test_bodies(void) {
    neap_secret *brief = make("1234567"), *longer = make("12345678");
    neap_buf body = {0};
    CHECK_EQ_INT(neap_buf_puts(&body, "[1234567,12345678,a12345678b]"), 0);
    CHECK_EQ_INT(neap_redact_buf(&body, NEAP_REDACT_BODY), 0);
    CHECK_MEM(body.data, body.len, "[1234567,***,a***b]", 19);
    CHECK_EQ_INT(neap_redact_buf(&body, 0), 0);
    CHECK_MEM(body.data, body.len, "[***,***,a***b]", 15);
    neap_buf_free(&body);
    neap_secret_unref(brief);
    neap_secret_unref(longer);
}

static void test_equal_secrets(void) {
    neap_secret *one = make("same-value"), *two = make("same-value");
    neap_secret_unref(one);
    check_redacted("same-value", "***");
    neap_secret_unref(two);
    check_redacted("same-value", "same-value");
}

static void test_many(void) {
    neap_secret *all[100];
    char text[64];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "secret-number-%03d", i);
        all[i] = make(text);
    }
    check_redacted("secret-number-042 secret-number-999", "*** secret-number-999");
    for (int i = 0; i < 100; i++) neap_secret_unref(all[i]);
    check_redacted("secret-number-042", "secret-number-042");
}

static void *churn(void *ud) {
    for (int i = 0; i < 200; i++) {
        neap_secret *s;
        if (neap_secret_new(&s, "of-a-thread", 11) < 0) return ud;
        if (!neap_redact_found("is of-a-thread!", 15)) return ud;
        neap_secret_unref(s);
    }
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK_EQ_INT(pthread_create(&threads[i], NULL, churn, threads), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        CHECK_EQ_INT(pthread_join(threads[i], &failed), 0);
        CHECK(failed == NULL);
    }
    check_redacted("of-a-thread", "of-a-thread");
}

/* --- files ------------------------------------------------------------------------------------ */

typedef struct result {
    neap_secret *secret;
    neap_err err;
    bool done;
} result;

static void on_read(void *ud, neap_secret *s, const neap_err *err) {
    result *r = ud;
    r->secret = s;
    r->err = *err;
    r->done = true;
}

static void wait_for(neap_loop *loop, const bool *done) {
    while (!*done) {
        uv_run(neap_loop_uv(loop), UV_RUN_ONCE);
    }
}

static void check_read(neap_loop *loop, const char *path, const char *value, const char *why) {
    result r = {0};
    neap_secret_read *read;
    CHECK_EQ_INT(neap_secret_read_start(&read, loop, path, on_read, &r), 0);
    wait_for(loop, &r.done);
    CHECK_EQ_INT(r.err.code, value != NULL ? 0 : NEAP_ESETTINGS);
    if (r.secret != NULL) CHECK(value != NULL && strcmp(neap_secret_bytes(r.secret), value) == 0);
    else CHECK_STR(r.err.message, why);
    neap_secret_unref(r.secret);
}

static void write_file(const char *path, const char *text, size_t times) {
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL);
    if (f == NULL) return;
    for (size_t i = 0; i < times; i++) fputs(text, f);
    fclose(f);
}

static void test_files(void) {
    char path[] = "/tmp/neap-test-secret-XXXXXX";
    neap_loop *loop;
    neap_secret_read *read;
    neap_loop_stats stats;
    result r = {0};
    close(mkstemp(path));
    CHECK_EQ_INT(neap_loop_open(&loop), 0);
    write_file(path, "from-a-file\n", 1);
    check_read(loop, path, "from-a-file", NULL);
    CHECK_EQ_INT(neap_secret_read_start(&read, loop, path, on_read, &r), 0);
    neap_secret_read_cancel(read);
    write_file(path, "", 1);
    check_read(loop, path, NULL, "is empty");
    write_file(path, "0123456789abcdef", 4097);
    check_read(loop, path, NULL, "has more than 65536 bytes");
    check_read(loop, "/tmp", NULL, "is not a regular file");
    check_read(loop, "/nowhere/at/all", NULL, "cannot be read: No such file or directory");
    neap_loop_get_stats(loop, &stats);
    CHECK_EQ_INT(stats.holds, 0);
    CHECK_EQ_INT(neap_secret_read_start(&read, loop, path, on_read, &r), 0);
    neap_secret_read_cancel(read);
    neap_loop_close(loop);
    CHECK(!r.done);
    unlink(path);
}

int main(void) {
    test_life();
    test_take();
    test_wipe();
    test_plain_forms();
    test_encoded_forms();
    test_base64();
    test_base64_texts();
    test_overlaps();
    test_short();
    test_bodies();
    test_equal_secrets();
    test_many();
    test_threads();
    test_files();
    return check_report();
}
