/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/batch.h"

#include <string.h>

#include "base/memory.h"
#include "engine/random.h"
#include "engine/sampler.h"
#include "kernels/sample/sample.h"
#include "runtime/context.h"
#include "task/tracer.h"

/* ---- the block ---- */

/* A plan's input and its place in the block. */
typedef struct part {
    const char *name;
    size_t place; /* of its pointer in hdi_batch */
    int64_t count;
    bool used; /* by the plan */
} part;

enum { PARTS = 9 };

#define PART(field, n, is_used) \
    { #field, offsetof(hdi_batch, field), (n), (is_used) }
static void list_parts(const hdi_batch *b, part parts[PARTS]) {
    const hdi_step_limits *l = &b->limits;
    const part all[PARTS] = {
        PART(token_ids, l->max_tokens, true),
        PART(positions, l->max_tokens, true),
        PART(token_seq, l->max_tokens, true),
        PART(slots, l->max_tokens, true),
        PART(source, l->max_tokens, l->draws),
        PART(rope_lengths, l->max_tokens, b->uses_rope_lengths),
        PART(logit_rows, l->max_rows, true),
        PART(sample_params, (int64_t)l->max_rows * HDI_SAMPLE_PARAMS, l->draws),
        PART(page_table, (int64_t)l->max_sequences * l->max_pages, true),
    };
    memcpy(parts, all, sizeof all);
}
#undef PART

static size_t part_bytes(const part *p) { return hdi_align_up((size_t)p->count * sizeof(int32_t), HDI_CACHE_LINE); }

/* The fields point into the block that is written next. */
static void point(hdi_batch *b, const part parts[PARTS]) {
    uint8_t *at = b->host[b->turn]->data;
    for (int i = 0; i < PARTS; at += part_bytes(&parts[i]), i++) {
        void *data = at;
        memcpy((char *)b + parts[i].place, &data, sizeof data);
    }
}

hd_status hdi_batch_init(hdi_batch *b, const hdi_step_limits *limits, bool uses_rope_lengths, int32_t vocab,
                         const hd_device *device) {
    part parts[PARTS];
    bool remote = !device->vtable->immediate;
    hd_status status;
    *b = (hdi_batch){.limits = *limits, .uses_rope_lengths = uses_rope_lengths, .vocab = vocab};
    list_parts(b, parts);
    for (int i = 0; i < PARTS; i++) {
        b->table_at = b->bytes;
        b->bytes += part_bytes(&parts[i]);
    }
    for (int i = 0; i < (remote ? 2 : 1); i++) {
        HD_TRY_GOTO(hdi_storage_create_host(device, b->bytes, &b->host[i]));
        memset(b->host[i]->data, 0, b->bytes);
    }
    if (remote) {
        HD_TRY_GOTO(hdi_storage_create(device, b->bytes, &b->block));
        HD_TRY_GOTO(hdi_alloc(&b->shadow, (size_t)parts[PARTS - 1].count, sizeof(int32_t), "a batch's page tables"));
        for (int64_t i = 0; i < parts[PARTS - 1].count; i++) b->shadow[i] = -1; /* the device's is not written yet */
    }
    point(b, parts);
    return HD_OK;
fail:
    hdi_batch_deinit(b);
    return status;
}

void hdi_batch_deinit(hdi_batch *b) {
    for (int i = 0; i < 2; i++) hdi_storage_release(b->host[i]);
    hdi_storage_release(b->block);
    hdi_free(b->shadow);
    *b = (hdi_batch){0};
}

/* A stage of a pipeline reads only some of the inputs. */
static hd_status bind_part(hd_executor *executor, const part *p, void *data) {
    hd_status status = hd_executor_bind(executor, p->name, data, (size_t)p->count * sizeof(int32_t));
    return status == HD_NOT_FOUND && executor->plan->ranks ? HD_OK : status;
}

hd_status hdi_batch_bind(hdi_batch *b, hd_executor *executor) {
    part parts[PARTS];
    uint8_t *at = b->block ? b->block->data : b->host[0]->data;
    list_parts(b, parts);
    for (int i = 0; i < PARTS; at += part_bytes(&parts[i]), i++)
        if (parts[i].used) HD_TRY(bind_part(executor, &parts[i], at));
    return HD_OK;
}

/* ---- a step ---- */

static void fill_tokens(hdi_batch *b, const hdi_chunk *chunk, int32_t row) {
    const hd_sequence *s = chunk->sequence;
    int64_t page = b->limits.page_tokens;
    for (int64_t p = chunk->begin; p < chunk->begin + chunk->count; p++) {
        int32_t t = b->n_tokens++;
        bool known = p < s->n;
        b->token_ids[t] = known ? s->tokens[p] : 0;
        b->source[t] = known ? -1 : s->row;
        b->positions[t] = (int32_t)p;
        b->token_seq[t] = row;
        b->slots[t] = (int32_t)(s->pages[p / page] * page + p % page);
        b->rope_lengths[t] = (int32_t)hdi_max_i64(s->n_prompt, p + 1); /* whatever the chunks: the prompt counts whole */
    }
}

static void fill_pages(hdi_batch *b, const hd_sequence *s, int32_t row) {
    size_t at = (size_t)row * (size_t)b->limits.max_pages, bytes = (size_t)s->n_pages * sizeof(int32_t);
    if (!b->block) {
        memcpy(b->page_table + at, s->pages, bytes);
    } else if (memcmp(b->shadow + at, s->pages, bytes) != 0) {
        memcpy(b->shadow + at, s->pages, bytes);
        if (b->changed_end == 0) b->changed_first = row;
        b->changed_end = row + 1;
    }
}

static void fill_row(hdi_batch *b, const hd_sequence *s) {
    int64_t index = hdi_sequence_length(s) - s->n_prompt; /* of the token that is drawn */
    hdi_sampler_params(&s->sampling, b->vocab, (uint64_t)index, b->sample_params + (int64_t)b->n_rows * HDI_SAMPLE_PARAMS);
    b->logit_rows[b->n_rows++] = b->n_tokens - 1;
}

int32_t hdi_batch_padded(int32_t n, int32_t most) {
    int64_t size = 1;
    while (size < n) size = size < 16 || (size & (size - 1)) == 0 ? (size < 16 ? size * 2 : size / 2 * 3) : size / 3 * 4;
    return (int32_t)hdi_min_i64(size, most);
}

static void pad(hdi_batch *b) {
    int32_t n = hdi_batch_padded(b->n_rows, b->limits.max_rows);
    for (int32_t t = b->n_tokens; t < n; t++) {
        b->token_ids[t] = b->positions[t] = b->rope_lengths[t] = 0;
        b->token_seq[t] = b->slots[t] = b->source[t] = b->logit_rows[t] = -1;
        memset(b->sample_params + (int64_t)t * HDI_SAMPLE_PARAMS, 0, HDI_SAMPLE_PARAMS * sizeof(float));
    }
    b->n_tokens = b->n_sequences = b->n_rows = n;
}

void hdi_batch_fill(hdi_batch *b, const hdi_chunk *chunks, int32_t n) {
    b->n_tokens = b->n_rows = 0;
    b->n_sequences = n;
    for (int32_t i = 0; i < n; i++) {
        fill_tokens(b, &chunks[i], i);
        fill_pages(b, chunks[i].sequence, i);
        if (chunks[i].draws) fill_row(b, chunks[i].sequence);
    }
    b->decodes = b->n_tokens == n && b->n_rows == n;
    if (b->decodes && b->pads) pad(b);
}

/* Enqueues the copies to the device, and turns to the other block. */
static hd_status send(hdi_batch *b, hd_executor *executor) {
    const hd_device *device = executor->device;
    void *stream = executor->stream->handle;
    part parts[PARTS];
    HD_TRY(device->vtable->copy_async(device, stream, b->block->data, b->host[b->turn]->data, b->table_at, HDI_COPY_H2D));
    if (b->changed_end) {
        size_t row = (size_t)b->limits.max_pages, first = (size_t)b->changed_first * row;
        size_t at = b->table_at + first * sizeof(int32_t),
               bytes = (size_t)b->changed_end * row * sizeof(int32_t) + b->table_at - at;
        memcpy(b->page_table + first, b->shadow + first, bytes);
        HD_TRY(device->vtable->copy_async(device, stream, (uint8_t *)b->block->data + at, (uint8_t *)b->host[b->turn]->data + at,
                                          bytes, HDI_COPY_H2D));
        b->changed_first = b->changed_end = 0;
    }
    b->turn = !b->turn;
    list_parts(b, parts);
    point(b, parts);
    return HD_OK;
}

hd_status hdi_batch_run(hdi_batch *b, hd_executor *executor) {
    HD_TRY(hd_executor_set(executor, "tokens", b->n_tokens));
    HD_TRY(hd_executor_set(executor, "sequences", b->n_sequences));
    HD_TRY(hd_executor_set(executor, "rows", b->n_rows));
    if (executor->tracer) { /* before the other block's turn comes */
        hdi_tracer_mirror(executor, "positions", b->positions);
        hdi_tracer_mirror(executor, "token_seq", b->token_seq);
    }
    if (b->block) HD_TRY(send(b, executor));
    return b->decodes ? hd_executor_run(executor) : hdi_executor_run_once(executor);
}
