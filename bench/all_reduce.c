/* SPDX-License-Identifier: Apache-2.0 */
/* An all-reduce between local ranks, as processes: all_reduce serial|threads|tasks|raw|copies|two-shot [RANKS].
 *
 * A plan holds EXCHANGES all-reduces, one behind the other: a step copies the last sum into the segment, another adds the parts
 * of all ranks. The figure is the run's time by their number, the copy, all steps, waits and the run's begin and end counted in.
 * raw: the same from the calls of comm.h and the kernels, without a plan. copies: a plan of the copies alone, which is what steps
 * cost. two-shot: as the serial executor runs what compile/passes/shard_sum.c makes for sums of many bytes. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "all_reduce.h"
#include "base/cpu_features.h"
#include "base/memory.h"
#include "graph/exchange.h"
#include "heddle/comm.h"
#include "heddle/compile.h"
#include "kernels/concat/concat.h"
#include "kernels/reduce/reduce.h"

enum { ROW = 1024, BUFFERS = 2 };

static void must(hd_status status) {
    if (status == HD_OK) return;
    fprintf(stderr, "all_reduce: %s\n", hd_last_error());
    exit(1);
}

static hd_dim *shape_of(size_t bytes, hd_dim *shape) {
    size_t n = bytes / sizeof(float), row = n % ROW ? n : ROW;
    shape[0] = (hd_dim)(n / row);
    shape[1] = (hd_dim)row;
    return shape;
}

/* One all-reduce: number `i` of the run. */
static hd_value all_reduce(hd_graph *g, hd_value x, int i, size_t bytes, int rank, int ranks, bool copies) {
    hd_value copy[HDI_NODE_OUTPUTS] = {0}, sum[HDI_NODE_OUTPUTS] = {0}, in[HDI_REDUCE_WEIGHT] = {0};
    hd_dim shape[2];
    uint64_t others = ((1ull << ranks) - 1) & ~(1ull << rank),
             place = (uint64_t)(i % BUFFERS) * hdi_align_up(bytes, HDI_CACHE_LINE);
    hdi_graph_node(g, &hdi_op_concat, &x, 1, &(hdi_concat_attr){.parts = 1, .streamed = !copies}, copy);
    if (copies) return copy[0];
    uint32_t event = hdi_graph_event(g, "part", 1);
    hdi_graph_publish(g, copy[0], event, place, others);
    for (int r = 0; r < ranks; r++) {
        if (r != rank && i < BUFFERS) hdi_graph_guard(g, copy[0], HDI_EVENT_END, r, 1);
        in[r] = r == rank ? x : hdi_graph_remote(g, r, event, place, HD_DTYPE_F32, 2, shape_of(bytes, shape));
    }
    hdi_graph_node(g, &hdi_op_reduce, in, HDI_REDUCE_WEIGHT, &(hdi_reduce_attr){.parts = ranks}, sum);
    return sum[0];
}

static uint64_t piece_place(size_t bytes, int i, int ranks, int piece) {
    return (uint64_t)(i % BUFFERS) * hdi_align_up(bytes, HDI_CACHE_LINE) + (uint64_t)piece * bytes / (uint64_t)ranks;
}

/* Copies columns `piece` of `x` (all of it: -1) to the segment, for `readers`. */
static void tell(hd_graph *g, hd_value x, int piece, int ranks, uint32_t event, uint64_t place, uint64_t readers, bool guarded) {
    hd_value copy[HDI_NODE_OUTPUTS] = {0};
    int64_t n = g->values[x].type.dim[1] / ranks;
    hd_value from = piece < 0 ? x : hd_graph_slice(g, x, 1, piece * n, (piece + 1) * n);
    hdi_graph_node(g, &hdi_op_concat, &from, 1, &(hdi_concat_attr){.parts = 1, .streamed = 1}, copy);
    hdi_graph_publish(g, copy[0], event, place, readers);
    for (int r = 0; guarded && r < g->ranks; r++)
        if (r != g->rank) hdi_graph_guard(g, copy[0], HDI_EVENT_END, r, 1);
}

