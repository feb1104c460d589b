/* SPDX-License-Identifier: Apache-2.0 */
/* Causal attention of a ragged batch of tokens over paged keys and values, with grouped heads (Vaswani et al. 2017). */
#ifndef HDI_KERNELS_ATTENTION_H
#define HDI_KERNELS_ATTENTION_H

#include "kernels/kernel.h"

/* Operands: out [T, H, dv], q [T, H, d], k [P, page, Hkv, d], v [P, page, Hkv, dv], page_table i32 [S, max_pages],
 * token_seq i32 [T], positions i32 or i64 [T]. H % Hkv == 0. The last dims contiguous, k and v strided at will otherwise.
 * Token t of sequence s = token_seq[t] sees keys 0 .. positions[t], or the last `window` of them; key i is at page
 * page_table[s, i / page], place i % page. token_seq[t] < 0 is padding and gives zeros. The bits of a token depend on its own q,
 * position and keys only: blocks of keys are counted from key 0. */
typedef struct hdi_attention_attr {
    float scale;
    int32_t window; /* 0: all */
    float softcap;  /* 0: none; else score = softcap * tanh(score / softcap) */
} hdi_attention_attr;

#endif
