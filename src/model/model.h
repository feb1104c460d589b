/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine asks of a loaded model: its cache geometry, a plan for its steps, and its weights bound to an executor.
 *
 * The plan of a causal language model has
 *   symbols  tokens (1..max_tokens), sequences (1..max_sequences), rows (0..max_rows)
 *   inputs   token_ids i32[tokens], positions i32[tokens], token_seq i32[tokens], slots i32[tokens],
 *            page_table i32[sequences, max_pages], logit_rows i32[rows], and rope_lengths i32[tokens] if uses_rope_lengths
 *   states   k.<layer>, v.<layer> of kv_dtype, [pages, kv_heads, page_tokens, head_dim]
 *   output   logits f32[rows, vocab]: of the tokens whose indices logit_rows holds */
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
} hdi_step_limits;

typedef struct hdi_kv_shape {
    int32_t layers, kv_heads, head_dim, value_dim;
    bool uses_rope_lengths; /* dynamic rope: give max(prompt length, position + 1) a token */
    hd_dtype natural_dtype; /* of the cache, by the checkpoint's own type */
} hdi_kv_shape;

void hdi_model_kv_shape(const hd_model *model, hdi_kv_shape *out);
hd_status hdi_model_compile(const hd_model *model, const hdi_step_limits *limits, hd_plan **out);
/* Binds every weight of the model's plan; the model must outlive the executor. */
hd_status hdi_model_bind(const hd_model *model, hd_executor *executor);

#endif
