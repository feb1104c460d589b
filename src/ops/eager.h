/* SPDX-License-Identifier: Apache-2.0 */
/* The one path from tensors to a kernel that every eager operator takes. */
#ifndef HDI_OPS_EAGER_H
#define HDI_OPS_EAGER_H

#include "heddle/ops.h"
#include "ops/op.h"
#include "tensor/tensor.h"

enum { HDI_EAGER_INPUTS = 6, HDI_EAGER_OUTPUTS = 2 };

/* What an operator asks of its operands beyond their types. Masks count operands with outputs first: bit 0 is output 0. */
typedef struct hdi_eager_rules {
    const char *names;  /* of the operands, outputs first, separated by spaces: "out x weight bias" */
    uint16_t optional;  /* may be absent */
    uint16_t rows;      /* the last dim must be contiguous */
    uint16_t dense;     /* the whole tensor must be contiguous */
    uint16_t inplace;   /* output 0 may be this input */
    uint16_t any_index; /* an i64 output is as good as the i32 of the type rule */
} hdi_eager_rules;

/* Runs `op` once: tensors to types, type rule, comparison with the outputs that were given, choice of a kernel, checks of
 * devices, strides and overlap, and the launch on the calling thread's stream of their device. An absent optional input is NULL.
 */
hd_status hdi_eager(const hdi_op *op, const hdi_eager_rules *rules, hd_tensor *const *out, const hd_tensor *const *in, int n_in,
                    const void *attr);

/* HD_INVALID_ARGUMENT when an id of `ids` (i32 or i64, on a device whose memory the host sees; others are not looked at) is
 * outside 0 .. limit - 1. */
hd_status hdi_eager_check_ids(const char *op, const hd_tensor *ids, int64_t limit);

#endif
