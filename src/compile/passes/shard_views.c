/* SPDX-License-Identifier: Apache-2.0 */
/* Views of cut values: the cut follows the dim where it can, else the value is made whole first. */
#include "compile/passes/shard.h"

#include <string.h>

/* The product of the dims first .. end - 1. */
static hd_status product(hdi_sharding *s, const hdi_type *type, int first, int end, hdi_dim *out) {
    *out = 1;
    for (int i = first; i < end; i++) HD_TRY(hdi_dims_mul(&s->graph->dims, *out, type->dim[i], out));
    return HD_OK;
}

/* Where the cut dim of `from` goes in `to`, a reshape of it: the dim that as many elements lie before, if the cut's units hold
 * whole multiples of what lies behind. *dim is -1 where it goes nowhere. */
static hd_status follow(hdi_sharding *s, const hdi_type *from, const hdi_type *to, const hdi_share *share, int32_t *dim,
                        hdi_cut *cut) {
    hdi_dim before, behind, other;
    *dim = -1;
    HD_TRY(product(s, from, 0, share->dim, &before));
    HD_TRY(product(s, from, share->dim + 1, from->rank, &behind));
    for (int d = 0; d < to->rank && *dim < 0; d++) {
        HD_TRY(product(s, to, 0, d, &other));
        if (other != before) continue;
        HD_TRY(product(s, to, d + 1, to->rank, &other));
        if (other < 0 || behind < 0 || to->dim[d] < 0) continue;
        if (share->cut.size * behind != to->dim[d] * other || share->cut.unit * behind % other != 0) continue;
        *dim = d;
        *cut = share->cut;
        cut->size = to->dim[d];
        cut->unit = share->cut.unit * behind / other;
    }
    return HD_OK;
}

/* The view's shape on this rank. */
static hd_status local_shape(const hdi_sharding *s, const hdi_type *type, int32_t dim, const hdi_cut *cut, hd_dim *shape) {
    int64_t size;
    for (int i = 0; i < type->rank; i++) shape[i] = type->dim[i];
    HD_TRY(hdi_cut_size(cut, s->member, s->shard->tensor, &size));
    shape[dim] = size;
    return HD_OK;
}

static hd_status reshape_cut(hdi_sharding *s, const hdi_value *view, const hdi_share *from, hdi_share *to) {
    hd_dim shape[HD_MAX_DIMS];
    HD_TRY(follow(s, &s->whole->values[view->source].type, &view->type, from, &to->dim, &to->cut));
    if (to->dim < 0) return HD_OK;
    HD_TRY(local_shape(s, &view->type, to->dim, &to->cut, shape));
    to->form = HDI_FORM_CUT;
    if (from->local) to->local = hd_graph_reshape(s->graph, from->local, view->type.rank, shape);
    return HD_OK;
}

static bool is(const hdi_value *view, const char *verb) { return strcmp(view->verb, verb) == 0; }

/* The same view of a local value. */
static hd_value again(hdi_sharding *s, const hdi_value *view, hd_value local) {
    int32_t order[HD_MAX_DIMS];
    if (is(view, "reshape")) return hd_graph_reshape(s->graph, local, view->type.rank, view->type.dim);
    if (is(view, "slice")) return hd_graph_slice(s->graph, local, (int32_t)view->arg[0], view->arg[1], view->arg[2]);
    for (int i = 0; i < view->type.rank; i++) order[i] = (int32_t)view->arg[i];
    return hd_graph_permute(s->graph, local, order);
}

static hd_status permute_cut(hdi_sharding *s, const hdi_value *view, const hdi_share *from, hdi_share *to) {
    to->form = HDI_FORM_CUT;
    to->cut = from->cut;
    for (int i = 0; i < view->type.rank; i++)
        if (view->arg[i] == from->dim) to->dim = i;
    if (from->local) to->local = again(s, view, from->local);
    return HD_OK;
}

static hd_status view_of_cut(hdi_sharding *s, const hdi_value *view, const hdi_share *from, hdi_share *to) {
    to->dim = -1;
    if (is(view, "reshape")) return reshape_cut(s, view, from, to);
    if (is(view, "permute")) return permute_cut(s, view, from, to);
    if (view->arg[0] == from->dim) return HD_OK;
    to->form = HDI_FORM_CUT;
    to->dim = from->dim;
    to->cut = from->cut;
    if (from->local) to->local = again(s, view, from->local);
    return HD_OK;
}

hd_status hdi_shard_view(hdi_sharding *s, hd_value id) {
    const hdi_value *view = &s->whole->values[id];
    hdi_share *from, *to = &s->shares[id];
    HD_TRY(hdi_share_of(s, view->source, &from));
    *to = (hdi_share){.known = true, .stage = from->stage, .dim = -1};
    if (from->form == HDI_FORM_CUT) HD_TRY(view_of_cut(s, view, from, to));
    if (from->form == HDI_FORM_CUT && to->dim >= 0) return hd_graph_status(s->graph);
    hd_value local;
    HD_TRY(hdi_make_whole(s, view->source, from->stage, &local));
    if (local) to->local = again(s, view, local);
    return hd_graph_status(s->graph);
}
