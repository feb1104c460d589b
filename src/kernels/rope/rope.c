/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/rope/rope.h"

#include "kernels/rows.h"

void hdi_rope_work(const hdi_kernel_call *call, hdi_kernel_work *work) { hdi_rows_work(&call->operand[0], work); }
