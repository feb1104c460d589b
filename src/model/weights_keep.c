/* SPDX-License-Identifier: Apache-2.0 */
/* A rank's part of the weights: rows or columns of the stored matrices, as its graph says. Parts that lie together are used as
 * they lie; rows that lie apart (heads of keys that several ranks share) are put together once. */
#include <string.h>

#include "base/memory.h"
#include "kernels/weights/panel.h"
#include "model/weights_table.h"

static const uint8_t *stored_at(const hdi_held_weight *w, int64_t element) {
    return (const uint8_t *)w->stored->data + (size_t)element * hd_dtype_block_bytes(w->stored->dtype);
}

/* Whole rows (of a vector: elements) that lie apart. */
static hd_status gather(hdi_held_weight *w, const hd_part *parts, int32_t n, int64_t count) {
    int64_t row = w->ndim == 2 ? w->shape[1] : 1;
    size_t row_bytes = (size_t)row * hd_dtype_block_bytes(w->stored->dtype);
    HD_TRY(hdi_alloc_aligned(&w->gathered, (size_t)count * row_bytes, w->name));
    uint8_t *to = w->gathered;
    for (int32_t i = 0; i < n; i++) {
        size_t bytes = (size_t)(parts[i].end - parts[i].begin) * row_bytes;
        memcpy(to, stored_at(w, parts[i].begin * row), bytes);
        to += bytes;
    }
    w->rows = w->gathered;
    w->type.mapped = false;
    return HD_OK;
}

static hd_status keep_parts(hdi_held_weight *w, const hd_part *parts, int32_t n) {
    int32_t dim = parts->dim;
    int64_t count = 0, whole_row = w->ndim == 2 ? w->shape[1] : 1;
    for (int32_t i = 0; i < n; i++) count += parts[i].end - parts[i].begin;
    HD_REQUIRE(dim == 0 || n == 1, HD_UNSUPPORTED, "%s: columns that lie apart", w->name);
    if (n == 1)
        w->rows = stored_at(w, dim == 0 ? parts->begin * whole_row : parts->begin);
    else
        HD_TRY(gather(w, parts, n, count));
    w->shape[dim] = count;
    return HD_OK;
}

static uint64_t bytes_of(const hdi_held_weight *w) {
    if (w->ndim == 1) return (uint64_t)w->shape[0] * sizeof(float);
    if (w->type.packed) return hdi_panel_bytes(w->type.dtype, w->shape[0], w->shape[1]);
    int64_t elements =
        w->type.mapped && w->shape[0] ? (w->shape[0] - 1) * w->row_stride + w->shape[1] : w->shape[0] * w->shape[1];
    return (uint64_t)elements * hd_dtype_block_bytes(w->type.dtype);
}

static hd_status keep(hdi_held_weight *w, const hd_graph *graph) {
    hd_part *parts = NULL;
    int32_t n = 0;
    hd_status status = hd_graph_parts(graph, w->name, &parts, &n);
    w->absent = status == HD_NOT_FOUND;
    if (w->absent) w->bytes = 0;
    if (w->absent) return HD_OK;
    if (status == HD_OK && n > 0 && w->stored) {
        status = keep_parts(w, parts, n);
        w->bytes = bytes_of(w);
    }
    hdi_free(parts);
    return status;
}

hd_status hdi_weights_keep(hdi_weights *weights, const hd_graph *graph) {
    for (size_t i = 0; i < weights->n; i++) HD_TRY(keep(&weights->entries[i], graph));
    return HD_OK;
}
