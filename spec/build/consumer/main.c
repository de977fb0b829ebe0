/* A host of libneap, as small as can be: runs one script to its end. */
#include <neap/neap.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static int answer;

static void on_done(void *ud, int ok, const char *text, size_t len) {
    (void)ud;
    printf("ok=%d %.*s\n", ok, (int)len, text);
    answer = ok && len == 2 && memcmp(text, "42", 2) == 0;
}

int main(void) {
    static const char source[] = "neap.sleep(0.001) return 6 * 7";
    char message[256] = "";
    neap *n;
    int script;
    if (neap_new(&n) < 0) return 1;
    if (neap_load(n, "answer", source, sizeof source - 1, &script, message, sizeof message) < 0 ||
        neap_start(n, script, on_done, NULL) < 0) {
        fprintf(stderr, "%s\n", message);
        neap_free(n);
        return 1;
    }
    while (neap_live(n) > 0) {
        struct pollfd p = {neap_poll_fd(n), POLLIN, 0};
        poll(&p, 1, neap_timeout_ms(n));
        neap_dispatch(n);
    }
    neap_free(n);
    return !answer;
}
