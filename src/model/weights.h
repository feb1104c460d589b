/* SPDX-License-Identifier: Apache-2.0 */
/* The weights of a model: which type each takes in the graph, and where its bytes are - in the mapped checkpoint whenever the
 * kernels read it there, else made once while loading. */
#ifndef HDI_MODEL_WEIGHTS_H
#define HDI_MODEL_WEIGHTS_H

#include "formats/checkpoint.h"
#include "heddle/compile.h"
#include "heddle/model.h"

typedef struct hdi_weights hdi_weights; /* one thread at a time until loaded, immutable then */

/* The checkpoint is borrowed. */
hd_status hdi_weights_create(const hdi_checkpoint *checkpoint, const hd_model_options *options, hdi_weights **out);
void hdi_weights_destroy(hdi_weights *weights); /* NULL is legal */

/* The type that a tensor of the checkpoint takes; called as often as the graph is built. */
typedef struct hdi_weight_type {
    hd_dtype dtype;
    bool packed;
} hdi_weight_type;

/* A matrix [rows, cols] of the chosen weight type. HD_NOT_FOUND when the checkpoint has no such tensor, HD_CORRUPT for another
 * shape, HD_UNSUPPORTED for a type that cannot be read. */
hd_status hdi_weights_matrix(hdi_weights *weights, const char *name, int64_t rows, int64_t cols, hdi_weight_type *out);
/* A vector [n], held as f32. */
hd_status hdi_weights_vector(hdi_weights *weights, const char *name, int64_t n, hdi_weight_type *out);
/* A computed f32 vector, copied at the first call for this name. */
hd_status hdi_weights_constant(hdi_weights *weights, const char *name, const float *data, int64_t n, hdi_weight_type *out);

/* Keeps of the weights what this rank's graph has of them: the others are not made. Before loading. */
hd_status hdi_weights_keep(hdi_weights *weights, const hd_graph *graph);
/* Makes what is not read in place, in parallel. */
hd_status hdi_weights_load(hdi_weights *weights, const hd_model_options *options);
/* Binds all declared weights; those that the plan does not have are skipped. */
hd_status hdi_weights_bind(const hdi_weights *weights, hd_executor *executor);

typedef struct hdi_weights_total {
    uint64_t parameters, bytes;
} hdi_weights_total;
hdi_weights_total hdi_weights_sum(const hdi_weights *weights);
/* Bytes of one declared weight as held; 0 when there is none of this name. */
uint64_t hdi_weights_bytes_of(const hdi_weights *weights, const char *name);
/* The type that most matrices of the checkpoint have. */
hd_dtype hdi_weights_natural_dtype(const hdi_weights *weights);

#endif
