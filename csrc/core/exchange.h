/* exchange.h: who answers exchanges (neap/exchange.h), for the carriers of this tree. */
#ifndef NEAP_CORE_EXCHANGE_H
#define NEAP_CORE_EXCHANGE_H

#include <neap/exchange.h>
#include <stdbool.h>

/* Who answers. `handle` is called from a job of the loop, never from inside a send. */
typedef struct neap_handler {
    void (*handle)(struct neap_handler *, neap_exchange *);
} neap_handler;

#endif
