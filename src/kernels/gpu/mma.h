/* SPDX-License-Identifier: Apache-2.0 */
/* Products of small matrices by all lanes of a warp together (tensor cores): D += A * B, as PTX has them since sm_80. Only where
 * GPU_HAS_MMA; the host vendor computes the same, sums in double.
 *
 * Who holds what, with g = lane / 4 and t = lane % 4; a register holds its elements from the low bits up:
 *   gpu_mma_bf16, gpu_mma_f16: A 16 x 16, B 16 x 8, D 16 x 8 in f32
 *     a[0] A[g][2t, 2t+1]   a[1] A[g+8][2t, 2t+1]   a[2] A[g][2t+8, 2t+9]   a[3] A[g+8][2t+8, 2t+9]
 *     b[0] B[2t, 2t+1][g]   b[1] B[2t+8, 2t+9][g]
 *   gpu_mma_s8: A 16 x 32, B 32 x 8, D 16 x 8 in int32
 *     a[0] A[g][4t .. 4t+3] a[1] A[g+8][4t .. 4t+3] a[2] A[g][4t+16 .. 4t+19] a[3] A[g+8][4t+16 .. 4t+19]
 *     b[0] B[4t .. 4t+3][g] b[1] B[4t+16 .. 4t+19][g]
 *   all: d[0] D[g][2t] d[1] D[g][2t+1] d[2] D[g+8][2t] d[3] D[g+8][2t+1]
 *   gpu_ldmatrix_x4: four 8 x 8 matrices of 16-bit elements from shared memory. Lane i gives the address (16-byte aligned) of row
 *     i % 8 of matrix i / 8, and gets r[m] = matrix m [g][2t, 2t+1]; gpu_ldmatrix_x4_trans: r[m] = matrix m [2t, 2t+1][g]. */
#ifndef HDI_KERNELS_GPU_MMA_H
#define HDI_KERNELS_GPU_MMA_H

#include "kernels/gpu/vendor.h"

#if GPU_HAS_MMA
#if GPU_PTX

namespace HDI_GPU_NAMESPACE {

#define GPU_MMA(shape, types, constraint)                                                                                       \
    asm volatile("mma.sync.aligned." shape ".row.col." types " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
                 : constraint(d[0]), constraint(d[1]), constraint(d[2]), constraint(d[3])                                       \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))
static __device__ __forceinline__ void gpu_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
    GPU_MMA("m16n8k16", "f32.bf16.bf16.f32", "+f");
}
static __device__ __forceinline__ void gpu_mma_f16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
    GPU_MMA("m16n8k16", "f32.f16.f16.f32", "+f");
}
static __device__ __forceinline__ void gpu_mma_s8(int d[4], const uint32_t a[4], const uint32_t b[2]) {
    GPU_MMA("m16n8k32", "s32.s8.s8.s32", "+r");
}
#undef GPU_MMA

static __device__ __forceinline__ void gpu_ldmatrix_x4(uint32_t r[4], const void *row_address) {
    unsigned at = (unsigned)__cvta_generic_to_shared(row_address);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
}
static __device__ __forceinline__ void gpu_ldmatrix_x4_trans(uint32_t r[4], const void *row_address) {
    unsigned at = (unsigned)__cvta_generic_to_shared(row_address);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
}

} // namespace HDI_GPU_NAMESPACE

#elif defined(HDI_GPU_HOST)
#include "kernels/gpu/mma_host.h"
#endif
#endif

#endif
