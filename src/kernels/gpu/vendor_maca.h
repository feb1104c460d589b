/* SPDX-License-Identifier: Apache-2.0 */
/* The words of vendor.h for MetaX: waves of 64 lanes, no PTX. Regular names of MACA's run-time library follow cudaX -> mcX; what
 * does not is named here. tests/maca/include stands in for MACA's headers where there is only NVIDIA's toolkit; it sets
 * HDI_MACA_LANES to that hardware's. */
#ifndef HDI_KERNELS_GPU_VENDOR_MACA_H
#define HDI_KERNELS_GPU_VENDOR_MACA_H

#include <mcr/mc_runtime_api.h>

#define GPU(name) mc##name
#define GPU_VENDOR_NAME "MACA"

#ifdef HDI_MACA_LANES
#define GPU_LANES HDI_MACA_LANES
#else
#define GPU_LANES 64
#endif
#define GPU_PTX 0
#if GPU_LANES == 64
#define GPU_FULL_MASK 0xffffffffffffffffull
#else
#define GPU_FULL_MASK 0xffffffffu
#endif

#if defined(__MACA__) || defined(__CUDACC__)
#include <common/maca_fp16.h>
#include <mcr/mc_runtime.h>

#include "kernels/gpu/device_nvcc.h"
#endif

#endif
