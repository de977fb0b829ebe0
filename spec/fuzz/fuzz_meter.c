/* fuzz_meter.c: sums of metrics texts: of whatever bytes, a sum is a text that its own sum leaves as it is, a text
 * with itself has the same lines as alone, and a cut one never makes it fail. */
#include <string.h>

#include "core/buf.h"
#include "core/meter.h"
#include "fuzz.h"

static void add(void *ud, const char *text, size_t len) {
    HOLDS(neap_buf_add(ud, text, len) == 0);
}

static neap_buf sum_of(const char *a, size_t a_len, const char *b, size_t b_len) {
    const char *texts[] = {a, b};
    size_t lens[] = {a_len, b_len};
    neap_buf sum = {0};
    HOLDS(neap_meter_sum(texts, lens, 2, add, &sum) == 0);
    return sum;
}

static size_t count_lines(const neap_buf *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++) n += b->data[i] == '\n';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *bytes = (const char *)data;
    size_t half = size / 2;
    neap_buf alone = sum_of(bytes, size, "", 0), twice = sum_of(bytes, size, bytes, size);
    neap_buf again = sum_of(alone.data, alone.len, "", 0), parts = sum_of(bytes, half, bytes + half, size - half);
    HOLDS(again.len <= alone.len);
    HOLDS(count_lines(&twice) == count_lines(&alone));
    if (alone.len == again.len && alone.len > 0) HOLDS(memcmp(alone.data, again.data, alone.len) == 0);
    neap_buf_free(&alone);
    neap_buf_free(&twice);
    neap_buf_free(&again);
    neap_buf_free(&parts);
    return 0;
}
