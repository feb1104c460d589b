/* SPDX-License-Identifier: Apache-2.0 */
/* Building an engine: sizes, plan, weights, KV cache; and taking it down. */
#include "engine/engine.h"

#include <string.h>

#include "base/cpu_features.h"
#include "base/memory.h"
#include "kernels/kernel.h"
#include "task/executor.h"

static hd_executor_kind choose_kind(const hd_engine *e, hd_executor_kind asked) {
    if (asked != HD_EXECUTOR_KIND_COUNT) return asked;
    if (e->device->type == HD_DEVICE_CPU) return HD_EXECUTOR_THREADS;
    return hd_executor_kind_runs_on(HD_EXECUTOR_GRAPH, e->device) ? HD_EXECUTOR_GRAPH : HD_EXECUTOR_STREAM;
}

/* Where ranks share the model, the others make theirs together with this one. */
static hd_status make_runner(hd_engine *e, const hdi_kv_shape *kv) {
    const hdi_runner_options options = {.step = e->limits.step,
                                        .kind = e->kind,
                                        .threads = e->limits.threads,
                                        .uses_rope_lengths = kv->uses_rope_lengths,
                                        .vocab = e->info.vocab,
                                        .device = e->device};
    hd_domain *domain = hdi_model_domain(e->model);
    if (domain) HD_TRY(hdi_crew_call(e->model, &options));
    HD_TRY(hdi_runner_init(&e->runner, e->model, &options));
    return domain ? hdi_crew_open(&e->crew, domain, &e->runner.batch) : HD_OK;
}

hd_status hdi_engine_make_rows(hd_engine *e) {
    enum { ROWS = 16 }; /* fetched at a time, where they need not stay */
    if (!e->late || e->rows) return HD_OK;
    int32_t most = e->limits.step.max_rows;
    e->row_capacity = e->keep_logits || most < ROWS ? most : ROWS;
    return hdi_storage_create_host(e->device, (size_t)e->row_capacity * (size_t)e->info.vocab * sizeof(float), &e->rows);
}

/* What steps under way need. */
static hd_status make_flights(hd_engine *e) {
    const hdi_step_limits *step = &e->limits.step;
    e->depth = e->late ? 1 : e->info.pipeline - 1;
    HD_TRY(hdi_calloc(&e->flights, (size_t)e->depth + 1, sizeof *e->flights, "steps under way"));
    for (int32_t i = 0; i <= e->depth; i++)
        HD_TRY(hdi_flight_init(&e->flights[i], step->max_sequences, e->late ? e->device : NULL));
    return e->late && e->keep_logits ? hdi_engine_make_rows(e) : HD_OK;
}

/* What is left of the memory where the model is. */
static hd_status memory_left(const hd_device *device, size_t *out) {
    hd_device_properties properties;
    hd_memory_stats stats;
    *out = hdi_memory_size();
    if (device->type == HD_DEVICE_CPU) return HD_OK;
    HD_TRY(hd_device_get_properties(device, &properties));
    HD_TRY(hd_memory_get_stats(device, &stats));
    *out = properties.memory_bytes > stats.in_use ? properties.memory_bytes - stats.in_use : 0;
    return HD_OK;
}

/* Ranks that share the model and this machine, which cores and memory are divided among. */
static int32_t ranks_here(const hd_engine *e) {
    hd_domain *domain = hdi_model_domain(e->model);
    return domain && strcmp(hd_domain_transport(domain), "local") == 0 ? hd_domain_ranks(domain) : 1;
}

static hd_status choose_limits(hd_engine *e, const hd_engine_options *asked, const hdi_kv_shape *kv) {
    enum {
        DEVICE_BATCH_TOKENS = 2048, /* what it takes to keep a GPU's matrix units busy */
        STAGE_BATCH_TOKENS = 64,    /* stages work on chunks behind each other: many chunks fill them, and so few rows cost a
                                     * core nothing more a token */
    };
    const hd_engine_options *options = asked;
    hd_engine_options fitted = *asked;
    size_t memory;
    HD_REQUIRE((unsigned)options->executor <= HD_EXECUTOR_KIND_COUNT, HD_INVALID_ARGUMENT, "%d is no kind of executor",
               (int)options->executor);
    e->device = e->info.device;
    e->kind = choose_kind(e, options->executor);
    e->late = !e->device->vtable->immediate;
    e->keep_logits = options->keep_logits || !e->late;
    int32_t chosen = e->device->type != HD_DEVICE_CPU ? DEVICE_BATCH_TOKENS : e->info.pipeline > 1 ? STAGE_BATCH_TOKENS : 0;
    if (chosen && asked->max_batch_tokens == 0 && asked->max_sequences <= chosen) {
        fitted.max_batch_tokens = chosen;
        options = &fitted;
    }
    int32_t cores = (int32_t)hdi_max_i64(1, hdi_cpu_count() / ranks_here(e));
    HD_TRY(memory_left(e->device, &memory));
    if (e->device->type == HD_DEVICE_CPU) memory /= (size_t)ranks_here(e);
    HD_TRY(hdi_limits_resolve(options, &e->info, kv, memory, cores, &e->limits));
    e->limits.step.draws = e->late;
    if (!hdi_executor_kind_has_threads(e->kind)) e->limits.threads = 1;
    return HD_OK;
}

