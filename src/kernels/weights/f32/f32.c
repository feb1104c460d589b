/* SPDX-License-Identifier: Apache-2.0 */
/* Weights as f32. */
#define WEIGHT_NAME hdi_weight_f32
#define WEIGHT_DTYPE HD_DTYPE_F32
#define WEIGHT_ELEMENT float
#define WEIGHT_FROM_F32(x) (x)
#define WEIGHT_TO_F32(v) (v)
#include "kernels/weights/plain.h"
