/* SPDX-License-Identifier: Apache-2.0 */
/* Values, nodes and sources of a graph, and its sticking failure. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/weights/panel.h"

hd_status hd_graph_create(hd_graph **out) {
    *out = NULL;
    hd_graph *graph;
    HD_TRY(hdi_calloc(&graph, 1, sizeof *graph, "a graph"));
    hdi_value none = {0};
    if (hdi_grow(&graph->values, &graph->cap_values, 256, sizeof *graph->values, "a graph's values") != HD_OK) {
        hdi_free(graph);
        return HD_OUT_OF_MEMORY;
    }
    graph->values[graph->n_values++] = none;
    *out = graph;
    return HD_OK;
}

void hd_graph_destroy(hd_graph *graph) {
    if (!graph) return;
    for (size_t i = 0; i < graph->n_values; i++) hdi_free(graph->values[i].name);
    for (size_t i = 0; i < graph->n_nodes; i++) hdi_free(graph->nodes[i].name);
    for (size_t i = 0; i < graph->n_outputs; i++) hdi_free(graph->outputs[i].name);
    for (size_t i = 0; i < graph->n_events; i++) hdi_free(graph->events[i].name);
    hdi_free(graph->events);
    hdi_free(graph->guards);
    hdi_free(graph->afters);
    hdi_free(graph->parts);
    hdi_free(graph->values);
    hdi_free(graph->nodes);
    hdi_free(graph->outputs);
    hdi_free(graph->scope);
    hdi_dims_clear(&graph->dims);
    hdi_free(graph);
}

void hdi_graph_stick(hd_graph *graph, hd_status status) {
    if (status == HD_OK || graph->status != HD_OK) return;
    graph->status = status;
    snprintf(graph->message, sizeof graph->message, "%s%s%.*s", graph->scope ? graph->scope : "", graph->scope ? ": " : "",
             (int)sizeof graph->message - 160, hd_last_error());
}

hd_status hd_graph_status(const hd_graph *graph) {
    return graph->status == HD_OK ? HD_OK : hdi_fail(graph->status, "%s", graph->message);
}

void hd_graph_scope(hd_graph *graph, const char *scope) {
    hdi_free(graph->scope);
    graph->scope = NULL;
    if (scope && !(graph->scope = hdi_strdup(scope))) hdi_graph_stick(graph, HD_OUT_OF_MEMORY);
}

const hdi_value *hdi_graph_value(hd_graph *graph, hd_value value) {
    if (graph->status != HD_OK) return NULL;
    if (value == 0 || value >= graph->n_values) {
        hdi_graph_stick(graph, hdi_fail(HD_INVALID_ARGUMENT, "%u is no value of this graph", value));
        return NULL;
    }
    return &graph->values[value];
}

hd_value hdi_graph_add_value(hd_graph *graph, const hdi_value *value) {
    hd_status status =
        hdi_grow(&graph->values, &graph->cap_values, graph->n_values + 1, sizeof *graph->values, "a graph's values");
    if (status != HD_OK) {
        hdi_graph_stick(graph, status);
        return 0;
    }
    graph->values[graph->n_values] = *value;
    return (hd_value)graph->n_values++;
}

hd_status hdi_graph_contiguous(hdi_dims *dims, const hdi_type *type, hdi_dim *stride) {
    hdi_dim step = 1;
    for (int i = type->rank - 1; i >= 0; i--) {
        stride[i] = step;
        HD_TRY(hdi_dims_mul(dims, step, type->dim[i], &step));
    }
    return HD_OK;
}

bool hdi_graph_is_contiguous(hdi_dims *dims, const hdi_value *value) {
    hdi_dim stride[HD_MAX_DIMS] = {0};
    if (value->type.layout != HDI_LAYOUT_STRIDED || hdi_graph_contiguous(dims, &value->type, stride) != HD_OK) return false;
    for (int i = 0; i < value->type.rank; i++)
        if (stride[i] != value->stride[i] && value->type.dim[i] != 1) return false;
    return true;
}

hd_status hdi_graph_bytes(const hd_graph *graph, const hdi_value *value, uint64_t *out) {
    const hdi_type *type = &value->type;
    int64_t n = 1, block = hd_dtype_block_elements((hd_dtype)type->dtype);
    if (type->layout == HDI_LAYOUT_PANEL) {
        *out = hdi_panel_bytes((hd_dtype)type->dtype, type->dim[0], type->dim[1]);
        return HD_OK;
    }
    for (int i = 0; i < type->rank; i++)
        HD_REQUIRE(hdi_mul_i64(n, hdi_dims_max(&graph->dims, type->dim[i]), &n), HD_INVALID_ARGUMENT, "%s is too large",
                   hdi_type_text(type));
    HD_REQUIRE(hdi_mul_i64(hdi_ceil_div(n, block), (int64_t)hd_dtype_block_bytes((hd_dtype)type->dtype), &n) && n < INT64_MAX / 2,
               HD_INVALID_ARGUMENT, "%s is too large", hdi_type_text(type));
    *out = (uint64_t)n;
    return HD_OK;
}

/* ---- sources ---- */

