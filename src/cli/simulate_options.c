/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/simulate.h"

enum { MAX_OPTIONS = 40 };

static size_t make_table(simulate_options *o, cli_option table[MAX_OPTIONS]) {
    const cli_option rows[] = {
        {CLI_HEADING, .help = "what is simulated"},
        {CLI_STRING, 's', "shape", "NAME", &o->shape,
         .help = "sizes by name: llama7b, llama8b, llama70b, llama405b, qwen0.5b, qwen1.5b (llama70b)"},
        {CLI_STRING, 'm', "model", "FOLDER", &o->model, .help = "sizes from a folder's config.json; no weights are needed"},
        {CLI_INTS, 0, "tensor", "N,N", &o->tensor, 1, 8, .help = "ranks that share each layer: 1, 2, 4, 8 (8)"},
        {CLI_INTS, 0, "pipeline", "N,N", &o->pipeline, 1, 4096, .help = "stages (1)"},
        {CLI_INT, 0, "layers", "N", &o->layers, 0, 4096, .help = "another number of layers; 0: the shape's (0)"},
        {CLI_INT, 0, "layers-a-stage", "N", &o->layers_a_stage, 0, 4096,
         .help = "a model that deepens with the stages instead; 0: it does not (0)"},
        {CLI_INTS, 'n', "tokens", "N,N", &o->tokens, 1, 1 << 20,
         .help = "new tokens of each sequence in a run: 1 decodes, more is a prompt (1)"},
        {CLI_INT, 0, "sequences", "N", &o->sequences, 1, 4096, .help = "sequences in a run (1)"},
        {CLI_INT, 0, "context", "N", &o->context, 0, 1 << 20, .help = "tokens of each that are in the cache (1024)"},
        {CLI_INT, 0, "chunks", "N", &o->chunks, 1, 64, .help = "pieces that partial sums of many rows are told in (4)"},
        {CLI_INT, 0, "two-shot", "BYTES", &o->two_shot, -1, 1ll << 40,
         .help = "sums of so many bytes are made in two shots; 0: what suits the ranks, -1: none (0)"},
        {CLI_INT, 0, "runs", "N", &o->runs, 2, 1000, .help = "runs behind each other, for the rate of filled stages (8)"},
        {CLI_FLAG, 0, "all-reduce", NULL, &o->all_reduce, .help = "all-reduces by themselves, in stages of up to 8 ranks"},
        {CLI_INTS, 0, "ranks", "N,N", &o->ranks, 2, 4096, .help = "their ranks (8,64,512,4096)"},
        {CLI_INTS, 0, "bytes", "N,N", &o->bytes, 4, 1 << 30, .help = "and bytes (8192,131072,1048576)"},
        {CLI_HEADING, .help = "the machine"},
        {CLI_NUMBER, 0, "memory", "GB/S", &o->memory, 1e-3, 1e6, .help = "bytes a rank moves (2500)"},
        {CLI_NUMBER, 0, "compute", "TFLOP/S", &o->compute, 1e-6, 1e6, .help = "operations of its products (400)"},
        {CLI_NUMBER, 0, "step", "US", &o->step, 0, 1e6, .help = "what a step takes however small it is (3)"},
        {CLI_INT, 0, "per-machine", "N", &o->per_machine, 0, 4096, .help = "ranks a machine; 0: all are in one (8)"},
        {CLI_NUMBER, 0, "latency", "US", &o->latency, 0, 1e6, .help = "of a link within a machine (1)"},
        {CLI_NUMBER, 0, "overhead", "US", &o->overhead, 0, 1e6, .help = "of a message, for sender and receiver (0.2)"},
        {CLI_NUMBER, 0, "gap", "US", &o->gap, 0, 1e6, .help = "between messages of one port (0.2)"},
        {CLI_NUMBER, 0, "rate", "GB/S", &o->rate, 1e-3, 1e6, .help = "of a port (350)"},
        {CLI_NUMBER, 0, "far-latency", "US", &o->far_latency, 0, 1e6, .help = "the same between machines (4)"},
        {CLI_NUMBER, 0, "far-overhead", "US", &o->far_overhead, 0, 1e6, .help = "(0.5)"},
        {CLI_NUMBER, 0, "far-gap", "US", &o->far_gap, 0, 1e6, .help = "(0.5)"},
        {CLI_NUMBER, 0, "far-rate", "GB/S", &o->far_rate, 1e-3, 1e6, .help = "(45)"},
        {CLI_INT, 0, "workers", "N", &o->workers, 1, 1024,
         .help = "steps of a rank at once; 1: in the plan's order, waits hold up what follows (1)"},
        {CLI_FLAG, 0, "rotate", NULL, &o->rotate, .help = "ranks tell the others from the next one on, not from rank 0 on"},
        {CLI_HEADING, .help = "calibration"},
        {CLI_FLAG, 0, "calibrate", NULL, &o->calibrate,
         .help = "measure this machine with a model (-m; default: the bundled one) and show how well runs are predicted"},
        {CLI_INT, 'r', "repetitions", "N", &o->repetitions, 1, 1000, .help = "rounds over all runs (20)"},
        {CLI_HEADING, .help = "output"},
        {CLI_FLAG, 0, "path", NULL, &o->path, .help = "name the steps of the critical path of each run"},
        {CLI_STRING, 0, "svg", "FILE", &o->svg, .help = "draw the results over the number of ranks"},
        {CLI_FLAG, 0, "json", NULL, &o->json, .help = "one JSON object instead of the table"},
    };
    _Static_assert(CLI_COUNT(rows) <= MAX_OPTIONS, "the table is full");
    for (size_t i = 0; i < CLI_COUNT(rows); i++) table[i] = rows[i];
    return CLI_COUNT(rows);
}

