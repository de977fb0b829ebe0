/* fuzz_mapping.c: a map of nothing but the rest gives the canonical encoding of the record; whatever a map does, a
 * fault leaves nothing behind, and a line that is JSON is canonical. The first byte chooses the map. */
#include "core/mapping.h"

#include <string.h>

#include "core/json.h"
#include "fuzz.h"

/* ---- what json.decode and json.encode do ---- */

/* A member of an object: canonical JSON. */
typedef struct pair {
    neap_buf key, value;
} pair;

typedef struct pairs {
    pair *list;
    size_t count;
} pairs;

static bool put_value(neap_json_reader *r, neap_json_token token, neap_buf *out);

static pair *add_pair(pairs *all, const neap_buf *key) {
    for (size_t i = 0; i < all->count; i++) {
        pair *p = &all->list[i];
        if (p->key.len == key->len && memcmp(p->key.data, key->data, key->len) == 0) return p;
    }
    all->list = realloc(all->list, (all->count + 1) * sizeof *all->list);
    HOLDS(all->list != NULL);
    all->list[all->count] = (pair){{0}, {0}};
    HOLDS(neap_buf_add(&all->list[all->count].key, key->data, key->len) == 0);
    return &all->list[all->count++];
}

/* Puts the members and frees them. */
static void put_pairs(pairs *all, neap_buf *out) {
    for (size_t i = 0; i < all->count; i++) {
        pair *p = &all->list[i];
        HOLDS(i == 0 || neap_buf_puts(out, ",") == 0);
        HOLDS(neap_buf_add(out, p->key.data, p->key.len) == 0 && neap_buf_puts(out, ":") == 0);
        HOLDS(neap_buf_add(out, p->value.data, p->value.len) == 0);
        neap_buf_free(&p->key);
        neap_buf_free(&p->value);
    }
    free(all->list);
}

static bool put_object(neap_json_reader *r, neap_buf *out) {
    pairs all = {0};
    neap_json_token token = neap_json_reader_next(r);
    bool good = true;
    while (good && token == NEAP_JSON_KEY) {
        neap_buf key = {0};
        neap_json_writer w = {.out = &key};
        pair *p;
        HOLDS(neap_json_writer_string(&w, r->str, r->str_len) == 0);
        p = add_pair(&all, &key);
        p->value.len = 0;
        good = put_value(r, neap_json_reader_next(r), &p->value);
        neap_buf_free(&key);
        if (good) token = neap_json_reader_next(r);
    }
    HOLDS(neap_buf_puts(out, "{") == 0);
    put_pairs(&all, out);
    HOLDS(neap_buf_puts(out, "}") == 0);
    return good && token == NEAP_JSON_OBJECT_END;
}

static bool put_array(neap_json_reader *r, neap_buf *out) {
    neap_json_token token;
    HOLDS(neap_buf_puts(out, "[") == 0);
    while ((token = neap_json_reader_next(r)) != NEAP_JSON_ARRAY_END) {
        HOLDS(out->data[out->len - 1] == '[' || neap_buf_puts(out, ",") == 0);
        if (!put_value(r, token, out)) return false;
    }
    return neap_buf_puts(out, "]") == 0;
}

static bool put_value(neap_json_reader *r, neap_json_token token, neap_buf *out) {
    neap_json_writer w = {.out = out};
    switch (token) {
    case NEAP_JSON_OBJECT_BEGIN: return put_object(r, out);
    case NEAP_JSON_ARRAY_BEGIN: return put_array(r, out);
    case NEAP_JSON_STRING: return neap_json_writer_string(&w, r->str, r->str_len) == 0;
    case NEAP_JSON_INTEGER: return neap_json_writer_int(&w, r->integer) == 0;
    case NEAP_JSON_FLOAT: return neap_json_writer_double(&w, r->number) == 0;
    case NEAP_JSON_TRUE: return neap_buf_puts(out, "true") == 0;
    case NEAP_JSON_FALSE: return neap_buf_puts(out, "false") == 0;
    case NEAP_JSON_NULL: return neap_buf_puts(out, "null") == 0;
    default: return false; /* a fault, or an integer beyond 64 bit */
    }
}

/* The canonical line of an object. False: it is none. */
static bool put_line(const char *json, size_t len, neap_buf *out) {
    neap_json_reader r = {0};
    neap_json_token token;
    bool good;
    neap_json_reader_start(&r, json, len, 1000);
    token = neap_json_reader_next(&r);
    good = token == NEAP_JSON_OBJECT_BEGIN && put_value(&r, token, out) &&
           neap_json_reader_next(&r) == NEAP_JSON_END;
    neap_json_reader_deinit(&r);
    return good && neap_buf_puts(out, "\n") == 0;
}

/* ---- maps ---- */

#define TEXT(s)                                                                                    \
    { s, sizeof(s) - 1 }

