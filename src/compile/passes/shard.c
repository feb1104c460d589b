/* SPDX-License-Identifier: Apache-2.0 */
/* Sharding: the whole graph becomes one rank's. Two walks, since the places of exchanges depend on the largest of them. */
#include "compile/passes/shard.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* ---- sources ---- */

static hd_status note_parts(hdi_sharding *s, hd_value local, int32_t dim, const hdi_part *parts, int32_t n) {
    hd_graph *g = s->graph;
    HD_TRY(hdi_grow(&g->parts, &g->cap_parts, g->n_parts + (size_t)n, sizeof *g->parts, "a graph's weights"));
    for (int32_t i = 0; i < n; i++) g->parts[g->n_parts++] = (hdi_weight_part){local, dim, parts[i].begin, parts[i].end};
    return HD_OK;
}

hd_status hd_graph_parts(const hd_graph *graph, const char *name, hd_part **parts, int32_t *n) {
    hd_value weight = hdi_graph_find(graph, name);
    size_t first = 0, count = 0;
    *parts = NULL;
    *n = 0;
    HD_REQUIRE(weight && graph->values[weight].kind == HDI_VALUE_WEIGHT, HD_NOT_FOUND, "the graph has no weight named %s", name);
    while (first < graph->n_parts && graph->parts[first].weight != weight) first++;
    while (first + count < graph->n_parts && graph->parts[first + count].weight == weight) count++;
    if (count == 0) return HD_OK;
    HD_TRY(hdi_alloc(parts, count, sizeof **parts, "a weight's parts"));
    for (size_t i = 0; i < count; i++) {
        const hdi_weight_part *from = &graph->parts[first + i];
        (*parts)[i] = (hd_part){from->dim, from->begin, from->end};
    }
    *n = (int32_t)count;
    return HD_OK;
}

static hd_value declare_weight(hdi_sharding *s, const hdi_value *value, const int64_t *shape) {
    return hd_graph_weight(s->graph, value->name, (hd_dtype)value->type.dtype, value->type.layout == HDI_LAYOUT_PANEL,
                           value->type.rank, shape);
}

/* Declares this rank's part of a weight or state. */
static hd_status declare_cut(hdi_sharding *s, const hdi_value *value, hdi_share *share) {
    int64_t shape[HD_MAX_DIMS] = {0}, size = 0;
    hdi_part *parts;
    int32_t n;
    HD_TRY(hdi_cut_parts(&share->cut, s->member, s->shard->tensor, &parts, &n));
    for (int32_t i = 0; i < n; i++) size += parts[i].end - parts[i].begin;
    memcpy(shape, value->type.dim, sizeof value->type.dim);
    shape[share->dim] = size;
    share->local = value->kind == HDI_VALUE_WEIGHT
                       ? declare_weight(s, value, shape)
                       : hd_graph_state(s->graph, value->name, (hd_dtype)value->type.dtype, value->type.rank, shape);
    hd_status status = hd_graph_status(s->graph);
    if (status == HD_OK && value->kind == HDI_VALUE_WEIGHT) status = note_parts(s, share->local, share->dim, parts, n);
    hdi_free(parts);
    return status;
}

/* Every rank of a group gets something, or none of them is asked to do with nothing. */
static hd_status check_cut(const hdi_sharding *s, const hdi_value *value, const hdi_cut *cut) {
    int64_t whole = cut->per ? cut->size / cut->unit * cut->per : cut->size, piece = cut->per ? cut->align : cut->unit;
    for (int32_t r = 0; r < s->shard->tensor; r++) {
        int64_t size;
        HD_TRY(hdi_cut_size(cut, r, s->shard->tensor, &size));
        HD_REQUIRE(size > 0, HD_UNSUPPORTED,
                   "%s cannot be cut for %d tensor-parallel ranks: it has %lld pieces of %lld; use fewer ranks", value->name,
                   s->shard->tensor, (long long)hdi_ceil_div(whole, piece), (long long)piece);
    }
    return HD_OK;
}

static hd_status declare(hdi_sharding *s, const hdi_value *value, hdi_share *share) {
    const hd_placement *p = &value->placement;
    hd_dtype dtype = (hd_dtype)value->type.dtype;
    share->known = true;
    share->stage = -1;
    if (s->shard->tensor > 1 && p->unit) {
        share->form = HDI_FORM_CUT;
        share->dim = p->dim;
        share->cut = (hdi_cut){value->type.dim[p->dim], p->unit, p->per, p->align};
        HD_TRY(check_cut(s, value, &share->cut));
        return declare_cut(s, value, share);
    }
    if (value->kind == HDI_VALUE_INPUT)
        share->local = hd_graph_input(s->graph, value->name, dtype, value->type.rank, value->type.dim);
    else if (value->kind == HDI_VALUE_WEIGHT)
        share->local = declare_weight(s, value, value->type.dim);
    else
        share->local = hd_graph_state(s->graph, value->name, dtype, value->type.rank, value->type.dim);
    return hd_graph_status(s->graph);
}

