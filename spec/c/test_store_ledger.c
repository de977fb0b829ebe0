/* test_store_ledger.c: core/ledger.h: limits kept in the store, on a virtual clock. Each `side` is what a
 * process has: a store with its own connection and thread, a flow, limits; sides share a file. */
#include "../../csrc/core/err.h"
#include "../../csrc/core/ledger.h"
#include "../../csrc/core/random.h"
#include "store.h"

#define MS INT64_C(1000000)
#define SEC (1000 * MS)
#define HOUR (3600 * SEC)

enum { SIDES = 3, WORKERS = 500, LIMITS = 2 };

typedef struct side {
    neap_store *store;
    neap_flow flow;
    neap_gate gate;
    neap_limit limits[LIMITS];
    neap_queue queue;
} side;

/* One who sends, again and again. */
typedef struct worker {
    struct world *world;
    neap_ticket ticket;
    neap_timer event; /* departure, answer */
    neap_job admitted;
    int rc;           /* of the wait */
    bool departed;
} worker;

typedef struct world {
    neap_loop *loop;
    neap_random random;
    side sides[SIDES];
    size_t side_count, limit_count;
    neap_limit_cfg cfgs[LIMITS];
    worker workers[WORKERS];
    int64_t *arrivals;   /* at the vendor: between departure and answer, within the jitter */
    size_t len, cap;
    int64_t slow_ns;     /* from admission to departure at most */
    int64_t until_ns;    /* nobody starts later */
    size_t failed;
    bool running;
} world;

static neap_limit_cfg window(size_t count, int64_t period_ns) {
    return (neap_limit_cfg){NEAP_LIMIT_WINDOW, count, period_ns, 20 * MS, 0};
}

static int64_t now_of(const world *w) {
    return neap_loop_now_ns(w->loop);
}

static void open_side(world *w, side *s, const char *path) {
    static const char *const names[LIMITS] = {"me|hour", "me|burst"};
    neap_limit *limits[LIMITS] = {&s->limits[0], &s->limits[1]};
    s->store = store_at(w->loop, path);
    s->gate = (neap_gate){0};
    neap_flow_init(&s->flow, w->loop);
    for (size_t i = 0; i < LIMITS && i < w->limit_count; i++) {
        CHECK_EQ_INT(neap_limit_init(&s->limits[i], &w->cfgs[i]), 0);
        CHECK_EQ_INT(neap_ledger_share(&s->limits[i], &s->flow, s->store, names[i]), 0);
    }
    CHECK_EQ_INT(neap_queue_init(&s->queue, &s->flow, &s->gate, limits, w->limit_count), 0);
}

static void close_side(world *w, side *s) {
    neap_queue_deinit(&s->queue);
    neap_flow_deinit(&s->flow);
    for (size_t i = 0; i < w->limit_count; i++) neap_limit_deinit(&s->limits[i]);
    neap_gate_deinit(&s->gate);
    neap_store_unref(s->store);
}

static world *open_world(const char *path, size_t sides, size_t limits, neap_limit_cfg a,
                         neap_limit_cfg b) {
    world *w = calloc(1, sizeof *w);
    w->loop = store_loop();
    neap_loop_set_virtual(w->loop, NOW);
    neap_random_seed(&w->random, 42);
    w->side_count = sides;
    w->limit_count = limits;
    w->cfgs[0] = a;
    w->cfgs[1] = b;
    w->slow_ns = 2 * MS;
    for (size_t i = 0; i < sides; i++) open_side(w, &w->sides[i], path);
    return w;
}

static void close_world(world *w) {
    for (size_t i = 0; i < w->side_count; i++) close_side(w, &w->sides[i]);
    neap_loop_close(w->loop);
    free(w->arrivals);
    free(w);
}

/* --- workers ------------------------------------------------------------------------------------- */

static void begin(worker *);

static int64_t below(world *w, int64_t n) {
    return (int64_t)neap_random_below(&w->random, (uint64_t)n);
}

static void note_arrival(world *w, int64_t at) {
    if (w->len == w->cap) {
        w->cap = w->cap > 0 ? 2 * w->cap : 1024;
        w->arrivals = realloc(w->arrivals, w->cap * sizeof *w->arrivals);
        if (w->arrivals == NULL) abort();
    }
    w->arrivals[w->len++] = at;
}

