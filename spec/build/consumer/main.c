/* A host of libneap, as small as can be: runs a script to its end, and stops. */
#include <neap/neap.h>
#include <poll.h>
#include <stdio.h>

static int answered;

static void on_done(void *ud, const neap_result *result) {
    neap_value *value = neap_value_parse(result->text, result->len);
    (void)ud;
    printf("code=%d %.*s\n", result->code, (int)result->len, result->text);
    answered = result->code == 0 && neap_value_integer(neap_value_get(value, "answer")) == 42;
    neap_value_free(value);
}

static int start(neap *n) {
    neap_value *args = neap_object();
    neap_task *task = NULL;
    int script;
    neap_value_set(args, "by", neap_integer(7));
    if (neap_load_file(n, NEAP_SCRIPT, &script) == 0) task = neap_start_value(n, script, args, on_done, NULL);
    neap_value_free(args);
    if (task == NULL) fprintf(stderr, "%s\n", neap_message(n));
    return task != NULL ? 0 : -1;
}

int main(void) {
    neap_options options = {.state = "", .log_level = NEAP_INFO};
    neap *n;
    if (neap_version_number() < NEAP_VERSION_NUMBER || neap_new(&n, &options) < 0) return 1;
    if (start(n) == 0) neap_drain(n, 1000); /* what was started has a second to end */
    while (neap_live(n) > 0) {
        struct pollfd p = {neap_poll_fd(n), POLLIN, 0};
        poll(&p, 1, neap_timeout_ms(n));
        neap_dispatch(n);
    }
    neap_free(n);
    return !answered;
}
