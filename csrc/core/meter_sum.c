/* meter_sum.c: adds texts of the format that meter_text.c writes. See meter.h. Keys and heads are borrowed from the
 * texts; each text is read once, from its first line to its last. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "meter.h"

#define NANO UINT64_C(1000000000)
#define FAMILIES_MAX 256 /* ours are a dozen; of others that many are summed */

typedef struct text {
    const char *at;
    size_t len;
} text;

/* One series: the sum of its samples. */
typedef struct sample {
    text key; /* name and labels */
    uint64_t whole, nano;
    struct sample *next;     /* of its family */
    struct sample *in_slot;  /* of its slot */
} sample;

typedef struct family {
    text name;
    text help, type; /* whole lines; empty: none */
    sample *first, **end;
    struct family *next;
} family;

typedef struct sum {
    family *first, **end;
    sample **slots; /* a hash table of lists */
    size_t slot_count, sample_count, family_count;
} sum;

/* --- lines ------------------------------------------------------------------------------------------ */

static bool equals(text a, text b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static bool begins(text t, const char *s) {
    size_t len = strlen(s);
    return t.len >= len && memcmp(t.at, s, len) == 0;
}

static bool ends(text t, const char *s) {
    size_t len = strlen(s);
    return t.len >= len && memcmp(t.at + t.len - len, s, len) == 0;
}

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
}

static size_t name_len(text t) {
    size_t i = 0;
    while (i < t.len && is_name_char(t.at[i])) i++;
    return i;
}

/* The length of {...} at the beginning, with its quoted values; 0: there is none, or no end of it. */
static size_t labels_len(text t) {
    bool quoted = false;
    if (t.len == 0 || t.at[0] != '{') return 0;
    for (size_t i = 1; i < t.len; i++) {
        if (quoted && t.at[i] == '\\') i++;
        else if (t.at[i] == '"') quoted = !quoted;
        else if (t.at[i] == '}' && !quoted) return i + 1;
    }
    return 0;
}

static bool read_digits(text *t, uint64_t *n, size_t most, size_t *count) {
    for (*count = 0; t->len > 0 && *t->at >= '0' && *t->at <= '9'; (*count)++) {
        if (*count == most) return false;
        *n = *n * 10 + (uint64_t)(*t->at - '0');
        t->at++;
        t->len--;
    }
    return *count > 0;
}

/* Reads "12" or "12.5", to the end of the line. */
static bool read_value(text t, sample *s) {
    size_t count;
    s->whole = s->nano = 0;
    if (!read_digits(&t, &s->whole, 19, &count)) return false;
    if (t.len == 0) return true;
    if (*t.at != '.') return false;
    t.at++;
    t.len--;
    if (!read_digits(&t, &s->nano, 9, &count) || t.len > 0) return false;
    for (; count < 9; count++) s->nano *= 10;
    return true;
}

/* Reads a sample's line into key and value. */
static bool read_sample(text line, sample *s) {
    size_t len = name_len(line);
    text rest = {line.at + len, line.len - len};
    if (len == 0 || (line.at[0] >= '0' && line.at[0] <= '9')) return false;
    if (rest.len > 0 && *rest.at == '{') {
        size_t labels = labels_len(rest);
        if (labels == 0) return false;
        len += labels;
        rest = (text){line.at + len, line.len - len};
    }
    s->key = (text){line.at, len};
    if (rest.len < 2 || *rest.at != ' ') return false;
    return read_value((text){rest.at + 1, rest.len - 1}, s);
}

/* --- families and samples --------------------------------------------------------------------------- */

static family *find_family(const sum *s, text name) {
    family *f = s->first;
    while (f != NULL && !equals(f->name, name)) f = f->next;
    return f;
}

/* Finds a family or makes one; *out is NULL where there are too many. */
static int get_family(sum *s, family **out, text name) {
    family *f = *out = find_family(s, name);
    if (f != NULL || s->family_count == FAMILIES_MAX) return 0;
    f = calloc(1, sizeof *f);
    if (f == NULL) return NEAP_ENOMEM;
    f->name = name;
    f->end = &f->first;
    *s->end = f;
    s->end = &f->next;
    s->family_count++;
    *out = f;
    return 0;
}

static size_t hash(text t) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < t.len; i++) h = (h ^ (unsigned char)t.at[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ (h >> 32));
}

static int grow(sum *s) {
    size_t count = s->slot_count == 0 ? 256 : 2 * s->slot_count;
    sample **slots = calloc(count, sizeof *slots);
    if (slots == NULL) return NEAP_ENOMEM;
    for (family *f = s->first; f != NULL; f = f->next)
        for (sample *p = f->first; p != NULL; p = p->next) {
            size_t i = hash(p->key) % count;
            p->in_slot = slots[i];
            slots[i] = p;
        }
    free(s->slots);
    s->slots = slots;
    s->slot_count = count;
    return 0;
}

/* Adds the value; a sum that is too large stays at the largest. */
static void add_value(sample *to, const sample *from) {
    uint64_t nano = to->nano + from->nano, carry = nano / NANO;
    bool too_large = to->whole > UINT64_MAX - from->whole - carry;
    to->whole = too_large ? UINT64_MAX : to->whole + from->whole + carry;
    to->nano = nano % NANO;
}