static void depart(worker *k) {
    world *w = k->world;
    int64_t way = below(w, 50 * MS) + 1;
    k->departed = true;
    neap_ticket_depart(&k->ticket, now_of(w));
    note_arrival(w, now_of(w) + below(w, way < 20 * MS ? way : 20 * MS));
    neap_timer_start(w->loop, &k->event, now_of(w) + way);
}

static void on_event(neap_timer *event) {
    worker *k = event->ud;
    if (!k->departed) {
        depart(k);
        return;
    }
    neap_ticket_answer(&k->ticket, now_of(k->world));
    neap_ticket_release(&k->ticket);
    begin(k);
}

static void depart_soon(worker *k) {
    world *w = k->world;
    k->departed = false;
    neap_timer_start(w->loop, &k->event, now_of(w) + below(w, w->slow_ns) + 1);
}

static void on_admitted(neap_job *job) {
    worker *k = job->ud;
    if (k->rc == 0) depart_soon(k);
    else k->world->failed++;
}

static void on_done(neap_ticket *t, int rc) {
    worker *k = t->ud;
    k->rc = rc;
    neap_loop_post(k->world->loop, &k->admitted);
}

static void begin(worker *k) {
    if (now_of(k->world) >= k->world->until_ns) return;
    if (neap_ticket_enter(&k->ticket) == 1) depart_soon(k);
}

static void start(world *w, size_t i, side *s) {
    worker *k = &w->workers[i];
    *k = (worker){.world = w};
    k->event.cb = on_event;
    k->admitted.run = on_admitted;
    k->event.ud = k->admitted.ud = k;
    neap_ticket_init(&k->ticket, &s->queue, on_done, k);
    begin(k);
}

static void stop(world *w, size_t count) {
    for (size_t i = 0; i < count; i++) {
        neap_timer_stop(w->loop, &w->workers[i].event);
        neap_loop_unpost(w->loop, &w->workers[i].admitted);
        neap_ticket_release(&w->workers[i].ticket);
    }
}

static void on_end(neap_timer *t) {
    *(bool *)t->ud = false;
}

