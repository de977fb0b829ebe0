/* httpd.c: see httpd.h. Compiled with HTTPD_MAIN it is a program: it prints its port and serves until
 * its standard input ends. */
#include "httpd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX ((size_t)8 * 1024 * 1024)
#define PEERS_MAX 1024

/* One connection. */
typedef struct peer {
    httpd *server;
    pthread_t thread;
    int fd;
    char *text;      /* what was read: one request, maybe the start of the next */
    size_t len;
    size_t head_len; /* of the request, blank line included */
    size_t body_len;
} peer;

struct httpd {
    int fd, port;
    pthread_t thread;
    atomic_uint requests, connections;
    pthread_mutex_t lock; /* of peers */
    peer *peers[PEERS_MAX];
    unsigned peer_count;
};

static bool send_all(peer *p, const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t n = send(p->fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool say(peer *p, const char *text) {
    return send_all(p, text, strlen(text));
}

/* Sends a whole answer; `more` are further header lines. */
static bool answer(peer *p, int status, const char *more, const void *body, size_t len) {
    char head[1024];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", status, len,
                     more);
    if (!send_all(p, head, (size_t)n)) return false;
    return send_all(p, body, len);
}

/* Waits until the client closes. */
static bool stall(peer *p) {
    char c;
    while (recv(p->fd, &c, 1, 0) > 0) continue;
    return false;
}

static bool reset(peer *p) {
    struct linger hard = {1, 0};
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    return false;
}

static uint32_t crc_of(const unsigned char *data, size_t len) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put_le(unsigned char *out, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) out[i] = (unsigned char)(value >> 8 * i);
}

