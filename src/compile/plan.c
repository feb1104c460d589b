/* SPDX-License-Identifier: Apache-2.0 */
#include "compile/plan.h"

size_t hd_plan_arena_bytes(const hd_plan *plan) { return plan->arena_bytes; }
int32_t hd_plan_steps(const hd_plan *plan) { return (int32_t)plan->n_steps; }

void hdi_plan_sizes(const hd_plan *plan, const int64_t *symbols, int64_t *sizes) {
    hdi_exprs_eval(hdi_plan_exprs(plan), plan->n_exprs, symbols, sizes);
}

void hdi_plan_bind(const hdi_plan_operand *from, const int64_t *sizes, uintptr_t base, hdi_operand *to) {
    to->dtype = from->type.dtype;
    to->layout = from->type.layout;
    to->rank = from->type.rank;
    to->data = NULL;
    if (from->slot < 0) return;
    for (int i = 0; i < from->type.rank; i++) {
        to->shape[i] = hdi_expr_value(sizes, from->type.dim[i]);
        to->stride[i] = hdi_expr_value(sizes, from->stride[i]);
    }
    int64_t elements = hdi_expr_value(sizes, from->element_offset);
    int64_t block = hd_dtype_block_elements((hd_dtype)from->type.dtype);
    to->data = (void *)(base + (uintptr_t)from->offset +
                        (uintptr_t)(elements / block) * hd_dtype_block_bytes((hd_dtype)from->type.dtype));
}

bool hdi_plan_holds(const hdi_plan_condition *when, const int64_t *sizes) {
    if (when->below == 0) return true;
    int64_t size = hdi_expr_value(sizes, when->size);
    return when->from <= size && size < when->below;
}
