/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory: each part is a strided copy into its columns of the result (rearrange). */
#include "kernels/concat/concat.h"
#include "kernels/gpu/dims.h"

namespace HDI_GPU_NAMESPACE {

int hdi_concat_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0];
    int last = y->rank - 1;
    int64_t first = 0;
    for (int p = 1; p <= ((const hdi_concat_attr *)call->attr)->parts; p++) {
        const hdi_operand *x = &call->operand[p];
        hdi_operand copy[2] = {*y, *x};
        hdi_kernel_call part = {copy, NULL, 2};
        copy[0].data = (uint8_t *)y->data + first * gpu_block_bytes(y->dtype);
        copy[0].shape[last] = x->shape[last];
        int error = hdi_rearrange_gpu(queue, &part);
        if (error != GPU(Success)) return error;
        first += x->shape[last];
    }
    return GPU(Success);
}

} // namespace HDI_GPU_NAMESPACE
