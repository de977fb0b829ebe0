/* fuzz_url_curl.c: an accepted URL and libcurl agree about its host and port (a credential's origin
 * is judged by ours and connected to by libcurl's), and a resolved reference is itself a URL. */
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "core/url.h"
#include "fuzz.h"

/* The same host, without regard to case? */
static int same_host(const neap_url *url, const char *host) {
    size_t len = strlen(host);
    if (url->ipv6) return host[0] == '['; /* libcurl spells the address its own way */
    return len == url->host.len && strncasecmp(host, url->host.data, len) == 0;
}

static void compare(const neap_url *url, const char *text) {
    CURLU *theirs = curl_url();
    char *host = NULL, *port = NULL;
    HOLDS(theirs != NULL);
    if (curl_url_set(theirs, CURLUPART_URL, text, 0) == CURLUE_OK &&
        curl_url_get(theirs, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(theirs, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        HOLDS(same_host(url, host));
        HOLDS(strtol(port, NULL, 10) == url->port);
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(theirs);
}

static void parse(const char *text, size_t size) {
    neap_url url;
    neap_err err = {0};
    if (neap_url_parse(&url, text, size, &err) == 0) {
        HOLDS(url.host.len > 0 && neap_url_same_origin(&url, &url));
        compare(&url, text);
    } else {
        HOLDS(err.code < 0 && err.message[0] != '\0');
    }
}

static void resolve(const char *text, size_t size) {
    static const char base[] = "https://api.example.com/a/b/c?d=e";
    neap_buf out = {0};
    neap_url url;
    neap_err err = {0};
    if (neap_url_resolve(&out, base, sizeof base - 1, text, size, &err) == 0) {
        HOLDS(neap_url_parse(&url, out.data, out.len, &err) == 0);
    }
    neap_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    HOLDS(text != NULL);
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    parse(text, size);
    resolve(text, size);
    free(text);
    return 0;
}
