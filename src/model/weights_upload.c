/* SPDX-License-Identifier: Apache-2.0 */
/* Weights to a device: all workers make a piece in page-locked memory, straight from the mapped file, while the piece before it
 * is copied in the background. Pages of the file are given back as soon as a tensor was read. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu_features.h"
#include "base/memory.h"
#include "kernels/weights/panel.h"
#include "model/weights_table.h"
#include "runtime/context.h"
#include "runtime/storage.h"
#include "task/pool.h"

enum { PIECE = 16 << 20, STAGES = 2, CHUNK = 256 };

typedef struct stage {
    hdi_storage *memory;
    hd_event *copied; /* its last copy has ended */
} stage;

typedef struct upload {
    hdi_weights *weights;
    const hd_model_options *options;
    hd_stream *stream;
    hdi_pool *pool;
    stage stages[STAGES];
    int turn;
    uint64_t done, total; /* bytes */
    /* the piece that is being made: units [first, end) of `weight`, which go to `to` */
    const hdi_held_weight *weight;
    uint8_t *to;
    int64_t first, end, step;
    atomic_int_least64_t next;
} upload;

/* ---- making pieces ---- */

/* What a weight is cut into: panels, or rows; a vector is one row. */
static int64_t unit_count(const hdi_held_weight *w) {
    return w->type.packed ? hdi_panel_count(w->shape[0]) : w->ndim == 2 ? w->shape[0] : 1;
}
static size_t unit_bytes(const hdi_held_weight *w) { return (size_t)(w->bytes / (uint64_t)unit_count(w)); }
static int64_t row_length(const hdi_held_weight *w) { return w->shape[w->ndim - 1]; }

static void convert_row(const hdi_weight *to, uint8_t *out, const hdi_weight *from, const uint8_t *in, int64_t n) {
    float x[CHUNK];
    size_t in_size = hd_dtype_block_bytes(from->dtype), out_size = hd_dtype_block_bytes(to->dtype);
    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t count = hdi_min_i64(CHUNK, n - i);
        from->dequantize_row(in + (size_t)i * in_size, x, count);
        to->quantize_row(x, out + (size_t)i * out_size, count);
    }
}

static void make_units(const hdi_held_weight *w, int64_t first, int64_t end, uint8_t *to) {
    hd_dtype from = w->stored ? w->stored->dtype : HD_DTYPE_F32;
    const uint8_t *data = w->stored ? w->rows : w->owned;
    int64_t n = row_length(w), rows = w->type.packed ? HDI_PANEL_ROWS : 1, stride = w->stored && w->ndim == 2 ? w->row_stride : n;
    size_t row_bytes = (size_t)n * hd_dtype_block_bytes(from), step = (size_t)stride * hd_dtype_block_bytes(from);
    data += (size_t)(first * rows) * step;
    if (w->type.packed)
        hdi_panel_pack(to, w->type.dtype, 0, end - first, hdi_min_i64((end - first) * rows, w->shape[0] - first * rows), n, data,
                       from, stride);
    else
        for (int64_t r = first; r < end; r++, data += step, to += unit_bytes(w)) {
            if (from == w->type.dtype)
                memcpy(to, data, row_bytes);
            else
                convert_row(hdi_weight_of(w->type.dtype), to, hdi_weight_of(from), data, n);
        }
}

static void make_some(void *user, int worker) {
    upload *u = user;
    (void)worker;
    for (;;) {
        int64_t first = atomic_fetch_add_explicit(&u->next, u->step, memory_order_relaxed);
        if (first >= u->end) return;
        make_units(u->weight, first, hdi_min_i64(first + u->step, u->end),
                   u->to + (size_t)(first - u->first) * unit_bytes(u->weight));
    }
}

/* ---- copying ---- */

static hd_status report(upload *u, uint64_t bytes) {
    u->done += bytes;
    if (!u->options->progress) return HD_OK;
    HD_REQUIRE(u->options->progress(u->options->progress_user, u->done, u->total), HD_CANCELLED,
               "loading was stopped on request");
    return HD_OK;
}

