/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/kv_write/kv_write.h"

void hdi_kv_write_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    const hdi_operand *x = &call->operand[2];
    int64_t n = x->shape[1] * x->shape[2];
    work->items = x->shape[0];
    work->grain = n > 0 && n < 8192 ? 8192 / n : 1;
    work->scratch = 0;
}
