/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier of plans: exchanges made by hand pass, and every one of their edges, removed or weakened one at a time, is missed
 * - or orders nothing that the others do not order, which a plain closure over three runs at all sizes shows. */
#include <string.h>
#include <time.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "compile/verify.h"
#include "graph/exchange.h"
#include "support/plan_order.h"

enum { K = 32, ROWS = 16, LIMIT = 8, LINE = 64 };

typedef plan_set set;

static hd_status verify(const set *s) { return hd_plans_verify((const hd_plan *const *)s->plan, s->n); }

static void drop(set *s) {
    for (int r = 0; r < s->n; r++) hd_plan_destroy(s->plan[r]);
}

static set copy_of(const set *s) {
    set copy = {.n = s->n};
    for (int r = 0; r < s->n; r++) {
        assert_int_equal(hdi_alloc(&copy.plan[r], 1, s->plan[r]->bytes, "a copy"), HD_OK);
        memcpy(copy.plan[r], s->plan[r], s->plan[r]->bytes);
    }
    return copy;
}

/* ---- exchanges by hand ---- */

typedef struct maker {
    hd_graph *g;
    int rank, ranks;
    hd_dim shape[2];
} maker;

static maker begin(int rank, int ranks) {
    maker m = {.rank = rank, .ranks = ranks};
    assert_int_equal(hd_graph_create(&m.g), HD_OK);
    hdi_graph_set_ranks(m.g, rank, ranks);
    m.shape[0] = hd_graph_symbol(m.g, "rows", 1, ROWS);
    m.shape[1] = K;
    return m;
}

static hd_plan *end(maker *m, hd_value y) {
    hd_plan *plan;
    if (y) hd_graph_output(m->g, "y", y);
    assert_int_equal(hd_compile(m->g, &plan), HD_OK);
    hd_graph_destroy(m->g);
    return plan;
}

static hd_value linear(const maker *m, hd_value x, int layer) {
    char name[32];
    snprintf(name, sizeof name, "w%d", layer);
    return hd_graph_linear(m->g, x, hd_graph_weight(m->g, name, HD_DTYPE_F32, false, 2, (int64_t[]){K, K}), 0, 1);
}

static uint64_t others(const maker *m) { return ((1ull << m->ranks) - 1) & ~(1ull << m->rank); }

/* Publishes `part`, waits for the readers of the run before if `guard`, and adds all ranks' parts. */
static hd_value all_reduce(const maker *m, hd_value part, int buffer, const char *name, bool guard) {
    uint32_t event = hdi_graph_event(m->g, name, 1);
    uint64_t place = (uint64_t)buffer * ROWS * K * 4;
    hdi_graph_publish(m->g, part, event, place, others(m));
    for (int r = 0; guard && r < m->ranks; r++)
        if (r != m->rank) hdi_graph_guard(m->g, part, HDI_EVENT_END, r, 1);
    hd_value sum = part;
    for (int r = 0; r < m->ranks; r++)
        if (r != m->rank) sum = hd_graph_add(m->g, sum, hdi_graph_remote(m->g, r, event, place, HD_DTYPE_F32, 2, m->shape));
    return sum;
}

static set all_reduces(int ranks, int layers) {
    set s = {.n = ranks};
    for (int r = 0; r < ranks; r++) {
        maker m = begin(r, ranks);
        hd_value x = hd_graph_input(m.g, "x", HD_DTYPE_F32, 2, m.shape);
        hdi_graph_end(m.g, others(&m));
        for (int layer = 0; layer < layers; layer++) {
            char scope[32];
            snprintf(scope, sizeof scope, "layers.%d", layer);
            hd_graph_scope(m.g, scope);
            x = all_reduce(&m, linear(&m, x, layer), layer % 2, scope, layer < 2);
        }
        s.plan[r] = end(&m, x);
    }
    return s;
}

