/* fuzz_json.c: any bytes through the reader; what it accepts is written and read again to the same
 * text. A tree of values (value.h) is what the copier (json_copy.h) writes. spec/data/json is a corpus, too. */
#include <neap/value.h>
#include <string.h>

#include "../../csrc/core/json_copy.h"
#include "fuzz.h"

/* Writes one token. 0 or an error of the writer. */
static int copy_token(neap_json_writer *w, const neap_json_reader *r, neap_json_token token) {
    switch (token) {
    case NEAP_JSON_OBJECT_BEGIN: return neap_json_writer_begin(w, '{');
    case NEAP_JSON_OBJECT_END: return neap_json_writer_end(w, '}');
    case NEAP_JSON_ARRAY_BEGIN: return neap_json_writer_begin(w, '[');
    case NEAP_JSON_ARRAY_END: return neap_json_writer_end(w, ']');
    case NEAP_JSON_KEY: return neap_json_writer_key(w, r->str, r->str_len);
    case NEAP_JSON_STRING: return neap_json_writer_string(w, r->str, r->str_len);
    case NEAP_JSON_INTEGER: return neap_json_writer_int(w, r->integer);
    case NEAP_JSON_FLOAT: return neap_json_writer_double(w, r->number);
    case NEAP_JSON_BIGINT: return neap_json_writer_raw(w, r->str, r->str_len);
    case NEAP_JSON_TRUE: return neap_json_writer_raw(w, "true", 4);
    case NEAP_JSON_FALSE: return neap_json_writer_raw(w, "false", 5);
    default: return neap_json_writer_raw(w, "null", 4);
    }
}

/* Copies a text through reader and writer. False: refused. */
static bool copy_text(neap_buf *out, const char *text, size_t len, int indent) {
    neap_json_reader r = {0};
    neap_json_writer w = {.out = out, .indent = indent};
    neap_json_token token;
    neap_json_reader_start(&r, text, len, 200);
    while ((token = neap_json_reader_next(&r)) > NEAP_JSON_END) {
        HOLDS(copy_token(&w, &r, token) == 0);
    }
    HOLDS(token == NEAP_JSON_END || (r.err.message[0] != '\0' && r.line > 0 && r.column > 0));
    neap_json_reader_deinit(&r);
    return token == NEAP_JSON_END;
}

/* Reads a text into a tree and writes that; the copier, which sorts out equal keys in its own way, agrees. */
static void check_value(const char *text, size_t len) {
    neap_value *value = neap_value_parse(text, len);
    neap_json_reader r = {0};
    neap_json_copy copy = {0};
    int rc;
    neap_json_reader_start(&r, text, len, 1000);
    rc = neap_json_copy_value(&copy, &r, neap_json_copy_next(&r));
    if (rc == 0 && neap_json_reader_next(&r) != NEAP_JSON_END) rc = -1;
    HOLDS((value != NULL) == (rc == 0));
    if (value != NULL) {
        size_t written = 0;
        char *again = neap_value_json(value, &written);
        HOLDS(again != NULL && written == copy.out.len && memcmp(again, copy.out.data, written) == 0);
        free(again);
    }
    neap_value_free(value);
    neap_json_copy_deinit(&copy);
    neap_json_reader_deinit(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    neap_buf first = {0}, second = {0};
    check_value((const char *)data, size);
    if (copy_text(&first, (const char *)data, size, 0)) {
        HOLDS(copy_text(&second, first.data, first.len, 0));
        HOLDS(second.len == first.len && first.len > 0);
        HOLDS(memcmp(first.data, second.data, first.len) == 0);
        second.len = 0;
        HOLDS(copy_text(&second, first.data, first.len, 3));
    }
    neap_buf_free(&first);
    neap_buf_free(&second);
    return 0;
}
