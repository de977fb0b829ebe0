/* origin_tls.h: origin.h with TLS by OpenSSL, and certificates made on the spot. */
#ifndef NEAP_SPEC_ORIGIN_TLS_H
#define NEAP_SPEC_ORIGIN_TLS_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include "origin.h"

/* A certificate and its key; the files have them as PEM. */
typedef struct identity {
    X509 *cert;
    EVP_PKEY *key;
    char cert_file[300], key_file[300];
} identity;

static inline void add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    CHECK(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

static inline FILE *make_file(char *path, size_t size) {
    const char *dir = getenv("TMPDIR");
    snprintf(path, size, "%s/neap-tls-XXXXXX", dir != NULL ? dir : "/tmp");
    return fdopen(mkstemp(path), "w");
}

static inline void write_files(identity *id) {
    FILE *f = make_file(id->cert_file, sizeof id->cert_file);
    CHECK(f != NULL && PEM_write_X509(f, id->cert) == 1);
    fclose(f);
    f = make_file(id->key_file, sizeof id->key_file);
    CHECK(f != NULL && PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(f);
}

/* names: "DNS:localhost,..."; NULL: an authority. issuer NULL: signs itself. Good for an hour. */
static inline void identity_make(identity *id, const char *name, const char *names, const identity *issuer) {
    const identity *by = issuer != NULL ? issuer : id;
    X509_NAME *subject;
    static long serial;
    id->key = EVP_EC_gen("P-256");
    id->cert = X509_new();
    X509_set_version(id->cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(id->cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(id->cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(id->cert), 3600);
    X509_set_pubkey(id->cert, id->key);
    subject = X509_get_subject_name(id->cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(id->cert, X509_get_subject_name(by->cert));
    add_extension(id->cert, by->cert, NID_basic_constraints, names != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (names != NULL) add_extension(id->cert, by->cert, NID_subject_alt_name, names);
    CHECK(X509_sign(id->cert, by->key, EVP_sha256()) > 0);
    write_files(id);
}

static inline void identity_free(identity *id) {
    unlink(id->cert_file);
    unlink(id->key_file);
    X509_free(id->cert);
    EVP_PKEY_free(id->key);
}

/* Nobody ignores SIGPIPE but the server's side here: the client has to live without that. */
static inline int guarded(int (*io)(SSL *, void *, size_t, size_t *), SSL *ssl, void *data, size_t len, size_t *n) {
    int rc;
    signal(SIGPIPE, SIG_IGN);
    ERR_clear_error();
    rc = io(ssl, data, len, n);
    signal(SIGPIPE, SIG_DFL);
    return rc;
}

static inline ssize_t tls_io(int (*io)(SSL *, void *, size_t, size_t *), peer *p, void *data, size_t len) {
    size_t n = 0;
    int error, rc = guarded(io, p->tls, data, len, &n);
    if (rc > 0) return (ssize_t)n;
    error = SSL_get_error(p->tls, rc);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return -1;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -2;
}

static int tls_write_some(SSL *ssl, void *data, size_t len, size_t *n) {
    return SSL_write_ex(ssl, data, len, n);
}

static int tls_shake(SSL *ssl, void *data, size_t len, size_t *n) {
    (void)data, (void)len, (void)n;
    return SSL_do_handshake(ssl);
}

static ssize_t tls_recv(peer *p, void *data, size_t cap) {
    return tls_io(SSL_read_ex, p, data, cap);
}

static ssize_t tls_send(peer *p, const void *data, size_t len) {
    return tls_io(tls_write_some, p, (void *)data, len);
}

/* Without a word: who wants to end the stream says so with tls_notify. */
static void tls_free(peer *p) {
    SSL_free(p->tls);
}

static const peer_way peer_tls = {tls_recv, tls_send, tls_free};

/* Goes on with the handshake, or with what the server does after it, to its end. False: it failed. */
static inline bool tls_handshake(peer *p) {
    ssize_t rc;
    while ((rc = tls_io(tls_shake, p, NULL, 0)) == -1 && SSL_want_read((SSL *)p->tls)) {
        if (!turn(p->fd, POLLIN)) exit(check_report());
    }
    return rc != -2;
}

static inline bool tls_accept(peer *p, const origin *o, SSL_CTX *ctx) {
    peer_accept(p, o);
    p->way = &peer_tls;
    p->tls = SSL_new(ctx);
    SSL_set_fd(p->tls, p->fd);
    SSL_set_accept_state(p->tls);
    return tls_handshake(p);
}

static inline void tls_notify(peer *p) {
    SSL_shutdown(p->tls);
}

static inline SSL_CTX *tls_context(const identity *id, int version) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    CHECK(SSL_CTX_use_certificate(ctx, id->cert) == 1 && SSL_CTX_use_PrivateKey(ctx, id->key) == 1);
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

#endif