static const neap_mapping_text A[] = {TEXT("a")}, B[] = {TEXT("b")}, A_B[] = {TEXT("a"), TEXT("b")},
                               A_B_C[] = {TEXT("a"), TEXT("b"), TEXT("c")}, UPPER[] = {TEXT("A")};

/* Adds entries that do all there is to do. */
static void add_entries(neap_mapping *m, neap_mapping_cast cast) {
    const neap_mapping_entry entries[] = {
        {.to = TEXT("one"), .from = A, .from_len = 1},
        {.to = TEXT("two"), .from = A_B, .from_len = 2, .otherwise = TEXT("[\"\\u00e9\"]")},
        {.to = TEXT("three"), .from = A_B_C, .from_len = 3, .split = TEXT(";")},
        {.to = TEXT("four"), .from = B, .from_len = 1, .cast = cast, .otherwise = TEXT("0")},
        {.to = TEXT("five"), .from = UPPER, .from_len = 1, .split = TEXT("-"), .at = 2, .cast = cast},
        {.to = TEXT("b"), .from = A, .from_len = 1, .cast = NEAP_MAPPING_STRING},
        {.to = TEXT("k\n"), .constant = TEXT("{\"x\": 1.50}")},
    };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        HOLDS(neap_mapping_add(m, &entries[i], NULL) == 0);
}

/* What neap_mapping_try takes is what neap_mapping_apply makes of it; it takes all that is right. */
static void check_try(neap_mapping *m, const char *json, size_t len, int rc, const neap_buf *line) {
    neap_buf got = {0}, want = {0};
    size_t used = neap_mapping_try(m, json, len, &got);
    HOLDS(used <= len && (used > 0 || (rc < 0 && got.len == 0)));
    if (used > 0) HOLDS(neap_mapping_apply(m, json, used, &want, NULL) == 0);
    if (used > 0) HOLDS(got.len == want.len && memcmp(got.data, want.data, got.len) == 0);
    if (rc == 0) HOLDS(got.len == line->len && memcmp(got.data, line->data, got.len) == 0);
    neap_buf_free(&got);
    neap_buf_free(&want);
}

/* Maps a record twice, behind a byte of something else. Returns the code. */
static int map_record(neap_mapping *m, const char *json, size_t len, neap_buf *out) {
    neap_buf again = {0};
    neap_err err = {0};
    int rc = neap_mapping_apply(m, json, len, out, &err);
    HOLDS(rc == 0 || (rc == NEAP_EDECODE && out->len == 0 && err.message[0] != '\0'));
    HOLDS(neap_buf_puts(&again, "x") == 0);
    HOLDS(neap_mapping_apply(m, json, len, &again, NULL) == rc && again.len == out->len + 1);
    HOLDS(out->len == 0 || memcmp(out->data, again.data + 1, out->len) == 0);
    HOLDS(rc < 0 || out->data[out->len - 1] == '\n');
    check_try(m, json, len, rc, out);
    neap_buf_free(&again);
    return rc;
}

/* Is a line what it would be if it were read and written again? */
static void check_canonical(const neap_buf *line) {
    neap_buf again = {0};
    HOLDS(put_line(line->data, line->len, &again));
    HOLDS(again.len == line->len && memcmp(again.data, line->data, line->len) == 0);
    neap_buf_free(&again);
}

static void check_rest(const char *json, size_t len, bool any_case) {
    neap_buf got = {0}, want = {0};
    neap_mapping *m = NULL;
    bool good = put_line(json, len, &want);
    HOLDS(neap_mapping_new(&m, NEAP_MAPPING_NDJSON, true, any_case, NULL) == 0);
    HOLDS((map_record(m, json, len, &got) == 0) == good);
    HOLDS(!good || (got.len == want.len && memcmp(got.data, want.data, got.len) == 0));
    neap_mapping_free(m);
    neap_buf_free(&got);
    neap_buf_free(&want);
}

static void check_entries(const char *json, size_t len, unsigned choice) {
    neap_mapping_format format = choice & 1 ? NEAP_MAPPING_CSV : NEAP_MAPPING_NDJSON;
    neap_buf line = {0};
    neap_mapping *m = NULL;
    bool rest = format == NEAP_MAPPING_NDJSON && (choice & 2);
    HOLDS(neap_mapping_new(&m, format, rest, choice & 4, NULL) == 0);
    add_entries(m, (neap_mapping_cast)((choice >> 3) % (NEAP_MAPPING_LIST + 1)));
    if (map_record(m, json, len, &line) == 0 && format == NEAP_MAPPING_NDJSON) check_canonical(&line);
    neap_mapping_free(m);
    neap_buf_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    check_rest((const char *)data + 1, size - 1, data[0] & 1);
    check_entries((const char *)data + 1, size - 1, data[0]);
    return 0;
}
