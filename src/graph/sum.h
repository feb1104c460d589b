/* SPDX-License-Identifier: Apache-2.0 */
/* What the normal form of a sum tells of its range. */
#ifndef HDI_GRAPH_SUM_H
#define HDI_GRAPH_SUM_H

#include "graph/expr.h"

/* Narrows `range`, which holds for a sum, by what is known of quotients: x // d is between (x - (d - 1)) / d and x / d, and the x
 * may cancel out. */
void hdi_sum_tighten(const hdi_expr *exprs, const hdi_expr *entry, hdi_interval *range);

#endif