/* gzip (RFC 1952) of stored blocks (RFC 1951 3.2.4). */
static bool answer_gzip(peer *p, const unsigned char *data, size_t len) {
    unsigned char *out = malloc(len + len / 65535 * 5 + 64);
    size_t n = 10, done = 0;
    bool ok;
    if (out == NULL) return false;
    memcpy(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    do {
        size_t piece = len - done < 65535 ? len - done : 65535;
        out[n] = done + piece == len;
        put_le(out + n + 1, (uint32_t)piece, 2);
        put_le(out + n + 3, (uint32_t)~piece, 2);
        memcpy(out + n + 5, data + done, piece);
        n += 5 + piece;
        done += piece;
    } while (done < len);
    put_le(out + n, crc_of(data, len), 4);
    put_le(out + n + 4, (uint32_t)len, 4);
    ok = answer(p, 200, "Content-Encoding: gzip\r\n", out, n + 8);
    free(out);
    return ok;
}

/* gzip of one block with a Huffman code of its own (RFC 1951 3.2.7), in which two zero bits stand for 258
 * blanks like the one before them: 1032 to 1. `cut` leaves out its last bytes. */
static bool answer_bomb(peer *p, const char *size, bool cut) {
    static const char begin[] = "\x1f\x8b\x08\0\0\0\0\0\0\xff"
                                "\xed\xc0\x81\0\0\0\0\x80\x20\x95\xfd\x29\x17\xa9";
    size_t zeros = (size_t)strtoul(size, NULL, 10), whole = 1 + 1032 * zeros, n = sizeof begin - 1;
    unsigned char *blanks = malloc(whole), *out = calloc(1, n + zeros + 9);
    bool ok = false;
    if (blanks != NULL && out != NULL) {
        memset(blanks, ' ', whole);
        memcpy(out, begin, n);
        n += zeros;
        out[n++] = 6; /* and the end of the block */
        put_le(out + n, crc_of(blanks, whole), 4);
        put_le(out + n + 4, (uint32_t)whole, 4);
        ok = answer(p, 200, "Content-Encoding: gzip\r\n", out, cut ? n - 1 : n + 8);
    }
    free(blanks);
    free(out);
    return ok;
}

/* gzip of many members without content. */
static bool answer_members(peer *p, const char *count) {
    static const char member[20] = "\x1f\x8b\x08\0\0\0\0\0\0\xff\x03";
    size_t members = (size_t)strtoul(count, NULL, 10);
    char *out = malloc(members * sizeof member + 1);
    bool ok;
    if (out == NULL) return false;
    for (size_t i = 0; i < members; i++) memcpy(out + i * sizeof member, member, sizeof member);
    ok = answer(p, 200, "Content-Encoding: gzip\r\n", out, members * sizeof member);
    free(out);
    return ok;
}

static bool answer_filled(peer *p, const char *size, int byte, bool gzip) {
    size_t len = (size_t)strtoul(size, NULL, 10);
    void *data = malloc(len + 1);
    bool ok;
    if (data == NULL) return false;
    memset(data, byte, len);
    ok = gzip ? answer_gzip(p, data, len) : answer(p, 200, "", data, len);
    free(data);
    return ok;
}

/* The value of a request field, cut to size; empty if absent. */
static void get_field(const peer *p, const char *name, char *out, size_t size) {
    size_t len = strlen(name);
    const char *at = p->text;
    out[0] = '\0';
    while ((at = memchr(at, '\n', p->head_len - (size_t)(at - p->text))) != NULL) {
        at++;
        if (at - p->text >= (ptrdiff_t)p->head_len) return;
        if (strncasecmp(at, name, len) == 0 && at[len] == ':') {
            size_t n = strcspn(at + len + 2, "\r");
            snprintf(out, size, "%.*s", (int)n, at + len + 2);
            return;
        }
    }
}

static bool answer_echo(peer *p) {
    char key[256], more[300] = "";
    get_field(p, "X-Key", key, sizeof key);
    if (key[0] != '\0') snprintf(more, sizeof more, "X-Echo: got %s\r\n", key);
    return answer(p, 200, more, p->text, p->head_len + p->body_len);
}

static bool is(const char *path, const char *name) {
    size_t len = strlen(name);
    return strncmp(path, name, len) == 0 && (path[len] == '\0' || path[len] == '?');
}

/* Answers by path. May the connection go on? */
static bool serve(peer *p, const char *path) {
    if (is(path, "/ok")) return answer(p, 200, "", "ok", 2);
    if (is(path, "/echo")) return answer_echo(p);
    if (strncmp(path, "/status/", 8) == 0) {
        bool bare = strncmp(path + 8, "204", 3) == 0 || strncmp(path + 8, "304", 3) == 0;
        return bare ? say(p, "HTTP/1.1 204 X\r\n\r\n") : answer(p, atoi(path + 8), "", "status", 6);
    }
    if (strncmp(path, "/big/", 5) == 0) return answer_filled(p, path + 5, 'x', false);
    if (strncmp(path, "/gzipnone/", 10) == 0) return answer_members(p, path + 10);
    if (strncmp(path, "/gzipbig/", 9) == 0) return answer_filled(p, path + 9, 0, true);
    if (strncmp(path, "/bomb/", 6) == 0) return answer_bomb(p, path + 6, false);
    if (strncmp(path, "/bombcut/", 9) == 0) return answer_bomb(p, path + 9, true);
    if (is(path, "/transfergzip")) {
        return say(p, "HTTP/1.1 200 X\r\nTransfer-Encoding: gzip, chunked\r\n\r\n") &&
               say(p, "2\r\nok\r\n0\r\n\r\n");
    }
    if (is(path, "/gzip")) return answer_gzip(p, (const unsigned char *)"hello", 5);
    if (is(path, "/br")) {
        return answer(p, 200, "Content-Encoding: br\r\n", "\x0b\x02\x80hello\x03", 9);
    }
    if (is(path, "/badgzip")) return answer(p, 200, "Content-Encoding: gzip\r\n", "no gzip", 7);
    if (is(path, "/redirect")) {
        return answer(p, 302, "Location: http://other.example/\r\n", "moved", 5);
    }
    if (is(path, "/close")) return answer(p, 200, "Connection: close\r\n", "ok", 2) && false;
    if (is(path, "/informed")) {
        return say(p, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n") &&
               answer(p, 200, "X-Late: 1\r\n", "ok", 2);
    }
    if (is(path, "/fold")) return answer(p, 200, "X-Fold: one\r\n   two\r\nX-Two: 2\r\n", "ok", 2);
    if (is(path, "/trailer")) {
        return say(p, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n");
    }
    if (is(path, "/slow")) return stall(p);
    if (is(path, "/drip")) return say(p, "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nx") && stall(p);
    if (is(path, "/half")) {
        char half[512] = {0};
        return say(p, "HTTP/1.1 200 X\r\nContent-Length: 1024\r\n\r\n") &&
               send_all(p, half, sizeof half) && false;
    }
    if (is(path, "/chunkhalf")) {
        return say(p, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n") && false;
    }
    if (is(path, "/headhalf")) return say(p, "HTTP/1.1 200 X\r\nContent-Le") && false;
    if (is(path, "/garbage")) return say(p, "no http here\r\n\r\n") && false;
    if (is(path, "/drop")) return false;
    if (is(path, "/reset")) return reset(p);
    return answer(p, 404, "", "no such path", 12);
}

/* Reads one request whole into text. */
static bool read_request(peer *p) {
    char size[32];
    const char *end;
    while ((end = memmem(p->text, p->len, "\r\n\r\n", 4)) == NULL) {
        ssize_t n = recv(p->fd, p->text + p->len, REQUEST_MAX - p->len, 0);
        if (n <= 0) return false;
        p->len += (size_t)n;
        if (p->text[0] == 0x16) return say(p, "HTTP/1.1 400 no TLS here\r\n\r\n") && false;
    }
    p->head_len = (size_t)(end - p->text) + 4;
    get_field(p, "Content-Length", size, sizeof size);
    p->body_len = (size_t)strtoul(size, NULL, 10);
    while (p->len < p->head_len + p->body_len) {
        ssize_t n = recv(p->fd, p->text + p->len, REQUEST_MAX - p->len, 0);
        if (n <= 0) return false;
        p->len += (size_t)n;
    }
    return true;
}

static void *run_peer(void *ud) {
    peer *p = ud;
    bool open = true;
    while (open && read_request(p)) {
        size_t used = p->head_len + p->body_len;
        char path[256] = "";
        sscanf(p->text, "%*s %255s", path);
        atomic_fetch_add(&p->server->requests, 1);
        open = serve(p, path);
        memmove(p->text, p->text + used, p->len - used);
        p->len -= used;
    }
    pthread_mutex_lock(&p->server->lock);
    close(p->fd);
    p->fd = -1;
    pthread_mutex_unlock(&p->server->lock);
    free(p->text);
    p->text = NULL;
    return NULL;
}

static void add_peer(httpd *s, int fd) {
    int on = 1;
    peer *p = calloc(1, sizeof *p);
    if (p != NULL) p->text = malloc(REQUEST_MAX);
    if (p == NULL || p->text == NULL || s->peer_count == PEERS_MAX) {
        if (p != NULL) free(p->text);
        free(p);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    p->server = s;
    p->fd = fd;
    pthread_mutex_lock(&s->lock);
    s->peers[s->peer_count++] = p;
    pthread_mutex_unlock(&s->lock);
    pthread_create(&p->thread, NULL, run_peer, p);
}

static void *run_server(void *ud) {
    httpd *s = ud;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        atomic_fetch_add(&s->connections, 1);
        add_peer(s, fd);
    }
    return NULL;
}

httpd *httpd_start(void) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    httpd *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(s->fd, 128) < 0 ||
        getsockname(s->fd, (struct sockaddr *)&addr, &len) < 0 ||
        pthread_create(&s->thread, NULL, run_server, s) != 0) {
        free(s);
        return NULL;
    }
    s->port = ntohs(addr.sin_port);
    return s;
}

int httpd_port(const httpd *s) {
    return s->port;
}

unsigned httpd_requests(const httpd *s) {
    return atomic_load(&s->requests);
}

unsigned httpd_connections(const httpd *s) {
    return atomic_load(&s->connections);
}

void httpd_stop(httpd *s) {
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (unsigned i = 0; i < s->peer_count; i++) {
        peer *p = s->peers[i];
        pthread_mutex_lock(&s->lock);
        if (p->fd >= 0) shutdown(p->fd, SHUT_RDWR);
        pthread_mutex_unlock(&s->lock);
        pthread_join(p->thread, NULL);
        free(p);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

#ifdef HTTPD_MAIN
int main(void) {
    httpd *s = httpd_start();
    if (s == NULL) return 1;
    printf("%d\n", httpd_port(s));
    fflush(stdout);
    while (getchar() != EOF) continue;
    httpd_stop(s);
    return 0;
}
#endif
