/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's deque of ranges: its owner pushes and takes at the bottom, thieves steal at the top.
 *
 * Chase and Lev, "Dynamic circular work-stealing deque", 2005, with C11 orderings as of Le, Pop, Cohen and Zappa Nardelli,
 * "Correct and efficient work-stealing for weak memory models", 2013; their two fences are folded into the accesses beside them,
 * which ThreadSanitizer understands. What is weaker than theirs is argued where it is; `sched_tasks orderings` finds whatever is
 * too weak. It never grows: a full one refuses, and its owner does the range at once. */
#ifndef HDI_TASK_DEQUE_H
#define HDI_TASK_DEQUE_H

#include "base/memory.h"
#include "task/sched_point.h"

enum { HDI_DEQUE_SIZE = 128 }; /* a power of two; more than the steps of a ring and the halves of one range */

typedef struct hdi_deque {
    _Alignas(HDI_CACHE_LINE) _Atomic int64_t top;
    _Alignas(HDI_CACHE_LINE) _Atomic int64_t bottom;
    _Atomic uint64_t range[HDI_DEQUE_SIZE];
} hdi_deque;

/* Owner. False: it is full. An old top only makes it look fuller; whoever stole what lay in the entry did so before top rose, and
 * the store into it depends on having seen that. Bottom is sequentially consistent for sleepers (sleep.h); thieves need a
 * release. */
static inline bool hdi_deque_push(hdi_deque *deque, uint64_t range) {
    int64_t bottom = hdi_quiet_load(&deque->bottom, relaxed), top = hdi_load(&deque->top, relaxed);
    if (bottom - top >= HDI_DEQUE_SIZE) return false;
    hdi_store(&deque->range[bottom % HDI_DEQUE_SIZE], range, relaxed);
    hdi_store(&deque->bottom, bottom + 1, seq_cst);
    return true;
}

/* Owner. 0: it is empty. */
static inline uint64_t hdi_deque_take(hdi_deque *deque) {
    int64_t bottom = hdi_quiet_load(&deque->bottom, relaxed) - 1;
    if (hdi_load(&deque->top, relaxed) > bottom) return 0; /* thieves only ever raise it */
    hdi_store(&deque->bottom, bottom, seq_cst);
    int64_t top = hdi_load(&deque->top, seq_cst);
    uint64_t range = 0;
    if (top <= bottom) {
        range = hdi_quiet_load(&deque->range[bottom % HDI_DEQUE_SIZE], relaxed);
        if (top < bottom) return range;
        /* The last one: a thief may be at it. Who reads the new top must see the bottom of above, or it takes what lies between
         * this top and an older bottom; who reads the old one fails at its own swap. */
        if (!hdi_swap_if(&deque->top, &top, top + 1, release) && HDI_EDGE(TAKE_LAST)) range = 0;
    }
    hdi_store(&deque->bottom, bottom + 1, relaxed);
    return range;
}

/* Anybody. 0: it is empty, or another thief was faster. Top is read before bottom; an old one fails at the swap. */
static inline uint64_t hdi_deque_steal(hdi_deque *deque) {
    int64_t top = hdi_load(&deque->top, acquire), bottom = hdi_load(&deque->bottom, seq_cst);
    if (top >= bottom) return 0;
    uint64_t range = hdi_load(&deque->range[top % HDI_DEQUE_SIZE], relaxed);
    if (!hdi_swap_if(&deque->top, &top, top + 1, seq_cst) && HDI_EDGE(STEAL)) return 0;
    return range;
}

/* Anybody, for the last look before sleeping. An old top finds too much, never too little. */
static inline bool hdi_deque_holds(hdi_deque *deque) {
    return hdi_load(&deque->top, relaxed) < hdi_load(&deque->bottom, seq_cst);
}

#endif
