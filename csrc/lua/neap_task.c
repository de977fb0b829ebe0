/* neap_task.c: tasks of the public C API, and its orderly end. See include/neap/neap.h. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "neap_own.h"
#include "task.h"

/* A script that was started. Freed when its end has been told. */
struct neap_task {
    neap *n;
    l_task *task; /* NULL: it has ended */
    neap_done on_done;
    void *ud;
    neap_task *next, *prev; /* in n->tasks */
    bool *running;          /* of who waits for it in neap_wait; NULL: nobody */
    bool background, cancelled;
};

/* --- the end of a task ------------------------------------------------------------------------ */

static void free_task(neap_task *t) {
    if (t->prev != NULL) t->prev->next = t->next;
    else t->n->tasks = t->next;
    if (t->next != NULL) t->next->prev = t->prev;
    free(t);
}

/* The first result as JSON.                                                                    [-0, +1|2, e] */
static void push_json(lua_State *L, const neap_task *t, int idx, neap_result *r) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->n->encode);
    lua_pushvalue(L, idx);
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->n->sorted);
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2)) r->code = neap__error_code(L, -1);
    r->text = r->code < 0 ? neap__push_line(L, -1, &r->len) : lua_tolstring(L, -2, &r->len);
}

/* What was raised, and where it came from. */
static void push_failure(lua_State *L, const neap_task *t, int idx, neap_result *r) {
    size_t len;
    r->code = neap__error_code(L, idx);
    r->text = neap__push_line(L, idx, &r->len);
    l_task_push_traceback(L, t->task);
    if (lua_isstring(L, -1)) r->trace = neap__push_text(L, -1, &len);
}

/* Reads what a task has left on top of the stack, where the texts then stay. A script fails also by returning
 * nil and an error. */
static void push_result(lua_State *L, const neap_task *t, bool failed, int count, neap_result *r) {
    int first = lua_gettop(L) - count + 1;
    luaL_checkstack(L, 12, NULL);
    if (failed) push_failure(L, t, first, r);
    else if (count > 1 && lua_isnil(L, first) && !lua_isnil(L, first + 1)) push_failure(L, t, first + 1, r);
    else if (count > 0 && !lua_isnil(L, first)) push_json(L, t, first, r);
    if (!t->cancelled || r->code == NEAP_ECANCELLED) return;
    if (r->code == 0) r->text = lua_pushliteral(L, "cancelled: the task was cancelled");
    if (r->code == 0) r->len = strlen(r->text);
    r->code = NEAP_ECANCELLED;
}

/* Nobody is told of it otherwise. */
static void log_failure(lua_State *L, const neap_task *t, const neap_result *r) {
    static const char message[] = "task failed";
    neap_log_field fields[2] = {{.key = "error", .key_len = 5, .value = r->text, .value_len = r->len}};
    size_t count = 1;
    if (r->trace != NULL) {
        fields[count++] = (neap_log_field){
            .key = "traceback", .key_len = 9, .value = r->trace, .value_len = strlen(r->trace)};
    }
    neap_log_write(l_log_get(L), NEAP_LOG_ERROR, neap_loop_wall_ms(t->n->rt->loop), message, sizeof message - 1,
                   fields, count);
}

/* l_task_done. What can throw comes before the host is told, so that it is told once. */
static void on_task_done(void *ud, lua_State *L, bool failed, int count) {
    static const char no_memory[] = "not enough memory";
    neap_task *t = ud;
    neap_result r = {.text = ""};
    if (L != NULL) push_result(L, t, failed, count, &r);
    else r = (neap_result){NEAP_ENOMEM, no_memory, sizeof no_memory - 1, NULL};
    if (L != NULL && t->on_done == NULL && r.code < 0 && r.code != NEAP_ECANCELLED) log_failure(L, t, &r);
    t->task = NULL;
    if (t->on_done != NULL) t->on_done(t->ud, &r);
    if (t->running != NULL) *t->running = false;
    free_task(t);
}

/* --- starting --------------------------------------------------------------------------------- */

typedef struct starting {
    neap_task *t;
    const neap_start_with *with;
} starting;

/* Protected: [starting] -> */
static int start_task(lua_State *L) {
    const starting *s = lua_touserdata(L, 1);
    s->with->push(L, s->t->n, s->with->ud);
    s->t->task = l_task_start(L, s->with->nargs, NULL, on_task_done, s->t);
    return 0;
}

neap_task *neap__start(neap *n, const neap_start_with *with, neap_done on_done, void *ud) {
    neap_task *t;
    starting s = {.with = with};
    if (n->stop.begun) {
        neap__fail(n, NEAP_ECANCELLED, "the runtime is stopping");
        return NULL;
    }
    s.t = t = malloc(sizeof *t);
    if (t == NULL) {
        neap__fail(n, NEAP_ENOMEM, "not enough memory");
        return NULL;
    }
    *t = (neap_task){.n = n, .on_done = on_done, .ud = ud, .next = n->tasks};
    if (t->next != NULL) t->next->prev = t;
    n->tasks = t;
    if (neap__call(n, start_task, &s) == 0) return t;
    free_task(t);
    return NULL;
}

/* What a script is started with. */
typedef struct arguments {
    int chunk;
    const char *json; /* NULL: none */
    size_t len;
} arguments;

/* Raises the decoder's error on top, and says whose text it was about. */
static int raise_arguments(lua_State *L) {
    lua_pushliteral(L, "the argument is no JSON: ");
    lua_getfield(L, -2, "message");
    lua_concat(L, 2);
    lua_setfield(L, -2, "message");
    return lua_error(L);
}