hd_status hdi_share_of(hdi_sharding *s, hd_value id, hdi_share **out) {
    const hdi_value *value = &s->whole->values[id];
    *out = &s->shares[id];
    if ((*out)->known) return HD_OK;
    return value->kind == HDI_VALUE_VIEW ? hdi_shard_view(s, id) : declare(s, value, *out);
}

/* ---- nodes ---- */

int32_t hdi_stage_of(const hdi_sharding *s, const hdi_node *node) {
    if (s->shard->pipeline == 1) return 0;
    return node->layer < 0 ? -1 : (int32_t)((int64_t)node->layer * s->shard->pipeline / s->whole->most_layers);
}

/* "layers.3.mlp.linear" lies in the scope "layers.3.mlp". */
static void set_scope(hdi_sharding *s, const hdi_node *node) {
    char scope[256];
    size_t n = strlen(node->name), op = strlen(node->op->name);
    snprintf(scope, sizeof scope, "%.*s", n > op ? (int)(n - op - 1) : 0, node->name);
    hd_graph_scope(s->graph, *scope ? scope : NULL);
}

static bool has_dim(const hdi_value *value, hd_dim dim) {
    for (int i = 0; i < value->type.rank; i++)
        if (value->type.dim[i] == dim) return true;
    return false;
}

/* Of sizes that steps can be run by: products. */
static bool can_be_nothing(const hdi_dims *dims, hd_dim dim) {
    hdi_product product;
    return dim < 0 && hdi_dims_min(dims, dim) == 0 && hdi_expr_product(dims->exprs, dim, &product);
}

bool hdi_can_be_empty(const hdi_sharding *s, const hdi_node *node, hd_dim *extent) {
    const hdi_value *values = s->whole->values, *first = &values[node->output[0]];
    for (int i = 0; i < first->type.rank; i++) {
        bool all = can_be_nothing(&s->whole->dims, *extent = first->type.dim[i]);
        for (int k = 1; k < node->op->outputs; k++) all &= has_dim(&values[node->output[k]], *extent);
        if (all) return true;
    }
    return false;
}

void hdi_place_like(hdi_sharding *s, const hdi_node *like, const hdi_op *op, const hd_value *in, int n_in, const void *attr,
                    hd_value *out) {
    hd_dim extent;
    set_scope(s, like);
    hdi_condition when = s->when; /* of two ways; what can be empty has but one */
    if (hdi_can_be_empty(s, like, &extent)) when = (hdi_condition){extent, 1, hdi_dims_max(&s->whole->dims, extent) + 1};
    hdi_graph_when(s->graph, when.size, when.from, when.below);
    hdi_graph_node(s->graph, op, in, n_in, attr, out);
    hdi_graph_when(s->graph, 0, 0, 0);
}

const char *hdi_value_text(const hdi_sharding *s, hd_value id) {
    const hdi_value *value = &s->whole->values[id];
    return value->name                       ? value->name
           : value->kind == HDI_VALUE_RESULT ? s->whole->nodes[value->node].name
                                             : hdi_type_text(&value->type);
}

/* ---- facts ---- */

static void use(hdi_sharding *s, hd_value value, int32_t stage) {
    const hdi_value *root = value ? &s->whole->values[s->whole->values[value].root] : NULL;
    if (!root || root->kind != HDI_VALUE_RESULT) return;
    hdi_facts *facts = &s->facts[s->whole->values[value].root];
    facts->uses++;
    facts->leaves |= hdi_stage_of(s, &s->whole->nodes[root->node]) != stage;
}

/* Later nodes first: what is made by adding has been looked at. */
static void find_facts(hdi_sharding *s) {
    const hd_graph *whole = s->whole;
    for (size_t i = 0; i < whole->n_outputs; i++) use(s, whole->outputs[i].value, 0);
    for (size_t n = whole->n_nodes; n-- > 0;) {
        const hdi_node *node = &whole->nodes[n];
        for (int i = 0; i < node->n_inputs; i++) {
            use(s, node->input[i], hdi_stage_of(s, node));
            if (node->input[i] && node->op == &hdi_op_add)
                s->facts[whole->values[node->input[i]].root].sum_leaves |= s->facts[node->output[0]].leaves;
        }
    }
}

