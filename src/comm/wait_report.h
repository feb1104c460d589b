/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom when nothing goes on: a table of what each rank does, and one line that names whoever holds up the others.
 */
#ifndef HDI_COMM_WAIT_REPORT_H
#define HDI_COMM_WAIT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum hdi_rank_doing {
    HDI_RANK_RUNS,    /* a step */
    HDI_RANK_WAITS,   /* for a signal of another rank */
    HDI_RANK_STOPPED, /* alive, but in no run */
    HDI_RANK_GONE,
    HDI_RANK_DOING_COUNT
} hdi_rank_doing;

typedef struct hdi_rank_report {
    int32_t rank;
    hdi_rank_doing doing;
    const char *step; /* borrowed; NULL: not known */
    double seconds;   /* for how long */
    /* of one that waits: */
    int32_t waits_for;
    uint64_t event, expected, seen;
} hdi_rank_report;

/* One entry a rank, in any order. The last line names the circle of ranks that wait for each other, or the rank that most others
 * wait for, directly or through others; of several the one that is gone, then stopped. A rank that is waited for but has no entry
 * is one that said nothing. *text is fresh, free with hdi_free. HD_INVALID_ARGUMENT for two entries of one rank;
 * HD_OUT_OF_MEMORY. */
HD_CHECK_RESULT hd_status hdi_wait_report(const hdi_rank_report *ranks, size_t n, char **text);

#endif
