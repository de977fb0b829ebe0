/* listen.c: the listening socket; made here, not by libmicrohttpd, to be able to say what was wrong. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "own.h"

typedef union bound_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} bound_address;

/* The port that a socket is bound to; 0 and errno. */
static uint16_t port_of(int fd) {
    bound_address bound = {.v6 = {.sin6_port = 0}};
    socklen_t len = sizeof bound;
    if (getsockname(fd, &bound.any, &len) < 0) return 0;
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

static int fail(const struct addrinfo *info, const char *address, uint16_t port, neap_err *err) {
    const char *form = info->ai_family == AF_INET6 ? "cannot listen on [%s]:%u: %s" : "cannot listen on %s:%u: %s";
    return neap_err_set(err, NEAP_ENETWORK, form, address, (unsigned)port, strerror(errno));
}

/* Binds and listens; the descriptor, or -1 and errno. */
static int open_socket(const struct addrinfo *info, uint16_t *port) {
    int on = 1, reason;
    uint16_t bound = 0;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) bound = port_of(fd);
    if (bound != 0) {
        *port = bound;
        return fd;
    }
    reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

int neap_listen_open(const char *address, uint16_t *port, neap_err *err) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *info = NULL;
    char service[8];
    int fd, rc;
    snprintf(service, sizeof service, "%u", (unsigned)*port);
    rc = getaddrinfo(address, service, &hints, &info);
    if (rc == EAI_MEMORY) return neap_err_set(err, NEAP_ENOMEM, "out of memory");
    if (rc != 0)
        return neap_err_set(err, NEAP_EINVAL, "\"%s\" is no IPv4 or IPv6 address, like 127.0.0.1 or ::1", address);
    fd = open_socket(info, port);
    if (fd < 0) fd = fail(info, address, *port, err);
    freeaddrinfo(info);
    return fd;
}
