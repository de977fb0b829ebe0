/* flow_policy.c: binding of core/retry.h: reads a list of rules. Lua: neap.native.flow.policy. */
#include <string.h>

#include "flow.h"

/* Raises what is wrong with a rule. */
static int bad_rule(lua_State *L, const char *field, const char *expected) {
    return luaL_error(L, "bad retry rule: %s: %s expected", field, expected);
}

/* Reads a word from field `name` of the table at 1: its place in the list `words`, which ends with
 * NULL; 0 when it is absent. */
static int check_word(lua_State *L, const char *name, const char *const *words) {
    int i = 0;
    if (lua_getfield(L, 1, name) != LUA_TNIL) {
        const char *word = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        while (words[i] != NULL && strcmp(words[i], word) != 0) i++;
        if (words[i] == NULL) bad_rule(L, name, "one of the documented words");
    }
    lua_pop(L, 1);
    return i;
}

static bool check_flag(lua_State *L, const char *name, bool absent) {
    bool flag = absent;
    if (lua_getfield(L, 1, name) != LUA_TNIL) {
        if (!lua_isboolean(L, -1)) bad_rule(L, name, "boolean");
        flag = lua_toboolean(L, -1);
    }
    lua_pop(L, 1);
    return flag;
}

static void check_statuses(lua_State *L, neap_rule *rule) {
    if (lua_getfield(L, 1, "status") == LUA_TNUMBER) { /* one alone */
        lua_createtable(L, 1, 0);
        lua_insert(L, -2);
        lua_seti(L, -2, 1);
    }
    if (!lua_isnil(L, -1)) {
        if (!lua_istable(L, -1)) bad_rule(L, "status", "list of HTTP statuses");
        for (lua_Integer i = 1; lua_geti(L, -1, i) != LUA_TNIL; i++) {
            lua_Integer status = lua_tointeger(L, -1);
            if (status < 100 || status > 599) bad_rule(L, "status", "100 to 599");
            if (i > NEAP_RULE_STATUSES_MAX) bad_rule(L, "status", "at most 16");
            rule->statuses[rule->status_count++] = (int)status;
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void check_failures(lua_State *L, neap_rule *rule) {
    if (lua_getfield(L, 1, "failure") == LUA_TSTRING) {
        lua_createtable(L, 1, 0);
        lua_insert(L, -2);
        lua_seti(L, -2, 1);
    }
    if (!lua_isnil(L, -1)) {
        if (!lua_istable(L, -1)) bad_rule(L, "failure", "list of failure classes");
        for (lua_Integer i = 1; lua_geti(L, -1, i) != LUA_TNIL; i++) {
            const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
            neap_failure f = neap_failure_parse(name);
            if (strcmp(neap_failure_name(f), name) != 0) bad_rule(L, "failure", "known class");
            rule->failures |= 1u << f;
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static unsigned check_retries(lua_State *L) {
    int is_integer;
    lua_Integer n;
    lua_getfield(L, 1, "retries");
    n = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || n < 0 || n > UINT16_MAX) bad_rule(L, "retries", "integer, 0 to 65535");
    lua_pop(L, 1);
    return (unsigned)n;
}

static double check_factor(lua_State *L) {
    double factor = 2;
    if (lua_getfield(L, 1, "factor") != LUA_TNIL) {
        factor = lua_tonumber(L, -1);
        if (!(factor >= 1 && factor <= 1000)) bad_rule(L, "factor", "number, 1 to 1000");
    }
    lua_pop(L, 1);
    return factor;
}

static void check_fields(lua_State *L) {
    static const char *const known[] = {"status", "failure", "backoff", "base",  "max",   "factor",
                                        "jitter", "retries", "total",   "gate", "pause", NULL};
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        int i = 0;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        while (known[i] != NULL && strcmp(known[i], name) != 0) i++;
        if (known[i] == NULL) luaL_error(L, "bad retry rule: unknown field '%s'", name);
        lua_pop(L, 1);
    }
}

/* [rule table, policy as light userdata] -> ; adds the rule. A function of its own, so that the
 * rule table is at 1. */
static int add_rule(lua_State *L) {
    static const char *const backoffs[] = {"constant", "exponential", NULL};
    static const char *const jitters[] = {"none", "equal", "full", NULL};
    neap_rule rule = {0};
    bool too_many = false;
    if (!lua_istable(L, 1)) return bad_rule(L, "itself", "table");
    check_fields(L);
    check_statuses(L, &rule);
    check_failures(L, &rule);
    for (size_t i = 0; i < rule.status_count; i++) too_many |= rule.statuses[i] == 429;
    rule.backoff = (neap_backoff)check_word(L, "backoff", backoffs);
    rule.jitter = (neap_jitter)check_word(L, "jitter", jitters);
    rule.base_ns = l_flow_field_ns(L, "base", 0);
    rule.max_ns = l_flow_field_ns(L, "max", 0);
    rule.total_ns = l_flow_field_ns(L, "total", 0);
    rule.factor = check_factor(L);
    rule.retries = check_retries(L);
    rule.gate = check_flag(L, "gate", false);
    rule.pause = check_flag(L, "pause", too_many);
    if (neap_policy_add(lua_touserdata(L, 2), &rule) < 0)
        return bad_rule(L, "list", "a status or a failure in each rule, and few rules");
    return 0;
}

/* flow.policy{ { status = { 429 } | failure = { "network" }, backoff = "constant"|"exponential",
 * base =, max =, factor = 2, jitter = "none"|"equal"|"full", retries =, total =, gate = false,
 * pause = (has 429) }, ... } -> policy, with the defaults behind those rules       [-1, +1, e] */
static int l_flow_policy(lua_State *L) {
    neap_policy *p;
    luaL_checktype(L, 1, LUA_TTABLE);
    p = lua_newuserdatauv(L, sizeof *p, 0);
    *p = (neap_policy){0};
    luaL_setmetatable(L, L_POLICY_MT);
    for (lua_Integer i = 1; lua_geti(L, 1, i) != LUA_TNIL; i++) {
        lua_pushcfunction(L, add_rule);
        lua_insert(L, -2);
        lua_pushlightuserdata(L, p);
        lua_call(L, 2, 0);
    }
    lua_pop(L, 1);
    if (neap_policy_add_defaults(p) < 0) return luaL_argerror(L, 1, "too many rules");
    return 1;
}

void l_flow_open_policy(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    l_new_class(L, L_POLICY_MT, none, none);
    lua_pushcfunction(L, l_flow_policy);
    lua_setfield(L, -2, "policy");
}
