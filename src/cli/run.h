/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `heddle run`: its options (run_options.c), the loop (run.c) and what is said at the end (run_report.c). */
#ifndef HDI_CLI_RUN_H
#define HDI_CLI_RUN_H

#include "cli/options.h"
#include "cli/ranks.h"
#include "cli/sampling.h"
#include "cli/trace.h"
#include "heddle/engine.h"

typedef struct run_options {
    const char *model, *prompt, *file, *device, *executor, *weights, *kv_type;
    int64_t tokens, threads, context, batch, logprobs;
    bool add_special, show_special, ignore_eos, stats, quiet, json;
    cli_strings stop;
    cli_sampling sampling;
    cli_ranks ranks;
    cli_trace trace;
} run_options;

/* Fills in the defaults and parses; the result is cli_parse's. */
int run_parse(run_options *options, int argc, char **argv);

/* What became of a run. */
typedef struct run_result {
    const char *prompt;
    size_t prompt_size;
    size_t prompt_tokens;
    char *text; /* the continuation, kept for --json only */
    size_t text_size, text_capacity;
    int32_t *ids;
    float *logprobs;
    size_t n_ids, ids_capacity;
    hd_finish finish;
    double load_seconds;
    hd_engine_stats stats;
    bool sampled;
    uint64_t seed;
} run_result;

/* The closing line, on standard error. Measures the machine's read bandwidth (some tenths of a second). */
void run_print_stats(const run_options *options, const run_result *result);
/* The whole result as one JSON object, on standard output; gives the exit code. */
int run_print_json(const run_options *options, const run_result *result);
/* One token with its alternatives, on standard error. */
void run_print_logprobs(const hd_token *token, const hd_tokenizer *tokenizer);

#endif
