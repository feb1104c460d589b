/* SPDX-License-Identifier: Apache-2.0 */
/* The persistent kernel: one launch whose blocks stay and walk through the units of a plan in order, each block doing its share of
 * every unit's items. Nothing is launched between units, and blocks meet only where data flows: a block that has done its share of a
 * unit adds to the unit's counter, and who needs the unit waits until the counter is full, its own first weights meanwhile on their
 * way. The last block to leave sets the counters back to zero for the next run. All blocks must be resident at once.
 * It walks over what one token of one sequence takes: products of one row, alone or in groups, and attention. */
#include "kernels/attention/attention_gpu.h"
#include "kernels/gpu/unit.h"
#include "kernels/linear/linear_panel_gpu.h"
#include "kernels/linear/linear_vector_gpu.h"

namespace HDI_GPU_NAMESPACE {

enum { RESIDENT = 2 }; /* blocks a multiprocessor */

/* All threads of the block wait until every block has ended the unit of this counter. */
struct wait_for_unit {
    const unsigned *ended; /* NULL: for nothing */
    __device__ __forceinline__ void operator()() const {
        if (ended && threadIdx.x == 0)
            while (gpu_load_acquire(ended) < gridDim.x) gpu_pause();
        __syncthreads();
    }
};

static __device__ __forceinline__ void run_unit(const gpu_unit *unit, char *shared, wait_for_unit wait) {
    switch (unit->body) {
#define PRODUCT(id, body) \
    case id: body::run(*(const linear_args *)unit->args, blockIdx.x, shared, wait); break;
#include "kernels/gpu/walk_bodies.h"
#undef PRODUCT
    }
}

/* counters: one a unit, then one for those who leave; zero before and after. */
static __global__ void __launch_bounds__(GPU_UNIT_THREADS, RESIDENT) walk(const gpu_unit *units, int n, unsigned *counters) {
    GPU_SHARED_DYNAMIC(shared);
    GPU_SHARED(unsigned, left, 1);
    for (int u = 0; u < n; u++) {
        const gpu_unit *unit = &units[u];
        if (blockIdx.x < unit->items) run_unit(unit, shared, {unit->wait < 0 ? nullptr : &counters[unit->wait]});
        __syncthreads(); /* the next unit uses the same shared memory; and all is written before it counts as ended */
        if (threadIdx.x == 0) {
            __threadfence();
            gpu_add_release(&counters[u], 1);
        }
    }
    if (threadIdx.x == 0) left[0] = atomicAdd(&counters[n], 1u);
    __syncthreads();
    for (int u = (int)threadIdx.x; left[0] == gridDim.x - 1 && u <= n; u += GPU_UNIT_THREADS) counters[u] = 0;
}
}
