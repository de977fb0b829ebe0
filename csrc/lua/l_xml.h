/* l_xml.h: what the readers of xml.c and xml_records.c share. Nothing of Lua runs inside the parser: what it
 * tells is written down (core/xml_log.h), and tables are made of that later. */
#ifndef NEAP_LUA_L_XML_H
#define NEAP_LUA_L_XML_H

#include "../core/xml.h"
#include "l_common.h"

#define XML_NESTING_DEFAULT 100
#define XML_NESTING_MAX 1000 /* each level is a slot of Lua's stack, and some calls of neap.xml */

/* Makes tables of a log from `from` on, until its root has ended or at `end`: on the stack above base,
 * the innermost open element on top; the root stays when it ends. Gets where it stopped. The log may grow
 * meanwhile, but must keep what is read.
 * element: { name=, attributes={ [name]=value }?, text=?, [1..n]=child elements }     [-0, +n, m] */
size_t l_xml_make(lua_State *L, const neap_buf *log, size_t from, size_t end, int base);

/* Pushes nil and the parser's error, with its place and whether the document was cut short. Where record is
 * not 0 the message names it. Returns 2. */
int l_xml_fail(lua_State *L, const neap_xml *x, uint64_t record);

/* Gets the value of an option, on top of the stack: an integer from 1 to max. THROWS about argument arg. */
size_t l_xml_check_option(lua_State *L, int arg, const char *name, lua_Integer max);

/* xml.records, and the class of its readers; see xml_records.c. */
int l_xml_records(lua_State *L);
void l_xml_records_open(lua_State *L);

#endif
