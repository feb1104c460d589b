/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine is made of. create.c builds it, step.c runs it, engine.c is its public face. */
#ifndef HDI_ENGINE_ENGINE_H
#define HDI_ENGINE_ENGINE_H

#include "engine/crew.h"
#include "engine/flight.h"
#include "engine/kv_pages.h"
#include "engine/limits.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/trace.h"

struct hd_engine {
    hd_model *model;
    hd_model_info info;
    hd_generation_defaults defaults;
    hdi_engine_limits limits;
    hdi_request_limits request_limits;
    const hd_device *device;
    bool late;        /* the device works behind the host's back: tokens of a step are delivered while the next one runs */
    bool keep_logits; /* every row's logits can be read after a step */
    hd_executor_kind kind;
    hdi_runner runner;
    hdi_crew crew;     /* the ranks that follow, where several share the model */
    hdi_storage *rows; /* late only: logits of `row_capacity` rows, page-locked */
    int32_t row_capacity;
    hdi_kv_pages pages;
    hdi_scheduler scheduler;
    hdi_flight *flights;       /* [depth + 1] */
    int32_t depth;             /* steps that stay under way while the next one is planned, if there is one */
    int32_t oldest, under_way; /* flights[oldest] and those behind it, round */
    uint64_t calls;            /* of hd_engine_step */
    double delivered;          /* when a step's tokens were last delivered, in seconds of the clock */
    hdi_sampler sampler;
    hd_sequence *sequences; /* all that were submitted and not yet released */
    uint64_t submitted;
    hdi_engine_trace trace;
    hd_engine_stats stats; /* the counters; the rest is filled in when asked for */
};

/* Ends a sequence: takes it from the scheduler and the steps under way and closes its output (output.h has with_last and flush).
 */
void hdi_engine_finish(hd_sequence *sequence, hd_finish reason, bool with_last, bool flush);

/* Makes memory for the rows of logits that come to the host, when the first request needs one; it is kept. */
hd_status hdi_engine_make_rows(hd_engine *engine);

/* Delivers the tokens of a step: waits for it, draws what the host has to draw, ends what has ended (deliver.c). */
hd_status hdi_engine_deliver(hd_engine *engine, hdi_flight *flight);

#endif