static void push_script(lua_State *L, neap *n, void *ud) {
    const arguments *a = ud;
    neap__push_function(L, "neap.host", "run");
    lua_rawgeti(L, LUA_REGISTRYINDEX, a->chunk);
    if (a->json == NULL) return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, n->decode);
    lua_pushlstring(L, a->json, a->len);
    lua_call(L, 1, 2);
    if (lua_isnil(L, -2)) raise_arguments(L);
    lua_pop(L, 1);
}

static neap_task *start_script(neap *n, int script, arguments a, neap_done on_done, void *ud) {
    const neap_script *s = neap__script(n, script);
    neap_start_with with = {push_script, &a, a.json != NULL ? 2 : 1};
    if (s == NULL) return NULL;
    a.chunk = s->chunk;
    return neap__start(n, &with, on_done, ud);
}

neap_task *neap_start(neap *n, int script, const char *args, neap_done on_done, void *ud) {
    arguments a = {.json = args, .len = args != NULL ? strlen(args) : 0};
    return start_script(n, script, a, on_done, ud);
}

neap_task *neap_start_value(neap *n, int script, const neap_value *args, neap_done on_done, void *ud) {
    arguments a = {0};
    neap_task *t;
    char *text = args != NULL ? neap_value_json(args, &a.len) : NULL;
    if (text == NULL) {
        neap__fail(n, NEAP_ENOMEM, args == NULL ? "the argument is NULL: its maker had not enough memory" :
                   "the argument is incomplete: not enough memory, or a member that was refused");
        return NULL;
    }
    a.json = text;
    t = start_script(n, script, a, on_done, ud);
    free(text);
    return t;
}

/* --- ending ----------------------------------------------------------------------------------- */

void neap_cancel(neap_task *t) {
    if (t == NULL || t->task == NULL) return;
    t->cancelled = true;
    l_task_cancel_soon(t->task);
}

void neap_background(neap_task *t) {
    if (t == NULL) return;
    t->background = true;
    if (t->n->stop.begun) neap_cancel(t);
}

/* Whom to tell of its end; NULL: nobody. */
static void watch(neap_task *t, bool *running) {
    t->running = running;
}

int neap_wait(neap *n, neap_task *t) {
    bool running = true;
    if (t == NULL) return n->err.code < 0 ? n->err.code : NEAP_EINVAL;
    if (neap_loop_is_dispatching(n->rt->loop))
        return neap__fail(n, NEAP_EBUG, "neap_wait within neap_dispatch: a callback cannot wait");
    watch(t, &running);
    if (neap_loop_run(n->rt->loop, &running)) {
        neap_loop_dispatch(n->rt->loop); /* whoever polls the descriptor finds it as a dispatch leaves it */
        return 0;
    }
    watch(t, NULL);
    return neap__fail(n, NEAP_EBUG, "deadlock: every task waits for another");
}

/* --- the end of a host ------------------------------------------------------------------------ */

static void cancel_rest(neap *n) {
    n->stop.due_ns = neap_loop_now_ns(n->rt->loop); /* also where there is no memory to wait for it */
    for (neap_task *t = n->tasks; t != NULL; t = t->next) t->cancelled = true;
    l_runtime_end_all(n->rt);
}

static void on_grace_over(neap_timer *timer) {
    cancel_rest(timer->ud);
}

/* Protected: tells the library. */
static int tell_library(lua_State *L) {
    neap__push_function(L, "neap.host", "drain");
    lua_call(L, 0, 0);
    return 0;
}

static void cancel_background(neap *n) {
    for (neap_task *t = n->tasks; t != NULL; t = t->next) {
        if (t->background) neap_cancel(t);
    }
    (void)neap__call(n, tell_library, NULL);
}

/* From the loop, where scripts may run: their <close> variables do. */
static void stop_step(neap_job *job) {
    neap *n = job->ud;
    neap_loop *loop = n->rt->loop;
    if (!n->stop.told) cancel_background(n);
    n->stop.told = true;
    if (n->stop.due_ns == INT64_MAX) return;
    if (n->stop.due_ns <= neap_loop_now_ns(loop) || neap_timer_start(loop, &n->stop.timer, n->stop.due_ns) < 0)
        cancel_rest(n);
}

void neap_drain(neap *n, int64_t grace_ms) {
    neap_loop *loop = n->rt->loop;
    int64_t due_ns = INT64_MAX;
    neap_loop_update(loop);
    if (grace_ms >= 0 && grace_ms < (INT64_MAX - neap_loop_now_ns(loop)) / (NEAP_SECOND / 1000))
        due_ns = neap_loop_now_ns(loop) + grace_ms * (NEAP_SECOND / 1000);
    if (n->stop.begun && due_ns >= n->stop.due_ns) return;
    n->stop.begun = true;
    n->stop.due_ns = due_ns;
    n->stop.job.run = stop_step;
    n->stop.timer.cb = on_grace_over;
    n->stop.job.ud = n->stop.timer.ud = n;
    neap_loop_post(loop, &n->stop.job);
}

void neap__close_tasks(neap *n) {
    neap_task *t, *next;
    n->stop.begun = true; /* whoever is called back from here on finds nothing to start */
    n->stop.due_ns = INT64_MIN;
    neap_loop_unpost(n->rt->loop, &n->stop.job);
    neap_timer_stop(n->rt->loop, &n->stop.timer);
    l_runtime_cancel_all(n->rt); /* forgets on_done */
    for (t = n->tasks; t != NULL; t = next) {
        next = t->next;
        free(t);
    }
    n->tasks = NULL;
}
