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

void hdi_scatter_events(hdi_sharding *s, hdi_scatter *x, const hdi_node *node) {
    x->event = hdi_next_event(s, node, false);
    for (int32_t m = 1; m < s->shard->tensor; m++) (void)hdi_next_event(s, node, false);
}

/* A dense copy of `x`. */
static hd_value copy_of(hdi_sharding *s, const hdi_node *made_by, hd_value x, bool streamed) {
    const hdi_value *value = &s->graph->values[x];
    const hdi_concat_attr attr = {.parts = 1, .streamed = streamed};
    hd_value made[HDI_NODE_OUTPUTS] = {0};
    bool rows = x && (value->type.rank == 0 || value->stride[value->type.rank - 1] == 1); /* of elements side by side */
    hdi_place_like(s, made_by, rows ? &hdi_op_concat : &hdi_op_rearrange, &x, 1, rows ? &attr : NULL, made);
    return made[0];
}

/* The piece for member `m` is told. */
static void tell(hdi_sharding *s, const hdi_scatter *x, int32_t m, hd_value piece, uint64_t before) {
    hdi_graph_publish(s->graph, piece, x->event + (uint32_t)m, x->place + x->at[s->member][m],
                      1ull << hdi_rank_of(s, s->stage, m));
    for (int32_t r = 0; r < s->ranks; r++)
        if (before >> r & 1u) hdi_graph_guard(s->graph, piece, HDI_EVENT_END, r, 1);
    hdi_in_turn(s, piece);
}

void hdi_scatter_tell(hdi_sharding *s, const hdi_scatter *x, const hdi_node *made_by, hd_value local, uint64_t before) {
    for (int32_t i = 1; i < s->shard->tensor; i++) { /* each begins with another one: not all send to one at once */
        int32_t m = (s->member + i) % s->shard->tensor;
        hd_value piece = hd_graph_slice(s->graph, local, x->dim, x->begin[m], x->end[m]);
        tell(s, x, m, copy_of(s, made_by, piece, s->shard->streamed), before);
    }
}

void hdi_scatter_product(hdi_sharding *s, const hdi_scatter *x, const hdi_node *made_by, const hd_value *in, const void *attr,
                         uint64_t before, hd_value *own) {
    for (int32_t i = 1; i <= s->shard->tensor; i++) { /* its own comes last */
        int32_t m = (s->member + i) % s->shard->tensor;
        hd_value cut[] = {in[0], hd_graph_slice(s->graph, in[1], 0, x->begin[m], x->end[m])}, made[HDI_NODE_OUTPUTS] = {0};
        hdi_place_like(s, made_by, made_by->op, cut, 2, attr, made);
        if (m != s->member) tell(s, x, m, made[0], before);
        *own = made[0];
    }
}

hd_value hdi_scatter_piece(hdi_sharding *s, const hdi_scatter *x, int32_t m, hd_value local) {
    const hdi_type type = type_of(x, m, s->member);
    if (m == s->member) return hd_graph_slice(s->graph, local, x->dim, x->begin[m], x->end[m]);
    return hdi_graph_remote(s->graph, hdi_rank_of(s, s->stage, m), x->event + (uint32_t)s->member, x->place + x->at[m][s->member],
                            (hd_dtype)type.dtype, type.rank, type.dim);
}

/* ---- all-to-all ---- */

/* Elements behind dim `dim`; 0: it depends on symbols. */
static int64_t behind(const hdi_type *type, int32_t dim) {
    int64_t n = 1;
    for (int i = dim + 1; i < type->rank; i++) n = type->dim[i] < 0 ? 0 : n * type->dim[i];
    return n;
}

bool hdi_can_recut(const hdi_sharding *s, hd_value value, const hdi_share *share, const hdi_share *like) {
    const hdi_type *type = &s->whole->values[value].type;
    return share->form == HDI_FORM_CUT && share->stage == like->stage && share->dim != like->dim && !share->cut.per &&
           !like->cut.per && like->cut.size == type->dim[like->dim] && behind(type, share->dim) > 0;
}

/* Pieces are dense, so dims behind the one that they follow each other along are one to the copy. */
static hd_value join(hdi_sharding *s, const hdi_scatter *x, int32_t along, const hdi_type *type, hd_value local,
                     const hdi_node *reader) {
    hdi_concat_attr all = {.parts = s->shard->tensor};
    hd_value in[HDI_CONCAT_PARTS] = {0}, made[HDI_NODE_OUTPUTS] = {0};
    hdi_type whole = *type;
    whole.dim[x->dim] = x->end[s->member] - x->begin[s->member];
    for (int32_t m = 0; m < all.parts; m++) {
        hdi_type flat = type_of(x, m, s->member);
        flat.dim[along] *= behind(&flat, along);
        hd_value piece = hdi_scatter_piece(s, x, m, local);
        if (m == s->member) piece = copy_of(s, reader, piece, false);
        in[m] = hd_graph_reshape(s->graph, piece, along + 1, flat.dim);
    }
    hdi_place_like(s, reader, &hdi_op_concat, in, HDI_CONCAT_PARTS, &all, made);
    hdi_reads_turn(s, made[0], false);
    return hd_graph_reshape(s->graph, made[0], whole.rank, whole.dim);
}

hd_status hdi_recut(hdi_sharding *s, hd_value value, const hdi_share *like, const hdi_node *reader, hd_value *out) {
    const hdi_type *type = &s->whole->values[value].type;
    const hdi_share *share = &s->shares[value];
    uint64_t others = hdi_group_of(s, s->stage) & ~(1ull << s->shard->rank);
    hdi_scatter x = {.place = 0};
    *out = 0;
    for (int32_t m = 0; m < s->shard->tensor; m++) {
        x.part[m] = *type;
        HD_TRY(hdi_cut_size(&share->cut, m, s->shard->tensor, &x.part[m].dim[share->dim]));
    }
    HD_TRY(hdi_scatter_cut(s, &x, like->dim, &like->cut));
    HD_TRY(hdi_next_place(s, x.bytes, HDI_MAIL_GROUP, &x.place));
    hdi_scatter_events(s, &x, reader);
    uint64_t before = hdi_next_turn(s, hdi_here(s, share->stage));
    if (!hdi_here(s, share->stage)) return HD_OK;
    hdi_graph_end(s->graph, others);
    hdi_scatter_tell(s, &x, reader, share->local, before);
    *out = join(s, &x, share->dim, type, share->local, reader);
    return hd_graph_status(s->graph);
}
