/* url.c: see url.h. */
#include "url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MAX_HOST 253 /* of a name, RFC 1035 section 2.3.4 */

/* --- parsing ---------------------------------------------------------------------------------- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 3986 section 2.3. */
static bool is_unreserved(char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static bool is_name_char(char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool is_graphic(char c) {
    unsigned char b = (unsigned char)c;
    return b > 0x20 && b != 0x7f;
}

static int bad(neap_err *err, const char *why) {
    return neap_err_set(err, NEAP_EINVAL, "URL %s", why);
}

/* Bytes before the first `stop`, at most len. */
static size_t until(const char *s, size_t len, char stop) {
    const char *at = len > 0 ? memchr(s, stop, len) : NULL;
    return at != NULL ? (size_t)(at - s) : len;
}

/* Bytes before the path, the query or the end. */
static size_t authority_len(const char *s, size_t len) {
    size_t i = 0;
    while (i < len && s[i] != '/' && s[i] != '?') i++;
    return i;
}

/* Reads an IPv6 address without brackets. */
static bool read_ipv6(const char *s, size_t len, struct in6_addr *out) {
    char text[INET6_ADDRSTRLEN];
    if (len >= sizeof text) return false;
    memcpy(text, s, len);
    text[len] = '\0';
    return inet_pton(AF_INET6, text, out) == 1;
}

/* Does the last label say that this is to be an IPv4 address? WHATWG URL, "ends in a number": it is
 * all digits, or hexadecimal behind 0x; a dot at the very end does not count. */
static bool ends_in_number(const char *s, size_t len) {
    size_t i, start;
    if (len > 0 && s[len - 1] == '.') len--;
    for (start = len; start > 0 && s[start - 1] != '.'; start--) continue;
    for (i = start; i < len && is_digit(s[i]); i++) continue;
    if (i == len) return len > start;
    if (len - start < 2 || s[start] != '0' || (s[start + 1] | 0x20) != 'x') return false;
    for (i = start + 2; i < len && isxdigit((unsigned char)s[i]); i++) continue;
    return i == len;
}

/* Reads a number from 0 to 255 without leading zeros; -1 if it is none. */
static int read_octet(const char **at, const char *end) {
    const char *s = *at;
    int value = 0;
    for (; *at < end && is_digit(**at); ++*at) {
        value = value * 10 + (**at - '0');
        if (value > 255 || (*s == '0' && *at > s)) return -1;
    }
    return *at > s ? value : -1;
}

/* Reads four decimal numbers: the one spelling of an IPv4 address that every parser reads alike.
 * libcurl takes `80` for 0.0.0.80 and `0177.1` for 127.0.0.1. */
static bool read_dotted_quad(const char *s, size_t len, int out[4]) {
    const char *end = s + len;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && (s == end || *s++ != '.')) return false;
        out[i] = read_octet(&s, end);
        if (out[i] < 0) return false;
    }
    return s == end;
}

static bool is_dotted_quad(const char *s, size_t len) {
    int four[4];
    return read_dotted_quad(s, len, four);
}

static int parse_host(neap_url *u, const char **at, const char *end, neap_err *err) {
    const char *s = *at;
    size_t len;
    if (s < end && *s == '[') {
        struct in6_addr address;
        const char *close = memchr(s, ']', (size_t)(end - s));
        if (close == NULL) return bad(err, "has an unclosed bracket");
        u->host = (neap_span){s + 1, (size_t)(close - s - 1)};
        u->ipv6 = true;
        *at = close + 1;
        if (read_ipv6(u->host.data, u->host.len, &address)) return 0;
        return bad(err, "has a bad IPv6 address");
    }
    len = 0;
    while (s + len < end && is_name_char(s[len])) len++;
    u->host = (neap_span){s, len};
    *at = s + len;
    if (len == 0) return bad(err, "has no host");
    if (len > MAX_HOST) return bad(err, "has a host that is too long");
    if (ends_in_number(s, len) && !is_dotted_quad(s, len)) return bad(err, "has a bad IPv4 address");
    return 0;
}

