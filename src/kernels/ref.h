/* SPDX-License-Identifier: Apache-2.0 */
/* For reference kernels: elements of any plain type as double, one at a time. A reference computes a whole call, on float
 * outputs that are dense f64 (outputs of other types are dense, of their own type). */
#ifndef HDI_KERNELS_REF_H
#define HDI_KERNELS_REF_H

#include "base/float16.h"
#include "kernels/kernel.h"
#include "kernels/rows.h"

/* hdi_<op>_ref, one an op, in <op>_ref.c. */
#define KERNEL_OP(op) void hdi_##op##_ref(const hdi_kernel_call *call);
#define KERNEL(op, variant)
#include "kernels/kernels.def"

static inline double hdi_ref_get(const hdi_operand *t, int64_t i) {
    switch ((hd_dtype)t->dtype) {
    case HD_DTYPE_F32: return (double)((const float *)t->data)[i];
    case HD_DTYPE_F64: return ((const double *)t->data)[i];
    case HD_DTYPE_F16: return (double)hdi_f16_to_f32(((const uint16_t *)t->data)[i]);
    case HD_DTYPE_BF16: return (double)hdi_bf16_to_f32(((const uint16_t *)t->data)[i]);
    case HD_DTYPE_I32: return (double)((const int32_t *)t->data)[i];
    case HD_DTYPE_I64: return (double)((const int64_t *)t->data)[i];
    default: __builtin_unreachable();
    }
}

static inline void hdi_ref_set(const hdi_operand *t, int64_t i, double x) {
    switch ((hd_dtype)t->dtype) {
    case HD_DTYPE_F32: ((float *)t->data)[i] = (float)x; break;
    case HD_DTYPE_F64: ((double *)t->data)[i] = x; break;
    case HD_DTYPE_F16: ((uint16_t *)t->data)[i] = hdi_f32_to_f16((float)x); break;
    case HD_DTYPE_BF16: ((uint16_t *)t->data)[i] = hdi_f32_to_bf16((float)x); break;
    case HD_DTYPE_I32: ((int32_t *)t->data)[i] = (int32_t)x; break;
    case HD_DTYPE_I64: ((int64_t *)t->data)[i] = (int64_t)x; break;
    default: __builtin_unreachable();
    }
}

#endif
