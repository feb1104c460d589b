/* SPDX-License-Identifier: Apache-2.0 */
/* What families build their graphs from: the step's inputs, weights by name, and the blocks of a decoder. */
#ifndef HDI_MODEL_BUILDER_H
#define HDI_MODEL_BUILDER_H

#include "model/config.h"
#include "model/model.h"
#include "model/weights.h"

typedef struct hdi_builder {
    hd_graph *graph;
    const hdi_config *config;
    hdi_weights *weights;
    const hd_dtype *imagined; /* instead of weights: the type of all matrices, for plans that nobody runs; NULL: as weights are */
    const hdi_step_limits *limits;
    hd_dim tokens, sequences, rows;
    hd_value token_ids, positions, token_seq, slots, page_table, logit_rows, rope_lengths;
    hd_value next_ids; /* of the step before; 0 in plans that do not draw */
    hd_value cos, sin;
} hdi_builder;

/* A family of models: one file, one of these. */
typedef struct hdi_family {
    const char *name;
    const char *architectures[4]; /* as config.json names them; NULL-terminated */
    /* Reads what only this family has in its configuration. */
    hd_status (*configure)(const json_t *json, const char *where, hdi_config *config);
    /* Builds the whole graph; failures stick to b->graph. */
    void (*build)(hdi_builder *b);
} hdi_family;

/* The family for a configuration, by architecture, else by model_type; HD_UNSUPPORTED lists those there are. */
hd_status hdi_family_find(const hdi_config *config, const char *where, const hdi_family **out);
/* Reads all of a config.json: finds its family, and lets it read what only it has. */
hd_status hdi_family_read(const json_t *json, const char *where, hdi_config *config, const hdi_family **out);

/* ---- weights by name, in the graph; names are formatted. A failure sticks to the graph and gives 0. `place`: how ranks share it
 * (hd_graph_place), NULL: each has all of it ---- */
hd_value hdi_build_matrix(hdi_builder *b, int64_t rows, int64_t cols, const hd_placement *place, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
hd_value hdi_build_vector(hdi_builder *b, int64_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* x W^T (+ b) with weight "<prefix>.weight" [out, in] and, if `bias`, "<prefix>.bias", which is cut as the weight's rows are. A
 * weight that is cut along its columns sums over eight slices, whose sums ranks can share. */
hd_value hdi_build_linear(hdi_builder *b, hd_value x, int64_t out, int64_t in, bool bias, const hd_placement *place,
                          const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* Elements of a type of weights that cannot be parted along a row: 32 for blocks, else 1. */
int64_t hdi_build_block(hdi_builder *b, int64_t rows, int64_t cols, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Declares symbols and inputs, and makes the rotary tables. */
void hdi_build_inputs(hdi_builder *b);
/* Declares the output, and draws from it where the plan does that. */
void hdi_build_logits(hdi_builder *b, hd_value logits);
/* The pre-norm decoder that most families are: embedding, layers of (norm, attention, add, norm, gated MLP, add), norm, head. */
void hdi_build_decoder(hdi_builder *b);

#endif