static int parse_port(neap_url *u, const char *s, const char *end, neap_err *err) {
    unsigned port = 0;
    u->port = u->https ? 443 : 80;
    if (s == end) return 0;
    if (*s++ != ':') return bad(err, "has a character in its host that is not allowed");
    if (s == end) return 0; /* RFC 3986 section 3.2.3: an empty port is the default */
    for (; s < end; s++) {
        if (!is_digit(*s)) return bad(err, "has a bad port");
        port = port * 10 + (unsigned)(*s - '0');
        if (port > 65535) return bad(err, "has a bad port");
    }
    if (port == 0) return bad(err, "has a bad port");
    u->port = (uint16_t)port;
    return 0;
}

static int parse_authority(neap_url *u, const char *s, size_t len, neap_err *err) {
    const char *at = s;
    int rc;
    if (memchr(s, '@', len) != NULL) return bad(err, "holds a user name; use a credential instead");
    rc = parse_host(u, &at, s + len, err);
    return rc < 0 ? rc : parse_port(u, at, s + len, err);
}

static void parse_target(neap_url *u, const char *s, size_t len) {
    size_t path = until(s, len, '?');
    u->target = (neap_span){s, len};
    u->path = (neap_span){s, path};
    if (path < len) u->query = (neap_span){s + path + 1, len - path - 1};
}

int neap_url_parse(neap_url *out, const char *text, size_t len, neap_err *err) {
    size_t i, authority, end;
    int rc;
    *out = (neap_url){0};
    for (i = 0; i < len; i++) {
        if (!is_graphic(text[i])) return bad(err, "has a blank or control character");
    }
    if (len > 8 && strncasecmp(text, "https://", 8) == 0) {
        out->https = true;
        i = 8;
    } else if (len > 7 && strncasecmp(text, "http://", 7) == 0) {
        i = 7;
    } else {
        return bad(err, "does not begin with https:// or http:// and a host");
    }
    end = i + until(text + i, len - i, '#');
    authority = authority_len(text + i, end - i);
    rc = parse_authority(out, text + i, authority, err);
    if (rc < 0) return rc;
    parse_target(out, text + i + authority, end - i - authority);
    return 0;
}

/* --- origins ---------------------------------------------------------------------------------- */

static bool same_host(const neap_url *a, const neap_url *b) {
    if (a->ipv6 != b->ipv6) return false;
    if (a->ipv6) {
        struct in6_addr x, y;
        return read_ipv6(a->host.data, a->host.len, &x) &&
               read_ipv6(b->host.data, b->host.len, &y) && memcmp(&x, &y, sizeof x) == 0;
    }
    return a->host.len == b->host.len && strncasecmp(a->host.data, b->host.data, a->host.len) == 0;
}

bool neap_url_same_origin(const neap_url *a, const neap_url *b) {
    return a->https == b->https && a->port == b->port && same_host(a, b);
}

int neap_url_add_origin(neap_buf *out, const neap_url *u) {
    size_t start = out->len;
    const char *left = u->ipv6 ? "[" : "", *right = u->ipv6 ? "]" : "";
    if (neap_buf_printf(out, "%s://%s%.*s%s", u->https ? "https" : "http", left, (int)u->host.len,
                        u->host.data, right) < 0) {
        return NEAP_ENOMEM;
    }
    for (size_t i = start; i < out->len; i++) {
        if (out->data[i] >= 'A' && out->data[i] <= 'Z') out->data[i] = (char)(out->data[i] + 32);
    }
    if (u->port == (u->https ? 443 : 80)) return 0;
    if (neap_buf_printf(out, ":%u", (unsigned)u->port) == 0) return 0;
    out->len = start;
    return NEAP_ENOMEM;
}

bool neap_url_is_loopback(const char *host, size_t len) {
    static const char name[] = "localhost";
    const size_t name_len = sizeof name - 1;
    struct in6_addr six;
    int four[4];
    if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len >= name_len && strncasecmp(host + len - name_len, name, name_len) == 0) {
        return len == name_len || host[len - name_len - 1] == '.'; /* RFC 6761 section 6.3 */
    }
    if (read_dotted_quad(host, len, four)) return four[0] == 127;
    return read_ipv6(host, len, &six) && IN6_IS_ADDR_LOOPBACK(&six);
}

/* --- joining ---------------------------------------------------------------------------------- */

