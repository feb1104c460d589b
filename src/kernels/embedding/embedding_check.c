/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "base/status.h"
#include "check/check.h"
#include "kernels/embedding/embedding.h"
#include "kernels/ref.h"
#include "kernels/weights/panel.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype table, y;
} kernels[] = {
    {HDI_KERNEL_embedding_f16_f16, HD_DTYPE_F16, HD_DTYPE_F16},
    {HDI_KERNEL_embedding_bf16_bf16, HD_DTYPE_BF16, HD_DTYPE_BF16},
#define WEIGHT(NAME, name) {HDI_KERNEL_embedding_##name##_f32, HD_DTYPE_##NAME, HD_DTYPE_F32},
#include "kernels/weights/weights.def"
};

/* Packed from random f32 rows, a row at a time. */
static void add_table(hdi_check *c, hd_dtype dtype, hdi_layout layout, int64_t v, int64_t d) {
    const hdi_weight *type = hdi_weight_of(dtype);
    float x[1024];
    uint8_t row[4 * 1024];
    hdi_operand *t = layout == HDI_LAYOUT_PANEL ? hdi_check_opaque(c, dtype, layout, hdi_panel_bytes(dtype, v, d), HDI_DIMS(v, d))
                                                : hdi_check_in(c, dtype, HDI_ROWS, HDI_NORMAL(1), HDI_DIMS(v, d));
    for (int64_t r = 0; r < v && d; r++) {
        for (int64_t i = 0; i < d; i++) x[i] = (float)hdi_check_real(c, -3, 3);
        if (layout == HDI_LAYOUT_PANEL) {
            uint8_t *panel = (uint8_t *)t->data + (size_t)(r / 32) * hdi_panel_stride(dtype, d);
            type->quantize_row(x, row, d);
            type->pack(panel, (int)(r % 32), 0, d, row);
        } else if (hd_dtype_block_elements(dtype) > 1) {
            type->quantize_row(x, (uint8_t *)t->data + (size_t)(r * t->stride[0] / 32) * hd_dtype_block_bytes(dtype), d);
        }
    }
}

void hdi_embedding_check(hdi_check *c) {
    for (size_t k = 0; k < HDI_COUNTOF(kernels); k++)
        for (int layout = 0; layout < HDI_LAYOUT_COUNT; layout++)
            for (int i = 0; i < hdi_check_n_sizes; i++)
                for (int64_t rows = 0; rows <= 6; rows += 3) {
                    int64_t block = hd_dtype_block_elements(kernels[k].table), d = hdi_check_sizes[i] / block * block;
                    int64_t v = 1 + (hdi_check_sizes[i] * 7) % 70;
                    bool narrow = i % 2, part = kernels[k].y == HD_DTYPE_F32 && i % 3 == 1;
                    hdi_embedding_attr attr = {
                        .out = (uint8_t)kernels[k].y, .first = part ? i % 5 : 0, .total = part ? i % 5 + v + i % 4 : 0};
                    if (!hdi_check_begin(c, kernels[k].id, &attr, sizeof attr)) continue;
                    hdi_check_out(c, kernels[k].y, HDI_ROWS, HDI_DIMS(2, rows, d));
                    hdi_check_in(c, narrow ? HD_DTYPE_I32 : HD_DTYPE_I64, HDI_ANY,
                                 HDI_UNIFORM(-1, (double)v + 1 + (part ? 8 : 0)), HDI_DIMS(2, rows));
                    add_table(c, kernels[k].table, (hdi_layout)layout, v, d);
                    hdi_check_tolerance(c, 0, 0);
                    hdi_check_run(c, hdi_embedding_ref);
                }
}
