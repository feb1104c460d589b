/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of plans for the simulator, and their sizes. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "task/simulate.h"

hd_status hdi_sim_plans_make(const hd_plan **plans, uint32_t n_plans, bool owned, int32_t ranks, hd_sim_plans **out) {
    hd_sim_plans *set;
    hd_status status = HD_OK;
    *out = NULL;
    HD_TRY_GOTO(hdi_calloc(&set, 1, sizeof *set, "a set of plans"));
    set->plans = plans;
    set->n_plans = n_plans;
    set->owned = owned;
    set->ranks = ranks;
    status = hdi_calloc(&set->places, (size_t)ranks, sizeof *set->places, "a set of plans");
    if (status == HD_OK)
        *out = set;
    else
        hd_sim_plans_destroy(set);
    return status;
fail:
    for (uint32_t i = 0; owned && i < n_plans; i++) hd_plan_destroy((hd_plan *)(uintptr_t)plans[i]);
    hdi_free((void *)(uintptr_t)plans);
    return status;
}

void hd_sim_plans_destroy(hd_sim_plans *set) {
    if (!set) return;
    for (uint32_t i = 0; set->owned && i < set->n_plans; i++) hd_plan_destroy((hd_plan *)(uintptr_t)set->plans[i]);
    for (int i = 0; i < set->n_inputs; i++) hdi_free(set->inputs[i].values);
    for (size_t i = 0; i < HDI_COUNTOF(set->tables); i++) hdi_free(set->tables[i]);
    hdi_free((void *)(uintptr_t)set->plans);
    hdi_free(set->places);
    hdi_free(set);
}

static hd_status check_plan(const hd_plan *const *plans, int32_t n, int32_t i) {
    HD_REQUIRE(plans[i], HD_INVALID_ARGUMENT, "plan %d of %d is not there", i, n);
    HD_REQUIRE(n == 1 ? plans[i]->ranks <= 1 : plans[i]->ranks == n && plans[i]->rank == i, HD_INVALID_ARGUMENT,
               "plan %d is rank %d's of %d, and there are %d plans: give one a rank, in order", i, plans[i]->rank,
               plans[i]->ranks, n);
    return HD_OK;
}

hd_status hd_sim_plans_create(const hd_plan *const *plans, int32_t n, hd_sim_plans **out) {
    const hd_plan **all;
    *out = NULL;
    HD_REQUIRE(1 <= n && n <= HD_MAX_RANKS, HD_INVALID_ARGUMENT, "%d plans; there can be 1 to %d", n, HD_MAX_RANKS);
    for (int32_t i = 0; i < n; i++) HD_TRY(check_plan(plans, n, i));
    HD_TRY(hdi_alloc(&all, (size_t)n, sizeof *all, "a set of plans"));
    for (int32_t i = 0; i < n; i++) all[i] = plans[i];
    HD_TRY(hdi_sim_plans_make(all, (uint32_t)n, false, n, out));
    for (int32_t i = 0; i < n; i++) (*out)->places[i].plan = (uint32_t)i;
    return HD_OK;
}

/* How often plans have the symbol; HD_INVALID_ARGUMENT where the value is out of its range. */
static hd_status look_for(const hd_plan *plan, const char *symbol, int64_t value, bool *found) {
    for (uint32_t i = 0; i < plan->n_symbols; i++) {
        const hdi_plan_symbol *s = &hdi_plan_symbols(plan)[i];
        if (strcmp(hdi_plan_name(plan, s->name), symbol) != 0) continue;
        HD_REQUIRE(s->min <= value && value <= s->max, HD_INVALID_ARGUMENT, "%s is %lld; the plan was made for %lld to %lld",
                   symbol, (long long)value, (long long)s->min, (long long)s->max);
        *found = true;
    }
    return HD_OK;
}

hd_status hd_sim_plans_set(hd_sim_plans *set, const char *symbol, int64_t value) {
    bool found = false;
    int i = 0;
    for (uint32_t p = 0; p < set->n_plans; p++) HD_TRY(look_for(set->plans[p], symbol, value, &found));
    HD_REQUIRE(found && strlen(symbol) < sizeof set->sizes[0].name, HD_NOT_FOUND, "no plan has a symbol named %s", symbol);
    while (i < set->n_sizes && strcmp(set->sizes[i].name, symbol) != 0) i++;
    HD_REQUIRE(i < HDI_SIM_SIZES, HD_UNSUPPORTED, "more than %d symbols have values", HDI_SIM_SIZES);
    snprintf(set->sizes[i].name, sizeof set->sizes[i].name, "%s", symbol);
    set->sizes[i].value = value;
    if (i == set->n_sizes) set->n_sizes++;
    return HD_OK;
}

static bool has_input(const hd_sim_plans *set, const char *name) {
    for (uint32_t p = 0; p < set->n_plans; p++)
        for (uint32_t i = 1; i < set->plans[p]->n_slots; i++) {
            const hdi_plan_slot *slot = &hdi_plan_slots(set->plans[p])[i];
            if (slot->kind == HDI_SLOT_INPUT && strcmp(hdi_plan_name(set->plans[p], slot->name), name) == 0) return true;
        }
    return false;
}

hd_status hd_sim_plans_input(hd_sim_plans *set, const char *name, const int32_t *values, size_t n) {
    int32_t *copy;
    int i = 0;
    HD_REQUIRE(has_input(set, name) && strlen(name) < sizeof set->inputs[0].name, HD_NOT_FOUND, "no plan has an input named %s",
               name);
    while (i < set->n_inputs && strcmp(set->inputs[i].name, name) != 0) i++;
    HD_REQUIRE(i < HDI_SIM_INPUTS, HD_UNSUPPORTED, "more than %d inputs have values", HDI_SIM_INPUTS);
    HD_TRY(hdi_alloc(&copy, n, sizeof *copy, "an input's values"));
    if (n) memcpy(copy, values, n * sizeof *copy);
    if (i == set->n_inputs)
        set->n_inputs++;
    else
        hdi_free(set->inputs[i].values);
    snprintf(set->inputs[i].name, sizeof set->inputs[i].name, "%s", name);
    set->inputs[i].values = copy;
    set->inputs[i].n = n;
    return HD_OK;
}

int32_t hd_sim_plans_ranks(const hd_sim_plans *set) { return set->ranks; }

uint64_t hd_sim_plans_steps(const hd_sim_plans *set) {
    uint64_t steps = 0;
    for (int32_t r = 0; r < set->ranks; r++) steps += set->plans[set->places[r].plan]->n_steps;
    return steps;
}
