/* SPDX-License-Identifier: Apache-2.0 */
/* Element by element with plain index arithmetic, for checks. */
#include "kernels/rearrange/rearrange.h"

#include <string.h>

#include "kernels/ref.h"

void hdi_rearrange_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    int64_t n = 1;
    size_t bytes = hd_dtype_block_bytes((hd_dtype)x->dtype);
    for (int d = 0; d < y->rank; d++) n *= y->shape[d];
    for (int64_t i = 0; i < n; i++) {
        int64_t from = 0, to = 0, rest = i;
        for (int d = y->rank - 1; d >= 0; d--) {
            from += rest % y->shape[d] * x->stride[d];
            to += rest % y->shape[d] * y->stride[d];
            rest /= y->shape[d];
        }
        memcpy((char *)y->data + (size_t)to * bytes, (const char *)x->data + (size_t)from * bytes, bytes);
    }
}
