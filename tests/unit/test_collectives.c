/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges that the sharding pass chooses: sums in one shot and in two, by size, and values that are cut anew. Whatever carries
 * them, runs of changing sizes give the bits of the whole graph on one rank. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/comm_threads.h"

#include "heddle/compile.h"

enum { HIDDEN = 80, WIDE = 136, WORDS = 50, LAYERS = 3, TOKENS = 12, LIMIT = 5 * HIDDEN * 4, MOST = 16 };

/* ---- weights, by name ---- */

typedef struct weight {
    char name[32];
    int64_t rows, cols; /* cols 0: a vector */
    float *data;
} weight;

typedef struct weights {
    weight all[MOST];
    int n;
} weights;

static float random_float(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (float)(1 << 23) - 1;
}

/* Cut along `dim` (-1: not) at multiples of `unit`. */
static hd_value declare_by(hd_graph *g, weights *w, const char *name, int64_t rows, int64_t cols, int32_t dim, int64_t unit) {
    hd_value value = hd_graph_weight(g, name, HD_DTYPE_F32, false, cols ? 2 : 1, (int64_t[]){rows, cols});
    weight *to = &w->all[w->n++];
    uint32_t state = (uint32_t)w->n;
    assert_true(w->n <= MOST);
    snprintf(to->name, sizeof to->name, "%s", name);
    to->rows = rows;
    to->cols = cols;
    to->data = malloc(sizeof *to->data * (size_t)(rows * (cols ? cols : 1)));
    assert_non_null(to->data);
    for (int64_t i = 0; i < rows * (cols ? cols : 1); i++) to->data[i] = random_float(&state);
    if (dim >= 0) hd_graph_place(g, value, &(hd_placement){.dim = dim, .unit = unit});
    return value;
}

static hd_value declare(hd_graph *g, weights *w, const char *name, int64_t rows, int64_t cols, int32_t dim) {
    return declare_by(g, w, name, rows, cols, dim, 1);
}

static void forget(weights *w) {
    for (int i = 0; i < w->n; i++) free(w->all[i].data);
    w->n = 0;
}

/* A rank's part of a weight, in memory of its own. */
static float *part_of(const hd_graph *g, const weight *w, size_t *bytes) {
    hd_part *parts;
    int32_t n;
    int64_t cols = w->cols ? w->cols : 1;
    float *to = malloc(sizeof *to * (size_t)(w->rows * cols)), *at = to;
    hd_status status = hd_graph_parts(g, w->name, &parts, &n);
    CHECK(status == HD_OK || status == HD_NOT_FOUND); /* another stage's */
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t c = 0; c < cols; c++) {
            bool mine = n == 0;
            for (int32_t p = 0; p < n; p++)
                mine |= parts[p].begin <= (parts[p].dim ? c : r) && (parts[p].dim ? c : r) < parts[p].end;
            if (mine) *at++ = w->data[r * cols + c];
        }
    hd_free(parts);
    *bytes = (size_t)((char *)at - (char *)to);
    return to;
}

/* ---- graphs ---- */

/* A look-up in a cut table, then layers whose second product is cut along K: each ends in a sum, with bias, residual and norm. */
static hd_graph *layers(weights *w) {
    hd_graph *g;
    char name[32];
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim tokens = hd_graph_symbol(g, "tokens", 1, TOKENS);
    hd_value ids = hd_graph_input(g, "ids", HD_DTYPE_I32, 1, &tokens);
    hd_graph_layer(g, 0, LAYERS);
    hd_value x = hd_graph_embedding(g, ids, declare(g, w, "table", WORDS, HIDDEN, 0), HD_DTYPE_F32);
    hd_value y = hd_graph_rms_norm(g, x, declare(g, w, "norm", HIDDEN, 0, -1), 1e-5F);
    for (int layer = 0; layer < LAYERS; layer++) {
        snprintf(name, sizeof name, "up%d", layer);
        hd_graph_layer(g, layer, LAYERS);
        hd_value up = hd_graph_gelu(g, hd_graph_linear(g, y, declare(g, w, name, WIDE, HIDDEN, 0), 0, 1), true);
        snprintf(name, sizeof name, "down%d", layer);
        hd_value down = declare(g, w, name, HIDDEN, WIDE, 1);
        snprintf(name, sizeof name, "bias%d", layer);
        hd_value bias = layer == 1 ? 0 : declare(g, w, name, HIDDEN, 0, -1);
        x = hd_graph_add(g, x, hd_graph_linear(g, up, down, bias, 8));
        if (layer == 2) x = hd_graph_mul(g, x, x); /* no norm of the sum */
        snprintf(name, sizeof name, "norm%d", layer);
        y = hd_graph_rms_norm(g, x, declare(g, w, name, HIDDEN, 0, -1), 1e-5F);
    }
    hd_graph_output(g, "x", x);
    hd_graph_output(g, "y", y);
    assert_int_equal(hd_graph_status(g), HD_OK);
    return g;
}

