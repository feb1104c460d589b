/* SPDX-License-Identifier: Apache-2.0 */
/* Small plans of several ranks and workers, run by fibers, and what their results must be. */
#ifndef TESTS_SCHED_RANKS_H
#define TESTS_SCHED_RANKS_H

#include "sched/scheduler.h"

typedef enum vs_kind { VS_TASKS, VS_THREADS, VS_COLLECTIVES } vs_kind;

typedef struct vs_case {
    const char *name;
    int ranks, workers; /* of each rank */
    int ring, runs;
    int items; /* of a row: 4096 make one chunk */
    int width; /* independent products beside those that travel */
    int fails; /* the run before which the last rank gives up; 0: none */
    bool shared_points;
    vs_kind kind; /* of executor */
    int rows;     /* 0: one; with more, what travels comes in two pieces */
    bool leaves;  /* the last rank, in place of giving up */
    bool stays;   /* nobody leaves at its end */
    bool once;    /* one sum over ranks, and what is made of it */
    bool pairs;   /* a sum is that of a rank and the one before it, going round */
} vs_case;

/* Makes the plans and executors of a case; all later calls are about it. */
void ranks_open(const vs_case *c);
void ranks_close(void);
/* Everything as at the beginning, a fiber for each worker. */
void ranks_reset(bool weak);

/* Opens and closes the case. The first of the seeds from .. below - 1 that goes wrong; 0: none. */
uint64_t ranks_try(const vs_case *c, bool weak, uint64_t from, uint64_t below);
/* Whether one of seeds 1 .. n of one of the cases goes wrong: says which and why. */
int ranks_try_all(const vs_case *cases, size_t n_cases, bool weak, uint64_t n);

/* The edges of the plans of all ranks: what steps wait for here and of others, what they and the ends of runs tell whom. One of
 * them is taken out of the plans that are opened from now on; -1: none. */
int ranks_plan_edges(void); /* of the open case */
void ranks_drop(int edge);
const char *ranks_dropped(void); /* what it was, for people */
bool ranks_refused(void);        /* whether the verifier refuses the open plans */

#endif
