/* curl.h: carries transfers over the network with libcurl's multi interface. */
#ifndef NEAP_CORE_CURL_H
#define NEAP_CORE_CURL_H

#include "transfer_ops.h"

extern const neap_carrier neap_curl_carrier;

#endif
