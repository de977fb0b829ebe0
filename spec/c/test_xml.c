/* test_xml.c: the XML reader: chunks cut anywhere, caps, ends that come too early, callbacks that stop
 * it; then the reader and its binding when memory ends. */
#include "../../csrc/core/xml.h"

#include <lualib.h>

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

/* ---- what a reading told ---- */

typedef struct record {
    char told[4096]; /* "<name", " name=value", "'text'", ">name" */
    size_t len;
    int left;  /* callbacks until one fails with code; negative: none does */
    int code;
    bool over; /* one has failed */
} record;

static int tell(record *r, const char *before, const char *text, const char *after) {
    CHECK(!r->over);
    if (r->left == 0) {
        r->over = true;
        return r->code;
    }
    if (r->left > 0) r->left--;
    r->len += (size_t)snprintf(r->told + r->len, sizeof r->told - r->len, "%s%s%s", before, text,
                               after);
    return 0;
}

static int on_start(void *ud, const char *name) {
    return tell(ud, "<", name, "");
}

static int on_attribute(void *ud, const char *name, const char *value) {
    char both[256];
    snprintf(both, sizeof both, " %s=%s", name, value);
    return tell(ud, both, "", "");
}

static int on_text(void *ud, const char *text, size_t len) {
    CHECK_EQ_INT(strlen(text), len);
    CHECK(len > 0);
    return tell(ud, "'", text, "'");
}

static int on_end(void *ud, const char *name) {
    return tell(ud, ">", name, "");
}

static const neap_xml_events events = {on_start, on_attribute, on_text, on_end};

/* Reads len bytes in chunks that end at `first`, at `second` and at the end. */
static neap_xml read_cut(record *r, const char *bytes, size_t len, size_t first, size_t second) {
    neap_xml x;
    int rc;
    *r = (record){.left = r->left, .code = r->code};
    CHECK_EQ_INT(neap_xml_init(&x, &events, r, 5, 64), 0);
    rc = neap_xml_feed(&x, bytes, first, false);
    if (rc == 0) rc = neap_xml_feed(&x, bytes + first, second - first, false);
    if (rc == 0) rc = neap_xml_feed(&x, bytes + second, len - second, true);
    CHECK_EQ_INT(rc, x.err.code);
    CHECK_EQ_INT(neap_xml_feed(&x, "<a/>", 4, true), rc < 0 ? rc : NEAP_EINVAL);
    neap_xml_deinit(&x);
    neap_xml_deinit(&x);
    CHECK_EQ_INT(neap_xml_feed(&x, "<a/>", 4, true), rc < 0 ? rc : NEAP_EINVAL);
    return x;
}

static void check_same(const record *r, const neap_xml *x, const record *want,
                       const neap_xml *error) {
    CHECK_STR(r->told, want->told);
    CHECK_STR(x->err.message, error->err.message);
    CHECK_EQ_INT(x->err.code, error->err.code);
    CHECK_EQ_INT(x->line, error->line);
    CHECK_EQ_INT(x->column, error->column);
    CHECK_EQ_INT(x->truncated, error->truncated);
}

/* Cuts a document at all pairs of places; each time it tells the same and ends the same. */
static neap_xml check_cuts(const char *bytes, size_t len, const char *told) {
    record whole = {.left = -1}, cut = {.left = -1};
    neap_xml want = read_cut(&whole, bytes, len, len, len);
    CHECK_STR(whole.told, told);
    for (size_t second = 0; second <= len; second++) {
        for (size_t first = 0; first <= second; first += first < 8 || len < 64 ? 1 : 5) {
            neap_xml x = read_cut(&cut, bytes, len, first, second);
            check_same(&cut, &x, &whole, &want);
        }
    }
    return want;
}

static void check_good(const char *bytes, size_t len, const char *told) {
    neap_xml x = check_cuts(bytes, len, told);
    CHECK_STR(x.err.message, "");
}

static void check_bad(const char *bytes, size_t len, const char *told, const char *message) {
    neap_xml x = check_cuts(bytes, len, told);
    CHECK_EQ_INT(x.err.code, NEAP_EDECODE);
    CHECK_STR(x.err.message, message);
}