static hd_status build(hd_engine *e, const hd_tokenizer *tokenizer, const hd_engine_options *options) {
    const hdi_step_limits *step = &e->limits.step;
    hdi_kv_shape kv;
    hdi_model_kv_shape(e->model, &kv);
    hd_model_get_info(e->model, &e->info);
    hd_model_get_generation_defaults(e->model, &e->defaults);
    HD_TRY(choose_limits(e, options, &kv));
    e->request_limits = (hdi_request_limits){
        .vocab = e->info.vocab, .page_tokens = step->page_tokens, .context = e->limits.context, .tokenizer = tokenizer};
    HD_TRY(hdi_kv_pages_init(&e->pages, step->pages));
    HD_TRY(hdi_scheduler_init(&e->scheduler, &e->pages, step->page_tokens, step->max_sequences, step->max_tokens));
    e->scheduler.foresees = e->late;
    e->scheduler.groups = e->late ? 1 : e->info.pipeline;
    HD_TRY(hdi_sampler_init(&e->sampler, e->info.vocab));
    HD_TRY(make_runner(e, &kv));
    return make_flights(e);
}

hd_status hd_engine_create(hd_model *model, const hd_tokenizer *tokenizer, const hd_engine_options *options, hd_engine **out) {
    hd_engine_options defaults;
    hd_engine *e;
    HD_REQUIRE(model && out, HD_INVALID_ARGUMENT, "hd_engine_create needs a model and a place for the result");
    *out = NULL;
    HD_REQUIRE(!hdi_model_domain(model) || hd_domain_rank(hdi_model_domain(model)) == 0, HD_INVALID_ARGUMENT,
               "rank %d follows rank 0's engine (hd_ranks_follow), and makes none", hd_domain_rank(hdi_model_domain(model)));
    HD_TRY(hdi_isa_check());
    hd_engine_options_init(&defaults);
    HD_TRY(hdi_calloc(&e, 1, sizeof *e, "an engine"));
    e->model = hd_model_retain(model);
    hd_status status = build(e, tokenizer, options ? options : &defaults);
    if (status == HD_OK) {
        *out = e;
        return HD_OK;
    }
    if (hdi_model_domain(model)) hd_domain_abort(hdi_model_domain(model), status, hd_last_error());
    hd_engine_destroy(e);
    return status;
}

/* The other ranks bring all logits on their way, whether or not somebody wants them. */
static void bring_back(hd_engine *e) {
    for (; e->runner.back.plan && e->under_way > 0; e->under_way--, e->oldest = (e->oldest + 1) % (e->depth + 1)) {
        const hdi_flight *f = &e->flights[e->oldest];
        if (f->n_rows > 0 && hdi_return_run(&e->runner.back, f->n_rows) != HD_OK) return; /* the domain has failed */
    }
}

void hd_engine_destroy(hd_engine *e) {
    if (!e) return;
    for (hd_sequence *s = e->sequences, *next; s; s = next) { /* forgotten ones live on, cut off */
        next = s->next;
        hd_sequence_cancel(s);
        s->engine = NULL;
        s->next = s->previous = NULL;
    }
    (void)(hdi_engine_trace_leave(&e->trace) == HD_OK); /* who wants to know looks at the trace before */
    bring_back(e);
    if (e->crew.window) (void)(hdi_crew_dismiss(&e->crew) == HD_OK); /* whoever failed has told why */
    hdi_crew_close(&e->crew);
    hdi_runner_deinit(&e->runner);
    hdi_storage_release(e->rows);
    for (int32_t i = 0; e->flights && i <= e->depth; i++) hdi_flight_deinit(&e->flights[i]);
    hdi_free(e->flights);
    hdi_sampler_deinit(&e->sampler);
    hdi_scheduler_deinit(&e->scheduler);
    hdi_kv_pages_deinit(&e->pages);
    hd_model_release(e->model);
    hdi_free(e);
}
