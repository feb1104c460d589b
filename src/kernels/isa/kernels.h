/* SPDX-License-Identifier: Apache-2.0 */
/* Instantiates every vector kernel for one instruction set. Included by isa/<isa>.c after the vocabulary of that ISA
 * (simd/<isa>.h) and a definition of HDI_ISA_SUFFIX; ends with the ISA's table. No include guard: included once a file. */
#include "kernels/kernel.h"

#define HDI_PASTE_(a, b) a##b
#define HDI_PASTE(a, b) HDI_PASTE_(a, b)

/* Heads the function of KERNEL(op, variant): static, since the table is how it is reached. */
#define HDI_KERNEL_BEGIN(op, variant) \
    static void op##_##variant(const hdi_kernel_call *call, int64_t begin, int64_t end, void *scratch)

#include "kernels/simd/math.h"

#include "kernels/linear/linear_simd.h"
#include "kernels/linear/linear_panel_simd.h"
#include "kernels/embedding/embedding_simd.h"
#include "kernels/attention/attention_simd.h"
#include "kernels/rms_norm/rms_norm_simd.h"
#include "kernels/layer_norm/layer_norm_simd.h"
#include "kernels/elementwise/elementwise_simd.h"
#include "kernels/gelu/gelu_simd.h"
#include "kernels/swiglu/swiglu_simd.h"
#include "kernels/sample/sample_simd.h"
#include "kernels/convert/convert_simd.h"
#include "kernels/rearrange/rearrange_simd.h"
#include "kernels/kv_write/kv_write_simd.h"
#include "kernels/rope_table/rope_table_simd.h"
#include "kernels/rope/rope_simd.h"
#include "kernels/argmax/argmax_simd.h"
#include "kernels/softmax/softmax_simd.h"
#include "kernels/next_ids/next_ids_simd.h"
#include "kernels/reduce/reduce_simd.h"
#include "kernels/concat/concat_simd.h"

extern const hdi_kernel_fn HDI_PASTE(hdi_kernels_, HDI_ISA_SUFFIX)[HDI_KERNEL_COUNT];
const hdi_kernel_fn HDI_PASTE(hdi_kernels_, HDI_ISA_SUFFIX)[HDI_KERNEL_COUNT] = {
#define KERNEL_OP(op)
#define KERNEL(op, variant) [HDI_KERNEL_##op##_##variant] = op##_##variant,
#include "kernels/kernels.def"
};
