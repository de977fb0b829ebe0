/* head.c: heads that libmicrohttpd takes although they can be read in two ways (RFC 9112 5.1, 6.3): whatever stands
 * before it, such as a proxy, may have seen another request. */
#include <string.h>
#include <strings.h>

#include "own.h"

/* What was found. */
typedef struct tally {
    unsigned lengths, codings, hosts;
    bool malformed; /* a name that is none, or a line break in a value */
    bool unknown;   /* another coding than chunked */
} tally;

static bool is_named(const char *name, size_t len, const char *wanted) {
    return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

/* RFC 9110 5.6.2; what else could be in a name has an end of its own. */
static bool is_malformed(const char *name, size_t name_len, const char *value) {
    static const char none[] = "\t\r\n \"(),/:;<=>?@[\\]{}";
    return name_len == 0 || strcspn(name, none) < name_len || (value != NULL && strpbrk(value, "\r\n") != NULL);
}

static enum MHD_Result on_field(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                const char *value, size_t value_len) {
    tally *t = cls;
    (void)kind;
    if (is_malformed(name, name_len, value)) t->malformed = true;
    if (is_named(name, name_len, MHD_HTTP_HEADER_HOST)) t->hosts++;
    if (is_named(name, name_len, MHD_HTTP_HEADER_CONTENT_LENGTH)) t->lengths++;
    if (!is_named(name, name_len, MHD_HTTP_HEADER_TRANSFER_ENCODING)) return MHD_YES;
    t->codings++;
    if (value == NULL || !is_named(value, value_len, "chunked")) t->unknown = true;
    return MHD_YES;
}

unsigned neap_head_check(struct MHD_Connection *conn, const char *version, const char **fault) {
    tally t = {0};
    MHD_get_connection_values_n(conn, MHD_HEADER_KIND, on_field, &t);
    *fault = NULL;
    if (t.malformed) *fault = "a header field is malformed";
    else if (t.hosts > 1) *fault = "the header Host comes twice";
    else if (t.hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_1) == 0) *fault = "the header Host is missing";
    else if (t.lengths + t.codings > 1) *fault = "the header says in two ways how long the body is";
    if (*fault != NULL) return MHD_HTTP_BAD_REQUEST;
    if (!t.unknown) return 0;
    *fault = "of all transfer codings, chunked alone is known";
    return MHD_HTTP_NOT_IMPLEMENTED;
}
