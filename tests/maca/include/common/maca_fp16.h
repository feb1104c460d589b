/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for MACA's header where there is only NVIDIA's toolkit: `__half` and its conversions have the same names there. */
#ifndef HDI_TESTS_MACA_FP16_H
#define HDI_TESTS_MACA_FP16_H

#include <cuda_fp16.h>

#endif
