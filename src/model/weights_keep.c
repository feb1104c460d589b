/* SPDX-License-Identifier: Apache-2.0 */
/* A rank's part of the weights: rows or columns of the stored matrices, as its graph says. Rows that lie together are used as
 * they lie. Parts of rows are put together once where a kernel would read them in place: what lies between them costs a core's
 * prefetchers half the memory's rate (7 GB/s for half rows of 1,536 bf16, 11 for half rows of 8,960, where whole rows give 14).
 */
#include <string.h>

#include "base/memory.h"
#include "kernels/weights/panel.h"
#include "model/weights_table.h"

static const uint8_t *stored_at(const hdi_held_weight *w, int64_t element) {
    return (const uint8_t *)w->stored->data + (size_t)element * hd_dtype_block_bytes(w->stored->dtype);
}

/* Puts the parts, along dim 0 or, one of them, along dim 1, row after row into memory of their own. */
static hd_status gather(hdi_held_weight *w, const hd_part *parts, int32_t n) {
    int64_t whole_row = w->ndim == 2 ? w->stored->shape[1] : 1, row = w->ndim == 2 ? w->shape[1] : 1;
    int64_t column = parts->dim == 1 ? parts->begin : 0;
    size_t row_bytes = (size_t)row * hd_dtype_block_bytes(w->stored->dtype);
    HD_TRY(hdi_alloc_aligned(&w->gathered, (size_t)w->shape[0] * row_bytes, w->name));
    uint8_t *to = w->gathered;
    for (int32_t i = 0; i < n; i++) {
        int64_t first = parts->dim == 1 ? 0 : parts[i].begin, end = parts->dim == 1 ? w->shape[0] : parts[i].end;
        for (int64_t r = first; r < end; r++, to += row_bytes) memcpy(to, stored_at(w, r * whole_row + column), row_bytes);
    }
    w->rows = w->gathered;
    w->row_stride = row;
    return HD_OK;
}

static hd_status keep_parts(hdi_held_weight *w, const hd_part *parts, int32_t n, bool in_place) {
    int32_t dim = parts->dim;
    int64_t count = 0, whole_row = w->ndim == 2 ? w->shape[1] : 1;
    for (int32_t i = 0; i < n; i++) count += parts[i].end - parts[i].begin;
    HD_REQUIRE(dim == 0 || n == 1, HD_UNSUPPORTED, "%s: columns that lie apart", w->name);
    w->shape[dim] = count;
    if (n > 1 || (dim == 1 && in_place)) return gather(w, parts, n);
    w->rows = stored_at(w, dim == 0 ? parts->begin * whole_row : parts->begin);
    return HD_OK;
}

static uint64_t bytes_of(const hdi_held_weight *w) {
    if (w->ndim == 1) return (uint64_t)w->shape[0] * sizeof(float);
    if (w->type.packed) return hdi_panel_bytes(w->type.dtype, w->shape[0], w->shape[1]);
    return (uint64_t)(w->shape[0] * w->shape[1]) * hd_dtype_block_bytes(w->type.dtype);
}

static hd_status keep(hdi_held_weight *w, const hd_graph *graph, bool on_cpu) {
    hd_part *parts = NULL;
    int32_t n = 0;
    hd_status status = hd_graph_parts(graph, w->name, &parts, &n);
    w->absent = status == HD_NOT_FOUND;
    if (w->absent) w->bytes = 0;
    if (w->absent) return HD_OK;
    if (status == HD_OK && n > 0 && w->stored) {
        status = keep_parts(w, parts, n, on_cpu && !w->type.packed);
        w->bytes = bytes_of(w);
    }
    hdi_free(parts);
    return status;
}

hd_status hdi_weights_keep(hdi_weights *weights, const hd_graph *graph) {
    bool on_cpu = weights->device->type == HD_DEVICE_CPU;
    for (size_t i = 0; i < weights->n; i++) HD_TRY(keep(&weights->entries[i], graph, on_cpu));
    return HD_OK;
}