static hd_status upload_piece(upload *u, hdi_held_weight *w, int64_t first, int64_t end) {
    const hd_device *device = u->weights->device;
    stage *s = &u->stages[u->turn];
    size_t unit = unit_bytes(w), bytes = (size_t)(end - first) * unit;
    HD_TRY(hd_event_synchronize(s->copied)); /* no wait the first time: it was never recorded */
    u->weight = w;
    u->to = s->memory->data;
    u->first = first;
    u->end = end;
    u->step = hdi_max_i64(1, (end - first) / (8 * hdi_pool_workers(u->pool)));
    atomic_store(&u->next, first);
    hdi_pool_run(u->pool, make_some, u);
    HD_TRY(device->vtable->copy_async(device, u->stream->handle, (uint8_t *)w->storage->data + (size_t)first * unit, u->to, bytes,
                                      HDI_COPY_H2D));
    HD_TRY(hd_event_record(s->copied, u->stream));
    u->turn = (u->turn + 1) % STAGES;
    return report(u, bytes);
}

static hd_status no_room(const upload *u, const hdi_held_weight *w) {
    char reason[300];
    snprintf(reason, sizeof reason, "%s", hd_last_error());
    return hdi_fail(HD_OUT_OF_MEMORY,
                    "%s: the weights take %.2f GiB, and after %.2f GiB of them there was no room for %s (%s); take smaller "
                    "weights (q8 or q4), a smaller model, or end what else uses the device",
                    hdi_device_text(u->weights->device), (double)u->total * 0x1p-30, (double)u->done * 0x1p-30, w->name, reason);
}

static hd_status upload_weight(upload *u, hdi_held_weight *w) {
    int64_t units = unit_count(w), most = hdi_max_i64(1, (int64_t)(PIECE / unit_bytes(w)));
    hd_status status = hdi_storage_create(u->weights->device, w->bytes, &w->storage);
    if (status == HD_OUT_OF_MEMORY) return no_room(u, w);
    HD_TRY(status);
    if (w->stored) hdi_stored_tensor_will_need(w->stored);
    for (int64_t at = 0; at < units; at += most) HD_TRY(upload_piece(u, w, at, hdi_min_i64(at + most, units)));
    if (w->stored) hdi_stored_tensor_done(w->stored);
    w->data = w->storage->data;
    return HD_OK;
}

/* ---- all of them ---- */

static hd_status check_total(const upload *u) {
    const hd_device *device = u->weights->device;
    hd_device_properties p;
    HD_TRY(hd_device_get_properties(device, &p));
    HD_REQUIRE(u->total <= p.memory_bytes, HD_OUT_OF_MEMORY,
               "%s: the weights take %.2f GiB and the device has %.2f GiB; take smaller weights (q8 or q4) or a smaller model",
               hdi_device_text(device), (double)u->total * 0x1p-30, (double)p.memory_bytes * 0x1p-30);
    return HD_OK;
}

static hd_status open_stages(upload *u, size_t bytes) {
    const hd_device *device = u->weights->device;
    HD_TRY(hd_stream_create(device, &u->stream));
    for (int i = 0; i < STAGES; i++) {
        HD_TRY(hdi_storage_create_host(device, bytes, &u->stages[i].memory));
        HD_TRY(hd_event_create(device, &u->stages[i].copied));
    }
    return HD_OK;
}

static void close_stages(upload *u) {
    hd_stream_destroy(u->stream); /* waits for the copies */
    for (int i = 0; i < STAGES; i++) {
        hd_event_destroy(u->stages[i].copied);
        hdi_storage_release(u->stages[i].memory);
    }
}

hd_status hdi_weights_upload(hdi_weights *weights, const hd_model_options *options) {
    upload u = {.weights = weights, .options = options};
    size_t stage_bytes = PIECE;
    hd_status status;
    for (size_t i = 0; i < weights->n; i++) {
        u.total += weights->entries[i].bytes;
        if (!weights->entries[i].absent && unit_bytes(&weights->entries[i]) > stage_bytes)
            stage_bytes = unit_bytes(&weights->entries[i]);
    }
    HD_TRY(check_total(&u));
    HD_TRY_GOTO(open_stages(&u, stage_bytes));
    HD_TRY_GOTO(hdi_pool_create(options->threads ? options->threads : hdi_cpu_count(), &u.pool));
    for (size_t i = 0; i < weights->n; i++)
        if (!weights->entries[i].absent) HD_TRY_GOTO(upload_weight(&u, &weights->entries[i]));
    status = hd_stream_synchronize(u.stream);
fail:
    close_stages(&u);
    hdi_pool_destroy(u.pool);
    return status;
}
