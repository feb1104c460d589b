/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine is made of. create.c builds it, step.c runs it, engine.c is its public face. */
#ifndef HDI_ENGINE_ENGINE_H
#define HDI_ENGINE_ENGINE_H

#include "engine/batch.h"
#include "engine/kv_pages.h"
#include "engine/limits.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"

struct hd_engine {
    hd_model *model;
    hd_model_info info;
    hd_generation_defaults defaults;
    hdi_engine_limits limits;
    hdi_request_limits request_limits;
    hd_plan *plan;
    hd_executor *executor;
    void *kv; /* the plan's states, one after the other */
    hdi_kv_pages pages;
    hdi_scheduler scheduler;
    hdi_batch batch;
    hdi_sampler sampler;
    hd_sequence *sequences; /* all that were submitted and not yet released */
    uint64_t submitted;
    hd_engine_stats stats; /* the counters; the rest is filled in when asked for */
};

/* Ends a sequence: takes it from the scheduler and closes its output (output.h has with_last and flush). */
void hdi_engine_finish(hd_sequence *sequence, hd_finish reason, bool with_last, bool flush);

#endif
