/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/swiglu/swiglu.h"

#include "kernels/rows.h"

void hdi_swiglu_work(const hdi_kernel_call *call, hdi_kernel_work *work) { hdi_chunks_work(&call->operand[0], work); }
