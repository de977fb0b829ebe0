/* test_log.c: core/log.h. */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "core/err.h"
#include "core/log.h"
#include "core/secret.h"

#define AT INT64_C(1795255200123) /* 2026-11-21T10:00:00.123Z */

typedef struct sink {
    char line[1024];
    int count;
    neap_log_level level;
    neap_log *log; /* non-NULL: tries to write to it */
} sink;

static void keep(void *ud, neap_log_level level, const char *line, size_t len) {
    sink *s = ud;
    s->level = level;
    CHECK(len < sizeof s->line);
    memcpy(s->line, line, len);
    s->line[len] = '\0';
    s->count++;
    if (s->log != NULL) {
        CHECK_EQ_INT(neap_log_write(s->log, NEAP_LOG_ERROR, AT, "x", 1, NULL, 0), NEAP_EBUG);
    }
}

static neap_log_field field(const char *key, const char *value, bool raw) {
    return (neap_log_field){key, strlen(key), value, strlen(value), raw};
}

static int write_log(neap_log *log, const char *message, const neap_log_field *fields,
                     size_t count) {
    return neap_log_write(log, NEAP_LOG_INFO, AT, message, strlen(message), fields, count);
}

#define AT_TEXT "2026-11-21T10:00:00.123Z info  "
#define AT_JSON "{\"at\":\"2026-11-21T10:00:00.123Z\",\"level\":\"info\",\"message\":"

/* The same record in all formats. */
static void check_record(const char *message, const neap_log_field *fields, size_t count,
                         const char *text, const char *json) {
    neap_log *log;
    sink s = {0};
    CHECK_EQ_INT(neap_log_new(&log), 0);
    neap_log_set_sink(log, keep, &s);
    CHECK_EQ_INT(write_log(log, message, fields, count), 0);
    CHECK_STR(s.line, text);
    neap_log_set_format(log, NEAP_LOG_JSON);
    CHECK_EQ_INT(write_log(log, message, fields, count), 0);
    CHECK_STR(s.line, json);
    neap_log_set_format(log, NEAP_LOG_PLAIN);
    CHECK_EQ_INT(write_log(log, message, fields, count), 0);
    CHECK_STR(s.line, text + sizeof AT_TEXT - 1);
    CHECK_EQ_INT(s.level, NEAP_LOG_INFO);
    CHECK_EQ_INT(s.count, 3);
    neap_log_free(log);
}

static void test_records(void) {
    const neap_log_field fields[] = {field("n", "12", true), field("name", "a b", false),
                                     field("quote", "say \"hi\"", false),
                                     field("bare", "x/y.z", false),
                                     field("none", "", false), field("odd key", "k=v", false),
                                     field("yes", "true", true)};
    check_record("hello", NULL, 0, AT_TEXT "hello", AT_JSON "\"hello\",\"fields\":{}}");
    check_record("hello", fields, 7,
                 AT_TEXT "hello n=12 name=\"a b\" quote=\"say \\\"hi\\\"\" bare=x/y.z none=\"\" "
                         "\"odd key\"=\"k=v\" yes=true",
                 AT_JSON "\"hello\",\"fields\":{\"n\":12,\"name\":\"a b\","
                         "\"quote\":\"say \\\"hi\\\"\","
                         "\"bare\":\"x/y.z\",\"none\":\"\",\"odd key\":\"k=v\",\"yes\":true}}");
}

static void test_one_line(void) {
    const neap_log_field f = field("k", "1\r\n2\t\x1b[31m\xc2\x9b\xc3\xa9\x7f\xff\xe0\x80", false);
    check_record("two\nlines \"q\" \xed\xa0\x80", &f, 1,
                 AT_TEXT "two\\nlines \"q\" \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
                         "k=\"1\\r\\n2\\t\\u001b[31m\\u009b\xc3\xa9\\u007f"
                         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
                 AT_JSON "\"two\\nlines \\\"q\\\" \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
                         "\"fields\":{\"k\":\"1\\r\\n2\\t\\u001b[31m\\u009b\xc3\xa9\\u007f"
                         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}}");
}

