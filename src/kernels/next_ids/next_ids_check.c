/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/next_ids/next_ids.h"
#include "kernels/ref.h"

enum { VOCAB = 150000 };

static bool make_keep(hdi_check *c, int64_t kept, int64_t drawn) {
    if (!hdi_check_begin(c, HDI_KERNEL_keep_ids_i32, NULL, 0)) return false;
    hdi_check_inout(c, HD_DTYPE_I32, HDI_ANY, HDI_UNIFORM(0, VOCAB), HDI_DIMS(kept));
    hdi_check_alias(c, 0);
    hdi_check_in(c, HD_DTYPE_I32, HDI_ANY, HDI_UNIFORM(-1, VOCAB), HDI_DIMS(drawn));
    return true;
}

static bool make_take(hdi_check *c, int64_t tokens, int64_t kept, double outside) {
    if (!hdi_check_begin(c, HDI_KERNEL_take_ids_i32, NULL, 0)) return false;
    hdi_check_out(c, HD_DTYPE_I32, HDI_ANY, HDI_DIMS(tokens));
    hdi_check_in(c, HD_DTYPE_I32, HDI_ANY, HDI_UNIFORM(0, VOCAB), HDI_DIMS(tokens));
    hdi_check_in(c, HD_DTYPE_I32, HDI_ANY, HDI_UNIFORM(-outside, (double)kept + outside), HDI_DIMS(tokens));
    hdi_check_in(c, HD_DTYPE_I32, HDI_ANY, HDI_UNIFORM(0, VOCAB), HDI_DIMS(kept));
    return true;
}

void hdi_keep_ids_check(hdi_check *c) {
    for (int i = 0; i < hdi_check_n_sizes; i++) {
        int64_t n = hdi_check_sizes[i];
        if (make_keep(c, n, n)) hdi_check_run(c, hdi_keep_ids_ref);
        if (make_keep(c, n + 5, n)) hdi_check_run(c, hdi_keep_ids_ref);
        if (make_keep(c, n, n + 5)) hdi_check_run(c, hdi_keep_ids_ref);
    }
}

void hdi_take_ids_check(hdi_check *c) {
    for (int i = 0; i < hdi_check_n_sizes; i++) {
        int64_t n = hdi_check_sizes[i];
        if (make_take(c, n, 1 + i % 9, 1)) hdi_check_run(c, hdi_take_ids_ref);
        if (make_take(c, n, 8, 8)) hdi_check_run(c, hdi_take_ids_ref);
        if (make_take(c, n, 0, 1e9)) hdi_check_run(c, hdi_take_ids_ref);
    }
}
