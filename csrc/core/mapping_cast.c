/* mapping_cast.c: makes of a record's value what its entry wants: the steps 2 to 7 of mapping.h. */
#include <math.h>
#include <string.h>

#include "mapping_work.h"

#define TWO_TO_63 9223372036854775808.0

typedef neap_mapping_value value;

/* ---- parts and items ---- */

/* Gets the part that begins at p; *next is where the one behind it begins, NULL for the last. */
const char *neap_mapping__part_end(const value *v, const char *p, const char **next) {
    const char *end = v->s + v->len, *delimiter = v->delimiter.s;
    size_t len = v->delimiter.len;
    for (const char *at = p; (size_t)(end - at) >= len; at++) {
        at = memchr(at, *delimiter, (size_t)(end - at) - len + 1);
        if (at == NULL) break;
        if (memcmp(at, delimiter, len) == 0) {
            *next = at + len;
            return at;
        }
    }
    *next = NULL;
    return end;
}

static void take_part(value *v, size_t index) {
    const char *p = v->s, *end, *next = v->s;
    if (v->len == 0) next = NULL;
    for (end = p; next != NULL && index > 0; index--) {
        p = next;
        end = neap_mapping__part_end(v, p, &next);
    }
    v->kind = index == 0 ? NEAP_MAPPING__TEXT : NEAP_MAPPING__NOTHING;
    v->s = p;
    v->len = (size_t)(end - p);
}

/* Reads over the value that begins with a token; the text is known to be right. */
static int pass(neap_json_reader *r, neap_json_token token) {
    size_t depth = r->depth;
    if (token == NEAP_JSON_OBJECT_BEGIN || token == NEAP_JSON_ARRAY_BEGIN) {
        while (token != NEAP_JSON_ERROR && r->depth >= depth) token = neap_json_reader_next(r);
    }
    return token == NEAP_JSON_ERROR ? NEAP_ENOMEM : 0;
}

/* Takes an item that is a container: it stands in the list as it is to be written. */
static int take_container(neap_json_reader *r, neap_json_token token, value *v) {
    const char *start = r->token;
    if (pass(r, token) < 0) return NEAP_ENOMEM;
    v->kind = token == NEAP_JSON_OBJECT_BEGIN ? NEAP_MAPPING__OBJECT : NEAP_MAPPING__LIST;
    v->s = start;
    v->len = (size_t)(r->at - start);
    return 0;
}

/* Takes an item out of a list; its text is in the list, or in the inner reader. */
static int take_item(neap_mapping *m, value *v, size_t index) {
    neap_json_reader *r = &m->inner;
    neap_json_token token;
    neap_json_reader_start(r, v->s, v->len, NEAP_MAPPING_DEPTH);
    neap_json_reader_next(r); /* the list's begin */
    for (token = neap_json_reader_next(r); index > 1 && token != NEAP_JSON_ARRAY_END; index--) {
        if (pass(r, token) < 0) return NEAP_ENOMEM;
        token = neap_json_reader_next(r);
    }
    if (token == NEAP_JSON_ERROR) return NEAP_ENOMEM; /* nothing else can be wrong */
    if (token == NEAP_JSON_OBJECT_BEGIN || token == NEAP_JSON_ARRAY_BEGIN)
        return take_container(r, token, v);
    if (token == NEAP_JSON_ARRAY_END) {
        v->kind = NEAP_MAPPING__NOTHING;
        return 0;
    }
    if (neap_mapping__keep(v, &m->values, r, token) < 0) return NEAP_ENOMEM;
    if (v->s == NULL) v->s = m->values.out.data + v->at;
    return 0;
}

static bool is_void(const value *v) {
    return v->kind <= NEAP_MAPPING__NULL || (v->kind == NEAP_MAPPING__TEXT && v->len == 0);
}

static int apply_split(const neap_mapping *m, const neap_mapping_step *step, value *v,
                       neap_err *err) {
    if (v->kind == NEAP_MAPPING__LIST) return 0;
    if (v->kind != NEAP_MAPPING__TEXT) return neap_mapping__refuse(m, step, "a string or a list", v, err);
    v->kind = NEAP_MAPPING__PARTS;
    v->delimiter = (neap_mapping_text){m->text.data + step->split.at, step->split.len};
    return 0;
}

static int apply_at(neap_mapping *m, const neap_mapping_step *step, value *v, neap_err *err) {
    if (v->kind == NEAP_MAPPING__PARTS) {
        take_part(v, step->at);
        return 0;
    }
    if (v->kind != NEAP_MAPPING__LIST) return neap_mapping__refuse(m, step, "a list", v, err);
    return take_item(m, v, step->at) < 0 ? neap_mapping__no_memory(err) : 0;
}

