/* places.c: see places.h. */
#include "places.h"

bool neap_places_take(neap_places *p) {
    if (p->held >= p->size || p->first != NULL) return false;
    p->held++;
    return true;
}

void neap_places_wait(neap_places *p, neap_place_waiter *w) {
    w->places = p;
    w->next = NULL;
    w->prev = p->last;
    if (w->prev != NULL) w->prev->next = w;
    else p->first = w;
    p->last = w;
}

void neap_places_leave(neap_place_waiter *w) {
    neap_places *p = w->places;
    if (p == NULL) return;
    if (w->next != NULL) w->next->prev = w->prev;
    else p->last = w->prev;
    if (w->prev != NULL) w->prev->next = w->next;
    else p->first = w->next;
    w->places = NULL;
}

void neap_places_release(neap_places *p) {
    p->held--;
    while (p->held < p->size && p->first != NULL) {
        neap_place_waiter *w = p->first;
        neap_places_leave(w);
        if (w->offer(w)) p->held++;
    }
}
