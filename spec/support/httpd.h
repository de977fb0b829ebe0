/* httpd.h: a small scripted HTTP/1.1 server for the specs: one blocking thread per connection, on a
 * port of its own choosing on 127.0.0.1. What it does is named by the path:
 *
 *   /ok            200, `ok`                     /status/NNN   that status, `status`
 *   /echo          200, the request as it came; X-Echo repeats X-Key
 *   /slow          never answers                 /drip         head and one byte of ten, then nothing
 *   /half          512 of 1024 bytes, then closes  /chunkhalf  a chunk, no last chunk, closes
 *   /headhalf      a head without an end         /garbage      no HTTP
 *   /drop          closes without a byte         /reset        resets the connection
 *   /redirect      302 to another origin         /close        `ok`, and closes
 *   /gzip /br      `hello` so encoded            /badgzip      no gzip at all
 *   /gzipbig/N     N zero bytes, stored in gzip  /big/N        N bytes `x`
 *   /gzipnone/N    N times nothing in 20 bytes of gzip
 *   /bomb/N        1 + 1032 * N blanks in N + 33 bytes of gzip  /bombcut/N   and its end is missing
 *   /transfergzip  a transfer coding that nobody asked for
 *   /informed      100 and 103 before the 200    /fold         a folded field
 *   /trailer       chunked, with a trailer field */
#ifndef NEAP_SPEC_HTTPD_H
#define NEAP_SPEC_HTTPD_H

typedef struct httpd httpd;

/* Starts; NULL when the system refuses. */
httpd *httpd_start(void);
int httpd_port(const httpd *);
/* Requests read whole, and connections accepted, so far. */
unsigned httpd_requests(const httpd *);
unsigned httpd_connections(const httpd *);
/* Ends all connections and frees. */
void httpd_stop(httpd *);

#endif
