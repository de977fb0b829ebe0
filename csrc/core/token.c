/* token.c: see token.h. */
#include "token.h"

#include <string.h>

#include "json.h"

#define DEPTH_MAX 32

static int lacks(neap_err *err, const char *member) {
    if (member != NULL) neap_err_set(err, NEAP_EDECODE, "the answer to the login has no text \"%s\"", member);
    else neap_err_set(err, NEAP_EDECODE, "the answer to the login is no token");
    return NEAP_EDECODE;
}

/* Reads on to the value of the member of the outermost object. */
static bool find_member(neap_json_reader *r, const char *member) {
    neap_json_token t = neap_json_reader_next(r);
    if (t != NEAP_JSON_OBJECT_BEGIN) return false;
    while (t != NEAP_JSON_END && t != NEAP_JSON_ERROR) {
        t = neap_json_reader_next(r);
        if (t == NEAP_JSON_KEY && r->depth == 1 && r->str_len == strlen(member) &&
            memcmp(r->str, member, r->str_len) == 0)
            return true;
    }
    return false;
}

/* A text without quotes: no spaces, and no brackets of a page or of JSON. */
static bool is_bare(const char *s, size_t len) {
    size_t i;
    for (i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] > '~' || strchr("\"<>{}[]", s[i]) != NULL) return false;
    return len > 0;
}

static int make(neap_secret **out, const char *bytes, size_t len, const char *member, neap_err *err) {
    int rc = neap_secret_new(out, bytes, len);
    if (rc == NEAP_EINVAL) return lacks(err, member); /* empty, or with a control character */
    if (rc < 0) neap_err_set(err, rc, "not enough memory");
    return rc;
}

int neap_token_take(neap_secret **out, const char *answer, size_t len, const char *member,
                    neap_err *err) {
    neap_json_reader r = {0};
    int rc;
    *out = NULL;
    neap_json_reader_start(&r, answer, len, DEPTH_MAX);
    if ((member == NULL || find_member(&r, member)) && neap_json_reader_next(&r) == NEAP_JSON_STRING) {
        rc = make(out, r.str, r.str_len, member, err);
    } else if (r.err.code == NEAP_ENOMEM) {
        neap_err_set(err, rc = NEAP_ENOMEM, "not enough memory");
    } else if (member == NULL && is_bare(answer, len)) {
        rc = make(out, answer, len, member, err);
    } else {
        rc = lacks(err, member);
    }
    neap_buf_wipe(&r.scratch);
    neap_json_reader_deinit(&r);
    return rc;
}