static int add_sample(sum *s, family *f, const sample *from) {
    sample *p;
    size_t i;
    if (s->sample_count >= s->slot_count && grow(s) < 0) return NEAP_ENOMEM;
    i = hash(from->key) % s->slot_count;
    for (p = s->slots[i]; p != NULL && !equals(p->key, from->key);) p = p->in_slot;
    if (p != NULL) {
        add_value(p, from);
        return 0;
    }
    p = malloc(sizeof *p);
    if (p == NULL) return NEAP_ENOMEM;
    *p = *from;
    p->next = NULL;
    p->in_slot = s->slots[i];
    s->slots[i] = p;
    *f->end = p;
    f->end = &p->next;
    s->sample_count++;
    return 0;
}

/* --- texts ------------------------------------------------------------------------------------------ */

/* The name in "# HELP name ..."; empty: it is no such line. */
static text head_name(text line, const char *head) {
    text rest = {line.at, 0};
    if (!begins(line, head)) return rest;
    rest = (text){line.at + strlen(head), line.len - strlen(head)};
    rest.len = name_len(rest);
    return rest;
}

/* Is it a sample of the family, as all of a histogram are? */
static bool belongs(text key, const family *f) {
    static const char *const suffixes[] = {"", "_bucket", "_sum", "_count"};
    text name = {key.at, name_len(key)};
    if (f == NULL || name.len < f->name.len || memcmp(name.at, f->name.at, f->name.len) != 0) return false;
    name = (text){name.at + f->name.len, name.len - f->name.len};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (equals(name, (text){suffixes[i], strlen(suffixes[i])})) return true;
    return false;
}

/* Reads a head or a sample; *now is the family whose lines are being read. */
static int add_line(sum *s, family **now, text line) {
    text help = head_name(line, "# HELP "), type = head_name(line, "# TYPE ");
    text name = help.len > 0 ? help : type;
    sample p = {0};
    if (name.len == 0 && !read_sample(line, &p)) return 0;
    if (name.len == 0 && !belongs(p.key, *now)) name = (text){p.key.at, name_len(p.key)};
    if (name.len > 0 && get_family(s, now, name) < 0) return NEAP_ENOMEM;
    if (*now == NULL) return 0;
    if (help.len > 0 && (*now)->help.len == 0) (*now)->help = line;
    if (type.len > 0 && (*now)->type.len == 0) (*now)->type = line;
    return p.key.len > 0 ? add_sample(s, *now, &p) : 0;
}

/* The last whole line that t ends with, without its newline. t ends behind a newline. */
static text last_line(text t) {
    size_t from = t.len - 1;
    while (from > 0 && t.at[from - 1] != '\n') from--;
    return (text){t.at + from, t.len - 1 - from};
}

/* Leaves out what a text was cut off in: a line, and the histogram of it, which _count ends. */
static text whole_part(text t) {
    while (t.len > 0 && t.at[t.len - 1] != '\n') t.len--;
    while (t.len > 0) {
        text line = last_line(t), name = {line.at, name_len(line)};
        if (!ends(name, "_bucket") && !ends(name, "_sum")) break;
        t.len -= line.len + 1;
    }
    return t;
}

static int add_text(sum *s, text t) {
    family *now = NULL;
    t = whole_part(t);
    for (size_t from = 0, i = 0; i < t.len; i++) {
        if (t.at[i] != '\n') continue;
        if (add_line(s, &now, (text){t.at + from, i - from}) < 0) return NEAP_ENOMEM;
        from = i + 1;
    }
    return 0;
}

static void free_sum(sum *s) {
    for (family *f = s->first, *f_next; f != NULL; f = f_next) {
        for (sample *p = f->first, *next; p != NULL; p = next) {
            next = p->next;
            free(p);
        }
        f_next = f->next;
        free(f);
    }
    free(s->slots);
}

/* --- the result ------------------------------------------------------------------------------------- */

static void write_line(text line, neap_write_fn write, void *ud) {
    if (line.len == 0) return;
    write(ud, line.at, line.len);
    write(ud, "\n", 1);
}

static void write_sample(const sample *p, neap_write_fn write, void *ud) {
    char value[48];
    int len = snprintf(value, sizeof value, " %" PRIu64 ".%09" PRIu64, p->whole, p->nano);
    while (value[len - 1] == '0') len--;
    if (value[len - 1] == '.') len--;
    value[len++] = '\n';
    write(ud, p->key.at, p->key.len);
    write(ud, value, (size_t)len);
}

static void write_sum(const sum *s, neap_write_fn write, void *ud) {
    for (const family *f = s->first; f != NULL; f = f->next) {
        write_line(f->help, write, ud);
        write_line(f->type, write, ud);
        for (const sample *p = f->first; p != NULL; p = p->next) write_sample(p, write, ud);
    }
}

int neap_meter_sum(const char *const *texts, const size_t *lens, size_t count, neap_write_fn write, void *ud) {
    sum s = {.end = &s.first};
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) rc = add_text(&s, (text){texts[i], lens[i]});
    if (rc == 0) write_sum(&s, write, ud);
    free_sum(&s);
    return rc;
}
