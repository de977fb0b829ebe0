/* test_csv.c: core/csv.h. Every case is read whole, byte by byte, and cut in two at every place. */
#include "../../csrc/core/csv.h"
#include "check.h"

#include <stdlib.h>

/* Appends the rows that are ready: "LINE:[cell][cell]" and a bar. */
static void take_rows(neap_csv *csv, neap_buf *out) {
    neap_csv_row row;
    while (neap_csv_next(csv, &row)) {
        neap_buf_printf(out, "%llu:", (unsigned long long)row.line);
        for (size_t i = 0; i < row.len; i++) {
            size_t len;
            const char *cell = neap_csv_cell(&row, i, &len);
            neap_buf_puts(out, "[");
            neap_buf_add(out, cell, len);
            neap_buf_puts(out, "]");
        }
        neap_buf_puts(out, "|");
    }
}

/* A copy of its own size, so that ASan sees a read past a chunk. */
static int feed(neap_csv *csv, const char *bytes, size_t len) {
    char *copy = malloc(len > 0 ? len : 1);
    int rc;
    if (len > 0) memcpy(copy, bytes, len);
    rc = neap_csv_feed(csv, copy, len);
    free(copy);
    return rc;
}

/* Reads input in chunks: one of `first` bytes, then of `step`; the rows, then the fault. */
static void read_cut(const char *in, size_t len, size_t first, size_t step, neap_buf *out) {
    neap_csv csv;
    size_t at = first < len ? first : len;
    int rc;
    neap_csv_init(&csv, 0);
    rc = feed(&csv, in, at);
    take_rows(&csv, out);
    while (rc == 0 && at < len) {
        size_t n = len - at < step ? len - at : step;
        rc = feed(&csv, in + at, n);
        at += n;
        if (at % 3 == 0) take_rows(&csv, out); /* sometimes rows pile up */
    }
    if (rc == 0) rc = neap_csv_finish(&csv);
    take_rows(&csv, out);
    if (rc < 0) neap_buf_printf(out, "%s", csv.err.message);
    neap_buf_add(out, "", 1);
    neap_csv_deinit(&csv);
}

static void check_read(const char *in, size_t len, const char *want, int line) {
    for (size_t cut = 0; cut <= len; cut++) {
        neap_buf whole = {0}, bytes = {0};
        read_cut(in, len, cut, len + 1, &whole);
        read_cut(in, len, cut, 1, &bytes);
        check_str(whole.data, want, __FILE__, line, "rows, cut in two");
        check_str(bytes.data, want, __FILE__, line, "rows, byte by byte");
        neap_buf_free(&whole);
        neap_buf_free(&bytes);
    }
}

#define READ(in, want) check_read((in), sizeof(in) - 1, (want), __LINE__)

static void test_rows(void) {
    READ("", "");
    READ("a", "1:[a]|");
    READ("a,b\n1,2\n", "1:[a][b]|2:[1][2]|");
    READ("a,b\n1,2", "1:[a][b]|2:[1][2]|");
    READ(",\n", "1:[][]|");
    READ("a,", "1:[a][]|");
    READ(",,x", "1:[][][x]|");
    READ(" a , b ", "1:[ a ][ b ]|");
    READ(" \n", "1:[ ]|");
    READ("a\tb;c\n", "1:[a\tb;c]|");
}

static void test_line_ends(void) {
    READ("a\nb\r\nc\rd", "1:[a]|2:[b]|3:[c]|4:[d]|");
    READ("\n\r\n\r\ra\n\n\nb\r\n\r\n", "5:[a]|8:[b]|");
    READ("a,\r\n,b\r\r\n", "1:[a][]|2:[][b]|");
    READ("\"a\"\r\n\"b\"\r\"c\"\n", "1:[a]|2:[b]|3:[c]|");
}

static void test_quotes(void) {
    READ("\"\"", "1:[]|");
    READ("\"\",\"\"\n", "1:[][]|");
    READ("\"a,b\",\"c\"\"d\"\n", "1:[a,b][c\"d]|");
    READ("\"\"\"\"", "1:[\"]|");
    READ("\"a\nb\r\nc\rd\"\ne\n", "1:[a\nb\r\nc\rd]|5:[e]|");
    READ("x,\"a\r\"\n\"\n\"\ny", "1:[x][a\r]|3:[\n]|5:[y]|");
}

