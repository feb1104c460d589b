/* SPDX-License-Identifier: Apache-2.0 */
/* Draws a token from each row of logits. */
#ifndef HDI_KERNELS_SAMPLE_H
#define HDI_KERNELS_SAMPLE_H

#include "kernels/kernel.h"

/* Operands: ids i32 [R], logits f32 [R, V], params f32 [R, 8]; last dims contiguous but ids'. An item is a row. No attributes.
 * A row of params: temperature, top_k, top_p, min_p, typical_p, uniform in [0, 1), two unused.
 *
 * temperature <= 0: the first of the largest logits. Else logits / temperature, then the filters, each on what the one before
 * left and renormalised:
 *   top_k      > 0: the k most probable, ties by id
 *   typical_p  in (0, 1): nearest to the entropy first (Meister et al. 2022), until their mass reaches it; ties at the end all stay
 *   top_p      < 1: most probable first, until their mass reaches it; one at least
 *   min_p      > 0: those with at least min_p times the largest probability
 * and the first in descending probability (ties by id) at which the cumulative mass exceeds `uniform`.
 *
 * A row with a NaN or +infinity, or without any finite logit, gives -1: it came out of damaged numbers. -infinity is a token that
 * cannot follow. */
enum {
    HDI_SAMPLE_TEMPERATURE,
    HDI_SAMPLE_TOP_K,
    HDI_SAMPLE_TOP_P,
    HDI_SAMPLE_MIN_P,
    HDI_SAMPLE_TYPICAL_P,
    HDI_SAMPLE_UNIFORM,
    HDI_SAMPLE_PARAMS = 8
};

/* A row after the vector part, all arrays of `n`. key[i] = (largest - logit) / temperature, +infinity where there is none;
 * weight[i] = e^-key; total = their sum. */
typedef struct hdi_sample_row {
    const float *key, *weight;
    double total;
    int32_t *ids;  /* room for the candidates */
    float *scores; /* room for the scores of typical_p */
    int64_t n;
} hdi_sample_row;

/* Filters and draws. */
int32_t hdi_sample_pick(const hdi_sample_row *row, const float *params);

/* The rule above in double precision by sorting, for checks. */
int64_t hdi_sample_ref_pick(const float *logits, int64_t n, const double *params);

#endif
