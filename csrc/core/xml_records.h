/* xml_records.h: finds the records in an XML document that is fed in chunks cut anywhere.
 *
 * A record is an element with so many elements around it, by default one, the root. All that is fed is read
 * at once (xml.h); the records are written down in a log (xml_log.h) until they are taken, one after the
 * other, so memory is what was fed and not taken. What is in no record is in a log of its own, the frame. The
 * first fault ends the reading; records before it are there all the same. */
#ifndef NEAP_CORE_XML_RECORDS_H
#define NEAP_CORE_XML_RECORDS_H

#include "xml.h"

#define NEAP_XML_RECORD_MAX ((size_t)16 << 20)

/* What is a record, and how large things may be. */
typedef struct neap_xml_records_cfg {
    size_t depth;      /* elements around a record, at least 1 */
    const char *way;   /* names of all of them but the root, each with its NUL, in any letter case (of ASCII);
                          what is within others is in no record. NULL: whatever they are called. Borrowed */
    size_t max_record; /* bytes that a record may take in the log, and the frame; 0: NEAP_XML_RECORD_MAX */
    size_t nesting;    /* elements inside each other */
} neap_xml_records_cfg;

/* One reading of one document. Zero-initialised is valid for deinit; it may not move after init. */
typedef struct neap_xml_records {
    neap_xml xml;        /* its fault is in err, line, column, truncated; the rest is private */
    neap_buf log;        /* owned; read it from taken to ready: the whole records that were not taken */
    neap_buf frame;      /* owned; the root without the records, once it has ended */
    size_t taken, ready; /* see log; both are where an element begins */
    uint64_t whole;      /* records read to their ends */
    uint64_t count;      /* records taken */
    uint64_t hash;       /* of the records taken, in order, wherever the chunks were cut */
    bool in_record;      /* the innermost open element is in a record, or a fault was */
    bool found;          /* the element around the records has begun, and is no text */
    bool ended;          /* no more feeding */
    bool held;           /* set by the caller: the records in the log stay where they are */

    neap_xml_records_cfg cfg; /* private */
    size_t matched;           /* private: open elements that lead to the records, the root first */
    bool has_text;            /* private: the innermost open element, in no record, is a text */
    bool has_list;            /* private: the way's end was reached */
} neap_xml_records;

/* Readies a reading. 0 or NEAP_ENOMEM; deinit follows either way. */
int neap_xml_records_init(neap_xml_records *, const neap_xml_records_cfg *cfg);

/* Frees everything but the fault; idempotent. */
void neap_xml_records_deinit(neap_xml_records *);

/* Reads the next bytes; nothing happens after the end or a fault. log->data may move. */
void neap_xml_records_feed(neap_xml_records *, const char *bytes, size_t len);

/* Says that the document ends here. Idempotent. */
void neap_xml_records_finish(neap_xml_records *);

/* Takes the oldest record, which ends at `end` in the log (neap_xml_log_skip from taken). */
void neap_xml_records_take(neap_xml_records *, size_t end);

#endif
