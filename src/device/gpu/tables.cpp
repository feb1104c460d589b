/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernels a device runs. In C++ because the tables lie in namespaces: the host vendor has one for each number of lanes. */
#include "kernels/gpu/gpu.h"

#ifdef HDI_GPU_HOST
namespace hdi_gpu_32 {
const hdi_gpu_kernels *hdi_gpu_table();
}
namespace hdi_gpu_64 {
const hdi_gpu_kernels *hdi_gpu_table();
}

extern "C" const hdi_gpu_kernels *gpu_kernels_of(int32_t index) {
    return index == 0 ? hdi_gpu_32::hdi_gpu_table() : hdi_gpu_64::hdi_gpu_table();
}
#else
extern "C" const hdi_gpu_kernels *gpu_kernels_of(int32_t) { return HDI_GPU_NAMESPACE::hdi_gpu_table(); }
#endif