/* The same in two shots: each rank adds its columns of all parts, and reads the others' sums of theirs. */
static hd_value all_reduce_two(hd_graph *g, hd_value x, int i, size_t bytes, int rank, int ranks) {
    hd_value sum[HDI_NODE_OUTPUTS] = {0}, y[HDI_NODE_OUTPUTS] = {0}, in[HDI_REDUCE_WEIGHT] = {0}, all[HDI_CONCAT_PARTS] = {0};
    hd_dim shape[2];
    shape_of(bytes, shape);
    shape[1] /= ranks;
    uint32_t pieces = hdi_graph_event(g, "pieces", 1);
    for (int r = 1; r < ranks; r++) (void)hdi_graph_event(g, "pieces", 1);
    uint32_t sums = hdi_graph_event(g, "sums", 1);
    for (int r = 0; r < ranks; r++)
        if (r != rank) tell(g, x, r, ranks, pieces + (uint32_t)r, piece_place(bytes, i, ranks, r), 1ull << r, i < BUFFERS);
    for (int r = 0; r < ranks; r++)
        in[r] = r == rank
                    ? hd_graph_slice(g, x, 1, rank * shape[1], (rank + 1) * shape[1])
                    : hdi_graph_remote(g, r, pieces + (uint32_t)rank, piece_place(bytes, i, ranks, rank), HD_DTYPE_F32, 2, shape);
    hdi_graph_node(g, &hdi_op_reduce, in, HDI_REDUCE_WEIGHT, &(hdi_reduce_attr){.parts = ranks}, sum);
    uint64_t place = BUFFERS * hdi_align_up(bytes, HDI_CACHE_LINE);
    tell(g, sum[0], -1, ranks, sums, place, ((1ull << ranks) - 1) & ~(1ull << rank), false);
    for (int r = 0; r < ranks; r++) all[r] = r == rank ? sum[0] : hdi_graph_remote(g, r, sums, place, HD_DTYPE_F32, 2, shape);
    hdi_graph_node(g, &hdi_op_concat, all, HDI_CONCAT_PARTS, &(hdi_concat_attr){.parts = ranks}, y);
    return y[0];
}

typedef enum way { ONE_SHOT, TWO_SHOT, COPIES } way;

static hd_plan *plan_of(size_t bytes, int rank, int ranks, way how) {
    bool copies = how == COPIES;
    hd_graph *g;
    hd_plan *plan;
    hd_dim shape[2];
    must(hd_graph_create(&g));
    if (!copies) {
        hdi_graph_set_ranks(g, rank, ranks);
        hdi_graph_end(g, ((1ull << ranks) - 1) & ~(1ull << rank));
    }
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape_of(bytes, shape));
    for (int i = 0; i < EXCHANGES; i++)
        x = how == TWO_SHOT ? all_reduce_two(g, x, i, bytes, rank, ranks) : all_reduce(g, x, i, bytes, rank, ranks, copies);
    hd_graph_output(g, "y", x);
    must(hd_graph_status(g));
    must(hd_compile(g, &plan));
    hd_graph_destroy(g);
    return plan;
}

/* Each sum is `ranks` times the last one. */
static void check(const float *y, size_t bytes, int ranks, bool copies) {
    float expected = 1;
    for (int i = 0; i < EXCHANGES && !copies; i++) expected *= (float)ranks;
    for (size_t i = 0; i < bytes / sizeof *y; i++)
        if (y[i] != expected) {
            fprintf(stderr, "all_reduce: element %zu of %zu bytes is %g, not %g\n", i, bytes, (double)y[i], (double)expected);
            exit(1);
        }
}

typedef struct bench {
    hd_domain *domain;
    int rank, ranks;
    size_t bytes;
    hd_executor *executor; /* NULL: raw */
    hd_window *window;     /* of raw */
    uint64_t run;          /* of raw */
    float *x, *y;
} bench;

static hdi_operand matrix(size_t bytes, void *data) {
    hd_dim shape[2];
    shape_of(bytes, shape);
    return (hdi_operand){.data = data, .shape = {shape[0], shape[1]}, .stride = {shape[1], 1}, .dtype = HD_DTYPE_F32, .rank = 2};
}

static void call(hdi_kernel_id id, hdi_operand *operands, int32_t n, const void *attr) {
    hdi_kernel_call c = {.operand = operands, .attr = attr, .n_operands = n};
    hdi_kernel_work work;
    hdi_kernel_work_of(id)(&c, &work);
    hdi_kernel_get(id)(&c, 0, work.items, NULL);
}

/* The same as a plan does, by hand: signals 0 and 1 are the buffers' and rise by one with each use. Who has read all parts of an
 * exchange knows that the others have read his of the one before, so two buffers need no other signal. */
