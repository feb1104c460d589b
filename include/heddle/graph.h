/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs: a program of operators on tensors whose sizes may be symbols. Every model becomes one.
 *
 * Builder functions return a value, or 0 after a failure; the first failure sticks to the graph (later calls do nothing) and is
 * reported by hd_graph_status, so that a model can be written down without a check a line. */
#ifndef HEDDLE_GRAPH_H
#define HEDDLE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/ops.h"
#include "heddle/status.h"
#include "heddle/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One thread at a time while it is built; immutable and thread-safe afterwards. */
typedef struct hd_graph hd_graph;
typedef uint32_t hd_value; /* 0: none */
typedef int64_t hd_dim;    /* a constant size when >= 0, else the handle of a symbol or of an expression in symbols */

HD_API HD_CHECK_RESULT hd_status hd_graph_create(hd_graph **out);
HD_API void hd_graph_destroy(hd_graph *graph); /* NULL is legal */
/* The first failure of the graph's builder calls, with its message as hd_last_error. */
HD_API HD_CHECK_RESULT hd_status hd_graph_status(const hd_graph *graph);

/* A size that is given when the plan runs, from min to max (0 <= min <= max). Names are unique. */
HD_API hd_dim hd_graph_symbol(hd_graph *graph, const char *name, int64_t min, int64_t max);
/* Arithmetic on sizes; equal polynomials give equal handles. Differences may be negative in between, a size may not. Quotients are
 * rounded down, and their divisors must be at least 1 for all values of the symbols. 0 after a failure. */
HD_API hd_dim hd_graph_dim_add(hd_graph *graph, hd_dim a, hd_dim b);
HD_API hd_dim hd_graph_dim_sub(hd_graph *graph, hd_dim a, hd_dim b);
HD_API hd_dim hd_graph_dim_mul(hd_graph *graph, hd_dim a, hd_dim b);
HD_API hd_dim hd_graph_dim_div(hd_graph *graph, hd_dim a, hd_dim b);
HD_API hd_dim hd_graph_dim_mod(hd_graph *graph, hd_dim a, hd_dim b);
HD_API hd_dim hd_graph_dim_min(hd_graph *graph, hd_dim a, hd_dim b);
HD_API hd_dim hd_graph_dim_max(hd_graph *graph, hd_dim a, hd_dim b);

/* Where data comes from. Names are unique in a graph. */
HD_API hd_value hd_graph_input(hd_graph *graph, const char *name, hd_dtype dtype, int32_t rank, const hd_dim *shape);
/* A constant of the model; sizes are constants. `packed`: in the panel layout of its type instead of rows. */
HD_API hd_value hd_graph_weight(hd_graph *graph, const char *name, hd_dtype dtype, bool packed, int32_t rank,
                                const int64_t *shape);
/* Memory that outlives a run and is changed in place (a KV cache). */
HD_API hd_value hd_graph_state(hd_graph *graph, const char *name, hd_dtype dtype, int32_t rank, const int64_t *shape);
HD_API void hd_graph_output(hd_graph *graph, const char *name, hd_value value);

/* Prefixes the names of the nodes that follow, for people ("layers.3.attention"); NULL ends it. */
HD_API void hd_graph_scope(hd_graph *graph, const char *scope);

/* ---- over several ranks: hd_graph_shard (compile.h) makes each rank's graph of the whole one ---- */

/* How a weight or state is cut over the ranks of a tensor-parallel group; without a placement each rank has all of it. A matrix
 * [N, K] that is cut along dim 0 gives each rank its columns of the product, one cut along dim 1 a partial sum, which the ranks
 * add up; a table of an embedding that is cut along dim 0 has each rank look up its own rows. Ranks get equal or unequal numbers
 * of units. */
typedef struct hd_placement {
    int32_t dim;
    int64_t unit; /* cuts lie at multiples of so many elements; at least 1 */
    /* Grouped heads: the dim holds keys' heads of `unit` elements, which `per` heads of queries share each, and follows the cut
     * of these, which lies at multiples of `align` of them. 0 and 0: plain. */
    int64_t per, align;
} hd_placement;
/* Before the value is used: a product with a weight that is cut along K slices its sums at the placement's units. */
HD_API void hd_graph_place(hd_graph *graph, hd_value source, const hd_placement *placement);
/* Nodes that follow belong to layer 0 .. layers - 1 of the model: pipeline stages take runs of layers. layers 0: to none; every
 * stage computes them. */
