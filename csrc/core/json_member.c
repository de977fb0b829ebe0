/* json_member.c: the short way through an object's members; see json.h. */
#include "json_member.h"

bool neap_json_reader_try_member(neap_json_reader *r, neap_json_member *m) {
    const char *p = neap_json__begin_key(r);
    if (p != NULL) p = neap_json__take_string(p, r->end, &m->key, &m->key_len);
    if (p != NULL) p = neap_json__pass(p, r->end, ':');
    if (p != NULL) p = neap_json__take_value(p, r->end, m);
    if (p == NULL) return false;
    neap_json__go_behind(r, p);
    return true;
}
