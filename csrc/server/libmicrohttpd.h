/* libmicrohttpd.h: libmicrohttpd, opened at first use, as core/libcurl.h. */
#ifndef NEAP_SERVER_LIBMICROHTTPD_H
#define NEAP_SERVER_LIBMICROHTTPD_H

#include <microhttpd.h>

#include "../core/err.h"

/* What is used of it; each has its #define below, or the link fails. */
#define NEAP_LIBMICROHTTPD_FUNCTIONS(X)                                                            \
    X(MHD_add_response_header)                                                                     \
    X(MHD_create_response_from_buffer)                                                             \
    X(MHD_create_response_from_callback)                                                           \
    X(MHD_destroy_response)                                                                        \
    X(MHD_get_connection_info)                                                                     \
    X(MHD_get_connection_values_n)                                                                 \
    X(MHD_get_daemon_info)                                                                         \
    X(MHD_get_timeout)                                                                             \
    X(MHD_get_version)                                                                             \
    X(MHD_lookup_connection_value)                                                                 \
    X(MHD_quiesce_daemon)                                                                          \
    X(MHD_queue_response)                                                                          \
    X(MHD_resume_connection)                                                                       \
    X(MHD_run)                                                                                     \
    X(MHD_set_response_options)                                                                    \
    X(MHD_start_daemon)                                                                            \
    X(MHD_stop_daemon)                                                                             \
    X(MHD_suspend_connection)

struct neap_libmicrohttpd {
#define X(name) __typeof__(name) *(name);
    NEAP_LIBMICROHTTPD_FUNCTIONS(X)
#undef X
};

/* Filled by neap_libmicrohttpd_open. */
extern struct neap_libmicrohttpd neap_libmicrohttpd;

/* Must have succeeded before anything else of libmicrohttpd is called. 0 or NEAP_ESETTINGS. */
int neap_libmicrohttpd_open(neap_err *err);

#define MHD_add_response_header neap_libmicrohttpd.MHD_add_response_header
#define MHD_create_response_from_buffer neap_libmicrohttpd.MHD_create_response_from_buffer
#define MHD_create_response_from_callback neap_libmicrohttpd.MHD_create_response_from_callback
#define MHD_destroy_response neap_libmicrohttpd.MHD_destroy_response
#define MHD_get_connection_info neap_libmicrohttpd.MHD_get_connection_info
#define MHD_get_connection_values_n neap_libmicrohttpd.MHD_get_connection_values_n
#define MHD_get_daemon_info neap_libmicrohttpd.MHD_get_daemon_info
#define MHD_get_timeout neap_libmicrohttpd.MHD_get_timeout
#define MHD_get_version neap_libmicrohttpd.MHD_get_version
#define MHD_lookup_connection_value neap_libmicrohttpd.MHD_lookup_connection_value
#define MHD_queue_response neap_libmicrohttpd.MHD_queue_response
#define MHD_quiesce_daemon neap_libmicrohttpd.MHD_quiesce_daemon
#define MHD_resume_connection neap_libmicrohttpd.MHD_resume_connection
#define MHD_run neap_libmicrohttpd.MHD_run
#define MHD_set_response_options neap_libmicrohttpd.MHD_set_response_options
#define MHD_start_daemon neap_libmicrohttpd.MHD_start_daemon
#define MHD_stop_daemon neap_libmicrohttpd.MHD_stop_daemon
#define MHD_suspend_connection neap_libmicrohttpd.MHD_suspend_connection

#endif
