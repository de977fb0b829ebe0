/* status_page.h: metrics as a page for people. */
#ifndef NGX_NEAP_STATUS_PAGE_H
#define NGX_NEAP_STATUS_PAGE_H

#include "text.h"

/* Writes the page of metrics, which are in Prometheus' text format. */
void ngx_neap_status_page(ngx_neap_text *page, const ngx_neap_text *metrics);

#endif
