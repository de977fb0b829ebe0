/* direct.h: carries transfers over the network straight to their origins. */
#ifndef NEAP_CORE_DIRECT_H
#define NEAP_CORE_DIRECT_H

#include "transfer_ops.h"

extern const neap_carrier neap_direct_carrier;

#endif