hd_value hdi_graph_find(const hd_graph *graph, const char *name) {
    for (hd_value v = 1; v < graph->n_values; v++)
        if (graph->values[v].name && strcmp(graph->values[v].name, name) == 0) return v;
    return 0;
}

static hd_status check_name(const hd_graph *graph, const char *name) {
    HD_REQUIRE(name && *name, HD_INVALID_ARGUMENT, "an input, weight or state of a graph needs a name");
    HD_REQUIRE(!hdi_graph_find(graph, name), HD_INVALID_ARGUMENT, "the graph has a source named %s already", name);
    return HD_OK;
}

static hd_status check_source(const char *name, hd_dtype dtype, bool packed, int32_t rank, const hd_dim *shape,
                              const hdi_dims *dims) {
    HD_REQUIRE((unsigned)dtype < HD_DTYPE_COUNT, HD_INVALID_ARGUMENT, "%s: %d is no dtype", name, (int)dtype);
    HD_REQUIRE(0 <= rank && rank <= HD_MAX_DIMS, HD_INVALID_ARGUMENT, "%s: %d dims; at most %d are supported", name, rank,
               HD_MAX_DIMS);
    HD_REQUIRE(!packed || rank == 2, HD_INVALID_ARGUMENT, "%s: only a matrix can be packed", name);
    for (int i = 0; i < rank; i++)
        HD_REQUIRE(hdi_dims_has(dims, shape[i]) && hdi_dims_min(dims, shape[i]) >= 0, HD_INVALID_ARGUMENT,
                   "%s: dim %d can be negative", name, i);
    int32_t block = hd_dtype_block_elements(dtype);
    HD_REQUIRE(block == 1 || (rank > 0 && shape[rank - 1] >= 0 && shape[rank - 1] % block == 0), HD_INVALID_ARGUMENT,
               "%s: rows of %s must be whole blocks of %d", name, hd_dtype_name(dtype), block);
    return HD_OK;
}

static hd_value add_source(hd_graph *graph, hdi_value_kind kind, const char *name, hd_dtype dtype, bool packed, int32_t rank,
                           const hd_dim *shape) {
    if (graph->status != HD_OK) return 0;
    hdi_value value = {.kind = kind, .root = (hd_value)graph->n_values};
    hd_status status = check_name(graph, name);
    if (status == HD_OK) status = check_source(name, dtype, packed, rank, shape, &graph->dims);
    if (status == HD_OK) {
        value.type =
            (hdi_type){.dtype = (uint8_t)dtype, .layout = packed ? HDI_LAYOUT_PANEL : HDI_LAYOUT_STRIDED, .rank = (uint8_t)rank};
        memcpy(value.type.dim, shape, sizeof *shape * (size_t)rank);
        status = hdi_graph_contiguous(&graph->dims, &value.type, value.stride);
    }
    if (status == HD_OK && !(value.name = hdi_strdup(name))) status = HD_OUT_OF_MEMORY;
    hdi_graph_stick(graph, status);
    hd_value id = status == HD_OK ? hdi_graph_add_value(graph, &value) : 0;
    if (!id) hdi_free(value.name);
    return id;
}

hd_dim hd_graph_symbol(hd_graph *graph, const char *name, int64_t min, int64_t max) {
    hdi_dim dim = 0;
    if (graph->status == HD_OK) hdi_graph_stick(graph, hdi_dims_symbol(&graph->dims, name, min, max, &dim));
    return dim;
}

typedef hd_status (*dim_op)(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);

