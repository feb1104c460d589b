/* SPDX-License-Identifier: Apache-2.0 */
/* Every rank squares its input, all add up the squares; each multiplies the sum by its input, all add those up. What travels is
 * written again in the next run, which waits for the end of the readers' last one. Results are compared with a loop over numbers.
 */
#include "sched/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/exchange.h"
#include "heddle/compile.h"
#include "comm/local.h"
#include "kernels/rows.h"
#include "sched/memory.h"
#include "sched/plan_edges.h"
#include "sched/races.h"
#include "sched/system.h"
#include "sched/window.h"
#include "task/tasks.h"

enum {
    MOST_ELEMENTS = 4 * 4096,
    MOST_WORKERS = 4,
    MOST_STEPS = 64,
    PIECES = 2,
    MOST_COLUMNS = 16,
    MOST_ITEMS = 512 /* of a piece */
};

typedef struct rank {
    int index;
    hd_plan *plan;
    hd_executor *executor;
    hdi_tasks *tasks;
    uint8_t seen[MOST_STEPS][PIECES][MOST_ITEMS]; /* by item: how often computed in this run */
    char who[MOST_STEPS][24];
    _Atomic uint32_t begun, ended;
    float x[MOST_ELEMENTS], unit[MOST_COLUMNS * MOST_COLUMNS];
} rank;

typedef struct member {
    rank *of;
    int worker;
} member;

static vs_case now;
static rank all[WINDOW_MOST_RANKS];
static member members[WINDOW_MOST_RANKS * MOST_WORKERS];

static void must(hd_status status) {
    if (status == HD_OK) return;
    fprintf(stderr, "%s\n", hd_last_error());
    exit(2);
}

static int elements(void) { return (now.rows ? now.rows : 1) * now.items; }

/* ---- the plan ---- */

/* Whether rank `reader` reads what rank `r` publishes. */
static bool reads(int reader, int r) { return reader != r && (!now.pairs || reader == (r + 1) % now.ranks); }

/* Those who read what `r` publishes, as a set. */
static uint64_t readers_of(int r) {
    uint64_t set = 0;
    for (int i = 0; i < now.ranks; i++) set |= (uint64_t)reads(i, r) << i;
    return set;
}

/* Those whose publications `r` reads. */
static uint64_t read_by(int r) {
    uint64_t set = 0;
    for (int i = 0; i < now.ranks; i++) set |= (uint64_t)reads(r, i) << i;
    return set;
}

/* Publishes `v` for all others at place `at`, and gives the sum over all ranks, in the order of ranks. */
static hd_value sum_over_ranks(hd_graph *g, int me, hd_value v, uint32_t event, uint64_t at, const hd_dim *shape) {
    hd_value sum = 0;
    if (now.ranks == 1) return v;
    hdi_graph_publish(g, v, event, at, readers_of(me));
    for (int r = 0; r < now.ranks; r++) {
        if (reads(r, me)) hdi_graph_guard(g, v, HDI_EVENT_END, r, 1);
        if (r != me && !reads(me, r)) continue;
        hd_value part = r == me ? v : hdi_graph_remote(g, r, event, at, HD_DTYPE_F32, 2, shape);
        sum = sum ? hd_graph_add(g, sum, part) : part;
    }
    return sum;
}

/* What comes in pieces must be made by a product, here with the unit matrix. */
static hd_value by_rows(hd_graph *g, hd_value v, hd_value unit) { return unit ? hd_graph_linear(g, v, unit, 0, 1) : v; }

