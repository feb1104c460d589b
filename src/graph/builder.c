/* SPDX-License-Identifier: Apache-2.0 */
/* The public builder functions: each places one operator. */
#include "graph/graph.h"

#include <math.h>

#include "kernels/attention/attention.h"
#include "kernels/embedding/embedding.h"
#include "kernels/gelu/gelu.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear/linear.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/rope_table/rope_table.h"

/* A node with one output. */
static hd_value place(hd_graph *graph, const hdi_op *op, const hd_value *in, int n_in, const void *attr) {
    hd_value out[HDI_NODE_OUTPUTS] = {0};
    hdi_graph_node(graph, op, in, n_in, attr, out);
    return out[0];
}

hd_value hd_graph_add(hd_graph *graph, hd_value a, hd_value b) { return place(graph, &hdi_op_add, (hd_value[]){a, b}, 2, NULL); }

hd_value hd_graph_mul(hd_graph *graph, hd_value a, hd_value b) { return place(graph, &hdi_op_mul, (hd_value[]){a, b}, 2, NULL); }

hd_value hd_graph_embedding(hd_graph *graph, hd_value ids, hd_value table, hd_dtype out) {
    hdi_embedding_attr attr = {.out = out};
    return place(graph, &hdi_op_embedding, (hd_value[]){ids, table}, 2, &attr);
}

hd_value hd_graph_linear(hd_graph *graph, hd_value x, hd_value weight, hd_value bias_or_0, int32_t k_slices) {
    const hdi_value *w = hdi_graph_value(graph, weight);
    hdi_linear_attr attr = {.k_slices = k_slices};
    if (w && w->placement.unit && w->placement.dim == 1) attr.k_unit = (int32_t)w->placement.unit;
    return place(graph, &hdi_op_linear, (hd_value[]){x, weight, bias_or_0}, bias_or_0 ? 3 : 2, &attr);
}

hd_value hd_graph_rms_norm(hd_graph *graph, hd_value x, hd_value weight, float eps) {
    hdi_rms_norm_attr attr = {.eps = eps};
    return place(graph, &hdi_op_rms_norm, (hd_value[]){x, weight}, 2, &attr);
}

hd_value hd_graph_layer_norm(hd_graph *graph, hd_value x, hd_value weight, hd_value bias_or_0, float eps) {
    hdi_layer_norm_attr attr = {.eps = eps};
    return place(graph, &hdi_op_layer_norm, (hd_value[]){x, weight, bias_or_0}, bias_or_0 ? 3 : 2, &attr);
}

hd_value hd_graph_swiglu(hd_graph *graph, hd_value gate, hd_value up) {
    return place(graph, &hdi_op_swiglu, (hd_value[]){gate, up}, 2, NULL);
}

hd_value hd_graph_gelu(hd_graph *graph, hd_value x, bool tanh_form) {
    hdi_gelu_attr attr = {.tanh = tanh_form};
    return place(graph, &hdi_op_gelu, &x, 1, &attr);
}

hd_value hd_graph_softmax(hd_graph *graph, hd_value x) { return place(graph, &hdi_op_softmax, &x, 1, NULL); }

void hd_graph_rope_table(hd_graph *graph, hd_value positions, hd_value lengths_or_0, hd_value inv_freq,
                         const hd_rope_table_options *options, hd_value *cos, hd_value *sin) {
    hdi_rope_table_attr attr = {.attention_scale = options->attention_scale,
                                .dynamic_factor = options->dynamic_factor,
                                .dynamic_base = options->dynamic_base,
                                .dynamic_max = options->dynamic_max};
    hd_value out[HDI_NODE_OUTPUTS] = {0};
    hdi_graph_node(graph, &hdi_op_rope_table, (hd_value[]){positions, lengths_or_0, inv_freq}, 3, &attr, out);
    *cos = out[0];
    *sin = out[1];
}

hd_value hd_graph_rope(hd_graph *graph, hd_value x, hd_value cos, hd_value sin, bool interleaved) {
    hdi_rope_attr attr = {.interleaved = interleaved};
    return place(graph, &hdi_op_rope, (hd_value[]){x, cos, sin}, 3, &attr);
}

hd_value hd_graph_sample(hd_graph *graph, hd_value logits, hd_value params) {
    return place(graph, &hdi_op_sample, (hd_value[]){logits, params}, 2, NULL);
}

hd_value hd_graph_keep_ids(hd_graph *graph, hd_value ids, hd_value x) {
    return place(graph, &hdi_op_keep_ids, (hd_value[]){ids, x}, 2, NULL);
}

hd_value hd_graph_take_ids(hd_graph *graph, hd_value given, hd_value source, hd_value ids) {
    return place(graph, &hdi_op_take_ids, (hd_value[]){given, source, ids}, 3, NULL);
}

hd_value hd_graph_kv_write(hd_graph *graph, hd_value cache, hd_value x, hd_value slots) {
    return place(graph, &hdi_op_kv_write, (hd_value[]){cache, x, slots}, 3, NULL);
}

hd_value hd_graph_attention(hd_graph *graph, hd_value q, hd_value k_cache, hd_value v_cache, hd_value page_table,
                            hd_value token_seq, hd_value positions, const hd_attention_options *options) {
    const hdi_value *query = hdi_graph_value(graph, q);
    if (!query) return 0;
    float scale = options->scale, d = query->type.rank ? (float)hdi_type_last(&query->type) : 1;
    if (scale == 0) scale = 1.0f / sqrtf(d);
    hdi_attention_attr attr = {.scale = scale, .window = options->window, .softcap = options->softcap};
    return place(graph, &hdi_op_attention, (hd_value[]){q, k_cache, v_cache, page_table, token_seq, positions}, 6, &attr);
}
