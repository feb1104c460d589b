/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the simulator: plans seen by numbers that need not be theirs, and what their steps cost. */
#ifndef HDI_TASK_SIMULATE_H
#define HDI_TASK_SIMULATE_H

#include "compile/plan.h"
#include "heddle/simulate.h"

enum { HDI_SIM_RANKS = 4096, HDI_SIM_SIZES = 16, HDI_SIM_INPUTS = 8 };

/* A rank of a simulation runs a plan that may have been made for another one. */
typedef struct hdi_sim_place {
    uint32_t plan;         /* index */
    const int32_t *peer;   /* [plan's ranks]: the simulated rank that the plan calls so, -1: none; NULL: the number itself */
    const uint32_t *heard; /* [plan's events]: what others call the event that this one's waits call so; NULL: the same */
} hdi_sim_place;

struct hd_sim_plans {
    const hd_plan **plans;
    uint32_t n_plans;
    bool owned; /* the plans */
    hdi_sim_place *places;
    int32_t ranks;
    void *tables[2]; /* memory of peers and heard */
    struct {
        char name[32];
        int64_t value;
    } sizes[HDI_SIM_SIZES];
    int n_sizes;
    struct {
        char name[32];
        int32_t *values;
        size_t n;
    } inputs[HDI_SIM_INPUTS];
    int n_inputs;
};

/* Takes `plans` [n_plans], and makes room for `ranks` places, all zero. The array is freed with the set, and so are the plans if
 * `owned`; also after a failure. */
hd_status hdi_sim_plans_make(const hd_plan **plans, uint32_t n_plans, bool owned, int32_t ranks, hd_sim_plans **out);

/* What one step of a plan costs at the set's sizes. */
typedef struct hdi_sim_cost {
    bool runs;      /* its condition holds */
    int32_t pieces; /* in which its result is told */
    uint8_t kind;   /* hd_sim_class */
    double bytes, flops;
    double seconds; /* by the machine's rates; 0 without one */
} hdi_sim_cost;

typedef struct hdi_sim_costs {
    hdi_sim_cost *step;    /* [steps] */
    double *trigger_bytes; /* [triggers]: of what is told */
} hdi_sim_costs;

/* `machine` may be NULL. */
hd_status hdi_sim_costs_of(const hd_sim_plans *plans, uint32_t plan, const hd_sim_machine *machine, hdi_sim_costs *out);
void hdi_sim_costs_clear(hdi_sim_costs *costs);

#endif