static hd_plan *make_plan(int me) {
    hd_graph *g;
    hd_plan *plan;
    const hd_dim shape[2] = {now.rows ? now.rows : 1, now.items};
    const int32_t pieces = now.rows ? PIECES : 1;
    uint64_t bytes = (uint64_t)elements() * sizeof(float);
    must(hd_graph_create(&g));
    uint32_t first = 0, second = 0;
    if (now.ranks > 1) {
        hdi_graph_set_ranks(g, me, now.ranks);
        first = hdi_graph_event(g, "first", pieces);
        if (!now.once) second = hdi_graph_event(g, "second", pieces);
        hdi_graph_segment(g, 2 * bytes);
        hdi_graph_end(g, read_by(me));
    }
    const hd_dim square[2] = {now.items, now.items};
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape), side = x;
    hd_value unit = now.rows ? hd_graph_input(g, "unit", HD_DTYPE_F32, 2, square) : 0;
    hd_value s = sum_over_ranks(g, me, by_rows(g, hd_graph_mul(g, x, x), unit), first, 0, shape);
    for (int i = 0; i < now.width; i++) side = hd_graph_add(g, i % 2 ? side : x, i % 3 ? side : hd_graph_mul(g, side, x));
    s = by_rows(g, hd_graph_mul(g, s, x), unit);
    if (!now.once) s = sum_over_ranks(g, me, s, second, bytes, shape);
    hd_graph_output(g, "y", now.width ? hd_graph_add(g, s, side) : s);
    must(hd_compile(g, &plan));
    hd_graph_destroy(g);
    return plan;
}

static float input(int r, int run, int i) { return (float)((i * 31 + r * 7 + run * 13) % 17) / 8 - 1; }

static float expected(int r, int run, int i) {
    float s = 0, t = 0, x = input(r, run, i), side = x;
    for (int q = 0, n = 0; q < now.ranks; q++) {
        if (q != r && !reads(r, q)) continue;
        float v = input(q, run, i);
        s = n++ ? s + v * v : v * v;
    }
    for (int q = now.once ? r : 0; q < (now.once ? r + 1 : now.ranks); q++) {
        float v = s * input(q, run, i);
        t = q && !now.once ? t + v : v;
    }
    for (int k = 0; k < now.width; k++) side = (k % 2 ? side : x) + (k % 3 ? side : side * x);
    return now.width ? t + side : t;
}

/* Executors are made one after the other here, so no image can be handed round: all of them are looked at before. */
hd_status hdi_exchange_verify(const hd_plan *plan, hd_domain *domain) {
    (void)plan, (void)domain;
    return HD_OK;
}

static hd_plan *const *all_plans(void) {
    static hd_plan *plans[WINDOW_MOST_RANKS];
    for (int i = 0; i < now.ranks; i++) plans[i] = all[i].plan;
    return plans;
}

static void verify_all(void) {
    if (now.ranks > 1) must(hd_plans_verify((const hd_plan *const *)all_plans(), now.ranks));
}

/* ---- kernels that notice when they are called twice, and what nothing orders ---- */

static hdi_kernel_fn plain[MOST_STEPS];

/* The rank, step and piece of a call. */
static rank *rank_of(const hdi_kernel_call *call, uint32_t *step, int32_t *piece) {
    for (rank *r = all; r < all + now.ranks; r++)
        for (*step = 0; *step < r->plan->n_steps; ++*step)
            for (*piece = 0; *piece < r->executor->steps[*step].n_pieces; ++*piece)
                if (r->executor->steps[*step].pieces[*piece].call == call) return r;
    abort();
}

/* The bytes of an operand, all dense, that items begin .. end - 1 touch: their own of sums and products by element, all of a
 * product of matrices. */
static void note_access(const hdi_kernel_call *call, int which, int64_t begin, int64_t end, const rank *r, uint32_t step) {
    const hdi_operand *t = &call->operand[which];
    int64_t from = 0, to = t->shape[0] * t->shape[1];
    if (!t->data) return;
    for (int64_t i = begin; i < end; i++) vs_touched((const uint8_t *)t->data + i, which == 0); /* a byte for each item */
    if (call->operand[2].shape[0] == call->operand[0].shape[0]) {                               /* of one shape, by element */
        hdi_chunk first = hdi_chunk_of(t, begin), last = hdi_chunk_of(t, end - 1);
        from = first.row * t->shape[1] + first.start;
        to = last.row * t->shape[1] + last.start + last.count;
    }
    races_access((const float *)t->data + from, (size_t)(to - from) * sizeof(float), which == 0, r->who[step]);
}

/* Whoever shows work looks for sleepers before it goes on to its own: nobody may sleep now beside a range of its deque, nor a
 * letter that it was the last to write. */
