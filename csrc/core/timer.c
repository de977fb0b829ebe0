/* timer.c: see timer.h. A binary min-heap over (due_ns, seq). */
#include "timer.h"

#include <stdbool.h>
#include <stdlib.h>

#include "err.h"

static bool before(const neap_timer *a, const neap_timer *b) {
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->seq < b->seq;
}

static void set(neap_timer_heap *h, size_t i, neap_timer *t) {
    h->items[i] = t;
    t->place = i + 1;
}

static void sift_up(neap_timer_heap *h, size_t i) {
    neap_timer *t = h->items[i];
    while (i > 0 && before(t, h->items[(i - 1) / 2])) {
        set(h, i, h->items[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    set(h, i, t);
}

static void sift_down(neap_timer_heap *h, size_t i) {
    neap_timer *t = h->items[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->len) break;
        if (child + 1 < h->len && before(h->items[child + 1], h->items[child])) child++;
        if (!before(h->items[child], t)) break;
        set(h, i, h->items[child]);
        i = child;
    }
    set(h, i, t);
}

static int grow(neap_timer_heap *h) {
    size_t cap = h->cap ? h->cap * 2 : 16;
    neap_timer **items = realloc(h->items, cap * sizeof *items);
    if (items == NULL) return NEAP_ENOMEM;
    h->items = items;
    h->cap = cap;
    return 0;
}

int neap_timer_heap_put(neap_timer_heap *h, neap_timer *t, int64_t due_ns) {
    neap_timer_heap_drop(h, t);
    if (h->len == h->cap && grow(h) < 0) return NEAP_ENOMEM;
    t->due_ns = due_ns;
    t->seq = ++h->seq;
    h->items[h->len] = t;
    sift_up(h, h->len++);
    return 0;
}

void neap_timer_heap_drop(neap_timer_heap *h, neap_timer *t) {
    size_t i = t->place;
    if (i-- == 0) return;
    t->place = 0;
    if (i == --h->len) return;
    set(h, i, h->items[h->len]);
    sift_down(h, i);
    sift_up(h, h->items[i]->place - 1);
}

neap_timer *neap_timer_heap_first(const neap_timer_heap *h) {
    return h->len > 0 ? h->items[0] : NULL;
}

void neap_timer_heap_deinit(neap_timer_heap *h) {
    free(h->items);
    *h = (neap_timer_heap){0};
}
