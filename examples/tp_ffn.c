/* SPDX-License-Identifier: Apache-2.0 */
/* One request over several ranks: tp_ffn --ranks N makes N processes that share a feed-forward network, and compares what they
 * answer with one process that does it alone, bit for bit. docs/ranks.md goes through it step by step.
 *
 *   cc tp_ffn.c -o tp_ffn $(pkg-config --cflags --libs heddle) */
#include <heddle/compile.h>
#include <heddle/trace.h>

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRY(call)                                   \
    do {                                            \
        hd_status try_status = (call);              \
        if (try_status != HD_OK) return try_status; \
    } while (0)

enum { HIDDEN = 320, K = 1000, INNER = 1004, TOKENS = 8, CHECKED = 16, TIMED = 50 };

static struct {
    int ranks, threads, kill;
    bool print;
    const char *trace;
    hd_executor_kind executor;
} options = {.ranks = 2, .threads = 1, .kill = -1, .executor = HD_EXECUTOR_TASKS};

/* The matrices, and the dim along which ranks share each: 0 gives a rank some columns of the product, 1 a partial sum. */
typedef struct matrix {
    const char *name;
    int64_t rows, cols;
    int32_t cut;
} matrix;
enum { SPREAD, COLLECT, GATE, UP, DOWN, MATRICES };
static const matrix matrices[MATRICES] = {
    {"spread", K, HIDDEN, 0}, {"collect", HIDDEN, K, 1},  {"gate", INNER, HIDDEN, 0},
    {"up", INNER, HIDDEN, 0}, {"down", HIDDEN, INNER, 1},
};

/* Number `i` of sequence `seed`, between -1 and 1: ranks make the same model without telling each other a weight. */
static float number(uint64_t seed, uint64_t i) {
    uint64_t z = (seed << 40) + i * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (float)(int32_t)(z >> 32) * 0x1p-31F;
}

/* The whole network, as if for one rank: y = h + down(swiglu(gate(n), up(n))), n = norm(h), h = x + collect(gelu(spread(x))).
 * Only the placements say how ranks are to share it. k_slices 8: sums along K are those of 8 slices, added in a tree that is the
 * same whoever has computed them. */
static hd_graph *build(void) {
    hd_graph *g;
    hd_value w[MATRICES];
    if (hd_graph_create(&g) != HD_OK) return NULL;
    hd_dim tokens = hd_graph_symbol(g, "tokens", 1, TOKENS);
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, (hd_dim[]){tokens, HIDDEN});
    for (int i = 0; i < MATRICES; i++) {
        const matrix *m = &matrices[i];
        w[i] = hd_graph_weight(g, m->name, HD_DTYPE_F32, false, 2, (int64_t[]){m->rows, m->cols});
        hd_graph_place(g, w[i], &(hd_placement){.dim = m->cut, .unit = 1});
    }
    hd_value scale = hd_graph_weight(g, "norm", HD_DTYPE_F32, false, 1, (int64_t[]){HIDDEN});
    hd_value wide = hd_graph_gelu(g, hd_graph_linear(g, x, w[SPREAD], 0, 1), true);
    hd_value h = hd_graph_add(g, x, hd_graph_linear(g, wide, w[COLLECT], 0, 8)); /* the first all-reduce */
    hd_value n = hd_graph_rms_norm(g, h, scale, 1e-5F);
    hd_value inner = hd_graph_swiglu(g, hd_graph_linear(g, n, w[GATE], 0, 1), hd_graph_linear(g, n, w[UP], 0, 1));
    hd_graph_output(g, "y", hd_graph_add(g, h, hd_graph_linear(g, inner, w[DOWN], 0, 8))); /* the second */
    return g;
}

/* A network that can run: on one rank of several, or alone. */
typedef struct network {
    hd_plan *plan;
    hd_executor *executor;
    float *weights[MATRICES], *norm;
    float x[TOKENS * HIDDEN];
} network;