static void check_sleepers(const rank *r) {
    const member *m = &members[vs_current()];
    if (!memory_is_weak() || now.kind != VS_TASKS || !vs_sleeps_on((const _Atomic uint32_t *)(const void *)&r->tasks->bed.wake))
        return;
    hdi_deque *deque = &r->tasks->workers[m->worker].deque;
    if (atomic_load(&deque->top) < atomic_load(&deque->bottom)) vs_wrong("a worker sleeps beside a range of rank %d", r->index);
    for (int w = 0; w < now.workers; w++) {
        hdi_slot_set *letters = &r->tasks->workers[w].letters;
        if (atomic_load(letters) && memory_last_writer(letters, HDI_OR) == vs_current())
            vs_wrong("a worker sleeps beside a letter of rank %d", r->index);
    }
}

static void counted(const hdi_kernel_call *call, int64_t begin, int64_t end, void *scratch) {
    int32_t p;
    uint32_t s;
    rank *r = rank_of(call, &s, &p);
    for (int64_t i = begin; i < end; i++)
        if (++r->seen[s][p][i] > 1) vs_wrong("rank %d computes item %lld of step %u twice", r->index, (long long)i, s);
    for (int i = call->n_operands - 1; i >= 0; i--) note_access(call, i, begin, end, r, s);
    check_sleepers(r);
    vs_did();
    plain[s](call, begin, end, scratch);
}

/* ---- fibers ---- */

/* In place of a pool. What is waited for is what was stored last, which a read-modify-write reads in weak memory, too. */
static uint32_t newest(_Atomic uint32_t *counter) {
    return memory_is_weak() ? hdi_fetch_or(counter, 0, acquire) : hdi_load(counter, acquire);
}

static void wait_for(_Atomic uint32_t *counter, uint32_t value) {
    for (uint32_t seen; (seen = newest(counter)) < value;) vs_sleep(counter, seen, false);
}

static void check_run(rank *r, uint32_t run) {
    void *data;
    must(hd_executor_output(r->executor, "y", &data));
    races_access(data, (size_t)elements() * sizeof(float), false, "who asked for the result");
    for (int i = 0; i < elements(); i++) {
        float want = expected(r->index, (int)run, i), got = ((float *)data)[i];
        if (memcmp(&want, &got, sizeof want) != 0)
            vs_wrong("rank %d, run %u: element %d is %g, not %g", r->index, run, i, (double)got, (double)want);
    }
}

/* Without an executor: all gather and meet, and each tells the next one of some bytes in its segment. */
static hd_status collectives(rank *r, uint32_t run) {
    enum { BYTES = HDI_LOCAL_PIECE + 100 };
    hd_window *window = r->executor->exchange->window;
    hd_domain *domain = window->domain;
    uint8_t mine[BYTES], gathered[WINDOW_MOST_RANKS * BYTES], *segment = hd_window_segment(window, r->index);
    int before = (r->index + now.ranks - 1) % now.ranks;
    memset(mine, r->index + (int)run, sizeof mine);
    HD_TRY(window_allgather(domain, mine, sizeof mine, gathered));
    for (int i = 0; i < now.ranks * BYTES; i++)
        if (gathered[i] != i / BYTES + (int)run) vs_wrong("rank %d, run %u: gathered %d at %d", r->index, run, gathered[i], i);
    races_access(segment, 1, true, "who tells the next rank");
    *segment = (uint8_t)run;
    HD_TRY(hd_signal_raise(window, (r->index + 1) % now.ranks, 1, run));
    while (!hd_signal_test(window, before, 1, run)) {
        HD_TRY(hd_domain_check(domain));
        if (atomic_load(&domain->states[before].left)) return HD_COMM;
        vs_pause();
    }
    races_access(hd_window_segment(window, before), 1, false, "who is told by the one before");
    return window_barrier(domain);
}

