/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sampler.h"

#include <string.h>

#include "base/memory.h"
#include "engine/random.h"
#include "kernels/kernel.h"
#include "kernels/sample/sample.h"

/* One row: a sequence's draw must not depend on the others of its batch. */
typedef struct sample_call {
    hdi_operand operand[3];
    hdi_kernel_call call;
    int32_t id;
    float params[HDI_SAMPLE_PARAMS];
} sample_call;

static void make_call(sample_call *c, const float *logits, int32_t vocab) {
    *c = (sample_call){
        .operand =
            {{.data = &c->id, .shape = {1}, .stride = {1}, .dtype = HD_DTYPE_I32, .rank = 1},
             {.data = (void *)(uintptr_t)logits, .shape = {1, vocab}, .stride = {vocab, 1}, .dtype = HD_DTYPE_F32, .rank = 2},
             {.data = c->params,
              .shape = {1, HDI_SAMPLE_PARAMS},
              .stride = {HDI_SAMPLE_PARAMS, 1},
              .dtype = HD_DTYPE_F32,
              .rank = 2}},
        .call = {.operand = c->operand, .n_operands = 3}};
}

hd_status hdi_sampler_init(hdi_sampler *s, int32_t vocab) {
    hdi_kernel_work work = {0};
    sample_call c;
    hd_status status;
    *s = (hdi_sampler){.vocab = vocab};
    make_call(&c, NULL, vocab);
    hdi_sample_work(&c.call, &work);
    HD_TRY_GOTO(hdi_alloc_aligned(&s->row, (size_t)vocab * sizeof *s->row, "a row of logits"));
    HD_TRY_GOTO(hdi_calloc(&s->count, (size_t)vocab, sizeof *s->count, "counts of tokens"));
    HD_TRY_GOTO(hdi_alloc_aligned(&s->scratch, work.scratch, "the sampler's scratch memory"));
    return HD_OK;
fail:
    hdi_sampler_deinit(s);
    return status;
}

void hdi_sampler_deinit(hdi_sampler *s) {
    hdi_free_aligned(s->row);
    hdi_free(s->count);
    hdi_free_aligned(s->scratch);
    *s = (hdi_sampler){0};
}

void hdi_sampler_params(const hd_sampling *sampling, int32_t vocab, uint64_t index, float *params) {
    params[HDI_SAMPLE_TEMPERATURE] = sampling->temperature;
    params[HDI_SAMPLE_TOP_K] = (float)(sampling->top_k < vocab ? sampling->top_k : 0);
    params[HDI_SAMPLE_TOP_P] = sampling->top_p;
    params[HDI_SAMPLE_MIN_P] = sampling->min_p;
    params[HDI_SAMPLE_TYPICAL_P] = sampling->typical_p;
    params[HDI_SAMPLE_UNIFORM] = hdi_random_uniform(sampling->seed, index);
    params[6] = params[7] = 0;
}

static int32_t sample(const hdi_sampler *s, const float *logits, const hd_sampling *sampling, uint64_t index) {
    sample_call c;
    make_call(&c, logits, s->vocab);
    hdi_sampler_params(sampling, s->vocab, index, c.params);
    hdi_kernel_get(HDI_KERNEL_sample_f32)(&c.call, 0, 1, s->scratch);
    return c.id;
}

hd_status hdi_sampler_draw(hdi_sampler *s, const float *logits, const hd_sampling *sampling, const hdi_history *history,
                           int32_t top_logprobs, hdi_draw *draw) {
    HD_REQUIRE(hdi_logits_valid(logits, s->vocab), HD_CORRUPT, HDI_BAD_LOGITS, (long long)history->n);
    if (hdi_logits_edited(sampling, history)) {
        memcpy(s->row, logits, (size_t)s->vocab * sizeof *logits);
        hdi_logits_edit(s->row, s->count, sampling, history);
        HD_REQUIRE(hdi_logits_valid(s->row, s->vocab), HD_INVALID_ARGUMENT,
                   "logit bias and penalties leave no token that could follow");
        logits = s->row;
    }
    draw->token = sample(s, logits, sampling, (uint64_t)(history->n - history->n_prompt));
    draw->logprob = 0;
    draw->n_top = 0;
    if (top_logprobs >= 0) {
        float greatest;
        double log_sum;
        hdi_logits_normaliser(logits, s->vocab, &greatest, &log_sum);
        draw->logprob = (float)((double)logits[draw->token] - (double)greatest - log_sum);
        draw->n_top = hdi_logits_top(logits, s->vocab, greatest, log_sum, top_logprobs, draw->top);
    }
    return HD_OK;
}
