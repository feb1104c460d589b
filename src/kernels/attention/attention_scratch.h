/* SPDX-License-Identifier: Apache-2.0 */
/* What attention keeps in a thread's scratch, as offsets in floats: the state of up to ROWS queries and one block of keys. */
#ifndef HDI_KERNELS_ATTENTION_SCRATCH_H
#define HDI_KERNELS_ATTENTION_SCRATCH_H

#include "base/memory.h"
#include "kernels/attention/attention.h"

enum {
    HDI_ATTENTION_ROWS = 48,  /* queries (token, head) taken through the keys together */
    HDI_ATTENTION_BLOCK = 32, /* keys a step of the online softmax takes; counted from key 0 */
};

typedef struct hdi_attention_scratch {
    int64_t d, dv; /* padded to lanes */
    int64_t q, sum, k, v, score;
    size_t bytes;
} hdi_attention_scratch;

static inline hdi_attention_scratch hdi_attention_scratch_of(int64_t d, int64_t dv) {
    hdi_attention_scratch s = {.d = (int64_t)hdi_align_up((size_t)d, 16), .dv = (int64_t)hdi_align_up((size_t)dv, 16)};
    s.sum = s.q + HDI_ATTENTION_ROWS * s.d;
    s.k = s.sum + HDI_ATTENTION_ROWS * s.dv;
    s.v = s.k + HDI_ATTENTION_BLOCK * s.d;
    s.score = s.v + HDI_ATTENTION_BLOCK * s.dv;
    s.bytes = (size_t)(s.score + HDI_ATTENTION_ROWS * HDI_ATTENTION_BLOCK) * sizeof(float);
    return s;
}

#endif
