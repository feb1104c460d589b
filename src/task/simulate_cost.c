/* SPDX-License-Identifier: Apache-2.0 */
/* What steps cost: operands are bound to addresses at which nothing lies, a stretch of them a slot, and kernels count their bytes
 * and operations as they do for traces. */
#include <string.h>

#include "base/memory.h"
#include "kernels/cost.h"
#include "task/pieces.h"
#include "task/simulate.h"

enum { SLOT_BITS = 40 }; /* no slot is larger */
enum { MANY_ROWS = 8 };  /* from here on a product's kernels work on whole tiles of rows */

const char *hd_sim_class_name(hd_sim_class kind) {
    static const char *const names[HD_SIM_CLASS_COUNT] = {"product, one row", "product, 2 to 7", "product, more rows",
                                                          "attention", "other"};
    return (unsigned)kind < HD_SIM_CLASS_COUNT ? names[kind] : "?";
}

typedef struct binding {
    const hd_sim_plans *set;
    const hd_plan *plan;
    int64_t *symbol, *size;
    hdi_operand *operands;
} binding;

static hd_status bind_sizes(binding *b) {
    for (uint32_t i = 0; i < b->plan->n_symbols; i++) {
        const hdi_plan_symbol *s = &hdi_plan_symbols(b->plan)[i];
        const char *name = hdi_plan_name(b->plan, s->name);
        b->symbol[i] = -1;
        for (int k = 0; k < b->set->n_sizes; k++)
            if (strcmp(b->set->sizes[k].name, name) == 0) b->symbol[i] = b->set->sizes[k].value;
        HD_REQUIRE(b->symbol[i] >= 0, HD_INVALID_ARGUMENT, "symbol %s has no value yet: set it before simulating", name);
    }
    return HD_OK;
}

/* Where a slot's stretch of addresses begins. */
static uintptr_t base_of(const hdi_plan_operand *operand) { return ((uintptr_t)operand->slot + 1) << SLOT_BITS; }

/* The values of an input that were given for costs. */
static const void *find_values(const void *user, const hdi_operand *operand) {
    const binding *b = user;
    uintptr_t address = (uintptr_t)operand->data, slot = (address >> SLOT_BITS) - 1;
    if (slot >= b->plan->n_slots || address & (((uintptr_t)1 << SLOT_BITS) - 1)) return NULL;
    const char *name = hdi_plan_name(b->plan, hdi_plan_slots(b->plan)[slot].name);
    for (int i = 0; i < b->set->n_inputs; i++)
        if (strcmp(b->set->inputs[i].name, name) == 0 && (size_t)hdi_operand_elements(operand) <= b->set->inputs[i].n &&
            operand->dtype == HD_DTYPE_I32)
            return b->set->inputs[i].values;
    return NULL;
}

static hd_sim_class class_of(hdi_kernel_id kernel, const hdi_kernel_call *call) {
    const char *name = hdi_kernel_name(kernel);
    if (strncmp(name, "attention", 9) == 0) return HD_SIM_ATTENTION;
    if (strncmp(name, "linear", 6) != 0) return HD_SIM_OTHER;
    const hdi_operand *x = &call->operand[1];
    int64_t rows = 1;
    for (int i = 0; i + 1 < x->rank; i++) rows *= x->shape[i];
    return rows <= 1 ? HD_SIM_PRODUCT_ROW : rows < MANY_ROWS ? HD_SIM_PRODUCT_FEW : HD_SIM_PRODUCT_ROWS;
}

/* What a step reads in other ranks' segments. */
static double remote_bytes(const binding *b, const hdi_plan_step *step) {
    double bytes = 0;
    for (uint32_t i = step->first_operand; i < step->first_operand + step->n_operands; i++) {
        const hdi_plan_operand *from = &hdi_plan_operands(b->plan)[i];
        const hdi_plan_slot *slot = from->slot < 0 ? NULL : &hdi_plan_slots(b->plan)[from->slot];
        if (slot && slot->kind == HDI_SLOT_SEGMENT && slot->rank != b->plan->rank)
            bytes += (double)hdi_operand_bytes(&b->operands[i]);
    }
    return bytes;
}

