/* SPDX-License-Identifier: Apache-2.0 */
/* Weights as IEEE half precision. */
#include "base/float16.h"

#define WEIGHT_NAME hdi_weight_f16
#define WEIGHT_DTYPE HD_DTYPE_F16
#define WEIGHT_ELEMENT uint16_t
#define WEIGHT_FROM_F32(x) hdi_f32_to_f16(x)
#define WEIGHT_TO_F32(v) hdi_f16_to_f32(v)
#include "kernels/weights/plain.h"
