/* SPDX-License-Identifier: Apache-2.0 */
#include "model/builder.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "kernels/sample/sample.h"
#include "ops/rope_scaling.h"

static void format_name(char *name, size_t size, const char *suffix, const char *fmt, va_list args) {
    int n = vsnprintf(name, size, fmt, args);
    if (n >= 0 && (size_t)n < size) snprintf(name + n, size - (size_t)n, "%s", suffix);
}

enum { ROW_PARALLEL_SLICES = 8 };

/* The graph's value of a weight, which a tied model asks for twice. */
static hd_value declare(hdi_builder *b, hd_status status, const char *name, hdi_weight_type type, int rank, const int64_t *shape,
                        const hd_placement *place) {
    hdi_graph_stick(b->graph, status);
    if (hd_graph_status(b->graph) != HD_OK) return 0;
    hd_value value = hdi_graph_find(b->graph, name);
    if (value) return value;
    value = hd_graph_weight(b->graph, name, type.dtype, type.packed, rank, shape);
    if (value && place) hd_graph_place(b->graph, value, place);
    return value;
}

static hd_status matrix_type(hdi_builder *b, const char *name, int64_t rows, int64_t cols, hdi_weight_type *out) {
    if (!b->imagined) return hdi_weights_matrix(b->weights, name, rows, cols, out);
    bool blocks = hd_dtype_block_elements(*b->imagined) > 1;
    *out = (hdi_weight_type){.dtype = *b->imagined, .packed = blocks};
    return HD_OK;
}

static hd_status vector_type(hdi_builder *b, const char *name, int64_t n, hdi_weight_type *out) {
    if (!b->imagined) return hdi_weights_vector(b->weights, name, n, out);
    *out = (hdi_weight_type){.dtype = HD_DTYPE_F32};
    return HD_OK;
}

static hd_value matrix(hdi_builder *b, int64_t rows, int64_t cols, const hd_placement *place, const char *name) {
    hdi_weight_type type = {0};
    return declare(b, matrix_type(b, name, rows, cols, &type), name, type, 2, (int64_t[]){rows, cols}, place);
}

static hd_value vector(hdi_builder *b, int64_t n, const hd_placement *place, const char *name) {
    hdi_weight_type type = {0};
    return declare(b, vector_type(b, name, n, &type), name, type, 1, &n, place);
}

hd_value hdi_build_matrix(hdi_builder *b, int64_t rows, int64_t cols, const hd_placement *place, const char *fmt, ...) {
    char name[256];
    va_list args;
    va_start(args, fmt);
    format_name(name, sizeof name, "", fmt, args);
    va_end(args);
    return matrix(b, rows, cols, place, name);
}

hd_value hdi_build_vector(hdi_builder *b, int64_t n, const char *fmt, ...) {
    char name[256];
    va_list args;
    va_start(args, fmt);
    format_name(name, sizeof name, "", fmt, args);
    va_end(args);
    return vector(b, n, NULL, name);
}

hd_value hdi_build_linear(hdi_builder *b, hd_value x, int64_t out, int64_t in, bool bias, const hd_placement *place,
                          const char *fmt, ...) {
    char weight_name[256], bias_name[256];
    bool rows = place && place->dim == 0;
    va_list args;
    va_start(args, fmt);
    format_name(weight_name, sizeof weight_name, ".weight", fmt, args);
    va_end(args);
    va_start(args, fmt);
    format_name(bias_name, sizeof bias_name, ".bias", fmt, args);
    va_end(args);
    hd_value w = matrix(b, out, in, place, weight_name);
    hd_value bias_value = bias ? vector(b, out, rows ? place : NULL, bias_name) : 0;
    return hd_graph_linear(b->graph, x, w, bias_value, place && !rows ? ROW_PARALLEL_SLICES : 1);
}