static void run_raw(bench *b) {
    for (int i = 0; i < EXCHANGES; i++) {
        uint32_t buffer = (uint32_t)i % BUFFERS;
        size_t place = buffer * b->bytes;
        uint64_t turn = b->run * (EXCHANGES / BUFFERS) + (uint64_t)(i / BUFFERS) + 1;
        hdi_operand mine = matrix(b->bytes, i ? b->y : b->x), sum[1 + HDI_REDUCE_WEIGHT] = {matrix(b->bytes, b->y)};
        hdi_operand copy[1 + HDI_CONCAT_PARTS] = {matrix(b->bytes, (char *)hd_window_segment(b->window, b->rank) + place), mine};
        call(HDI_KERNEL_concat_b4, copy, 1 + HDI_CONCAT_PARTS, &(hdi_concat_attr){.parts = 1, .streamed = 1});
        for (int r = 0; r < b->ranks; r++)
            if (r != b->rank) must(hd_put_signal(b->window, r, place, b->bytes, buffer, turn));
        for (int r = 0; r < b->ranks; r++) {
            if (r != b->rank) must(hd_signal_wait(b->window, r, buffer, turn, NULL));
            sum[1 + r] = r == b->rank ? mine : matrix(b->bytes, (char *)hd_window_segment(b->window, r) + place);
        }
        call(HDI_KERNEL_reduce_f32, sum, 1 + HDI_REDUCE_WEIGHT, &(hdi_reduce_attr){.parts = b->ranks});
    }
    b->run++;
}

static double sample(bench *b) {
    int runs = runs_of(b->bytes);
    must(hd_domain_barrier(b->domain));
    double begin = now_ns();
    for (int i = 0; i < runs; i++) {
        if (b->executor)
            must(hd_executor_run(b->executor));
        else
            run_raw(b);
    }
    return (now_ns() - begin) / runs / EXCHANGES;
}

static void measure(bench *b, const char *mode) {
    double samples[SAMPLES];
    bool copies = strcmp(mode, "copies") == 0, raw = strcmp(mode, "raw") == 0;
    hd_plan *plan = NULL;
    if (raw) {
        must(hd_window_create(b->domain, NULL, BUFFERS * b->bytes, BUFFERS, &b->window));
        b->run = 0;
    } else {
        hd_executor_options how = {.kind = HD_EXECUTOR_SERIAL, .threads = 1, .domain = copies ? NULL : b->domain};
        void *y;
        bool two = strcmp(mode, "two-shot") == 0;
        if (!copies && !two && !hd_executor_kind_parse(mode, &how.kind)) exit(2);
        plan = plan_of(b->bytes, b->rank, b->ranks, copies ? COPIES : two ? TWO_SHOT : ONE_SHOT);
        must(hd_executor_create(plan, &how, &b->executor));
        must(hd_executor_bind(b->executor, "x", b->x, b->bytes));
        must(hd_executor_output(b->executor, "y", &y));
        b->y = y;
    }
    sample(b);
    for (int s = 0; s < SAMPLES; s++) {
        alone(1);
        samples[s] = sample(b);
        alone(0);
    }
    check(b->y, b->bytes, b->ranks, copies);
    if (b->rank == 0) report(b->bytes, samples);
    must(hd_domain_barrier(b->domain));
    hd_executor_destroy(b->executor);
    b->executor = NULL;
    hd_plan_destroy(plan);
    hd_window_destroy(b->window);
    b->window = NULL;
}

static int live(const char *name, const char *mode, int rank, int ranks) {
    bench b = {.rank = rank, .ranks = ranks};
    float *y = aligned_alloc(4096, LARGEST);
    b.x = aligned_alloc(4096, LARGEST);
    if (!b.x || !y) return 1;
    for (size_t i = 0; i < LARGEST / sizeof *b.x; i++) b.x[i] = y[i] = 1;
    pin(rank % hdi_cpu_count());
    must(hd_domain_create(&(hd_domain_options){.name = name, .rank = rank, .ranks = ranks}, &b.domain));
    for (b.bytes = SMALLEST; b.bytes <= LARGEST; b.bytes = next_size(b.bytes)) {
        b.y = y;
        measure(&b, mode);
    }
    hd_domain_destroy(b.domain);
    free(b.x);
    free(y);
    return 0;
}

int main(int argc, char **argv) {
    char name[64];
    int ranks = argc > 2 ? atoi(argv[2]) : 2, failed = 0, ended;
    if (argc < 2 || ranks < 2 || ranks > HDI_REDUCE_PARTS) {
        fprintf(stderr, "usage: all_reduce serial|threads|tasks|raw|copies|two-shot [RANKS]\n");
        return 2;
    }
    hd_domain_fresh_name(name, sizeof name);
    for (int rank = 1; rank < ranks; rank++)
        if (fork() == 0) return live(name, argv[1], rank, ranks);
    failed = live(name, argv[1], 0, ranks);
    while (wait(&ended) > 0) failed |= ended != 0;
    return failed;
}
