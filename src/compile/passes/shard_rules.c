/* SPDX-License-Identifier: Apache-2.0 */
/* What operators do with cut values: a product with a weight cut along N gives a cut result, one cut along K partial sums; what
 * works element by element, row by row or head by head goes on with its part. Everything else gets its operands whole. */
#include "base/memory.h"
#include "compile/passes/shard.h"
#include "kernels/embedding/embedding.h"
#include "kernels/linear/linear.h"

/* A node on its way. */
typedef struct placing {
    hdi_sharding *s;
    const hdi_node *node;
    int32_t stage;
    hdi_share *in[HDI_NODE_INPUTS];  /* NULL: absent */
    hd_value local[HDI_NODE_INPUTS]; /* what the local node gets */
} placing;

static hd_status whole(placing *p, int i) {
    return p->node->input[i] ? hdi_make_whole(p->s, p->node->input[i], p->stage, &p->local[i]) : HD_OK;
}

static hd_status all_whole(placing *p) {
    for (int i = 0; i < p->node->n_inputs; i++) HD_TRY(whole(p, i));
    return HD_OK;
}

static bool same_cut(const hdi_share *a, const hdi_share *b) {
    return a->form == HDI_FORM_CUT && b->form == HDI_FORM_CUT && hdi_cut_equal(&a->cut, &b->cut);
}

/* Output `i` of the node. */
static hdi_share *output(placing *p, int i) { return &p->s->shares[p->node->output[i]]; }

static bool here(const placing *p) { return hdi_here(p->s, p->stage); }

/* Places the node with p->local, and its outputs in the form of `like` (NULL: whole). */
static hd_status place(placing *p, const void *attr, const hdi_share *like) {
    hd_value out[HDI_NODE_OUTPUTS] = {0};
    if (here(p)) hdi_place_like(p->s, p->node, p->node->op, p->local, p->node->n_inputs, attr, out);
    for (int i = 0; i < p->node->op->outputs; i++) {
        hdi_share *share = output(p, i);
        *share = like ? (hdi_share){.form = like->form, .dim = like->dim, .cut = like->cut} : (hdi_share){0};
        share->known = true;
        share->stage = p->stage;
        share->local = out[i];
    }
    return HD_OK;
}

static hd_status place_whole(placing *p) {
    HD_TRY(all_whole(p));
    return place(p, p->node->attr, NULL);
}

/* ---- products ---- */

/* Whether the columns of the product can be made one by one: the rows of its weight lie one by one. */
static bool has_columns(const placing *p) {
    const hdi_type *w = &p->s->whole->values[p->node->input[1]].type;
    return p->node->op == &hdi_op_linear && w->layout == HDI_LAYOUT_STRIDED && hd_dtype_block_elements((hd_dtype)w->dtype) == 1;
}

/* Places a node whose results are parts of a sum, and tells them. Where they are sent from where they lie in one way, and piece
 * by piece in the other, there are nodes for each. */
static hd_status place_parts(placing *p, const void *attr, hd_value bias) {
    hdi_share *share = output(p, 0), like = {.form = HDI_FORM_PARTIAL};
    bool messages = p->s->shard->messages;
    hd_value one = 0;
    HD_TRY(hdi_ways_of(p->s, p->node->output[0], &like.ways));
    bool product = messages && like.ways.two && has_columns(p);
    if (messages && like.ways.one && like.ways.two) {
        hdi_begin_way(p->s, &like.ways, false);
        HD_TRY(place(p, attr, &like));
        one = share->local;
        hdi_begin_way(p->s, &like.ways, true);
    }
    if (!product) HD_TRY(place(p, attr, &like));
    hdi_end_way(p->s);
    if (!share->known) *share = (hdi_share){.known = true, .form = like.form, .stage = p->stage};
    share->bias = bias;
    share->ways = like.ways;
    share->local_two = share->local;
    if (one) share->local = one;
    return hdi_tell_parts(p->s, p->node->output[0], share, product ? p->local : NULL, attr);
}

/* y = x w^T with w cut along N: each rank its columns. */
static hd_status linear_columns(placing *p) {
    const hdi_share *w = p->in[1], *bias = p->in[2];
    hdi_share out = {.form = HDI_FORM_CUT, .dim = p->s->whole->values[p->node->input[0]].type.rank - 1, .cut = w->cut};
    HD_TRY(whole(p, 0));
    HD_REQUIRE(!bias || same_cut(bias, w), HD_UNSUPPORTED, "%s must be cut as the rows of its weight are",
               hdi_value_text(p->s, p->node->input[2]));
    p->local[1] = w->local;
    p->local[2] = bias ? bias->local : 0;
    return place(p, p->node->attr, &out);
}

