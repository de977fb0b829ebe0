/* test_hmac.c: core/hmac.h and core/encoding.h: vectors of RFC 2202, RFC 4231 and RFC 4648, every allocation,
 * ours and libcrypto's. Without libcrypto at all: spec/cli/library_spec.lua. */
#include "core/hmac.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "check.h"
#include "core/encoding.h"
#include "core/libcrypto.h"

extern void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

static long spared = -1; /* allocations until one fails; negative: none does */

static bool fails(void) {
    return spared >= 0 && spared-- == 0;
}

void *__wrap_realloc(void *block, size_t size) {
    return fails() ? NULL : __real_realloc(block, size);
}

/* --- libcrypto's memory ----------------------------------------------------------------------- */

static void *crypto_malloc(size_t size, const char *file, int line) {
    (void)file, (void)line;
    return fails() ? NULL : malloc(size);
}

static void *crypto_realloc(void *block, size_t size, const char *file, int line) {
    (void)file, (void)line;
    return fails() ? NULL : __real_realloc(block, size);
}

static void crypto_free(void *block, const char *file, int line) {
    (void)file, (void)line;
    free(block);
}

typedef int set_functions(CRYPTO_malloc_fn, CRYPTO_realloc_fn, CRYPTO_free_fn);

/* Must come before libcrypto has allocated anything. */
static void take_memory(void) {
    void *handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL), *symbol;
    set_functions *set;
    if (!CHECK(handle != NULL)) return;
    symbol = dlsym(handle, "CRYPTO_set_mem_functions");
    memcpy(&set, &symbol, sizeof set);
    CHECK_EQ_INT(set(crypto_malloc, crypto_realloc, crypto_free), 1);
}

/* --- signatures ------------------------------------------------------------------------------- */

static neap_secret *make(const char *text) {
    neap_secret *s;
    CHECK_EQ_INT(neap_secret_new(&s, text, strlen(text)), 0);
    return s;
}

static neap_span span(const char *text) {
    return (neap_span){text, strlen(text)};
}

static void check_hex(const neap_hmac *made, const char *want) {
    neap_buf text = {0};
    CHECK_EQ_INT(neap_hex_fmt(&text, made->bytes, made->len), 0);
    CHECK_MEM(text.data, text.len, want, strlen(want));
    neap_buf_free(&text);
}

static void test_vectors(void) {
    static const char *const want[] = {
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
         "caeab1a34d4a6b4b636e070a38bce737"),
    };
    neap_span pieces[] = {span("what do ya want "), span(""), {NULL, 0}, span("for nothing?")};
    neap_secret *key = make("Jefe");
    for (int a = NEAP_HMAC_SHA1; a <= NEAP_HMAC_SHA512; a++) {
        neap_hmac made;
        neap_err err;
        CHECK_EQ_INT(neap_hmac_sign(&made, (neap_hmac_algorithm)a, key, NEAP_HMAC_PLAIN, pieces, 4, &err), 0);
        check_hex(&made, want[a]);
    }
    neap_secret_unref(key);
}

