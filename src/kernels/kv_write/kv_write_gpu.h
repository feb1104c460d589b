/* SPDX-License-Identifier: Apache-2.0 */
/* What GPU kernels that write to a paged cache share: where a slot's heads lie. */
#ifndef HDI_KERNELS_KV_WRITE_GPU_H
#define HDI_KERNELS_KV_WRITE_GPU_H

#include "kernels/gpu/dims.h"

namespace HDI_GPU_NAMESPACE {

/* A cache [P, page, H, d] for kernels: strides in elements. */
struct gpu_cache {
    void *data;
    int64_t slots, page; /* places in all; of a page */
    int64_t page_stride, place_stride, head_stride;
};

static inline gpu_cache gpu_cache_of(const hdi_operand *cache) {
    gpu_cache c = {cache->data,     cache->shape[0] * cache->shape[1], cache->shape[1], cache->stride[0], cache->stride[1],
                   cache->stride[2]};
    return c;
}

/* Elements from the start of the cache to head 0 of a slot; -1 for a slot that writes nothing. */
static __device__ __forceinline__ int64_t gpu_cache_offset(const gpu_cache &c, int32_t slot) {
    if (slot < 0 || slot >= c.slots) return -1;
    int64_t page = gpu_divide(slot, c.page);
    return page * c.page_stride + (slot - page * c.page) * c.place_stride;
}

} // namespace HDI_GPU_NAMESPACE

#endif
