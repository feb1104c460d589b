/* SPDX-License-Identifier: Apache-2.0 */
#include "compile/plan.h"

size_t hd_plan_arena_bytes(const hd_plan *plan) { return plan->arena_bytes; }
int32_t hd_plan_steps(const hd_plan *plan) { return (int32_t)plan->n_steps; }

void hdi_plan_bind(const hd_plan *plan, const hdi_plan_operand *from, const int64_t *symbols, uintptr_t base, hdi_operand *to) {
    const hdi_product *products = hdi_plan_products(plan);
    to->dtype = from->type.dtype;
    to->layout = from->type.layout;
    to->rank = from->type.rank;
    to->data = NULL;
    if (from->slot < 0) return;
    for (int i = 0; i < from->type.rank; i++) {
        to->shape[i] = hdi_dims_eval(products, from->type.dim[i], symbols);
        to->stride[i] = hdi_dims_eval(products, from->stride[i], symbols);
    }
    int64_t elements = hdi_dims_eval(products, from->element_offset, symbols);
    int64_t block = hd_dtype_block_elements((hd_dtype)from->type.dtype);
    to->data = (void *)(base + (uintptr_t)from->offset +
                        (uintptr_t)(elements / block) * hd_dtype_block_bytes((hd_dtype)from->type.dtype));
}

bool hdi_plan_holds(const hd_plan *plan, const hdi_plan_condition *when, const int64_t *symbols) {
    if (when->below == 0) return true;
    int64_t size = hdi_dims_eval(hdi_plan_products(plan), when->size, symbols);
    return when->from <= size && size < when->below;
}