/* w cut along K as x is: each rank a partial sum over its slices. The bias comes behind the whole sum. */
static hd_status linear_rows(placing *p) {
    const hdi_share *x = p->in[0], *w = p->in[1];
    int32_t last = p->s->whole->values[p->node->input[0]].type.rank - 1, ranks = p->s->shard->tensor;
    hdi_linear_attr attr = *(const hdi_linear_attr *)(const void *)p->node->attr;
    HD_REQUIRE(x->form == HDI_FORM_CUT && x->dim == last && hdi_cut_equal(&x->cut, &w->cut), HD_UNSUPPORTED,
               "%s is cut along K, but what it multiplies is not cut alike", hdi_value_text(p->s, p->node->input[1]));
    HD_REQUIRE(attr.k_slices % ranks == 0, HD_UNSUPPORTED, "its sum has %d slices, which %d ranks cannot share", attr.k_slices,
               ranks);
    attr.k_slices /= ranks;
    p->local[0] = x->local;
    p->local[1] = w->local;
    return place_parts(p, &attr, p->node->input[2]);
}

static hd_status shard_linear(placing *p) {
    const hdi_share *w = p->in[1];
    if (w->form != HDI_FORM_CUT) return place_whole(p);
    return w->dim == 0 ? linear_columns(p) : linear_rows(p);
}

/* Each rank looks up the rows that it has; the others' are -0, which changes no sum. */
static hd_status shard_embedding(placing *p) {
    const hdi_share *table = p->in[1];
    hdi_embedding_attr attr = *(const hdi_embedding_attr *)(const void *)p->node->attr;
    hdi_part *parts;
    int32_t n;
    if (table->form != HDI_FORM_CUT || table->dim != 0 || table->cut.per) return place_whole(p);
    HD_TRY(hdi_cut_parts(&table->cut, p->s->member, p->s->shard->tensor, &parts, &n));
    attr.first = parts[0].begin;
    attr.total = table->cut.size;
    hdi_free(parts);
    HD_TRY(whole(p, 0));
    p->local[1] = table->local;
    return place_parts(p, &attr, 0);
}

/* ---- what goes on with its part ---- */

static bool cut_alike(const hdi_share *a, const hdi_share *b) {
    return same_cut(a, b) && a->dim == b->dim && a->stage == b->stage;
}

/* Whether operand `i` has the shape of the node's result, so that a piece of one goes with a piece of the other. */
static bool has_shape(const placing *p, int i) {
    const hdi_type *x = &p->s->whole->values[p->node->input[i]].type, *y = &p->s->whole->values[p->node->output[0]].type;
    bool same = x->rank == y->rank;
    for (int d = 0; d < y->rank && same; d++) same = x->dim[d] == y->dim[d];
    return same;
}

/* Whether operand `i` can be had in the form of operand `k`, a cut one. */
static bool can_be_like(const placing *p, int i, int k) {
    const hdi_share *like = p->in[k];
    if (cut_alike(p->in[i], like)) return true;
    if (!has_shape(p, i) || !has_shape(p, k) || like->cut.per) return false;
    return p->in[i]->form != HDI_FORM_CUT || hdi_can_recut(p->s, p->node->input[i], p->in[i], like);
}

/* Operand `i` in the form of `like`: it is, it is cut anew over the ranks, or it is whole here and a piece is taken. */
static hd_status make_like(placing *p, int i, const hdi_share *like) {
    hdi_part *parts;
    int32_t n;
    p->local[i] = p->in[i]->local;
    if (cut_alike(p->in[i], like)) return HD_OK;
    if (p->in[i]->form == HDI_FORM_CUT) return hdi_recut(p->s, p->node->input[i], like, p->node, &p->local[i]);
    HD_TRY(whole(p, i));
    if (!p->local[i]) return HD_OK;
    HD_TRY(hdi_cut_parts(&like->cut, p->s->member, p->s->shard->tensor, &parts, &n));
    p->local[i] = hd_graph_slice(p->s->graph, p->local[i], like->dim, parts[0].begin, parts[0].end); /* one: the cut is plain */
    hdi_free(parts);
    return HD_OK;
}

/* Element by element: all inputs cut as the first one that is. */
static hd_status shard_elementwise(placing *p) {
    int k = 0, n = p->node->n_inputs;
    while (k < n && (!p->in[k] || p->in[k]->form != HDI_FORM_CUT)) k++;
    if (k == n || p->in[k]->stage != p->stage) return place_whole(p);
    for (int i = 0; i < n; i++)
        if (p->in[i] && !can_be_like(p, i, k)) return place_whole(p);
    for (int i = 0; i < n; i++)
        if (p->in[i]) HD_TRY(make_like(p, i, p->in[k]));
    return place(p, p->node->attr, p->in[k]);
}

/* Row by row along the last dim, the other operands alike for all rows. */
static hd_status shard_rows(placing *p) {
    int32_t last = p->s->whole->values[p->node->input[0]].type.rank - 1;
    if (p->in[0]->form != HDI_FORM_CUT || p->in[0]->dim == last) return place_whole(p);
    for (int i = 1; i < p->node->n_inputs; i++) HD_TRY(whole(p, i));
    p->local[0] = p->in[0]->local;
    return place(p, p->node->attr, p->in[0]);
}

static hd_status shard_rope(placing *p) {
    return p->in[0]->form == HDI_FORM_CUT && p->in[0]->dim == 1 ? shard_rows(p) : place_whole(p);
}

