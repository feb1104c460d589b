/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of the parts that ranks have, the same bits on all of them and for any number of them. In one shot everybody reads all
 * parts and adds them. In two (reduce-scatter, all-gather) everybody adds some of the columns and tells the others: a rank reads
 * 2/t of each part instead of all of it, in two exchanges instead of one. A plan that meets sums of both kinds has both ways
 * under conditions, and what they make is one value.
 *
 * Sums of columns need but one buffer: a rank writes its own when all others have told it their parts, which each of them did
 * after it had read all sums of the exchange before; and then they have ended the run before, too. */
#include "base/memory.h"
#include "compile/passes/shard.h"
#include "kernels/concat/concat.h"
#include "kernels/reduce/reduce.h"
#include "kernels/rms_norm/rms_norm.h"

/* Inputs of a sum and its norm. */
enum { OPERANDS = HDI_REDUCE_WEIGHT + 1 };

/* What both shots of a sum are made with. */
typedef struct summing {
    hdi_sharding *s;
    const hdi_node *like; /* its nodes lie beside this one */
    hd_value value;       /* of the whole graph: what is partial */
    hdi_share *share;
    hd_value residual, bias;
    const hdi_node *norm; /* NULL: none */
    hd_value weight;      /* its */
    hdi_scatter scatter;  /* columns: of two shots */
} summing;

/* ---- ways ---- */

static hd_status rows_of(hdi_sharding *s, const hdi_type *type, hdi_dim *rows) {
    *rows = 1;
    for (int i = 0; i + 1 < type->rank; i++) HD_TRY(hdi_dims_mul(&s->graph->dims, *rows, type->dim[i], rows));
    return HD_OK;
}

hd_status hdi_ways_of(hdi_sharding *s, hd_value value, hdi_ways *out) {
    const hdi_type *type = &s->whole->values[value].type;
    int64_t n = hdi_type_last(type), from = s->shard->two_shot, least;
    *out = (hdi_ways){.one = true};
    if (from <= 0 || n < s->shard->tensor) return HD_OK;
    /* A value of two ways cannot be handed on from where it lies: its steps would have to tell one event. */
    if (!s->shard->streamed && (s->facts[value].leaves || s->facts[value].sum_leaves)) return HD_OK;
    HD_TRY(rows_of(s, type, &out->rows));
    least = hdi_dims_min(&s->graph->dims, out->rows);
    if (least == 0) return HD_OK;
    out->limit = hdi_ceil_div(from, n * (int64_t)sizeof(float));
    out->one = least < out->limit;
    out->two = hdi_dims_max(&s->graph->dims, out->rows) >= out->limit;
    return HD_OK;
}

void hdi_begin_way(hdi_sharding *s, const hdi_ways *ways, bool two) {
    if (!ways->one || !ways->two) return;
    int64_t end = hdi_dims_max(&s->graph->dims, ways->rows) + 1;
    s->when = (hdi_condition){ways->rows, two ? ways->limit : 0, two ? end : ways->limit};
}

void hdi_end_way(hdi_sharding *s) { s->when = (hdi_condition){0}; }

/* ---- parts ---- */

/* Whether the pieces of columns are copied for their readers; else these read them in the whole part. */
static bool in_pieces(const hdi_sharding *s) { return s->shard->streamed || s->shard->messages; }

/* Whole lines, where there are enough of them. */
static hd_status cut_columns(hdi_sharding *s, const hdi_type *type, hdi_scatter *x) {
    enum { LINE = HDI_CACHE_LINE / sizeof(float) };
    int64_t n = hdi_type_last(type);
    const hdi_cut cut = {.size = n, .unit = n >= LINE * s->shard->tensor ? LINE : 1};
    for (int32_t m = 0; m < s->shard->tensor; m++) x->part[m] = *type;
    return hdi_scatter_cut(s, x, type->rank - 1, &cut);
}

