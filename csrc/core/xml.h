/* xml.h: reads XML 1.0 as data, fed in chunks cut anywhere; the grammar is expat's.
 *
 * Namespaces are not resolved: names come without their prefix, xmlns attributes not at all. Every
 * text comes out as UTF-8, whichever of UTF-8, UTF-16, ISO-8859-1 and US-ASCII the document is in. A
 * document type is refused, and with it every entity but the five of XML itself, so nothing is
 * fetched and nothing expands. Comments and processing instructions are skipped.
 *
 * Text of an element without child elements comes in one piece, as it stands; none for an empty one.
 * Beside child elements only white space may stand, which is dropped: documents of mixed content, such
 * as XHTML, are refused. */
#ifndef NEAP_CORE_XML_H
#define NEAP_CORE_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/* The longest text of one element, in bytes, and the longest tag. */
#define NEAP_XML_TEXT_MAX ((size_t)16 << 20)

/* Who is told what was read. Strings are borrowed for the call, NUL-terminated, UTF-8. Each returns 0,
 * or a code of err.h, with which the reading ends. None may feed or deinit the reader. */
typedef struct neap_xml_events {
    int (*on_start)(void *ud, const char *name);
    /* After on_start, before anything inside. Of attributes whose names differ by their prefixes only
     * all come, in the order of the document. */
    int (*on_attribute)(void *ud, const char *name, const char *value);
    int (*on_text)(void *ud, const char *text, size_t len); /* bytes, at least one */
    int (*on_end)(void *ud, const char *name);
} neap_xml_events;

/* One reading of one document. Zero-initialised is valid for deinit; it may not move after init. */
typedef struct neap_xml {
    neap_err err;    /* what ended the reading: NEAP_EDECODE, _ETOOLARGE, _ENOMEM, or a callback's */
    uint64_t line;   /* after an error: 1-based */
    uint64_t column; /* after an error: 1-based, in characters, a byte order mark not counted */
    bool truncated;  /* after an error: what was there is right so far, the document ended too early */
    size_t depth;    /* elements that are open */

    struct XML_ParserStruct *parser; /* private, owned; NULL once freed */
    const neap_xml_events *events;   /* private, borrowed */
    void *ud;                        /* private: of the callbacks */
    size_t max_depth, text_max;      /* private: the caps */
    neap_buf text;                   /* private, owned: the open run of text */
    uint64_t fed;                    /* private: bytes of all chunks */
    uint64_t told;                   /* private: fed, when expat last called back */
    bool blank;                      /* private: it is only white space */
    bool leaf;                       /* private: the innermost element has no child element yet */
    bool bom;                        /* private: the document begins with a byte order mark */
    bool finished;                   /* private: no more feeding */
    unsigned char head[3];           /* private: the first bytes */
    char held[3];                    /* private: bytes for the next slice */
    size_t held_len;                 /* private */
} neap_xml;

/* Readies a reader. events must stay until deinit. More than max_depth elements inside each other are
 * NEAP_EDECODE; a text or a tag of more than text_max bytes (0: NEAP_XML_TEXT_MAX) is NEAP_ETOOLARGE.
 * 0 or NEAP_ENOMEM; deinit follows either way. */
int neap_xml_init(neap_xml *, const neap_xml_events *events, void *ud, size_t max_depth,
                  size_t text_max);

/* Frees everything but the error; idempotent. */
void neap_xml_deinit(neap_xml *);

/* Reads the next bytes; is_final says that the document ends with them. 0, or the code in err, again
 * on every later call. NEAP_EINVAL after a final chunk or deinit. */
int neap_xml_feed(neap_xml *, const char *bytes, size_t len, bool is_final);

/* For a callback that ends the reading: says why. Returns code, for it to return. */
int neap_xml_fail(neap_xml *, int code, const char *what);

/* Gets expat's version, "2.5.0". Static storage. */
const char *neap_xml_version(void);

#endif
