/* inflater.c: see inflater.h. */
#include "inflater.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libz.h"

/* To windowBits, for zlib's framing instead of its own. */
enum { GZIP = 16 };
#define GZIP_FIRST 0x1f

enum coding { NONE, GZIPPED, DEFLATED, UNKNOWN };

struct neap_inflater {
    z_stream z;
    enum coding coding;
    bool begun;    /* z is set up */
    bool complete; /* a member has ended, and no byte came after it */
    bool full;
};

/* --- codings ----------------------------------------------------------------------------------- */

static bool is_named(const char *text, size_t len, const char *name) {
    return strlen(name) == len && strncasecmp(text, name, len) == 0;
}

static enum coding find_coding(const char *text, size_t len) {
    if (len == 0 || is_named(text, len, "identity") || is_named(text, len, "none")) return NONE;
    if (is_named(text, len, "gzip") || is_named(text, len, "x-gzip")) return GZIPPED;
    return is_named(text, len, "deflate") ? DEFLATED : UNKNOWN;
}

int neap_inflater_open(neap_inflater **out, const char *text, size_t len, neap_err *err) {
    enum coding coding = find_coding(text, len);
    int rc;
    *out = NULL;
    if (coding == NONE) return 0;
    if (coding == UNKNOWN) {
        return neap_err_set(err, NEAP_EDECODE, "reply is encoded as \"%.*s\"; only gzip and deflate can be undone",
                            len < 40 ? (int)len : 40, text);
    }
    rc = neap_libz_open(err);
    if (rc < 0) return rc;
    *out = calloc(1, sizeof **out);
    if (*out == NULL) return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    (*out)->coding = coding;
    return 0;
}

void neap_inflater_close(neap_inflater *u) {
    if (u == NULL) return;
    if (u->begun) inflateEnd(&u->z);
    free(u);
}

/* --- inflating --------------------------------------------------------------------------------- */

static voidpf allocate(voidpf ud, uInt count, uInt size) {
    (void)ud;
    return malloc((size_t)count * size);
}

static void release(voidpf ud, voidpf block) {
    (void)ud;
    free(block);
}

/* The window of the body's framing. "deflate" comes with zlib's (RFC 1950 2.2: method 8, a window of at
 * most 32 KiB) or bare: then such a byte would begin a stored block with bits that nobody sets. */
static int window_bits(enum coding coding, unsigned char first) {
    if (coding == GZIPPED) return MAX_WBITS + GZIP;
    return (first & 0x0f) == Z_DEFLATED && first >> 4 <= 7 ? MAX_WBITS : -MAX_WBITS;
}

/* Sets up for the first byte of the body. */
static int begin(neap_inflater *u, unsigned char first, neap_err *err) {
    u->z.zalloc = allocate;
    u->z.zfree = release;
    if (inflateInit2(&u->z, window_bits(u->coding, first)) != Z_OK)
        return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    u->begun = true;
    return 0;
}

/* A byte after the end: a gzip may have several members, one after the other. */
static int begin_member(neap_inflater *u, unsigned char first, neap_err *err) {
    if (u->coding != GZIPPED || first != GZIP_FIRST)
        return neap_err_set(err, NEAP_EDECODE, "reply has bytes behind the end of its compressed body");
    u->complete = false;
    return inflateReset(&u->z) == Z_OK ? 0 : neap_err_set(err, NEAP_EBUG, "zlib is in no state to go on");
}

static int prepare(neap_inflater *u, const char *data, size_t len, neap_err *err) {
    if (len == 0) return 0;
    if (!u->begun) return begin(u, (unsigned char)data[0], err);
    return u->complete ? begin_member(u, (unsigned char)data[0], err) : 0;
}

static int fail(const neap_inflater *u, int rc, neap_err *err) {
    if (rc == Z_MEM_ERROR) return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    return neap_err_set(err, NEAP_EDECODE, "reply cannot be decompressed: %s",
                        u->z.msg != NULL ? u->z.msg : "no valid data");
}

/* Up to the room in out, which was reserved, or to the end of a member. */
static int inflate_some(neap_inflater *u, neap_buf *out, size_t room, neap_err *err) {
    int rc;
    u->z.next_out = (Bytef *)out->data + out->len;
    u->z.avail_out = (uInt)room;
    rc = inflate(&u->z, Z_SYNC_FLUSH);
    out->len += room - u->z.avail_out;
    u->full = u->z.avail_out == 0 && rc != Z_STREAM_END;
    u->complete = rc == Z_STREAM_END;
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR ? 0 : fail(u, rc, err);
}

int neap_inflater_run(neap_inflater *u, const char *data, size_t len, neap_buf *out, size_t room,
                      size_t *used, neap_err *err) {
    int rc = prepare(u, data, len, err);
    *used = 0;
    if (rc < 0 || !u->begun || u->complete || room == 0) return rc;
    if (len > UINT32_MAX / 2) len = UINT32_MAX / 2;
    if (room > UINT32_MAX / 2) room = UINT32_MAX / 2;
    if (neap_buf_reserve(out, room) < 0) return neap_err_set(err, NEAP_ENOMEM, "not enough memory");
    u->z.next_in = (const Bytef *)data;
    u->z.avail_in = (uInt)len;
    rc = inflate_some(u, out, room, err);
    *used = len - u->z.avail_in;
    return rc;
}

bool neap_inflater_is_full(const neap_inflater *u) {
    return u->full;
}

bool neap_inflater_is_complete(const neap_inflater *u) {
    return u->complete;
}