static hd_value heads(hd_graph *g, hd_value x, hd_dim tokens, int64_t a, int64_t b) {
    return hd_graph_reshape(g, x, 3, (hd_dim[]){tokens, a, b});
}

/* Two products of which one is cut along dim 1 and the other along dim 2 of one shape, and a sum of what comes of them; and a
 * whole value that meets a cut one. */
static hd_graph *crossed(weights *w) {
    enum { A = 8, B = HIDDEN / A };
    hd_graph *g;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim tokens = hd_graph_symbol(g, "tokens", 1, TOKENS);
    hd_value ids = hd_graph_input(g, "ids", HD_DTYPE_I32, 1, &tokens);
    hd_value x = hd_graph_embedding(g, ids, declare(g, w, "table", WORDS, HIDDEN, -1), HD_DTYPE_F32);
    hd_value u = hd_graph_linear(g, x, declare_by(g, w, "u", HIDDEN, HIDDEN, 0, B), 0, 1);
    hd_value v = hd_graph_linear(g, x, declare_by(g, w, "v", HIDDEN, HIDDEN, 0, A), 0, 1);
    u = heads(g, u, tokens, A, B);                                                  /* cut along A, */
    v = hd_graph_permute(g, heads(g, v, tokens, B, A), (const int32_t[]){0, 2, 1}); /* and along B */
    hd_value by_a = hd_graph_mul(g, u, v), by_b = hd_graph_add(g, v, u);
    hd_value y = hd_graph_reshape(g, hd_graph_mul(g, heads(g, x, tokens, A, B), by_a), 2, (hd_dim[]){tokens, HIDDEN});
    y = hd_graph_linear(g, y, declare_by(g, w, "down", HIDDEN, HIDDEN, 1, B), 0, 8);
    hd_graph_output(g, "sum", hd_graph_add(g, x, y));
    hd_graph_output(g, "by_b", by_b);
    assert_int_equal(hd_graph_status(g), HD_OK);
    return g;
}

/* ---- running ---- */

static const int64_t sizes[] = {1, TOKENS, 4, 5, 5, 1, 7, TOKENS, 3, 2, 11};
enum { RUNS = sizeof sizes / sizeof *sizes };

typedef struct job {
    const hd_graph *whole;
    const weights *w;
    const char *const *outputs; /* NULL ends them */
    hd_shard shard;
    hd_executor_kind kind;
    int32_t threads;
    float *want[RUNS][2], *got[RUNS][2]; /* [TOKENS x HIDDEN] each; got: rank 0's */
} job;

static void fill_ids(int32_t *ids, int run) {
    for (int t = 0; t < TOKENS; t++) ids[t] = (t * 7 + run * 11 + 3) % WORDS;
}

/* A stage has not all of them. */
static void bind(const job *j, hd_executor *e, const char *name, void *data, size_t bytes) {
    hd_status status = hd_executor_bind(e, name, data, bytes);
    CHECK(status == HD_OK || (status == HD_NOT_FOUND && j->shard.pipeline > 1));
}

static void run_plan(const job *j, const hd_graph *mine, hd_domain *domain, float *const (*out)[2]) {
    hd_executor_options options = {.kind = j->kind, .threads = j->threads, .domain = domain};
    hd_executor *e;
    hd_plan *plan;
    float *data[MOST];
    int32_t ids[TOKENS];
    OK(hd_compile(mine, &plan));
    OK(hd_executor_create(plan, &options, &e));
    for (int i = 0; i < j->w->n; i++) {
        size_t bytes;
        data[i] = part_of(mine, &j->w->all[i], &bytes);
        bind(j, e, j->w->all[i].name, data[i], bytes);
    }
    bind(j, e, "ids", ids, sizeof ids);
    for (int run = 0; run < RUNS; run++) {
        fill_ids(ids, run);
        OK(hd_executor_set(e, "tokens", sizes[run]));
        OK(hd_executor_run(e));
        for (int i = 0; out && j->outputs[i]; i++) {
            void *y;
            OK(hd_executor_output(e, j->outputs[i], &y));
            memcpy(out[run][i], y, sizeof(float) * (size_t)sizes[run] * HIDDEN);
        }
    }
    OK(hd_executor_synchronize(e));
    hd_executor_destroy(e);
    hd_plan_destroy(plan);
    for (int i = 0; i < j->w->n; i++) free(data[i]);
}

static job *current;

static void be_a_rank(rank_t *self) {
    hd_shard shard = current->shard;
    hd_graph *mine;
    shard.rank = self->rank;
    OK(hd_graph_shard(current->whole, &shard, &mine));
    run_plan(current, mine, self->domain, self->rank == 0 ? current->got : NULL);
    hd_graph_destroy(mine);
}

