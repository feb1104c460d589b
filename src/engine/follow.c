/* SPDX-License-Identifier: Apache-2.0 */
/* A rank that follows: makes the same runner as the leader's engine, over its own part of the model, and runs step after step as
 * told. */
#include "engine/crew_trace.h"
#include "heddle/engine.h"
#include "task/executor.h"

static hd_status follow_steps(hdi_runner *runner, hdi_crew *crew, hdi_follower_trace *trace) {
    for (;;) {
        hdi_crew_order order;
        HD_TRY(hdi_crew_next(crew, &runner->batch, &order));
        if (order.what == HDI_CREW_END) return HD_OK;
        if (order.what == HDI_CREW_TRACE) HD_TRY(hdi_follower_trace_begin(trace, &order, runner->executor, crew->domain));
        if (order.what == HDI_CREW_COLLECT) HD_TRY(hdi_follower_trace_hand_over(trace, crew->domain));
        if (order.what != HDI_CREW_STEP) continue;
        hdi_follower_trace_step(trace, &order);
        HD_TRY(hdi_batch_run(&runner->batch, runner->executor));
        HD_TRY(hd_executor_synchronize(runner->executor)); /* a device may get on only while somebody waits for it */
        if (runner->back.plan && runner->batch.n_rows > 0) HD_TRY(hdi_return_run(&runner->back, runner->batch.n_rows));
    }
}

static hd_status follow_engine(hd_model *model, const hdi_runner_options *options) {
    hdi_runner runner = {0};
    hdi_crew crew = {0};
    hdi_follower_trace trace = {0};
    hd_status status = hdi_runner_init(&runner, model, options);
    if (status == HD_OK) status = hdi_crew_open(&crew, hdi_model_domain(model), &runner.batch);
    if (status == HD_OK) status = follow_steps(&runner, &crew, &trace);
    if (status != HD_OK) hd_domain_abort(hdi_model_domain(model), status, hd_last_error());
    hdi_follower_trace_end(&trace);
    hdi_crew_close(&crew);
    hdi_runner_deinit(&runner);
    return status;
}

hd_status hd_ranks_follow(hd_model *model, int32_t threads) {
    HD_REQUIRE(model, HD_INVALID_ARGUMENT, "hd_ranks_follow needs a model");
    hd_domain *domain = hdi_model_domain(model);
    hd_model_info info;
    HD_REQUIRE(domain && hd_domain_rank(domain) > 0, HD_INVALID_ARGUMENT,
               "only ranks 1 and up of a model that several share can follow; rank 0 makes the engines");
    hd_model_get_info(model, &info);
    for (uint64_t number = 1;; number++) {
        hdi_runner_options options = {.threads = threads, .vocab = info.vocab, .device = info.device};
        bool more;
        HD_TRY(hdi_crew_hear(model, number, &options, &more));
        if (!more) return HD_OK;
        HD_TRY(follow_engine(model, &options));
    }
}