/* Stages: each reads what the one before publishes. */
static set pipeline(int ranks) {
    set s = {.n = ranks};
    for (int r = 0; r < ranks; r++) {
        maker m = begin(r, ranks);
        uint32_t events[PLAN_SET_MOST];
        for (int i = 0; i + 1 < ranks; i++) events[i] = hdi_graph_event(m.g, "stage", 1);
        hdi_graph_segment(m.g, ROWS * K * 4);
        hd_value x = r ? hdi_graph_remote(m.g, r - 1, events[r - 1], 0, HD_DTYPE_F32, 2, m.shape)
                       : hd_graph_input(m.g, "x", HD_DTYPE_F32, 2, m.shape);
        x = linear(&m, linear(&m, x, 0), 1);
        if (r) hdi_graph_end(m.g, 1ull << (r - 1));
        if (r + 1 < ranks) {
            hdi_graph_publish(m.g, x, events[r], 0, 1ull << (r + 1));
            hdi_graph_guard(m.g, x, HDI_EVENT_END, r + 1, 1);
        }
        s.plan[r] = end(&m, r + 1 < ranks ? 0 : x);
    }
    return s;
}

/* Each rank publishes a part and reads all of them, in one step each. */
static set all_gather(int ranks) {
    set s = {.n = ranks};
    for (int r = 0; r < ranks; r++) {
        maker m = begin(r, ranks);
        hd_value x = hd_graph_input(m.g, "x", HD_DTYPE_F32, 2, m.shape), part = hd_graph_mul(m.g, x, x);
        uint32_t event = hdi_graph_event(m.g, "part", 1);
        uint64_t bytes = ROWS * K * 4;
        hdi_graph_segment(m.g, bytes * (uint64_t)ranks);
        hdi_graph_end(m.g, others(&m));
        hdi_graph_publish(m.g, part, event, bytes * (uint64_t)r, others(&m));
        for (int q = 0; q < ranks; q++) {
            char name[16];
            if (q == r) continue;
            hdi_graph_guard(m.g, part, HDI_EVENT_END, q, 1);
            snprintf(name, sizeof name, "from%d", q);
            hd_value seen = hdi_graph_remote(m.g, q, event, bytes * (uint64_t)q, HD_DTYPE_F32, 2, m.shape);
            hd_graph_output(m.g, name, hd_graph_add(m.g, part, seen));
        }
        s.plan[r] = end(&m, 0);
    }
    return s;
}

/* One way for few rows, another one, in the same memory, for many. */
static set two_ways(int ranks) {
    set s = {.n = ranks};
    for (int r = 0; r < ranks; r++) {
        maker m = begin(r, ranks);
        hd_value x = hd_graph_input(m.g, "x", HD_DTYPE_F32, 2, m.shape);
        hdi_graph_end(m.g, others(&m));
        hdi_graph_when(m.g, m.shape[0], 0, LIMIT);
        hd_graph_output(m.g, "few", all_reduce(&m, linear(&m, x, 0), 0, "few", true));
        hdi_graph_when(m.g, m.shape[0], LIMIT, ROWS + 1);
        hd_value y = all_reduce(&m, hd_graph_mul(m.g, x, x), 0, "many", true);
        s.plan[r] = end(&m, y);
    }
    return s;
}

/* Stages as sharding makes them, whose end is handed to rank 0 for the rows that are asked for, if any are. */
static set asked_back(int stages) {
    set s = {.n = stages};
    hd_graph *whole, *part;
    assert_int_equal(hd_graph_create(&whole), HD_OK);
    maker m = {.g = whole};
    const hd_dim rows = hd_graph_symbol(whole, "rows", 0, ROWS);
    hd_value asked = hd_graph_input(whole, "asked", HD_DTYPE_I32, 1, &rows);
    hd_value x = hd_graph_input(whole, "x", HD_DTYPE_F32, 2, (hd_dim[]){ROWS, K});
    for (int layer = 0; layer < stages; layer++) {
        hd_graph_layer(whole, layer, stages);
        x = linear(&m, linear(&m, x, 2 * layer), 2 * layer + 1);
    }
    hd_graph_output(whole, "y", linear(&m, hd_graph_embedding(whole, asked, x, HD_DTYPE_F32), 2 * stages));
    for (int r = 0; r < stages; r++) {
        const hd_shard shard = {.rank = r, .tensor = 1, .pipeline = stages};
        assert_int_equal(hd_graph_shard(whole, &shard, &part), HD_OK);
        assert_int_equal(hd_compile(part, &s.plan[r]), HD_OK);
        hd_graph_destroy(part);
    }
    hd_graph_destroy(whole);
    return s;
}

