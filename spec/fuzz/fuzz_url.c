/* fuzz_url.c: core/url.h. The input is a base and a reference, apart at the first newline. */
#include <assert.h>
#include <string.h>

#include "core/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is parsed lies inside the text, has a host, and its origin is an origin of its own. */
static void check_parts(const char *text, size_t len) {
    neap_buf origin = {0};
    neap_url u, own;
    neap_err err;
    if (neap_url_parse(&u, text, len, &err) < 0) return;
    assert(u.host.len > 0 && u.port > 0);
    assert(u.target.data >= u.host.data + u.host.len && u.target.data + u.target.len <= text + len);
    assert(u.path.len <= u.target.len && u.query.len <= u.target.len);
    assert(neap_url_add_origin(&origin, &u) == 0);
    assert(neap_url_parse(&own, origin.data, origin.len, &err) == 0);
    assert(neap_url_same_origin(&u, &own));
    neap_buf_free(&origin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    const char *text = (const char *)data;
    const char *end = len > 0 ? memchr(text, '\n', len) : NULL;
    size_t base = end != NULL ? (size_t)(end - text) : len;
    const char *ref = end != NULL ? end + 1 : text + len;
    size_t ref_len = len - (size_t)(ref - text);
    neap_buf out = {0};
    neap_url u;
    neap_err err;
    check_parts(text, base);
    if (neap_url_resolve(&out, text, base, ref, ref_len, &err) == 0) {
        assert(neap_url_parse(&u, out.data, out.len, &err) == 0);
        check_parts(out.data, out.len);
    }
    out.len = 0;
    if (neap_url_join(&out, text, base, ref, ref_len, &err) == 0) check_parts(out.data, out.len);
    out.len = 0;
    assert(neap_url_encode(&out, ref, ref_len) == 0 && out.len <= 3 * ref_len);
    neap_buf_free(&out);
    return 0;
}
