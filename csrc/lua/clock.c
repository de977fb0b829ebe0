/* clock.c: the runtime's clock and sleeping. Lua: neap.native.clock. See spec/lua/clock_spec.lua. */
#include <time.h>

#include "runtime.h"

/* One sleep: a userdata on the sleeping native's stack. It needs no finaliser, which each of many would have the
 * collector look at in one go: its timer is armed only while the task that sleeps keeps it, as nothing throws between
 * the arming and l_await, and what ends the wait stops the timer. */
typedef struct l_sleep {
    l_op op;
    neap_timer timer;
    neap_loop *loop;
} l_sleep;

static void on_wake(neap_timer *timer) {
    l_sleep *s = timer->ud;
    l_op_complete(&s->op);
}

static void sleep_cancel(l_op *op) {
    l_sleep *s = (l_sleep *)op; /* op is its first member */
    neap_timer_stop(s->loop, &s->timer);
}

static int sleep_push(lua_State *L, l_op *op) {
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

/* clock.sleep(seconds) -> true; yields, never shorter than asked                  [-1, +1, e] */
static int l_clock_sleep(lua_State *L) {
    neap_loop *loop = l_loop(L);
    int64_t ns = l_check_seconds_ns(L, 1);
    l_sleep *s;
    l_check_can_wait(L);
    s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (l_sleep){.op = {.cancel = sleep_cancel, .push = sleep_push}, .loop = loop};
    s->timer.cb = on_wake;
    s->timer.ud = s;
    neap_loop_update(loop);
    if (neap_timer_start(loop, &s->timer, neap_loop_now_ns(loop) + ns) < 0) {
        return luaL_error(L, "not enough memory");
    }
    return l_await(L, -1, &s->op);
}

/* clock.now() -> seconds on the runtime's monotonic clock */
static int l_clock_now(lua_State *L) {
    neap_loop *loop = l_loop(L);
    neap_loop_update(loop);
    lua_pushnumber(L, (double)neap_loop_now_ns(loop) / 1e9);
    return 1;
}

/* clock.wall_ms() -> Unix time in milliseconds, an integer */
static int l_clock_wall_ms(lua_State *L) {
    lua_pushinteger(L, neap_loop_wall_ms(l_loop(L)));
    return 1;
}

/* clock.iso([wall_ms]) -> "2026-11-21T10:00:00.000Z" (RFC 3339, UTC) */
static int l_clock_iso(lua_State *L) {
    int64_t ms = luaL_optinteger(L, 1, neap_loop_wall_ms(l_loop(L)));
    int64_t rest = ms % 1000;
    time_t seconds;
    struct tm tm;
    char date[40];
    if (rest < 0) rest += 1000;
    seconds = (time_t)((ms - rest) / 1000);
    luaL_argcheck(L, gmtime_r(&seconds, &tm) != NULL, 1, "time out of range");
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    lua_pushfstring(L, "%s.%d%d%dZ", date, (int)(rest / 100), (int)(rest / 10 % 10), (int)(rest % 10));
    return 1;
}

/* clock.set_virtual(wall_ms) : from now on time is virtual, from monotonic 0. Raises while a timer is
 * armed. clock.set_real() undoes it. */
static int l_clock_set_virtual(lua_State *L) {
    neap_loop_stats s;
    neap_loop_get_stats(l_loop(L), &s);
    if (s.timers > 0) return luaL_error(L, "the clock cannot change while timers are armed");
    neap_loop_set_virtual(l_loop(L), luaL_checkinteger(L, 1));
    return 0;
}

static int l_clock_set_real(lua_State *L) {
    neap_loop_stats s;
    neap_loop_get_stats(l_loop(L), &s);
    if (s.timers > 0) return luaL_error(L, "the clock cannot change while timers are armed");
    neap_loop_set_real(l_loop(L));
    return 0;
}

static int l_clock_is_virtual(lua_State *L) {
    lua_pushboolean(L, neap_loop_is_virtual(l_loop(L)));
    return 1;
}

/* clock.random() -> number in [0, 1), from the runtime's seed; clock.seed(integer) sets it */
static int l_clock_random(lua_State *L) {
    lua_pushnumber(L, neap_random_real(l_random(L)));
    return 1;
}

static int l_clock_seed(lua_State *L) {
    neap_random_seed(l_random(L), (uint64_t)luaL_checkinteger(L, 1));
    return 0;
}

int luaopen_neap_clock(lua_State *L) {
    static const luaL_Reg funcs[] = {{"sleep", l_clock_sleep},
                                     {"now", l_clock_now},
                                     {"wall_ms", l_clock_wall_ms},
                                     {"iso", l_clock_iso},
                                     {"set_virtual", l_clock_set_virtual},
                                     {"set_real", l_clock_set_real},
                                     {"is_virtual", l_clock_is_virtual},
                                     {"random", l_clock_random},
                                     {"seed", l_clock_seed},
                                     {NULL, NULL}};
    luaL_newlib(L, funcs);
    return 1;
}
