/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/bench.h"
#include "cli/load.h"

enum { MAX_ROWS = 24 };

static size_t make_table(bench_options *o, cli_option table[MAX_ROWS]) {
    const cli_option rows[] = {
        {CLI_HEADING, .help = "options"},
        {CLI_STRING, 'm', "model", "FOLDER", &o->model,
         .help = "a Hugging Face folder; default: $HEDDLE_MODEL, else the bundled model"},
        {CLI_INTS, 'p', "prompt", "N,N", &o->prompts, 1, 1e6, .help = "prompt lengths in tokens (16,128)"},
        {CLI_INT, 'n', "tokens", "N", &o->tokens, 0, 1e6, .help = "tokens to decode behind each prompt; 0: prefill only (32)"},
        {CLI_INTS, 0, "sequences", "N,N", &o->sequences, 1, 4096,
         .help = "how many prompts at once; rates are of all together (1)"},
        {CLI_INTS, 't', "threads", "N,N", &o->threads, 0, 1024,
         .help = "numbers of threads; 0: one a core that this process may use (0)"},
        {CLI_STRING, 0, "device", "NAME", &o->device_name,
         .help = "cpu, cuda, cuda:1, maca ...: where the model lies and runs (cpu)"},
        {CLI_STRING, 0, "executor", "KIND", &o->executor_name,
         .help = "serial, threads, tasks, stream, graph or persistent (threads; on devices graph where there is one)"},
        {CLI_INT, 'r', "repetitions", "N", &o->repetitions, 1, BENCH_MAX_SAMPLES, .help = "samples of each setting (5)"},
        {CLI_STRING, 0, "weights", "TYPE", &o->weights, .help = "as-is, f32, f16, bf16, q8 or q4 (as-is)"},
        CLI_RANKS_ROWS(&o->ranks),
        {CLI_STRING, 0, "kv-type", "TYPE", &o->kv_type, .help = "f32, f16 or bf16 (by the weights' type)"},
        {CLI_INT, 0, "batch", "N", &o->batch, 0, 1 << 16,
         .help = "tokens of the prompts in one step; 0: 512, on a GPU 2048, over stages 64 (0)"},
        {CLI_FLAG, 0, "steps", NULL, &o->steps,
         .help = "trace one more run of each setting and show which steps its time went to, beside the limits"},
        CLI_TRACE_ROWS(&o->trace, "that run"),
        {CLI_FLAG, 0, "json", NULL, &o->json, .help = "one JSON object with every sample instead of the table"},
        {CLI_FLAG, 'q', "quiet", NULL, &o->quiet, .help = "no progress and no notes on standard error"},
    };
    _Static_assert(CLI_COUNT(rows) <= MAX_ROWS, "the table is full");
    for (size_t i = 0; i < CLI_COUNT(rows); i++) table[i] = rows[i];
    return CLI_COUNT(rows);
}

static void set_defaults(bench_options *o) {
    *o = (bench_options){.tokens = 32, .repetitions = 5};
    o->prompts = (cli_ints){.items = {16, 128}, .count = 2};
    o->sequences = (cli_ints){.items = {1}, .count = 1};
    o->threads = (cli_ints){.items = {0}, .count = 1};
    hd_engine_options_init(&o->engine);
}

void cli_bench_help(FILE *to) {
    bench_options options;
    cli_option table[MAX_ROWS];
    set_defaults(&options);
    fprintf(to, "heddle bench: measure prefill and decode beside the machine's limit\n\n"
                "usage: heddle bench [-m FOLDER] [-p N,N] [-n N] [--sequences N,N] [-t N,N] [-r N]\n\n"
                "Random tokens are prefilled and then continued greedily. For decode, the bytes of weights and cache that each\n"
                "token reads are set against the rate at which the same threads just read memory, or at which the device copies\n"
                "within its own. A model that fits into the caches can show more than 100 %%.\n");
    cli_print_options(to, table, make_table(&options, table));
    fprintf(to, "\nexamples\n"
                "  heddle bench -m Qwen2.5-1.5B -p 16,512 -n 64 -t 1,2,4\n"
                "  heddle bench -m Qwen2.5-1.5B --weights q4 --json > q4.json\n"
                "  heddle bench -m Qwen2.5-1.5B -p 128 --device cuda --sequences 1,64\n"
                "  heddle bench -m Qwen2.5-1.5B -p 128 --steps --trace bench.json\n"
                "  heddle bench -m Qwen2.5-1.5B -p 128 --tp 2 --trace-svg bench.svg\n");
}

int bench_parse(int argc, char **argv, bench_options *o) {
    cli_option table[MAX_ROWS];
    set_defaults(o);
    int code = cli_parse(table, make_table(o, table), cli_bench_help, argc, argv);
    if (code >= 0) return code;
    code = cli_trace_parsed(&o->trace);
    if (code == EXIT_OK) code = cli_parse_kv_type(o->kv_type, &o->engine.kv_dtype);
    if (code == EXIT_OK) code = cli_parse_executor(o->executor_name, &o->engine.executor);
    if (code == EXIT_OK) code = cli_parse_device(o->device_name, &o->device);
    return code == EXIT_OK ? -1 : code;
}