hd_status hdi_tell_parts(hdi_sharding *s, hd_value value, hdi_share *share, const hd_value *product, const void *attr) {
    const hdi_node *node = &s->whole->nodes[s->whole->values[value].node];
    uint64_t bytes, group = hdi_group_of(s, share->stage < 0 ? s->stage : share->stage),
                    others = group & ~(1ull << s->shard->rank);
    bool pieces = share->ways.two && in_pieces(s), parts = share->ways.one || !in_pieces(s);
    hdi_scatter x = {0};
    HD_TRY(hdi_most_bytes(s, value, &bytes));
    HD_TRY(cut_columns(s, &s->whole->values[value].type, &x));
    if (pieces && x.bytes > bytes) bytes = x.bytes;
    HD_TRY(hdi_next_place(s, bytes, HDI_MAIL_GROUP, &x.place));
    if (parts) share->box.event = hdi_next_event(s, node, true);
    if (pieces) hdi_scatter_events(s, &x, node);
    share->box.place = x.place;
    share->pieces = x.event;
    share->own_alone = product != NULL;
    uint64_t before = hdi_next_turn(s, hdi_here(s, share->stage));
    if (!hdi_here(s, share->stage)) return HD_OK;
    hdi_graph_end(s->graph, others);
    if (parts) {
        if (pieces) hdi_begin_way(s, &share->ways, false);
        hdi_in_turn(s, hdi_tell(s, node, share->local, &share->box, others, before));
    }
    if (pieces) {
        hdi_begin_way(s, &share->ways, true);
        if (product)
            hdi_scatter_product(s, &x, node, product, attr, before, &share->local_two);
        else
            hdi_scatter_tell(s, &x, node, share->local_two, before);
    }
    hdi_end_way(s);
    return hd_graph_status(s->graph);
}

/* Member `m`'s whole part. */
static hd_value part_of(const summing *sum, int32_t m) {
    hdi_sharding *s = sum->s;
    const hdi_type *type = &s->whole->values[sum->value].type;
    int32_t rank = hdi_rank_of(s, s->stage, m);
    if (rank == s->shard->rank) return sum->share->local;
    return hdi_graph_remote(s->graph, rank, sum->share->box.event, sum->share->box.place, (hd_dtype)type->dtype, type->rank,
                            type->dim);
}

/* ---- one shot ---- */

static void add_in_one(const summing *sum, hd_value out[2]) {
    hdi_reduce_attr attr = {.parts = sum->s->shard->tensor};
    hd_value in[OPERANDS] = {0};
    for (int32_t m = 0; m < attr.parts; m++) in[m] = part_of(sum, m);
    in[HDI_REDUCE_BIAS] = sum->bias;
    in[HDI_REDUCE_RESIDUAL] = sum->residual;
    in[HDI_REDUCE_WEIGHT] = sum->weight;
    if (sum->norm) attr.eps = ((const hdi_rms_norm_attr *)(const void *)sum->norm->attr)->eps;
    hdi_place_like(sum->s, sum->like, sum->norm ? &hdi_op_reduce_norm : &hdi_op_reduce, in,
                   sum->norm ? OPERANDS : HDI_REDUCE_WEIGHT, &attr, out);
}

/* ---- two shots ---- */

static hd_value columns(const summing *sum, hd_value x) {
    const hdi_sharding *s = sum->s;
    if (!x) return 0;
    int32_t last = s->graph->values[x].type.rank - 1;
    return hd_graph_slice(s->graph, x, last, sum->scatter.begin[s->member], sum->scatter.end[s->member]);
}

/* The sum of this rank's columns. */
static hd_value add_columns(const summing *sum) {
    hdi_sharding *s = sum->s;
    hdi_reduce_attr attr = {.parts = s->shard->tensor};
    hd_value in[OPERANDS] = {0}, made[HDI_NODE_OUTPUTS] = {0};
    for (int32_t m = 0; m < attr.parts; m++)
        in[m] = !in_pieces(s)                             ? columns(sum, part_of(sum, m))
                : m == s->member && sum->share->own_alone ? sum->share->local_two
                                                          : hdi_scatter_piece(s, &sum->scatter, m, sum->share->local_two);
    in[HDI_REDUCE_BIAS] = columns(sum, sum->bias);
    in[HDI_REDUCE_RESIDUAL] = columns(sum, sum->residual);
    hdi_place_like(s, sum->like, &hdi_op_reduce, in, HDI_REDUCE_WEIGHT, &attr, made);
    return made[0];
}

