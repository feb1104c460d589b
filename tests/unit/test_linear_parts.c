/* SPDX-License-Identifier: Apache-2.0 */
/* The products of ranks that hold parts of K, added in the tree, are the product of one rank bit for bit: strided parts as views
 * of the whole weight, panels packed from their columns. */
#include <stdlib.h>
#include <string.h>

#include "kernels/linear/linear.h"
#include "kernels/reduce/reduce.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/weights/panel.h"
#include "unit/cmocka_all.h"

enum { N = 37, MAX_K = 1024, MAX_M = 100 };

static const struct kernel {
    hdi_kernel_id id;
    hd_dtype type;
    hdi_layout layout;
} kernels[] = {
    {HDI_KERNEL_linear_f32_f32, HD_DTYPE_F32, HDI_LAYOUT_STRIDED},
    {HDI_KERNEL_linear_f32_f16, HD_DTYPE_F16, HDI_LAYOUT_STRIDED},
    {HDI_KERNEL_linear_f32_bf16, HD_DTYPE_BF16, HDI_LAYOUT_STRIDED},
#define WEIGHT(NAME, name) {HDI_KERNEL_linear_f32_##name##_panel, HD_DTYPE_##NAME, HDI_LAYOUT_PANEL},
#include "kernels/weights/weights.def"
};

static float x[MAX_M * MAX_K], w[N * MAX_K], whole[MAX_M * N], part[8][MAX_M * N];
static float bias[N], residual[MAX_M * N], weight[N];
static uint8_t rows[N * MAX_K * 4]; /* w in the weight's type */
static uint8_t packed[64 * MAX_K * 4] __attribute__((aligned(64)));

/* y [m, N] of the columns lo .. hi of K; `add` a bias or NULL. */
static void product(const struct kernel *kn, int64_t m, int64_t k, int64_t lo, int64_t hi, hdi_linear_attr attr, float *add,
                    float *y) {
    size_t at = (size_t)(lo / hd_dtype_block_elements(kn->type)) * hd_dtype_block_bytes(kn->type);
    hdi_operand o[4] = {
        {.data = y, .shape = {m, N}, .stride = {N, 1}, .dtype = HD_DTYPE_F32, .rank = 2},
        {.data = x + lo, .shape = {m, hi - lo}, .stride = {k, 1}, .dtype = HD_DTYPE_F32, .rank = 2},
        {.data = rows + at, .shape = {N, hi - lo}, .stride = {k, 1}, .dtype = kn->type, .layout = kn->layout, .rank = 2},
        {.data = add, .shape = {N}, .stride = {1}, .dtype = HD_DTYPE_F32, .rank = 1},
    };
    hdi_kernel_call call = {.operand = o, .attr = &attr, .n_operands = 4};
    hdi_kernel_work work;
    if (kn->layout == HDI_LAYOUT_PANEL) {
        hdi_panel_pack(packed, kn->type, 0, hdi_panel_count(N), N, hi - lo, rows + at, kn->type, k);
        o[2].data = packed;
    }
    hdi_kernel_work_of(kn->id)(&call, &work);
    void *scratch = work.scratch ? aligned_alloc(64, hdi_align_up(work.scratch, 64)) : NULL;
    hdi_kernel_get(kn->id)(&call, 0, work.items, scratch);
    free(scratch);
}

