/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling takes decisions, so a draw that lies within rounding of another answer tells nothing: parameters are drawn until the
 * reference gives the same answer for all of them a little changed. Logits lie on a grid, so that equal ones are equal. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "kernels/ref.h"
#include "kernels/sample/sample.h"

enum { GREEDY = 1, TOP_K = 2, TOP_P = 4, MIN_P = 8, TYPICAL = 16, ALL = 31 };

static void draw_params(hdi_check *c, int filters, int64_t n, float *p) {
    p[HDI_SAMPLE_TEMPERATURE] = filters & GREEDY ? 0.0f : (float)hdi_check_real(c, 0.2, 2);
    p[HDI_SAMPLE_TOP_K] = filters & TOP_K ? (float)hdi_check_int(c, 1, n + 1) : 0.0f;
    p[HDI_SAMPLE_TOP_P] = filters & TOP_P ? (float)hdi_check_real(c, 0.1, 1) : 1.0f;
    p[HDI_SAMPLE_MIN_P] = filters & MIN_P ? (float)hdi_check_real(c, 0.01, 0.3) : 0.0f;
    p[HDI_SAMPLE_TYPICAL_P] = filters & TYPICAL ? (float)hdi_check_real(c, 0.2, 1) : 1.0f;
    p[HDI_SAMPLE_UNIFORM] = (float)hdi_check_real(c, 0, 1);
    p[6] = p[7] = NAN; /* unused */
}

static bool clear_cut(const float *logits, int64_t n, const float *params) {
    double p[HDI_SAMPLE_PARAMS], q[HDI_SAMPLE_PARAMS];
    for (int i = 0; i < HDI_SAMPLE_PARAMS; i++) p[i] = (double)params[i];
    int64_t want = hdi_sample_ref_pick(logits, n, p);
    for (int i = HDI_SAMPLE_TOP_P; i <= HDI_SAMPLE_UNIFORM; i++)
        for (int sign = -1; sign <= 1; sign += 2) {
            memcpy(q, p, sizeof q);
            if (i != HDI_SAMPLE_UNIFORM && (p[i] == 0 || p[i] == 1)) continue;
            q[i] += sign * 2e-5;
            if (hdi_sample_ref_pick(logits, n, q) != want) return false;
        }
    return true;
}

/* Tokens that cannot follow; and what makes a row answer -1. */
enum { FINITE, MASKED, ALL_MASKED, WITH_NAN, WITH_INFINITY };

static void set_kind(hdi_check *c, float *x, int64_t n, int kind) {
    for (int64_t i = 0; i < n; i++)
        if (kind == ALL_MASKED || (kind == MASKED && i != n / 2 && hdi_check_int(c, 0, 3) == 0)) x[i] = -INFINITY;
    if (kind == WITH_NAN) x[hdi_check_int(c, 0, n - 1)] = hdi_check_int(c, 0, 1) ? NAN : -NAN;
    if (kind == WITH_INFINITY) x[hdi_check_int(c, 0, n - 1)] = INFINITY;
}

static bool make(hdi_check *c, int64_t rows, int64_t n, int filters, double spread, int kind) {
    if (!hdi_check_begin(c, HDI_KERNEL_sample_f32, NULL, 0)) return false;
    hdi_check_out(c, HD_DTYPE_I32, HDI_ANY, HDI_DIMS(rows));
    hdi_operand *logits = hdi_check_in(c, HD_DTYPE_F32, HDI_ROWS, HDI_NORMAL(spread), HDI_DIMS(rows, n));
    hdi_operand *params = hdi_check_in(c, HD_DTYPE_F32, HDI_ROWS, HDI_UNIFORM(0, 1), HDI_DIMS(rows, HDI_SAMPLE_PARAMS));
    for (int64_t r = 0; r < rows; r++) {
        float *x = (float *)logits->data + r * logits->stride[0], *p = (float *)params->data + r * params->stride[0];
        for (int64_t i = 0; i < n; i++) x[i] = (float)(rint((double)x[i] * 64) / 64);
        set_kind(c, x, n, r == 0 ? kind : FINITE); /* one row must not spoil another */
        for (int tries = 0; tries < 100; tries++) {
            draw_params(c, filters, n, p);
            if (n <= 30000 ? clear_cut(x, n, p) : true) break;
        }
    }
    return true;
}

static void bench(hdi_check *c, const char *what, int filters, double spread) {
    if (!make(c, 1, 151936, filters, spread, FINITE)) return;
    printf("%s, deviation %g:\n", what, spread);
    hdi_check_bench(c, 151936 * 4.0, 0);
}

void hdi_sample_check(hdi_check *c) {
    for (int i = 1; i < hdi_check_n_sizes; i++)
        for (int filters = 0; filters <= ALL; filters += 1 + (filters >= 2 && i > 34)) {
            int64_t n = hdi_check_sizes[i];
            if (make(c, 2, n, filters, 1.5, FINITE)) hdi_check_run(c, hdi_sample_ref);
            if (i % 3 == 0 && make(c, 2, n, filters, 20, FINITE)) hdi_check_run(c, hdi_sample_ref); /* candidates beyond e^-16 */
            if (i % 3 == 1 && make(c, 2, n, filters, 2, MASKED)) hdi_check_run(c, hdi_sample_ref);
            if (i % 3 == 2 && make(c, 2, n, filters, 0.01, FINITE)) hdi_check_run(c, hdi_sample_ref); /* many ties */
            if (filters % 5 == 0 && make(c, 2, n, filters, 1, ALL_MASKED + i % 3)) hdi_check_run(c, hdi_sample_ref);
        }
    for (int filters = 0; filters <= ALL; filters += 3) { /* rows of many slices on a device, more candidates than are kept near */
        if (make(c, 3, 5000 + 700 * filters, filters, 3, filters % 2 ? MASKED : FINITE)) hdi_check_run(c, hdi_sample_ref);
        if (make(c, 1, 9001, filters, 0.5, FINITE)) hdi_check_run(c, hdi_sample_ref);
    }
    if (!hdi_check_benching(c)) return;
    for (double spread = 1; spread <= 3; spread += 2) {
        bench(c, "greedy", GREEDY, spread);
        bench(c, "temperature alone", 0, spread);
        bench(c, "top_k", TOP_K, spread);
        bench(c, "top_p", TOP_P, spread);
        bench(c, "min_p", MIN_P, spread);
        bench(c, "typical_p", TYPICAL, spread);
    }
}
