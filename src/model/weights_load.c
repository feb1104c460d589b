/* SPDX-License-Identifier: Apache-2.0 */
/* Making the weights that the CPU does not read in place: vectors become f32, packed matrices are converted panel by panel by all
 * workers, straight from the mapped file, whose pages are given back as soon as a matrix is done. */
#include <stdatomic.h>
#include <stdio.h>

#include "base/cpu_features.h"
#include "base/float16.h"
#include "base/memory.h"
#include "kernels/weights/panel.h"
#include "model/weights_table.h"
#include "task/pool.h"

/* Matrices are packed in pieces of this many panels, so that progress shows and a stop is heard within large ones. */
enum { PANELS_A_PIECE = 512 };

typedef struct loading {
    hdi_weights *weights;
    const hd_model_options *options;
    hdi_pool *pool;
    uint64_t done, total; /* bytes made */
    const hdi_held_weight *current;
    int64_t first, end; /* panels of the piece */
    int64_t step;       /* panels a worker takes at a time */
    atomic_int_least64_t next;
} loading;

static hd_status report(loading *l, uint64_t bytes) {
    l->done += bytes;
    if (!l->options->progress) return HD_OK;
    HD_REQUIRE(l->options->progress(l->options->progress_user, l->done, l->total), HD_CANCELLED,
               "loading was stopped on request");
    return HD_OK;
}

static float element(const hdi_held_weight *w, int64_t i) {
    switch (w->stored->dtype) {
    case HD_DTYPE_F16:
        return hdi_f16_to_f32(((const uint16_t *)w->rows)[i]);
    case HD_DTYPE_BF16:
        return hdi_bf16_to_f32(((const uint16_t *)w->rows)[i]);
    default:
        return ((const float *)w->rows)[i];
    }
}

static hd_status make_vector(hdi_held_weight *w) {
    HD_TRY(hdi_alloc_aligned(&w->owned, w->bytes, w->name));
    for (int64_t i = 0; i < w->shape[0]; i++) ((float *)w->owned)[i] = element(w, i);
    w->data = w->owned;
    return HD_OK;
}

static void pack_some(void *user, int worker) {
    loading *l = user;
    const hdi_held_weight *w = l->current;
    (void)worker;
    for (;;) {
        int64_t first = atomic_fetch_add_explicit(&l->next, l->step, memory_order_relaxed);
        if (first >= l->end) return;
        hdi_panel_pack(w->owned, w->type.dtype, first, hdi_min_i64(first + l->step, l->end), w->shape[0], w->shape[1], w->rows,
                       w->stored->dtype, w->row_stride);
    }
}

static hd_status make_packed(loading *l, hdi_held_weight *w) {
    int64_t panels = hdi_panel_count(w->shape[0]);
    HD_TRY(hdi_alloc_aligned(&w->owned, w->bytes, w->name));
    hdi_stored_tensor_will_need(w->stored);
    l->current = w;
    for (l->first = 0; l->first < panels; l->first = l->end) {
        l->end = hdi_min_i64(l->first + PANELS_A_PIECE, panels);
        l->step = hdi_max_i64(1, (l->end - l->first) / (8 * hdi_pool_workers(l->pool)));
        atomic_store(&l->next, l->first);
        hdi_pool_run(l->pool, pack_some, l);
        HD_TRY(report(l, w->bytes * (uint64_t)(l->end - l->first) / (uint64_t)panels));
    }
    hdi_stored_tensor_done(w->stored);
    w->data = w->owned;
    return HD_OK;
}

static hd_status make_all(loading *l) {
    for (size_t i = 0; i < l->weights->n; i++) {
        hdi_held_weight *w = &l->weights->entries[i];
        if (w->data || !w->stored || w->absent) continue;
        if (w->type.packed)
            HD_TRY(make_packed(l, w));
        else if (w->ndim == 1)
            HD_TRY(make_vector(w));
        else
            w->data = w->rows ? w->rows : (const void *)""; /* read in place, or as it was put together */
    }
    return HD_OK;
}

static hd_status make_on_cpu(hdi_weights *weights, const hd_model_options *options) {
    loading l = {.weights = weights, .options = options};
    for (size_t i = 0; i < weights->n; i++)
        if (weights->entries[i].type.packed) l.total += weights->entries[i].bytes;
    int workers = l.total == 0 ? 1 : options->threads ? options->threads : hdi_cpu_count();
    HD_TRY(hdi_pool_create(workers, &l.pool));
    hd_status status = make_all(&l);
    hdi_pool_destroy(l.pool);
    return status;
}

hd_status hdi_weights_load(hdi_weights *weights, const hd_model_options *options) {
    hd_status status =
        weights->device->type == HD_DEVICE_CPU ? make_on_cpu(weights, options) : hdi_weights_upload(weights, options);
    if (status == HD_OK && weights->kept && options->notice) {
        char text[200];
        snprintf(text, sizeof text,
                 "%zu matrices keep the checkpoint's type: their rows are no whole blocks of 32, which %s needs", weights->kept,
                 hd_weights_name(weights->choice));
        options->notice(options->notice_user, text);
    }
    return status;
}
