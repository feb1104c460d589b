/* SPDX-License-Identifier: Apache-2.0 */
/* The samples of `heddle bench` (bench.c) and how they are shown (bench_report.c). */
#ifndef HDI_CLI_BENCH_H
#define HDI_CLI_BENCH_H

#include "cli/cli.h"
#include "heddle/engine.h"

enum { BENCH_MAX_SAMPLES = 100 };

typedef struct bench_sample {
    double prefill_rate, decode_rate; /* tokens a second */
    double read_rate;                 /* bytes of weights and KV cache a second while decoding */
    double limit;                     /* what the same threads read from memory, or the device copies, before and after: mean */
} bench_sample;

typedef struct bench_setting {
    int64_t prompt, threads; /* as asked: threads may be 0 */
    int32_t used_threads;
    int32_t count;
    bench_sample samples[BENCH_MAX_SAMPLES];
} bench_setting;

/* On standard output; both give the exit code. */
int bench_print_table(const char *folder, const hd_model *model, int64_t sequences, const bench_setting *settings, size_t count);
int bench_print_json(const char *folder, const hd_model *model, int64_t sequences, const bench_setting *settings, size_t count);

#endif
