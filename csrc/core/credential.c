/* credential.c: see credential.h. Every buffer that gets a secret is reserved once and in full
 * before the first byte goes in, so that growing leaves no copy behind in freed memory. */
#include "credential.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "url.h"

/* One secret and its place. */
typedef struct placement {
    neap_placement where;
    char *name;          /* owned; "" for bearer */
    neap_secret *secret; /* one reference */
} placement;

/* One origin that may get the secrets. */
typedef struct origin {
    char *text;   /* owned; as neap_url_add_origin writes it */
    neap_url url; /* its parts, in text */
} origin;

struct neap_credential {
    unsigned refs;
    placement *items; /* in order of neap_credential_put */
    size_t item_count;
    origin *origins;
    size_t origin_count;
};

int neap_credential_new(neap_credential **out) {
    *out = calloc(1, sizeof **out);
    if (*out == NULL) return NEAP_ENOMEM;
    (*out)->refs = 1;
    return 0;
}

neap_credential *neap_credential_ref(neap_credential *c) {
    c->refs++;
    return c;
}

void neap_credential_unref(neap_credential *c) {
    if (c == NULL || --c->refs > 0) return;
    for (size_t i = 0; i < c->item_count; i++) {
        free(c->items[i].name);
        neap_secret_unref(c->items[i].secret);
    }
    for (size_t i = 0; i < c->origin_count; i++) free(c->origins[i].text);
    free(c->items);
    free(c->origins);
    free(c);
}

/* --- placements ------------------------------------------------------------------------------- */

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *s) {
    static const char marks[] = "!#$%&'*+-.^_`|~";
    if (*s == '\0') return false;
    for (; *s != '\0'; s++) {
        bool alpha = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
        if (!alpha && !(*s >= '0' && *s <= '9') && strchr(marks, *s) == NULL) return false;
    }
    return true;
}

static bool has_control(const char *s) {
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f) return true;
    }
    return false;
}

/* Length of the UTF-8 sequence at s (RFC 3629 section 4), 0 if it is none; NUL-terminated text. */
static size_t utf8_len(const unsigned char *s) {
    unsigned char low = 0x80, high = 0xbf;
    size_t len;
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] == 0xe0) low = 0xa0;
    if (s[0] == 0xed) high = 0x9f;
    if (s[0] == 0xf0) low = 0x90;
    if (s[0] == 0xf4) high = 0x8f;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < len; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf) return 0;
    }
    return len;
}

static bool is_utf8(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    while (*s != '\0') {
        size_t len = utf8_len(s);
        if (len == 0) return false;
        s += len;
    }
    return true;
}

static bool is_name_of(neap_placement where, const char *name) {
    switch (where) {
    case NEAP_IN_HEADER: return is_token(name);
    case NEAP_IN_BODY: return *name != '\0' && !has_control(name) && is_utf8(name);
    case NEAP_IN_QUERY: return *name != '\0';
    case NEAP_IN_BASIC: /* RFC 7617 section 2 */
        return strchr(name, ':') == NULL && !has_control(name);
    case NEAP_IN_BEARER: return true;
    }
    return false;
}

int neap_credential_put(neap_credential *c, neap_placement where, const char *name,
                        neap_secret *secret) {
    placement *grown;
    if (name == NULL || where == NEAP_IN_BEARER) name = "";
    if (!is_name_of(where, name)) return NEAP_EINVAL;
    if (where == NEAP_IN_BODY && !is_utf8(neap_secret_bytes(secret))) return NEAP_EINVAL;
    grown = realloc(c->items, (c->item_count + 1) * sizeof *grown);
    if (grown == NULL) return NEAP_ENOMEM;
    c->items = grown;
    grown += c->item_count;
    grown->name = strdup(name);
    if (grown->name == NULL) return NEAP_ENOMEM;
    grown->where = where;
    grown->secret = neap_secret_ref(secret);
    c->item_count++;
    return 0;
}

/* --- origins ---------------------------------------------------------------------------------- */

/* Parses the origin of a URL into memory of its own. */
static int read_origin(origin *o, const char *url) {
    neap_buf text = {0};
    neap_url u;
    int rc = neap_url_parse(&u, url, strlen(url), NULL);
    if (rc == 0) rc = neap_url_add_origin(&text, &u);
    if (rc == 0) rc = neap_buf_add(&text, "", 1);
    if (rc == 0) rc = neap_url_parse(&o->url, text.data, text.len - 1, NULL);
    if (rc < 0) neap_buf_free(&text);
    else o->text = text.data; /* the buffer's memory is the list's now */
    return rc;
}

