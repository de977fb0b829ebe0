/* test_value_alloc.c: include/neap/value.h when memory ends: the n-th allocation fails, for n = 1, 2 and so on,
 * until none does. Either all is there, or nothing is left. */
#include <neap/value.h>

#include "alloc.h"

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size) {
    return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return alloc_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size) {
    return alloc_fails() ? NULL : __real_realloc(p, size);
}

#define TEXT                                                                                                         \
    "{\"list\":[1,2.5,\"three\",{\"four\":true}],\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"e\":4,\"f\":5,\"g\":6,\"h\":7," \
    "\"i\":8,\"a\":9}"
#define WRITTEN                                                                                                      \
    "{\"list\":[1,2.5,\"three\",{\"four\":true}],\"a\":9,\"b\":1,\"c\":2,\"d\":3,\"e\":4,\"f\":5,\"g\":6,\"h\":7," \
    "\"i\":8}"

/* As a host would write it: only the text is looked at. */
static neap_value *build(void) {
    neap_value *o = neap_object(), *list = neap_array(), *inner = neap_object();
    char name[2] = "a";
    neap_value_set(inner, "four", neap_boolean(1));
    neap_value_add(list, neap_integer(1));
    neap_value_add(list, neap_number(2.5));
    neap_value_add(list, neap_string("three"));
    neap_value_add(list, inner);
    neap_value_set(o, "list", list);
    for (int i = 0; i < 9; i++, name[0]++) neap_value_set(o, name, neap_integer(i));
    neap_value_set(o, "a", neap_integer(9));
    return o;
}

static void check_value(neap_value *v) {
    size_t len = 0;
    char *text = v != NULL ? neap_value_json(v, &len) : NULL;
    alloc_succeed();
    if (text != NULL) CHECK_STR(text, WRITTEN);
    else CHECK(alloc_failed);
    free(text);
    neap_value_free(v);
}

static void run_build(void *ud, alloc_fault fault, long n) {
    (void)ud;
    alloc_fail(fault, n);
    check_value(build());
}

static void run_parse(void *ud, alloc_fault fault, long n) {
    (void)ud;
    alloc_fail(fault, n);
    check_value(neap_value_parse(TEXT, sizeof TEXT - 1));
}

int main(void) {
    alloc_try("build", 0, run_build, NULL);
    alloc_try("parse", 0, run_parse, NULL);
    return check_report();
}
