/* log.c: see log.h. Redaction is done on each part before it is escaped: on the raw bytes every
 * form is met, and the frame of the line cannot be taken for a secret. */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "redact.h"

#define PATIENCE_MS 100 /* for a reader of the descriptor that does not keep up */

struct neap_log {
    neap_log_level level;
    neap_log_format format;
    neap_log_sink *sink; /* NULL: fd */
    void *ud;            /* of sink */
    int fd;              /* borrowed */
    bool busy;           /* in the sink */
    neap_buf line;       /* of the record being written; kept for its memory */
    neap_buf part;       /* redacted text before escaping; likewise */
};

static const char *const names[] = {"error", "warn", "info", "debug", "trace"};

const char *neap_log_level_name(neap_log_level level) {
    return names[level];
}

int neap_log_level_of(const char *name) {
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++) {
        if (strcmp(name, names[i]) == 0) return i;
    }
    return -1;
}

int neap_log_new(neap_log **out) {
    *out = calloc(1, sizeof **out);
    if (*out == NULL) return NEAP_ENOMEM;
    (*out)->level = NEAP_LOG_INFO;
    (*out)->fd = STDERR_FILENO;
    return 0;
}

void neap_log_free(neap_log *log) {
    if (log == NULL) return;
    neap_buf_free(&log->line);
    neap_buf_free(&log->part);
    free(log);
}

void neap_log_set_level(neap_log *log, neap_log_level level) {
    log->level = level;
}

void neap_log_set_format(neap_log *log, neap_log_format format) {
    log->format = format;
}

void neap_log_set_sink(neap_log *log, neap_log_sink *sink, void *ud) {
    log->sink = sink;
    log->ud = ud;
}

void neap_log_set_fd(neap_log *log, int fd) {
    log->fd = fd;
}

neap_log_level neap_log_get_level(const neap_log *log) {
    return log->level;
}

bool neap_log_enabled(const neap_log *log, neap_log_level level) {
    return level <= log->level;
}

/* --- text ------------------------------------------------------------------------------------- */

/* Reads one UTF-8 sequence (RFC 3629 section 4). Gives its length, 0 if the bytes are none. */
static size_t read_utf8(const char *text, size_t n, uint32_t *cp) {
    const unsigned char *s = (const unsigned char *)text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (len == 0 || len > n || s[0] > 0xf4) return 0;
    *cp = len == 1 ? s[0] : s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        *cp = *cp << 6 | (s[i] & 0x3f);
    }
    if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000)) return 0;
    return len;
}

/* Appends one character that may not stand as it is. */
static int add_escape(neap_buf *out, uint32_t cp) {
    switch (cp) {
    case '"': return neap_buf_puts(out, "\\\"");
    case '\\': return neap_buf_puts(out, "\\\\");
    case '\n': return neap_buf_puts(out, "\\n");
    case '\r': return neap_buf_puts(out, "\\r");
    case '\t': return neap_buf_puts(out, "\\t");
    default: return neap_buf_printf(out, "\\u%04x", (unsigned)cp);
    }
}

/* Appends text with its control characters escaped (those of C1, too: they drive terminals), and
 * within quotes also what JSON wants escaped. */
static int add_clean(neap_buf *out, const char *s, size_t len, bool quoted) {
    size_t i = 0;
    int rc = 0;
    while (rc == 0 && i < len) {
        uint32_t cp = 0xfffd;
        size_t used = read_utf8(s + i, len - i, &cp);
        if (used == 0) {
            rc = neap_buf_puts(out, "\xef\xbf\xbd");
        } else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ||
                   (quoted && (cp == '"' || cp == '\\'))) {
            rc = add_escape(out, cp);
        } else {
            rc = neap_buf_add(out, s + i, used);
        }
        i += used > 0 ? used : 1;
    }
    return rc;
}

static int add_quoted(neap_buf *out, const char *s, size_t len) {
    int rc = neap_buf_puts(out, "\"");
    if (rc == 0) rc = add_clean(out, s, len, true);
    return rc < 0 ? rc : neap_buf_puts(out, "\"");
}

/* Can a value stand in a text line without quotes? */
static bool is_bare(const char *s, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
    }
    return len > 0;
}

/* Fills log->part with the text as anybody may see it. */
static int redact_part(neap_log *log, const char *s, size_t len) {
    log->part.len = 0;
    return neap_redact(&log->part, s, len);
}

/* --- records ---------------------------------------------------------------------------------- */

