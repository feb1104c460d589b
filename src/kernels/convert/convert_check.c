/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/check.h"
#include "kernels/convert/convert.h"
#include "kernels/ref.h"

enum { PLAIN_TYPES = HD_DTYPE_F8_E5M2 + 1 }; /* they come first in HD_DTYPE_LIST */

static hdi_operand *make(hdi_check *c, hd_dtype to, hd_dtype from, hdi_freedom freedom, int64_t rows, int64_t n, hdi_fill fill) {
    if (!hdi_check_begin(c, HDI_KERNEL_convert_any, &to, sizeof to)) return NULL;
    hdi_check_out(c, to, freedom, HDI_DIMS(rows, n));
    hdi_operand *x = hdi_check_in(c, from, freedom, fill, HDI_DIMS(rows, n));
    hdi_check_exact(c);
    hdi_check_reference_specials(c);
    return x;
}

/* What rounding meets: halfway between neighbours of every small float, and a little beside that. */
static void halves(hdi_check *c, hdi_operand *x) {
    for (int64_t i = 0; i < x->shape[1]; i++) {
        int digits = (int[]){3, 4, 8, 11, 24}[i % 5];
        double tie = 1 + (2 * (double)hdi_check_int(c, 0, 3) + 1) * (1.0 / (double)(1ll << digits));
        tie += (double)hdi_check_int(c, -1, 1) * 0x1p-45;
        ((double *)x->data)[i * x->stride[1]] = hdi_check_int(c, 0, 1) ? tie : -tie * 0x1p-15;
    }
}

/* Integers with such halves, far beyond what a double holds exactly. */
static void big_halves(hdi_check *c, hdi_operand *x) {
    for (int64_t i = 0; i < x->shape[1]; i++) {
        int digits = (int[]){3, 4, 8, 11, 24}[i % 5];
        int64_t tie = (1ll << 62) + ((2 * hdi_check_int(c, 0, 3) + 1) << (62 - digits)) + hdi_check_int(c, -1, 1);
        ((int64_t *)x->data)[i * x->stride[1]] = hdi_check_int(c, 0, 1) ? tie : -tie;
    }
}

/* Rows of whole blocks to a block type, and back from what such rows can hold. */
static void check_blocks(hdi_check *c, hd_dtype block) {
    static const hd_dtype floats[] = {HD_DTYPE_F32, HD_DTYPE_F16, HD_DTYPE_BF16};
    for (int k = 0; k < 3; k++)
        for (int64_t n = 0; n <= 160; n += 32) {
            hdi_operand *x;
            if (make(c, block, floats[k], HDI_ROWS, 3, n, HDI_NORMAL(n % 64 ? 1 : 1e-3))) hdi_check_run(c, hdi_convert_ref);
            if (make(c, block, floats[k], HDI_ROWS, 1, n, HDI_UNIFORM(0, 1e-30))) hdi_check_run(c, hdi_convert_ref); /* scale 0 */
            if (!(x = make(c, floats[k], block, HDI_ROWS, 3, n, HDI_BITS))) continue;
            for (int64_t b = 0; b < 3 * n / 32; b++) { /* scales that are numbers */
                int64_t row = b / (n / 32), at = (row * x->stride[0] / 32 + b % (n / 32)) * (int64_t)hd_dtype_block_bytes(block);
                uint16_t scale = (uint16_t)hdi_check_int(c, 0, 0x4fff);
                memcpy((uint8_t *)x->data + at, &scale, 2);
            }
            hdi_check_run(c, hdi_convert_ref);
        }
    if (make(c, block, HD_DTYPE_F32, HDI_DENSE, 2, 2 * 4096 + 64, HDI_NORMAL(1))) hdi_check_run(c, hdi_convert_ref);
}

static void bench(hdi_check *c, hd_dtype to, hd_dtype from) {
    int64_t rows = hdi_check_bench_rows(c, 16);
    if (!make(c, to, from, HDI_DENSE, rows, 4096, HDI_NORMAL(1))) return;
    double bytes = (double)hd_dtype_block_bytes(to) / hd_dtype_block_elements(to) +
                   (double)hd_dtype_block_bytes(from) / hd_dtype_block_elements(from);
    hdi_check_bench(c, (double)rows * 4096 * bytes, 0);
}

void hdi_convert_check(hdi_check *c) {
    hdi_operand *x;
    for (int to = 0; to < PLAIN_TYPES; to++) {
        for (int from = 0; from < PLAIN_TYPES; from++) {
            bool real = from == HD_DTYPE_F16 || from == HD_DTYPE_BF16 || from == HD_DTYPE_F32 || from == HD_DTYPE_F64;
            for (int i = 0; i < hdi_check_n_sizes; i += i < 34 ? 3 : 1) {
                hdi_fill wide = real ? HDI_NORMAL(i % 2 ? 1 : 300) : HDI_BITS;
                if (make(c, (hd_dtype)to, (hd_dtype)from, HDI_ROWS, 3, hdi_check_sizes[i], wide))
                    hdi_check_run(c, hdi_convert_ref);
                if (make(c, (hd_dtype)to, (hd_dtype)from, HDI_ANY, 2, hdi_check_sizes[i], real ? HDI_SPECIAL : HDI_BITS))
                    hdi_check_run(c, hdi_convert_ref);
            }
        }
        if ((x = make(c, (hd_dtype)to, HD_DTYPE_F64, HDI_ANY, 1, 200, HDI_NORMAL(1)))) {
            halves(c, x);
            hdi_check_run(c, hdi_convert_ref);
        }
        if ((x = make(c, (hd_dtype)to, HD_DTYPE_I64, HDI_ANY, 1, 200, HDI_BITS))) {
            big_halves(c, x);
            hdi_check_run(c, hdi_convert_ref);
        }
    }
    if (make(c, HD_DTYPE_BF16, HD_DTYPE_F32, HDI_DENSE, 2, 9001, HDI_NORMAL(1))) hdi_check_run(c, hdi_convert_ref);
    check_blocks(c, HD_DTYPE_Q8_0);
    check_blocks(c, HD_DTYPE_Q4_0);
    if (!hdi_check_benching(c)) return;
    bench(c, HD_DTYPE_Q8_0, HD_DTYPE_F32);
    bench(c, HD_DTYPE_Q4_0, HD_DTYPE_BF16);
    bench(c, HD_DTYPE_F32, HD_DTYPE_Q4_0);
    bench(c, HD_DTYPE_F32, HD_DTYPE_BF16);
    bench(c, HD_DTYPE_BF16, HD_DTYPE_F32);
    bench(c, HD_DTYPE_F32, HD_DTYPE_F16);
    bench(c, HD_DTYPE_F16, HD_DTYPE_F32);
    bench(c, HD_DTYPE_F64, HD_DTYPE_I32);
}
