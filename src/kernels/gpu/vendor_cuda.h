/* SPDX-License-Identifier: Apache-2.0 */
/* The words of vendor.h for NVIDIA. Device code is compiled by nvcc; host C files see the run-time library only. */
#ifndef HDI_KERNELS_GPU_VENDOR_CUDA_H
#define HDI_KERNELS_GPU_VENDOR_CUDA_H

#include <cuda_runtime_api.h>

#define GPU(name) cuda##name
#define GPU_VENDOR_NAME "CUDA"

#ifdef __CUDACC__
#include <cuda_fp16.h>

#include "kernels/gpu/device_nvcc.h"
#endif

#endif