/* kv_write(cache [pages, page, heads, d], x [tokens, heads, d], slots): both cut along heads. */
static hd_status shard_kv_write(placing *p) {
    const hdi_share *cache = p->in[0], *x = p->in[1];
    if (cache->form != HDI_FORM_CUT && x->form != HDI_FORM_CUT) return place_whole(p);
    HD_REQUIRE(same_cut(cache, x) && cache->dim == 2 && x->dim == 1, HD_UNSUPPORTED,
               "the cache and what is written to it are not cut alike");
    HD_TRY(whole(p, 2));
    p->local[0] = cache->local;
    p->local[1] = x->local;
    return place(p, p->node->attr, cache);
}

/* Heads of queries cut plainly, and those of keys and values as they need. */
static hd_status shard_attention(placing *p) {
    const hdi_share *q = p->in[0], *k = p->in[1], *v = p->in[2];
    if (q->form != HDI_FORM_CUT && k->form != HDI_FORM_CUT && v->form != HDI_FORM_CUT) return place_whole(p);
    bool fits = same_cut(k, v) && q->form == HDI_FORM_CUT && q->dim == 1 && k->dim == 2 && v->dim == 2 && !q->cut.per &&
                (k->cut.per ? k->cut.size / k->cut.unit * k->cut.per == q->cut.size && k->cut.align == q->cut.unit
                            : hdi_cut_equal(&k->cut, &q->cut));
    HD_REQUIRE(fits, HD_UNSUPPORTED, "heads of queries are not cut as those of keys and values are");
    for (int i = 3; i < p->node->n_inputs; i++) HD_TRY(whole(p, i));
    for (int i = 0; i < 3; i++) p->local[i] = p->in[i]->local;
    return place(p, p->node->attr, q);
}

/* ---- sums ---- */

/* Whether operand `i` is a sum that nobody else reads. */
static bool to_be_added(const placing *p, int i) {
    return p->in[i]->form == HDI_FORM_PARTIAL && !p->in[i]->gathered && p->s->facts[p->node->input[i]].uses == 1;
}

/* The node behind `node`, if it is the rms_norm of its result, of rows that it can do at once. */
static const hdi_node *norm_behind(const placing *p) {
    const hd_graph *whole_graph = p->s->whole;
    const hdi_node *next = p->node + 1;
    if (p->s->shard->separate_norms || next >= whole_graph->nodes + whole_graph->n_nodes || next->op != &hdi_op_rms_norm)
        return NULL;
    if (next->input[0] != p->node->output[0] || hdi_stage_of(p->s, next) != p->stage) return NULL;
    return next;
}

/* add(x, parts): the parts are added to x as they are put together, and the norm that follows comes with it. */
static hd_status shard_add(placing *p) {
    int parts = to_be_added(p, 1) ? 1 : 0;
    const hdi_value *a = &p->s->whole->values[p->node->input[0]], *b = &p->s->whole->values[p->node->input[1]];
    bool alike = a->type.rank == b->type.rank;
    for (int i = 0; i < a->type.rank && alike; i++) alike = a->type.dim[i] == b->type.dim[i];
    if (!to_be_added(p, parts) || p->in[parts]->stage != p->stage || !alike) return shard_elementwise(p);
    const hdi_node *norm = norm_behind(p);
    hd_value out[2] = {0};
    HD_TRY(whole(p, 1 - parts));
    HD_TRY(hdi_add_parts(p->s, p->node, p->node->input[parts], p->local[1 - parts], norm, out));
    *output(p, 0) = (hdi_share){.known = true, .stage = p->stage, .local = out[0]};
    if (norm) p->s->shares[norm->output[0]] = (hdi_share){.known = true, .stage = p->stage, .local = out[1]};
    return HD_OK;
}

/* ---- the table ---- */

static const struct {
    const hdi_op *op;
    hd_status (*shard)(placing *p);
} rules[] = {
    {&hdi_op_linear, shard_linear},       {&hdi_op_embedding, shard_embedding}, {&hdi_op_add, shard_add},
    {&hdi_op_mul, shard_elementwise},     {&hdi_op_swiglu, shard_elementwise},  {&hdi_op_gelu, shard_elementwise},
    {&hdi_op_convert, shard_elementwise}, {&hdi_op_rms_norm, shard_rows},       {&hdi_op_layer_norm, shard_rows},
    {&hdi_op_softmax, shard_rows},        {&hdi_op_rope, shard_rope},           {&hdi_op_kv_write, shard_kv_write},
    {&hdi_op_attention, shard_attention},
};

hd_status hdi_shard_node(hdi_sharding *s, const hdi_node *node) {
    placing p = {.s = s, .node = node, .stage = hdi_stage_of(s, node)};
    if (s->shares[node->output[0]].known) return HD_OK; /* it came with the node before */
    for (int i = 0; i < node->n_inputs; i++)
        if (node->input[i]) HD_TRY(hdi_share_of(s, node->input[i], &p.in[i]));
    for (size_t r = 0; r < HDI_COUNTOF(rules); r++)
        if (rules[r].op == node->op) return rules[r].shard(&p);
    return place_whole(&p);
}
