/* xml_log.h: elements as xml.h tells of them, written down in a buffer, to be looked at outside of the
 * parser. The log is a row of entries, each a letter, then text and a NUL, which no text of XML has:
 * S with the name of an element that begins, A with the name of an attribute and V with its value, T with a
 * text, E with nothing where the element ends. */
#ifndef NEAP_CORE_XML_LOG_H
#define NEAP_CORE_XML_LOG_H

#include "buf.h"

/* Write down what the event of that name in xml.h tells. 0 or NEAP_ENOMEM (log unchanged). */
int neap_xml_log_start(neap_buf *log, const char *name);
int neap_xml_log_attribute(neap_buf *log, const char *name, const char *value);
int neap_xml_log_text(neap_buf *log, const char *text, size_t len);
int neap_xml_log_end(neap_buf *log);

/* Gets where the element ends that begins at `from` and is in the log as a whole. */
size_t neap_xml_log_skip(const neap_buf *log, size_t from);

#endif
