/* SPDX-License-Identifier: Apache-2.0 */
/* The steps in flight. Steps are opened in the plan's order while there is room, start when what they wait for has ended, and
 * leave in order; so whatever a step needs while it is under way lies in one of a bounded number of places, however long the plan
 * is.
 *
 * A step may count down a successor that is not open yet. It lies less than a ring ahead, so counters of two rings' worth of
 * steps are enough, each set when the step two rings before it leaves. A wait that reaches back further has ended
 * when the step is opened, and is not counted. */
#ifndef HDI_TASK_RING_H
#define HDI_TASK_RING_H

#include "base/memory.h"
#include "base/status.h"
#include "compile/plan.h"
#include "task/chunks.h"
#include "task/sched_point.h"

enum { HDI_RING_MOST = 64 }; /* sets of places are one word (slot_set.h) */

/* A place in the ring. Written when its step is opened; the atomics by all workers after that. */
typedef struct hdi_place {
    _Alignas(HDI_CACHE_LINE) _Atomic uint32_t step;
    _Atomic uint32_t ended; /* step + 1 when it has */
    hdi_chunks chunks;
    _Atomic int64_t parked_at; /* clock, of a step that waits for others */
    _Atomic uint32_t pieces_left;
    _Atomic uint32_t *chunks_left; /* by piece */
} hdi_place;

typedef struct hdi_ring {
    uint32_t size, n_steps;
    hdi_place *places;       /* [size] */
    _Atomic uint32_t *waits; /* [2 size]: what steps still wait for, their own opening counted in */
    uint32_t *near;          /* by step: how many of its waits are counted */
    uint32_t *first;         /* by step, and one more: where its successors begin */
    uint32_t *successors;
    _Atomic uint32_t *chunks_left;                      /* of all places */
    _Alignas(HDI_CACHE_LINE) _Atomic uint32_t requests; /* to advance, since somebody began to */
    uint32_t head, opened;                              /* of whoever advances */
    /* All steps have left. Idle workers look at it all the time: not on the line that every step writes. */
    _Alignas(HDI_CACHE_LINE) atomic_bool done;
} hdi_ring;

/* `size`: a power of two, at most HDI_RING_MOST. */
hd_status hdi_ring_init(hdi_ring *ring, const hd_plan *plan, uint32_t size);
void hdi_ring_free(hdi_ring *ring);
/* A run begins: no worker is at it. */
void hdi_ring_begin(hdi_ring *ring);

static inline hdi_place *hdi_ring_place(const hdi_ring *ring, uint32_t step) { return &ring->places[step & (ring->size - 1)]; }

/* One thing less that `step` waits for: whether it was the last. Acquires and releases: what the steps before wrote is seen by
 * whoever starts it. */
static inline bool hdi_ring_count_down(hdi_ring *ring, uint32_t step) {
    return hdi_fetch_sub(&ring->waits[step & (2 * ring->size - 1)], 1, acq_rel) == 1;
}

#endif