/* ---- casts ---- */

static void set_text(value *v, neap_mapping_kind kind, const char *s, size_t len) {
    *v = (value){.kind = kind, .plain = true, .s = s, .len = len};
}

/* Makes the JSON of a value, in `work`, a text. */
static int to_string(neap_mapping *m, value *v) {
    bool is_container = v->kind == NEAP_MAPPING__LIST || v->kind == NEAP_MAPPING__OBJECT;
    if (v->kind == NEAP_MAPPING__TEXT) return 0;
    if (v->kind == NEAP_MAPPING__INTEGER || is_container) {
        v->kind = NEAP_MAPPING__TEXT;
        v->plain = !is_container;
        return 0;
    }
    m->work.len = 0;
    if (neap_mapping__put_json(&m->work, v) < 0) return NEAP_ENOMEM;
    is_container = v->kind == NEAP_MAPPING__PARTS;
    set_text(v, NEAP_MAPPING__TEXT, m->work.data, m->work.len);
    v->plain = !is_container;
    return 0;
}

static int set_integer(neap_mapping *m, value *v, int64_t integer) {
    neap_json_writer w = {.out = &m->work};
    m->work.len = 0;
    if (neap_json_writer_int(&w, integer) < 0) return NEAP_ENOMEM;
    set_text(v, NEAP_MAPPING__INTEGER, m->work.data, m->work.len);
    return 0;
}

