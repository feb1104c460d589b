/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all GPU kernels, from the list of all kernels. */
#include "kernels/gpu/gpu.h"

namespace HDI_GPU_NAMESPACE {

namespace {
struct table : hdi_gpu_kernels {
    table() {
        hdi_gpu_fn current = nullptr; /* of the operation whose kernels follow in the list */
#define KERNEL_OP(name) current = hdi_##name##_gpu;
#define KERNEL(name, variant) op[HDI_KERNEL_##name##_##variant] = current;
#include "kernels/kernels.def"
#define GROUP(name) group[HDI_GROUP_##name] = hdi_##name##_gpu;
#include "kernels/groups.def"
        hdi_gpu_walk_table(this);
        hdi_gpu_ranks_table(this);
    }
};
} // namespace

const hdi_gpu_kernels *hdi_gpu_table() {
    static const table all;
    return &all;
}

} // namespace HDI_GPU_NAMESPACE