static void run_until(world *w, int64_t at) {
    bool running = true;
    neap_timer end = {.cb = on_end, .ud = &running};
    neap_timer_start(w->loop, &end, at);
    store_wait(w->loop, &running);
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The most arrivals in any [t, t + period). */
static size_t busiest(const world *w, int64_t period) {
    size_t most = 0;
    qsort(w->arrivals, w->len, sizeof *w->arrivals, compare);
    for (size_t i = 0, first = 0; i < w->len; i++) {
        while (w->arrivals[first] + period <= w->arrivals[i]) first++;
        if (i + 1 - first > most) most = i + 1 - first;
    }
    return most;
}

/* --- promises ------------------------------------------------------------------------------------ */

/* Steady demand: never more than N in T over all sides, and nearly as many. */
static void check_use(const char *path, size_t sides, size_t limits, neap_limit_cfg a,
                      neap_limit_cfg b, int periods) {
    world *w = open_world(path, sides, limits, a, b);
    double most = (double)a.count * periods;
    w->until_ns = periods * a.period_ns;
    for (size_t i = 0; i < 50; i++) start(w, i, &w->sides[i % sides]);
    run_until(w, w->until_ns);
    stop(w, 50);
    CHECK(busiest(w, a.period_ns) <= a.count);
    if (limits > 1) CHECK(busiest(w, b.period_ns) <= b.count);
    printf("%s: %zu of %.0f sent: %.1f %%\n", path, w->len, most, 100.0 * (double)w->len / most);
    CHECK((double)w->len >= 0.97 * most);
    CHECK_EQ_INT(w->failed, 0);
    close_world(w);
}

/* N over three sides, then one more: it waits. */
static void check_shares(void) {
    world *w = open_world("shares.db", 3, 1, window(2000, HOUR), window(1, 1));
    w->until_ns = HOUR - 1;
    for (size_t i = 0; i < 90; i++) start(w, i, &w->sides[i % 3]);
    run_until(w, HOUR - 1);
    CHECK_EQ_INT(w->len, 2000);
    stop(w, 90);
    for (size_t i = 0; i < 3; i++) {
        neap_limit_state state = neap_limit_peek(&w->sides[i].limits[0], now_of(w));
        CHECK_EQ_INT(state.used, 2000);
    }
    close_world(w);
}

/* What one side does not need any more another gets within seconds. */
static void check_gives_back(void) {
    world *w = open_world("back.db", 2, 1, window(100, HOUR), window(1, 1));
    w->until_ns = SEC;
    for (size_t i = 0; i < 60; i++) start(w, i, &w->sides[0]);
    w->until_ns = 0; /* each once */
    run_until(w, SEC);
    CHECK_EQ_INT(w->len, 60);
    w->until_ns = HOUR;
    for (size_t i = 0; i < 40; i++) start(w, i, &w->sides[1]);
    w->until_ns = 0;
    run_until(w, 5 * SEC);
    CHECK_EQ_INT(w->len, 100);
    stop(w, 60);
    close_world(w);
}

/* Slow to leave: its slot is renewed for as long as that takes. */
static void check_slow_departures(void) {
    world *w = open_world("slow.db", 2, 1, window(5, 10 * SEC), window(1, 1));
    w->until_ns = 600 * SEC;
    w->slow_ns = 200 * SEC;
    for (size_t i = 0; i < 20; i++) start(w, i, &w->sides[i % 2]);
    run_until(w, w->until_ns);
    stop(w, 20);
    CHECK(busiest(w, 10 * SEC) <= 5);
    CHECK(w->len >= 20);
    close_world(w);
}

/* A side that ends in the middle gives back what it did not use; what it sent counts on. */
static void check_ends(void) {
    world *w = open_world("ends.db", 2, 1, window(100, HOUR), window(1, 1));
    w->until_ns = SEC;
    for (size_t i = 0; i < 60; i++) start(w, i, &w->sides[0]);
    w->until_ns = 0;
    run_until(w, 500 * MS);
    stop(w, 60);
    close_side(w, &w->sides[0]);
    w->until_ns = 100 * SEC;
    for (size_t i = 0; i < 60; i++) start(w, i, &w->sides[1]);
    run_until(w, 100 * SEC);
    CHECK_EQ_INT(w->len, 100);
    stop(w, 60);
    open_side(w, &w->sides[0], "ends.db");
    close_world(w);
}

/* Its store closes under it: who waits is told, and nobody gets anything. */
static void check_closed(void) {
    world *w = open_world("closed.db", 1, 1, window(10, HOUR), window(1, 1));
    w->until_ns = 10 * SEC;
    for (size_t i = 0; i < 20; i++) start(w, i, &w->sides[0]);
    run_until(w, SEC);
    CHECK_EQ_INT(w->len, 10);
    neap_store_close(w->sides[0].store);
    run_until(w, 5 * SEC);
    CHECK_EQ_INT(w->len, 10);
    CHECK_EQ_INT(w->failed, 20);
    CHECK_STR(neap_queue_get_failure(&w->sides[0].queue, NEAP_ECANCELLED)->message,
              "the state store is closed");
    stop(w, 20);
    close_world(w);
}

/* --- faults -------------------------------------------------------------------------------------- */

static void check_locked(void) {
    world *w = open_world("locked.db", 1, 1, window(10, HOUR), window(1, 1));
    neap_store_cfg cfg = {.path = "locked.db", .busy_ms = 20, .virtual_clock = true};
    side *s = &w->sides[0];
    const neap_err *why;
    sqlite3 *db;
    close_side(w, s);
    open_side(w, s, "locked.db");
    close_side(w, s);
    CHECK_EQ_INT(neap_store_open(&s->store, w->loop, &cfg), 0);
    CHECK_EQ_INT(store_try(w->loop, s->store).err.code, 0);
    neap_flow_init(&s->flow, w->loop);
    CHECK_EQ_INT(neap_limit_init(&s->limits[0], &w->cfgs[0]), 0);
    CHECK_EQ_INT(neap_ledger_share(&s->limits[0], &s->flow, s->store, "me|hour"), 0);
    CHECK_EQ_INT(neap_queue_init(&s->queue, &s->flow, &s->gate, &(neap_limit *){&s->limits[0]}, 1), 0);
    CHECK_EQ_INT(sqlite3_open("locked.db", &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    w->until_ns = SEC;
    for (size_t i = 0; i < 5; i++) start(w, i, s);
    run_until(w, 2 * SEC);
    CHECK_EQ_INT(w->len, 0);
    CHECK_EQ_INT(w->failed, 5);
    why = neap_queue_get_failure(&s->queue, NEAP_ELIMIT);
    CHECK(why != NULL && strstr(why->message, "locked by another process") != NULL);
    CHECK_EQ_INT(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    w->until_ns = 3 * SEC;
    for (size_t i = 0; i < 5; i++) start(w, i, s); /* the next calls try again */
    w->until_ns = 0;
    run_until(w, 3 * SEC);
    CHECK_EQ_INT(w->len, 5);
    CHECK(neap_queue_get_failure(&s->queue, NEAP_ELIMIT) == NULL);
    stop(w, 5);
    close_world(w);
}

/* --- looking ------------------------------------------------------------------------------------- */

static int count_rows(const char *path) {
    sqlite3 *db;
    sqlite3_stmt *st;
    int count = -1;
    CHECK_EQ_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_prepare_v2(db, "SELECT count(*) FROM slot", -1, &st, NULL), SQLITE_OK);
    if (sqlite3_step(st) == SQLITE_ROW) count = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return count;
}

static void check_looking_is_free(void) {
    world *w = open_world("look.db", 1, 1, window(10, HOUR), window(1, 1));
    neap_limit *l = &w->sides[0].limits[0];
    neap_limit pace;
    CHECK_EQ_INT(neap_limit_peek(l, now_of(w)).used, 0);
    run_until(w, SEC);
    CHECK_EQ_INT(neap_limit_peek(l, now_of(w)).used, 0);
    CHECK_EQ_INT(count_rows("look.db"), 0);
    w->until_ns = 2 * SEC;
    start(w, 0, &w->sides[0]);
    w->until_ns = 0;
    run_until(w, 3 * SEC);
    CHECK_EQ_INT(neap_limit_peek(l, now_of(w)).used, 1);
    CHECK_EQ_INT(count_rows("look.db"), 1);
    stop(w, 1);
    CHECK_EQ_INT(neap_limit_init(&pace, &(neap_limit_cfg){NEAP_LIMIT_PACE, 1, SEC, 0, 0}), 0);
    CHECK_EQ_INT(neap_ledger_share(&pace, &w->sides[0].flow, w->sides[0].store, "p"), NEAP_EINVAL);
    neap_limit_deinit(&pace);
    close_world(w);
}

/* Many calls at once cost a handful of transactions. */
static int commits;

static int on_commit(void *ud) {
    (void)ud;
    commits++; /* the thread is joined before it is read */
    return 0;
}

static int count_commits(sqlite3 *db, char **message, const void *api) {
    (void)message;
    (void)api;
    sqlite3_commit_hook(db, on_commit, NULL);
    return SQLITE_OK;
}

static void check_cost(void) {
    world *w;
    sqlite3_auto_extension((void (*)(void))count_commits);
    w = open_world("cost.db", 1, 2, window(2000, HOUR), window(500, 10 * SEC));
    commits = 0;
    w->until_ns = 1;
    for (size_t i = 0; i < WORKERS; i++) start(w, i, &w->sides[0]);
    w->until_ns = 0;
    run_until(w, 60 * SEC);
    CHECK_EQ_INT(w->len, WORKERS);
    stop(w, WORKERS);
    close_world(w);
    sqlite3_cancel_auto_extension((void (*)(void))count_commits);
    printf("%d calls: %d transactions\n", WORKERS, commits);
    CHECK(commits > 0 && commits <= 40);
}

int main(void) {
    if (!store_enter()) return 1;
    check_use("one.db", 1, 1, window(2000, HOUR), window(1, 1), 3);
    check_use("two.db", 2, 2, window(600, 600 * SEC), window(50, 10 * SEC), 3);
    check_use("three.db", 3, 1, window(50, 10 * SEC), window(1, 1), 12);
    check_use("second.db", 1, 1, window(20, SEC), window(1, 1), 20);
    check_shares();
    check_gives_back();
    check_slow_departures();
    check_ends();
    check_closed();
    check_locked();
    check_looking_is_free();
    check_cost();
    store_leave();
    return check_report();
}
