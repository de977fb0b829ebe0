/* libcurl.h: libcurl, opened at first use (library.h). The only header that includes <curl/curl.h>:
 * its names mean the functions of the opened library, so nothing links to libcurl. */
#ifndef NEAP_CORE_LIBCURL_H
#define NEAP_CORE_LIBCURL_H

#include <curl/curl.h>

#include "err.h"

/* What is used of it; each has its #define below, or the link fails. */
#define NEAP_LIBCURL_FUNCTIONS(X)                                                                  \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_init)                                                                              \
    X(curl_easy_pause)                                                                             \
    X(curl_easy_recv)                                                                              \
    X(curl_easy_send)                                                                              \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_strerror)                                                                          \
    X(curl_global_init)                                                                            \
    X(curl_multi_add_handle)                                                                       \
    X(curl_multi_cleanup)                                                                          \
    X(curl_multi_info_read)                                                                        \
    X(curl_multi_init)                                                                             \
    X(curl_multi_remove_handle)                                                                    \
    X(curl_multi_setopt)                                                                           \
    X(curl_multi_socket_action)                                                                    \
    X(curl_share_cleanup)                                                                          \
    X(curl_share_init)                                                                             \
    X(curl_share_setopt)                                                                           \
    X(curl_url)                                                                                    \
    X(curl_url_cleanup)                                                                            \
    X(curl_url_set)                                                                                \
    X(curl_version_info)

struct neap_libcurl {
#define X(name) __typeof__(name) *(name);
    NEAP_LIBCURL_FUNCTIONS(X)
#undef X
};

/* Filled by neap_libcurl_open. */
extern struct neap_libcurl neap_libcurl;

/* Must have succeeded before anything else of libcurl is called. 0 or NEAP_ESETTINGS. */
int neap_libcurl_open(neap_err *err);
/* After curl_global_init; see library.h. */
void neap_libcurl_trim(void);

#define curl_easy_cleanup neap_libcurl.curl_easy_cleanup
#define curl_easy_init neap_libcurl.curl_easy_init
#define curl_easy_pause neap_libcurl.curl_easy_pause
#define curl_easy_recv neap_libcurl.curl_easy_recv
#define curl_easy_send neap_libcurl.curl_easy_send
#define curl_easy_strerror neap_libcurl.curl_easy_strerror
#define curl_global_init neap_libcurl.curl_global_init
#define curl_multi_add_handle neap_libcurl.curl_multi_add_handle
#define curl_multi_cleanup neap_libcurl.curl_multi_cleanup
#define curl_multi_info_read neap_libcurl.curl_multi_info_read
#define curl_multi_init neap_libcurl.curl_multi_init
#define curl_multi_remove_handle neap_libcurl.curl_multi_remove_handle
#undef curl_multi_setopt
#define curl_multi_setopt neap_libcurl.curl_multi_setopt
#define curl_multi_socket_action neap_libcurl.curl_multi_socket_action
#define curl_share_cleanup neap_libcurl.curl_share_cleanup
#define curl_share_init neap_libcurl.curl_share_init
#undef curl_share_setopt
#define curl_share_setopt neap_libcurl.curl_share_setopt
#define curl_url neap_libcurl.curl_url
#define curl_url_cleanup neap_libcurl.curl_url_cleanup
#define curl_url_set neap_libcurl.curl_url_set
#define curl_version_info neap_libcurl.curl_version_info

#ifdef CURLINC_TYPECHECK_GCC_H
/* curl.h checks the types of options in macros that end in calls of these names: they go on here. */
extern inline __attribute__((gnu_inline, always_inline)) CURLcode
(curl_easy_setopt)(CURL *easy, CURLoption option, ...) {
    return (neap_libcurl.curl_easy_setopt)(easy, option, __builtin_va_arg_pack());
}
extern inline __attribute__((gnu_inline, always_inline)) CURLcode
(curl_easy_getinfo)(CURL *easy, CURLINFO info, ...) {
    return (neap_libcurl.curl_easy_getinfo)(easy, info, __builtin_va_arg_pack());
}
#else
#undef curl_easy_setopt
#define curl_easy_setopt neap_libcurl.curl_easy_setopt
#undef curl_easy_getinfo
#define curl_easy_getinfo neap_libcurl.curl_easy_getinfo
#endif

#endif
