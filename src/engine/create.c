/* SPDX-License-Identifier: Apache-2.0 */
/* Building an engine: sizes, plan, weights, KV cache; and taking it down. */
#include "engine/engine.h"

#include <stdio.h>

#include "base/cpu_features.h"
#include "base/memory.h"
#include "kernels/kernel.h"

static size_t state_bytes(const hdi_engine_limits *limits, const hdi_kv_shape *kv, int32_t width) {
    return (size_t)limits->step.pages * (size_t)limits->step.page_tokens * (size_t)kv->kv_heads * (size_t)width *
           hd_dtype_block_bytes(limits->step.kv_dtype);
}

/* One block for all layers. It is not cleared: a key or value is read only after its token was computed. */
static hd_status make_cache(hd_engine *e, const hdi_kv_shape *kv) {
    size_t k = state_bytes(&e->limits, kv, kv->head_dim), v = state_bytes(&e->limits, kv, kv->value_dim), at = 0;
    size_t layer = hdi_align_up(k, HDI_CACHE_LINE) + hdi_align_up(v, HDI_CACHE_LINE);
    HD_TRY(hdi_alloc_aligned(&e->kv, layer * (size_t)kv->layers, "the KV cache"));
    for (int32_t i = 0; i < kv->layers; i++, at += layer) {
        char name[32];
        snprintf(name, sizeof name, "k.%d", i);
        HD_TRY(hd_executor_bind(e->executor, name, (char *)e->kv + at, k));
        snprintf(name, sizeof name, "v.%d", i);
        HD_TRY(hd_executor_bind(e->executor, name, (char *)e->kv + at + hdi_align_up(k, HDI_CACHE_LINE), v));
    }
    return HD_OK;
}

static hd_status make_executor(hd_engine *e, bool serial) {
    HD_TRY(hdi_model_compile(e->model, &e->limits.step, &e->plan));
    const hd_executor_options executor = {.kind = serial ? HD_EXECUTOR_SERIAL : HD_EXECUTOR_THREADS,
                                          .threads = e->limits.threads};
    HD_TRY(hd_executor_create(e->plan, &executor, &e->executor));
    return hdi_model_bind(e->model, e->executor);
}

static hd_status build(hd_engine *e, const hd_tokenizer *tokenizer, const hd_engine_options *options) {
    const hdi_step_limits *step = &e->limits.step;
    hdi_kv_shape kv;
    hdi_model_kv_shape(e->model, &kv);
    hd_model_get_info(e->model, &e->info);
    hd_model_get_generation_defaults(e->model, &e->defaults);
    HD_TRY(hdi_limits_resolve(options, &e->info, &kv, hdi_memory_size(), hdi_cpu_count(), &e->limits));
    e->limits.threads = options->serial ? 1 : e->limits.threads;
    e->request_limits = (hdi_request_limits){
        .vocab = e->info.vocab, .page_tokens = step->page_tokens, .context = e->limits.context, .tokenizer = tokenizer};
    HD_TRY(hdi_kv_pages_init(&e->pages, step->pages));
    HD_TRY(hdi_scheduler_init(&e->scheduler, &e->pages, step->page_tokens, step->max_sequences, step->max_tokens));
    HD_TRY(hdi_batch_init(&e->batch, step, kv.uses_rope_lengths));
    HD_TRY(hdi_sampler_init(&e->sampler, e->info.vocab));
    HD_TRY(make_executor(e, options->serial));
    HD_TRY(hdi_batch_bind(&e->batch, e->executor));
    return make_cache(e, &kv);
}

hd_status hd_engine_create(hd_model *model, const hd_tokenizer *tokenizer, const hd_engine_options *options, hd_engine **out) {
    hd_engine_options defaults;
    hd_engine *e;
    HD_REQUIRE(model && out, HD_INVALID_ARGUMENT, "hd_engine_create needs a model and a place for the result");
    *out = NULL;
    HD_TRY(hdi_isa_check());
    hd_engine_options_init(&defaults);
    HD_TRY(hdi_calloc(&e, 1, sizeof *e, "an engine"));
    e->model = hd_model_retain(model);
    hd_status status = build(e, tokenizer, options ? options : &defaults);
    if (status == HD_OK)
        *out = e;
    else
        hd_engine_destroy(e);
    return status;
}

void hd_engine_destroy(hd_engine *e) {
    if (!e) return;
    for (hd_sequence *s = e->sequences, *next; s; s = next) { /* forgotten ones live on, cut off */
        next = s->next;
        hd_sequence_cancel(s);
        s->engine = NULL;
        s->next = s->previous = NULL;
    }
    hd_executor_destroy(e->executor);
    hd_plan_destroy(e->plan);
    hdi_free_aligned(e->kv);
    hdi_batch_deinit(&e->batch);
    hdi_sampler_deinit(&e->sampler);
    hdi_scheduler_deinit(&e->scheduler);
    hdi_kv_pages_deinit(&e->pages);
    hd_model_release(e->model);
    hdi_free(e);
}
