/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine asks of a loaded model: its cache geometry, a plan for its steps, and its weights bound to an executor.
 *
 * The plan of a causal language model has
 *   symbols  tokens (1..max_tokens), sequences (1..max_sequences), rows (0..max_rows)
 *   inputs   token_ids i32[tokens], positions i32[tokens], token_seq i32[tokens], slots i32[tokens],
 *            page_table i32[sequences, max_pages], logit_rows i32[rows], and rope_lengths i32[tokens] if uses_rope_lengths
 *   states   k.<layer>, v.<layer> of kv_dtype, [pages, kv_heads, page_tokens, head_dim]
 *   output   logits f32[rows, vocab]: of the tokens whose indices logit_rows holds; over ranks, on rank 0 (but hdi_logits_stay)
 *
 * A plan that draws has more
 *   inputs   sample_params f32[rows, 8] (kernels/sample/sample.h), source i32[tokens]: the row of the step before whose id is the
 * token, or -1 where token_ids has it state    next_ids i32[max_rows]: the id drawn from each row of the last step; -1 where the
 * logits are no numbers Padding: a token with token_seq, slots and source -1 and position 0 changes nothing, and neither does a
 * logit row of -1. */
#ifndef HDI_MODEL_MODEL_H
#define HDI_MODEL_MODEL_H

#include "heddle/compile.h"
#include "heddle/model.h"

typedef struct hdi_step_limits {
    int32_t max_tokens, max_sequences, max_rows;
    int32_t pages; /* in the whole cache */
    int32_t page_tokens;
    int32_t max_pages; /* of one sequence */
    hd_dtype kv_dtype;
    bool draws; /* the plan draws the next tokens itself */
} hdi_step_limits;

/* Of the rank that holds most of it, where several share the model. */
typedef struct hdi_kv_shape {
    int32_t layers, kv_heads, head_dim, value_dim;
    bool uses_rope_lengths; /* dynamic rope: give max(prompt length, position + 1) a token */
    hd_dtype natural_dtype; /* of the cache, by the checkpoint's own type */
} hdi_kv_shape;

void hdi_model_kv_shape(const hd_model *model, hdi_kv_shape *out);
/* Whether the logits of a plan over so many stages are on the first rank of the last one. A plan that draws needs them where the
 * next step's tokens are read: they are handed to stage 0. */
static inline bool hdi_logits_stay(int32_t pipeline, const hdi_step_limits *limits) { return pipeline > 1 && !limits->draws; }
/* Then, the plan that brings them to rank 0; *out is NULL where they need none. Symbol rows (1..max_rows); on that rank input
 * HDI_LOGITS_MADE f32[rows, vocab], on rank 0 output logits, the same. */
#define HDI_LOGITS_MADE "logits_made"
hd_status hdi_model_compile_return(const hd_model *model, const hdi_step_limits *limits, hd_plan **out);
/* This rank's plan. */
hd_status hdi_model_compile(const hd_model *model, const hdi_step_limits *limits, hd_plan **out);
/* Where the ranks meet that share the model; NULL: it is this process's alone. */
hd_domain *hdi_model_domain(const hd_model *model);
/* There, a window with one signal of rank 0 to each: how many engines it has called them to; HDI_NO_MORE_CALLS when the model
 * goes. */
hd_window *hdi_model_calls(const hd_model *model);
#define HDI_NO_MORE_CALLS UINT64_MAX
/* Binds every weight of the model's plan; the model must outlive the executor. */
hd_status hdi_model_bind(const hd_model *model, hd_executor *executor);

#endif