/* RFC 3339 in UTC, with milliseconds. */
static int add_time(neap_buf *out, int64_t wall_ms) {
    int64_t rest = wall_ms % 1000;
    struct tm tm = {0};
    char date[40];
    time_t seconds;
    if (rest < 0) rest += 1000;
    seconds = (time_t)((wall_ms - rest) / 1000);
    if (gmtime_r(&seconds, &tm) == NULL) return neap_buf_puts(out, "-");
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    return neap_buf_printf(out, "%s.%03dZ", date, (int)rest);
}

static int add_text_value(neap_log *log, const char *s, size_t len) {
    int rc = redact_part(log, s, len);
    if (rc < 0) return rc;
    if (is_bare(log->part.data, log->part.len)) {
        return neap_buf_add(&log->line, log->part.data, log->part.len);
    }
    return add_quoted(&log->line, log->part.data, log->part.len);
}

/* What TEXT has before the message. */
static int add_frame(neap_buf *line, neap_log_level level, int64_t wall_ms) {
    int rc = add_time(line, wall_ms);
    return rc < 0 ? rc : neap_buf_printf(line, " %-5s ", names[level]);
}

static int add_text(neap_log *log, neap_log_level level, int64_t wall_ms, const char *message,
                    size_t message_len, const neap_log_field *fields, size_t count) {
    neap_buf *line = &log->line;
    int rc = log->format == NEAP_LOG_PLAIN ? 0 : add_frame(line, level, wall_ms);
    if (rc == 0) rc = redact_part(log, message, message_len);
    if (rc == 0) rc = add_clean(line, log->part.data, log->part.len, false);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = neap_buf_puts(line, " ");
        if (rc == 0) rc = add_text_value(log, fields[i].key, fields[i].key_len);
        if (rc == 0) rc = neap_buf_puts(line, "=");
        if (rc == 0) rc = add_text_value(log, fields[i].value, fields[i].value_len);
    }
    return rc;
}

static int add_json_string(neap_log *log, const char *s, size_t len) {
    int rc = redact_part(log, s, len);
    return rc < 0 ? rc : add_quoted(&log->line, log->part.data, log->part.len);
}

static int add_json_value(neap_log *log, const neap_log_field *f) {
    bool raw = f->raw && !neap_redact_found(f->value, f->value_len);
    if (raw) return neap_buf_add(&log->line, f->value, f->value_len);
    return add_json_string(log, f->value, f->value_len);
}

static int add_json(neap_log *log, neap_log_level level, int64_t wall_ms, const char *message,
                    size_t message_len, const neap_log_field *fields, size_t count) {
    neap_buf *line = &log->line;
    int rc = neap_buf_puts(line, "{\"at\":\"");
    if (rc == 0) rc = add_time(line, wall_ms);
    if (rc == 0) rc = neap_buf_printf(line, "\",\"level\":\"%s\",\"message\":", names[level]);
    if (rc == 0) rc = add_json_string(log, message, message_len);
    if (rc == 0) rc = neap_buf_puts(line, ",\"fields\":{");
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (i > 0) rc = neap_buf_puts(line, ",");
        if (rc == 0) rc = add_json_string(log, fields[i].key, fields[i].key_len);
        if (rc == 0) rc = neap_buf_puts(line, ":");
        if (rc == 0) rc = add_json_value(log, &fields[i]);
    }
    return rc < 0 ? rc : neap_buf_puts(line, "}}");
}

/* --- output ----------------------------------------------------------------------------------- */

/* Writes the line, newline included; gives up on a descriptor that stays full or broken. */
static void write_fd(int fd, const char *s, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, s, len);
        if (n >= 0) {
            s += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            if (poll(&p, 1, PATIENCE_MS) <= 0) return;
        } else if (errno != EINTR) {
            return;
        }
    }
}

int neap_log_write(neap_log *log, neap_log_level level, int64_t wall_ms, const char *message,
                   size_t message_len, const neap_log_field *fields, size_t field_count) {
    int rc;
    if (!neap_log_enabled(log, level)) return 0;
    if (log->busy) return NEAP_EBUG;
    log->line.len = 0;
    if (log->format == NEAP_LOG_JSON) {
        rc = add_json(log, level, wall_ms, message, message_len, fields, field_count);
    } else {
        rc = add_text(log, level, wall_ms, message, message_len, fields, field_count);
    }
    if (rc == 0) rc = neap_buf_puts(&log->line, "\n");
    if (rc < 0) return rc;
    log->busy = true;
    if (log->sink != NULL) log->sink(log->ud, level, log->line.data, log->line.len - 1);
    else write_fd(log->fd, log->line.data, log->line.len);
    log->busy = false;
    return 0;
}