static void test_redacted(void) {
    neap_secret *s, *number, *word;
    const neap_log_field fields[] = {field("a", "x-p\"w\xc3\xa9-x", false),
                                     field("p\"w\xc3\xa9", "1", true),
                                     field("n", "987654", true),
                                     field("level", "x p%22w%C3%A9", false)};
    CHECK_EQ_INT(neap_secret_new(&s, "p\"w\xc3\xa9", 5), 0);
    CHECK_EQ_INT(neap_secret_new(&number, "987654", 6), 0);
    CHECK_EQ_INT(neap_secret_new(&word, "message", 7), 0);
    check_record("has p\\\"w\\u00e9", fields, 4,
                 AT_TEXT "has *** a=x-***-x ***=1 n=*** level=\"x ***\"",
                 AT_JSON "\"has ***\",\"fields\":{\"a\":\"x-***-x\",\"***\":1,\"n\":\"***\","
                         "\"level\":\"x ***\"}}");
    neap_secret_unref(s);
    neap_secret_unref(number);
    neap_secret_unref(word);
}

static void test_levels(void) {
    neap_log *log;
    sink s = {0};
    CHECK_EQ_INT(neap_log_new(&log), 0);
    neap_log_set_sink(log, keep, &s);
    CHECK_EQ_INT(neap_log_get_level(log), NEAP_LOG_INFO);
    CHECK(neap_log_enabled(log, NEAP_LOG_ERROR) && !neap_log_enabled(log, NEAP_LOG_DEBUG));
    CHECK_EQ_INT(neap_log_write(log, NEAP_LOG_DEBUG, AT, "x", 1, NULL, 0), 0);
    CHECK_EQ_INT(s.count, 0);
    neap_log_set_level(log, NEAP_LOG_TRACE);
    for (int level = NEAP_LOG_ERROR; level <= NEAP_LOG_TRACE; level++) {
        CHECK_EQ_INT(neap_log_write(log, (neap_log_level)level, AT, "x", 1, NULL, 0), 0);
        CHECK_EQ_INT(neap_log_level_of(neap_log_level_name((neap_log_level)level)), level);
    }
    CHECK_EQ_INT(s.count, 5);
    CHECK_STR(s.line, "2026-11-21T10:00:00.123Z trace x");
    CHECK_EQ_INT(neap_log_level_of("loud"), -1);
    s.log = log;
    CHECK_EQ_INT(neap_log_write(log, NEAP_LOG_INFO, 0, "y", 1, NULL, 0), 0);
    CHECK_STR(s.line, "1970-01-01T00:00:00.000Z info  y");
    CHECK_EQ_INT(neap_log_write(log, NEAP_LOG_INFO, -1, "y", 1, NULL, 0), 0);
    CHECK_STR(s.line, "1969-12-31T23:59:59.999Z info  y");
    neap_log_free(log);
    neap_log_free(NULL);
}

static void test_fd(void) {
    neap_log *log;
    int ends[2];
    char text[256];
    ssize_t n;
    CHECK_EQ_INT(pipe(ends), 0);
    CHECK_EQ_INT(neap_log_new(&log), 0);
    neap_log_set_fd(log, ends[1]);
    CHECK_EQ_INT(write_log(log, "first", NULL, 0), 0);
    CHECK_EQ_INT(write_log(log, "second", NULL, 0), 0);
    n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    CHECK_STR(text, AT_TEXT "first\n" AT_TEXT "second\n");
    neap_log_set_fd(log, -1);
    CHECK_EQ_INT(write_log(log, "to nobody", NULL, 0), 0);
    neap_log_free(log);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    test_records();
    test_one_line();
    test_redacted();
    test_levels();
    test_fd();
    return check_report();
}
