/* call.c: one call of a vendor as an ordinary C function, for programs that may block.
 *
 *     gcc -std=c11 call.c -o call $(pkg-config --cflags --libs neap)
 *     ./call VENDOR ENDPOINT [NAME=VALUE...] */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include <neap/neap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char source[] = "local call = ...\n"
                             "local vendor = neap.vendor(call.vendor)\n"
                             "local endpoint = vendor[call.endpoint]\n"
                             "return assert(endpoint(vendor, call.params))\n";

/* Keeps the answer: text of the caller's. An error is told. */
static void on_done(void *ud, const neap_result *result) {
    char **answer = ud;
    if (result->code == 0) *answer = strdup(result->text);
    else fprintf(stderr, "%s\n", result->text);
}

/* Starts the script with {"vendor": ..., "endpoint": ..., "params": ...}. */
static neap_task *start(neap *n, const char *vendor, const char *endpoint, neap_value *params, char **answer) {
    neap_value *args = neap_object();
    neap_task *task = NULL;
    int script;
    neap_value_set(args, "vendor", neap_string(vendor));
    neap_value_set(args, "endpoint", neap_string(endpoint));
    if (neap_value_set(args, "params", params) == 0 && neap_load(n, "call", source, sizeof source - 1, &script) == 0) {
        task = neap_start_value(n, script, args, on_done, answer);
    }
    neap_value_free(args);
    return task;
}

/* Calls a vendor, whose settings come from the environment and the files. Blocks. Takes `params` over. The answer as
 * JSON, which the caller frees; NULL: it failed, and why was told. */
static char *call(const char *vendor, const char *endpoint, neap_value *params) {
    neap *n = NULL;
    neap_task *task;
    char *answer = NULL;
    if (neap_new(&n, NULL) < 0) {
        neap_value_free(params);
        return NULL;
    }
    task = start(n, vendor, endpoint, params, &answer);
    if (task == NULL || neap_wait(n, task) < 0) fprintf(stderr, "%s\n", neap_message(n));
    neap_free(n);
    return answer;
}

/* The words NAME=VALUE as an object; NULL: one is none. */
static neap_value *read_params(char **words) {
    neap_value *params = neap_object();
    for (; *words != NULL; words++) {
        char *value = strchr(*words, '=');
        if (value != NULL) *value++ = '\0';
        if (neap_value_set(params, *words, value != NULL ? neap_string(value) : NULL) == 0) continue;
        neap_value_free(params);
        return NULL;
    }
    return params;
}

int main(int argc, char **argv) {
    neap_value *params = argc < 3 ? NULL : read_params(argv + 3);
    char *answer;
    if (params == NULL) {
        fprintf(stderr, "usage: %s VENDOR ENDPOINT [NAME=VALUE...]\n", argv[0]);
        return 2;
    }
    answer = call(argv[1], argv[2], params);
    if (answer == NULL) return 1;
    puts(answer);
    free(answer);
    return 0;
}