int64_t hdi_build_block(hdi_builder *b, int64_t rows, int64_t cols, const char *fmt, ...) {
    char name[256];
    hdi_weight_type type = {0};
    va_list args;
    va_start(args, fmt);
    format_name(name, sizeof name, "", fmt, args);
    va_end(args);
    hdi_graph_stick(b->graph, matrix_type(b, name, rows, cols, &type));
    return hd_dtype_block_elements(type.dtype);
}

/* inv_freq as a constant of the graph, and the tables of this step's positions. */
static void build_rope(hdi_builder *b) {
    const hdi_config *c = b->config;
    int64_t pairs = c->head_dim / 2;
    hdi_weight_type type = {0};
    hd_rope_table_options options = {0};
    float *inv_freq = NULL;
    hd_status status = hdi_alloc(&inv_freq, (size_t)pairs, sizeof *inv_freq, "rotary frequencies");
    if (status == HD_OK)
        status = hdi_rope_frequencies(c->rope_theta, c->head_dim, &c->rope_scaling, inv_freq, &options.attention_scale);
    if (status == HD_OK)
        status = b->imagined ? vector_type(b, "rope.inv_freq", pairs, &type)
                             : hdi_weights_constant(b->weights, "rope.inv_freq", inv_freq, pairs, &type);
    hdi_free(inv_freq);
    hd_value frequencies = declare(b, status, "rope.inv_freq", type, 1, &pairs, NULL);
    if (c->rope_scaling.kind == HD_ROPE_SCALING_DYNAMIC) {
        options.dynamic_factor = (float)c->rope_scaling.factor;
        options.dynamic_base = (float)c->rope_theta;
        options.dynamic_max = (int32_t)c->rope_scaling.original_positions;
        b->rope_lengths = hd_graph_input(b->graph, "rope_lengths", HD_DTYPE_I32, 1, &b->tokens);
    }
    hd_graph_rope_table(b->graph, b->positions, b->rope_lengths, frequencies, &options, &b->cos, &b->sin);
}

void hdi_build_inputs(hdi_builder *b) {
    hd_graph *g = b->graph;
    const hdi_step_limits *l = b->limits;
    b->tokens = hd_graph_symbol(g, "tokens", 1, l->max_tokens);
    b->sequences = hd_graph_symbol(g, "sequences", 1, l->max_sequences);
    b->rows = hd_graph_symbol(g, "rows", 0, l->max_rows);
    b->token_ids = hd_graph_input(g, "token_ids", HD_DTYPE_I32, 1, &b->tokens);
    b->positions = hd_graph_input(g, "positions", HD_DTYPE_I32, 1, &b->tokens);
    b->token_seq = hd_graph_input(g, "token_seq", HD_DTYPE_I32, 1, &b->tokens);
    b->slots = hd_graph_input(g, "slots", HD_DTYPE_I32, 1, &b->tokens);
    b->page_table = hd_graph_input(g, "page_table", HD_DTYPE_I32, 2, (hd_dim[]){b->sequences, l->max_pages});
    b->logit_rows = hd_graph_input(g, "logit_rows", HD_DTYPE_I32, 1, &b->rows);
    if (l->draws) {
        hd_value source = hd_graph_input(g, "source", HD_DTYPE_I32, 1, &b->tokens);
        b->next_ids = hd_graph_state(g, "next_ids", HD_DTYPE_I32, 1, (int64_t[]){l->max_rows});
        b->token_ids = hd_graph_take_ids(g, b->token_ids, source, b->next_ids);
    }
    build_rope(b);
}

void hdi_build_logits(hdi_builder *b, hd_value logits) {
    hd_graph *g = b->graph;
    hd_graph_output(g, "logits", logits);
    if (!b->limits->draws) return;
    hd_graph_layer(g, 0, b->config->layers); /* where the next step's tokens are read */
    hd_value params = hd_graph_input(g, "sample_params", HD_DTYPE_F32, 2, (hd_dim[]){b->rows, HDI_SAMPLE_PARAMS});
    (void)hd_graph_keep_ids(g, b->next_ids, hd_graph_sample(g, logits, params));
}