int neap_credential_allow(neap_credential *c, const char *url) {
    origin made = {0}, *grown;
    int rc = read_origin(&made, url);
    if (rc < 0) return rc;
    grown = realloc(c->origins, (c->origin_count + 1) * sizeof *grown);
    if (grown == NULL) {
        free(made.text);
        return NEAP_ENOMEM;
    }
    c->origins = grown;
    c->origins[c->origin_count++] = made;
    return 0;
}

static bool is_allowed(const neap_credential *c, const neap_url *url) {
    for (size_t i = 0; i < c->origin_count; i++) {
        if (neap_url_same_origin(&c->origins[i].url, url)) return true;
    }
    return false;
}

/* Says which origin was refused; never more of the URL, which may hold a secret. */
static int refuse_origin(const neap_credential *c, const neap_url *u, neap_err *err) {
    int len = u->host.len < 100 ? (int)u->host.len : 100;
    return neap_err_set(err, NEAP_EAUTH, "credential of %.100s must not go to %s://%s%.*s%s:%u",
                        c->origin_count > 0 ? c->origins[0].text : "no origin",
                        u->https ? "https" : "http", u->ipv6 ? "[" : "", len, u->host.data,
                        u->ipv6 ? "]" : "", (unsigned)u->port);
}

static int parse(neap_url *out, const char *url, neap_err *err) {
    neap_err why;
    if (neap_url_parse(out, url, strlen(url), &why) == 0) return 0;
    return neap_err_set(err, NEAP_EAUTH, "credential refused: %.200s", why.message);
}

static int check(const neap_credential *c, const neap_url *u, neap_err *err) {
    if (!is_allowed(c, u)) return refuse_origin(c, u, err);
    if (u->https || neap_url_is_loopback(u->host.data, u->host.len)) return 0;
    return neap_err_set(err, NEAP_EAUTH, "credential refused: plain http is for loopback only, use https");
}

int neap_credential_check(const neap_credential *c, const char *url, neap_err *err) {
    neap_url u;
    int rc = parse(&u, url, err);
    return rc < 0 ? rc : check(c, &u, err);
}

/* --- applying --------------------------------------------------------------------------------- */

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Six bits at bit offset `bit` of the two texts as one. */
static unsigned six_bits(const char *user, size_t user_len, const char *pass, size_t pass_len,
                         size_t bit) {
    unsigned window = 0;
    for (size_t i = bit / 8; i < bit / 8 + 2; i++) {
        unsigned char c = 0;
        if (i < user_len) c = (unsigned char)user[i];
        else if (i == user_len) c = ':';
        else if (i - user_len - 1 < pass_len) c = (unsigned char)pass[i - user_len - 1];
        window = window << 8 | c;
    }
    return window >> (10 - bit % 8) & 0x3f;
}

/* base64(user:password), RFC 7617 section 2; straight into the buffer, no copy of the pair. */
static int add_basic(neap_buf *out, const placement *p) {
    const char *pass = neap_secret_bytes(p->secret);
    size_t user_len = strlen(p->name), pass_len = neap_secret_len(p->secret);
    size_t len = user_len + 1 + pass_len;
    int rc = neap_buf_puts(out, "Authorization: Basic ");
    for (size_t bit = 0; rc == 0 && bit < len * 8; bit += 6) {
        rc = neap_buf_add(out, base64_digits + six_bits(p->name, user_len, pass, pass_len, bit), 1);
    }
    for (size_t i = len % 3; rc == 0 && i > 0 && i < 3; i++) rc = neap_buf_puts(out, "=");
    return rc;
}

static int add_header(neap_buf *out, const placement *p) {
    int rc = 0;
    if (p->where == NEAP_IN_HEADER) {
        rc = neap_buf_puts(out, p->name);
        if (rc == 0) rc = neap_buf_puts(out, ": ");
    } else if (p->where == NEAP_IN_BEARER) {
        rc = neap_buf_puts(out, "Authorization: Bearer ");
    } else {
        rc = add_basic(out, p);
    }
    if (rc == 0 && p->where != NEAP_IN_BASIC) {
        rc = neap_buf_add(out, neap_secret_bytes(p->secret), neap_secret_len(p->secret));
    }
    return rc < 0 ? rc : neap_buf_add(out, "", 1);
}

/* A JSON string; no control characters are in names and secrets. */
static int add_string(neap_buf *out, const char *s) {
    int rc = neap_buf_puts(out, "\"");
    for (; rc == 0 && *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') rc = neap_buf_puts(out, "\\");
        if (rc == 0) rc = neap_buf_add(out, s, 1);
    }
    return rc < 0 ? rc : neap_buf_puts(out, "\"");
}

static int add_member(neap_buf *out, const placement *p, bool comma) {
    int rc = comma ? neap_buf_puts(out, ",") : 0;
    if (rc == 0) rc = add_string(out, p->name);
    if (rc == 0) rc = neap_buf_puts(out, ":");
    return rc < 0 ? rc : add_string(out, neap_secret_bytes(p->secret));
}

