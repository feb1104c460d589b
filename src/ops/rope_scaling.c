/* SPDX-License-Identifier: Apache-2.0 */
/* Formulas after transformers 4.57, modeling_rope_utils.py; its torch operations are f32, and "scalar / tensor" there is a
 * reciprocal and a product, each rounded. */
#include "ops/rope_scaling.h"

#include <math.h>

static hd_status check_positive(double value, const char *field) {
    HD_REQUIRE(isfinite(value) && value > 0, HD_INVALID_ARGUMENT, "rope: %s is %g; it must be positive", field, value);
    return HD_OK;
}

static hd_status check(double theta, int32_t dims, const hd_rope_scaling *s) {
    HD_TRY(check_positive(theta, "theta"));
    HD_REQUIRE(dims >= 2 && dims % 2 == 0 && dims <= 1 << 20, HD_INVALID_ARGUMENT,
               "rope: %d dims cannot turn; it needs an even number", dims);
    if (s->kind == HD_ROPE_SCALING_NONE) return HD_OK;
    HD_REQUIRE(s->kind > 0 && s->kind <= HD_ROPE_SCALING_YARN, HD_INVALID_ARGUMENT, "rope: %d is no kind of scaling",
               (int)s->kind);
    HD_TRY(check_positive(s->factor, "scaling factor"));
    if (s->kind == HD_ROPE_SCALING_LINEAR) return HD_OK;
    HD_TRY(check_positive((double)s->original_positions, "scaling original_positions"));
    if (s->kind == HD_ROPE_SCALING_DYNAMIC)
        HD_REQUIRE(dims > 2, HD_INVALID_ARGUMENT, "rope: dynamic scaling needs more than 2 dims that turn");
    if (s->kind == HD_ROPE_SCALING_LLAMA3) {
        HD_TRY(check_positive(s->low_freq_factor, "scaling low_freq_factor"));
        HD_TRY(check_positive(s->high_freq_factor, "scaling high_freq_factor"));
        HD_REQUIRE(s->high_freq_factor > s->low_freq_factor, HD_INVALID_ARGUMENT,
                   "rope: scaling high_freq_factor %g must be above low_freq_factor %g", s->high_freq_factor, s->low_freq_factor);
    }
    if (s->kind == HD_ROPE_SCALING_YARN) {
        HD_REQUIRE(theta != 1, HD_INVALID_ARGUMENT, "rope: yarn scaling needs a theta other than 1");
        HD_REQUIRE(s->beta_fast >= 0 && s->beta_slow >= 0 && isfinite(s->beta_fast) && isfinite(s->beta_slow),
                   HD_INVALID_ARGUMENT, "rope: scaling beta_fast %g and beta_slow %g must not be negative", s->beta_fast,
                   s->beta_slow);
        HD_REQUIRE(isfinite(s->attention_factor) && isfinite(s->mscale) && isfinite(s->mscale_all_dim), HD_INVALID_ARGUMENT,
                   "rope: scaling attention_factor, mscale and mscale_all_dim must be finite");
    }
    return HD_OK;
}

/* theta^(2j / dims) */
static float wavelength_base(double theta, int32_t dims, int32_t j) { return powf((float)theta, (float)(2 * j) / (float)dims); }

static void llama3(const hd_rope_scaling *s, int32_t pairs, float *inv_freq) {
    const float pi2 = (float)(2 * 3.14159265358979323846), length = (float)s->original_positions, factor = (float)s->factor;
    const float low = (float)s->low_freq_factor, span = (float)(s->high_freq_factor - s->low_freq_factor);
    const float longest = (float)((double)s->original_positions / s->low_freq_factor);
    const float shortest = (float)((double)s->original_positions / s->high_freq_factor);
    for (int32_t j = 0; j < pairs; j++) {
        float wave = 1.0f / inv_freq[j] * pi2;
        if (wave > longest) {
            inv_freq[j] /= factor;
        } else if (wave >= shortest) {
            float smooth = (1.0f / wave * length - low) / span;
            inv_freq[j] = (1.0f - smooth) * inv_freq[j] / factor + smooth * inv_freq[j];
        }
    }
}

/* The (fractional) pair whose wave turns `turns` times within the trained positions. */
static double yarn_pair(const hd_rope_scaling *s, double theta, int32_t dims, double turns) {
    return dims * log((double)s->original_positions / (turns * 2 * 3.14159265358979323846)) / (2 * log(theta));
}

static void yarn(const hd_rope_scaling *s, double theta, int32_t dims, float *inv_freq) {
    double low = yarn_pair(s, theta, dims, s->beta_fast != 0 ? s->beta_fast : 32);
    double high = yarn_pair(s, theta, dims, s->beta_slow != 0 ? s->beta_slow : 1);
    if (!s->no_truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, dims - 1);
    if (low == high) high += 0.001; /* no division by zero */
    for (int32_t j = 0; j < dims / 2; j++) {
        float wave = wavelength_base(theta, dims, j), ramp = ((float)j - (float)low) / (float)(high - low);
        float keep = 1.0f - (ramp < 0 ? 0 : ramp > 1 ? 1 : ramp);
        inv_freq[j] = 1.0f / ((float)s->factor * wave) * (1.0f - keep) + 1.0f / wave * keep;
    }
}

static double yarn_mscale(double factor, double mscale) { return factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1; }

static double yarn_attention(const hd_rope_scaling *s) {
    if (s->attention_factor != 0) return s->attention_factor;
    if (s->mscale != 0 && s->mscale_all_dim != 0)
        return yarn_mscale(s->factor, s->mscale) / yarn_mscale(s->factor, s->mscale_all_dim);
    return yarn_mscale(s->factor, 1);
}

hd_status hdi_rope_frequencies(double theta, int32_t dims, const hd_rope_scaling *scaling, float *inv_freq,
                               float *attention_scale) {
    static const hd_rope_scaling none = {.kind = HD_ROPE_SCALING_NONE};
    const hd_rope_scaling *s = scaling ? scaling : &none;
    HD_TRY(check(theta, dims, s));
    for (int32_t j = 0; j < dims / 2; j++) inv_freq[j] = 1.0f / wavelength_base(theta, dims, j);
    *attention_scale = 1;
    switch (s->kind) {
    case HD_ROPE_SCALING_NONE:
    case HD_ROPE_SCALING_DYNAMIC:
        break;
    case HD_ROPE_SCALING_LINEAR:
        for (int32_t j = 0; j < dims / 2; j++) inv_freq[j] /= (float)s->factor;
        break;
    case HD_ROPE_SCALING_LLAMA3:
        llama3(s, dims / 2, inv_freq);
        break;
    case HD_ROPE_SCALING_YARN:
        yarn(s, theta, dims, inv_freq);
        *attention_scale = (float)yarn_attention(s);
        break;
    }
    return HD_OK;
}
