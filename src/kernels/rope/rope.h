/* SPDX-License-Identifier: Apache-2.0 */
/* Rotary position embedding (Su et al. 2021): pairs of dims of a head turn by the angles of a table. */
#ifndef HDI_KERNELS_ROPE_H
#define HDI_KERNELS_ROPE_H

#include "kernels/kernel.h"

/* Operands: y [T, H, d], x [T, H, d], cos f32 [T, r], sin f32 [T, r], 2r <= d; x and y of one dtype of f32, f16, bf16; last dims
 * contiguous, the others strided. (a, b) of a pair becomes (a cos - b sin, b cos + a sin), in f32, each product rounded. Dims
 * from 2r on are copied. y may be x. An item is a head of a token. */
typedef struct hdi_rope_attr {
    bool interleaved; /* pairs (2j, 2j + 1); else (j, j + r) */
} hdi_rope_attr;

#endif