/* ---- exchanges that the sharding pass makes ---- */

static hd_value placed(hd_graph *g, const char *name, int32_t dim) {
    hd_value w = hd_graph_weight(g, name, HD_DTYPE_F32, false, 2, (int64_t[]){K, K});
    hd_graph_place(g, w, &(hd_placement){.dim = dim, .unit = 1});
    return w;
}

/* Sums with residual and norm, in one shot below LIMIT rows and in two from there on. */
static set sums(const hd_shard *how, int layers) {
    set s = {.n = how->tensor * how->pipeline};
    hd_graph *whole, *part;
    assert_int_equal(hd_graph_create(&whole), HD_OK);
    hd_dim shape[2] = {hd_graph_symbol(whole, "rows", 1, ROWS), K};
    hd_value x = hd_graph_input(whole, "x", HD_DTYPE_F32, 2, shape), y = x;
    hd_value norm = hd_graph_weight(whole, "norm", HD_DTYPE_F32, false, 1, (int64_t[]){K});
    for (int i = 0; i < layers; i++) {
        char name[2][32];
        snprintf(name[0], sizeof name[0], "up%d", i);
        snprintf(name[1], sizeof name[1], "down%d", i);
        hd_graph_layer(whole, i, layers);
        y = hd_graph_linear(whole, hd_graph_linear(whole, y, placed(whole, name[0], 0), 0, 1), placed(whole, name[1], 1), 0, 8);
        x = hd_graph_add(whole, x, y);
        y = hd_graph_rms_norm(whole, x, norm, 1e-5F);
    }
    hd_graph_output(whole, "y", y);
    for (int r = 0; r < s.n; r++) {
        hd_shard shard = *how;
        shard.rank = r;
        shard.two_shot = LIMIT * K * 4;
        shard.outputs_everywhere = true;
        assert_int_equal(hd_graph_shard(whole, &shard, &part), HD_OK);
        assert_int_equal(hd_compile(part, &s.plan[r]), HD_OK);
        hd_graph_destroy(part);
    }
    hd_graph_destroy(whole);
    return s;
}

/* ---- mutants ---- */

/* What runs changes where rows are none, or LIMIT. */
static bool equivalent(const set *good, const set *mutant) {
    return plans_order_alike(good, mutant, hdi_plan_symbols(good->plan[0])->min == 0 ? 1 : LIMIT);
}

/* Images are immutable to all but this test. */
#define EDIT(plan, field) ((void *)((char *)(plan) + (plan)->field))

typedef struct tally {
    int mutants, refused, same;
} tally;

/* `edge`: what was changed is a wait, which others may imply. */
static void judge(const set *good, set *mutant, bool edge, const char *what, tally *t) {
    hd_status status = verify(mutant);
    t->mutants++;
    if (status == HD_CORRUPT) {
        t->refused++;
    } else {
        assert_int_equal(status, HD_OK);
        if (!edge || !equivalent(good, mutant)) fail_msg("%s: not noticed", what);
        t->same++;
    }
    drop(mutant);
}

static void cut_local_waits(const set *good, int r, uint32_t s, tally *t) {
    for (uint32_t i = 0; i < hdi_plan_steps(good->plan[r])[s].n_waits; i++) {
        set m = copy_of(good);
        hdi_plan_step *step = (hdi_plan_step *)EDIT(m.plan[r], steps) + s;
        uint32_t *wait = (uint32_t *)EDIT(m.plan[r], waits) + step->first_wait;
        step->n_waits--;
        memmove(wait + i, wait + i + 1, (step->n_waits - i) * sizeof *wait);
        judge(good, &m, true, "a local wait", t);
    }
}

