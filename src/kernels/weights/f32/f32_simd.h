/* SPDX-License-Identifier: Apache-2.0 */
/* How the panel kernels read f32: see q8_0_simd.h for what the words mean. */
#ifndef HDI_KERNELS_WEIGHTS_F32_SIMD_H
#define HDI_KERNELS_WEIGHTS_F32_SIMD_H

#include "kernels/kernel.h"

enum { f32_block = 1, f32_block_bytes = 32 * sizeof(float), f32_group = 1, f32_scaled = 0, f32_as_is = 1 };

VF_INLINE void f32_words(const uint8_t *block, int group, int half, vf *out) {
    (void)group;
    *out = vf_load_f32((const float *)(const void *)block + 16 * half);
}
VF_INLINE vf f32_scale(const uint8_t *block, int half) {
    (void)block, (void)half;
    return vf_set1(1.0f);
}
#endif
