/* SPDX-License-Identifier: Apache-2.0 */
/* Views: reshape, permute and slice change sizes, strides and offset; no memory moves. */
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"

/* A copy of `x` as a view of it, to be changed by the caller. */
static hdi_value view_of(const hd_graph *graph, hd_value x, const char *verb) {
    hdi_value view = graph->values[x];
    view.kind = HDI_VALUE_VIEW;
    view.source = x;
    view.verb = verb;
    view.name = NULL;
    return view;
}

static hd_value finish(hd_graph *graph, hd_status status, const hdi_value *view) {
    hdi_graph_stick(graph, status);
    return status == HD_OK ? hdi_graph_add_value(graph, view) : 0;
}

static hd_status product_of(hdi_dims *dims, int rank, const hdi_dim *dim, hdi_dim *out) {
    *out = 1;
    for (int i = 0; i < rank; i++) HD_TRY(hdi_dims_mul(dims, *out, dim[i], out));
    return HD_OK;
}

static hd_status reshape(hd_graph *graph, hdi_value *view, int32_t rank, const hd_dim *shape) {
    hdi_dim before, after;
    HD_REQUIRE(0 <= rank && rank <= HD_MAX_DIMS, HD_INVALID_ARGUMENT, "reshape: %d dims; at most %d are supported", rank,
               HD_MAX_DIMS);
    HD_REQUIRE(hdi_graph_is_contiguous(&graph->dims, view), HD_INVALID_ARGUMENT,
               "reshape: %s is not contiguous; rearrange it first", hdi_type_text(&view->type));
    for (int i = 0; i < rank; i++)
        HD_REQUIRE(hdi_dims_has(&graph->dims, shape[i]) && hdi_dims_min(&graph->dims, shape[i]) >= 0, HD_INVALID_ARGUMENT,
                   "reshape: dim %d of the new shape of %s can be negative", i, hdi_type_text(&view->type));
    HD_TRY(product_of(&graph->dims, view->type.rank, view->type.dim, &before));
    HD_TRY(product_of(&graph->dims, rank, shape, &after));
    HD_REQUIRE(before == after, HD_INVALID_ARGUMENT, "reshape: %s has not as many elements as its new shape",
               hdi_type_text(&view->type));
    view->type.rank = (uint8_t)rank;
    memcpy(view->type.dim, shape, sizeof *shape * (size_t)rank);
    return hdi_graph_contiguous(&graph->dims, &view->type, view->stride);
}

hd_value hd_graph_reshape(hd_graph *graph, hd_value x, int32_t rank, const hd_dim *shape) {
    if (!hdi_graph_value(graph, x)) return 0;
    hdi_value view = view_of(graph, x, "reshape");
    return finish(graph, reshape(graph, &view, rank, shape), &view);
}

static hd_status permute(const hdi_value *x, hdi_value *view, const int32_t *order) {
    unsigned seen = 0;
    for (int i = 0; i < x->type.rank; i++) {
        HD_REQUIRE(0 <= order[i] && order[i] < x->type.rank && !(seen >> order[i] & 1u), HD_INVALID_ARGUMENT,
                   "permute: the order is no permutation of %d dims", x->type.rank);
        seen |= 1u << order[i];
        view->type.dim[i] = x->type.dim[order[i]];
        view->stride[i] = x->stride[order[i]];
        view->arg[i] = order[i];
    }
    return HD_OK;
}

hd_value hd_graph_permute(hd_graph *graph, hd_value x, const int32_t *order) {
    const hdi_value *value = hdi_graph_value(graph, x);
    if (!value) return 0;
    hdi_value view = view_of(graph, x, "permute");
    return finish(graph, permute(value, &view, order), &view);
}

/* a <= b, whatever the symbols' values are. */
static hd_status in_order(hdi_dims *dims, hdi_dim a, hdi_dim b, bool *out) {
    hdi_dim difference;
    *out = false;
    if (!hdi_dims_has(dims, a) || !hdi_dims_has(dims, b)) return HD_OK;
    HD_TRY(hdi_dims_sub(dims, b, a, &difference));
    *out = hdi_dims_min(dims, difference) >= 0;
    return HD_OK;
}

static hd_status outside(const hd_graph *graph, const hdi_value *view, int32_t dim, hdi_dim start, hdi_dim end) {
    char first[64] = "?", last[64] = "?", size[64];
    if (hdi_dims_has(&graph->dims, start)) hdi_dims_text(&graph->dims, start, first, sizeof first);
    if (hdi_dims_has(&graph->dims, end)) hdi_dims_text(&graph->dims, end, last, sizeof last);
    hdi_dims_text(&graph->dims, view->type.dim[dim], size, sizeof size);
    return hdi_fail(HD_INVALID_ARGUMENT, "slice: %s..%s need not lie inside dim %d of %s, which is %s", first, last, dim,
                    hdi_type_text(&view->type), size);
}

static hd_status slice(hd_graph *graph, hdi_value *view, int32_t dim, hd_dim start, hd_dim end) {
    hdi_dims *dims = &graph->dims;
    hdi_dim step;
    bool begins, goes_on, ends;
    HD_REQUIRE(0 <= dim && dim < view->type.rank, HD_INVALID_ARGUMENT, "slice: dim %d of %s", dim, hdi_type_text(&view->type));
    HD_TRY(in_order(dims, 0, start, &begins));
    HD_TRY(in_order(dims, start, end, &goes_on));
    HD_TRY(in_order(dims, end, view->type.dim[dim], &ends));
    if (!begins || !goes_on || !ends) return outside(graph, view, dim, start, end);
    HD_TRY(hdi_dims_mul(dims, view->stride[dim], start, &step));
    HD_TRY(hdi_dims_add(dims, view->offset, step, &view->offset));
    HD_TRY(hdi_dims_sub(dims, end, start, &view->type.dim[dim]));
    view->arg[0] = dim;
    view->arg[1] = start;
    view->arg[2] = end;
    return HD_OK;
}

hd_value hd_graph_slice(hd_graph *graph, hd_value x, int32_t dim, hd_dim start, hd_dim end) {
    if (!hdi_graph_value(graph, x)) return 0;
    hdi_value view = view_of(graph, x, "slice");
    return finish(graph, slice(graph, &view, dim, start, end), &view);
}