#define GOOD(text, told) check_good(text, sizeof(text) - 1, told)
#define BAD(text, told, message) check_bad(text, sizeof(text) - 1, told, message)

/* ---- documents ---- */

static void test_good(void) {
    GOOD("<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- c -->\r\n<a x='1' y=\"&lt;&#xe9;\">\r\n"
         " <b>t &amp; u\r\nv\rw</b>\n <b/><?p i?>\n</a>\n<!-- d -->\n",
         "<a x=1 y=<\xC3\xA9<b't & u\nv\nw'>b<b>b>a");
    GOOD("<n:a xmlns='u' xmlns:n='v' n:nil='true' xmlnsx='2'><n:b:c/><:d/><e:/></n:a>",
         "<a nil=true xmlnsx=2<b:c>b:c<d>d<e:>e:>a");
    GOOD("<a> \t\r\n</a>", "<a' \t\n'>a");
    GOOD("<a><![CDATA[ <b>]]>&#32;<!-- --><![CDATA[]]]]>]</a>", "<a' <b> ]]]'>a");
    GOOD("<a><![CDATA[ ]]><b/>&#10;</a>", "<a<b>b>a");
    GOOD("<a>\xF0\x9F\x98\x80\xE4\xB8\xAD</a>", "<a'\xF0\x9F\x98\x80\xE4\xB8\xAD'>a");
    GOOD("\xEF\xBB\xBF<a/>", "<a>a");
    GOOD("<?xml version='1.0' encoding='iso-8859-1'?><a b='\xE9'>\xFC</a>",
         "<a b=\xC3\xA9'\xC3\xBC'>a");
    GOOD("\xFE\xFF\0<\0a\0>\xD8\x3D\xDE\x00\x4E\x2D\0<\0/\0a\0>",
         "<a'\xF0\x9F\x98\x80\xE4\xB8\xAD'>a");
    GOOD("\xFF\xFE<\0a\0>\0\x2D\x4E<\0/\0a\0>\0", "<a'\xE4\xB8\xAD'>a");
    GOOD("<a><b><c><d><e>5</e></d></c></b></a>", "<a<b<c<d<e'5'>e>d>c>b>a");
}

static void test_bad(void) {
    BAD("<a>\r\n<b></a>", "<a<b", "line 2, column 6: mismatched tag");
    BAD("\xEF\xBB\xBF<a>\xC3\xA9&x;</a>", "<a", "line 1, column 5: undefined entity");
    BAD("\xFE\xFF\0<\0a\0>\0<\0", "<a", "line 1, column 4: the document ends too early");
    BAD("<a>x\xFF</a>", "<a", "line 1, column 5: not well-formed (invalid token)");
    BAD("<a>\xC0\x80</a>", "<a", "line 1, column 4: not well-formed (invalid token)");
    BAD("<a>\xF4\x90\x80\x80</a>", "<a", "line 1, column 4: not well-formed (invalid token)");
    BAD("<a>&#xD800;</a>", "<a", "line 1, column 4: reference to invalid character number");
    BAD("<?xml version='1.0' encoding='utf-16'?><a/>", "",
        "line 1, column 31: encoding specified in XML declaration is incorrect");
    BAD("<?xml version='1.0' encoding='koi8-r'?><a/>", "", "line 1, column 31: unknown encoding");
    BAD("<a/>\r\n<b/>", "<a>a", "line 2, column 1: junk after document element");
    BAD("<a/>\r\r\n\r\r\r\n\n<b/>", "<a>a", "line 7, column 1: junk after document element");
    BAD("<?xml version='1.0'?>\r\n\r\n<!-- \r\n -->\r\n <a\r\n>\r\n</b>", "<a",
        "line 7, column 3: mismatched tag");
    BAD("\xFF\xFE<\0a\0/\0>\0\r\0\n\0\r\0\r\0\n\0!\0", "<a>a",
        "line 4, column 1: not well-formed (invalid token)");
    BAD("\xFE\xFF\0<\0a\0/\0>\0\r\0\n\0\r\0\r\0\n\0!\0", "<a>a",
        "line 4, column 1: not well-formed (invalid token)");
    BAD("<a>x<b/></a>", "<a", "line 1, column 5: text beside elements");
    BAD("<a>\n<b/>\n x</a>", "<a<b>b", "line 3, column 3: text beside elements");
    BAD("<a><b><c><d><e><f/></e></d></c></b></a>", "<a<b<c<d<e",
        "line 1, column 16: elements are nested too deeply");
    BAD("<!DOCTYPE a><a/>", "", "line 1, column 12: a document type (DOCTYPE) is not accepted");
    BAD("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "",
        "line 1, column 13: a document type (DOCTYPE) is not accepted");
    BAD("<!DOCTYPE a SYSTEM 'file:///dev/zero' [<!ENTITY % p SYSTEM 'q'> %p;]><a/>", "",
        "line 1, column 39: a document type (DOCTYPE) is not accepted");
}

