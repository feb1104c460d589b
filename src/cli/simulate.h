/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle simulate`: options, rows of results, and how they are shown. */
#ifndef HDI_CLI_SIMULATE_H
#define HDI_CLI_SIMULATE_H

#include "cli/options.h"
#include "heddle/simulate.h"

enum { SIMULATE_MAX_ROWS = 512 };

typedef struct simulate_options {
    const char *model, *shape, *svg;
    cli_ints tensor, pipeline, tokens, ranks, bytes;
    int64_t sequences, context, layers, layers_a_stage, chunks, two_shot, runs, per_machine, workers, repetitions;
    double memory, compute, step;                        /* GB/s, TFLOP/s, us */
    double latency, overhead, gap, rate;                 /* us, us, us, GB/s: inside a machine */
    double far_latency, far_overhead, far_gap, far_rate; /* between machines */
    bool all_reduce, calibrate, json, path, rotate;
} simulate_options;

/* One simulation. */
typedef struct simulate_row {
    int32_t ranks, tensor, pipeline, layers;
    int64_t tokens, bytes; /* of each sequence; of an all-reduce */
    double seconds;        /* of one run by itself */
    double every;          /* seconds from run to run when runs follow each other */
    double busiest;        /* seconds of one run in which the rank with most to do is at work */
    double alone_waiting;  /* share of all ranks' time in that run */
    double kernels;        /* share of the first run's critical path */
    uint64_t messages;     /* of one run */
    double message_bytes;
} simulate_row;

typedef struct simulate_rows {
    simulate_row row[SIMULATE_MAX_ROWS];
    size_t count;
} simulate_rows;

int simulate_parse(int argc, char **argv, simulate_options *out);
void simulate_machine(const simulate_options *o, hd_sim_machine *out);
/* Names the path's steps, runs of like ones as one line. */
void simulate_print_path(FILE *to, const hd_sim_result *result);
int simulate_print(const simulate_options *o, const hd_sim_shape *shape, const simulate_rows *rows);
int simulate_print_calibration(const simulate_options *o, const char *folder, const hd_sim_calibration *c);
/* A plot over the number of ranks, both axes logarithmic: tokens a second of a model, microseconds of an all-reduce. */
int simulate_write_svg(const simulate_options *o, const hd_sim_shape *shape, const simulate_rows *rows);

#endif
