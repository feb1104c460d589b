/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle bench` in parts: the options, the samples of a setting (one sample is a run of a fresh engine), where the time of a
 * traced run went, and how all that is shown. */
#ifndef HDI_CLI_BENCH_H
#define HDI_CLI_BENCH_H

#include "cli/options.h"
#include "cli/ranks.h"
#include "cli/trace.h"

enum { BENCH_MAX_SAMPLES = 100 };

typedef struct bench_options {
    const char *model, *device_name, *executor_name, *weights, *kv_type;
    cli_ints prompts, sequences, threads;
    int64_t tokens, repetitions, batch;
    bool steps, json, quiet;
    cli_ranks ranks;
    cli_trace trace;
    /* from the texts */
    const hd_device *device;  /* rank 0's; NULL: the CPU */
    hd_engine_options engine; /* its executor and kv_dtype */
} bench_options;

typedef struct bench_sample {
    double prefill_rate, decode_rate; /* tokens a second, of all sequences together */
    double read_rate;                 /* bytes of weights and KV cache a second while decoding */
    double limit;                     /* what the same threads read from memory, or the device copies, before and after: mean */
} bench_sample;

/* Where the time of one more run went, which was traced. */
typedef struct bench_steps {
    hd_trace_kind *kinds; /* NULL: no run was traced */
    size_t count;
    double seconds[HD_TRACE_PHASE_COUNT]; /* of all steps of a phase, as the engine counts them */
    double flop_limit;                    /* measured; 0: not known for this device */
} bench_steps;

typedef struct bench_setting {
    int64_t prompt, sequences, threads; /* as asked: threads may be 0 */
    int32_t used_threads;
    hd_executor_kind executor; /* that ran it */
    int32_t count;
    bench_sample samples[BENCH_MAX_SAMPLES];
    bench_steps steps;
    char left_out[512]; /* why it could not be measured: memory, usually the cache's; "" when it was */
} bench_setting;

typedef struct bench_result {
    const char *folder;
    hd_model_info info;
    bench_setting *settings;
    size_t count;
    uint64_t lost; /* spans that the trace had no room for */
    bool stepped;  /* graphs were traced step by step */
} bench_result;

/* Parses the command line and what its texts name. -1 to go on, else the exit code. */
int bench_parse(int argc, char **argv, bench_options *options);

/* One sample of a setting; one that the memory has no room for is marked as left out. Gives an exit code. `state`: of the random
 * prompts. */
int bench_sample_setting(hd_model *model, const bench_options *options, bench_setting *setting, uint64_t *state);
/* One more run, into the trace. */
int bench_trace_setting(hd_model *model, const bench_options *options, bench_setting *setting, hd_trace *trace, uint64_t *state);

/* On standard output; both give the exit code. */
int bench_print_table(const bench_result *result);
int bench_print_json(const bench_result *result);
/* The steps of a setting, as tables or as members of its object. */
void bench_print_steps(FILE *to, const bench_setting *setting, double limit);
void bench_print_steps_json(FILE *to, const bench_setting *setting);

/* The median of what the samples read at most: bytes a second. */
double bench_limit(const bench_setting *setting);

#endif