/* Every proper prefix of a good document has ended too early, and nothing else is wrong with it. */
static void check_prefixes(const char *bytes, size_t len) {
    for (size_t end = 0; end < len; end++) {
        record r = {.left = -1};
        neap_xml x = read_cut(&r, bytes, end, end / 2, end);
        CHECK_EQ_INT(x.err.code, NEAP_EDECODE);
        CHECK(x.truncated);
        CHECK(x.line > 0 && x.column > 0);
    }
}

static void test_early_end(void) {
    static const char utf8[] = "<?xml version='1.0' encoding='UTF-8'?>\r\n<a b='\xC3\xA9'>\xE4\xB8\xAD&amp;"
                               "<!-- c --><![CDATA[]]]]></a>";
    static const char utf16[] = "\xFF\xFE<\0a\0>\0\x3D\xD8\x00\xDE<\0/\0a\0>\0";
    static const char utf8_bom[] = "\xEF\xBB\xBF\n<?p i?><a:b x='1'><c/></a:b>";
    check_prefixes(utf8, sizeof utf8 - 1);
    check_prefixes(utf16, sizeof utf16 - 1);
    check_prefixes(utf8_bom, sizeof utf8_bom - 1);
}

/* ---- caps ---- */

/* Feeds `before`, count times c, and `after`, in chunks of 100,000. */
static neap_xml read_long(const char *before, char c, size_t count, const char *after, size_t cap) {
    static char chunk[100000];
    neap_xml x;
    record r = {.left = -1};
    int rc;
    memset(chunk, c, sizeof chunk);
    CHECK_EQ_INT(neap_xml_init(&x, &events, &r, 5, cap), 0);
    rc = neap_xml_feed(&x, before, strlen(before), false);
    for (; count > 0 && rc == 0; count -= count < sizeof chunk ? count : sizeof chunk)
        rc = neap_xml_feed(&x, chunk, count < sizeof chunk ? count : sizeof chunk, false);
    if (rc == 0) neap_xml_feed(&x, after, strlen(after), true);
    neap_xml_deinit(&x);
    return x;
}

static void test_caps(void) {
    static const char *const endless[][2] = {
        {"<a b='", "'/>"}, {"<a><!--", "--></a>"}, {"<a><?p ", "?></a>"}, {"<a", "/>"}, {"<a>&", ";</a>"},
    };
    CHECK_EQ_INT(read_long("<a>", 'x', 700, "</a>", 700).err.code, 0);
    CHECK_EQ_INT(read_long("<a>", 'x', 701, "</a>", 700).err.code, NEAP_ETOOLARGE);
    CHECK_STR(read_long("<?x?>\n<a>", 'x', 300000, "</a>", 200010).err.message,
              "line 2, column 200014: this text is too long");
    CHECK_EQ_INT(read_long("<a>", ' ', 701, "<b/></a>", 700).err.code, NEAP_ETOOLARGE);
    CHECK_EQ_INT(read_long("<a b='", 'x', 700, "'/>", 702).err.code, 0);
    CHECK_EQ_INT(read_long("<a b='", 'x', 701, "'/>", 702).err.code, NEAP_ETOOLARGE);
    CHECK_EQ_INT(read_long("<a/>", '\n', 3000000, "", 700).err.code, 0); /* skipped as it comes */
    for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
        neap_xml x = read_long(endless[i][0], 'x', 2000000, endless[i][1], 700);
        CHECK_EQ_INT(x.err.code, NEAP_ETOOLARGE);
        CHECK(strstr(x.err.message, ": this tag or comment is too long") != NULL);
    }
}

