/* SPDX-License-Identifier: Apache-2.0 */
/* A rank that follows: makes the same runner as the leader's engine, over its own part of the model, and runs step after step as
 * told. */
#include "engine/crew.h"
#include "heddle/engine.h"
#include "runtime/context.h"
#include "task/executor.h"

static hd_status make(hd_model *model, int32_t threads, hdi_runner *runner, hdi_crew *crew) {
    hd_domain *domain = hdi_model_domain(model);
    hd_model_info info;
    hd_model_get_info(model, &info);
    hdi_runner_options options = {.threads = threads, .vocab = info.vocab, .device = info.device};
    HD_TRY(hdi_crew_hear(domain, &options));
    HD_TRY(hdi_runner_init(runner, model, &options));
    return hdi_crew_open(crew, domain, &runner->batch);
}

static hd_status follow(hdi_runner *runner, hdi_crew *crew) {
    bool late = runner->executor->stream != NULL;
    for (uint64_t step = 0;; step++) {
        bool more;
        if (late && step >= 2)
            HD_TRY(hd_executor_synchronize(runner->executor)); /* the block that is written next is read no more */
        HD_TRY(hdi_crew_next(crew, &runner->batch, &more));
        if (!more) return hd_executor_synchronize(runner->executor);
        HD_TRY(hdi_batch_run(&runner->batch, runner->executor));
    }
}

hd_status hd_ranks_follow(hd_model *model, int32_t threads) {
    hdi_runner runner = {0};
    hdi_crew crew = {0};
    HD_REQUIRE(model, HD_INVALID_ARGUMENT, "hd_ranks_follow needs a model");
    hd_domain *domain = hdi_model_domain(model);
    HD_REQUIRE(domain && hd_domain_rank(domain) > 0, HD_INVALID_ARGUMENT,
               "only ranks 1 and up of a model that several share can follow; rank 0 makes the engine");
    hd_status status = make(model, threads, &runner, &crew);
    if (status == HD_OK) status = follow(&runner, &crew);
    if (status != HD_OK) hd_domain_abort(domain, status, hd_last_error());
    hdi_crew_close(&crew);
    hdi_runner_deinit(&runner);
    return status;
}
