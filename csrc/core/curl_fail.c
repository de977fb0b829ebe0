/* curl_fail.c: see curl_fail.h. */
#include "curl_fail.h"

#include <stdio.h>
#include <string.h>

/* "host:port" of the transfer, for messages. */
static const char *authority(const neap_transfer *t, char *out, size_t size) {
    const neap_url *u = &t->url;
    snprintf(out, size, u->ipv6 ? "[%.*s]:%u" : "%.*s:%u", (int)u->host.len, u->host.data, u->port);
    return out;
}

static bool is_tls(CURLcode rc) {
    switch (rc) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED: return true;
    default: return false;
    }
}

/* The system's reason where there is one: libcurl's own text repeats the address. */
static const char *reason(CURL *easy, CURLcode rc, const char *error) {
    long number = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    if (rc == CURLE_COULDNT_CONNECT && number != 0) return strerror((int)number);
    return error[0] != '\0' ? error : curl_easy_strerror(rc);
}

void neap_curl_fail_connect(neap_transfer *t, CURL *easy, CURLcode rc, const char *error, long connect_ms) {
    char to[300];
    authority(t, to, sizeof to);
    if (rc == CURLE_COULDNT_RESOLVE_HOST) {
        neap_transfer__fail(t, NEAP_ENETWORK, "cannot find host %.*s", (int)t->url.host.len,
                            t->url.host.data);
    } else if (rc == CURLE_OPERATION_TIMEDOUT) {
        neap_transfer__fail(t, NEAP_ETIMEOUT, "no connection to %s within %g s", to,
                            (double)connect_ms / 1000);
    } else if (rc == CURLE_SSL_CONNECT_ERROR && strstr(error, "SSL_ERROR_SYSCALL") != NULL) {
        neap_transfer__fail(t, NEAP_ENETWORK, "connection to %s lost in the TLS handshake", to);
    } else if (is_tls(rc) || strstr(error, " alert ") != NULL) { /* an alert may come right behind the handshake */
        neap_transfer__fail(t, NEAP_ETLS, "no TLS with %s: %s", to, reason(easy, rc, error));
    } else {
        neap_transfer__fail(t, NEAP_ENETWORK, "cannot connect to %s: %s", to, reason(easy, rc, error));
    }
}
