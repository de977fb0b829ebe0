/* log.h: one line per record, text or JSON, every part of it redacted (redact.h).
 *
 *   2026-11-21T10:00:00.123Z info  message key=value other="with blanks"
 *   {"at":"2026-11-21T10:00:00.123Z","level":"info","message":"message","fields":{"key":"value"}}
 *   message key=value other="with blanks"
 *
 * Control characters are written as JSON escapes and bytes that are no UTF-8 as U+FFFD, in all
 * forms, so a record is always one line and cannot drive a terminal. One log is used on one
 * thread. */
#ifndef NEAP_CORE_LOG_H
#define NEAP_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A level logs itself and all before it. */
typedef enum neap_log_level {
    NEAP_LOG_ERROR,
    NEAP_LOG_WARN,
    NEAP_LOG_INFO,
    NEAP_LOG_DEBUG,
    NEAP_LOG_TRACE,
} neap_log_level;

/* PLAIN is TEXT without time and level, for sinks that have their own. */
typedef enum neap_log_format { NEAP_LOG_TEXT, NEAP_LOG_JSON, NEAP_LOG_PLAIN } neap_log_format;

/* One field of a record; all borrowed. */
typedef struct neap_log_field {
    const char *key;
    size_t key_len;
    const char *value;
    size_t value_len;
    bool raw; /* value is a JSON number, true, false or null and goes without quotes */
} neap_log_field;

/* Gets a line without its newline, borrowed until it returns. May not write to the same log. */
typedef void neap_log_sink(void *ud, neap_log_level level, const char *line, size_t len);

typedef struct neap_log neap_log;

/* Level info, format text, to descriptor 2. 0 or NEAP_ENOMEM. */
int neap_log_new(neap_log **out);
void neap_log_free(neap_log *); /* NULL is fine */

void neap_log_set_level(neap_log *, neap_log_level);
void neap_log_set_format(neap_log *, neap_log_format);
/* Lines go to this function; NULL: to the descriptor again. */
void neap_log_set_sink(neap_log *, neap_log_sink *, void *ud);
/* The descriptor of the standard sink; borrowed, not closed. A full pipe is waited for up to 100
 * ms, then the rest of the line is dropped. */
void neap_log_set_fd(neap_log *, int fd);

neap_log_level neap_log_get_level(const neap_log *);
/* Would a record of this level be written? For callers who have to work for its fields. */
bool neap_log_enabled(const neap_log *, neap_log_level);

/* Writes one record, of this Unix time in milliseconds, if its level is enabled; fields in the
 * order given. 0, NEAP_ENOMEM (the record is lost), NEAP_EBUG (from within the sink; likewise). */
int neap_log_write(neap_log *, neap_log_level, int64_t wall_ms, const char *message,
                   size_t message_len, const neap_log_field *fields, size_t field_count);

/* The name of a level ("info"), and the level of a name: -1 if there is none. */
const char *neap_log_level_name(neap_log_level);
int neap_log_level_of(const char *name);

#endif
