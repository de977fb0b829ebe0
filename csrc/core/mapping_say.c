/* mapping_say.c: how messages show the values of a map; in the words of lua/neap/schema/value.lua. */
#include <stdio.h>
#include <string.h>

#include "mapping_work.h"

#define SHOWN 100  /* bytes of a target's name in a message */
#define EXCERPT 60 /* bytes of a string in a message */

typedef neap_mapping_value value;

/* Cuts a length down to one that ends before a character. */
static size_t cut(const char *s, size_t len, size_t max) {
    if (len <= max) return len;
    while (max > 0 && ((unsigned char)s[max] & 0xC0) == 0x80) max--;
    return max;
}

static char *put_shown(char *to, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    const char *name = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
    if (name != NULL) {
        *to++ = name[0];
        *to++ = name[1];
    } else if (c < 0x20 || c == 0x7F) {
        *to++ = '\\';
        *to++ = 'x';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    } else {
        *to++ = (char)c;
    }
    return to;
}

/* As neap.lang.quote: quoted, cut, controls escaped. */
static void say_text(const value *v, char out[NEAP_MAPPING__SAID]) {
    static const char head[] = "a string (\"";
    size_t shown = cut(v->s, v->len, EXCERPT);
    char *to = out + sizeof head - 1;
    memcpy(out, head, sizeof head - 1);
    for (size_t i = 0; i < shown; i++) to = put_shown(to, (unsigned char)v->s[i]);
    memcpy(to, shown < v->len ? "...\")" : "\")", shown < v->len ? 6 : 3);
}

static void say_number(const value *v, char out[NEAP_MAPPING__SAID]) {
    neap_buf text = {0};
    if (neap_mapping__put_json(&text, v) == 0)
        snprintf(out, NEAP_MAPPING__SAID, "a number (%.*s)", (int)text.len, text.data);
    else snprintf(out, NEAP_MAPPING__SAID, "a number");
    neap_buf_free(&text);
}

void neap_mapping__say(const value *v, char out[NEAP_MAPPING__SAID]) {
    static const char *const names[] = {
        [NEAP_MAPPING__NOTHING] = "nothing",        [NEAP_MAPPING__NULL] = "null",
        [NEAP_MAPPING__TRUE] = "a boolean (true)",  [NEAP_MAPPING__FALSE] = "a boolean (false)",
        [NEAP_MAPPING__LIST] = "a list",            [NEAP_MAPPING__OBJECT] = "an object",
        [NEAP_MAPPING__PARTS] = "a list",
    };
    if (v->kind == NEAP_MAPPING__TEXT) say_text(v, out);
    else if (v->kind == NEAP_MAPPING__INTEGER || v->kind == NEAP_MAPPING__FLOAT) say_number(v, out);
    else snprintf(out, NEAP_MAPPING__SAID, "%s", names[v->kind]);
}

int neap_mapping__refuse(const neap_mapping *m, const neap_mapping_step *step, const char *expected,
                         const value *got, neap_err *err) {
    const char *to = m->text.data + step->to.at;
    char said[NEAP_MAPPING__SAID];
    neap_mapping__say(got, said);
    return neap_err_set(err, NEAP_EDECODE, "%.*s: expected %s, got %s",
                        (int)cut(to, step->to.len, SHOWN), to, expected, said);
}