static void cut_remotes(const set *good, int r, uint32_t s, tally *t) {
    for (uint32_t i = 0; i < hdi_plan_steps(good->plan[r])[s].n_remotes; i++) {
        set m = copy_of(good);
        hdi_plan_step *steps = EDIT(m.plan[r], steps);
        uint32_t at = steps[s].first_remote + i;
        hdi_plan_remote *remotes = EDIT(m.plan[r], remotes);
        uint32_t lag = remotes[at].lag;
        memmove(remotes + at, remotes + at + 1, (--m.plan[r]->n_remotes - at) * sizeof *remotes);
        steps[s].n_remotes--;
        for (uint32_t k = s + 1; k < m.plan[r]->n_steps; k++) steps[k].first_remote--;
        judge(good, &m, true, "a wait for another rank", t);
        m = copy_of(good); /* later than it should be: the run before's is enough */
        ((hdi_plan_remote *)EDIT(m.plan[r], remotes))[at].lag = lag + 1;
        judge(good, &m, true, "a wait's run", t);
    }
}

static void cut_triggers(const set *good, int r, uint32_t s, tally *t) {
    for (uint32_t i = 0; i < hdi_plan_steps(good->plan[r])[s].n_triggers; i++) {
        uint32_t at = hdi_plan_steps(good->plan[r])[s].first_trigger + i;
        set m = copy_of(good);
        hdi_plan_step *steps = EDIT(m.plan[r], steps);
        hdi_plan_trigger *triggers = EDIT(m.plan[r], triggers);
        memmove(triggers + at, triggers + at + 1, (--m.plan[r]->n_triggers - at) * sizeof *triggers);
        steps[s].n_triggers--;
        for (uint32_t k = s + 1; k < m.plan[r]->n_steps; k++) steps[k].first_trigger--;
        judge(good, &m, false, "a trigger", t);
        for (int q = 0; q < good->n; q++) {
            m = copy_of(good);
            ((hdi_plan_trigger *)EDIT(m.plan[r], triggers))[at].ranks ^= 1ull << q; /* one less, or one that does not wait */
            judge(good, &m, false, "a trigger's rank", t);
        }
        for (uint32_t other = at + 1; other < good->plan[r]->n_triggers; other++) {
            m = copy_of(good);
            triggers = EDIT(m.plan[r], triggers);
            uint32_t event = triggers[at].event;
            triggers[at].event = triggers[other].event;
            triggers[other].event = event;
            judge(good, &m, false, "two events", t);
        }
    }
}

static void shift_places(const set *good, int r, uint32_t s, tally *t) {
    const hdi_plan_step *step = &hdi_plan_steps(good->plan[r])[s];
    for (uint32_t i = 0; i < step->n_operands; i++) {
        const hdi_plan_operand *operand = &hdi_plan_operands(good->plan[r])[step->first_operand + i];
        if (operand->slot < 0 || hdi_plan_slots(good->plan[r])[operand->slot].kind != HDI_SLOT_SEGMENT) continue;
        if (i && hdi_plan_slots(good->plan[r])[operand->slot].rank == r) continue; /* what it reads of its own orders itself */
        if (i && operand->stride[0] != operand->type.dim[1]) continue; /* columns: others of them are announced as well */
        set m = copy_of(good);
        ((hdi_plan_operand *)EDIT(m.plan[r], operands))[step->first_operand + i].offset += LINE;
        judge(good, &m, false, "a place", t);
    }
}

static void shorten_condition(const set *good, int r, uint32_t s, tally *t) {
    const hdi_plan_step *from = &hdi_plan_steps(good->plan[r])[s];
    if (!from->when.below || !(from->n_remotes + from->n_triggers)) return;
    for (int side = 0; side < 2; side++) {
        set m = copy_of(good);
        hdi_plan_step *step = (hdi_plan_step *)EDIT(m.plan[r], steps) + s;
        if (side)
            step->when.below--;
        else
            step->when.from = step->when.from ? step->when.from + 1 : 2;
        judge(good, &m, false, "a condition", t);
    }
}

