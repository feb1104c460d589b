/* SPDX-License-Identifier: Apache-2.0 */
/* How the panel kernels read f16: see q8_0_simd.h for what the words mean. */
#ifndef HDI_KERNELS_WEIGHTS_F16_SIMD_H
#define HDI_KERNELS_WEIGHTS_F16_SIMD_H

#include "kernels/kernel.h"

enum { f16_block = 1, f16_block_bytes = 32 * sizeof(uint16_t), f16_group = 1, f16_scaled = 0, f16_as_is = 0 };

VF_INLINE void f16_words(const uint8_t *block, int group, int half, vf *out) {
    (void)group;
    *out = vf_load_f16((const uint16_t *)(const void *)block + 16 * half);
}
VF_INLINE vf f16_scale(const uint8_t *block, int half) {
    (void)block, (void)half;
    return vf_set1(1.0f);
}
#endif
