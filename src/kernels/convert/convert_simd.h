/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kernels/convert/convert.h"
#include "kernels/rows.h"
#include "kernels/weights/weight.h"

#define CONVERT_FLOATS(Y, y_type, X, x_type)                                                     \
    static inline void convert_##X##_##Y(void *y, const void *x, int64_t n) {                    \
        for (int64_t i = 0; i < n; i += VF_LANES)                                                \
            vf_store_n_##Y((y_type *)y + i, vf_load_n_##X((const x_type *)x + i, n - i), n - i); \
    }
CONVERT_FLOATS(f32, float, f16, uint16_t)
CONVERT_FLOATS(f32, float, bf16, uint16_t)
CONVERT_FLOATS(f16, uint16_t, f32, float)
CONVERT_FLOATS(f16, uint16_t, bf16, uint16_t)
CONVERT_FLOATS(bf16, uint16_t, f32, float)
CONVERT_FLOATS(bf16, uint16_t, f16, uint16_t)
#undef CONVERT_FLOATS

/* n neighbours; false when the pair has no vector code. */
static inline bool convert_dense(hd_dtype to, void *y, hd_dtype from, const void *x, int64_t n) {
    if (to == from)
        memcpy(y, x, (size_t)n * hd_dtype_block_bytes(to));
    else if (to == HD_DTYPE_F32 && from == HD_DTYPE_F16)
        convert_f16_f32(y, x, n);
    else if (to == HD_DTYPE_F32 && from == HD_DTYPE_BF16)
        convert_bf16_f32(y, x, n);
    else if (to == HD_DTYPE_F16 && from == HD_DTYPE_F32)
        convert_f32_f16(y, x, n);
    else if (to == HD_DTYPE_F16 && from == HD_DTYPE_BF16)
        convert_bf16_f16(y, x, n);
    else if (to == HD_DTYPE_BF16 && from == HD_DTYPE_F32)
        convert_f32_bf16(y, x, n);
    else if (to == HD_DTYPE_BF16 && from == HD_DTYPE_F16)
        convert_f16_bf16(y, x, n);
    else
        return false;
    return true;
}

/* n neighbours to or from a block type, by way of f32 in `t`: n is a multiple of the block, as HDI_CHUNK is. */
static inline void convert_blocks(hd_dtype to, void *y, hd_dtype from, const void *x, int64_t n, float *t) {
    const float *values = t;
    if (hd_dtype_block_elements(from) > 1)
        hdi_weight_of(from)->dequantize_row(x, t, n);
    else if (from == HD_DTYPE_F32 && (uintptr_t)x % sizeof(float) == 0)
        values = x;
    else if (!convert_dense(HD_DTYPE_F32, t, from, x, n))
        hdi_convert_elements(HD_DTYPE_F32, t, 1, from, x, 1, n);
    if (hd_dtype_block_elements(to) > 1)
        hdi_weight_of(to)->quantize_row(values, y, n);
    else if (!convert_dense(to, y, HD_DTYPE_F32, values, n))
        hdi_convert_elements(to, y, 1, HD_DTYPE_F32, values, 1, n);
}

HDI_KERNEL_BEGIN(convert, any) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    hd_dtype to = (hd_dtype)y->dtype, from = (hd_dtype)x->dtype;
    int last = y->rank - 1;
    int64_t sy = last < 0 ? 1 : y->stride[last], sx = last < 0 ? 1 : x->stride[last];
    int32_t yblock = hd_dtype_block_elements(to), xblock = hd_dtype_block_elements(from);
    for (int64_t item = begin; item < end; item++) {
        hdi_chunk c = hdi_chunk_of(y, item);
        char *py = (char *)y->data + (hdi_row_offset(y, c.row) + c.start * sy) / yblock * (int64_t)hd_dtype_block_bytes(to);
        const char *px =
            (const char *)x->data + (hdi_row_offset(x, c.row) + c.start * sx) / xblock * (int64_t)hd_dtype_block_bytes(from);
        if (yblock > 1 || xblock > 1) {
            convert_blocks(to, py, from, px, c.count, scratch);
            continue;
        }
        if (sx == 1 && sy == 1 && convert_dense(to, py, from, px, c.count)) continue;
        hdi_convert_elements(to, py, sy, from, px, sx, c.count);
    }
}
