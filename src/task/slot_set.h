/* SPDX-License-Identifier: Apache-2.0 */
/* A set of places in the ring, one bit each: whoever takes a bit out owns what it stands for. Letters to a worker and parked
 * steps are kept so: a step has one place in the ring, so no set can overflow. */
#ifndef HDI_TASK_SLOT_SET_H
#define HDI_TASK_SLOT_SET_H

#include "task/sched_point.h"

typedef _Atomic uint64_t hdi_slot_set;

/* Sequentially consistent: a worker that is about to sleep looks at sets after it has said so (sleep.h). */
static inline void hdi_slot_set_put(hdi_slot_set *set, uint32_t slot) { (void)hdi_fetch_or(set, (uint64_t)1 << slot, seq_cst); }

/* Whether this worker is the one that took it: acquires what was written before it was put. Nobody learns anything from a bit
 * that is gone, so it releases nothing. */
static inline bool hdi_slot_set_take(hdi_slot_set *set, uint32_t slot) {
    uint64_t bit = (uint64_t)1 << slot;
    return (hdi_fetch_and(set, ~bit, acquire) & bit) != 0;
}

/* The member next to `from`, going round; the set is not empty. */
static inline uint32_t hdi_slot_next(uint64_t members, uint32_t from) {
    uint64_t above = members >> from << from;
    return (uint32_t)__builtin_ctzll(above ? above : members);
}

#endif
