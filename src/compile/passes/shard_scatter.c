/* SPDX-License-Identifier: Apache-2.0 */
/* Each member of a group hands every other one a piece of what it has: what a sum in two shots begins with (reduce-scatter), and
 * how a value that is cut along one dim comes to be cut along another (all-to-all). A piece is copied to the segment as one dense
 * stretch with an event of its own, so that nobody is sent what he does not read. */
#include "base/memory.h"
#include "compile/passes/shard.h"
#include "kernels/concat/concat.h"

/* The type of the piece of member `of` for member `to`. */
static hdi_type type_of(const hdi_scatter *x, int32_t of, int32_t to) {
    hdi_type type = x->part[of];
    type.dim[x->dim] = x->end[to] - x->begin[to];
    return type;
}

static hd_status most_bytes(const hdi_sharding *s, const hdi_type *type, uint64_t *out) {
    hdi_value like = {.kind = HDI_VALUE_RESULT, .type = *type};
    HD_TRY(hdi_graph_bytes(s->graph, &like, out));
    *out = hdi_align_up(*out, HDI_CACHE_LINE);
    return HD_OK;
}

hd_status hdi_scatter_cut(hdi_sharding *s, hdi_scatter *x, int32_t dim, const hdi_cut *cut) {
    int32_t members = s->shard->tensor;
    x->dim = dim;
    x->bytes = 0;
    for (int32_t m = 0; m < members; m++) {
        hdi_part *parts;
        int32_t n;
        HD_TRY(hdi_cut_parts(cut, m, members, &parts, &n)); /* one stretch: the cut is plain */
        x->begin[m] = n ? parts[0].begin : 0;
        x->end[m] = n ? parts[0].end : 0;
        hdi_free(parts);
    }
    for (int32_t of = 0; of < members; of++) {
        uint64_t at = 0, bytes;
        for (int32_t to = 0; to < members; to++) {
            const hdi_type type = type_of(x, of, to);
            x->at[of][to] = at;
            if (to == of) continue;
            HD_TRY(most_bytes(s, &type, &bytes));
            at += bytes;
        }
        if (at > x->bytes) x->bytes = at;
    }
    return HD_OK;
}

void hdi_scatter_events(hdi_sharding *s, hdi_scatter *x, hd_value value) {
    x->event = hdi_next_event(s, value, false);
    for (int32_t m = 1; m < s->shard->tensor; m++) (void)hdi_next_event(s, value, false);
}

void hdi_scatter_tell(hdi_sharding *s, const hdi_scatter *x, const hdi_node *made_by, hd_value local, uint64_t before) {
    hdi_concat_attr attr = {.parts = 1, .streamed = s->shard->streamed};
    for (int32_t i = 1; i < s->shard->tensor; i++) { /* each begins with another one: not all send to one at once */
        int32_t m = (s->member + i) % s->shard->tensor;
        hd_value piece = hd_graph_slice(s->graph, local, x->dim, x->begin[m], x->end[m]), made[HDI_NODE_OUTPUTS] = {0};
        hdi_place_like(s, made_by, &hdi_op_concat, &piece, 1, &attr, made);
        hdi_graph_publish(s->graph, made[0], x->event + (uint32_t)m, x->place + x->at[s->member][m],
                          1ull << hdi_rank_of(s, s->stage, m));
        for (int32_t r = 0; r < s->ranks; r++)
            if (before >> r & 1u) hdi_graph_guard(s->graph, made[0], HDI_EVENT_END, r, 1);
    }
}

hd_value hdi_scatter_piece(hdi_sharding *s, const hdi_scatter *x, int32_t m, hd_value local) {
    const hdi_type type = type_of(x, m, s->member);
    if (m == s->member) return hd_graph_slice(s->graph, local, x->dim, x->begin[m], x->end[m]);
    return hdi_graph_remote(s->graph, hdi_rank_of(s, s->stage, m), x->event + (uint32_t)s->member, x->place + x->at[m][s->member],
                            (hd_dtype)type.dtype, type.rank, type.dim);
}
