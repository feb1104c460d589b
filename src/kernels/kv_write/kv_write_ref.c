/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/kv_write/kv_write.h"

#include "kernels/ref.h"

void hdi_kv_write_ref(const hdi_kernel_call *call) {
    const hdi_operand *cache = &call->operand[0], *x = &call->operand[2], *slots = &call->operand[3];
    for (int64_t t = 0; t < x->shape[0]; t++) {
        int64_t slot = ((const int32_t *)slots->data)[t * slots->stride[0]], page = cache->shape[1];
        if (slot < 0 || slot >= cache->shape[0] * page) continue;
        for (int64_t h = 0; h < x->shape[1]; h++)
            for (int64_t i = 0; i < x->shape[2]; i++)
                hdi_ref_set(cache, slot / page * cache->stride[0] + slot % page * cache->stride[1] + h * cache->stride[2] + i,
                            hdi_ref_get(x, t * x->stride[0] + h * x->stride[1] + i));
    }
}
