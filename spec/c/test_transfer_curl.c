/* test_transfer_curl.c: test_transfer.c over libcurl's own HTTP (core/curl.h), which carries transfers where the
 * environment names a proxy; loopback never goes through it, and neither does the rest here. */
int test_transfer(void);
#define main test_transfer
#include "test_transfer.c" /* NOLINT(bugprone-suspicious-include): the same test, another carrier */
#undef main

int main(void) {
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("no_proxy", ".invalid", 1);
    return test_transfer();
}