/* Reads digits, with or without a minus. */
static bool read_integer(const char *s, size_t len, int64_t *out) {
    bool negative = len > 0 && *s == '-';
    uint64_t number = 0, max = (uint64_t)INT64_MAX + negative;
    if (len == (size_t)negative) return false;
    for (size_t i = negative; i < len; i++) {
        unsigned digit = (unsigned)((unsigned char)s[i] - '0');
        if (digit > 9 || number > (max - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *out = (int64_t)(negative ? 0 - number : number);
    return true;
}

/* The casts return 0, NEAP_EDECODE (it does not fit) or NEAP_ENOMEM. */

static int to_integer(neap_mapping *m, value *v) {
    int64_t integer;
    if (v->kind == NEAP_MAPPING__INTEGER) return 0;
    if (v->kind == NEAP_MAPPING__TEXT && read_integer(v->s, v->len, &integer))
        return set_integer(m, v, integer);
    if (v->kind != NEAP_MAPPING__FLOAT || v->number != floor(v->number)) return NEAP_EDECODE;
    if (v->number < -TWO_TO_63 || v->number >= TWO_TO_63) return NEAP_EDECODE;
    return set_integer(m, v, (int64_t)v->number);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Only a number, without a blank around it, begins and ends so. */
static int to_number(neap_mapping *m, value *v) {
    neap_json_reader *r = &m->inner;
    neap_json_token token;
    if (v->kind == NEAP_MAPPING__INTEGER || v->kind == NEAP_MAPPING__FLOAT) return 0;
    if (v->kind != NEAP_MAPPING__TEXT || v->len == 0 || !is_digit(v->s[v->len - 1]) ||
        (*v->s != '-' && !is_digit(*v->s)))
        return NEAP_EDECODE;
    neap_json_reader_start(r, v->s, v->len, 1);
    token = neap_json_reader_next(r);
    if (token == NEAP_JSON_INTEGER || token == NEAP_JSON_FLOAT) {
        value number = {0};
        int rc = neap_mapping__keep(&number, &m->values, r, token);
        if (rc == 0 && neap_json_reader_next(r) == NEAP_JSON_END) {
            *v = number;
            return 0;
        }
    }
    return r->err.code == NEAP_ENOMEM ? NEAP_ENOMEM : NEAP_EDECODE;
}

static bool is_text(const value *v, const char *s) {
    return v->len == strlen(s) && memcmp(v->s, s, v->len) == 0;
}

static int to_boolean(value *v) {
    bool is_true = v->kind == NEAP_MAPPING__TRUE, is_false = v->kind == NEAP_MAPPING__FALSE;
    if (v->kind == NEAP_MAPPING__TEXT) {
        is_true = is_text(v, "true");
        is_false = is_text(v, "false");
    } else if (v->kind == NEAP_MAPPING__INTEGER) {
        is_true = is_text(v, "1");
        is_false = is_text(v, "0");
    } else if (v->kind == NEAP_MAPPING__FLOAT) {
        is_true = v->number == 1;
        is_false = v->number == 0;
    }
    v->kind = is_true ? NEAP_MAPPING__TRUE : NEAP_MAPPING__FALSE;
    return is_true || is_false ? 0 : NEAP_EDECODE;
}

static unsigned two_digits(const char *s) {
    return (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
}

/* Is YYYY-MM-DD a day of the proleptic Gregorian calendar, from year 1 on? */
static bool is_date(const char *s) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    for (int i = 0; i < 10; i++) {
        if (i == 4 || i == 7 ? s[i] != '-' : !is_digit(s[i])) return false;
    }
    year = two_digits(s) * 100 + two_digits(s + 2);
    month = two_digits(s + 5);
    day = two_digits(s + 8);
    if (year < 1 || month < 1 || month > 12 || day < 1) return false;
    if (month == 2 && day == 29) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1];
}

static int to_date(value *v) {
    if (v->kind != NEAP_MAPPING__TEXT || v->len < 10 || !is_date(v->s)) return NEAP_EDECODE;
    if (v->len > 10 && v->s[10] != 'T' && v->s[10] != ' ') return NEAP_EDECODE;
    v->len = 10;
    v->plain = true;
    return 0;
}

static int to_list(value *v) {
    if (v->kind == NEAP_MAPPING__OBJECT) return NEAP_EDECODE;
    v->listed = v->kind != NEAP_MAPPING__LIST && v->kind != NEAP_MAPPING__PARTS;
    return 0;
}

static int cast(neap_mapping *m, neap_mapping_cast to, value *v) {
    switch (to) {
    case NEAP_MAPPING_STRING: return to_string(m, v);
    case NEAP_MAPPING_INTEGER: return to_integer(m, v);
    case NEAP_MAPPING_NUMBER: return to_number(m, v);
    case NEAP_MAPPING_BOOLEAN: return to_boolean(v);
    case NEAP_MAPPING_DATE: return to_date(v);
    case NEAP_MAPPING_LIST: return to_list(v);
    default: return 0;
    }
}

static int apply_cast(neap_mapping *m, const neap_mapping_step *step, value *v, neap_err *err) {
    static const char *const expected[] = {
        [NEAP_MAPPING_STRING] = "a string",   [NEAP_MAPPING_INTEGER] = "an integer",
        [NEAP_MAPPING_NUMBER] = "a number",   [NEAP_MAPPING_BOOLEAN] = "a boolean",
        [NEAP_MAPPING_DATE] = "a date (YYYY-MM-DD)", [NEAP_MAPPING_LIST] = "a list",
    };
    value before;
    int rc;
    if (step->cast == NEAP_MAPPING_ANY) return 0;
    before = *v;
    rc = cast(m, step->cast, v);
    if (rc == NEAP_ENOMEM) return neap_mapping__no_memory(err);
    return rc < 0 ? neap_mapping__refuse(m, step, expected[step->cast], &before, err) : 0;
}

/* ---- the steps ---- */

static void set_constant(const neap_mapping *m, const neap_mapping_step *step, value *v) {
    *v = step->constant;
    v->s = m->text.data + v->at;
}

/* Split, at, default and cast of a value that is there. */
static int apply_steps(neap_mapping *m, const neap_mapping_step *step, value *v, neap_err *err) {
    int rc = 0;
    if (step->split.len > 0) rc = apply_split(m, step, v, err);
    if (rc == 0 && step->at > 0) rc = apply_at(m, step, v, err);
    if (rc < 0) return rc;
    if (step->has_otherwise && is_void(v)) {
        set_constant(m, step, v);
        return 0;
    }
    if (v->kind > NEAP_MAPPING__NULL) return apply_cast(m, step, v, err);
    v->kind = NEAP_MAPPING__NOTHING;
    return 0;
}

int neap_mapping__get(neap_mapping *m, const neap_mapping_step *step, value *v, neap_err *err) {
    neap_mapping_node *node;
    if (step->node == NEAP_MAPPING__NONE) {
        set_constant(m, step, v);
        return 0;
    }
    node = &neap_mapping__nodes(m)[step->node];
    *v = node->value;
    if (v->kind != NEAP_MAPPING__NOTHING) node->seen = m->count;
    if (v->kind > NEAP_MAPPING__NULL && v->s == NULL) v->s = m->values.out.data + v->at;
    if (step->has_otherwise && is_void(v)) {
        set_constant(m, step, v);
        return 0;
    }
    if (v->kind > NEAP_MAPPING__NULL) return step->is_direct ? 0 : apply_steps(m, step, v, err);
    v->kind = NEAP_MAPPING__NOTHING;
    return 0;
}