int neap_url_join(neap_buf *out, const char *base, size_t base_len, const char *path,
                  size_t path_len, neap_err *err) {
    size_t start = out->len;
    neap_url u;
    int rc = neap_url_parse(&u, base, base_len, err);
    if (rc < 0) return rc;
    if (u.query.data != NULL || u.target.data + u.target.len < base + base_len) {
        return neap_err_set(err, NEAP_EINVAL, "base URL has a query or fragment");
    }
    if (path_len > 0 && path[0] != '?') {
        while (base[base_len - 1] == '/') base_len--; /* ends at the host, which is not empty */
        while (path_len > 0 && path[0] == '/') path++, path_len--;
        rc = neap_buf_reserve(out, base_len + 1 + path_len);
        if (rc == 0) rc = neap_buf_add(out, base, base_len);
        if (rc == 0) rc = neap_buf_puts(out, "/");
    } else {
        rc = neap_buf_add(out, base, base_len);
    }
    if (rc == 0) rc = neap_buf_add(out, path, path_len);
    if (rc == 0) return 0;
    out->len = start;
    return neap_err_set(err, rc, "out of memory");
}

/* Length of out without its last segment and the slash before it, not below floor. */
static size_t drop_segment(const neap_buf *out, size_t floor) {
    size_t at = out->len;
    while (at > floor && out->data[at - 1] != '/') at--;
    return at > floor ? at - 1 : floor;
}

/* Appends a path that begins with a slash without its dot segments: RFC 3986 section 5.2.4. */
static int add_undotted(neap_buf *out, const char *s, size_t len) {
    size_t floor = out->len, i = 0;
    while (i < len) {
        size_t segment = until(s + i + 1, len - i - 1, '/');
        bool one = segment == 1 && s[i + 1] == '.';
        bool two = segment == 2 && s[i + 1] == '.' && s[i + 2] == '.';
        bool last = i + 1 + segment == len;
        if (two) out->len = drop_segment(out, floor);
        if (!one && !two && neap_buf_add(out, s + i, segment + 1) < 0) return NEAP_ENOMEM;
        if ((one || two) && last && neap_buf_puts(out, "/") < 0) return NEAP_ENOMEM;
        i += segment + 1;
    }
    return 0;
}

/* Appends target (path and query), the path undotted. */
static int add_target(neap_buf *out, const char *target, size_t len) {
    size_t path = until(target, len, '?');
    if (path > 0 && add_undotted(out, target, path) < 0) return NEAP_ENOMEM;
    return neap_buf_add(out, target + path, len - path);
}

/* Appends a path-relative reference merged with base's path: RFC 3986 section 5.2.3. */
static int add_merged(neap_buf *out, const neap_url *base, const char *ref, size_t len) {
    neap_buf merged = {0};
    size_t keep = base->path.len;
    int rc;
    while (keep > 0 && base->path.data[keep - 1] != '/') keep--;
    rc = keep > 0 ? neap_buf_add(&merged, base->path.data, keep) : neap_buf_puts(&merged, "/");
    if (rc == 0) rc = neap_buf_add(&merged, ref, len);
    if (rc == 0) rc = add_target(out, merged.data, merged.len);
    neap_buf_free(&merged);
    return rc;
}

static bool is_scheme_mark(char c) {
    return c == '+' || c == '-' || c == '.';
}

/* Length of the scheme of a reference, 0 if it has none: RFC 3986 section 3.1. */
static size_t scheme_len(const char *s, size_t len) {
    size_t i = 0;
    if (len == 0 || !is_alpha(s[0])) return 0;
    while (i < len && (is_alpha(s[i]) || is_digit(s[i]) || is_scheme_mark(s[i]))) i++;
    return i < len && s[i] == ':' ? i : 0;
}

/* Appends an absolute URL, its path undotted. */
static int add_absolute(neap_buf *out, const char *s, size_t len) {
    neap_url u;
    int rc = neap_url_parse(&u, s, len, NULL);
    if (rc < 0) return rc;
    rc = neap_buf_add(out, s, (size_t)(u.target.data - s));
    return rc < 0 ? rc : add_target(out, u.target.data, u.target.len);
}

static int add_resolved(neap_buf *out, const neap_url *base, const char *ref, size_t len) {
    if (scheme_len(ref, len) > 0) return add_absolute(out, ref, len);
    if (len > 1 && ref[0] == '/' && ref[1] == '/') {
        neap_buf whole = {0};
        int rc = neap_buf_puts(&whole, base->https ? "https:" : "http:");
        if (rc == 0) rc = neap_buf_add(&whole, ref, len);
        if (rc == 0) rc = add_absolute(out, whole.data, whole.len);
        neap_buf_free(&whole);
        return rc;
    }
    if (neap_url_add_origin(out, base) < 0) return NEAP_ENOMEM;
    if (len == 0) return neap_buf_add(out, base->target.data, base->target.len);
    if (ref[0] == '/') return add_target(out, ref, len);
    if (ref[0] != '?') return add_merged(out, base, ref, len);
    if (neap_buf_add(out, base->path.data, base->path.len) < 0) return NEAP_ENOMEM;
    return neap_buf_add(out, ref, len);
}