static void set_defaults(simulate_options *o) {
    *o = (simulate_options){.sequences = 1,
                            .context = 1024,
                            .chunks = 4,
                            .runs = 8,
                            .per_machine = 8,
                            .workers = 1,
                            .repetitions = 20,
                            .memory = 2500,
                            .compute = 400,
                            .step = 3,
                            .latency = 1,
                            .overhead = 0.2,
                            .gap = 0.2,
                            .rate = 350,
                            .far_latency = 4,
                            .far_overhead = 0.5,
                            .far_gap = 0.5,
                            .far_rate = 45};
    o->tensor = (cli_ints){.items = {8}, .count = 1};
    o->pipeline = (cli_ints){.items = {1}, .count = 1};
    o->tokens = (cli_ints){.items = {1}, .count = 1};
    o->ranks = (cli_ints){.items = {8, 64, 512, 4096}, .count = 4};
    o->bytes = (cli_ints){.items = {8192, 131072, 1048576}, .count = 3};
}

void cli_simulate_help(FILE *to) {
    simulate_options options;
    cli_option table[MAX_OPTIONS];
    set_defaults(&options);
    fprintf(to, "heddle simulate: the plans of many ranks with costs in place of kernels\n\n"
                "usage: heddle simulate [OPTIONS]\n");
    cli_print_options(to, table, make_table(&options, table));
    fprintf(to, "\nThe machine is what you say it is: the defaults stand for accelerators with 2.5 TB/s of memory and 400 "
                "TFLOP/s, eight\n"
                "of them with 350 GB/s ports in a machine, and a 400 Gbit/s network port for each between machines.\n"
                "\nexamples\n"
                "  heddle simulate --shape llama70b --tensor 8 --pipeline 1,2,4,8,16,40,80\n"
                "  heddle simulate --shape llama70b --pipeline 64,512 --layers-a-stage 1 --svg scaling.svg\n"
                "  heddle simulate --all-reduce --ranks 8,64,4096 --bytes 8192,1048576\n"
                "  heddle simulate --calibrate\n");
}

static int check(const simulate_options *o) {
    if (o->model && o->shape) return cli_usage("--model and --shape both give the sizes");
    for (size_t i = 0; i < o->tensor.count; i++)
        if (8 % o->tensor.items[i]) return cli_usage("--tensor %d: it must be 1, 2, 4 or 8", (int)o->tensor.items[i]);
    if (o->tensor.count * o->pipeline.count * o->tokens.count > SIMULATE_MAX_ROWS ||
        o->ranks.count * o->bytes.count > SIMULATE_MAX_ROWS)
        return cli_usage("more than %d simulations at once", SIMULATE_MAX_ROWS);
    return -1;
}

int simulate_parse(int argc, char **argv, simulate_options *out) {
    cli_option table[MAX_OPTIONS];
    set_defaults(out);
    int code = cli_parse(table, make_table(out, table), cli_simulate_help, argc, argv);
    return code >= 0 ? code : check(out);
}

static hd_sim_link make_link(double latency, double overhead, double gap, double rate) {
    return (hd_sim_link){latency * 1e-6, overhead * 1e-6, gap * 1e-6, 1e-9 / rate};
}

void simulate_machine(const simulate_options *o, hd_sim_machine *out) {
    *out = (hd_sim_machine){.inside = make_link(o->latency, o->overhead, o->gap, o->rate),
                            .between = make_link(o->far_latency, o->far_overhead, o->far_gap, o->far_rate),
                            .ranks_per_machine = (int32_t)o->per_machine,
                            .workers = (int32_t)o->workers,
                            .rotate = o->rotate};
    for (int k = 0; k < HD_SIM_CLASS_COUNT; k++)
        out->rates[k] = (hd_sim_rates){o->step * 1e-6, 1e-9 / o->memory, 1e-12 / o->compute};
}
