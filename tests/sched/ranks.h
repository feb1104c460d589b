/* SPDX-License-Identifier: Apache-2.0 */
/* Small plans of several ranks and workers, run by fibers, and what their results must be. */
#ifndef TESTS_SCHED_RANKS_H
#define TESTS_SCHED_RANKS_H

#include "sched/scheduler.h"

typedef struct vs_case {
    const char *name;
    int ranks, workers; /* of each rank */
    int ring, runs;
    int items; /* of a row: 4096 make one chunk */
    int width; /* independent products beside those that travel */
    int fails; /* the run before which the last rank gives up; 0: none */
    bool shared_points;
    bool once;  /* one sum over ranks, and what is made of it */
    bool pairs; /* a sum is that of a rank and the one before it, going round */
} vs_case;

/* Makes the plans and executors of a case; all later calls are about it. */
void ranks_open(const vs_case *c);
void ranks_close(void);
/* Everything as at the beginning, a fiber for each worker. */
void ranks_reset(void);

#endif
