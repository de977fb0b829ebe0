/* fuzz_xml.c: what is read does not depend on where the chunks are cut, is UTF-8, and reads the same
 * once it is written again; nor do the records in it. */
#include <stdbool.h>
#include <string.h>

#include "core/json.h"
#include "core/xml.h"
#include "core/xml_log.h"
#include "core/xml_records.h"
#include "fuzz.h"

#define DEPTH_MAX 20
#define TEXT_MAX 1000

/* One reading; the document written again is the proof of what was told. */
typedef struct reading {
    neap_xml xml;
    neap_buf out;
    bool open;  /* in a start tag, where attributes may follow */
    bool ended; /* the root is over */
} reading;

static void check_utf8(const char *text, size_t len) {
    neap_buf json = {0};
    neap_json_writer w = {.out = &json};
    HOLDS(neap_json_writer_string(&w, text, len) == 0);
    neap_buf_free(&json);
}

/* Writes text, with every character that means something as a reference. */
static void put(neap_buf *out, const char *text, size_t len) {
    check_utf8(text, len);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (strchr("<>&'\"\r\n\t", c) != NULL) HOLDS(neap_buf_printf(out, "&#%d;", c) == 0);
        else HOLDS(neap_buf_add(out, text + i, 1) == 0);
    }
}

static void end_tag(reading *r) {
    if (r->open) HOLDS(neap_buf_puts(&r->out, ">") == 0);
    r->open = false;
}

/* What is left of a name may have a colon still, so all names get a prefix. */
static int on_start(void *ud, const char *name) {
    reading *r = ud;
    HOLDS(name[0] != '\0' && r->xml.depth < DEPTH_MAX);
    check_utf8(name, strlen(name));
    end_tag(r);
    HOLDS(neap_buf_printf(&r->out, "<p:%s", name) == 0);
    r->open = true;
    return 0;
}

/* Each with a prefix of its own: without, they may be equal. */
static int on_attribute(void *ud, const char *name, const char *value) {
    reading *r = ud;
    HOLDS(r->open);
    check_utf8(name, strlen(name));
    HOLDS(neap_buf_printf(&r->out, " p%zu:%s='", r->out.len, name) == 0);
    put(&r->out, value, strlen(value));
    HOLDS(neap_buf_puts(&r->out, "'") == 0);
    return 0;
}

static int on_text(void *ud, const char *text, size_t len) {
    reading *r = ud;
    HOLDS(len > 0 && len <= TEXT_MAX && strlen(text) == len);
    end_tag(r);
    put(&r->out, text, len);
    return 0;
}

static int on_end(void *ud, const char *name) {
    reading *r = ud;
    end_tag(r);
    HOLDS(neap_buf_printf(&r->out, "</p:%s>", name) == 0);
    r->ended = r->xml.depth == 1;
    return 0;
}

/* Reads bytes in chunks of that length, and leaves what was told in r->out. Returns the code. */
static int read_chunks(reading *r, const char *bytes, size_t size, size_t chunk) {
    static const neap_xml_events events = {on_start, on_attribute, on_text, on_end};
    int rc = 0;
    *r = (reading){.open = false};
    HOLDS(neap_xml_init(&r->xml, &events, r, DEPTH_MAX, TEXT_MAX) == 0);
    for (; rc == 0 && size > chunk; bytes += chunk, size -= chunk)
        rc = neap_xml_feed(&r->xml, bytes, chunk, false);
    if (rc == 0) rc = neap_xml_feed(&r->xml, bytes, size, true);
    HOLDS(rc == r->xml.err.code);
    HOLDS(rc == 0 || (r->xml.err.message[0] != '\0' && r->xml.line > 0 && r->xml.column > 0));
    HOLDS(rc < 0 || r->xml.depth == 0);
    neap_xml_deinit(&r->xml);
    return rc;
}

static bool same(const neap_buf *a, const neap_buf *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Of two faults behind the root, where nothing may stand, either may be the one that is reported. */
static bool same_place(const reading *a, const reading *b) {
    return a->ended || (a->xml.line == b->xml.line && a->xml.column == b->xml.column);
}

/* Takes the records that are whole. */
static void take_all(neap_xml_records *r) {
    while (r->taken < r->ready) {
        size_t end = neap_xml_log_skip(&r->log, r->taken);
        HOLDS(end > r->taken && end <= r->ready && end - r->taken <= TEXT_MAX);
        neap_xml_records_take(r, end);
    }
}

/* Reads the records of a document in chunks of that length, and takes them as they come. */
static void read_records(neap_xml_records *r, const char *bytes, size_t size, size_t chunk) {
    static const neap_xml_records_cfg cfg = {.depth = 1, .nesting = DEPTH_MAX, .max_record = TEXT_MAX};
    HOLDS(neap_xml_records_init(r, &cfg) == 0);
    for (; size > 0; bytes += chunk, size -= chunk) {
        if (chunk > size) chunk = size;
        neap_xml_records_feed(r, bytes, chunk);
        take_all(r);
    }
    neap_xml_records_finish(r);
    take_all(r);
    HOLDS(r->count == r->whole && r->ended);
    HOLDS(r->xml.err.code < 0 || neap_xml_log_skip(&r->frame, 0) == r->frame.len);
}

/* Reads the records in small chunks, and compares them with those of the whole. */
static void compare_records(const char *bytes, size_t size, int rc) {
    neap_xml_records whole, cut;
    read_records(&whole, bytes, size, size);
    HOLDS(rc < 0 ? whole.xml.err.code < 0 : whole.xml.err.code == 0 || whole.xml.err.code == NEAP_ETOOLARGE);
    for (size_t chunk = 1; chunk <= 7; chunk += 3) {
        read_records(&cut, bytes, size, chunk);
        HOLDS(cut.count == whole.count && cut.hash == whole.hash && cut.found == whole.found);
        HOLDS(cut.xml.err.code == whole.xml.err.code && same(&cut.frame, &whole.frame));
        neap_xml_records_deinit(&cut);
    }
    neap_xml_records_deinit(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *bytes = (const char *)data;
    reading whole, cut;
    int rc = read_chunks(&whole, bytes, size, size + 1);
    for (size_t chunk = 1; chunk <= 7; chunk += 2) {
        HOLDS(read_chunks(&cut, bytes, size, chunk) == rc && same(&whole.out, &cut.out));
        HOLDS(same_place(&whole, &cut) && cut.xml.truncated == whole.xml.truncated);
        neap_buf_free(&cut.out);
    }
    if (rc == 0) {
        rc = read_chunks(&cut, whole.out.data, whole.out.len, whole.out.len);
        HOLDS(rc == 0 ? same(&whole.out, &cut.out) : rc == NEAP_ETOOLARGE); /* prefixes count */
        neap_buf_free(&cut.out);
    }
    neap_buf_free(&whole.out);
    compare_records(bytes, size, rc);
    return 0;
}