static hd_status work(rank *r, uint32_t run) {
    if (now.kind == VS_COLLECTIVES) return collectives(r, run);
    if (now.kind == VS_THREADS) return hdi_run_threads(r->executor);
    hdi_tasks_begin(r->tasks);
    hdi_store(&r->begun, run, release);
    hdi_tasks_work(r->tasks, 0);
    wait_for(&r->ended, run * (uint32_t)(now.workers - 1));
    return hdi_tasks_outcome(r->tasks);
}

/* Whether it goes on. */
static bool one_run(rank *r, uint32_t run) {
    bool gives_up = now.fails == (int)run && r->index == now.ranks - 1;
    races_access(r->x, (size_t)elements() * sizeof(float), true, "who sets the input");
    for (int i = 0; i < elements(); i++) r->x[i] = input(r->index, (int)run, i);
    memset(r->seen, 0, r->plan->n_steps * sizeof r->seen[0]);
    if (gives_up && now.leaves) return false;
    if (gives_up) {
        hd_domain_abort(r->executor->exchange->domain, HD_COMM, "gives up");
        return false;
    }
    if (hdi_exchange_begin(r->executor) != HD_OK) return false;
    if (work(r, run) != HD_OK) return false;
    if (now.kind == VS_COLLECTIVES) return true;
    check_run(r, run);
    return hdi_exchange_end(r->executor) == HD_OK;
}

/* A schedule that is cut off leaves its pool's fibers where they are, and so their memory. */
static void forget_threads(hd_executor *executor) {
    executor->pool = NULL;
    executor->progress = NULL;
    executor->team = NULL;
    executor->run = 0;
}

static void lead(void *user) {
    rank *r = ((member *)user)->of;
    bool good = true;
    if (now.kind == VS_THREADS) must(hdi_threads_create(r->executor, now.workers));
    for (uint32_t run = 1; good && run <= (uint32_t)now.runs; run++) good = one_run(r, run);
    if (!good && !now.fails) vs_wrong("rank %d fails: %s", r->index, hd_last_error());
    if (r->executor->exchange && !now.stays) window_leave(r->executor->exchange->domain);
    if (now.kind == VS_THREADS) {
        hdi_threads_destroy(r->executor);
        forget_threads(r->executor);
    }
    hdi_store(&r->begun, UINT32_MAX, release);
}

static void follow(void *user) {
    member *m = user;
    for (uint32_t run = 1;; run++) {
        wait_for(&m->of->begun, run);
        if (hdi_load(&m->of->begun, relaxed) == UINT32_MAX) return;
        hdi_tasks_work(m->of->tasks, m->worker);
        (void)hdi_fetch_add(&m->of->ended, 1, release);
    }
}

/* ---- a case ---- */

static int dropped = -1;
static char dropped_text[100];
static bool refused;

int ranks_plan_edges(void) { return plan_edges_count(all_plans(), now.ranks); }
void ranks_drop(int edge) { dropped = edge; }
const char *ranks_dropped(void) { return dropped_text; }
bool ranks_refused(void) { return refused; }

void ranks_open(const vs_case *c) {
    now = *c;
    window_reset(now.rows > 0);
    for (int i = 0; i < now.ranks; i++) all[i].plan = make_plan(i);
    verify_all();
    snprintf(dropped_text, sizeof dropped_text, "%s", plan_edges_text(all_plans(), now.ranks, dropped));
    plan_edges_drop(all_plans(), now.ranks, dropped);
    refused = hd_plans_verify((const hd_plan *const *)all_plans(), now.ranks) != HD_OK;
    for (int i = 0; i < now.ranks; i++) {
        rank *r = &all[i];
        const hd_executor_options options = {.kind = HD_EXECUTOR_SERIAL,
                                             .domain = now.ranks > 1 ? window_domain(i, now.ranks) : NULL};
        r->index = i;
        must(hd_executor_create(r->plan, &options, &r->executor));
        must(hd_executor_bind(r->executor, "x", r->x, (size_t)elements() * sizeof(float)));
        for (int k = 0; now.rows && k < now.items * now.items; k++) r->unit[k] = k % (now.items + 1) == 0;
        if (now.rows) must(hd_executor_bind(r->executor, "unit", r->unit, (size_t)(now.items * now.items) * sizeof(float)));
        must(hdi_executor_prepare(r->executor));
        if (r->plan->n_steps > MOST_STEPS) exit(2);
        for (uint32_t s = 0; s < r->plan->n_steps; s++) {
            snprintf(r->who[s], sizeof r->who[s], "rank %d step %u", i, s);
            plain[s] = r->executor->steps[s].fn;
            r->executor->steps[s].fn = counted;
        }
        races_watch(r->executor->arena->data, hd_plan_arena_bytes(r->plan));
        races_watch(r->x, sizeof r->x);
        races_watch(r->unit, sizeof r->unit);
    }
    size_t bytes;
    void *window = window_memory(&bytes);
    races_watch(window, bytes);
}

