/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs of one ragged step: chunks of many sequences, token after token, in one block of memory where the plan reads them.
 *
 * The CPU reads the block that the host wrote. For a device there are two blocks of page-locked memory, written in turn, and one
 * on the device: a step's inputs go there in one copy, ordered before its work, while the step before may still run. Page tables,
 * which change once a page, go only when they have changed. */
#ifndef HDI_ENGINE_BATCH_H
#define HDI_ENGINE_BATCH_H

#include "engine/scheduler.h"
#include "heddle/compile.h"
#include "model/model.h"
#include "runtime/storage.h"

typedef struct hdi_batch {
    hdi_step_limits limits;
    bool uses_rope_lengths;
    bool pads; /* steps of decodes alone are padded to a few sizes, so that recorded graphs fit them */
    int32_t vocab;
    /* where the host writes, for the step that comes next */
    int32_t *token_ids, *positions, *token_seq, *slots, *source, *rope_lengths; /* a token */
    int32_t *logit_rows;                                                        /* indices of tokens, a row of the logits */
    float *sample_params;                                                       /* HDI_SAMPLE_PARAMS a row */
    int32_t *page_table;                                                        /* max_pages a sequence, as the plan has it now */
    int32_t n_tokens, n_sequences, n_rows;
    bool decodes; /* each chunk is one token that draws */
    /* private to batch.c and batch_message.c */
    hdi_storage *host[2], *block; /* block: NULL when the plan reads host[0] */
    int turn;
    size_t table_at, bytes;             /* of the block: the page table lies at its end */
    int32_t *shadow;                    /* the device's page table */
    int32_t changed_first, changed_end; /* rows of it that the next step needs changed */
} hdi_batch;

/* `device`: where the plan runs; the CPU reads in place. */
hd_status hdi_batch_init(hdi_batch *batch, const hdi_step_limits *limits, bool uses_rope_lengths, int32_t vocab,
                         const hd_device *device);
void hdi_batch_deinit(hdi_batch *batch); /* legal on a zeroed one; no copy of it is under way */
/* Gives the inputs to the executor, once. */
hd_status hdi_batch_bind(hdi_batch *batch, hd_executor *executor);

/* Writes the inputs. Row r of the logits belongs to the r-th chunk that draws. The step before the last has ended. */
void hdi_batch_fill(hdi_batch *batch, const hdi_chunk *chunks, int32_t n);
/* Sets the symbols and runs the plan; on a device, enqueues the inputs and the plan. */
hd_status hdi_batch_run(hdi_batch *batch, hd_executor *executor);

/* A filled step as bytes, for ranks that follow: at most so many. */
size_t hdi_batch_message_room(const hdi_batch *batch);
/* Writes the step that was filled and has not run yet, as much as it uses, and gives the number of bytes. */
size_t hdi_batch_write(const hdi_batch *batch, void *to);
/* Fills the step from there. The batches have the same limits. */
void hdi_batch_read(hdi_batch *batch, const void *from);

/* What `n` decodes are padded to: 1, 2, 4, 8, 16, 24, 32, 48, 64, 96 ..., at most `most`. */
int32_t hdi_batch_padded(int32_t n, int32_t most);

#endif
