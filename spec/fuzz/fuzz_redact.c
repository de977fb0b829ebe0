/* fuzz_redact.c: core/redact.h. The input is a text; some secrets, awkward ones too, live. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/redact.h"
#include "core/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const secrets[] = {"ab", "abcd", "cdef", "%41&amp;\\\\", "a b+c/d",
                                      "\"\\\xc3\xa9~", "\xff\xfe\xfd\xfc\xfb", "aaaaaaaa"};
#define COUNT (sizeof secrets / sizeof secrets[0])

static void make_secrets(void) {
    static neap_secret *all[COUNT]; /* live as long as the process */
    for (size_t i = 0; i < COUNT && all[i] == NULL; i++) {
        assert(neap_secret_new(&all[i], secrets[i], strlen(secrets[i])) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    const char *text = (const char *)data;
    neap_buf out = {0}, in = {0};
    make_secrets();
    assert(neap_redact(&out, text, len) == 0 && neap_buf_add(&in, text, len) == 0);
    assert(neap_redact_buf(&in, 0) == 0 && in.len == out.len && in.len <= len);
    assert(in.len == 0 || memcmp(in.data, out.data, in.len) == 0);
    for (size_t i = 1; i < COUNT && out.len > 0; i++) { /* the first hides as a whole word only */
        assert(memmem(out.data, out.len, secrets[i], strlen(secrets[i])) == NULL);
    }
    neap_buf_free(&in);
    neap_buf_free(&out);
    return 0;
}