/* Appends a byte as %XX. */
static int add_escaped(neap_buf *out, unsigned char c) {
    static const char digits[] = "0123456789ABCDEF";
    char text[3] = {'%', digits[c >> 4], digits[c & 15]};
    return neap_buf_add(out, text, sizeof text);
}

/* Appends a reference without its fragment, blanks and non-ASCII bytes encoded. */
static int add_cleaned(neap_buf *out, const char *ref, size_t len) {
    len = until(ref, len, '#');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)ref[i];
        int rc = c == ' ' || c >= 0x80 ? add_escaped(out, c) : neap_buf_add(out, ref + i, 1);
        if (rc < 0) return rc;
    }
    return 0;
}

/* Has the path dot segments, or may have, or is there a byte beyond ASCII? */
static bool is_odd_target(const neap_span *target) {
    size_t i;
    for (i = 0; i < target->len; i++) {
        if ((unsigned char)target->data[i] >= 0x80) return true;
        if (target->data[i] == '.' && i > 0 && target->data[i - 1] == '/') return true;
    }
    return false;
}

int neap_url_add_request_target(neap_buf *out, const neap_url *u) {
    const neap_span *target = &u->target;
    neap_buf clean = {0};
    int rc = 0;
    if (target->len == 0 || target->data[0] != '/') rc = neap_buf_add(out, "/", 1);
    if (rc < 0 || target->len == 0) return rc;
    if (!is_odd_target(target)) return neap_buf_add(out, target->data, target->len);
    rc = neap_buf_reserve(&clean, 3 * target->len); /* growing would leave a copy of a secret behind */
    if (rc == 0) rc = add_cleaned(&clean, target->data, target->len);
    if (rc == 0) rc = add_target(out, clean.data, clean.len);
    neap_buf_wipe(&clean);
    return rc;
}

int neap_url_resolve(neap_buf *out, const char *base, size_t base_len, const char *ref,
                     size_t ref_len, neap_err *err) {
    size_t start = out->len;
    neap_buf clean = {0};
    neap_url u;
    int rc = neap_url_parse(&u, base, base_len, err);
    if (rc < 0) return rc;
    rc = add_cleaned(&clean, ref, ref_len);
    if (rc == 0) rc = add_resolved(out, &u, clean.data ? clean.data : "", clean.len);
    neap_buf_free(&clean);
    if (rc == 0) rc = neap_url_parse(&u, out->data + start, out->len - start, NULL);
    if (rc < 0) out->len = start;
    if (rc == NEAP_EINVAL) return neap_err_set(err, rc, "reference leads to no http or https URL");
    return rc < 0 ? neap_err_set(err, rc, "out of memory") : 0;
}

/* --- encoding --------------------------------------------------------------------------------- */

/* `also` is one more character that stands for itself. */
static int encode(neap_buf *out, const char *text, size_t len, char also) {
    size_t start = out->len;
    for (size_t i = 0; i < len; i++) {
        bool plain = is_unreserved(text[i]) || text[i] == also;
        int rc = plain ? neap_buf_add(out, text + i, 1) : add_escaped(out, (unsigned char)text[i]);
        if (rc == 0) continue;
        out->len = start;
        return rc;
    }
    return 0;
}

int neap_url_encode(neap_buf *out, const char *text, size_t len) {
    return encode(out, text, len, '-');
}

/* `$top` is what vendors that have it in names write; RFC 3986 section 3.4 allows it. */
int neap_url_add_query(neap_buf *url, const char *name, size_t name_len, const char *value,
                       size_t value_len) {
    size_t start = url->len;
    bool first = url->len == 0 || memchr(url->data, '?', url->len) == NULL;
    int rc = neap_buf_puts(url, first ? "?" : "&");
    if (rc == 0) rc = encode(url, name, name_len, '$');
    if (rc == 0) rc = neap_buf_puts(url, "=");
    if (rc == 0) rc = neap_url_encode(url, value, value_len);
    if (rc < 0) url->len = start;
    return rc;
}