static void fill(const struct kernel *kn, int64_t m, int64_t k) {
    const hdi_weight *type = hdi_weight_of(kn->type);
    size_t row = (size_t)(k / hd_dtype_block_elements(kn->type)) * hd_dtype_block_bytes(kn->type);
    for (int64_t i = 0; i < m * k; i++) x[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    for (int64_t i = 0; i < N * k; i++) w[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    for (int64_t i = 0; i < m * N; i++) residual[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    for (int64_t i = 0; i < N; i++) bias[i] = weight[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    for (int64_t n = 0; n < N; n++) type->quantize_row(w + n * k, rows + (size_t)n * row, k);
}

static void run(hdi_kernel_id id, hdi_operand *o, int n, const void *attr) {
    hdi_kernel_call call = {.operand = o, .attr = attr, .n_operands = n};
    hdi_kernel_work work;
    hdi_kernel_work_of(id)(&call, &work);
    hdi_kernel_get(id)(&call, 0, work.items, NULL);
}

/* y = residual + (the tree over part[0 .. ranks) + bias) by reduce, or by reduce_norm with its norm in z. */
static void reduce(int64_t m, int ranks, bool with, bool norm, float *y, float *z) {
    const hdi_reduce_attr attr = {.parts = ranks, .eps = 1e-5f};
    const hdi_operand rows_of = {.shape = {m, N}, .stride = {N, 1}, .dtype = HD_DTYPE_F32, .rank = 2};
    const hdi_operand vector = {.shape = {N}, .stride = {1}, .dtype = HD_DTYPE_F32, .rank = 1};
    hdi_operand o[13] = {rows_of, rows_of}, *in = o + (norm ? 2 : 1);
    o[0].data = y;
    if (norm) o[1].data = z;
    for (int p = 0; p < HDI_REDUCE_PARTS; p++) {
        in[p] = rows_of;
        in[p].data = p < ranks ? part[p] : NULL;
    }
    in[HDI_REDUCE_BIAS] = vector, in[HDI_REDUCE_BIAS].data = with ? bias : NULL;
    in[HDI_REDUCE_RESIDUAL] = rows_of, in[HDI_REDUCE_RESIDUAL].data = with ? residual : NULL;
    if (norm) in[HDI_REDUCE_WEIGHT] = vector, in[HDI_REDUCE_WEIGHT].data = weight;
    run(norm ? HDI_KERNEL_reduce_norm_f32 : HDI_KERNEL_reduce_f32, o, norm ? 13 : 11, &attr);
}

/* What one rank computes: `whole`, its bias added and then the residual; and the norm of that. */
static void finish(int64_t m, bool with, float *norm) {
    hdi_operand o[3] = {
        {.data = norm, .shape = {m, N}, .stride = {N, 1}, .dtype = HD_DTYPE_F32, .rank = 2},
        {.data = whole, .shape = {m, N}, .stride = {N, 1}, .dtype = HD_DTYPE_F32, .rank = 2},
        {.data = weight, .shape = {N}, .stride = {1}, .dtype = HD_DTYPE_F32, .rank = 1},
    };
    for (int64_t i = 0; with && i < m * N; i++) whole[i] = residual[i] + whole[i];
    run(HDI_KERNEL_rms_norm_f32, o, 3, &(hdi_rms_norm_attr){.eps = 1e-5f});
}

static void same_bits(const struct kernel *kn, int64_t m, int64_t k, int32_t unit, bool with) {
    const hdi_linear_attr all = {.k_slices = 8, .k_unit = unit};
    static float norm[MAX_M * N], y[MAX_M * N], z[MAX_M * N];
    size_t bytes = (size_t)(m * N) * sizeof(float);
    fill(kn, m, k);
    product(kn, m, k, 0, k, all, with ? bias : NULL, whole);
    finish(m, with, norm);
    for (int ranks = 1; ranks <= 8; ranks *= 2) {
        hdi_linear_attr own = {.k_slices = 8 / ranks, .k_unit = unit};
        for (int r = 0; r < ranks; r++) {
            int64_t lo = hdi_linear_slice(&all, k, 8 / ranks * r), hi = hdi_linear_slice(&all, k, 8 / ranks * (r + 1));
            product(kn, m, k, lo, hi, own, NULL, part[r]);
        }
        reduce(m, ranks, with, false, y, NULL);
        bool same = memcmp(y, whole, bytes) == 0;
        reduce(m, ranks, with, true, y, z);
        same = same && memcmp(y, whole, bytes) == 0 && memcmp(z, norm, bytes) == 0;
        if (!same) fail_msg("%s: %d ranks, m %d, k %d, unit %d", hdi_kernel_name(kn->id), ranks, (int)m, (int)k, unit);
    }
}

static void test_parts(void **state) {
    static const int64_t ms[] = {1, 2, 17, 100}, ks[] = {1, 100, 255, 256, 527, 1000};
    static const int32_t units[] = {0, 8, 80, 64};
    (void)state;
    for (size_t i = 0; i < HDI_COUNTOF(kernels); i++)
        for (size_t a = 0; a < HDI_COUNTOF(ms); a++)
            for (size_t b = 0; b < HDI_COUNTOF(ks); b++)
                for (size_t u = 0; u < HDI_COUNTOF(units); u++) {
                    int64_t block = hd_dtype_block_elements(kernels[i].type), k = hdi_ceil_div(ks[b], block) * block;
                    if (units[u] % block == 0) same_bits(&kernels[i], ms[a], k, units[u], b % 2);
                }
}

static void test_cuts(void **state) {
    (void)state;
    for (int64_t units = 0; units < 70; units++)
        for (int slices = 1; slices <= 8; slices *= 2)
            for (int s = 0; s < slices; s++) {
                int64_t lo = hdi_bisect(units, s, slices), hi = hdi_bisect(units, s + 1, slices);
                assert_true(lo <= hi && hi <= units && hi - lo <= units / slices + 1 && hi - lo >= units / slices);
                for (int inner = 0; inner <= 8 / slices; inner++) /* a part cut by itself */
                    assert_int_equal(lo + hdi_bisect(hi - lo, inner, 8 / slices), hdi_bisect(units, 8 / slices * s + inner, 8));
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cuts), cmocka_unit_test(test_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
