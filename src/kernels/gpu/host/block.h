/* SPDX-License-Identifier: Apache-2.0 */
/* Which thread runs next: the scheduler of the blocks of a launch. */
#ifndef HDI_KERNELS_GPU_HOST_BLOCK_H
#define HDI_KERNELS_GPU_HOST_BLOCK_H

#include "kernels/gpu/host/engine.h"

namespace hdi_gpu_host {

static inline uint64_t full_mask(unsigned n) { return n == 64 ? ~0ull : (1ull << n) - 1; }

static inline void set_ready(block *b, unsigned w, uint64_t lanes) {
    b->w[w].ready = lanes;
    uint64_t bit = 1ull << w;
    b->warps_ready = lanes ? b->warps_ready | bit : b->warps_ready & ~bit;
}

/* From a barrier on, threads run in another order. */
void block_phase(engine *e, block *b);
/* Runs as many blocks as shall be alive together, from block `first` on, to their end or to the first failure. */
void run_blocks(engine *e, int64_t first);
/* Gives way to the thread that comes next; returns when it is t's turn again. */
void give_way(engine *e, thread *t);
/* Leaves the launch, for ever, from whatever fiber runs. */
[[noreturn]] void abandon(engine *e);

} // namespace hdi_gpu_host

#endif