static void test_utf8(void) {
    READ("\xEF\xBB\xBF"
         "a,b\n",
         "1:[a][b]|");
    READ("\xEF\xBB\xBF", "");
    READ("\xEF\xBB\xBF\"a\"\n", "1:[a]|");
    READ("\xE5\xB1\xB1,\xF0\x9F\x8C\x8A\n\xC3\xA9\n",
         "1:[\xE5\xB1\xB1][\xF0\x9F\x8C\x8A]|2:[\xC3\xA9]|");
    READ("a\n\xEF\xBB\xBF"
         "b",
         "1:[a]|2:[\xEF\xBB\xBF"
         "b]|");
    READ("\xEF\xBB\xBA", "1:[\xEF\xBB\xBA]|");
    READ("\xED\x9F\xBF\xF4\x8F\xBF\xBF", "1:[\xED\x9F\xBF\xF4\x8F\xBF\xBF]|");
}

static void test_faults(void) {
    READ("a\nb\"c", "1:[a]|line 2, column 2: a quote within a cell that is not quoted");
    READ("a,b \"c\"", "line 1, column 5: a quote within a cell that is not quoted");
    READ("\xE5\xB1\xB1,\"x\"y\n", "line 1, column 6: text after the closing quote of a cell");
    READ("\"x\" ,y\n", "line 1, column 4: text after the closing quote of a cell");
    READ("a\nb,\"c\nd\n", "1:[a]|line 2, column 3: this quote is never closed");
    READ("\"a\nb\",\"", "line 2, column 4: this quote is never closed");
    READ("\"\"\"", "line 1, column 1: this quote is never closed");
}

static void test_broken_utf8(void) {
    READ("a\nb,\xFFz", "1:[a]|line 2, column 3: broken UTF-8");
    READ("ab\x80", "line 1, column 3: broken UTF-8");
    READ("a\xC3\nb", "line 1, column 2: broken UTF-8");
    READ("\xE5\xB1\xB1\xE5\xB1", "line 1, column 2: broken UTF-8");
    READ("\xE5\xB1,", "line 1, column 1: broken UTF-8");
    READ("\"\n\xC0\xAF\"", "line 2, column 1: broken UTF-8");
    READ("\xED\xA0\x80", "line 1, column 1: broken UTF-8");
    READ("\xE0\x9F\x80", "line 1, column 1: broken UTF-8");
    READ("\xF0\x8F\x80\x80", "line 1, column 1: broken UTF-8");
    READ("\xF4\x90\x80\x80", "line 1, column 1: broken UTF-8");
    READ("\xF5", "line 1, column 1: broken UTF-8");
    READ("\xEF\xBB", "line 1, column 1: broken UTF-8");
    READ("\xEF\xBB,", "line 1, column 1: broken UTF-8");
    READ("a\"\xFF", "line 1, column 2: a quote within a cell that is not quoted");
    READ("\xFF\xFE"
         "a",
         "line 1, column 1: broken UTF-8 (it looks like UTF-16: save the file as UTF-8)");
}

static void test_after_end(void) {
    neap_csv csv;
    neap_csv_row row;
    neap_csv_init(&csv, 0);
    CHECK_EQ_INT(neap_csv_feed(&csv, "a\n\"", 3), 0);
    CHECK_EQ_INT(neap_csv_finish(&csv), NEAP_EDECODE);
    CHECK_EQ_INT(neap_csv_finish(&csv), NEAP_EDECODE);
    CHECK_EQ_INT(neap_csv_feed(&csv, "b", 1), NEAP_EDECODE);
    CHECK_EQ_INT(csv.err_line, 2);
    CHECK_EQ_INT(csv.err_column, 1);
    CHECK(neap_csv_next(&csv, &row) && row.len == 1 && row.line == 1);
    CHECK(!neap_csv_next(&csv, &row));
    neap_csv_deinit(&csv);
    neap_csv_init(&csv, 0);
    CHECK_EQ_INT(neap_csv_finish(&csv), 0);
    CHECK_EQ_INT(neap_csv_finish(&csv), 0);
    CHECK_EQ_INT(neap_csv_feed(&csv, "b", 1), NEAP_EINVAL);
    neap_csv_deinit(&csv);
}