static void test_standard_key(void) {
    neap_span pieces[] = {span("msg_p5jXN8AQM9LWM0D4loKWxJek"), span("."), span("1614265330"), span("."),
                          span("{\"test\": 2432232314}")};
    neap_secret *key = make("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    neap_buf text = {0};
    neap_hmac made;
    neap_err err;
    CHECK_EQ_INT(neap_hmac_sign(&made, NEAP_HMAC_SHA256, key, NEAP_HMAC_BASE64, pieces, 5, &err), 0);
    CHECK_EQ_INT(neap_base64_fmt(&text, made.bytes, made.len), 0);
    CHECK_MEM(text.data, text.len, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", 44);
    neap_buf_free(&text);
    neap_secret_unref(key);
}

static void test_bad_keys(void) {
    static const char *const bad[] = {"whsec_", "whsec", "whsec_Zm9", "whsec_Zm9v Zm9v", "not base64!"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        neap_secret *key = make(bad[i]);
        neap_span piece = span("text");
        neap_hmac made;
        neap_err err;
        int rc = neap_hmac_sign(&made, NEAP_HMAC_SHA256, key, NEAP_HMAC_BASE64, &piece, 1, &err);
        CHECK_EQ_INT(rc, NEAP_ESETTINGS);
        CHECK(strncmp(err.message, "the secret is no base64, alone or behind ", 41) == 0);
        neap_secret_unref(key);
    }
}

static void test_digest(void) {
    neap_hmac made;
    neap_err err;
    CHECK_EQ_INT(neap_hmac_digest(&made, NEAP_HMAC_SHA1, "abc", 3, &err), 0);
    check_hex(&made, "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK_EQ_INT(neap_hmac_digest(&made, NEAP_HMAC_SHA256, "", 0, &err), 0);
    check_hex(&made, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_same(void) {
    CHECK(neap_secret_same("", 0, NULL, 0));
    CHECK(neap_secret_same("a\0b", 3, "a\0b", 3));
    CHECK(!neap_secret_same("a\0b", 3, "a\0c", 3));
    CHECK(!neap_secret_same("xab", 3, "yab", 3));
    CHECK(!neap_secret_same("ab", 2, "ab", 1));
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Signs, digests and writes both. */
static int make_all(const neap_secret *key, neap_buf *out) {
    neap_span piece = span("text");
    neap_hmac made;
    neap_err err = {0};
    int rc = neap_hmac_sign(&made, NEAP_HMAC_SHA512, key, NEAP_HMAC_BASE64, &piece, 1, &err);
    if (rc == 0) rc = neap_base64_fmt(out, made.bytes, made.len);
    if (rc == 0) rc = neap_hmac_digest(&made, NEAP_HMAC_SHA256, "text", 4, &err);
    if (rc == 0) rc = neap_hex_fmt(out, made.bytes, made.len);
    if (err.code != 0) CHECK_EQ_INT(err.code, rc);
    return rc;
}

/* One allocation after the other fails. libcrypto does without some of them; then all is as it should be. What it
 * makes once for the process is there already. */
static void test_memory(void) {
    neap_secret *key = make("whsec_c29tZSBrZXk=");
    neap_buf want = {0};
    long n, failures = 0;
    bool failed = true;
    CHECK_EQ_INT(make_all(key, &want), 0);
    for (n = 0; failed; n++) {
        neap_buf got = {0};
        int rc;
        spared = n;
        rc = make_all(key, &got);
        failed = spared < 0;
        spared = -1;
        failures += rc != 0;
        if (rc == 0) CHECK_MEM(got.data, got.len, want.data, want.len);
        else CHECK(failed && rc == NEAP_ENOMEM);
        neap_buf_free(&got);
    }
    CHECK(failures > 5);
    neap_buf_free(&want);
    neap_secret_unref(key);
}

/* --- texts ------------------------------------------------------------------------------------ */

static void test_base64(void) {
    static const char *const texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t len = 0; len < 7; len++) {
        neap_buf text = {0}, bytes = {0};
        CHECK_EQ_INT(neap_base64_fmt(&text, "foobar", len), 0);
        CHECK_MEM(text.data, text.len, texts[len], strlen(texts[len]));
        CHECK_EQ_INT(neap_base64_parse(&bytes, texts[len], strlen(texts[len])), 0);
        CHECK_MEM(bytes.data, bytes.len, "foobar", len);
        neap_buf_free(&text);
        neap_buf_free(&bytes);
    }
}

/* Every character in every place: it is read if it is a digit, and as the one it is. */
static void test_digits(void) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int c = 0; c < 256; c++) {
        char text[5] = "AAAA", hex[3] = "00";
        const char *at = c == 0 ? NULL : strchr(digits, c == '-' ? '+' : c == '_' ? '/' : c);
        neap_buf bytes = {0};
        text[3] = (char)c;
        hex[1] = (char)c;
        CHECK_EQ_INT(neap_base64_parse(&bytes, text, 4), at != NULL || c == '=' ? 0 : NEAP_EDECODE);
        CHECK_EQ_INT(bytes.len, at != NULL ? 3 : c == '=' ? 2 : 0);
        if (at != NULL) CHECK_EQ_INT(bytes.data[2], at - digits);
        bytes.len = 0;
        at = c == 0 ? NULL : strchr("0123456789abcdef", c | (c >= 'A' && c <= 'F' ? 0x20 : 0));
        CHECK_EQ_INT(neap_hex_parse(&bytes, hex, 2), at != NULL ? 0 : NEAP_EDECODE);
        if (at != NULL) CHECK_EQ_INT(strtol(hex, NULL, 16), bytes.data[0]);
        neap_buf_free(&bytes);
    }
}

/* What was there stays, and nothing of what was refused. */
static void test_refused(void) {
    neap_buf b = {0};
    CHECK_EQ_INT(neap_buf_puts(&b, "before"), 0);
    CHECK_EQ_INT(neap_base64_parse(&b, "Zm9vYm=", 7), NEAP_EDECODE);
    CHECK_EQ_INT(neap_base64_parse(&b, "Zm9v+-==", 8), NEAP_EDECODE);
    CHECK_EQ_INT(neap_hex_parse(&b, "0011zz", 6), NEAP_EDECODE);
    CHECK_EQ_INT(neap_hex_parse(&b, "001", 3), NEAP_EDECODE);
    CHECK_MEM(b.data, b.len, "before", 6);
    neap_buf_wipe(&b);
}

int main(void) {
    take_memory();
    test_vectors();
    test_standard_key();
    test_bad_keys();
    test_digest();
    test_same();
    test_memory();
    test_base64();
    test_digits();
    test_refused();
    return check_report();
}