static void cut_ends(const set *good, int r, tally *t) {
    for (int q = 0; q < good->n; q++) {
        if (!(good->plan[r]->end_ranks >> q & 1u)) continue;
        set m = copy_of(good);
        m.plan[r]->end_ranks ^= 1ull << q;
        judge(good, &m, false, "an end's rank", t);
    }
}

static void mutate(set good, const char *name, int least_refused) {
    tally t = {0};
    if (verify(&good) != HD_OK) fail_msg("%s: %s", name, hd_last_error());
    for (int r = 0; r < good.n; r++) {
        cut_ends(&good, r, &t);
        for (uint32_t s = 0; s < good.plan[r]->n_steps; s++) {
            cut_local_waits(&good, r, s, &t);
            cut_remotes(&good, r, s, &t);
            cut_triggers(&good, r, s, &t);
            shift_places(&good, r, s, &t);
            shorten_condition(&good, r, s, &t);
        }
    }
    printf("%-22s %4d mutants, %4d refused, %3d order the same\n", name, t.mutants, t.refused, t.same);
    assert_true(t.refused >= least_refused && t.refused + t.same == t.mutants);
    drop(&good);
}

static void no_edge_can_be_missing(void **state) {
    (void)state;
    mutate(all_reduces(2, 2), "all-reduce, 2 ranks", 20);
    mutate(all_reduces(3, 4), "all-reduce, 3 ranks", 100);
    mutate(all_reduces(4, 2), "all-reduce, 4 ranks", 100);
    mutate(pipeline(2), "pipeline, 2 ranks", 10);
    mutate(pipeline(4), "pipeline, 4 ranks", 30);
    mutate(all_gather(3), "all-gather, 3 ranks", 30);
    mutate(all_gather(4), "all-gather, 4 ranks", 60);
    mutate(two_ways(2), "by size, 2 ranks", 20);
    mutate(two_ways(3), "by size, 3 ranks", 50);
    mutate(asked_back(2), "asked back, 2 ranks", 20);
    mutate(asked_back(3), "asked back, 3 ranks", 30);
    mutate(sums(&(hd_shard){.tensor = 2, .pipeline = 1, .streamed = true}, 3), "sums, 2 ranks", 100);
    mutate(sums(&(hd_shard){.tensor = 2, .pipeline = 1}, 2), "sums in place, 2 ranks", 50);
    mutate(sums(&(hd_shard){.tensor = 4, .pipeline = 1, .messages = true}, 1), "sums sent, 4 ranks", 200);
    mutate(sums(&(hd_shard){.tensor = 2, .pipeline = 2, .streamed = true}, 2), "sums, 2 x 2 ranks", 100);
}

/* ---- sentences ---- */

static void expect(set s, const char *part, const char *part2) {
    assert_int_equal(verify(&s), HD_CORRUPT);
    if (!strstr(hd_last_error(), part) || !strstr(hd_last_error(), part2)) fail_msg("it says: %s", hd_last_error());
    drop(&s);
}

/* Two ranks, each of which publishes only after it has read the other's. */
static void a_cycle_is_named(void **state) {
    (void)state;
    for (int in_order = 0; in_order < 2; in_order++) {
        set s = {.n = 2};
        for (int r = 0; r < 2; r++) {
            maker m = begin(r, 2);
            hd_graph_scope(m.g, "layers.0");
            hd_value x = hd_graph_input(m.g, "x", HD_DTYPE_F32, 2, m.shape);
            uint32_t event = hdi_graph_event(m.g, "part", 1);
            hd_value y = hd_graph_add(m.g, x, hdi_graph_remote(m.g, 1 - r, event, 0, HD_DTYPE_F32, 2, m.shape));
            hd_value part = hd_graph_mul(m.g, in_order ? x : y, x); /* in order: no data flows from y to it */
            hdi_graph_end(m.g, others(&m));
            hdi_graph_publish(m.g, part, event, 0, others(&m));
            hdi_graph_guard(m.g, part, HDI_EVENT_END, 1 - r, 1);
            s.plan[r] = end(&m, y);
        }
        if (in_order)
            expect(
                s, "the plans stand still when their steps run in order: ",
                "rank 0 layers.0.add waits for layers.0.mul of rank 1, which comes after layers.0.add of rank 1, which waits for "
                "layers.0.mul of rank 0");
        else
            expect(s, "the plans stand still: ", "layers.0.add of rank 1, which waits for layers.0.mul of rank 0");
    }
}

