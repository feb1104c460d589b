/* SPDX-License-Identifier: Apache-2.0 */
/* What the all-reduce programs of Heddle and of MPI share, so that both are measured alike: sizes, samples, cores, the output. */
#ifndef BENCH_ALL_REDUCE_H
#define BENCH_ALL_REDUCE_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SMALLEST = 4096, LARGEST = 4 << 20, EXCHANGES = 16, SAMPLES = 7 };

/* The sizes in bytes: powers of two, and a decode step's row of 1536 floats. */
static inline size_t next_size(size_t bytes) { return bytes == 4096 ? 6144 : bytes == 6144 ? 8192 : 2 * bytes; }

/* Runs of EXCHANGES all-reduces in a sample: some three milliseconds. */
static inline int runs_of(size_t bytes) {
    size_t n = (16u << 20) / bytes / EXCHANGES;
    return n > 100 ? 100 : n < 2 ? 2 : (int)n;
}

static inline double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A core of its own, and where that is allowed and asked for (REALTIME=1) nobody else on it while a sample is taken. */
static inline void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) perror("sched_setaffinity");
}
static inline void alone(int yes) {
    struct sched_param p = {.sched_priority = yes ? 1 : 0};
    if (getenv("REALTIME") && sched_setscheduler(0, yes ? SCHED_FIFO : SCHED_OTHER, &p) != 0) perror("sched_setscheduler");
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A line of output: bytes, and the median of the samples' nanoseconds an all-reduce. */
static inline void report(size_t bytes, double *samples) {
    qsort(samples, SAMPLES, sizeof *samples, by_value);
    printf("%zu %.0f\n", bytes, samples[SAMPLES / 2]);
    fflush(stdout);
}

#endif
