/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/next_ids/next_ids.h"

enum { GRAIN = 4096 };

void hdi_keep_ids_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    *work = (hdi_kernel_work){.items = call->operand[2].shape[0], .grain = GRAIN};
}

void hdi_take_ids_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    *work = (hdi_kernel_work){.items = call->operand[0].shape[0], .grain = GRAIN};
}