/* Fills and binds what this graph has of matrix `i`: each rank makes only its own part. */
static hd_status bind_matrix(network *net, const hd_graph *graph, int i) {
    const matrix *m = &matrices[i];
    hd_part *parts, all = {0, 0, m->rows};
    int32_t n;
    TRY(hd_graph_parts(graph, m->name, &parts, &n));
    hd_part p = n ? parts[0] : all; /* a plain cut is one stretch */
    hd_free(parts);
    int64_t r0 = p.dim == 0 ? p.begin : 0, r1 = p.dim == 0 ? p.end : m->rows, c0 = p.dim == 1 ? p.begin : 0;
    int64_t c1 = p.dim == 1 ? p.end : m->cols;
    size_t bytes = (size_t)((r1 - r0) * (c1 - c0)) * sizeof(float);
    float *at = net->weights[i] = malloc(bytes);
    if (!at) return HD_OUT_OF_MEMORY;
    for (int64_t r = r0; r < r1; r++)
        for (int64_t c = c0; c < c1; c++) *at++ = number((uint64_t)i, (uint64_t)(r * m->cols + c)) * 0.1F;
    return hd_executor_bind(net->executor, m->name, net->weights[i], bytes);
}

/* Compiles `graph` and makes its executor ready. Over ranks this is collective: executors compare all ranks' plans, so that none
 * can wait in vain, and make the window: a segment of memory a rank, which the others read where it lies, and the signals. */
static hd_status prepare(network *net, const hd_graph *graph, const hd_executor_options *how) {
    TRY(hd_compile(graph, &net->plan));
    TRY(hd_executor_create(net->plan, how, &net->executor));
    for (int i = 0; i < MATRICES; i++) TRY(bind_matrix(net, graph, i));
    net->norm = malloc(HIDDEN * sizeof(float));
    if (!net->norm) return HD_OUT_OF_MEMORY;
    for (uint64_t i = 0; i < HIDDEN; i++) net->norm[i] = 1 + number(MATRICES, i) / 4;
    TRY(hd_executor_bind(net->executor, "norm", net->norm, HIDDEN * sizeof(float)));
    return hd_executor_bind(net->executor, "x", net->x, sizeof net->x);
}

/* Submits the plan once with inputs of their own: all of its steps, without a word from the host in between. */
static hd_status submit(network *net, int run, void **y) {
    for (uint64_t i = 0; i < TOKENS * HIDDEN; i++) net->x[i] = number(100 + (uint64_t)run, i);
    TRY(hd_executor_set(net->executor, "tokens", 1 + run % TOKENS));
    TRY(hd_executor_run(net->executor));
    TRY(hd_executor_synchronize(net->executor));
    return hd_executor_output(net->executor, "y", y);
}

static void reclaim(network *net) {
    hd_executor_destroy(net->executor);
    hd_plan_destroy(net->plan);
    for (int i = 0; i < MATRICES; i++) free(net->weights[i]);
    free(net->norm);
}

/* Run after run with new inputs; HD_CORRUPT when the ranks and one alone differ in a bit. */
static hd_status check(network *ours, network *alone, int rank) {
    for (int run = 0; run < CHECKED; run++) {
        void *y, *expected;
        if (rank == options.kill && run == CHECKED / 2) raise(SIGKILL);
        TRY(submit(ours, run, &y));
        TRY(submit(alone, run, &expected));
        if (memcmp(y, expected, (size_t)(1 + run % TOKENS) * HIDDEN * sizeof(float)) == 0) continue;
        fprintf(stderr, "rank %d: run %d gives other numbers than one rank alone\n", rank, run);
        return HD_CORRUPT;
    }
    return HD_OK;
}

/* Microseconds a run of one token. */
static hd_status measure(network *net, double *us) {
    struct timespec from, to;
    void *y;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int run = 0; run < TIMED; run++) TRY(submit(net, run * TOKENS, &y));
    clock_gettime(CLOCK_MONOTONIC, &to);
    *us = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 1e3 / TIMED;
    return HD_OK;
}

/* What --print and --trace ask of rank 0. */
static hd_status show(const network *net, hd_trace **trace) {
    char *text;
    if (options.trace) {
        TRY(hd_trace_create(NULL, trace));
        TRY(hd_executor_set_trace(net->executor, *trace));
    }
    if (!options.print) return HD_OK;
    TRY(hd_plan_print(net->plan, &text));
    fputs(text, stdout);
    hd_free(text);
    return HD_OK;
}

