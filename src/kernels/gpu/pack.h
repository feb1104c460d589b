/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbouring elements as f32, by 16-byte loads and stores where addresses allow: what moves a memory-bound kernel's bytes. The
 * same elements come to the same thread either way, so that results do not depend on alignment. */
#ifndef HDI_KERNELS_GPU_PACK_H
#define HDI_KERNELS_GPU_PACK_H

#include "kernels/gpu/dims.h"
#include "kernels/gpu/element.h"

namespace HDI_GPU_NAMESPACE {

struct alignas(16) gpu_pack {
    uint32_t word[4];
};

/* E elements at p as f32, or the `left` that there are, then zeros. VECTOR: p lies at a multiple of 16 bytes. */
template <typename T, int E, bool VECTOR>
static __device__ __forceinline__ void gpu_load(const typename T::storage *p, int64_t left, float *v) {
    typedef typename T::storage storage;
    enum { PER = 16 / sizeof(storage) };
    if (VECTOR && E % PER == 0 && left >= E) {
        for (int k = 0; k < E / PER; k++) {
            union {
                gpu_pack pack;
                storage element[PER];
            } u = {((const gpu_pack *)p)[k]};
            for (int j = 0; j < PER; j++) v[k * PER + j] = T::get(u.element[j]);
        }
        return;
    }
    for (int j = 0; j < E; j++) v[j] = j < left ? T::get(p[j]) : 0.0f;
}

template <typename T, int E, bool VECTOR>
static __device__ __forceinline__ void gpu_store(typename T::storage *p, int64_t left, const float *v) {
    typedef typename T::storage storage;
    enum { PER = 16 / sizeof(storage) };
    if (VECTOR && E % PER == 0 && left >= E) {
        for (int k = 0; k < E / PER; k++) {
            union {
                gpu_pack pack;
                storage element[PER];
            } u;
            for (int j = 0; j < PER; j++) u.element[j] = T::put(v[k * PER + j]);
            ((gpu_pack *)p)[k] = u.pack;
        }
        return;
    }
    for (int j = 0; j < E; j++)
        if (j < left) p[j] = T::put(v[j]);
}

/* Whether every row of `t` begins at a multiple of 16 bytes, its elements side by side. */
static inline bool gpu_rows_aligned(const hdi_operand *t) {
    int64_t size = gpu_block_bytes(t->dtype);
    if ((uintptr_t)t->data % 16 != 0) return false;
    for (int d = 0; d < t->rank; d++) {
        if (t->shape[d] <= 1) continue;
        if (d == t->rank - 1 ? t->stride[d] != 1 : t->stride[d] * size % 16 != 0) return false;
    }
    return true;
}

/* Blocks for `items` of which a block does `each` at a time, in turns where there are more than fill the device. */
static inline int64_t gpu_blocks(const hdi_gpu_queue *queue, int64_t items, int64_t each) {
    int64_t blocks = (items + each - 1) / each, most = (int64_t)(queue->units > 0 ? queue->units : 1) * 16;
    return blocks < most ? blocks : most;
}

} // namespace HDI_GPU_NAMESPACE

#endif
