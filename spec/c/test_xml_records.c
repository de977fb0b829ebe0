/* test_xml_records.c: records of XML documents whose chunks are cut anywhere, the memory that they take, and the
 * reader and its binding when memory ends. */
#include "../../csrc/core/xml_records.h"

#include <lualib.h>

#include "../../csrc/core/xml_log.h"
#include "alloc.h"

extern void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size) {
    return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *p, size_t size) {
    return alloc_fails() ? NULL : __real_realloc(p, size);
}

/* ---- what came out ---- */

typedef struct reading {
    neap_xml_records records;
    char told[4096]; /* per record its log, NUL as '.', and '|' */
    size_t len;
} reading;

static void tell(reading *r, const neap_buf *log, size_t from, size_t end) {
    for (; from < end; from++) r->told[r->len++] = log->data[from] == '\0' ? '.' : log->data[from];
    r->told[r->len++] = '|';
    CHECK(r->len < sizeof r->told);
}

/* Takes the records that are at hand. */
static void drain(reading *r) {
    neap_xml_records *records = &r->records;
    while (records->taken < records->ready) {
        size_t end = neap_xml_log_skip(&records->log, records->taken);
        tell(r, &records->log, records->taken, end);
        neap_xml_records_take(records, end);
    }
}

/* Reads bytes in chunks that end at `cut` and at the end. The frame comes last; deinit is the caller's. */
static void read_cut(reading *r, const neap_xml_records_cfg *cfg, const char *text, size_t cut) {
    *r = (reading){.len = 0};
    CHECK_EQ_INT(neap_xml_records_init(&r->records, cfg), 0);
    neap_xml_records_feed(&r->records, text, cut);
    drain(r);
    neap_xml_records_feed(&r->records, text + cut, strlen(text) - cut);
    neap_xml_records_finish(&r->records);
    neap_xml_records_finish(&r->records);
    neap_xml_records_feed(&r->records, "<a/>", 4);
    drain(r);
    if (r->records.xml.err.code == 0) tell(r, &r->records.frame, 0, r->records.frame.len);
}

/* Cuts a document at all places; each time the same comes out, and the same fault. */
static void check(const neap_xml_records_cfg *cfg, const char *text, const char *told, const char *message) {
    uint64_t hash = 0;
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        reading r;
        read_cut(&r, cfg, text, cut);
        CHECK_STR(r.told, told);
        CHECK_STR(r.records.xml.err.message, message);
        CHECK_EQ_INT(r.records.count, r.records.whole);
        if (cut > 0) CHECK_EQ_INT(r.records.hash, hash);
        hash = r.records.hash;
        neap_xml_records_deinit(&r.records);
        neap_xml_records_deinit(&r.records);
        CHECK(r.records.taken == r.records.ready && r.records.ended);
    }
}

static void test_documents(void) {
    static const neap_xml_records_cfg children = {.depth = 1, .nesting = 5};
    static const neap_xml_records_cfg deeper = {.depth = 2, .nesting = 5};
    static const neap_xml_records_cfg way = {.depth = 3, .way = "Data\0rows", .nesting = 5};
    check(&children, "<a x='1'> <b y='2'>t</b>\n<!-- --><b><c/></b> </a>\n",
          "Sb.Ay.V2.Tt.E.|Sb.Sc.E.E.|Sa.Ax.V1.E.|", "");
    check(&children, "<a>\xC3\xA9</a>", "Sa.T\xC3\xA9.E.|", "");
    check(&deeper, "<a><b/><c><d/></c><e>t</e><f><g>u</g></f></a>",
          "Sd.E.|Sg.Tu.E.|Sa.Sb.E.Sc.E.Se.Tt.E.Sf.E.E.|", "");
    check(&way, "<r><data><n>1</n><ROWS><a/><b/></ROWS></data><rows><c/></rows><z><rows><d/></rows></z></r>",
          "Sa.E.|Sb.E.|Sr.Sdata.Sn.T1.E.SROWS.E.E.Srows.Sc.E.E.Sz.Srows.Sd.E.E.E.E.|", "");
    check(&way, "<r><data><rows><a/></rows><row/></data><dat/><data><rows/></data></r>", "Sa.E.|",
          "line 1, column 52: a second list of records");
    check(&children, "<a><b/><c><d></c></a>", "Sb.E.|", "line 1, column 16: mismatched tag");
    check(&children, "<a><b/><b><c><d><e><f/></e></d></c></b></a>", "Sb.E.|",
          "line 1, column 20: elements are nested too deeply");
    check(&children, "<a><b/>", "Sb.E.|", "line 1, column 8: the document ends too early");
}

/* ---- memory ---- */

static void feed(neap_xml_records *r, const char *text) {
    neap_xml_records_feed(r, text, strlen(text));
}

static void skip_all(neap_xml_records *r) {
    while (r->taken < r->ready) neap_xml_records_take(r, neap_xml_log_skip(&r->log, r->taken));
}