HD_API void hd_graph_layer(hd_graph *graph, int32_t layer, int32_t layers);

/* Views: the same memory seen differently. */
HD_API hd_value hd_graph_reshape(hd_graph *graph, hd_value x, int32_t rank, const hd_dim *shape); /* x must be contiguous */
HD_API hd_value hd_graph_permute(hd_graph *graph, hd_value x, const int32_t *order);
/* start..end - 1 of a dim; 0 <= start <= end <= its size must hold for all values of the symbols. */
HD_API hd_value hd_graph_slice(hd_graph *graph, hd_value x, int32_t dim, hd_dim start, hd_dim end);

/* Operators; shapes and formulas are those of the functions of the same name in ops.h. */
HD_API hd_value hd_graph_add(hd_graph *graph, hd_value a, hd_value b);
HD_API hd_value hd_graph_mul(hd_graph *graph, hd_value a, hd_value b);
HD_API hd_value hd_graph_embedding(hd_graph *graph, hd_value ids, hd_value table, hd_dtype out);
/* k_slices: 1, or 8 to sum the product over eight slices of K in a fixed tree, so that a split over devices gives the same bits.
 */
HD_API hd_value hd_graph_linear(hd_graph *graph, hd_value x, hd_value weight, hd_value bias_or_0, int32_t k_slices);
HD_API hd_value hd_graph_rms_norm(hd_graph *graph, hd_value x, hd_value weight, float eps);
HD_API hd_value hd_graph_layer_norm(hd_graph *graph, hd_value x, hd_value weight, hd_value bias_or_0, float eps);
HD_API hd_value hd_graph_swiglu(hd_graph *graph, hd_value gate, hd_value up);
HD_API hd_value hd_graph_gelu(hd_graph *graph, hd_value x, bool tanh_form);
HD_API hd_value hd_graph_softmax(hd_graph *graph, hd_value x);

typedef struct hd_rope_table_options {
    float attention_scale; /* multiplies cos and sin (yarn); else 1 */
    float dynamic_factor;  /* > 0: dynamic NTK beyond dynamic_max positions */
    float dynamic_base;
    int32_t dynamic_max;
} hd_rope_table_options;
/* cos and sin [tokens, r] of positions [tokens] x inv_freq [r]; lengths [tokens] (dynamic NTK only) is what each token's sequence
 * counts as long. */
HD_API void hd_graph_rope_table(hd_graph *graph, hd_value positions, hd_value lengths_or_0, hd_value inv_freq,
                                const hd_rope_table_options *options, hd_value *cos, hd_value *sin);
HD_API hd_value hd_graph_rope(hd_graph *graph, hd_value x, hd_value cos, hd_value sin, bool interleaved);
/* Writes x [tokens, heads, d] into cache [pages, page, heads, d] at slots [tokens]; gives the cache after the write. */
HD_API hd_value hd_graph_kv_write(hd_graph *graph, hd_value cache, hd_value x, hd_value slots);

/* Causal attention of tokens [tokens, heads, d] over paged caches [pages, page, kv_heads, d]: token t, of sequence token_seq[t],
 * sees that sequence's keys 0..positions[t]; key i is place i % page of page page_table[sequence, i / page]. */
HD_API hd_value hd_graph_attention(hd_graph *graph, hd_value q, hd_value k_cache, hd_value v_cache, hd_value page_table,
                                   hd_value token_seq, hd_value positions, const hd_attention_options *options);

/* Draws an id from each row of logits f32 [rows, vocab]: params f32 [rows, 8] are temperature, top_k, top_p, min_p, typical_p, a
 * random number in [0, 1), and two that are not used. -1 for a row with NaN or +infinity, or without a finite value. */
HD_API hd_value hd_graph_sample(hd_graph *graph, hd_value logits, hd_value params);
/* Puts x [rows] into the first places of the state ids [n]; gives the state after it. */
HD_API hd_value hd_graph_keep_ids(hd_graph *graph, hd_value ids, hd_value x);
/* Tokens that the step before drew: [t] is ids[source[t]], or given[t] where source[t] is negative. All i32. */
HD_API hd_value hd_graph_take_ids(hd_graph *graph, hd_value given, hd_value source, hd_value ids);

/* The graph as text for people, one line a value; fresh, free with hd_free. */
HD_API HD_CHECK_RESULT hd_status hd_graph_print(const hd_graph *graph, char **text);

#ifdef __cplusplus
}
#endif
#endif
