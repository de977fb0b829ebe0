/* xml_records.c: see xml_records.h. */
#include "xml_records.h"

#include <string.h>

#include "xml_log.h"

#define LOG_KEPT ((size_t)1 << 20) /* bytes of an empty log that are not given back */

/* ---- reading ---- */

static char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_same_name(const char *a, const char *b) {
    while (*a != '\0' && to_lower(*a) == to_lower(*b)) a++, b++;
    return *a == *b;
}

/* Is that the name of the way's step, from 0? Without a way all names are. */
static bool is_on_way(const neap_xml_records *r, size_t step, const char *name) {
    const char *at = r->cfg.way;
    if (at == NULL) return true;
    while (step-- > 0) at += strlen(at) + 1;
    return is_same_name(at, name);
}

/* Takes notice of an element in no record, with so many around it. */
static int enter(neap_xml_records *r, size_t around, const char *name) {
    if (r->matched != around) return 0;
    if (around == r->cfg.depth) {
        r->in_record = r->found = true;
    } else if (around == 0 || is_on_way(r, around - 1, name)) {
        r->matched++;
        if (r->matched < r->cfg.depth || r->cfg.way == NULL) return 0;
        if (r->has_list) return neap_xml_fail(&r->xml, NEAP_EDECODE, "a second list of records");
        r->has_list = true;
    }
    return 0;
}

static int on_start(void *ud, const char *name) {
    neap_xml_records *r = ud;
    int rc = r->in_record ? 0 : enter(r, r->xml.depth, name);
    return rc < 0 ? rc : neap_xml_log_start(r->in_record ? &r->log : &r->frame, name);
}

/* Refuses a record or a frame that takes too much. */
static int check_size(neap_xml_records *r) {
    if (r->in_record && r->log.len - r->ready > r->cfg.max_record)
        return neap_xml_fail(&r->xml, NEAP_ETOOLARGE, "this record is too large");
    if (r->frame.len > r->cfg.max_record)
        return neap_xml_fail(&r->xml, NEAP_ETOOLARGE, "too much beside the records");
    return 0;
}

static int on_attribute(void *ud, const char *name, const char *value) {
    neap_xml_records *r = ud;
    int rc = neap_xml_log_attribute(r->in_record ? &r->log : &r->frame, name, value);
    return rc < 0 ? rc : check_size(r);
}

static int on_text(void *ud, const char *text, size_t len) {
    neap_xml_records *r = ud;
    int rc = neap_xml_log_text(r->in_record ? &r->log : &r->frame, text, len);
    if (!r->in_record) r->has_text = text[strspn(text, " \t\r\n")] != '\0';
    return rc < 0 ? rc : check_size(r);
}

/* Ends an element that is on the way or a record; a list that has a text is none. */
static void leave(neap_xml_records *r) {
    size_t open = r->xml.depth;
    if (r->in_record) {
        if (open > r->cfg.depth + 1) return;
        r->in_record = false;
        r->ready = r->log.len;
        r->whole++;
    } else if (r->matched == open) {
        if (open == r->cfg.depth && !r->has_text) r->found = true;
        r->matched--;
    }
    r->has_text = false;
}

static int on_end(void *ud, const char *name) {
    neap_xml_records *r = ud;
    int rc = neap_xml_log_end(r->in_record ? &r->log : &r->frame);
    (void)name;
    if (rc == 0) rc = check_size(r);
    if (rc == 0) leave(r);
    return rc;
}

/* ---- the log ---- */

/* Gives the log's memory back where a few bytes hold much of it. */
static void shrink(neap_xml_records *r) {
    neap_buf small = {0};
    if (r->log.cap <= LOG_KEPT || r->log.len > LOG_KEPT / 8) return;
    if (neap_buf_add(&small, r->log.data, r->log.len) < 0) return;
    neap_buf_free(&r->log);
    r->log = small;
}

/* Forgets records that were taken, once they are at least half of the log. */
static void compact(neap_xml_records *r) {
    if (r->held || r->taken == 0 || r->taken < r->log.len / 2) return;
    neap_buf_shift(&r->log, r->taken);
    r->ready -= r->taken;
    r->taken = 0;
    shrink(r);
}

static void read_chunk(neap_xml_records *r, const char *bytes, size_t len, bool is_final) {
    if (r->ended) return;
    compact(r);
    r->ended = neap_xml_feed(&r->xml, bytes, len, is_final) < 0 || is_final;
    if (r->ended) neap_xml_deinit(&r->xml); /* the error stays */
}

/* Mixes a record into the hash, eight bytes at a time; each step is a bijection. */
static uint64_t mix(uint64_t hash, const char *bytes, size_t len) {
    hash ^= len;
    while (len > 0) {
        uint64_t word = 0;
        size_t some = len < sizeof word ? len : sizeof word;
        memcpy(&word, bytes, some);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
        bytes += some;
        len -= some;
    }
    return hash;
}

void neap_xml_records_take(neap_xml_records *r, size_t end) {
    r->hash = mix(r->hash, r->log.data + r->taken, end - r->taken);
    r->taken = end;
    r->count++;
}

/* ---- life ---- */

int neap_xml_records_init(neap_xml_records *r, const neap_xml_records_cfg *cfg) {
    static const neap_xml_events events = {on_start, on_attribute, on_text, on_end};
    *r = (neap_xml_records){.cfg = *cfg};
    if (r->cfg.max_record == 0) r->cfg.max_record = NEAP_XML_RECORD_MAX;
    return neap_xml_init(&r->xml, &events, r, r->cfg.nesting, r->cfg.max_record);
}

void neap_xml_records_deinit(neap_xml_records *r) {
    neap_xml_deinit(&r->xml);
    neap_buf_free(&r->log);
    neap_buf_free(&r->frame);
    r->taken = r->ready = 0;
    r->ended = true;
}

void neap_xml_records_feed(neap_xml_records *r, const char *bytes, size_t len) {
    read_chunk(r, bytes, len, false);
}

void neap_xml_records_finish(neap_xml_records *r) {
    read_chunk(r, NULL, 0, true);
}
