/* SPDX-License-Identifier: Apache-2.0 */
/* convert(x; out) -> x in another type, contiguous */
#include "kernels/convert/convert.h"

#include <stdio.h>

#include "ops/op.h"

static bool is_float(uint8_t dtype) { return dtype == HD_DTYPE_F32 || dtype == HD_DTYPE_F16 || dtype == HD_DTYPE_BF16; }

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *x = in[0];
    uint8_t to = ((const hdi_convert_attr *)attr)->out;
    (void)n_in;
    HD_REQUIRE(to < HD_DTYPE_COUNT, HD_INVALID_ARGUMENT, "convert: %d is no type of elements", to);
    int32_t from_block = hd_dtype_block_elements((hd_dtype)x->dtype), to_block = hd_dtype_block_elements((hd_dtype)to);
    HD_REQUIRE((from_block == 1 || is_float(to)) && (to_block == 1 || is_float(x->dtype)), HD_UNSUPPORTED,
               "convert: x is %s and cannot become %s; blocks are made from f32, f16 or bf16, and become these", hdi_type_text(x),
               hd_dtype_name((hd_dtype)to));
    HD_REQUIRE(to_block == 1 || (x->rank >= 1 && hdi_type_last(x) >= 0 && hdi_type_last(x) % to_block == 0), HD_INVALID_ARGUMENT,
               "convert: x is %s; for %s its last dim must be a multiple of %d", hdi_type_text(x), hd_dtype_name((hd_dtype)to),
               to_block);
    *out = *x;
    out->dtype = to;
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)in, (void)n_in, (void)out, (void)attr;
    *kernel = HDI_KERNEL_convert_any;
    return HD_OK;
}

static void print(const void *attr, char *text, size_t size) {
    snprintf(text, size, "%s", hd_dtype_name((hd_dtype)((const hdi_convert_attr *)attr)->out));
}

const hdi_op hdi_op_convert = {
    .name = "convert",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .attr_size = sizeof(hdi_convert_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