static hd_status cost_of(const binding *b, const hdi_plan_step *step, const hd_sim_machine *machine, hdi_sim_cost *out) {
    const hdi_kernel_call call = {.operand = b->operands + step->first_operand,
                                  .attr = hdi_plan_attrs(b->plan) + step->attr,
                                  .n_operands = (int32_t)step->n_operands};
    const hdi_cost_view view = {find_values, b};
    const hdi_operand *result = &call.operand[0];
    hdi_kernel_cost cost;
    *out = (hdi_sim_cost){.runs = hdi_plan_holds(&step->when, b->size)};
    if (!out->runs) return HD_OK;
    hdi_kernel_cost_get((hdi_kernel_id)step->kernel, &call, &view, &cost);
    HD_REQUIRE(!cost.partial, HD_INVALID_ARGUMENT,
               "what %s costs depends on the values of its inputs: give them before simulating",
               hdi_plan_name(b->plan, step->name));
    out->kind = (uint8_t)class_of((hdi_kernel_id)step->kernel, &call);
    out->bytes = cost.bytes;
    out->flops = cost.flops;
    out->pieces = hdi_pieces_of(b->plan, step, result->rank ? result->shape[0] : 1);
    if (machine) {
        const hd_sim_rates *r = &machine->rates[out->kind];
        out->seconds = r->step + cost.bytes * r->byte + cost.flops * r->flop + remote_bytes(b, step) * machine->read;
    }
    return HD_OK;
}

static hd_status fill(binding *b, const hd_sim_machine *machine, hdi_sim_costs *out) {
    const hd_plan *plan = b->plan;
    HD_TRY(hdi_alloc(&b->symbol, plan->n_symbols, sizeof *b->symbol, "a simulation"));
    HD_TRY(hdi_alloc(&b->size, plan->n_exprs, sizeof *b->size, "a simulation"));
    HD_TRY(hdi_calloc(&b->operands, plan->n_operands, sizeof *b->operands, "a simulation"));
    HD_TRY(hdi_alloc(&out->step, plan->n_steps, sizeof *out->step, "a simulation"));
    HD_TRY(hdi_alloc(&out->trigger_bytes, plan->n_triggers, sizeof *out->trigger_bytes, "a simulation"));
    HD_TRY(bind_sizes(b));
    hdi_plan_sizes(plan, b->symbol, b->size);
    for (uint32_t i = 0; i < plan->n_operands; i++) {
        const hdi_plan_operand *from = &hdi_plan_operands(plan)[i];
        hdi_plan_bind(from, b->size, base_of(from), &b->operands[i]);
    }
    for (uint32_t s = 0; s < plan->n_steps; s++) HD_TRY(cost_of(b, &hdi_plan_steps(plan)[s], machine, &out->step[s]));
    for (uint32_t i = 0; i < plan->n_triggers; i++)
        out->trigger_bytes[i] = hdi_operand_bytes(&b->operands[hdi_plan_triggers(plan)[i].operand]);
    return HD_OK;
}

hd_status hdi_sim_costs_of(const hd_sim_plans *plans, uint32_t plan, const hd_sim_machine *machine, hdi_sim_costs *out) {
    binding b = {.set = plans, .plan = plans->plans[plan]};
    *out = (hdi_sim_costs){0};
    hd_status status = fill(&b, machine, out);
    hdi_free(b.symbol);
    hdi_free(b.size);
    hdi_free(b.operands);
    if (status != HD_OK) hdi_sim_costs_clear(out);
    return status;
}

void hdi_sim_costs_clear(hdi_sim_costs *costs) {
    hdi_free(costs->step);
    hdi_free(costs->trigger_bytes);
    *costs = (hdi_sim_costs){0};
}
