/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for attention of many tokens, and what they share. */
#ifndef HDI_KERNELS_ATTENTION_PREFILL_GPU_H
#define HDI_KERNELS_ATTENTION_PREFILL_GPU_H

#include "kernels/attention/attention_tile_gpu.h"

namespace HDI_GPU_NAMESPACE {

/* These launch a whole call: a GPU(Error_t), or HDI_GPU_UNSUPPORTED for types or sizes beyond them. */
int attention_prefill_plain(hdi_gpu_queue *queue, const attention_args *a); /* f32 arithmetic */
int attention_prefill_mma(hdi_gpu_queue *queue, const attention_args *a);   /* tensor cores */

/* Keys that some row of a tile sees: lo .. hi - 1; those that all see: last_lo .. first_hi - 1. */
struct attention_span {
    int lo, last_lo, first_hi, hi;
};

static __device__ __forceinline__ attention_span attention_span_of(const int *lo, const int *hi, int rows) {
    attention_span s = {lo[0], lo[0], hi[0], hi[0]};
    for (int r = 1; r < rows; r++) {
        s.lo = lo[r] < s.lo ? lo[r] : s.lo;
        s.last_lo = lo[r] > s.last_lo ? lo[r] : s.last_lo;
        s.first_hi = hi[r] < s.first_hi ? hi[r] : s.first_hi;
        s.hi = hi[r] > s.hi ? hi[r] : s.hi;
    }
    return s;
}

/* The exponents in 32 bits of elements. */
template <typename KV> struct attention_exponent;
template <> struct attention_exponent<f32> {
    enum : uint32_t { MASK = 0x7f800000u, ONE = 0x00800000u, TOP = 0x80000000u };
};
template <> struct attention_exponent<f16> {
    enum : uint32_t { MASK = 0x7c007c00u, ONE = 0x04000400u, TOP = 0x80008000u };
};
template <> struct attention_exponent<bf16> {
    enum : uint32_t { MASK = 0x7f807f80u, ONE = 0x00800080u, TOP = 0x80008000u };
};

/* Whether this thread's share of rows in shared memory, `pitch` bytes apart, holds infinities or NaN: 0 times these is not 0, so
 * they need care where a row does not see all keys of a step. */
template <typename KV>
static __device__ __forceinline__ bool attention_strange(const char *from, int rows, int vectors, int pitch) {
    typedef attention_exponent<KV> exponent; /* one more carries a full one into the sign's place */
    uint32_t strange = 0;
    for (int i = (int)threadIdx.x; i < rows * vectors; i += (int)blockDim.x) {
        const attention_bytes x = *(const attention_bytes *)(from + i / vectors * pitch + i % vectors * 16);
        for (int n = 0; n < 4; n++) strange |= ((x.w[n] & exponent::MASK) + exponent::ONE) & exponent::TOP;
    }
    return strange != 0;
}

} // namespace HDI_GPU_NAMESPACE

#endif
