/* SPDX-License-Identifier: Apache-2.0 */
/* The words of wgmma.h on the host vendor, in terms of host/tensor.h. */
#ifndef HDI_KERNELS_GPU_WGMMA_HOST_H
#define HDI_KERNELS_GPU_WGMMA_HOST_H

namespace HDI_GPU_NAMESPACE {

static inline void gpu_mbar_init(uint64_t *barrier, unsigned arrivals, GPU_HOST_HERE) {
    gpu_host_mbar_init(barrier, arrivals, GPU_HOST_CALLER("gpu_mbar_init"));
}
static inline void gpu_mbar_publish(GPU_HOST_HERE) { gpu_host_mbar_publish(GPU_HOST_CALLER("gpu_mbar_publish")); }
static inline void gpu_mbar_arrive(uint64_t *barrier, GPU_HOST_HERE) {
    gpu_host_mbar_arrive(barrier, -1, GPU_HOST_CALLER("gpu_mbar_arrive"));
}
static inline void gpu_mbar_arrive_expect(uint64_t *barrier, unsigned bytes, GPU_HOST_HERE) {
    gpu_host_mbar_arrive(barrier, bytes, GPU_HOST_CALLER("gpu_mbar_arrive_expect"));
}
static inline void gpu_mbar_wait(uint64_t *barrier, unsigned parity, GPU_HOST_HERE) {
    gpu_host_mbar_wait(barrier, parity, GPU_HOST_CALLER("gpu_mbar_wait"));
}
static inline void gpu_fence_async(GPU_HOST_HERE) { gpu_host_fence_async(GPU_HOST_CALLER("gpu_fence_async")); }
static inline void gpu_copy_box(void *shared, const gpu_tensor_map *map, int column, int row, uint64_t *barrier, GPU_HOST_HERE) {
    gpu_host_copy_box(shared, map, column, row, barrier, GPU_HOST_CALLER("gpu_copy_box"));
}

/* There are registers enough; but all lanes of a warp must say the same. */
template <int N> static inline void gpu_registers_more(GPU_HOST_HERE) {
    static_assert(N % 8 == 0 && N >= 24 && N <= 256, "registers come by eights, 24 to 256");
    gpu_host_meet(GPU_HOST_CALLER("gpu_registers_more"));
}
template <int N> static inline void gpu_registers_fewer(GPU_HOST_HERE) {
    static_assert(N % 8 == 0 && N >= 24 && N <= 256, "registers come by eights, 24 to 256");
    gpu_host_meet(GPU_HOST_CALLER("gpu_registers_fewer"));
}

static inline uint64_t gpu_wgmma_descriptor(const void *shared) { return GPU_WGMMA_DESCRIPTOR((uintptr_t)shared); }
static inline void gpu_wgmma_fence(GPU_HOST_HERE) { gpu_host_wgmma_fence(GPU_HOST_CALLER("gpu_wgmma_fence")); }
static inline void gpu_wgmma_commit(GPU_HOST_HERE) { gpu_host_wgmma_commit(GPU_HOST_CALLER("gpu_wgmma_commit")); }
template <int GROUPS> static inline void gpu_wgmma_wait(GPU_HOST_HERE) {
    gpu_host_wgmma_wait(GROUPS, GPU_HOST_CALLER("gpu_wgmma_wait"));
}
template <int M> static inline void gpu_wgmma_wait_all(float (&)[M], GPU_HOST_HERE) {
    gpu_host_wgmma_wait(0, GPU_HOST_CALLER("gpu_wgmma_wait_all"));
}
template <bool F16, int M> static inline void gpu_wgmma(float (&d)[M], uint64_t a, uint64_t b, bool add, GPU_HOST_HERE) {
    static_assert(M == 32 || M == 64 || M == 128, "D is 64 x 64, 64 x 128 or 64 x 256");
    gpu_host_wgmma_op op = {a, b, d, 2 * M, F16, add};
    gpu_host_wgmma(&op, GPU_HOST_CALLER("gpu_wgmma"));
}

} // namespace HDI_GPU_NAMESPACE

#endif
