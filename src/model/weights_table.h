/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of hdi_weights, for the two files that work on it. */
#ifndef HDI_MODEL_WEIGHTS_TABLE_H
#define HDI_MODEL_WEIGHTS_TABLE_H

#include <stdio.h>

#include "model/weights.h"

typedef struct hdi_held_weight {
    char *name;
    const hdi_stored_tensor *stored; /* NULL for a computed constant */
    hdi_weight_type type;
    int32_t ndim;
    int64_t shape[2];
    uint64_t bytes;   /* as held */
    const void *data; /* in the map, or `owned` */
    void *owned;
} hdi_held_weight;

struct hdi_weights {
    const hdi_checkpoint *checkpoint;
    hd_weights choice;
    hdi_held_weight *entries;
    size_t n, cap;
    hd_dtype natural; /* of the first matrix */
    size_t kept;      /* matrices that could not take the chosen type */
};

#endif