/* ---- the walk ---- */

static hd_status walk(hdi_sharding *s) {
    const hd_graph *whole = s->whole;
    hd_status status;
    memset(s->shares, 0, whole->n_values * sizeof *s->shares);
    memset(s->guarded, 0, sizeof s->guarded);
    memset(s->reading, 0, sizeof s->reading);
    memset(s->read, 0, sizeof s->read);
    s->mail = s->in_group = 0;
    HD_TRY(hd_graph_create(&s->graph));
    HD_TRY(hdi_dims_copy(&whole->dims, &s->graph->dims));
    hdi_graph_set_ranks(s->graph, s->shard->rank, s->ranks);
    hdi_graph_segment(s->graph, s->segment);
    for (hd_value v = 1; v < whole->n_values; v++) { /* inputs keep their order; weights and states come with their first use */
        hdi_share *share;
        if (whole->values[v].kind == HDI_VALUE_INPUT) HD_TRY(hdi_share_of(s, v, &share));
    }
    for (uint32_t n = 0; n < whole->n_nodes; n++) {
        status = hdi_shard_node(s, &whole->nodes[n]);
        if (status == HD_OK) status = hd_graph_status(s->graph);
        if (status != HD_OK) return hdi_fail_prefix(status, "%s, over %d ranks", whole->nodes[n].name, s->ranks);
    }
    for (size_t i = 0; i < whole->n_outputs; i++) HD_TRY(hdi_shard_output(s, &whole->outputs[i]));
    return hd_graph_status(s->graph);
}

static hd_status check_shard(const hd_graph *graph, const hd_shard *shard) {
    int32_t t = shard->tensor, p = shard->pipeline, c = shard->chunks;
    HD_REQUIRE(t == 1 || t == 2 || t == 4 || t == 8, HD_UNSUPPORTED,
               "%d tensor-parallel ranks: sums are cut in eight, so there can be 1, 2, 4 or 8 (and more pipeline stages)", t);
    HD_REQUIRE(p >= 1 && (int64_t)t * p <= HD_MAX_RANKS, HD_UNSUPPORTED, "%d stages of %d ranks; there can be 1 to %d ranks", p,
               t, HD_MAX_RANKS);
    HD_REQUIRE(p == 1 || p <= graph->most_layers, HD_UNSUPPORTED, "%d pipeline stages for %d layers; each needs at least one", p,
               graph->most_layers);
    HD_REQUIRE(0 <= shard->rank && shard->rank < t * p, HD_INVALID_ARGUMENT, "rank %d of %d", shard->rank, t * p);
    HD_REQUIRE(c >= 0 && c <= 64 && (c & (c - 1)) == 0, HD_INVALID_ARGUMENT, "%d chunks; it must be a power of two up to 64", c);
    HD_REQUIRE(shard->two_shot >= 0, HD_INVALID_ARGUMENT, "sums in two shots from %lld bytes on", (long long)shard->two_shot);
    HD_REQUIRE(!shard->messages || !shard->streamed, HD_INVALID_ARGUMENT,
               "what is sent as messages lies in no shared memory that it could be streamed to");
    HD_REQUIRE(graph->ranks == 0, HD_INVALID_ARGUMENT, "the graph is one rank's already");
    return HD_OK;
}

hd_status hd_graph_shard(const hd_graph *graph, const hd_shard *shard, hd_graph **out) {
    hd_status status;
    *out = NULL;
    HD_TRY(hd_graph_status(graph));
    HD_TRY(check_shard(graph, shard));
    hdi_sharding s = {.whole = graph,
                      .shard = shard,
                      .ranks = shard->tensor * shard->pipeline,
                      .stage = shard->rank / shard->tensor,
                      .member = shard->rank % shard->tensor};
    HD_TRY_GOTO(hdi_alloc(&s.shares, graph->n_values, sizeof *s.shares, "sharding"));
    HD_TRY_GOTO(hdi_calloc(&s.facts, graph->n_values, sizeof *s.facts, "sharding"));
    find_facts(&s);
    HD_TRY_GOTO(walk(&s));
    hd_graph_destroy(s.graph);
    s.graph = NULL;
    hdi_place_mails(&s);
    HD_TRY_GOTO(walk(&s));
    hd_graph_scope(s.graph, NULL);
    *out = s.graph;
    s.graph = NULL;
fail:
    hd_graph_destroy(s.graph);
    hdi_free(s.shares);
    hdi_free(s.facts);
    hdi_free(s.mails);
    return status;
}
