/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/kv_write/kv_write.h"
#include "kernels/ref.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype x, cache;
} kernels[] = {{HDI_KERNEL_kv_write_f32_f32, HD_DTYPE_F32, HD_DTYPE_F32},
               {HDI_KERNEL_kv_write_f32_f16, HD_DTYPE_F32, HD_DTYPE_F16},
               {HDI_KERNEL_kv_write_f32_bf16, HD_DTYPE_F32, HD_DTYPE_BF16},
               {HDI_KERNEL_kv_write_f16_f16, HD_DTYPE_F16, HD_DTYPE_F16},
               {HDI_KERNEL_kv_write_bf16_bf16, HD_DTYPE_BF16, HD_DTYPE_BF16}};

static bool make(hdi_check *c, int k, int64_t tokens, int64_t heads, int64_t d, hdi_fill fill) {
    enum { PAGES = 3, PAGE = 5, SLOTS = PAGES * PAGE };
    if (!hdi_check_begin(c, kernels[k].id, NULL, 0)) return false;
    hdi_check_inout(c, kernels[k].cache, HDI_ROWS, HDI_NORMAL(1), HDI_DIMS(PAGES, PAGE, heads, d));
    hdi_check_alias(c, 0);
    hdi_check_in(c, kernels[k].x, HDI_ROWS, fill, HDI_DIMS(tokens, heads, d));
    hdi_operand *slots = hdi_check_in(c, HD_DTYPE_I32, HDI_ANY, HDI_UNIFORM(0, 1), HDI_DIMS(tokens));
    int32_t free_slots[SLOTS], n = SLOTS;
    for (int i = 0; i < SLOTS; i++) free_slots[i] = i;
    for (int64_t t = 0; t < tokens; t++) { /* slots in any order, none twice, some that write nothing */
        int32_t *slot = (int32_t *)slots->data + t * slots->stride[0];
        *slot = t % 4 == 3 ? -1 : t % 7 == 5 ? SLOTS + 3 : 0;
        if (*slot == 0) {
            int i = (int)hdi_check_int(c, 0, n - 1);
            *slot = free_slots[i];
            free_slots[i] = free_slots[--n];
        }
    }
    hdi_check_reference_specials(c);
    return true;
}

void hdi_kv_write_check(hdi_check *c) {
    for (int k = 0; k < 5; k++) {
        for (int i = 0; i < hdi_check_n_sizes && hdi_check_sizes[i] <= 100; i++) {
            if (make(c, k, 1 + i % 9, 2, hdi_check_sizes[i], HDI_NORMAL(1))) hdi_check_run(c, hdi_kv_write_ref);
            if (make(c, k, 3, 1, hdi_check_sizes[i], HDI_SPECIAL)) hdi_check_run(c, hdi_kv_write_ref);
        }
        if (hdi_check_benching(c) && make(c, k, 8, 8, 128, HDI_NORMAL(1)))
            hdi_check_bench(
                c, 6.0 * 8 * 128 * (double)(hd_dtype_block_bytes(kernels[k].x) + hd_dtype_block_bytes(kernels[k].cache)), 0);
    }
}