/* What was taken is forgotten, and one large record leaves no large log behind. */
static void test_log(void) {
    static const neap_xml_records_cfg cfg = {.depth = 1, .nesting = 5};
    static char large[8 << 20];
    neap_xml_records r;
    CHECK_EQ_INT(neap_xml_records_init(&r, &cfg), 0);
    feed(&r, "<a>");
    for (int i = 0; i < 100000; i++) {
        feed(&r, "<b>some text</b><c x='1'/><d");
        CHECK(r.log.cap <= 128);
        skip_all(&r);
        feed(&r, "/>");
    }
    memset(large, 'x', sizeof large - 1);
    feed(&r, "<b>");
    feed(&r, large);
    feed(&r, "</b><b>");
    CHECK(r.log.cap > sizeof large);
    skip_all(&r);
    feed(&r, "</b></a>");
    CHECK(r.log.cap <= 1 << 10);
    neap_xml_records_finish(&r);
    skip_all(&r);
    CHECK_EQ_INT(r.xml.err.code, 0);
    CHECK_EQ_INT(r.count, 300002);
    neap_xml_records_deinit(&r);
}

/* A log that is held keeps its records where they are. */
static void test_held(void) {
    static const neap_xml_records_cfg cfg = {.depth = 1, .nesting = 5};
    neap_xml_records r;
    size_t end;
    CHECK_EQ_INT(neap_xml_records_init(&r, &cfg), 0);
    feed(&r, "<a><b>1</b><b>2</b>");
    skip_all(&r);
    feed(&r, "<b>3</b>");
    r.held = true;
    end = neap_xml_log_skip(&r.log, r.taken);
    neap_xml_records_take(&r, end);
    for (int i = 0; i < 1000; i++) feed(&r, "<b>more</b>");
    CHECK_EQ_INT(r.taken, end);
    r.held = false;
    feed(&r, "</a>");
    CHECK_EQ_INT(r.count, 3);
    skip_all(&r);
    CHECK_EQ_INT(r.count, 1003);
    neap_xml_records_deinit(&r);
}

/* ---- when memory ends ---- */

/* Reads a document bytewise. The records that come are right, and all if there is no fault. */
static void read_fault(void *ud, alloc_fault fault, long n) {
    static const neap_xml_records_cfg cfg = {.depth = 1, .nesting = 5};
    static const char text[] = "<root first='1'>\n<item>and more text than fits at first, and still more than that,"
                               "</item><b><c><d x='y'/></c></b></root>";
    static const char want[] = "Sitem.Tand more text than fits at first, and still more than that,.E.|"
                               "Sb.Sc.Sd.Ax.Vy.E.E.E.|";
    reading r = {.len = 0};
    (void)ud;
    alloc_fail(fault, n);
    if (neap_xml_records_init(&r.records, &cfg) == 0) {
        for (size_t i = 0; i < sizeof text - 1; i++) neap_xml_records_feed(&r.records, text + i, 1);
        neap_xml_records_finish(&r.records);
    }
    alloc_succeed();
    drain(&r);
    CHECK(strncmp(r.told, want, r.len) == 0);
    if (r.records.xml.err.code == 0) CHECK_EQ_INT(r.len, sizeof want - 1);
    else CHECK_EQ_INT(r.records.xml.err.code, NEAP_ENOMEM);
    if (fault == ALLOC_FAIL_REST) CHECK_EQ_INT(r.records.xml.err.code < 0, alloc_failed);
    neap_xml_records_deinit(&r.records);
}

static void open_xml(lua_State *L) {
    luaL_requiref(L, "_G", luaopen_base, 0);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "xml", luaopen_neap_xml, 1);
}

/* A record that could not be made is the next one still. */
static void check_reader(lua_State *L) {
    static const char script[] = "if not reader then return true end\n"
                                 "local ok, element = pcall(reader.next, reader)\n"
                                 "if not ok then return element == 'not enough memory' end\n"
                                 "return reader:count() == (element and before + 1 or before)\n"
                                 "    and (element == nil or element.name == names[before + 1])";
    CHECK_EQ_INT(luaL_dostring(L, script), LUA_OK);
    CHECK(lua_toboolean(L, -1));
}

static void check_chunk(const char *source) {
    alloc_chunk chunk = {source, open_xml, check_reader};
    alloc_try(source, 0, alloc_run_chunk, &chunk);
}

static void test_binding(void) {
    check_chunk("names, before = { 'b', 'c' }, 0\n"
                "reader = xml.records { max_record = 10000 }\n"
                "local ok, err = reader:feed '<a k=\"v\"><b x=\"1\"><d>text</d><d/></b><c>'\n"
                "if not ok then error(err) end\n"
                "local one = reader:next() before = 1\n"
                "reader:feed '</c></a>' reader:finish()\n"
                "local two = reader:next() before = 2\n"
                "return one[1].text == 'text' and two.name == 'c' and reader:frame().attributes.k == 'v'");
    check_chunk("names, before = { 'x' }, 0\n"
                "local r = xml.records { way = { 'data', 'rows' }, nesting = 10 }\n"
                "r:feed '<r><data><rows><x/></rows></data></r>'\n"
                "return r:skip(5) == 1 and r:found() and r:root() == 'r'");
    check_chunk("local r = xml.records()\n"
                "local ok, err = r:feed '<a><b/><c></a>'\n"
                "return not ok and err.kind == 'decode' and r:next().name == 'b'\n"
                "    and select(2, r:next()).message == 'record 2: line 1, column 13: mismatched tag'");
}

int main(void) {
    test_documents();
    test_log();
    test_held();
    alloc_try("records", 0, read_fault, NULL);
    test_binding();
    return check_report();
}
