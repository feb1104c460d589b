/* SPDX-License-Identifier: Apache-2.0 */
/* What the next step computes, and who holds which KV pages.
 *
 * Every running sequence decodes one token; what is left of a step's tokens goes to prompts, first come first served. A
 * sequence starts when its whole prompt has pages. When a decoding sequence needs a page and there is none, the youngest
 * running one gives up its pages and waits to be computed anew; so the oldest always goes on. */
#ifndef HDI_ENGINE_SCHEDULER_H
#define HDI_ENGINE_SCHEDULER_H

#include "engine/kv_pages.h"
#include "engine/sequence.h"

/* Tokens [begin, begin + count) of a sequence, to be computed in one step. */
typedef struct hdi_chunk {
    hd_sequence *sequence;
    int64_t begin;
    int32_t count;
    bool draws; /* it ends with the newest token: the next one can be drawn */
    bool prefill;
} hdi_chunk;

typedef struct hdi_scheduler {
    hdi_kv_pages *pages; /* borrowed */
    int32_t page_tokens, max_sequences, max_batch_tokens;
    /* set by the engine */
    bool foresees;         /* a sequence may be planned before its newest token is known: the plan draws it itself */
    int32_t groups;        /* decoding sequences are planned in so many steps by turns, 1 or more: each stage has one of them */
    hd_sequence **running; /* oldest first */
    hd_sequence *waiting;  /* oldest first; all younger than the running ones */
    int32_t n_running, n_waiting;
    hdi_chunk *chunks; /* the plan: decodes, then chunks of prompts; at most one a sequence */
    int32_t n_chunks;
} hdi_scheduler;

/* max_batch_tokens >= max_sequences >= 1. A sequence of the longest allowed length must fit into all pages together. */
hd_status hdi_scheduler_init(hdi_scheduler *scheduler, hdi_kv_pages *pages, int32_t page_tokens, int32_t max_sequences,
                             int32_t max_batch_tokens);
void hdi_scheduler_deinit(hdi_scheduler *scheduler); /* legal on a zeroed one; its sequences must have been removed */

void hdi_scheduler_add(hdi_scheduler *scheduler, hd_sequence *sequence);
/* Takes a waiting or running sequence out, done; its pages are dropped. */
void hdi_scheduler_remove(hdi_scheduler *scheduler, hd_sequence *sequence);
/* Fills `chunks`; none only when there is no sequence but those whose last token is being drawn, or, if it does not foresee, any.
 * All tokens of the chunks have pages then. Does not allocate. */
void hdi_scheduler_plan(hdi_scheduler *scheduler);

#endif
