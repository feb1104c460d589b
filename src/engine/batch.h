/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs of one ragged step: chunks of many sequences, token after token, written where the plan reads them. */
#ifndef HDI_ENGINE_BATCH_H
#define HDI_ENGINE_BATCH_H

#include "engine/scheduler.h"
#include "heddle/compile.h"
#include "model/model.h"

typedef struct hdi_batch {
    hdi_step_limits limits;
    bool uses_rope_lengths;
    int32_t *token_ids, *positions, *token_seq, *slots, *rope_lengths; /* a token */
    int32_t *page_table;                                               /* max_pages a sequence */
    int32_t *logit_rows; /* indices of tokens; row i of the logits is that of logit_rows[i] */
    int32_t n_tokens, n_sequences, n_rows;
} hdi_batch;

hd_status hdi_batch_init(hdi_batch *batch, const hdi_step_limits *limits, bool uses_rope_lengths);
void hdi_batch_deinit(hdi_batch *batch); /* legal on a zeroed one */
/* Gives the inputs to the executor, once; the batch must stay where it is. */
hd_status hdi_batch_bind(hdi_batch *batch, hd_executor *executor);

/* Writes the inputs. Row r of the logits belongs to the r-th chunk that draws. */
void hdi_batch_fill(hdi_batch *batch, const hdi_chunk *chunks, int32_t n);
/* Sets the symbols and runs the plan. */
hd_status hdi_batch_run(const hdi_batch *batch, hd_executor *executor);

#endif
