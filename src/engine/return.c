/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/return.h"

#include <string.h>

#include "base/memory.h"
#include "compile/plan.h"

static bool reads(const hd_plan *plan, const char *input) {
    for (uint32_t i = 1; i < plan->n_slots; i++)
        if (strcmp(hdi_plan_name(plan, hdi_plan_slots(plan)[i].name), input) == 0) return true;
    return false;
}

static hd_status make(hdi_return *r, const hd_executor_options *options, hd_executor *step, size_t bytes, int32_t i) {
    void *logits;
    HD_TRY(hd_executor_create(r->plan, options, &r->executors[i]));
    if (!reads(r->plan, HDI_LOGITS_MADE)) return HD_OK;
    HD_TRY(hd_executor_output(step, "logits", &logits)); /* where it lies in all runs */
    return hd_executor_bind(r->executors[i], HDI_LOGITS_MADE, logits, bytes);
}

hd_status hdi_return_init(hdi_return *r, const hd_model *model, const hdi_step_limits *limits, hd_executor *step) {
    const hd_executor_options options = {.kind = HD_EXECUTOR_SERIAL, .domain = hdi_model_domain(model)};
    hd_model_info info;
    *r = (hdi_return){0};
    hd_model_get_info(model, &info);
    HD_TRY(hdi_model_compile_return(model, limits, &r->plan));
    if (!r->plan) return HD_OK;
    size_t bytes = (size_t)limits->max_rows * (size_t)info.vocab * sizeof(float);
    HD_TRY(hdi_calloc(&r->executors, (size_t)info.pipeline + 1, sizeof *r->executors, "the way of logits"));
    for (; r->stages < info.pipeline; r->stages++) HD_TRY(make(r, &options, step, bytes, r->stages));
    return HD_OK;
}

void hdi_return_deinit(hdi_return *r) {
    for (int32_t i = 0; r->executors && i <= r->stages; i++) hd_executor_destroy(r->executors[i]); /* one may be half made */
    hdi_free(r->executors);
    hd_plan_destroy(r->plan);
    *r = (hdi_return){0};
}

hd_status hdi_return_run(hdi_return *r, int32_t rows) {
    hd_executor *executor = r->executors[r->runs++ % (uint64_t)r->stages];
    HD_TRY(hd_executor_set(executor, "rows", rows));
    return hd_executor_run(executor);
}

hd_status hdi_return_logits(const hdi_return *r, void **logits) {
    return hd_executor_output(r->executors[(r->runs - 1) % (uint64_t)r->stages], "logits", logits);
}