static hd_dim dim_of(hd_graph *graph, dim_op op, hd_dim a, hd_dim b) {
    hdi_dim dim = 0;
    if (graph->status != HD_OK) return 0;
    if (!hdi_dims_has(&graph->dims, a) || !hdi_dims_has(&graph->dims, b))
        hdi_graph_stick(graph, hdi_fail(HD_INVALID_ARGUMENT, "%lld is no size of this graph",
                                        (long long)(hdi_dims_has(&graph->dims, a) ? b : a)));
    else
        hdi_graph_stick(graph, op(&graph->dims, a, b, &dim));
    return dim;
}

hd_dim hd_graph_dim_add(hd_graph *graph, hd_dim a, hd_dim b) { return dim_of(graph, hdi_dims_add, a, b); }
hd_dim hd_graph_dim_sub(hd_graph *graph, hd_dim a, hd_dim b) { return dim_of(graph, hdi_dims_sub, a, b); }
hd_dim hd_graph_dim_mul(hd_graph *graph, hd_dim a, hd_dim b) { return dim_of(graph, hdi_dims_mul, a, b); }
hd_dim hd_graph_dim_div(hd_graph *graph, hd_dim a, hd_dim b) { return dim_of(graph, hdi_dims_div, a, b); }
hd_dim hd_graph_dim_mod(hd_graph *graph, hd_dim a, hd_dim b) { return dim_of(graph, hdi_dims_mod, a, b); }
hd_dim hd_graph_dim_min(hd_graph *graph, hd_dim a, hd_dim b) { return dim_of(graph, hdi_dims_lesser, a, b); }
hd_dim hd_graph_dim_max(hd_graph *graph, hd_dim a, hd_dim b) { return dim_of(graph, hdi_dims_greater, a, b); }

hd_value hd_graph_input(hd_graph *graph, const char *name, hd_dtype dtype, int32_t rank, const hd_dim *shape) {
    return add_source(graph, HDI_VALUE_INPUT, name, dtype, false, rank, shape);
}

hd_value hd_graph_weight(hd_graph *graph, const char *name, hd_dtype dtype, bool packed, int32_t rank, const int64_t *shape) {
    return add_source(graph, HDI_VALUE_WEIGHT, name, dtype, packed, rank, shape);
}

hd_value hd_graph_state(hd_graph *graph, const char *name, hd_dtype dtype, int32_t rank, const int64_t *shape) {
    return add_source(graph, HDI_VALUE_STATE, name, dtype, false, rank, shape);
}

void hd_graph_output(hd_graph *graph, const char *name, hd_value value) {
    if (!hdi_graph_value(graph, value)) return;
    hdi_output output = {hdi_strdup(name), value};
    hd_status status = output.name ? HD_OK : HD_OUT_OF_MEMORY;
    if (status == HD_OK)
        status = hdi_grow(&graph->outputs, &graph->cap_outputs, graph->n_outputs + 1, sizeof output, "a graph's outputs");
    if (status != HD_OK) {
        hdi_free(output.name);
        hdi_graph_stick(graph, status);
        return;
    }
    graph->outputs[graph->n_outputs++] = output;
}

/* ---- placements ---- */

static hd_status check_placement(const hdi_value *value, const hd_placement *p) {
    HD_REQUIRE(value->kind == HDI_VALUE_WEIGHT || value->kind == HDI_VALUE_STATE, HD_INVALID_ARGUMENT,
               "only weights and states have placements");
    HD_REQUIRE(0 <= p->dim && p->dim < value->type.rank && p->unit >= 1, HD_INVALID_ARGUMENT,
               "%s: a placement along dim %d by %lld", value->name, p->dim, (long long)p->unit);
    HD_REQUIRE(p->per == 0 ? p->align == 0 : p->per > 0 && p->align > 0 && value->type.dim[p->dim] % p->unit == 0,
               HD_INVALID_ARGUMENT, "%s: a placement of groups of %lld by %lld", value->name, (long long)p->per,
               (long long)p->align);
    return HD_OK;
}

void hd_graph_place(hd_graph *graph, hd_value source, const hd_placement *placement) {
    if (!hdi_graph_value(graph, source)) return;
    hd_status status = check_placement(&graph->values[source], placement);
    if (status == HD_OK) graph->values[source].placement = *placement;
    hdi_graph_stick(graph, status);
}

