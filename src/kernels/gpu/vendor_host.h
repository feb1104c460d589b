/* SPDX-License-Identifier: Apache-2.0 */
/* The words of vendor.h on the CPU. C++ files of the kernels say GPU_LANES and HDI_GPU_NAMESPACE on the command line; host files
 * that only use the run-time library do not. */
#ifndef HDI_KERNELS_GPU_VENDOR_HOST_H
#define HDI_KERNELS_GPU_VENDOR_HOST_H

#include "kernels/gpu/vendor_host_api.h"

#if defined(__cplusplus) && defined(GPU_LANES)
#include "kernels/gpu/device_host.h"
#endif

#endif
