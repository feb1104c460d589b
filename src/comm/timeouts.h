/* SPDX-License-Identifier: Apache-2.0 */
/* Every timeout of communication, in one table: an inner one ends before the one around it does, so that the sentence comes from
 * whoever knows most. All of them follow the deadline of one wait (hd_domain_options.timeout_ms, HEDDLE_TIMEOUT_MS, or the
 * table's), so they keep their order whatever it is. docs/comm.md prints this table. */
#ifndef HDI_COMM_TIMEOUTS_H
#define HDI_COMM_TIMEOUTS_H

#include <stdint.h>

#include "base/status.h"

/* X(name, default in ms, share, what it bounds), from the innermost to the outermost. `share`: in 1/240 of a wait's deadline.
 * Those up to the wait are the smaller one of default and share, those beyond it are their share. */
#define HDI_TIMEOUT_LIST(X)                                                                   \
    X(RETRY, 5, 5, "between two attempts to reach rank 0")                                    \
    X(BEAT, 50, 10, "between two signs of life of a rank that waits")                         \
    X(LIVENESS, 100, 20, "between two looks at whether the other processes are alive")        \
    X(HELLO, 1000, 60, "a connection that has not said who it is")                            \
    X(WAIT, 30000, 240, "one wait for a signal, or for the others in a barrier or allgather") \
    X(RENDEZVOUS, 60000, 480, "all ranks meeting, from rank 0's first moment")                \
    X(VERDICT, 75000, 600, "the same of another rank, which waits for rank 0's sentence")     \
    X(GRACE, 90000, 720, "the launcher, from the first rank's failure to the end of the others")

typedef enum hdi_timeout {
#define HDI_TIMEOUT_ENUM(name, ms, share, what) HDI_TIMEOUT_##name,
    HDI_TIMEOUT_LIST(HDI_TIMEOUT_ENUM)
#undef HDI_TIMEOUT_ENUM
        HDI_TIMEOUT_COUNT
} hdi_timeout;

enum {
#define HDI_TIMEOUT_MS(name, ms, share, what) HDI_TIMEOUT_MS_##name = (ms), HDI_TIMEOUT_SHARE_##name = (share),
    HDI_TIMEOUT_LIST(HDI_TIMEOUT_MS)
#undef HDI_TIMEOUT_MS
        HDI_TIMEOUT_WHOLE = 240, /* the share of a whole wait */
    HDI_TIMEOUT_LEAST_MS = 10,   /* of a wait's deadline */
    HDI_TIMEOUT_MOST_MS = 24 * 3600 * 1000,
};

#define HDI_TIMEOUT_INSIDE(inner, outer)                                                                                  \
    _Static_assert((int)HDI_TIMEOUT_MS_##inner < (int)HDI_TIMEOUT_MS_##outer, #inner " must end before " #outer " does"); \
    _Static_assert((int)HDI_TIMEOUT_SHARE_##inner < (int)HDI_TIMEOUT_SHARE_##outer, #inner " must end before " #outer " does")
HDI_TIMEOUT_INSIDE(RETRY, BEAT);
HDI_TIMEOUT_INSIDE(BEAT, LIVENESS);
HDI_TIMEOUT_INSIDE(LIVENESS, HELLO);
HDI_TIMEOUT_INSIDE(HELLO, WAIT);
HDI_TIMEOUT_INSIDE(WAIT, RENDEZVOUS);
HDI_TIMEOUT_INSIDE(RENDEZVOUS, VERDICT);
HDI_TIMEOUT_INSIDE(VERDICT, GRACE);
#undef HDI_TIMEOUT_INSIDE
_Static_assert((int)HDI_TIMEOUT_SHARE_WAIT == (int)HDI_TIMEOUT_WHOLE, "a wait's share is the whole");

/* A timeout in ns, for a domain whose wait has a deadline of `wait_ns`. */
int64_t hdi_timeout_ns(hdi_timeout which, int64_t wait_ns);

/* The deadline of one wait: `asked_ms`, or when that is 0 HEDDLE_TIMEOUT_MS of the environment, or the table's.
 * HD_INVALID_ARGUMENT when what counts is no number from 10 ms to a day. */
hd_status hdi_timeout_of_wait(int32_t asked_ms, int64_t *ns);

#endif