static hd_status work(hd_domain *domain, const hd_graph *whole, const hd_graph *mine, network *ours, network *alone,
                      hd_trace **trace) {
    int rank = hd_domain_rank(domain);
    double us, us_alone;
    TRY(prepare(ours, mine, &(hd_executor_options){options.executor, options.threads, NULL, domain}));
    TRY(prepare(alone, whole, &(hd_executor_options){.kind = HD_EXECUTOR_SERIAL}));
    if (rank == 0) TRY(show(ours, trace));
    TRY(check(ours, alone, rank));
    TRY(hd_domain_barrier(domain)); /* all begin to count at once */
    TRY(measure(ours, &us));
    TRY(hd_domain_barrier(domain));
    if (rank == 0) {
        TRY(measure(alone, &us_alone));
        printf("%d rank%s, %s: %d runs give the bits of one rank alone; %.1f us a run, alone %.1f us\n", options.ranks,
               options.ranks > 1 ? "s" : "", hd_executor_kind_name(options.executor), CHECKED, us, us_alone);
    }
    return *trace ? hd_trace_write(*trace, options.trace) : HD_OK;
}

/* A rank's life: it meets the others, takes its part of the graph, works, and gives everything back. */
static int live(const char *name, int rank) {
    hd_domain *domain = NULL;
    hd_graph *whole = build(), *mine = NULL;
    hd_trace *trace = NULL;
    network ours = {0}, alone = {0};
    hd_shard part = {.rank = rank, .tensor = options.ranks, .pipeline = 1, .outputs_everywhere = true, .streamed = true};
    hd_status status = hd_domain_create(&(hd_domain_options){.name = name, .rank = rank, .ranks = options.ranks}, &domain);
    if (status == HD_OK) status = whole ? hd_graph_shard(whole, &part, &mine) : HD_OUT_OF_MEMORY;
    if (status == HD_OK) status = work(domain, whole, mine, &ours, &alone, &trace);
    if (status != HD_OK) {
        fprintf(stderr, "rank %d ends: %s\n", rank, hd_last_error());
        hd_domain_abort(domain, status, hd_last_error()); /* so that nobody waits for this rank */
    }
    reclaim(&ours);
    reclaim(&alone);
    hd_trace_destroy(trace);
    hd_graph_destroy(mine);
    hd_graph_destroy(whole);
    hd_domain_destroy(domain);
    return status == HD_OK ? 0 : 1;
}

static bool parse(int argc, char **argv) {
    static const struct option names[] = {{"ranks", 1, NULL, 'r'}, {"executor", 1, NULL, 'e'}, {"threads", 1, NULL, 't'},
                                          {"kill", 1, NULL, 'k'},  {"print", 0, NULL, 'p'},    {"trace", 1, NULL, 'T'},
                                          {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'r') options.ranks = atoi(optarg);
        if (c == 't') options.threads = atoi(optarg);
        if (c == 'k') options.kill = atoi(optarg);
        if (c == 'p') options.print = true;
        if (c == 'T') options.trace = optarg;
        if (c == '?' || (c == 'e' && !hd_executor_kind_parse(optarg, &options.executor))) return false;
    }
    return optind == argc && options.ranks >= 1 && options.ranks <= 8;
}

int main(int argc, char **argv) {
    char name[64];
    if (!parse(argc, argv)) {
        fprintf(stderr,
                "usage: tp_ffn [--ranks 1|2|4|8] [--executor KIND] [--threads N] [--kill RANK] [--print] [--trace FILE]\n");
        return 2;
    }
    hd_domain_fresh_name(name, sizeof name); /* what the ranks meet under */
    for (int rank = 1; rank < options.ranks; rank++) {
        pid_t child = fork();
        if (child < 0) perror("tp_ffn: fork"); /* the others will miss it, and say so */
        if (child == 0) return live(name, rank);
    }
    int failed = live(name, 0), ended;
    while (wait(&ended) > 0) failed |= ended != 0;
    return failed;
}