static bool is_json_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Finds the opening brace of an object, and whether anything but blanks is in it. */
static int find_object(const char *body, size_t len, size_t *open, bool *empty) {
    size_t i = 0;
    if (body == NULL) return NEAP_EINVAL;
    while (len > 0 && is_json_blank(body[len - 1])) len--;
    while (i < len && is_json_blank(body[i])) i++;
    if (len < i + 2 || body[i] != '{' || body[len - 1] != '}') return NEAP_EINVAL;
    *open = i++;
    while (is_json_blank(body[i])) i++;
    *empty = i + 1 == len;
    return 0;
}

static bool goes_in(const placement *p, neap_placement where) {
    bool header = p->where != NEAP_IN_BODY && p->where != NEAP_IN_QUERY;
    return where == NEAP_IN_HEADER ? header : p->where == where;
}

/* Upper bound of what the placements of one kind add: every byte tripled, and marks. 0: none. */
static size_t room_for(const neap_credential *c, neap_placement where) {
    size_t room = 0;
    for (size_t i = 0; i < c->item_count; i++) {
        const placement *p = &c->items[i];
        if (goes_in(p, where)) room += 3 * (strlen(p->name) + neap_secret_len(p->secret)) + 32;
    }
    return room;
}

static int apply_body(const neap_credential *c, const char *body, size_t len, neap_buf *out,
                      neap_err *err) {
    size_t room = room_for(c, NEAP_IN_BODY), open = 0;
    bool empty = false, comma = false;
    int rc;
    if (room == 0) return 0;
    if (find_object(body, len, &open, &empty) < 0) {
        return neap_err_set(err, NEAP_EINVAL, "a credential in the body needs a JSON object there");
    }
    rc = neap_buf_reserve(out, len + room + 1);
    if (rc == 0) rc = neap_buf_add(out, body, open + 1);
    for (size_t i = 0; rc == 0 && i < c->item_count; i++) {
        if (c->items[i].where != NEAP_IN_BODY) continue;
        rc = add_member(out, &c->items[i], comma);
        comma = true;
    }
    if (rc == 0 && !empty) rc = neap_buf_puts(out, ",");
    return rc < 0 ? rc : neap_buf_add(out, body + open + 1, len - open - 1);
}

static int apply_url(const neap_credential *c, const char *url, neap_buf *out) {
    size_t room = room_for(c, NEAP_IN_QUERY), len;
    int rc;
    if (room == 0) return 0;
    len = strcspn(url, "#"); /* a fragment is never sent */
    rc = neap_buf_reserve(out, len + room + 1);
    if (rc == 0) rc = neap_buf_add(out, url, len);
    for (size_t i = 0; rc == 0 && i < c->item_count; i++) {
        const placement *p = &c->items[i];
        if (p->where != NEAP_IN_QUERY) continue;
        rc = neap_url_add_query(out, p->name, strlen(p->name), neap_secret_bytes(p->secret),
                                neap_secret_len(p->secret));
    }
    if (rc == 0) rc = neap_buf_add(out, "", 1);
    if (rc == 0) out->len--;
    return rc;
}

static int apply_headers(const neap_credential *c, neap_buf *out) {
    size_t room = room_for(c, NEAP_IN_HEADER);
    int rc = room > 0 ? neap_buf_reserve(out, room) : 0;
    for (size_t i = 0; rc == 0 && i < c->item_count; i++) {
        if (goes_in(&c->items[i], NEAP_IN_HEADER)) rc = add_header(out, &c->items[i]);
    }
    return rc;
}

int neap_credential_apply(const neap_credential *c, const char *url, const char *body,
                          size_t body_len, neap_applied *out, neap_err *err) {
    neap_url u;
    int rc = parse(&u, url, err);
    *out = (neap_applied){0};
    return rc < 0 ? rc : neap_credential_apply_at(c, &u, url, body, body_len, out, err);
}

int neap_credential_apply_at(const neap_credential *c, const neap_url *at, const char *url, const char *body,
                             size_t body_len, neap_applied *out, neap_err *err) {
    int rc = check(c, at, err);
    *out = (neap_applied){0};
    if (rc < 0) return rc;
    rc = apply_url(c, url, &out->url);
    if (rc == 0) rc = apply_headers(c, &out->headers);
    if (rc == 0) rc = apply_body(c, body, body_len, &out->body, err);
    if (rc == 0) return 0;
    neap_applied_deinit(out);
    return rc == NEAP_ENOMEM ? neap_err_set(err, rc, "out of memory") : rc;
}

void neap_applied_deinit(neap_applied *a) {
    neap_buf_wipe(&a->url);
    neap_buf_wipe(&a->headers);
    neap_buf_wipe(&a->body);
}
