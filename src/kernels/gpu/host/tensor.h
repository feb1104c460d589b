/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of gpu/wgmma.h need of the engine: barriers that count bytes, copies of boxes into shared memory, and products
 * of warpgroups. Everything asynchronous is done as late as the program allows: a copy when its barrier is waited for (until then
 * its destination is poison), a product when its warp waits for it (until then its accumulators are poison).
 *
 * Every 16 bytes of dynamic shared memory have a state: who wrote them, and whether the write has been shown to the asynchronous
 * units, so that a product which reads too early, or what no fence has shown, ends the launch. */
#ifndef HDI_KERNELS_GPU_HOST_TENSOR_H
#define HDI_KERNELS_GPU_HOST_TENSOR_H

#include "kernels/gpu/host/thread.h"

/* A matrix of 16-bit elements in device memory, and the box that a copy takes: box_rows rows of 64 elements. */
struct gpu_host_tensor_map {
    const char *data;
    uint64_t rows, columns, pitch; /* pitch: bytes from a row to the next */
    uint32_t box_rows, valid;
};
enum { GPU_HOST_TENSOR_MAP_VALID = 0x7e2504a9 };

void gpu_host_mbar_init(uint64_t *barrier, unsigned arrivals, gpu_host_place place);
/* Shows the barriers that this thread has made to the asynchronous units. */
void gpu_host_mbar_publish(gpu_host_place place);
/* bytes < 0: none are announced. */
void gpu_host_mbar_arrive(uint64_t *barrier, int64_t bytes, gpu_host_place place);
void gpu_host_mbar_wait(uint64_t *barrier, unsigned parity, gpu_host_place place);
void gpu_host_fence_async(gpu_host_place place);
void gpu_host_copy_box(void *shared, const gpu_host_tensor_map *map, int32_t column, int32_t row, uint64_t *barrier,
                       gpu_host_place place);

struct gpu_host_wgmma_op {
    uint64_t a, b; /* descriptors */
    float *sums;   /* n / 2 accumulators of this thread */
    int n;
    bool f16, add; /* f16: else bf16; add to the accumulators: else they are overwritten */
};
void gpu_host_wgmma_fence(gpu_host_place place);
void gpu_host_wgmma(const gpu_host_wgmma_op *op, gpu_host_place place);
void gpu_host_wgmma_commit(gpu_host_place place);
void gpu_host_wgmma_wait(int groups, gpu_host_place place);

#endif
