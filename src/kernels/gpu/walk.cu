/* SPDX-License-Identifier: Apache-2.0 */
/* The persistent kernel: one launch whose blocks stay and walk through the units of a plan in order, each block doing its share of
 * every unit's items. Nothing is launched between units, and blocks meet only where data flows: a block that has done its share of a
 * unit adds to the unit's counter, and who needs the unit waits until the counter is full, its next weights meanwhile on their way
 * to the cache. The last block to leave sets the counters back to zero for the next run. All blocks must be resident at once. */
#include "kernels/gpu/unit.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

static __device__ __forceinline__ void run_item(const gpu_unit *unit, int64_t item, char *shared) {
    switch (unit->body) {
#define BODY(name, body) \
    case GPU_BODY_##name: body::item(*(const typename body::args *)unit->args, item, shared); break;
#include "kernels/gpu/bodies.def"
    }
}

static __device__ __forceinline__ void prefetch_item(const gpu_unit *unit, int64_t item) {
    switch (unit->body) {
#define BODY(name, body) \
    case GPU_BODY_##name: body::prefetch(*(const typename body::args *)unit->args, item); break;
#include "kernels/gpu/bodies.def"
    }
}

/* All threads of the block wait until `blocks` blocks have ended the unit. */
static __device__ __forceinline__ void await(const unsigned *ended, unsigned blocks) {
    if (threadIdx.x == 0)
        while (gpu_load_acquire(ended) < blocks) gpu_pause();
    __syncthreads();
}

/* counters: one a unit, then one for those who leave; zero before and after. */
static __global__ void __launch_bounds__(GPU_UNIT_THREADS) walk(const gpu_unit *units, int n, unsigned *counters) {
    GPU_SHARED_DYNAMIC(shared);
    GPU_SHARED(bool, last, 1);
    for (int u = 0; u < n; u++) {
        const gpu_unit *unit = &units[u];
        int64_t item = blockIdx.x, items = unit->items;
        if (unit->wait >= 0) {
            if (item < items) prefetch_item(unit, item);
            await(&counters[unit->wait], gridDim.x);
        }
        for (; item < items; item += gridDim.x) {
            run_item(unit, item, shared);
            __syncthreads(); /* the next item uses the same shared memory; and all is written before it counts as ended */
        }
        if (threadIdx.x == 0) {
            __threadfence();
            gpu_add_release(&counters[u], 1);
        }
    }
    if (threadIdx.x == 0) last[0] = atomicAdd(&counters[n], 1u) == gridDim.x - 1;
    __syncthreads();
    for (int u = (int)threadIdx.x; last[0] && u <= n; u += GPU_UNIT_THREADS) counters[u] = 0;
}

size_t hdi_walk_unit_bytes() { return sizeof(gpu_unit); }

} // namespace HDI_GPU_NAMESPACE
