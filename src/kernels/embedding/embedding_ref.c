/* SPDX-License-Identifier: Apache-2.0 */
/* The definition, element by element, with weights' own definitions of their rows. */
#include <stdlib.h>

#include "kernels/embedding/embedding.h"
#include "kernels/ref.h"
#include "kernels/weights/panel.h"

void hdi_embedding_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *ids = &call->operand[1], *table = &call->operand[2];
    int64_t d = hdi_row_length(y), block = hd_dtype_block_elements((hd_dtype)table->dtype);
    float *row = malloc((size_t)(d + 1) * sizeof *row);
    if (!row) abort();
    for (int64_t r = 0; r < hdi_row_count(y); r++) {
        int64_t at = 0, left = r;
        for (int i = ids->rank - 1; i >= 0; left /= ids->shape[i--]) at += left % ids->shape[i] * ids->stride[i];
        const hdi_embedding_attr *attr = call->attr;
        double id = hdi_ref_get(ids, at);
        bool whole = attr->total > 0 && id >= 0 && id < (double)attr->total;
        if (attr->total > 0) id = whole ? id - (double)attr->first : -1;
        bool there = id >= 0 && id < (double)table->shape[0];
        if (there && table->layout == HDI_LAYOUT_PANEL)
            hdi_panel_get_row(table->data, (hd_dtype)table->dtype, d, (int64_t)id, row);
        else if (there && block > 1)
            hdi_weight_of((hd_dtype)table->dtype)
                ->dequantize_row((const uint8_t *)table->data + (size_t)((int64_t)id * table->stride[0] / block) *
                                                                    hd_dtype_block_bytes((hd_dtype)table->dtype),
                                 row, d);
        else
            for (int64_t i = 0; i < d; i++) row[i] = there ? (float)hdi_ref_get(table, (int64_t)id * table->stride[0] + i) : 0;
        for (int64_t i = 0; i < d; i++) hdi_ref_set(y, hdi_row_offset(y, r) + i, there ? (double)row[i] : whole ? -0.0 : 0);
    }
    free(row);
}
