/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of a decoder's layer, each around its products, on devices: the steps one by one with the scalar kernels are what they
 * must give, up to the roundings of what flows between the steps. */
#include <math.h>

#include "base/status.h"
#include "check/check.h"
#include "kernels/linear/linear.h"
#include "kernels/ref.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/weights/panel.h"

/* The kernels of a layer whose activations are x and whose weights are w. */
typedef struct types {
    hd_dtype x, w, cache;
    hdi_layout layout;
    hdi_kernel_id linear, norm, rope, kv_write, add, swiglu;
} types;

#define LAYER(X, x, W, L, C, c, linear)                                                                                \
    {                                                                                                                  \
        HD_DTYPE_##X, HD_DTYPE_##W, HD_DTYPE_##C, HDI_LAYOUT_##L, HDI_KERNEL_linear_##linear, HDI_KERNEL_rms_norm_##x, \
            HDI_KERNEL_rope_##x, HDI_KERNEL_kv_write_##x##_##c, HDI_KERNEL_add_##x, HDI_KERNEL_swiglu_##x              \
    }
static const types all[] = {
    LAYER(F32, f32, F32, STRIDED, F32, f32, f32_f32),         LAYER(F32, f32, BF16, STRIDED, BF16, bf16, f32_bf16),
    LAYER(F16, f16, F16, STRIDED, F16, f16, f16_f16),         LAYER(BF16, bf16, BF16, STRIDED, BF16, bf16, bf16_bf16),
    LAYER(F32, f32, F32, PANEL, F32, f32, f32_f32_panel),     LAYER(F32, f32, F16, PANEL, F16, f16, f32_f16_panel),
    LAYER(F32, f32, BF16, PANEL, BF16, bf16, f32_bf16_panel), LAYER(F32, f32, Q8_0, PANEL, F16, f16, f32_q8_0_panel),
    LAYER(F32, f32, Q4_0, PANEL, F32, f32, f32_q4_0_panel),
};

static const hdi_operand none;

/* A weight [n, k] of random numbers of size 1 / sqrt(k), so that products have the size of what goes in. */
static hdi_operand add_weight(hdi_check *c, const types *t, int64_t n, int64_t k) {
    double size = 1.7 / sqrt((double)k + 1);
    if (t->layout == HDI_LAYOUT_STRIDED)
        return *hdi_check_in_strided(c, t->w, HDI_UNIFORM(-size, size), HDI_DIMS(n, k),
                                     (int64_t[]){k + 8 * hdi_check_int(c, 0, 1), 1});
    hdi_operand *w = hdi_check_opaque(c, t->w, t->layout, hdi_panel_bytes(t->w, n, k), HDI_DIMS(n, k));
    float rows[32 * 64];
    for (int64_t p = 0; p < hdi_panel_count(n); p++)
        for (int64_t k0 = 0; k0 < k; k0 += 64) {
            for (int i = 0; i < 32 * 64; i++) rows[i] = (float)hdi_check_real(c, -size, size);
            uint8_t *to = (uint8_t *)w->data + (size_t)p * hdi_panel_stride(t->w, k) + hdi_panel_stride(t->w, k0);
            hdi_panel_pack(to, t->w, 0, 1, hdi_min_i64(32, n - 32 * p), hdi_min_i64(64, k - k0), rows, HD_DTYPE_F32, 64);
        }
    return *w;
}

static hdi_operand in(hdi_check *c, hd_dtype dtype, int64_t m, int64_t n) {
    return *hdi_check_in(c, dtype, HDI_ROWS, HDI_NORMAL(1), HDI_DIMS(m, n));
}
static hdi_operand temp(hdi_check *c, hd_dtype dtype, int64_t m, int64_t n) {
    return *hdi_check_temp(c, dtype, HDI_ROWS, HDI_DIMS(m, n));
}
static hdi_operand out(hdi_check *c, hd_dtype dtype, int64_t m, int64_t n) {
    return *hdi_check_out(c, dtype, HDI_ROWS, HDI_DIMS(m, n));
}

/* rms_norm(x), the first step of most groups: what it gives. */
static hdi_operand step_norm(hdi_check *c, const types *t, int64_t m, int64_t k) {
    hdi_rms_norm_attr attr = {.eps = 1e-5f};
    hdi_operand y = temp(c, t->x, m, k), x = in(c, t->x, m, k);
    hdi_operand w = *hdi_check_in(c, t->x, HDI_DENSE, HDI_UNIFORM(0.5, 1.5), HDI_DIMS(k));
    hdi_check_step(c, t->norm, &attr, sizeof attr, HDI_OPERANDS(y, x, w));
    return y;
}