static void a_race_is_named(void **state) {
    (void)state;
    set s = all_reduces(2, 1);
    for (uint32_t i = 0; i < s.plan[0]->n_remotes; i++) {
        hdi_plan_remote *remote = (hdi_plan_remote *)EDIT(s.plan[0], remotes) + i;
        if (remote->lag) remote->lag = 2;
    }
    expect(s, "rank 1 layers.0.add reads bytes 0..2048 of rank 0's segment while layers.0.linear (step 0)",
           "of the next run writes them; nothing orders them");
}

static void strange_sets_are_refused(void **state) {
    (void)state;
    set s = all_reduces(3, 1), other = all_reduces(2, 1);
    hd_plan *swap = s.plan[0];
    assert_int_equal(hd_plans_verify(NULL, 0), HD_INVALID_ARGUMENT);
    s.plan[0] = s.plan[1];
    s.plan[1] = swap;
    assert_int_equal(verify(&s), HD_CORRUPT);
    s.plan[1] = s.plan[0];
    s.plan[0] = swap;
    s.plan[2]->segment_bytes += LINE;
    assert_int_equal(verify(&s), HD_CORRUPT);
    s.plan[2]->segment_bytes -= LINE;
    assert_int_equal(verify(&s), HD_OK);
    s.n = 2;
    assert_int_equal(verify(&s), HD_CORRUPT);
    s.n = 3;
    drop(&s);
    drop(&other);
}

/* ---- larger ones ---- */

static void large_sets_are_quick(void **state) {
    (void)state;
    set s = all_reduces(8, 75); /* 600 steps a rank */
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    assert_int_equal(verify(&s), HD_OK);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) * 1e-9;
    printf("8 ranks of %u steps: %.1f ms\n", s.plan[0]->n_steps, seconds * 1e3);
    assert_true(s.plan[0]->n_steps == 600 && seconds < 20); /* a sanitizer's build on a busy machine */
    drop(&s);
}

static void running_out_of_memory_is_survived(void **state) {
    (void)state;
    set s = two_ways(3);
    hd_status status = HD_OUT_OF_MEMORY;
    for (int64_t i = 0; status == HD_OUT_OF_MEMORY; i++) {
        assert_true(i < 1000);
        hdi_memory_fail_after(i);
        status = verify(&s);
        hdi_memory_fail_after(-1);
    }
    assert_int_equal(status, HD_OK);
    drop(&s);
}

/* HEDDLE_PLAN_SEEDS=FOLDER: writes the seeds of fuzz_plans there (tests/fuzz/corpus/plans holds them). */
static void seeds_can_be_written(void **state) {
    (void)state;
    const char *folder = getenv("HEDDLE_PLAN_SEEDS");
    if (!folder) skip();
    set sets[] = {all_reduces(2, 1), pipeline(2), pipeline(3), two_ways(2)};
    for (size_t i = 0; i < HDI_COUNTOF(sets); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/set%zu", folder, i);
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        for (int r = 0; r < sets[i].n; r++) {
            uint32_t size = (uint32_t)sets[i].plan[r]->bytes;
            assert_int_equal(fwrite(&size, sizeof size, 1, f), 1);
            assert_int_equal(fwrite(sets[i].plan[r], 1, size, f), size);
        }
        assert_int_equal(fclose(f), 0);
        drop(&sets[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_edge_can_be_missing), cmocka_unit_test(a_cycle_is_named),
        cmocka_unit_test(a_race_is_named),        cmocka_unit_test(strange_sets_are_refused),
        cmocka_unit_test(large_sets_are_quick),   cmocka_unit_test(running_out_of_memory_is_survived),
        cmocka_unit_test(seeds_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
