/* token.c: see token.h. */
#include "token.h"

#include <string.h>

#include "json.h"

#define DEPTH_MAX 32
#define LEN_MAX 16384
#define GUID_LEN 36

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

/* What a token may be made of: no spaces, and no brackets of a page or of JSON. A text of several words
 * is a complaint. */
static bool is_token(const char *s, size_t len) {
    size_t i;
    for (i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] > '~' || strchr("\"<>{}[]", s[i]) != NULL) return false;
    return len > 0 && len <= LEN_MAX;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Without quotes a word is a page's, and what begins with a digit may be a number, or a date, unless it
 * is long: a token has both kinds of characters. */
static bool is_mixed(const char *s, size_t len) {
    bool letters = false, digits = false;
    size_t i;
    for (i = 0; i < len; i++) {
        letters = letters || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z');
        digits = digits || is_digit(s[i]);
    }
    return letters && digits && (!is_digit(s[0]) || len >= GUID_LEN);
}

static int make(neap_secret **out, const char *bytes, size_t len, const char *member, neap_err *err) {
    int rc;
    if (!is_token(bytes, len)) return lacks(err, member);
    rc = neap_secret_new(out, bytes, len);
    if (rc < 0) neap_err_set(err, rc, "not enough memory");
    return rc;
}

static int make_bare(neap_secret **out, const char *answer, size_t len, neap_err *err) {
    while (len > 0 && is_blank(answer[len - 1])) len--;
    while (len > 0 && is_blank(*answer)) answer++, len--;
    if (len == 0 || !is_mixed(answer, len)) return lacks(err, NULL);
    return make(out, answer, len, NULL, err);
}

/* The string that the reader is at; nothing may follow it. */
static int make_read(neap_secret **out, neap_json_reader *r, const char *member, neap_err *err) {
    int rc = make(out, r->str, r->str_len, member, err);
    neap_json_token t = NEAP_JSON_STRING;
    while (rc == 0 && t != NEAP_JSON_END && t != NEAP_JSON_ERROR) t = neap_json_reader_next(r);
    if (rc < 0 || t == NEAP_JSON_END) return rc;
    neap_secret_unref(*out);
    *out = NULL;
    return lacks(err, member);
}

int neap_token_take(neap_secret **out, const char *answer, size_t len, const char *member,
                    neap_err *err) {
    neap_json_reader r = {0};
    int rc;
    *out = NULL;
    neap_json_reader_start(&r, answer, len, DEPTH_MAX);
    if ((member == NULL || find_member(&r, member)) && neap_json_reader_next(&r) == NEAP_JSON_STRING)
        rc = make_read(out, &r, member, err);
    else if (r.err.code == NEAP_ENOMEM) neap_err_set(err, rc = NEAP_ENOMEM, "not enough memory");
    else if (member == NULL) rc = make_bare(out, answer, len, err);
    else rc = lacks(err, member);
    neap_buf_wipe(&r.scratch);
    neap_json_reader_deinit(&r);
    return rc;
}
