/* SPDX-License-Identifier: Apache-2.0 */
/* How the panel kernels read q4_0: see q8_0_simd.h for what the words mean. */
#ifndef HDI_KERNELS_WEIGHTS_Q4_0_SIMD_H
#define HDI_KERNELS_WEIGHTS_Q4_0_SIMD_H

#include "kernels/weights/q4_0/q4_0.h"

enum { q4_0_block = 32, q4_0_block_bytes = sizeof(hdi_panel_q4_0), q4_0_group = 8, q4_0_scaled = 1, q4_0_as_is = 0 };

VF_INLINE void q4_0_words(const uint8_t *block, int group, int half, vf *out) {
    vi q = vi_load(block + 64 + 128 * group + 64 * half);
    out[0] = vf_nibble(q, 0, 8);
    out[1] = vf_nibble(q, 2, 8);
    out[2] = vf_nibble(q, 4, 8);
    out[3] = vf_nibble(q, 6, 8);
    out[4] = vf_nibble(q, 1, 8);
    out[5] = vf_nibble(q, 3, 8);
    out[6] = vf_nibble(q, 5, 8);
    out[7] = vf_nibble(q, 7, 8);
}
VF_INLINE vf q4_0_scale(const uint8_t *block, int half) { return vf_load_f16((const uint16_t *)(const void *)block + 16 * half); }
#endif
