/* SPDX-License-Identifier: Apache-2.0 */
/* What a product with panels keeps in a thread's scratch; sized so that values and x lie in the first cache, the rest in the
 * second. */
#ifndef HDI_KERNELS_LINEAR_SCRATCH_H
#define HDI_KERNELS_LINEAR_SCRATCH_H

#include "kernels/linear/linear.h"

enum { HDI_LINEAR_KC = 128 /* elements of K at a time */, HDI_LINEAR_SUMS = 4 /* slice sums that can be pending */ };

typedef struct hdi_linear_panel_scratch {
    float w[HDI_LINEAR_KC][32];          /* a piece of a panel as f32 */
    float scale[HDI_LINEAR_KC / 32][32]; /* and its scales */
    float x[HDI_LINEAR_M][HDI_LINEAR_KC];
    float sum[HDI_LINEAR_SUMS][HDI_LINEAR_M][32];
} hdi_linear_panel_scratch;

#endif