void ranks_close(void) {
    window_end();
    for (int i = 0; i < now.ranks; i++) {
        hdi_tasks_free(all[i].tasks);
        forget_threads(all[i].executor);
        if (all[i].executor->exchange)
            all[i].executor->exchange->run = 0; /* a schedule may have been cut off: nobody waits for its end */
        hd_executor_destroy(all[i].executor);
        hd_plan_destroy(all[i].plan);
        all[i].tasks = NULL;
    }
    races_watch_nothing();
}

/* In place: what is explored tells objects by their addresses, which are the same in all schedules. */
static void reset_tasks(hdi_tasks *tasks) {
    memset(tasks->workers, 0, sizeof *tasks->workers * (size_t)tasks->n_workers);
    for (uint32_t i = 0; i < tasks->ring.size; i++) atomic_store(&tasks->ring.places[i].step, 0);
    hdi_bed_init(&tasks->bed);
    atomic_store(&tasks->bed.sleepers, 0);
    atomic_store(&tasks->bed.epoch, 0);
    atomic_store(&tasks->failed, false);
}

/* The fibers that work for a rank; of threads, whoever makes a pool makes all but the first. */
static int add_members(rank *r, int n) {
    for (int w = 0; w < (now.kind == VS_TASKS ? now.workers : 1); w++) {
        members[n] = (member){r, w};
        vs_add(w ? follow : lead, &members[n++]);
    }
    return n;
}

void ranks_reset(bool weak) {
    int n = 0;
    vs_begin(now.shared_points ? VS_SHARED_POINTS : VS_ALL_POINTS);
    memory_begin(weak);
    vs_naps_end(now.leaves);
    races_begin();
    window_reset(now.rows > 0);
    for (int i = 0; i < now.ranks; i++) {
        rank *r = &all[i];
        if (!r->tasks && now.kind == VS_TASKS) must(hdi_tasks_make(r->executor, now.workers, (uint32_t)now.ring, &r->tasks));
        if (r->tasks) reset_tasks(r->tasks);
        memset(r->executor->arena->data, 0, hd_plan_arena_bytes(r->plan));
        if (r->executor->exchange) r->executor->exchange->run = 0;
        atomic_store(&r->begun, 0);
        atomic_store(&r->ended, 0);
        forget_threads(r->executor);
        n = add_members(r, n);
    }
}

uint64_t ranks_try(const vs_case *c, bool weak, uint64_t from, uint64_t below) {
    uint64_t bad = 0;
    ranks_open(c);
    for (uint64_t seed = from; seed < below && !bad; seed++) {
        ranks_reset(weak);
        if (vs_run_seed(seed) != VS_GOOD) bad = seed;
    }
    ranks_close();
    return bad;
}

int ranks_try_all(const vs_case *cases, size_t n_cases, bool weak, uint64_t n) {
    for (size_t i = 0; i < n_cases; i++) {
        uint64_t bad = ranks_try(&cases[i], weak, 1, n + 1);
        if (bad) {
            printf("%s, seed %llu: %s\nsched_tasks replay '%s' %llu%s\n", cases[i].name, (unsigned long long)bad, vs_reason(),
                   cases[i].name, (unsigned long long)bad, weak ? " weak" : "");
            return 1;
        }
        printf("%-36s %llu schedules\n", cases[i].name, (unsigned long long)n);
        fflush(stdout);
    }
    return 0;
}
