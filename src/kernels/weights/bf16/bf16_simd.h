/* SPDX-License-Identifier: Apache-2.0 */
/* How the panel kernels read bf16: see q8_0_simd.h for what the words mean. */
#ifndef HDI_KERNELS_WEIGHTS_BF16_SIMD_H
#define HDI_KERNELS_WEIGHTS_BF16_SIMD_H

#include "kernels/kernel.h"

enum { bf16_block = 1, bf16_block_bytes = 32 * sizeof(uint16_t), bf16_group = 1, bf16_scaled = 0, bf16_as_is = 0 };

VF_INLINE void bf16_words(const uint8_t *block, int group, int half, vf *out) {
    (void)group;
    *out = vf_load_bf16((const uint16_t *)(const void *)block + 16 * half);
}
VF_INLINE vf bf16_scale(const uint8_t *block, int half) {
    (void)block, (void)half;
    return vf_set1(1.0f);
}
#endif
