/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two tensors share bytes: what operators ask before they write. */
#ifndef HDI_TENSOR_OVERLAP_H
#define HDI_TENSOR_OVERLAP_H

#include "tensor/tensor.h"

/* Exact for views of one tensor (columns of a matrix that lie side by side do not overlap, though their address ranges do). Where
 * strides are so unlike that finding out would take long, the answer is yes. */
bool hdi_tensor_overlap(const hd_tensor *a, const hd_tensor *b);

/* Whether both are the same elements in the same order. */
bool hdi_tensor_same(const hd_tensor *a, const hd_tensor *b);

#endif
