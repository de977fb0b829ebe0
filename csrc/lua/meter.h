/* meter.h: the runtime's meter (core/meter.h), for bindings that count and for the C API. */
#ifndef NEAP_LUA_METER_H
#define NEAP_LUA_METER_H

#include "../core/meter.h"
#include "runtime.h"

/* Gets the state's meter, made when first asked for. THROWS without memory. Borrowed; as long as the state. */
neap_meter *l_meter(lua_State *L);
/* Gets the code of the error kind at idx ("network"), 0 for nil or none. THROWS on another type. */
int l_meter_check_kind(lua_State *L, int idx);
/* Gets the series of the neap.native.meter.script at idx. THROWS on another type. Borrowed; as long as the state. */
neap_meter_script *l_meter_check_script(lua_State *L, int idx);
/* Gets the sums; never throws. */
void l_meter_totals(const l_runtime *rt, neap_metrics *out);
/* Writes the text of all metrics; never throws. */
void l_meter_write(const l_runtime *rt, neap_write_fn write, void *ud);

#endif
