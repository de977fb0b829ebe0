/* inproc.h: carries transfers to a neap_handler of the same process, without a network. */
#ifndef NEAP_CORE_INPROC_H
#define NEAP_CORE_INPROC_H

#include "transfer_ops.h"

extern const neap_carrier neap_inproc_carrier;

#endif
