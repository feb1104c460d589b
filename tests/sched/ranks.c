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
#include "sched/explore.h"
#include "sched/window.h"
#include "task/tasks.h"

enum { MOST_ITEMS = 4 * 4096, MOST_WORKERS = 4, MOST_WIDTH = 8 };

typedef struct rank {
    int index;
    hd_plan *plan;
    hd_executor *executor;
    hdi_tasks *tasks;
    uint8_t *seen; /* by step and grain: how often computed in this run */
    _Atomic uint32_t begun, ended;
    float x[MOST_ITEMS];
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

static hd_plan *make_plan(int me) {
    hd_graph *g;
    hd_plan *plan;
    const hd_dim shape[2] = {1, now.items};
    uint64_t bytes = (uint64_t)now.items * sizeof(float);
    must(hd_graph_create(&g));
    uint32_t first = 0, second = 0;
    if (now.ranks > 1) {
        hdi_graph_set_ranks(g, me, now.ranks);
        first = hdi_graph_event(g, "first", 1);
        if (!now.once) second = hdi_graph_event(g, "second", 1);
        hdi_graph_segment(g, 2 * bytes);
        hdi_graph_end(g, read_by(me));
    }
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape), side = x;
    hd_value s = sum_over_ranks(g, me, hd_graph_mul(g, x, x), first, 0, shape);
    for (int i = 0; i < now.width; i++) side = hd_graph_add(g, i % 2 ? side : x, i % 3 ? side : hd_graph_mul(g, side, x));
    s = hd_graph_mul(g, s, x);
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

static void verify_all(void) {
    const hd_plan *plans[WINDOW_MOST_RANKS];
    for (int i = 0; i < now.ranks; i++) plans[i] = all[i].plan;
    if (now.ranks > 1) must(hd_plans_verify(plans, now.ranks));
}

/* ---- kernels that notice when they are called twice ---- */

static hdi_kernel_fn plain[256];

static void counted(const hdi_kernel_call *call, int64_t begin, int64_t end, void *scratch) {
    rank *r = members[vs_current()].of;
    size_t s = (size_t)(call - r->executor->calls);
    for (int64_t i = begin; i < end; i++) {
        uint8_t *seen = &r->seen[s * MOST_ITEMS + (size_t)i];
        if (++*seen > 1) vs_wrong("rank %d computes item %lld of step %zu twice", r->index, (long long)i, s);
    }
    /* Chunks of all steps are alike, so what belongs together has one address. */
    for (int i = 0; i < call->n_operands; i++) hdi_vs_access((const uint8_t *)call->operand[i].data + begin, i == 0);
    explore_did(vs_current());
    plain[s](call, begin, end, scratch);
}

/* ---- fibers ---- */

static void wait_for(const _Atomic uint32_t *counter, uint32_t value) {
    for (uint32_t seen; (seen = hdi_load(counter, seq_cst)) < value;) hdi_vs_sleep(counter, seen, false);
}

static void check_run(rank *r, uint32_t run) {
    void *data;
    must(hd_executor_output(r->executor, "y", &data));
    for (int i = 0; i < now.items; i++) {
        float want = expected(r->index, (int)run, i), got = ((float *)data)[i];
        if (memcmp(&want, &got, sizeof want) != 0)
            vs_wrong("rank %d, run %u: element %d is %g, not %g", r->index, run, i, (double)got, (double)want);
    }
}

/* Whether it goes on. */
static bool one_run(rank *r, uint32_t run) {
    bool gives_up = now.fails == (int)run && r->index == now.ranks - 1;
    for (int i = 0; i < now.items; i++) r->x[i] = input(r->index, (int)run, i);
    memset(r->seen, 0, (size_t)r->plan->n_steps * MOST_ITEMS);
    if (gives_up) {
        hd_domain_abort(r->executor->exchange->domain, HD_COMM, "gives up");
        return false;
    }
    if (hdi_exchange_begin(r->executor) != HD_OK) return false;
    hdi_tasks_begin(r->tasks);
    hdi_store(&r->begun, run, seq_cst);
    hdi_tasks_work(r->tasks, 0);
    wait_for(&r->ended, run * (uint32_t)(now.workers - 1));
    if (hdi_tasks_outcome(r->tasks) != HD_OK) return false;
    check_run(r, run);
    return hdi_exchange_end(r->executor) == HD_OK;
}

static void lead(void *user) {
    rank *r = ((member *)user)->of;
    bool good = true;
    for (uint32_t run = 1; good && run <= (uint32_t)now.runs; run++) good = one_run(r, run);
    if (!good && !now.fails) vs_wrong("rank %d fails: %s", r->index, hd_last_error());
    hdi_store(&r->begun, UINT32_MAX, seq_cst);
}

static void follow(void *user) {
    member *m = user;
    for (uint32_t run = 1;; run++) {
        wait_for(&m->of->begun, run);
        if (atomic_load(&m->of->begun) == UINT32_MAX) return;
        hdi_tasks_work(m->of->tasks, m->worker);
        hdi_fetch_add(&m->of->ended, 1, seq_cst);
    }
}

/* ---- a case ---- */

void ranks_open(const vs_case *c) {
    now = *c;
    window_reset();
    for (int i = 0; i < now.ranks; i++) all[i].plan = make_plan(i);
    verify_all();
    for (int i = 0; i < now.ranks; i++) {
        rank *r = &all[i];
        const hd_executor_options options = {.kind = HD_EXECUTOR_SERIAL,
                                             .domain = now.ranks > 1 ? window_domain(i, now.ranks) : NULL};
        r->index = i;
        must(hd_executor_create(r->plan, &options, &r->executor));
        must(hd_executor_bind(r->executor, "x", r->x, (size_t)now.items * sizeof(float)));
        must(hdi_executor_prepare(r->executor));
        r->seen = malloc((size_t)r->plan->n_steps * MOST_ITEMS);
        if (!r->seen || r->plan->n_steps > HDI_COUNTOF(plain)) exit(2);
        for (uint32_t s = 0; s < r->plan->n_steps; s++) {
            plain[s] = r->executor->steps[s].fn;
            r->executor->steps[s].fn = counted;
        }
    }
}

void ranks_close(void) {
    window_end();
    for (int i = 0; i < now.ranks; i++) {
        hdi_tasks_free(all[i].tasks);
        if (all[i].executor->exchange)
            all[i].executor->exchange->run = 0; /* a schedule may have been cut off: nobody waits for its end */
        hd_executor_destroy(all[i].executor);
        hd_plan_destroy(all[i].plan);
        free(all[i].seen);
        all[i].tasks = NULL;
    }
}

/* In place: what is explored tells objects by their addresses, which are the same in all schedules. */
static void reset_tasks(hdi_tasks *tasks) {
    memset(tasks->workers, 0, sizeof *tasks->workers * (size_t)tasks->n_workers);
    for (uint32_t i = 0; i < tasks->ring.size; i++) atomic_store(&tasks->ring.places[i].step, 0);
    atomic_store(&tasks->bed.sleepers, 0);
    atomic_store(&tasks->bed.epoch, 0);
    atomic_store(&tasks->failed, false);
}

void ranks_reset(void) {
    int n = 0;
    vs_begin(now.shared_points ? VS_SHARED_POINTS : VS_ALL_POINTS);
    window_reset();
    for (int i = 0; i < now.ranks; i++) {
        rank *r = &all[i];
        if (!r->tasks) must(hdi_tasks_make(r->executor, now.workers, (uint32_t)now.ring, &r->tasks));
        reset_tasks(r->tasks);
        memset(r->executor->arena->data, 0, hd_plan_arena_bytes(r->plan));
        if (r->executor->exchange) r->executor->exchange->run = 0;
        atomic_store(&r->begun, 0);
        atomic_store(&r->ended, 0);
        for (int w = 0; w < now.workers; w++) {
            members[n] = (member){r, w};
            vs_add(w ? follow : lead, &members[n++]);
        }
    }
}