/* ---- callbacks that stop the reader ---- */

static void test_stop(void) {
    static const char text[] = "<a x='1' y='2'>\n <b>t</b><b z='3'/>\n</a>";
    static const struct {
        int left;
        const char *message;
    } cases[] = {
        {0, "line 1, column 1: the reading was ended"}, {1, "line 1, column 1: the reading was ended"},
        {2, "line 1, column 1: the reading was ended"}, {3, "line 2, column 2: the reading was ended"},
        {4, "line 2, column 6: the reading was ended"}, {5, "line 2, column 6: the reading was ended"},
        {6, "line 2, column 10: the reading was ended"}, {8, "line 2, column 20: the reading was ended"},
        {9, "line 3, column 1: the reading was ended"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        record r = {.left = cases[i].left, .code = NEAP_ECANCELLED};
        neap_xml x = read_cut(&r, text, sizeof text - 1, 4, 20);
        CHECK_EQ_INT(x.err.code, NEAP_ECANCELLED);
        CHECK_STR(x.err.message, cases[i].message);
        CHECK(!x.truncated && r.over);
    }
}

/* ---- when memory ends ---- */

/* Reads a document. What it told is right as far as it goes. */
static void read_fault(void *ud, alloc_fault fault, long n) {
    static const char text[] = "<?xml version='1.0' encoding='iso-8859-1'?><root first='1' second='2'>\n"
                               "<item>\xE9 and more text than fits at first</item><b><c><d/></c></b></root>";
    record r = {.left = -1};
    neap_xml x;
    int rc;
    (void)ud;
    alloc_fail(fault, n);
    rc = neap_xml_init(&x, &events, &r, 5, 0);
    for (size_t i = 0; i < sizeof text - 1 && rc == 0; i++)
        rc = neap_xml_feed(&x, text + i, 1, i == sizeof text - 2);
    alloc_succeed();
    CHECK_EQ_INT(rc, x.err.code);
    CHECK(rc == 0 || rc == NEAP_ENOMEM);
    CHECK(rc == 0 || x.err.message[0] != '\0');
    if (fault == ALLOC_FAIL_REST && alloc_failed) CHECK_EQ_INT(rc, NEAP_ENOMEM);
    neap_xml_deinit(&x);
    CHECK(strncmp(r.told, "<root first=1 second=2<item'\xC3\xA9 and more text than fits at first'>item<b<c<d"
                          ">d>c>b>root", r.len) == 0);
}

static void open_xml(lua_State *L) {
    luaL_requiref(L, "_G", luaopen_base, 0);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "xml", luaopen_neap_xml, 1);
}

static void check_chunk(const char *source) {
    alloc_chunk chunk = {.source = source, .open = open_xml};
    alloc_try(source, 0, alloc_run_chunk, &chunk);
}

static void test_binding_memory(void) {
    check_chunk("local e = xml.decode('<a b=\"1\" c=\"2\"><d>text</d><d/></a>')\n"
                "return e.attributes.c == '2' and e[1].text == 'text' and #e == 2");
    check_chunk("local e = xml.decode(('<a>'):rep(90) .. ('x'):rep(5000) .. ('</a>'):rep(90))\n"
                "return e[1][1].name == 'a'");
    check_chunk("local e, err = xml.decode('<a><b></a>')\n"
                "return e == nil and err.kind == 'decode' and err.column == 9 and not err.truncated");
    check_chunk("local e, err = xml.decode('<a', { depth = 2 })\n"
                "return e == nil and err.truncated");
}

int main(void) {
    test_good();
    test_bad();
    test_early_end();
    test_caps();
    test_stop();
    alloc_try("a reader", 0, read_fault, NULL);
    test_binding_memory();
    CHECK(strncmp(neap_xml_version(), "2.", 2) == 0);
    return check_report();
}
