/* xml.c: see xml.h. */
#include "xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

/* expat counts in int, and the backlog is looked at between two slices. */
#define SLICE ((size_t)256 << 10)
#define JOIN ((size_t)4096)

/* ---- errors ---- */

/* Notes the first error, so many characters behind the parser's place. Returns its code. */
static int fail_behind(neap_xml *x, int code, uint64_t characters, const char *what) {
    if (x->err.code < 0) return x->err.code;
    x->line = XML_GetCurrentLineNumber(x->parser);
    x->column = XML_GetCurrentColumnNumber(x->parser) + 1 + characters;
    if (x->bom && x->line == 1 && x->column > 1) x->column--;
    return neap_err_set(&x->err, code, "line %llu, column %llu: %s", (unsigned long long)x->line,
                        (unsigned long long)x->column, what);
}

int neap_xml_fail(neap_xml *x, int code, const char *what) {
    return fail_behind(x, code, 0, what);
}

/* The same within a callback of expat, which then reads no further. */
static void stop(neap_xml *x, int code, const char *what) {
    neap_xml_fail(x, code, what);
    XML_StopParser(x->parser, XML_FALSE);
}

/* Ends the reading if a callback of the caller's said so. */
static void check(neap_xml *x, int code) {
    if (code < 0) stop(x, code, code == NEAP_ENOMEM ? "not enough memory" : "the reading was ended");
}

/* Errors that only the end of the document brings. */
static bool is_early_end(enum XML_Error error) {
    return error == XML_ERROR_NO_ELEMENTS || error == XML_ERROR_UNCLOSED_TOKEN ||
           error == XML_ERROR_PARTIAL_CHAR || error == XML_ERROR_UNCLOSED_CDATA_SECTION;
}

static int fail_parse(neap_xml *x) {
    enum XML_Error error = XML_GetErrorCode(x->parser);
    if (x->err.code < 0) return x->err.code; /* a callback stopped it */
    if (error == XML_ERROR_NO_MEMORY) return neap_xml_fail(x, NEAP_ENOMEM, "not enough memory");
    x->truncated = is_early_end(error);
    return neap_xml_fail(x, NEAP_EDECODE,
                x->truncated ? "the document ends too early" : XML_ErrorString(error));
}

/* ---- events ---- */

static const char *local_name(const char *name) {
    const char *colon = strchr(name, ':');
    return colon != NULL && colon[1] != '\0' ? colon + 1 : name;
}

static bool is_namespace(const char *name) {
    return strncmp(name, "xmlns", 5) == 0 && (name[5] == '\0' || name[5] == ':');
}

/* Tells the text of the element without child elements that ends here. */
static void tell_text(neap_xml *x) {
    if (x->text.len == 0) return;
    if (neap_buf_add(&x->text, "", 1) < 0) check(x, NEAP_ENOMEM);
    else check(x, x->events->on_text(x->ud, x->text.data, x->text.len - 1));
}

/* Drops the white space before or behind a child element. */
static void drop_text(neap_xml *x) {
    if (!x->blank) stop(x, NEAP_EDECODE, "text beside elements");
}

static void begin_text(neap_xml *x) {
    x->text.len = 0;
    x->blank = true;
}

static bool check_tag(neap_xml *x, const char *name, const char **attributes) {
    size_t len = strlen(name);
    for (size_t i = 0; attributes[i] != NULL; i++) len += strlen(attributes[i]);
    if (len > x->text_max) stop(x, NEAP_ETOOLARGE, "this tag is too long");
    else if (x->depth == x->max_depth) stop(x, NEAP_EDECODE, "elements are nested too deeply");
    return x->err.code == 0;
}

/* After XML_StopParser expat may call back once more. */
static void on_start(void *ud, const char *name, const char **attributes) {
    neap_xml *x = ud;
    x->told = x->fed;
    if (x->err.code < 0 || !check_tag(x, name, attributes)) return;
    drop_text(x);
    if (x->err.code == 0) check(x, x->events->on_start(x->ud, local_name(name)));
    for (size_t i = 0; attributes[i] != NULL && x->err.code == 0; i += 2) {
        if (is_namespace(attributes[i])) continue;
        check(x, x->events->on_attribute(x->ud, local_name(attributes[i]), attributes[i + 1]));
    }
    x->depth++;
    x->leaf = true;
    begin_text(x);
}

static void on_end(void *ud, const char *name) {
    neap_xml *x = ud;
    x->told = x->fed;
    if (x->err.code < 0) return;
    if (x->leaf) tell_text(x);
    else drop_text(x);
    if (x->err.code == 0) check(x, x->events->on_end(x->ud, local_name(name)));
    x->depth--;
    x->leaf = false;
    begin_text(x);
}

static bool is_blank(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (text[i] != ' ' && text[i] != '\n' && text[i] != '\t' && text[i] != '\r') return false;
    }
    return true;
}

/* Fails at the first character that is too much, wherever the chunks were cut. */
static void refuse_text(neap_xml *x, const char *text) {
    size_t room = x->text_max - x->text.len;
    uint64_t fit = 0;
    for (size_t i = 1; i <= room; i++) fit += ((unsigned char)text[i] & 0xC0) != 0x80;
    fail_behind(x, NEAP_ETOOLARGE, fit, "this text is too long");
    XML_StopParser(x->parser, XML_FALSE);
}