void hd_graph_layer(hd_graph *graph, int32_t layer, int32_t layers) {
    if (layers < 0 || layer < 0 || (layers > 0 && layer >= layers)) {
        hdi_graph_stick(graph, hdi_fail(HD_INVALID_ARGUMENT, "layer %d of %d", layer, layers));
        return;
    }
    graph->layer = layer;
    graph->layers = layers;
    if (layers > graph->most_layers) graph->most_layers = layers;
}

/* ---- nodes ---- */

static hd_status infer(hd_graph *graph, const hdi_op *op, const hd_value *in, int n_in, const void *attr, hdi_type *out,
                       hdi_kernel_id *kernel) {
    const hdi_type *types[HDI_NODE_INPUTS] = {0};
    HD_REQUIRE(op->min_inputs <= n_in && n_in <= op->max_inputs && n_in <= HDI_NODE_INPUTS, HD_INVALID_ARGUMENT,
               "%s takes %d to %d inputs, not %d", op->name, op->min_inputs, op->max_inputs, n_in);
    for (int i = 0; i < n_in; i++) {
        HD_REQUIRE(in[i] < graph->n_values, HD_INVALID_ARGUMENT, "%s: %u is no value of this graph", op->name, in[i]);
        HD_REQUIRE(in[i] || i >= op->min_inputs || op->optional >> i & 1, HD_INVALID_ARGUMENT, "%s: input %d is missing",
                   op->name, i);
        if (in[i]) types[i] = &graph->values[in[i]].type;
    }
    HD_TRY(op->infer(types, n_in, attr, out));
    return op->choose(types, n_in, out, attr, kernel);
}

static char *node_name(const hd_graph *graph, const hdi_op *op) {
    char text[256];
    snprintf(text, sizeof text, "%s%s%s", graph->scope ? graph->scope : "", graph->scope ? "." : "", op->name);
    return hdi_strdup(text);
}

/* Result `i` of a node: fresh memory, or the state that the operator changes in place. */
static hd_status result_value(hd_graph *graph, const hdi_node *node, int i, const hdi_type *type, hdi_value *value) {
    *value =
        (hdi_value){.kind = HDI_VALUE_RESULT, .type = *type, .root = (hd_value)graph->n_values, .node = (uint32_t)graph->n_nodes};
    if (i == 0 && (node->op->flags & HDI_OP_MUTATES)) {
        const hdi_value *state = &graph->values[node->input[0]];
        value->root = state->root;
        value->source = node->input[0];
        value->offset = state->offset;
        memcpy(value->stride, state->stride, sizeof value->stride);
        HD_REQUIRE(graph->values[state->root].kind == HDI_VALUE_STATE, HD_INVALID_ARGUMENT,
                   "%s changes its first input, which must be a state or a view of one", node->op->name);
        return HD_OK;
    }
    return hdi_graph_contiguous(&graph->dims, type, value->stride);
}

void hdi_graph_node(hd_graph *graph, const hdi_op *op, const hd_value *in, int n_in, const void *attr, hd_value *out) {
    hdi_node node = {.op = op,
                     .n_inputs = op->max_inputs,
                     .when = graph->when,
                     .layer = graph->layers ? graph->layer : -1}; /* kernels find absent ones too, as operands without data */
    hdi_type types[HDI_NODE_OUTPUTS];
    memset(out, 0, sizeof *out * op->outputs);
    memset(types, 0, sizeof types);
    if (graph->status != HD_OK) return;
    hd_status status = infer(graph, op, in, n_in, attr, types, &node.kernel);
    if (status == HD_OK) status = hdi_grow(&graph->nodes, &graph->cap_nodes, graph->n_nodes + 1, sizeof node, "a graph's nodes");
    if (status == HD_OK && !(node.name = node_name(graph, op))) status = HD_OUT_OF_MEMORY;
    if (status == HD_OK) {
        memcpy(node.input, in, sizeof *in * (size_t)n_in);
        if (op->attr_size) memcpy(node.attr, attr, op->attr_size);
    }
    for (int i = 0; i < op->outputs && status == HD_OK; i++) {
        hdi_value value;
        status = result_value(graph, &node, i, &types[i], &value);
        if (status == HD_OK) node.output[i] = hdi_graph_add_value(graph, &value);
        if (status == HD_OK) status = graph->status;
    }
    if (status != HD_OK) {
        hdi_free(node.name);
        hdi_graph_stick(graph, status);
        return;
    }
    graph->nodes[graph->n_nodes++] = node;
    memcpy(out, node.output, sizeof *out * op->outputs);
}