static void check(job *j) {
    current = j;
    for (int run = 0; run < RUNS; run++)
        for (int i = 0; j->outputs[i]; i++) memset(j->got[run][i], 0xff, sizeof(float) * TOKENS * HIDDEN);
    run_well(j->shard.tensor * j->shard.pipeline, be_a_rank);
    for (int run = 0; run < RUNS; run++)
        for (int i = 0; j->outputs[i]; i++)
            if (memcmp(j->got[run][i], j->want[run][i], sizeof(float) * (size_t)sizes[run] * HIDDEN) != 0)
                fail_msg("%d x %d ranks, %s, two shots from %lld bytes%s%s: %s of run %d differs", j->shard.tensor,
                         j->shard.pipeline, hd_executor_kind_name(j->kind), (long long)j->shard.two_shot,
                         j->shard.streamed ? ", streamed" : "", j->shard.messages ? ", messages" : "", j->outputs[i], run);
}

static void begin(job *j, hd_graph *(*build)(weights *), weights *w, const char *const *outputs) {
    hd_graph *whole = build(w);
    *j = (job){.whole = whole, .w = w, .outputs = outputs, .kind = HD_EXECUTOR_SERIAL, .threads = 1};
    for (int run = 0; run < RUNS; run++)
        for (int i = 0; i < 2; i++) {
            j->want[run][i] = calloc(TOKENS * HIDDEN, sizeof(float));
            j->got[run][i] = calloc(TOKENS * HIDDEN, sizeof(float));
            assert_true(j->want[run][i] && j->got[run][i]);
        }
    run_plan(j, whole, NULL, j->want);
}

static void end(job *j, weights *w) {
    for (int run = 0; run < RUNS; run++)
        for (int i = 0; i < 2; i++) {
            free(j->want[run][i]);
            free(j->got[run][i]);
        }
    hd_graph_destroy((hd_graph *)(uintptr_t)j->whole);
    forget(w);
}

/* ---- tests ---- */

/* How the ranks' memory is carried: in place, streamed, as messages in one piece and in two; with norms of their own. */
static const hd_shard carried[] = {
    {.rank = 0},
    {.streamed = true},
    {.messages = true},
    {.messages = true, .chunks = 2, .separate_norms = true},
    {.separate_norms = true},
};

static void sums_have_the_same_bits(void **state) {
    static const int32_t ranks[][2] = {{2, 1}, {4, 1}, {8, 1}, {2, 2}, {4, 2}, {2, 3}};
    static const int64_t ways[] = {0, LIMIT, 1};
    static const char *const outputs[] = {"x", "y", NULL};
    static const hd_executor_kind kinds[] = {HD_EXECUTOR_SERIAL, HD_EXECUTOR_THREADS, HD_EXECUTOR_TASKS, HD_EXECUTOR_STREAM};
    weights w = {.n = 0};
    job j;
    int n = 0;
    (void)state;
    begin(&j, layers, &w, outputs);
    for (size_t r = 0; r < sizeof ranks / sizeof *ranks; r++)
        for (size_t c = 0; c < sizeof carried / sizeof *carried; c++)
            for (size_t i = 0; i < sizeof ways / sizeof *ways; i++, n++) {
                j.shard = carried[c];
                j.shard.outputs_everywhere = true;
                j.shard.tensor = ranks[r][0];
                j.shard.pipeline = ranks[r][1];
                j.shard.two_shot = ways[i];
                j.kind = kinds[n % 4];
                j.threads = 1 + n % 3 / 2;
                check(&j);
            }
    printf("%d sets of plans, %d runs each\n", n, RUNS);
    end(&j, &w);
}

/* All-to-all: nothing is gathered, the pieces travel. */
static void values_are_cut_anew(void **state) {
    static const char *const outputs[] = {"sum", "by_b", NULL};
    static const hd_executor_kind kinds[] = {HD_EXECUTOR_SERIAL, HD_EXECUTOR_THREADS, HD_EXECUTOR_TASKS};
    weights w = {.n = 0};
    job j;
    int n = 0;
    (void)state;
    begin(&j, crossed, &w, outputs);
    for (int32_t tensor = 2; tensor <= 8; tensor *= 2)
        for (size_t c = 0; c < sizeof carried / sizeof *carried; c++, n++) {
            j.shard = carried[c];
            j.shard.outputs_everywhere = true;
            j.shard.tensor = tensor;
            j.shard.pipeline = 1;
            j.shard.two_shot = n % 2 ? LIMIT : 0;
            j.kind = kinds[n % 3];
            j.threads = 1 + n % 2;
            check(&j);
        }
    end(&j, &w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_have_the_same_bits),
        cmocka_unit_test(values_are_cut_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
