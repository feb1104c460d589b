/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/scheduler.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

hd_status hdi_scheduler_init(hdi_scheduler *s, hdi_kv_pages *pages, int32_t page_tokens, int32_t max_sequences,
                             int32_t max_batch_tokens) {
    hd_status status;
    *s = (hdi_scheduler){
        .pages = pages, .page_tokens = page_tokens, .max_sequences = max_sequences, .max_batch_tokens = max_batch_tokens};
    s->foresees = true;
    s->groups = 1;
    HD_TRY_GOTO(hdi_alloc(&s->running, (size_t)max_sequences, sizeof(hd_sequence *), "the running sequences"));
    HD_TRY_GOTO(hdi_alloc(&s->chunks, (size_t)max_sequences, sizeof *s->chunks, "a step's chunks"));
    return HD_OK;
fail:
    hdi_scheduler_deinit(s);
    return status;
}

void hdi_scheduler_deinit(hdi_scheduler *s) {
    assert(s->n_running == 0 && s->n_waiting == 0);
    hdi_free(s->running);
    hdi_free(s->chunks);
    *s = (hdi_scheduler){0};
}

/* The queue is sorted by number: one that lost its pages comes before all that never ran. */
void hdi_scheduler_add(hdi_scheduler *s, hd_sequence *sequence) {
    hd_sequence **at = &s->waiting;
    while (*at && (*at)->number < sequence->number) at = &(*at)->next_waiting;
    sequence->next_waiting = *at;
    *at = sequence;
    sequence->state = HDI_SEQUENCE_WAITING;
    s->n_waiting++;
}

static void drop_pages(hdi_scheduler *s, hd_sequence *sequence) {
    while (sequence->n_pages > 0) hdi_kv_pages_drop(s->pages, sequence->pages[--sequence->n_pages]);
    sequence->computed = 0;
}

static void leave_waiting(hdi_scheduler *s, hd_sequence *sequence) {
    hd_sequence **at = &s->waiting;
    while (*at != sequence) at = &(*at)->next_waiting;
    *at = sequence->next_waiting;
    sequence->next_waiting = NULL;
    s->n_waiting--;
}

static void leave_running(hdi_scheduler *s, hd_sequence *sequence) {
    int32_t i = 0;
    while (s->running[i] != sequence) i++;
    s->n_running--;
    memmove(s->running + i, s->running + i + 1, (size_t)(s->n_running - i) * sizeof *s->running);
    drop_pages(s, sequence);
}

void hdi_scheduler_remove(hdi_scheduler *s, hd_sequence *sequence) {
    if (sequence->state == HDI_SEQUENCE_WAITING) leave_waiting(s, sequence);
    if (sequence->state == HDI_SEQUENCE_RUNNING) leave_running(s, sequence);
    sequence->state = HDI_SEQUENCE_DONE;
}

static void preempt(hdi_scheduler *s, hd_sequence *sequence) {
    leave_running(s, sequence);
    hdi_scheduler_add(s, sequence);
}

/* Makes room for the token after the computed ones. false: the sequence itself had to give way. */
static bool take_page(hdi_scheduler *s, hd_sequence *sequence) {
    if (sequence->computed < (int64_t)sequence->n_pages * s->page_tokens) return true;
    int32_t page;
    while ((page = hdi_kv_pages_take(s->pages)) < 0) {
        hd_sequence *youngest = s->running[s->n_running - 1];
        preempt(s, youngest);
        if (youngest == sequence) return false;
    }
    sequence->pages[sequence->n_pages++] = page;
    return true;
}

/* Its last token is being drawn: there is nothing left to compute. */
static bool complete(const hd_sequence *sequence) { return hdi_sequence_length(sequence) == sequence->limit; }

/* Nothing can be computed before its token comes. */
static bool awaits_token(const hdi_scheduler *s, const hd_sequence *sequence) {
    return complete(sequence) || (!s->foresees && sequence->pending > 0);
}

/* Starts the sequence that waits longest, if pages for all its tokens are free and one more for each running sequence: else
 * it might be sent away again at once. */
static bool admit(hdi_scheduler *s) {
    hd_sequence *sequence = s->waiting;
    if (!sequence || s->n_running == s->max_sequences || awaits_token(s, sequence)) return false;
    int64_t need = hdi_ceil_div(hdi_sequence_length(sequence), s->page_tokens);
    if (s->pages->free - need < s->n_running) return false;
    leave_waiting(s, sequence);
    while (sequence->n_pages < need) sequence->pages[sequence->n_pages++] = hdi_kv_pages_take(s->pages);
    sequence->prefill_end = hdi_sequence_length(sequence);
    sequence->state = HDI_SEQUENCE_RUNNING;
    s->running[s->n_running++] = sequence;
    return true;
}

static int32_t add_chunk(hdi_scheduler *s, hd_sequence *sequence, int32_t budget) {
    int64_t length = hdi_sequence_length(sequence);
    int32_t count = (int32_t)hdi_min_i64(length - sequence->computed, budget);
    s->chunks[s->n_chunks++] = (hdi_chunk){.sequence = sequence,
                                           .begin = sequence->computed,
                                           .count = count,
                                           .draws = sequence->computed + count == length,
                                           .prefill = sequence->computed < sequence->prefill_end};
    return budget - count;
}

static bool decodes(const hd_sequence *sequence) { return sequence->computed + 1 == hdi_sequence_length(sequence); }

/* Decodes of one step: all, or their share of as many steps as are under way at once. */
static int32_t most_decodes(const hdi_scheduler *s) {
    int32_t n = 0;
    for (int32_t i = 0; i < s->n_running; i++) n += !complete(s->running[i]) && decodes(s->running[i]);
    return (int32_t)hdi_ceil_div(n, s->groups);
}

void hdi_scheduler_plan(hdi_scheduler *s) {
    int32_t budget = s->max_batch_tokens, most = most_decodes(s);
    s->n_chunks = 0;
    for (int32_t i = 0; i < s->n_running && s->n_chunks < most; i++) /* giving way only ever shortens the list behind i */
        if (!awaits_token(s, s->running[i]) && decodes(s->running[i]) && take_page(s, s->running[i]))
            budget = add_chunk(s, s->running[i], budget);
    for (int32_t i = 0; i < s->n_running && budget > 0; i++)
        if (!awaits_token(s, s->running[i]) && !decodes(s->running[i])) budget = add_chunk(s, s->running[i], budget);
    while (budget > 0 && admit(s)) budget = add_chunk(s, s->running[s->n_running - 1], budget);
}