static void step_linear(hdi_check *c, const types *t, hdi_operand y, hdi_operand x, bool bias) {
    hdi_linear_attr attr = {.k_slices = 1};
    int64_t n = hdi_row_length(&y);
    hdi_operand w = add_weight(c, t, n, hdi_row_length(&x)), b = none;
    if (bias) b = *hdi_check_in(c, hdi_check_int(c, 0, 1) ? HD_DTYPE_F32 : t->x, HDI_DENSE, HDI_NORMAL(1), HDI_DIMS(n));
    hdi_check_step(c, t->linear, &attr, sizeof attr, HDI_OPERANDS(y, x, w, b));
}

/* Numbers of size 1 that flow between `steps` steps are rounded to x's type at each; K additions are of size 1 too. */
static void tolerance(hdi_check *c, const types *t, int64_t m, int64_t k, int steps) {
    bool narrowed = m > 16 && t->w != HD_DTYPE_F32; /* linear.h: x is as short as bf16 then */
    double ulp = narrowed || t->x == HD_DTYPE_BF16 ? 0x1p-8 : t->x == HD_DTYPE_F16 ? 0x1p-11 : 0x1p-24;
    double cache = t->cache == HD_DTYPE_BF16 ? 0x1p-8 : t->cache == HD_DTYPE_F16 ? 0x1p-11 : 0x1p-24;
    double chain = 0x1p-24 * ((double)k / 2 + 16);
    hdi_check_tolerance(c, 8 * (steps * ulp + chain + cache), 2 * steps * ulp + cache);
}

static void check_norm_linear(hdi_check *c, const types *t, int64_t m, int64_t n, int64_t k) {
    if (!hdi_check_begin_group(c, HDI_GROUP_norm_linear)) return;
    hdi_operand x = step_norm(c, t, m, k);
    step_linear(c, t, out(c, t->x, m, n), x, hdi_check_int(c, 0, 1));
    tolerance(c, t, m, k, 2);
    hdi_check_may_lack(c);
    hdi_check_run_group(c);
}

static void check_linear_add(hdi_check *c, const types *t, int64_t m, int64_t n, int64_t k) {
    if (!hdi_check_begin_group(c, HDI_GROUP_linear_add)) return;
    bool in_place = hdi_check_int(c, 0, 1), swapped = hdi_check_int(c, 0, 1);
    hdi_operand y = temp(c, t->x, m, n), residual, sum;
    step_linear(c, t, y, in(c, t->x, m, k), hdi_check_int(c, 0, 1));
    if (in_place)
        sum = residual = *hdi_check_inout(c, t->x, HDI_ROWS, HDI_NORMAL(1), HDI_DIMS(m, n));
    else
        residual = in(c, t->x, m, n), sum = out(c, t->x, m, n);
    hdi_check_step(c, t->add, NULL, 0, HDI_OPERANDS(sum, swapped ? residual : y, swapped ? y : residual));
    tolerance(c, t, m, k, 2);
    hdi_check_may_lack(c);
    hdi_check_run_group(c);
}

static void check_norm_swiglu(hdi_check *c, const types *t, int64_t m, int64_t n, int64_t k) {
    if (!hdi_check_begin_group(c, HDI_GROUP_norm_swiglu)) return;
    hdi_operand x = step_norm(c, t, m, k), gate = temp(c, t->x, m, n), up = temp(c, t->x, m, n);
    step_linear(c, t, gate, x, false);
    step_linear(c, t, up, x, false);
    hdi_check_step(c, t->swiglu, NULL, 0, HDI_OPERANDS(out(c, t->x, m, n), gate, up));
    tolerance(c, t, m, k, 4);
    hdi_check_may_lack(c);
    hdi_check_run_group(c);
}

/* ---- q, k, v ---- */

typedef struct qkv {
    int64_t m, k, heads, kv_heads, d, r;
    bool norms, bias, interleaved;
} qkv;

enum { PAGES = 5, PAGE = 8 };

/* [m, heads * d] seen as [m, heads, d]. */
static hdi_operand as_heads(hdi_operand y, int64_t heads, int64_t d) {
    y.rank = 3;
    y.shape[1] = heads;
    y.shape[2] = d;
    y.stride[1] = d;
    y.stride[2] = 1;
    return y;
}

