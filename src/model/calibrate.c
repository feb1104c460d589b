/* SPDX-License-Identifier: Apache-2.0 */
/* Calibration: rates from traces of one rank, the link from the transport, and what they predict beside what was measured. */
#include <stdio.h>

#include "base/memory.h"
#include "model/calibrate.h"

enum { RANKS = 2 };

static const hdi_calibrate_case alone[] = {
    {{1, 1, 0}, true},   {{1, 1, 128}, true},  {{1, 2, 0}, true},    {{1, 6, 0}, true},    {{4, 1, 64}, true},
    {{1, 8, 0}, true},   {{1, 32, 0}, true},   {{1, 64, 0}, true},   {{1, 1, 32}, false},  {{1, 1, 300}, false},
    {{1, 3, 0}, false},  {{1, 4, 0}, false},   {{1, 16, 0}, false},  {{1, 24, 64}, false}, {{1, 48, 128}, false},
    {{1, 96, 0}, false}, {{2, 1, 100}, false}, {{8, 1, 100}, false}, {{4, 16, 16}, false},
};
/* Short runs: the two threads must be at work all the time, however many others want the cores. */
static const hdi_calibrate_case together[] = {
    {{1, 1, 0}, false}, {{1, 1, 128}, false}, {{1, 1, 300}, false}, {{1, 2, 0}, false},
    {{1, 4, 0}, false}, {{1, 8, 0}, false},   {{2, 1, 64}, false},  {{4, 1, 64}, false},
};

/* ---- two ranks ---- */

typedef struct member {
    hdi_calibrate_rank rank;
    hd_domain_options meet;
} member;

static hd_status measure_member(void *user) {
    member *m = user;
    HD_TRY(hd_domain_create(&m->meet, &m->rank.domain));
    hd_status status = hdi_calibrate_measure(&m->rank);
    hd_domain_destroy(m->rank.domain);
    return status;
}

/* ---- predictions ---- */

static hd_status predict(hd_sim_calibration *c, hd_plan *const *plans, int32_t ranks, const hdi_calibrate_case *what,
                         double measured) {
    const hd_plan *set_of[RANKS] = {plans[0], ranks > 1 ? plans[1] : NULL};
    hd_sim_plans *set;
    hd_sim_result *result = NULL;
    HD_TRY(hd_sim_plans_create(set_of, ranks, &set));
    hd_status status = hdi_sim_step_set(set, &what->step);
    if (status == HD_OK) status = hd_simulate(set, &c->machine, 1, &result);
    if (status == HD_OK) {
        hd_sim_prediction *p = &c->predictions[c->n_predictions++];
        *p = (hd_sim_prediction){.ranks = ranks, .fitted = what->fitted, .measured = measured, .predicted = result->seconds};
        snprintf(p->what, sizeof p->what, "%d rank%s, %d x %d tokens behind %d", ranks, ranks > 1 ? "s" : "",
                 what->step.sequences, what->step.tokens, what->step.context);
    }
    hd_sim_result_destroy(result);
    hd_sim_plans_destroy(set);
    return status;
}

static hd_status calibrate_alone(hd_sim_calibration *c, hdi_calibrate_rank *rank) {
    HD_TRY(hdi_calibrate_measure(rank));
    HD_TRY(hdi_calibrate_fit(&rank->samples, c->machine.rates, c->step_error));
    c->samples = rank->samples.n;
    for (size_t i = 0; i < HDI_COUNTOF(alone); i++) HD_TRY(predict(c, &rank->plan, 1, &alone[i], rank->seconds[i]));
    return HD_OK;
}

static hd_status calibrate_together(hd_sim_calibration *c, const char *folder, int32_t repetitions) {
    member m[RANKS];
    char name[64];
    hd_domain_fresh_name(name, sizeof name);
    for (int32_t r = 0; r < RANKS; r++)
        m[r] = (member){.rank = {.folder = folder,
                                 .tensor = RANKS,
                                 .repetitions = repetitions,
                                 .cases = together,
                                 .n_cases = HDI_COUNTOF(together)},
                        .meet = {.name = name, .rank = r, .ranks = RANKS}};
    hd_status status = hdi_calibrate_both(measure_member, &m[0], measure_member, &m[1]);
    hd_plan *plans[RANKS] = {m[0].rank.plan, m[1].rank.plan};
    for (size_t i = 0; status == HD_OK && i < HDI_COUNTOF(together); i++)
        status = predict(c, plans, RANKS, &together[i], m[0].rank.seconds[i]);
    for (int32_t r = 0; r < RANKS; r++) hd_plan_destroy(plans[r]);
    return status;
}

static hd_status calibrate(hd_sim_calibration *c, const char *folder, int32_t repetitions) {
    hdi_calibrate_rank rank = {
        .folder = folder, .tensor = 1, .repetitions = repetitions, .cases = alone, .n_cases = HDI_COUNTOF(alone)};
    HD_TRY(hdi_calloc(&c->predictions, HDI_COUNTOF(alone) + HDI_COUNTOF(together), sizeof *c->predictions, "calibration"));
    HD_TRY(hdi_calibrate_link(repetitions, &c->machine.inside, &c->machine.read));
    c->machine.between = c->machine.inside;
    hd_status status = calibrate_alone(c, &rank);
    hdi_free(rank.samples.all);
    hd_plan_destroy(rank.plan);
    return status == HD_OK ? calibrate_together(c, folder, repetitions) : status;
}

hd_status hd_sim_calibrate(const char *folder, int32_t repetitions, hd_sim_calibration **out) {
    hd_sim_calibration *c;
    *out = NULL;
    HD_REQUIRE(1 <= repetitions && repetitions <= 1000, HD_INVALID_ARGUMENT, "%d repetitions; there can be 1 to 1000",
               repetitions);
    _Static_assert(HDI_COUNTOF(alone) <= HDI_CALIBRATE_CASES && HDI_COUNTOF(together) <= HDI_CALIBRATE_CASES,
                   "room for all cases");
    HD_TRY(hdi_calloc(&c, 1, sizeof *c, "calibration"));
    hd_status status = calibrate(c, folder, repetitions);
    if (status == HD_OK)
        *out = c;
    else
        hd_sim_calibration_destroy(c);
    return status;
}

void hd_sim_calibration_destroy(hd_sim_calibration *calibration) {
    if (!calibration) return;
    hdi_free(calibration->predictions);
    hdi_free(calibration);
}