static int read_capped(const char *in, size_t cap) {
    neap_csv csv;
    int rc;
    neap_csv_init(&csv, cap);
    rc = neap_csv_feed(&csv, in, strlen(in));
    if (rc == 0) rc = neap_csv_finish(&csv);
    if (rc < 0) CHECK_EQ_INT(csv.err_line, 2);
    neap_csv_deinit(&csv);
    return rc;
}

static void test_cap(void) {
    CHECK_EQ_INT(read_capped("a\nabc,defg\n", 9), 0);
    CHECK_EQ_INT(read_capped("a\nabc,defgh\n", 9), NEAP_ETOOLARGE);
    CHECK_EQ_INT(read_capped("a\n,,,,,,,,\n", 9), 0);
    CHECK_EQ_INT(read_capped("a\n,,,,,,,,,\n", 9), NEAP_ETOOLARGE);
    CHECK_EQ_INT(read_capped("a\n\"b\nb\nb\nb\nb\nb\n", 9), NEAP_ETOOLARGE);
}

/* Many rows through a reader that is drained seldom: what was taken is forgotten, nothing else. */
static void test_compaction(void) {
    neap_csv csv;
    neap_csv_row row;
    unsigned fed = 0, taken = 0;
    neap_csv_init(&csv, 0);
    while (fed < 5000) {
        char line[64];
        int n = snprintf(line, sizeof line, "%u,\"x%u\"\n", fed, fed);
        CHECK_EQ_INT(feed(&csv, line, (size_t)n), 0);
        fed++;
        for (unsigned i = fed % 7 == 0 ? 6 : 0; i > 0 && neap_csv_next(&csv, &row); i--) {
            size_t len;
            const char *cell = neap_csv_cell(&row, 1, &len);
            n = snprintf(line, sizeof line, "x%u", taken);
            CHECK_MEM(cell, len, line, (size_t)n);
            CHECK_EQ_INT(row.line, ++taken);
        }
    }
    while (neap_csv_next(&csv, &row)) CHECK_EQ_INT(row.line, ++taken);
    CHECK_EQ_INT(taken, fed);
    CHECK(csv.text.cap < 64 * 1024);
    neap_csv_deinit(&csv);
}

static void check_write(const char *const *cells, const char *want, int line) {
    neap_buf out = {0}, back = {0}, cat = {0};
    size_t i;
    neap_buf_puts(&cat, "1:");
    for (i = 0; cells[i] != NULL; i++) {
        CHECK_EQ_INT(neap_csv_put_cell(&out, i, cells[i], strlen(cells[i])), 0);
        neap_buf_printf(&cat, "[%s]", cells[i]);
    }
    neap_buf_add(&cat, "|", 2);
    CHECK_EQ_INT(neap_csv_put_end(&out, 0), 0);
    check_mem(out.data, out.len, want, strlen(want), __FILE__, line, "written");
    read_cut(out.data, out.len, 0, out.len + 1, &back);
    check_str(back.data, cat.data, __FILE__, line, "read back");
    neap_buf_free(&out);
    neap_buf_free(&back);
    neap_buf_free(&cat);
}

#define WRITE(want, ...) check_write((const char *const[]){__VA_ARGS__, NULL}, (want), __LINE__)

static void test_write(void) {
    WRITE("a,b\n", "a", "b");
    WRITE(",\n", "", "");
    WRITE("\"\"\n", "");
    WRITE("\"a,b\",\"c\"\"d\",\"\n\",\"\r\"\n", "a,b", "c\"d", "\n", "\r");
    WRITE(" a ,\xE5\xB1\xB1\n", " a ", "\xE5\xB1\xB1");
    WRITE("\"\xEF\xBB\xBFx\"\n", "\xEF\xBB\xBFx");
}

int main(void) {
    test_rows();
    test_line_ends();
    test_quotes();
    test_utf8();
    test_faults();
    test_broken_utf8();
    test_after_end();
    test_cap();
    test_compaction();
    test_write();
    return check_report();
}