/* All ranks' columns side by side. */
static hd_value gather_columns(const summing *sum, hd_value mine, const hdi_mailbox *box) {
    hdi_sharding *s = sum->s;
    hdi_concat_attr attr = {.parts = s->shard->tensor};
    hd_value in[HDI_CONCAT_PARTS] = {0}, made[HDI_NODE_OUTPUTS] = {0};
    hdi_type type = s->whole->values[sum->value].type;
    for (int32_t m = 0; m < attr.parts; m++) {
        int32_t rank = hdi_rank_of(s, s->stage, m);
        type.dim[type.rank - 1] = sum->scatter.end[m] - sum->scatter.begin[m];
        in[m] = rank == s->shard->rank
                    ? mine
                    : hdi_graph_remote(s->graph, rank, box->event, box->place, (hd_dtype)type.dtype, type.rank, type.dim);
    }
    hdi_place_like(s, sum->like, &hdi_op_concat, in, HDI_CONCAT_PARTS, &attr, made);
    return made[0];
}

static void add_in_two(const summing *sum, const hdi_mailbox *box, hd_value out[2]) {
    hdi_sharding *s = sum->s;
    hd_value mine = add_columns(sum);
    (void)hdi_tell(s, sum->like, mine, box, hdi_group_of(s, s->stage) & ~(1ull << s->shard->rank), 0);
    out[0] = gather_columns(sum, mine, box);
    if (sum->norm) hdi_place_like(s, sum->norm, &hdi_op_rms_norm, (hd_value[]){out[0], sum->weight}, 2, sum->norm->attr, &out[1]);
}

/* ---- either ---- */

/* Where ranks put their sums of columns. */
static hd_status next_sums(summing *sum, hdi_mailbox *box) {
    hdi_sharding *s = sum->s;
    uint64_t most = 0, bytes;
    hdi_value like = {.kind = HDI_VALUE_RESULT, .type = s->whole->values[sum->value].type};
    for (int32_t m = 0; m < s->shard->tensor; m++) {
        like.type.dim[like.type.rank - 1] = sum->scatter.end[m] - sum->scatter.begin[m];
        HD_TRY(hdi_graph_bytes(s->graph, &like, &bytes));
        if (bytes > most) most = bytes;
    }
    box->event = hdi_next_event(s, sum->like, false);
    return hdi_next_place(s, most, HDI_MAIL_SUMS, &box->place);
}

static hd_status prepare(summing *sum, hdi_mailbox *box) {
    hdi_sharding *s = sum->s;
    hdi_share *share = sum->share;
    share->gathered = true;
    if (sum->norm) HD_TRY(hdi_make_whole(s, sum->norm->input[1], share->stage, &sum->weight));
    if (share->bias) HD_TRY(hdi_make_whole(s, share->bias, share->stage, &sum->bias));
    if (!share->ways.two) return HD_OK;
    HD_TRY(cut_columns(s, &s->whole->values[sum->value].type, &sum->scatter));
    sum->scatter.place = share->box.place;
    sum->scatter.event = share->pieces;
    return next_sums(sum, box);
}

hd_status hdi_add_parts(hdi_sharding *s, const hdi_node *like, hd_value value, hd_value residual, const hdi_node *norm,
                        hd_value out[2]) {
    summing sum = {.s = s, .like = like, .value = value, .share = &s->shares[value], .residual = residual, .norm = norm};
    const hdi_ways *ways = &sum.share->ways;
    hd_value one[HDI_NODE_OUTPUTS] = {0}, two[HDI_NODE_OUTPUTS] = {0};
    hdi_mailbox box = {0};
    HD_TRY(prepare(&sum, &box));
    if (!hdi_here(s, sum.share->stage)) return HD_OK;
    if (ways->one) {
        hdi_begin_way(s, ways, false);
        add_in_one(&sum, one);
        hdi_reads_turn(s, one[0], false);
    }
    if (ways->two) {
        hdi_begin_way(s, ways, true);
        add_in_two(&sum, &box, two);
        hdi_reads_turn(s, two[0], true);
    }
    hdi_end_way(s);
    for (int i = 0; i < 2; i++) {
        out[i] = two[i] ? two[i] : one[i];
        if (one[i] && two[i]) hdi_graph_merge(s->graph, two[i], one[i]);
    }
    return hd_graph_status(s->graph);
}
