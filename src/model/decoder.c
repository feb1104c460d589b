/* SPDX-License-Identifier: Apache-2.0 */
/* The pre-norm decoder with rotary positions, grouped heads and a gated MLP: Llama's shape, which Mistral, Qwen2 and Qwen3 share
 * up to the flags of their configurations.
 *
 * Ranks share attention by heads and the MLP by its inner width: q, k, v, gate and up are cut along their rows, o and down along
 * their columns, embedding and head by ids. */
#include <stdio.h>

#include "model/builder.h"

enum {
    PIECE = 8
}; /* the vocabulary and, but for blocks, the MLP's width are cut at multiples of it: 16 bytes of the narrowest type */

static const hd_placement by_id = {.dim = 0, .unit = PIECE};

/* How many heads go together: the columns of o_proj that they need must be whole blocks of its type. */
static int64_t heads_together(hdi_builder *b, int layer) {
    const hdi_config *c = b->config;
    int64_t block =
                hdi_build_block(b, c->hidden, (int64_t)c->heads * c->head_dim, "model.layers.%d.self_attn.o_proj.weight", layer),
            n = 1;
    while (n * c->head_dim % block) n++;
    return n;
}

/* Heads of keys and values go where the heads of queries that share them are. */
static hd_placement kv_placement(hdi_builder *b, int layer, int32_t dim, int64_t unit) {
    return (hd_placement){
        .dim = dim, .unit = unit, .per = b->config->heads / b->config->kv_heads, .align = heads_together(b, layer)};
}

static hd_value norm(hdi_builder *b, hd_value x, int layer, const char *name) {
    return hd_graph_rms_norm(b->graph, x, hdi_build_vector(b, b->config->hidden, "model.layers.%d.%s.weight", layer, name),
                             b->config->norm_eps);
}

/* One of q, k, v as [tokens, heads, head_dim], normalised by head where the family does that. */
static hd_value project(hdi_builder *b, hd_value x, int layer, char which, int64_t heads) {
    const hdi_config *c = b->config;
    hd_placement place = which == 'q' ? (hd_placement){.dim = 0, .unit = heads_together(b, layer) * c->head_dim}
                                      : kv_placement(b, layer, 0, c->head_dim);
    hd_value y = hdi_build_linear(b, x, heads * c->head_dim, c->hidden, c->qkv_bias, &place, "model.layers.%d.self_attn.%c_proj",
                                  layer, which);
    y = hd_graph_reshape(b->graph, y, 3, (hd_dim[]){b->tokens, heads, c->head_dim});
    if (c->qk_norm && which != 'v')
        y = hd_graph_rms_norm(
            b->graph, y, hdi_build_vector(b, c->head_dim, "model.layers.%d.self_attn.%c_norm.weight", layer, which), c->norm_eps);
    return which == 'v' ? y : hd_graph_rope(b->graph, y, b->cos, b->sin, false);
}

/* Writes x into the layer's cache and gives the cache as [pages, page, heads, dim]; memory is [pages, heads, page, dim], so that
 * a head's keys lie side by side. */
static hd_value cache(hdi_builder *b, hd_value x, int layer, char which) {
    const hdi_step_limits *l = b->limits;
    char name[32];
    snprintf(name, sizeof name, "%c.%d", which, layer);
    hd_value state = hd_graph_state(b->graph, name, l->kv_dtype, 4,
                                    (int64_t[]){l->pages, b->config->kv_heads, l->page_tokens, b->config->head_dim});
    hd_placement place = kv_placement(b, layer, 1, 1);
    hd_graph_place(b->graph, state, &place);
    state = hd_graph_permute(b->graph, state, (int32_t[]){0, 2, 1, 3});
    return hd_graph_kv_write(b->graph, state, x, b->slots);
}

static hd_value attention(hdi_builder *b, hd_value x, int layer) {
    const hdi_config *c = b->config;
    hd_attention_options options = {.window = c->windowed[layer] ? c->window : 0};
    int64_t width = (int64_t)c->heads * c->head_dim;
    hd_value q = project(b, x, layer, 'q', c->heads);
    hd_value k = cache(b, project(b, x, layer, 'k', c->kv_heads), layer, 'k');
    hd_value v = cache(b, project(b, x, layer, 'v', c->kv_heads), layer, 'v');
    hd_value y = hd_graph_attention(b->graph, q, k, v, b->page_table, b->token_seq, b->positions, &options);
    y = hd_graph_reshape(b->graph, y, 2, (hd_dim[]){b->tokens, width});
    hd_placement place = {.dim = 1, .unit = heads_together(b, layer) * c->head_dim};
    return hdi_build_linear(b, y, c->hidden, width, c->output_bias, &place, "model.layers.%d.self_attn.o_proj", layer);
}

static hd_value mlp(hdi_builder *b, hd_value x, int layer) {
    const hdi_config *c = b->config;
    int64_t block = hdi_build_block(b, c->hidden, c->intermediate, "model.layers.%d.mlp.down_proj.weight", layer);
    const hd_placement by_row = {.dim = 0, .unit = block > PIECE ? block : PIECE}, by_column = {.dim = 1, .unit = by_row.unit};
    hd_value gate =
        hdi_build_linear(b, x, c->intermediate, c->hidden, c->mlp_bias, &by_row, "model.layers.%d.mlp.gate_proj", layer);
    hd_value up = hdi_build_linear(b, x, c->intermediate, c->hidden, c->mlp_bias, &by_row, "model.layers.%d.mlp.up_proj", layer);
    hd_value y = hd_graph_swiglu(b->graph, gate, up);
    return hdi_build_linear(b, y, c->hidden, c->intermediate, c->mlp_bias, &by_column, "model.layers.%d.mlp.down_proj", layer);
}

void hdi_build_decoder(hdi_builder *b) {
    const hdi_config *c = b->config;
    hd_graph *g = b->graph;
    hdi_build_inputs(b);
    hd_graph_layer(g, 0, c->layers);
    hd_value table = hdi_build_matrix(b, c->vocab, c->hidden, &by_id, "model.embed_tokens.weight");
    hd_value x = hd_graph_embedding(g, b->token_ids, table, HD_DTYPE_F32);
    for (int layer = 0; layer < c->layers; layer++) {
        char scope[32];
        hd_graph_layer(g, layer, c->layers);
        snprintf(scope, sizeof scope, "layers.%d.attention", layer);
        hd_graph_scope(g, scope);
        x = hd_graph_add(g, x, attention(b, norm(b, x, layer, "input_layernorm"), layer));
        snprintf(scope, sizeof scope, "layers.%d.mlp", layer);
        hd_graph_scope(g, scope);
        x = hd_graph_add(g, x, mlp(b, norm(b, x, layer, "post_attention_layernorm"), layer));
    }
    hd_graph_scope(g, "head");
    x = hd_graph_embedding(g, b->logit_rows, x, HD_DTYPE_F32); /* the rows that logits are wanted of */
    x = hd_graph_rms_norm(g, x, hdi_build_vector(b, c->hidden, "model.norm.weight"), c->norm_eps);
    hd_value head = c->tied ? table : hdi_build_matrix(b, c->vocab, c->hidden, &by_id, "lm_head.weight");
    hdi_build_logits(b, hd_graph_linear(g, x, head, 0, 1));
    hd_graph_scope(g, NULL);
}
