/* SPDX-License-Identifier: Apache-2.0 */
/* A few rows a step: nothing here is worth vectors beyond those of the conversions, so every ISA runs the same code. */
#include <string.h>

#include "kernels/embedding/embedding.h"
#include "kernels/rows.h"
#include "kernels/weights/panel.h"

/* ids[r] in row-major order. */
static inline int64_t embedding_id(const hdi_operand *ids, int64_t r) {
    int64_t at = 0;
    for (int i = ids->rank - 1; i >= 0; i--) {
        at += r % ids->shape[i] * ids->stride[i];
        r /= ids->shape[i];
    }
    return ids->dtype == HD_DTYPE_I64 ? ((const int64_t *)ids->data)[at] : ((const int32_t *)ids->data)[at];
}

/* Row `id` of the table as f32. */
static inline void embedding_row(const hdi_operand *table, int64_t id, int64_t d, float *out) {
    const hdi_weight *type = hdi_weight_of((hd_dtype)table->dtype);
    if (table->layout == HDI_LAYOUT_PANEL) {
        hdi_panel_get_row(table->data, (hd_dtype)table->dtype, d, id, out);
        return;
    }
    size_t at = (size_t)(id * table->stride[0] / hd_dtype_block_elements(type->dtype)) * hd_dtype_block_bytes(type->dtype);
    type->dequantize_row((const uint8_t *)table->data + at, out, d);
}

static void embedding_rows(const hdi_kernel_call *call, int64_t begin, int64_t end, float *scratch) {
    const hdi_operand *y = &call->operand[0], *ids = &call->operand[1], *table = &call->operand[2];
    const hdi_embedding_attr *attr = call->attr;
    int64_t d = hdi_row_length(y), size = (int64_t)hd_dtype_block_bytes((hd_dtype)y->dtype);
    for (int64_t r = begin; r < end; r++) {
        int64_t id = embedding_id(ids, r), whole = attr->total;
        if (whole > 0 && id >= 0 && id < whole && (id < attr->first || id >= attr->first + table->shape[0])) {
            for (int64_t i = 0; i < d; i += VF_LANES)
                vf_store_n_f32((float *)y->data + hdi_row_offset(y, r) + i, vf_set1(-0.0f), d - i);
            continue;
        }
        if (whole > 0) id = id >= 0 && id < whole ? id - attr->first : -1;
        uint8_t *to = (uint8_t *)y->data + hdi_row_offset(y, r) * size;
        if (id < 0 || id >= table->shape[0]) {
            memset(to, 0, (size_t)(d * size));
        } else if (y->dtype == table->dtype && table->layout == HDI_LAYOUT_STRIDED) {
            memcpy(to, (const uint8_t *)table->data + id * table->stride[0] * size, (size_t)(d * size));
        } else if (y->dtype == HD_DTYPE_F32) {
            embedding_row(table, id, d, (float *)(void *)to);
        } else { /* a panel of a narrow type to itself */
            embedding_row(table, id, d, scratch);
            hdi_weight_of((hd_dtype)y->dtype)->quantize_row(scratch, to, d);
        }
    }
}

HDI_KERNEL_BEGIN(embedding, f16_f16) { embedding_rows(call, begin, end, scratch); }
HDI_KERNEL_BEGIN(embedding, bf16_bf16) { embedding_rows(call, begin, end, scratch); }
#define WEIGHT(NAME, name) \
    HDI_KERNEL_BEGIN(embedding, name##_f32) { embedding_rows(call, begin, end, scratch); }
#include "kernels/weights/weights.def"
