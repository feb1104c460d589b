/* SPDX-License-Identifier: Apache-2.0 */
/* How the panel kernels read q8_0. The words every type has, for rows 16 * half .. + 15 of a panel block:
 *   <type>_block, _block_bytes   elements of K in a block, bytes of 32 rows of it
 *   <type>_group, _words         how many k one call decodes, as f32 that are exact; a block has block / group groups
 *   <type>_scaled, _scale        whether blocks have scales, and these
 *   <type>_as_is                 the panel is f32 already */
#ifndef HDI_KERNELS_WEIGHTS_Q8_0_SIMD_H
#define HDI_KERNELS_WEIGHTS_Q8_0_SIMD_H

#include "kernels/weights/q8_0/q8_0.h"

enum { q8_0_block = 32, q8_0_block_bytes = sizeof(hdi_panel_q8_0), q8_0_group = 4, q8_0_scaled = 1, q8_0_as_is = 0 };

VF_INLINE void q8_0_words(const uint8_t *block, int group, int half, vf *out) {
    vi q = vi_load(block + 64 + 128 * group + 64 * half);
    out[0] = vf_byte(q, 0);
    out[1] = vf_byte(q, 1);
    out[2] = vf_byte(q, 2);
    out[3] = vf_byte(q, 3);
}
VF_INLINE vf q8_0_scale(const uint8_t *block, int half) { return vf_load_f16((const uint16_t *)(const void *)block + 16 * half); }
#endif
