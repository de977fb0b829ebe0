/* curl_fail.h: what it means when libcurl gets no connection. Private to curl_wire.c and connection.c. */
#ifndef NEAP_CORE_CURL_FAIL_H
#define NEAP_CORE_CURL_FAIL_H

#include "libcurl.h"
#include "transfer_ops.h"

/* Records in a transfer that nothing of it was sent; nothing was asked of the server yet. error: libcurl's
 * text, may be empty; connect_ms: the time that there was. */
void neap_curl_fail_connect(neap_transfer *, CURL *, CURLcode rc, const char *error, long connect_ms);

#endif