static void on_text(void *ud, const char *text, int len) {
    neap_xml *x = ud;
    size_t more = (size_t)len;
    x->told = x->fed;
    if (x->err.code < 0) return;
    if (more > x->text_max - x->text.len) refuse_text(x, text);
    else if (neap_buf_add(&x->text, text, more) < 0) check(x, NEAP_ENOMEM);
    else if (x->blank) x->blank = is_blank(text, more);
}

/* White space around the root, comments, instructions, of which the XML declaration is the first. The place
 * is asked for before that changes the encoding: a byte order mark is one character in its own only. */
static void on_other(void *ud, const char *text, int len) {
    neap_xml *x = ud;
    (void)text;
    (void)len;
    if (x->told == 0) XML_GetCurrentColumnNumber(x->parser);
    x->told = x->fed;
}

static void on_doctype(void *ud, const char *name, const char *system, const char *public,
                       int has_subset) {
    (void)name;
    (void)system;
    (void)public;
    (void)has_subset;
    stop(ud, NEAP_EDECODE, "a document type (DOCTYPE) is not accepted");
}

/* ---- the reader ---- */

int neap_xml_init(neap_xml *x, const neap_xml_events *events, void *ud, size_t max_depth,
                  size_t text_max) {
    static const XML_Memory_Handling_Suite memory = {malloc, realloc, free};
    *x = (neap_xml){.events = events,
                    .ud = ud,
                    .max_depth = max_depth,
                    .text_max = text_max > 0 ? text_max : NEAP_XML_TEXT_MAX,
                    .blank = true};
    x->parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (x->parser == NULL) return neap_err_set(&x->err, NEAP_ENOMEM, "not enough memory");
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, on_start, on_end);
    XML_SetCharacterDataHandler(x->parser, on_text);
    XML_SetDefaultHandler(x->parser, on_other);
    XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
    return 0;
}

void neap_xml_deinit(neap_xml *x) {
    if (x->parser != NULL) XML_ParserFree(x->parser);
    x->parser = NULL;
    x->finished = true;
    neap_buf_free(&x->text);
}

/* Notes a byte order mark, wherever the chunks cut it: expat counts it as a character. */
static void look_for_bom(neap_xml *x, const char *bytes, size_t len) {
    for (size_t i = 0; i < len && x->fed + i < sizeof x->head; i++)
        x->head[x->fed + i] = (unsigned char)bytes[i];
    x->bom = memcmp(x->head, "\xEF\xBB\xBF", 3) == 0 || memcmp(x->head, "\xFE\xFF", 2) == 0 ||
             memcmp(x->head, "\xFF\xFE", 2) == 0;
}

/* Refuses a tag, comment or instruction that does not end: expat keeps all of it. It may wait for
 * twice of what it has before it looks again. */
static int check_backlog(neap_xml *x) {
    if (x->fed - x->told <= 2 * x->text_max + 2 * SLICE) return 0;
    return neap_xml_fail(x, NEAP_ETOOLARGE, "this tag or comment is too long");
}

static int feed_slice(neap_xml *x, const char *bytes, size_t len, bool is_final) {
    look_for_bom(x, bytes, len);
    x->fed += len;
    if (XML_Parse(x->parser, bytes, (int)len, is_final) != XML_STATUS_OK) return fail_parse(x);
    return is_final ? 0 : check_backlog(x);
}

/* How much of a slice goes to expat now. Not a CR at its end, with what follows it: outside the root, an
 * LF in the next slice would count as another line, and in UTF-16 the two take four bytes. Not the very
 * first bytes alone: the encoding shows in the second. */
static size_t find_cut(const neap_xml *x, const char *bytes, size_t len) {
    size_t cut = len > sizeof x->held ? len - sizeof x->held : 0;
    if (x->fed == 0 && len < sizeof x->held) return 0;
    while (cut < len && bytes[cut] != '\r') cut++;
    return cut;
}

static int feed_but_held(neap_xml *x, const char *bytes, size_t len, bool is_final) {
    size_t cut = is_final ? len : find_cut(x, bytes, len);
    x->held_len = len - cut;
    memcpy(x->held, bytes + cut, x->held_len);
    return feed_slice(x, bytes, cut, is_final);
}

/* The next slice behind what was held back; moves *bytes and *len on. */
static int feed_joined(neap_xml *x, const char **bytes, size_t *len, bool is_final) {
    char join[JOIN];
    size_t held = x->held_len, more = *len < JOIN - held ? *len : JOIN - held;
    memcpy(join, x->held, held);
    if (more > 0) memcpy(join + held, *bytes, more);
    *bytes += more;
    *len -= more;
    return feed_but_held(x, join, held + more, is_final && *len == 0);
}

static int feed_direct(neap_xml *x, const char **bytes, size_t *len, bool is_final) {
    const char *from = *bytes;
    size_t more = *len < SLICE ? *len : SLICE;
    *bytes += more;
    *len -= more;
    return feed_but_held(x, from, more, is_final && *len == 0);
}

int neap_xml_feed(neap_xml *x, const char *bytes, size_t len, bool is_final) {
    int rc = x->err.code;
    if (rc < 0) return rc;
    if (x->finished) return NEAP_EINVAL;
    if (len == 0 && !is_final) return 0;
    if (len == 0) bytes = ""; /* may be NULL */
    do {
        rc = (x->held_len > 0 ? feed_joined : feed_direct)(x, &bytes, &len, is_final);
    } while (rc == 0 && len > 0);
    x->finished = is_final || rc < 0;
    return rc;
}

const char *neap_xml_version(void) {
    const char *text = XML_ExpatVersion(); /* "expat_2.5.0" */
    const char *number = strchr(text, '_');
    return number != NULL ? number + 1 : text;
}