/* linear, a norm of each head where the model has one, rope: into `to`. */
static void steps_rotated(hdi_check *c, const types *t, const qkv *s, hdi_operand x, hdi_operand to, hdi_operand cos,
                          hdi_operand sin) {
    hdi_rope_attr attr = {.interleaved = s->interleaved};
    hdi_operand made = temp(c, t->x, s->m, to.shape[1] * s->d);
    step_linear(c, t, made, x, s->bias);
    made = as_heads(made, to.shape[1], s->d);
    if (s->norms) {
        hdi_rms_norm_attr norm = {.eps = 1e-6f};
        hdi_operand y = *hdi_check_temp(c, t->x, HDI_DENSE, HDI_DIMS(s->m, to.shape[1], s->d));
        hdi_operand w = *hdi_check_in(c, t->x, HDI_DENSE, HDI_UNIFORM(0.5, 1.5), HDI_DIMS(s->d));
        hdi_check_step(c, t->norm, &norm, sizeof norm, HDI_OPERANDS(y, made, w));
        made = y;
    }
    hdi_check_step(c, t->rope, &attr, sizeof attr, HDI_OPERANDS(to, made, cos, sin));
}

/* Slots in a random order, none twice, one of them negative: padding. */
static hdi_operand add_slots(hdi_check *c, int64_t m) {
    hdi_operand *slots = hdi_check_in(c, HD_DTYPE_I32, HDI_DENSE, HDI_UNIFORM(0, 1), HDI_DIMS(m));
    int64_t first = hdi_check_int(c, 0, PAGES * PAGE - 1);
    for (int64_t i = 0; i < m; i++)
        ((int32_t *)slots->data)[i] = m > 2 && i == m - 1 ? -1 : (int32_t)((first + 7 * i) % (PAGES * PAGE)); /* 7, 40: coprime */
    return *slots;
}

static void check_norm_qkv(hdi_check *c, const types *t, qkv s) {
    if (!hdi_check_begin_group(c, HDI_GROUP_norm_qkv)) return;
    hdi_operand x = step_norm(c, t, s.m, s.k);
    hdi_operand cos = *hdi_check_in(c, HD_DTYPE_F32, HDI_ROWS, HDI_UNIFORM(-1, 1), HDI_DIMS(s.m, s.r));
    hdi_operand sin = *hdi_check_in(c, HD_DTYPE_F32, HDI_ROWS, HDI_UNIFORM(-1, 1), HDI_DIMS(s.m, s.r));
    hdi_operand slots = add_slots(c, s.m), cache[2];
    for (int i = 0; i < 2; i++)
        cache[i] = *hdi_check_inout(c, t->cache, HDI_DENSE, HDI_NORMAL(1), HDI_DIMS(PAGES, PAGE, s.kv_heads, s.d));
    steps_rotated(c, t, &s, x, *hdi_check_out(c, t->x, HDI_ROWS, HDI_DIMS(s.m, s.heads, s.d)), cos, sin);
    hdi_operand key = *hdi_check_temp(c, t->x, HDI_DENSE, HDI_DIMS(s.m, s.kv_heads, s.d));
    steps_rotated(c, t, &s, x, key, cos, sin);
    hdi_check_step(c, t->kv_write, NULL, 0, HDI_OPERANDS(cache[0], cache[0], key, slots));
    hdi_operand value = temp(c, t->x, s.m, s.kv_heads * s.d);
    step_linear(c, t, value, x, s.bias);
    hdi_check_step(c, t->kv_write, NULL, 0, HDI_OPERANDS(cache[1], cache[1], as_heads(value, s.kv_heads, s.d), slots));
    tolerance(c, t, s.m, s.k, 4);
    hdi_check_may_lack(c);
    hdi_check_run_group(c);
}

/* ---- sizes ---- */

static const struct {
    int64_t m, n, k;
} sizes[] = {{1, 64, 64}, {1, 100, 96}, {2, 33, 288}, {5, 96, 32}, {16, 64, 128}, {17, 40, 64}, {33, 128, 320}, {130, 132, 96}};

#define EACH_SIZE(group)                                                                                                   \
    void hdi_##group##_check(hdi_check *c) {                                                                               \
        for (size_t t = 0; t < HDI_COUNTOF(all); t++)                                                                      \
            for (size_t i = 0; i < HDI_COUNTOF(sizes); i++) check_##group(c, &all[t], sizes[i].m, sizes[i].n, sizes[i].k); \
    }
EACH_SIZE(norm_linear)
EACH_SIZE(linear_add)
EACH_SIZE(norm_swiglu)

void hdi_norm_qkv_check(hdi_check *c) {
    for (size_t t = 0; t < HDI_COUNTOF(all); t++)
        for (int variant = 0; variant < 8; variant++) {
            qkv s = {
                .m = (int64_t[]){1, 2, 9, 17}[variant % 4], .k = 64 + 32 * variant, .heads = 4, .kv_heads = variant % 3 ? 2 : 4};
            s.d = variant % 2 ? 64 : 32;
            s.r = variant == 5 ? s.d / 2 - 4 : s.d / 2;
            s.norms = variant & 1;
            s.bias = variant & 2;
            s.interleaved = variant & 4;
            check_norm_qkv(c, &all[t], s);
        }
}
