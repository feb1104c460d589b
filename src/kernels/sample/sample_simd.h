/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/sample/sample.h"

enum { SAMPLE_BLOCK = 1024 }; /* masses are f32 within a block, double beyond */

static inline vf sample_load(const float *logits, int64_t n) { /* lanes past the end as -infinity */
    float t[VF_LANES];
    if (n < VF_LANES) {
        for (int64_t i = 0; i < VF_LANES; i++) t[i] = i < n ? logits[i] : -INFINITY;
        logits = t;
    }
    return vf_load_f32(logits);
}

/* The largest logit; NaN when one of them is. */
static inline float sample_max(const float *logits, int64_t n) {
    vf max = vf_set1(-INFINITY), nan = vf_zero();
    for (int64_t i = 0; i < n; i += VF_LANES) {
        vf v = sample_load(logits + i, n - i);
        max = vf_max(v, max); /* passes over NaN */
        nan = vf_select(vf_eq(v, v), nan, vf_set1(1.0f));
    }
    return vf_hmax(nan) > 0.0f ? NAN : vf_hmax(max);
}

static inline int32_t sample_row(const float *logits, int64_t n, const float *params, float *scratch) {
    float *key = scratch, *weight = scratch + n, max = sample_max(logits, n);
    hdi_sample_row row = {key, weight, 0, (int32_t *)(void *)(scratch + 3 * n), scratch + 2 * n, n};
    float temperature = params[HDI_SAMPLE_TEMPERATURE];
    if (!isfinite(max)) return -1;
    if (!(temperature > 0.0f)) {
        int32_t first = 0;
        while (logits[first] != max) first++;
        return first;
    }
    vf t = vf_set1(temperature), m = vf_set1(max);
    for (int64_t b = 0; b < n; b += SAMPLE_BLOCK) {
        int64_t end = b + SAMPLE_BLOCK < n ? b + SAMPLE_BLOCK : n;
        vf sum = vf_zero();
        for (int64_t i = b; i < end; i += VF_LANES) {
            /* abs: -0 has the bits of a large key */
            vf k = vf_abs(vf_div(vf_sub(m, sample_load(logits + i, end - i)), t)), w = vf_exp(vf_neg(k));
            vf_store_n_f32(key + i, k, end - i);
            vf_store_n_f32(weight + i, w, end - i);
            sum = vf_add(sum, w); /* lanes past the end weigh nothing */
        }
        row.total += (double)vf_sum(sum);
    }
    return hdi_sample_pick(&row, params);
}

HDI_KERNEL_BEGIN(sample, f32) {
    const hdi_operand *ids = &call->operand[0], *logits = &call->operand[1], *params = &call->operand[2];
    for (int64_t r = begin; r < end; r++)
        ((int32_t *)ids->data)[r * ids->stride[0]] =
            sample_row((const float *)logits->data + r * logits->stride[0], logits->shape[1],
                       (const float *)params->data + r * params->stride[0], scratch);
}
