/* SPDX-License-Identifier: Apache-2.0 */
/* Cosines and sines of rotary embeddings, one row a token: made once a step, read by every layer. */
#ifndef HDI_KERNELS_ROPE_TABLE_H
#define HDI_KERNELS_ROPE_TABLE_H

#include "kernels/kernel.h"

/* Operands: cos f32 [T, r], sin f32 [T, r], positions i32 or i64 [T], seq_len i32 or i64 [T] or absent, inv_freq f32 [r].
 * angle = (float)position * inv_freq[j], in f32; cos and sin of it by libm, times attention_scale.
 * Dynamic scaling (dynamic_factor not 0) of a token whose seq_len is above dynamic_max: base = dynamic_base * (factor * seq_len /
 * max - (factor - 1))^(2r / (2r - 2)) takes the place of inv_freq: inv_freq[j] = base^(-2j / 2r). */
typedef struct hdi_rope_table_attr {
    float attention_scale;
    float dynamic_factor; /* 0: none */
    float dynamic_base;
    int32_t dynamic_max;
} hdi_rope_table_attr;

#endif
