/* SPDX-License-Identifier: Apache-2.0 */
/* y = x w^T + bias: the product of activations with a weight, for one row of x (decode) and for many (prefill). */
#ifndef HDI_KERNELS_LINEAR_H
#define HDI_KERNELS_LINEAR_H

#include "base/memory.h"
#include "kernels/bisect.h"
#include "kernels/kernel.h"
#include "kernels/rows.h"

/* Operands: y [..., N], x [..., K], w [N, K], bias [N] or absent (f32, or the type of x). y has the type of x; last dims
 * contiguous, the rows of x, y and of a strided w at any strides.
 *
 * Variants <x>_<w>:        w by strides, with any alignment, as a checkpoint holds it: f32_f32 f32_f16 f32_bf16 f16_f16 bf16_bf16
 *          f32_<w>_panel:  w packed (kernels/weights/panel.h), every type of weights.def; block types need K % 32 == 0
 *
 * Numbers. K is cut into k_slices slices at multiples of k_unit, by bisection; each has its own sum, 0 where it is empty, and
 * these are added as ((0+1)+(2+3))+((4+5)+(6+7)). So 2, 4 or 8 ranks that hold the columns of as many of the slices, and add
 * their sums in the same tree, give the bits of one that holds all. A slice's sum of y[m][n] is
 * - strided: 16 partial sums by fma, (k - the slice's first) % 16 each, then the tree of vf_sum;
 * - plain panels: fma over k in order;
 * - block panels: for each block, part = fma over k in order of x[k] times the integer, then sum = fma(d, part, sum).
 * The bias is added last. So the bits of y[m][n] depend on x[m], w[n] and bias[n] only.
 * GPUs add in orders of their own (k_slices or not), and multiply more than 16 rows of x by weights of 16 bits or in blocks as
 * 16-bit numbers, both sides. */
typedef struct hdi_linear_attr {
    int32_t k_slices; /* 1, 2, 4 or 8 */
    int32_t k_unit;   /* slices begin at multiples of it; 0: 32. Of block types a multiple of 32 */
} hdi_linear_attr;

enum {
    HDI_LINEAR_GROUP = 4, /* rows of a strided w in an item */
    HDI_LINEAR_M = 96,    /* most rows of x in an item */
};

/* Rows of x are cut into equal blocks; an item is one block with one panel or one group of rows of w, index block * columns +
 * column. */
typedef struct hdi_linear_grid {
    int64_t m, n, k;
    int64_t blocks, columns; /* of rows of x; of w */
    int64_t rows;            /* of x in a block (the last may have fewer) */
} hdi_linear_grid;

static inline hdi_linear_grid hdi_linear_grid_of(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1], *w = &call->operand[2];
    int64_t width = w->layout == HDI_LAYOUT_PANEL ? 32 : HDI_LINEAR_GROUP;
    int64_t m = hdi_row_count(y), n = hdi_row_length(y), blocks = hdi_ceil_div(m, HDI_LINEAR_M);
    return (hdi_linear_grid){m, n, hdi_row_length(x), blocks, hdi_ceil_div(n, width), blocks ? hdi_ceil_div(m, blocks) : 0};
}

/* Where slice s begins; s == k_slices: K. */
static inline int64_t hdi_linear_slice(const hdi_linear_attr *attr, int64_t k, int s) {
    int64_t unit = attr->k_unit ? attr->k_unit : 32;
    return hdi_min_i64(k, hdi_bisect(hdi_ceil_div(k, unit), s, attr->k_slices) * unit);
}

#endif
